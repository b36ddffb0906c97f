# SPDX-License-Identifier: ISC
# The messages that a C source can print: a line for each, with tabs between the
# place, the kind (text, or operation: "OPERATION: REASON" is what is printed)
# and the format string, in which strings beside each other are joined.
#
# A message is what stands in one argument of these calls, the first, second or
# third; a conditional there has several. A function whose name begins with why_
# returns messages. Whoever adds a function that prints, adds it here.

BEGIN {
	at["say"] = at["say_offence"] = at["options_wrong"] = 1
	at["failure_reason"] = 3
	at["failure_usage"] = at["failed_because"] = 2
	at["failed_usage"] = 1
	at["failure_errno"] = at["say_errno"] = 2
	at["stream_failed"] = 2
	at["failed"] = at["failed_to_receive"] = 1
	at["note_errno"] = at["fail_errno"] = at["wait_short"] = 2
	kind["failure_errno"] = kind["say_errno"] = "operation"
	kind["failed"] = kind["stream_failed"] = "operation"
	kind["failed_to_receive"] = "operation"
	kind["note_errno"] = kind["fail_errno"] = "operation"
	kind["wait_short"] = "operation"
	at["builtin_error"] = at["builtin_warning"] = 1
	at["failed_call"] = at["failed_why"] = 2
	kind["failed_call"] = "operation"
	at["failed_late"] = 1
	at["failure_late"] = at["failure_still"] = 2
	kind["failed_late"] = kind["failure_late"] = "limit"
	kind["failure_still"] = "cause"
	for (name in at)
		call = call (call == "" ? "" : "|") name
	call = "(" call ")\\("
}

function without_comments(s,  out, i) {
	out = ""
	while ((i = index(s, "/*")) > 0) {
		out = out substr(s, 1, i - 1)
		s = substr(s, i)
		i = index(s, "*/")
		# Lines are counted.
		out = out lines_of(substr(s, 1, i))
		s = substr(s, i + 2)
	}
	return out s
}

function lines_of(s) {
	gsub(/[^\n]/, "", s)
	return s
}

function count_lines(s) {
	return length(lines_of(s))
}

# Print the strings in s, a piece of code that begins on this line.
# What stands in parentheses is compared or passed on, not printed.
function strings(s, line, what,  i, c, text, inside, pending, depth) {
	text = ""
	inside = pending = depth = 0
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (inside && c == "\\") {
			text = text substr(s, ++i, 1)
		} else if (c == "\"") {
			inside = !inside
			pending = 1
		} else if (inside) {
			text = text c
		} else if (pending && c !~ /[ \t\n]/) {
			if (depth == 0)
				say(line, what, text)
			text = ""
			pending = 0
		}
		if (!inside && c == "(")
			depth++
		if (!inside && c == ")")
			depth--
	}
	if (pending)
		say(line, what, text)
}

function say(line, what, text) {
	if (what == "limit" && text != "") {
		what = "text"
		text = text " within %g s"
	}
	if (what == "cause" && text != "") {
		what = "text"
		text = text " within %g s: %s"
	}
	if (text != "")
		print name ":" line "\t" what "\t" text
}

# The argument with this number of the call whose arguments s begins with.
function argument(s, wanted,  i, c, depth, number, inside, text) {
	depth = inside = 0
	number = 1
	text = ""
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (inside) {
			if (c == "\\") {
				text = text c
				c = substr(s, ++i, 1)
			} else if (c == "\"") {
				inside = 0
			}
		} else if (c == "\"") {
			inside = 1
		} else if (c == "(") {
			depth++
		} else if (c == ")" && depth-- == 0) {
			break
		} else if (c == "," && depth == 0) {
			if (number++ == wanted)
				break
			text = ""
			continue
		}
		text = text c
	}
	return number >= wanted ? text : ""
}

function calls(source,  done, rest, word, line) {
	rest = source
	line = 1
	while (match(rest, call)) {
		word = substr(rest, RSTART, RLENGTH - 1)
		done = substr(rest, RSTART - 1, 1)
		line += count_lines(substr(rest, 1, RSTART - 1))
		rest = substr(rest, RSTART + RLENGTH)
		if (done ~ /[a-zA-Z_]/)
			continue
		strings(argument(rest, at[word]), line,
		    word in kind ? kind[word] : "text")
	}
}

function reasons(source,  n, lines, i, inside) {
	n = split(source, lines, "\n")
	inside = 0
	for (i = 1; i <= n; i++) {
		if (lines[i] ~ /^why_[a-z_]*\(/)
			inside = 1
		if (lines[i] ~ /^}/)
			inside = 0
		if (inside && lines[i] ~ /return /)
			strings(following(lines, i, n), i, "text")
	}
}

# The statement that begins on line i.
function following(lines, i, n,  s) {
	s = ""
	for (; i <= n; i++) {
		s = s lines[i] "\n"
		if (lines[i] ~ /;$/)
			break
	}
	return s
}

# The name of an operation that is kept until it fails.
function names(source,  n, lines, i) {
	n = split(source, lines, "\n")
	for (i = 1; i <= n; i++)
		if (lines[i] ~ /_name = "/)
			strings(lines[i], i, "operation")
}

function finish() {
	source = without_comments(source)
	calls(source)
	reasons(source)
	names(source)
}

FNR == 1 {
	if (NR > 1)
		finish()
	source = ""
	name = FILENAME
}

{ source = source $0 "\n" }

END { finish() }
