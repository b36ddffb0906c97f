# SPDX-License-Identifier: ISC
# What --help prints: the synopsis and a line for each option and operand, in
# the words of the manual.

load ../lib/helpers
load ../lib/examples

# The sources name the commands; a new one is tested without a word here.
setup()
{
	local file

	common_setup
	commands=
	for file in "$top_dir"/cmd/fd*.c; do
		file=${file##*/}
		! grep -q 'options_init(' "$top_dir/cmd/$file" ||
			commands+=" ${file%.c}"
	done
}

# sorted: letters, whatever is between them, in order and each once.
sorted()
{
	tr -cd 'a-zA-Z' | fold -w 1 | sort -u | tr -d '\n'
}

# part N COMMAND: the synopsis (1), the options (2), the operands (3) or the
# last line (4) of its --help.
part()
{
	limited "$2" --help | awk -v part="$1" '
	BEGIN { n = 1 }
	/^$/ { n++; next }
	n == part'
}

# item COMMAND LETTER: what its manual says of the option, without mdoc.
item()
{
	section "$top_dir/man/$1.1" DESCRIPTION | plain | awk -v letter="$2" '
	/^\.(It|El|Pp)/ { inside = ($1 == ".It" && $2 == "Fl" && $3 == letter) }
	inside && !/^\.It/' | sed "s/^\\.Nm\\( \\|\$\\)/$1 /" | sed -E '
	s/^\.(Ar|Ev|Dv|Li|Pa|Ql|Xr) //
	s/^\.Fl /-/
	s/ ([,.;:)])$/\1/' | tr -s '\n ' ' '
}

@test "it is on standard output, fits 80 columns, and is no failure" {
	local command

	for command in $commands; do
		run_apart "$command" --help
		is_status 0
		same "$stderr" ""
		like "$output" "usage: $command *"
		not grep -nE '.{81}' <<<"$output"
		same "$(part 4 "$command")" "See $command(1) and fdpass(7)."
		same "$(part 5 "$command")" ""
	done
}

@test "synopsis, lines of --help, manual, getopt() and completions: one set of letters" {
	local command letters

	for command in $commands; do
		letters=$(part 1 "$command" |
			grep -oE '(\[|\| |fd[a-z]+ )-[a-zA-Z]+' |
			sed 's/.*-//' | sorted)
		same "$(part 2 "$command" | sed 's/^  -\(.\).*/\1/' | sorted)" \
			"$letters" "lines of $command --help"
		same "$(section "$top_dir/man/$command.1" DESCRIPTION |
			sed -n 's/^\.It Fl \([a-zA-Z]\)\( .*\)\{0,1\}$/\1/p' |
			sorted)" "$letters" "options in $command(1)"
		same "$(sed -n 's/.*options_get(argc, argv, "\([^"]*\)").*/\1/p' \
			"$top_dir/cmd/$command.c" | sorted)" "$letters" \
			"getopt() of $command"
		same "$(sed -n "s/^	\\*$command) *with=\\([a-zA-Z]*\\)\
 \\(without=\\([a-zA-Z]*\\)\\)\\{0,1\\}.*/\\1\\3/p" \
			"$top_dir/cmd/completion/fdpass.bash" | sorted)" \
			"$letters" "bash's completion of $command"
		same "$(zsh_letters "$command" | sorted)" "$letters" \
			"zsh's completion of $command"
	done
}

