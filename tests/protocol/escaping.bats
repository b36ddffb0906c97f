# SPDX-License-Identifier: ISC
# Bytes that others choose (names, payloads, paths, operands) are shown escaped:
# a line stays one line, and no terminal obeys them.

load ../lib/helpers

# A line of a trace in the middle of a name, and what terminals obey: an escape
# sequence, and the same in one byte.
forged=$'x\nS6 fdlisten[1]: accept(3) = 4 from root\e[31m\x9b31m\x7f'

# What it looks like: a newline in a string of C, and in octal.
as_string='x\nS6*root\033?31m\23331m\177'
as_octal='x\012S6*root\033?31m\23331m\177'

# printable FILE...: whether no byte is in them but lines of printable ASCII.
printable()
{
	test -s "$1"
	not grep -a '[^ -~]' "$@"
}

# shows PATTERN FILE: whether a line of FILE is like PATTERN.
shows()
{
	local line

	while IFS= read -r line; do
		# shellcheck disable=SC2053
		[[ $line != $1 ]] || return 0
	done <"$2"
	echo "no line like <$1> in:"
	cat -v "$2"
	return 1
}

# traced FILE: every line is one of a trace.
traced()
{
	printable "$1"
	not grep -vE '^(S[1-8]|W[1-4]|C) +fd[a-z]+\[[0-9]+\]: [^ ].*$' "$1"
	not grep -E '^.. +fdlisten\[1\]' "$1"
}

# pattern TEXT: a pattern that is like TEXT alone, but for its * and ?.
pattern()
{
	printf '%s' "${1//\\/\\\\}" | sed 's/\[/\\[/g'
}

@test "a client's path cannot forge a line of fdlisten's trace" {
	leaves_sockets
	start server fdlisten -v ./a fdecho
	up ./a
	same "$(echo hello | limited client -b "./$forged" ./a)" hello
	ended server
	traced server.err
	shows "S6 *accept(*) = * from ./$(pattern "${as_string// /\\040}")" \
		server.err
	has 1 grep '^S6 .*accept(' server.err
}

@test "nor can its abstract name" {
	need_linux
	local name

	name=$(unique forged)
	start server fdlisten -v ./a fdecho
	up ./a
	same "$(echo hello | limited client -b "$name$forged" ./a)" hello
	ended server
	traced server.err
	shows "S6 *accept(*) = * from $name*$(pattern "${as_string// /\\040}")" \
		server.err
}

@test "operands are escaped in the trace" {
	start receiver fdrecv -v "./$forged" cat
	up "./$forged"
	limited fdsend -v "./$forged" </dev/null 2>sender.err
	ended receiver
	is_status 0
	traced receiver.err
	traced sender.err
	shows "W1 *bind(*, ./$(pattern "$as_octal"))" receiver.err
	shows "S7 *connect(*, ./$(pattern "$as_octal"))" sender.err
	start server fdlisten -v "./$forged" true
	up "./$forged"
	limited fdconnect -v "./$forged" </dev/null 2>client.err
	ended server
	traced server.err
	traced client.err
	shows "S2 *bind(*, ./$(pattern "$as_octal"))" server.err
	shows "C *connect(*, ./$(pattern "$as_string"))" client.err ||
		shows "C *connect(*, ./$(pattern "$as_octal"))" client.err
}

@test "the path of COMMAND is escaped in the trace" {
	printf '#!/bin/sh\n' >"$forged"
	chmod 755 "$forged"
	start receiver fdrecv -v ./s "./${forged/xS/x}"
	up ./s
	limited fdsend ./s </dev/null
	ended receiver
	traced receiver.err
	shows "W1 *exec(./$(pattern "$as_octal"))" receiver.err
}

@test "a payload and a path are escaped where a message is shown" {
	: >"$forged"
	start receiver fdrecv -v ./s
	up ./s
	# shellcheck disable=SC2094
	limited fdsend -s "$forged" -f 5 ./s 5<"$forged"
	ended receiver
	is_status 0
	printable receiver.out
	traced receiver.err
	has 2 cat receiver.out
	shows "*payload \"$(pattern "$as_string")\", 1 descriptor" \
		receiver.out
	shows "W1 *payload \"$(pattern "$as_string")\", 1 descriptor" \
		receiver.err
	built_posix_only ||
		shows "*/$(pattern "${as_string// /\\040}") *" receiver.out
	limited fdsend -v -s "$forged" ./nobody 2>sender.err || :
	start receiver fdrecv ./s
	up ./s
	limited fdsend -v -s "$forged" ./s 2>sender.err
	ended receiver
	traced sender.err
	shows "S7 *sendmsg(*\"$(pattern "$as_string")\"*" sender.err
}

@test "fdinfo escapes paths, names of sockets, and of memory files" {
	need_linux
	leaves_sockets
	: >"$forged"
	fdinfo 5 5<"$forged" >shown
	fdinfo -p "$$" >>shown
	start server fdlisten ./a fdinfo 0
	up ./a
	limited client -b "./s$forged" ./a >>shown
	ended server
	printable shown
	shows "5 file *path=*/$(pattern "${as_string// /\\040}") *" shown
	shows "0 *peer=./s$(pattern "${as_string// /\\040}") *" shown
}

@test "errors escape the operands that they name" {
	local command line

	line=$(pattern "$as_octal")
	while read -ra command; do
		run_apart "${command[@]}" "./$forged"
		[ "$status" -ne 0 ]
		printf '%s\n' "$stderr" >shown
		printable shown
		one_line shown
		like "$stderr" "${command[0]}: ./$line: *"
	done <<-END
	fdsend
	fdconnect
	fdlisten ./a
	fdrecv ./s
	END
}

@test "errors escape host names, options, numbers, and FDTRACE" {
	local wrong=$'\e(B\x9b\n'

	wrongly()
	{
		run_apart "$@"
		[ "$status" -ne 0 ]
		printf '%s\n' "$stderr" >shown
		printable shown
		one_line shown
		like "$stderr" '*\\033(B\\233\\012*'
	}

	wrongly fdconnect "host$wrong.invalid:80"
	wrongly fdconnect "127.0.0.1:$wrong"
	wrongly fdlisten -n "1$wrong" ./a true
	wrongly fdlisten -t "1$wrong" ./a true
	wrongly fdlisten -m "1$wrong" ./a true
	wrongly fdlisten "--$wrong" ./a true
	wrongly fdlisten -k -n 1 -o "./no/$wrong" ./a true
	wrongly fdinfo "3$wrong"
	wrongly fdpipe "$wrong" '|' true
	FDTRACE=$wrong wrongly fdsend ./s
	FDTRACE=step:./$wrong wrongly fdsend ./s
	LISTEN_FDS="99999999$wrong" wrongly sh -c \
		'LISTEN_PID=$$ exec fdlisten -l ./a true'
}
