# SPDX-License-Identifier: ISC
# The manuals: their examples run as printed, and they and --help know the same
# options.

load ../lib/helpers
load ../lib/examples

commands="fdlisten fdpeek fdsend fdrecv fdecho fdpipe fdconnect fdinfo"
commands+=" fdstep fdpass"

# examples PAGE: run each example block of the page in an empty directory. It
# must succeed, say something on standard output, nothing on standard error,
# and leave nothing behind.
examples()
{
	local number

	blocks "$top_dir/man/$1" '.Bd -literal -offset indent'
	[ "$n_blocks" -gt 0 ]
	for ((number = 1; number <= n_blocks; number++)); do
		move_ports "block.$number" 7000 7001 8000
		mkdir "$number"
		echo "--- example $number:"
		cat "block.$number"
		run_apart sh -c "cd $number && . ../block.$number"
		is_status 0
		# shellcheck disable=SC2154
		same "$stderr" "" "standard error" || [ "$number" = "${2-}" ]
		[ -n "$output" ] || { echo "nothing on standard output"; false; }
		not grep -q 'echo hello' "block.$number" ||
			like "$output" "*hello*"
		wait_for none_left
		same "$(find "$number" -mindepth 1 ! -name passed.log)" ""
	done
}

@test "the examples of fdlisten(1) run" {
	examples fdlisten.1
}

@test "the examples of fdpeek(1) run" {
	examples fdpeek.1
}

@test "the examples of fdsend(1) run" {
	# The seventh shows the trace, on standard error.
	examples fdsend.1 7
}

@test "the examples of fdrecv(1) run" {
	examples fdrecv.1
}

@test "the examples of fdecho(1) run" {
	examples fdecho.1
}

@test "the examples of fdpipe(1) run" {
	# The third shows the trace, on standard error.
	examples fdpipe.1 3
}

@test "the examples of fdconnect(1) run" {
	# In the fifth nobody is there to connect to.
	examples fdconnect.1 5
}

@test "the examples of fdinfo(1) run" {
	need_linux
	need_proc
	examples fdinfo.1
}

@test "the examples of fdpass(1) run" {
	examples fdpass.1
}

@test "the examples of fdstep(1) run" {
	examples fdstep.1
}

@test "the examples of fdpass(7) run" {
	# The second shows the trace, on standard error.
	examples fdpass.7 2
}

@test "the examples of fdpass-cookbook(7) run" {
	examples fdpass-cookbook.7
}

# letters: the option letters in a synopsis, in order, each once.
letters()
{
	fold -w 1 | sort -u | tr -d '\n'
}

page_synopsis()
{
	section "$top_dir/man/$1.1" SYNOPSIS |
		grep -oE 'Fl [a-zA-Z0-9]+' | sed 's/^Fl //' | letters
}

page_options()
{
	section "$top_dir/man/$1.1" DESCRIPTION |
		sed -n 's/^\.It Fl \([a-zA-Z0-9]\)\( .*\)\{0,1\}$/\1/p' | letters
}

# synopsis COMMAND: what --help begins with, up to an empty line.
synopsis()
{
	limited "$1" --help | sed '/^$/q'
}

help_options()
{
	synopsis "$1" | grep -oE '(\[|\| |fd[a-z]+ )-[a-zA-Z0-9]+' |
		sed 's/.*-//' | letters
}

@test "a page, its synopsis and --help know the same options" {
	local command

	for command in $commands; do
		same "$(page_synopsis "$command")" "$(help_options "$command")" \
			"synopsis of $command(1)"
		same "$(page_options "$command")" "$(help_options "$command")" \
			"options of $command(1)"
	done
}

# words: the operands and the arguments of options, in order.
words()
{
	tr -cs 'a-zA-Z' '\n' | grep -E '^[a-z]{2,}$|^[A-Z]{2,}$' |
		grep -vE '^(fd[a-z]+|usage|Op|Oo|Oc|Ns|Nm|Fl|Ar|Li|Sh|SYNOPSIS|aq)$' |
		tr '\n' ' '
}

