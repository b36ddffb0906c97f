# SPDX-License-Identifier: ISC
# What --help of each command says, and what others say of the same command: a
# line for each difference of that kind.
#
# usage: awk -v check=letters|arguments|words|operands -f help.awk \
#	NAME.help... NAME.1... NAME.c... fdpass.bash _fdpass

BEGIN {
	alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	    "0123456789"
}

FNR == 1 {
	command = FILENAME
	sub(/.*\//, "", command)
	kind = command
	sub(/.*\./, "", kind)
	sub(/\..*/, "", command)
	part = 1
	section = letter = item = ""
	if (kind == "help")
		commands[++n_commands] = command
}

kind == "help" {
	if ($0 == "")
		part++
	else if (part == 1)
		read_synopsis($0)
	else if (part == 2 && /^  -/)
		read_line($0)
	else if (part == 2)
		line_of[command, substr($0, 3, index($0 "  ", "  ") - 3)] = 1
	next
}

kind == "1" {
	plain()
	if (/^\.Sh /)
		section = substr($0, 5)
	else if (section == "SYNOPSIS")
		read_page_synopsis($0)
	else if (section == "DESCRIPTION")
		read_description($0)
	next
}

kind == "c" && /options_get\(argc, argv, "/ {
	sub(/.*options_get\(argc, argv, "/, "")
	sub(/".*/, "")
	put("getopt()", command, $0)
	next
}

# What bash knows, a line for each command: "*fdX) with=ab without=c".
kind == "bash" && /^\t\*fd[a-z]+\) *with=/ {
	name = $1
	gsub(/[*)]/, "", name)
	for (i = 1; i <= NF; i++)
		if (sub(/^with(out)?=/, "", $i)) {
			sub(/[^a-zA-Z].*/, "", $i)
			put("completion in bash", name, $i)
		}
	next
}

# What zsh knows; what several commands have stands in a variable.
kind == "_fdpass" {
	if (/^\t(mode|seconds|wait_|verbose)=/)
		array[substr($1, 1, index($1, "=") - 1)] = $0
	if ($1 ~ /^fd[a-z]+\)$/)
		name = substr($1, 1, length($1) - 1)
	if ($1 == ";;")
		name = ""
	if (name == "")
		next
	line = $0
	for (a in array)
		if (index(line, "$" a))
			line = line array[a]
	while (match(line, /-[a-zA-Z][+[]/)) {
		put("completion in zsh", name, substr(line, RSTART + 1, 1))
		line = substr(line, RSTART + 2)
	}
}

END {
	for (i = 1; i <= n_commands; i++) {
		command = commands[i]
		script = !(("c", command) in sources)
		if (check == "letters")
			check_letters()
		else if (check == "arguments")
			check_arguments()
		else if (check == "operands" && names["--help", command] != \
		    names["manual", command])
			print command ":" names["--help", command] \
			    ", the manual has" names["manual", command]
	}
	if (check == "words")
		for (i = 1; i <= n_lines; i++)
			check_words(i)
}

# plain: from mdoc source to the characters that it stands for.
function plain()
{
	gsub(/\\e/, "\\\\")
	gsub(/\\\(dq/, "\"")
	gsub(/\\\(aq/, "\047")
	gsub(/\\-/, "-")
	gsub(/\\&/, "")
}

# put: these letters are known there of that command.
function put(where, command, text,  i)
{
	for (i = 1; i <= length(text); i++)
		known[where, command, substr(text, i, 1)] = 1
	if (where == "getopt()")
		sources["c", command] = 1
}

function letters(where, command,  i, c, set)
{
	set = ""
	for (i = 1; i <= length(alphabet); i++) {
		c = substr(alphabet, i, 1)
		if ((where, command, c) in known)
			set = set c
	}
	return set
}

# words: the operands and the arguments of options, in order.
function words(where, text,  i, n, word)
{
	n = split(text, word, /[^a-zA-Z]+/)
	for (i = 1; i <= n; i++)
		if (length(word[i]) > 1 &&
		    word[i] ~ /^([a-z]+|[A-Z]+)$/ &&
		    word[i] !~ /^(fd[a-z]+|usage|SYNOPSIS|aq)$/)
			names[where, command] = names[where, command] " " \
			    word[i]
}

function read_synopsis(text,  rest, found)
{
	words("--help", text)
	rest = text
	while (match(rest, /(\[|\| |fd[a-z]+ )-[a-zA-Z0-9]+/)) {
		found = substr(rest, RSTART, RLENGTH)
		sub(/.*-/, "", found)
		put("--help", command, found)
		rest = substr(rest, RSTART + RLENGTH)
	}
	# "[-f fd | -a]": a line for each.
	rest = text
	while (match(rest, /\[-[a-zA-Z] [^]]*\]/)) {
		found = substr(rest, RSTART + 1, RLENGTH - 2)
		rest = substr(rest, RSTART + RLENGTH)
		sub(/\.\.\.$/, "", found)
		wanted[command] = wanted[command] found "\n"
	}
}

function read_line(text)
{
	put("lines of --help", command, substr(text, 4, 1))
	lines[++n_lines] = text
	whose[n_lines] = command
}

function read_page_synopsis(text,  rest)
{
	words("manual", text)
	rest = text
	while (match(rest, /Fl [a-zA-Z0-9]+/)) {
		put("synopsis of the manual", command,
		    substr(rest, RSTART + 3, RLENGTH - 3))
		rest = substr(rest, RSTART + RLENGTH)
	}
}

# The text of each option, in one line and without mdoc.
function read_description(text)
{
	if (text ~ /^\.(It|El|Pp)/)
		item = ""
	if (text ~ /^\.It Fl [a-zA-Z0-9]( |$)/) {
		item = substr(text, 8, 1)
		put("options of the manual", command, item)
	}
	if (item == "" || text ~ /^\.It/)
		return
	if (text ~ /^\.Nm( |$)/)
		sub(/^\.Nm ?/, command " ", text)
	sub(/^\.(Ar|Ev|Dv|Li|Pa|Ql|Xr) /, "", text)
	sub(/^\.Fl /, "-", text)
	if (text ~ / [,.;:)]$/)
		text = substr(text, 1, length(text) - 2) \
		    substr(text, length(text))
	text = page[command, item] text " "
	gsub(/ +/, " ", text)
	page[command, item] = text
}

function differs(where, command,  set)
{
	set = letters(where, command)
	if (set != letters("--help", command))
		print command ": --help has " letters("--help", command) \
		    ", " where " " set
}

function check_letters()
{
	differs("synopsis of the manual", command)
	differs("options of the manual", command)
	differs("lines of --help", command)
	if (script)
		return
	differs("getopt()", command)
	differs("completion in bash", command)
	differs("completion in zsh", command)
}

function check_arguments(  i, j, n, m, row, words_of, found)
{
	for (i = 1; i <= n_lines; i++)
		if (whose[i] == command &&
		    lines[i] !~ /^  -[a-zA-Z]( [a-z|]+)?  +[^ ]/)
			print command ": " lines[i]
	n = split(wanted[command], row, /\n| \| /)
	for (i = 1; i < n; i++) {
		m = split(row[i], words_of, " ")
		found = 0
		for (j = 1; j <= n_lines; j++)
			if (whose[j] == command && index(lines[j], \
			    "  " words_of[1] \
			    (m > 1 ? substr(row[i], 3) : "") "  ") == 1)
				found = 1
		if (!found)
			print command ": no line for " row[i]
	}
}

# The default that a line names is in the manual, too.
function check_words(i,  text, given, said)
{
	letter = substr(lines[i], 4, 1)
	said = page[whose[i], letter]
	text = lines[i]
	sub(/^  -.( [a-z|]+)?  +/, "", text)
	given = ""
	if (match(text, / \(default [^(]*\)$/)) {
		given = substr(text, RSTART + 10)
		sub(/\)$/, "", given)
		text = substr(text, 1, RSTART - 1)
	}
	if (index(tolower(said), tolower(text)) != 1 ||
	    substr(said, length(text) + 1, 1) !~ /[ .,:;]/)
		print whose[i] " -" letter ": " text ", the manual has " said
	if (given != "" && !index(said, "default is " given "."))
		print whose[i] " -" letter ": no default " given " in " said
}