# zsh_letters COMMAND: the options in zsh's completion, those that stand in a
# variable for several commands included.
zsh_letters()
{
	awk -v name="$1)" '
	/^\t(mode|seconds|wait_|verbose)=/ {
		array[substr($1, 1, index($1, "=") - 1)] = $0
	}
	$1 == name { inside = 1 }
	$1 == ";;" { inside = 0 }
	inside {
		line = $0
		for (a in array)
			if (index(line, "$" a))
				line = line array[a]
		while (match(line, /-[a-zA-Z][+[]/)) {
			print substr(line, RSTART + 1, 1)
			line = substr(line, RSTART + 2)
		}
	}' "$top_dir/cmd/completion/_fdpass"
}

@test "each option has a line, with its argument, as the synopsis has it" {
	local command letter argument

	for command in $commands; do
		part 2 "$command" >options
		not grep -vE '^  -[a-zA-Z]( [a-z|]+)?  +[^ ]' options
		part 1 "$command" | grep -oE '\[-[a-zA-Z] [^]]*\]' |
			tr -d '[]' | sed 's/ | /\n/; s/\.\.\.$//' >wanted
		while read -r letter argument; do
			grep -q "^  $letter $argument  " options || {
				echo "$command: no line for $letter $argument"
				false
			}
		done <wanted
	done
}

@test "the words of an option are the first words of the manual" {
	local command line letter text default

	for command in $commands; do
		part 2 "$command" >options
		while IFS= read -r line; do
			letter=${line:3:1}
			text=$(sed -E 's/^  -.( [a-z|]+)?  +//' <<<"$line")
			default=
			if [[ $text == *" (default "*")" ]]; then
				default=${text##* (default }
				text=${text% (default *}
			fi
			item "$command" "$letter" >page
			like "$(tr '[:upper:]' '[:lower:]' <page)" \
				"$(tr '[:upper:]' '[:lower:]' <<<"$text")[ .,:;]*" ||
				{ echo "$command -$letter"; false; }
			[ -z "$default" ] ||
				grep -qF "default is ${default%)}." page
		done <options
	done
}

# forms OPERAND: those in the list of fdpass(7).
forms()
{
	section "$top_dir/man/fdpass.7" "$1" | plain | awk '
	/^\.It/ {
		gsub(/^\.It |Ns |Ar |Pa |Li /, "")
		gsub(/ : /, ":"); gsub(/: /, ":")
		sub(/^Fl$/, "-"); sub(/ N$/, "N"); sub(/^@ /, "@")
		sub(/^HOST :PORT/, "HOST:PORT")
		n = split($0, forms, " , ")
		for (i = 1; i <= n; i++) print forms[i]
	}'
}

# named COMMAND OPERAND: the forms that its manual names, in one paragraph.
named()
{
	section "$top_dir/man/$1.1" DESCRIPTION | plain | awk -v operand="$2" '
	$0 == ".Ar " operand { begun = 1; next }
	begun && $0 == "is" { inside = 1; next }
	inside && /^(see|for|or)|^\.Pp/ && !/^or$/ { exit }
	inside' | sed -E '
	s/^\.(Ar|Li|Pa|No) //
	s/ Ns (Ar )?//g
	s/ *: */:/g
	s/^\.Fl( .*)?$/-/
	s/ ?[,:]$//
	s/ , /\n/g
	/^or$/d'
}

@test "each operand has a line, and names the forms that its manual names" {
	local command operand word form

	for command in $commands; do
		part 3 "$command" >operands
		part 1 "$command" | sed 's/-[A-Z]\>//g' |
			grep -oE "\\<[A-Z]+\\>|'\\|'" | sort -u |
			grep -vx ARG >wanted
		sed -E 's/^  ([^ ]+)  +[^ ].*/\1/' operands | sort -u >found
		same "$(cat found)" "$(cat wanted)" "operands of $command"
		for operand in ADDRESS SOCKET; do
			grep "^  $operand " operands >line || continue
			named "$command" "$operand" | sort >page
			[ "$(wc -l <page)" -ge 4 ]
			while IFS= read -r form; do
				grep -qE -- "[ ,]$form([ ,]|\$)" line ||
					{ echo "$command: no $form"; false; }
			done <page
			case $operand in
			ADDRESS) forms ADDRESSES ;;
			SOCKET) forms SOCKETS ;;
			esac | sort >list
			# This form is for a socket that listens.
			[ "$command" != fdconnect ] || sed -i '/^:PORT$/d' list
			diff -u list page
		done
	done
}

@test "every wrong usage points at --help" {
	local command

	for command in $commands; do
		refuses "$command: unknown option -Z (see $command --help)" \
			"$command" -Z
	done
	refuses "fdsend: SOCKET is missing (see fdsend --help)" fdsend
}