@test "--help says what each option is, where it says more than the synopsis" {
	local command

	for command in $commands; do
		limited "$command" --help | sed -n 's/^  -\(.\).*/\1/p' |
			letters >lines
		[ ! -s lines ] || same "$(cat lines)" \
			"$(help_options "$command")" "$command"
	done
}

@test "a synopsis and --help know the same operands, in the same order" {
	local command

	for command in $commands; do
		same "$(section "$top_dir/man/$command.1" SYNOPSIS | words)" \
			"$(limited "$command" --help | sed 's/^usage://; /^$/q' |
				sed "s/\\<$command\\>//" | words)" "$command"
	done
}

@test "every section-1 page has all its sections, in the usual order" {
	local command expected order found

	order="NAME SYNOPSIS DESCRIPTION ENVIRONMENT EXIT_STATUS EXAMPLES"
	order+=" DIAGNOSTICS SEE_ALSO STANDARDS CAVEATS"
	order+=" SECURITY_CONSIDERATIONS"
	for command in $commands; do
		found=" $(sed -n 's/^\.Sh //p' "$top_dir/man/$command.1" |
			tr ' ' '_' | tr '\n' ' ')"
		for expected in NAME SYNOPSIS DESCRIPTION EXIT_STATUS EXAMPLES \
			DIAGNOSTICS SEE_ALSO STANDARDS; do
			like "$found" "* $expected *"
		done
		expected=
		for section in $order; do
			[[ $found != *" $section "* ]] || expected+=" $section"
		done
		same "$found" "$expected " "sections of $command(1)"
	done
}

@test "every page tells what each exit status is" {
	local command

	for command in $commands; do
		section "$top_dir/man/$command.1" "EXIT STATUS" >status
		grep -qE '^\.It 0$|or 0 if none did\.$' status
		grep -q '^\.It 1$' status
		grep -q '^\.It 2$' status
	done
}

@test "every reference to a page of ours finds it" {
	local page

	sed -n 's/^\.\(It \)*Xr \(fd[a-z-]*\|recvfd\) \([0-9]\).*/\2.\3/p' \
		"$top_dir"/man/*.[1-9] | sort -u >pages
	while read -r page; do
		[ -f "$top_dir/man/$page" ] || { echo "$page"; false; }
	done <pages
}

@test "every section-1 page refers to all that it should" {
	local command page

	for command in $commands; do
		section "$top_dir/man/$command.1" "SEE ALSO" >also
		grep -q '^\.Xr fdpass 7' also
	done
	section "$top_dir/man/fdpass.7" "SEE ALSO" >also
	for command in $commands; do
		grep -q "^\\.Xr $command 1" also
	done
	grep -q '^\.Xr fdpass 3' also
	for page in card cookbook lessons protocol trouble; do
		grep -q "^\\.Xr fdpass-$page 7" also
	done
}

@test "every section title that a page refers to is one of that page" {
	local from title page

	# Across pages: .Dq TITLE, in, .Xr page section.
	awk '
	/^\.Dq / { title = substr($0, 5); next }
	/^(, )*in$/ && title != "" { is_in = 1; next }
	/^\.Xr / && is_in {
		print FILENAME "\t" title "\t" $2 "." $3
	}
	{ title = ""; is_in = 0 }' "$top_dir"/man/*.[1-9] |
		grep 'fdpass\|fd[a-z]*\.1' >references
	[ "$(wc -l <references)" -gt 20 ]
	while IFS=$'\t' read -r from title page; do
		title=$(plain <<<"$title")
		grep -qiE "^\\.S[hs] $title\$" "$top_dir/man/$page" ||
			{ echo "$from: no \"$title\" in $page"; false; }
	done <references
}

@test "a page that receives says in a few lines who may send what" {
	local page lines

	for page in fdsend.1 fdrecv.1 fdecho.1 fdpeek.1 fdconnect.1 \
		recvfd.1 fdpass.3; do
		lines=$(section "$top_dir/man/$page" "SECURITY CONSIDERATIONS" |
			wc -l)
		[ "$lines" -ge 5 ] || { echo "$page: $lines"; false; }
	done
}

@test "\"restart\" finds the recipe: by apropos, and from fdlisten(1) and fdpass(7)" {
	local dir

	grep -q '^\.Nd .*restart' "$top_dir/man/fdpass-cookbook.7"
	same "$(sed -n 's/^\.Sh //p' "$top_dir/man/fdpass-cookbook.7" |
		sed -n 3p)" "HOLD A SOCKET ACROSS A RESTART"
	section "$top_dir/man/fdlisten.1" DESCRIPTION |
		grep -q '^\.Ss Across a restart'
	section "$top_dir/man/fdpass.7" "CHOOSING A WAY" | grep -q restart
	command -v makewhatis >/dev/null && command -v mapropos >/dev/null ||
		return 0
	for dir in 1 3 7; do
		mkdir -p "pages/man$dir"
		cp "$top_dir"/man/*."$dir" "pages/man$dir"
	done
	limited makewhatis "$PWD/pages"
	run_limited mapropos -M "$PWD/pages" restart
	is_status 0
	like "$output" "*fdpass-cookbook(7)*"
}

@test "every call that a trace shows stands with its step in fdpass(7)" {
	local step call

	section "$top_dir/man/fdpass.7" "THE STEPS" | awk -F '[ ,]+' '
	/^\.It [A-Z]/ {
		for (i = 4; i <= NF; i++)
			if ($i == "Xr" && $(i + 2) == 2) print $2, $(i + 1)
			else if ($i == "exec") print $2, $i
			else if ($i == "Ta" && n++ > 0) next
		n = 0
	}' >listed
	section "$top_dir/man/fdpass.7" TRACE | awk '
	/^\.It / { step = $2 }
	/^\.El/ { step = "" }
	/^\.Fn / && step != "" { print step, $2 }' >>listed
	export FDTRACE=file:$PWD/trace
	start pool fdrecv -n 2 ./pool fdecho
	start server fdlisten -k -o address 127.0.0.1:0 fdsend -w ./pool
	up ./pool
	echo hello | limited fdconnect "$(address_of address)"
	stop server
	stop pool
	echo hello | limited fdpipe -n 2 fdsend - '|' \
		fdrecv -k - cat
	limited sh -c 'fdsend - </dev/null | fdsend -r - | fdrecv - true'
	start holder fdlisten -l 127.0.0.1:0 fdlisten -k ./keep fdsend -f 3 -
	up ./keep
	limited fdrecv -acw ./keep true
	stop holder
	start worker fdecho ./worker
	start server fdlisten -o address2 127.0.0.1:0 fdpeek -t 0 \
		fdsend -w ./worker
	echo hello | limited fdconnect "$(address_of address2)"
	ended server
	stop worker
	unset FDTRACE
	sed -nE 's/^[0-9:.]+ ([A-Z][0-9]?) +[a-z]+\[[0-9]+\]: ([a-z0-9_]+)\(.*/\1 \2/p' \
		trace | sort -u >shown
	[ "$(wc -l <shown)" -gt 30 ]
	while read -r step call; do
		# Of C the page says that it is all.
		[ "$step" = C ] || grep -qx "$step $call" listed ||
			{ echo "not listed: $step $call"; false; }
	done <shown
}

@test "the linter has no warning for any page" {
	need mandoc
	run_limited mandoc -T lint -W warning "$top_dir"/man/*.[1-9]
	is_status 0
	same "$output" ""
}

@test "every page fits a terminal of 80 columns" {
	local page

	need mandoc
	for page in "$top_dir"/man/*.[1-9]; do
		limited mandoc -T ascii -O width=80 "$page" | sed 's/.\x08//g' |
			expand >text
		not grep -nE '.{81}' text
	done
}
