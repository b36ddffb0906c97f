# SPDX-License-Identifier: ISC
# fdecho without SOCKET: standard input to standard output.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers
load ../lib/command
load ../lib/trace

random()
{
	head -c "$1" /dev/urandom >sent
}

echo_closed()
{
	run_limited with "${closed[@]}" fdecho <file
	case $open in
	*0*1*) is_status 0
	       same "$output" hello ;;
	*)     is_status 1 ;;
	esac
}

# --- bytes

@test "fdecho copies files and pipes" {
	random 300000
	limited fdecho <sent >back
	cmp sent back
	# shellcheck disable=SC2002
	cat sent | limited fdecho | cat >back
	cmp sent back
}

@test "fdecho copies to the end though the reader is slow" {
	random 300000
	limited fdecho <sent | dd ibs=512 obs=300000 2>dd.err >back
	cmp sent back
}

@test "fdecho does not shut down a connection that others still use" {
	start server fdlisten ./a sh -c 'fdecho; echo "and more"'
	up ./a
	same "$(echo hello | limited client ./a)" $'hello\nand more'
	ended server
	is_status 0
}

@test "fdecho appends to what its output already holds" {
	echo first >file
	echo second | limited fdecho >>file
	same "$(<file)" $'first\nsecond'
}

# --- its status

@test "fdecho ends with 0 at the end of file" {
	run_apart fdecho
	is_status 0
	same "$output$stderr" ""
}

@test "fdecho ends with 1 when it cannot read" {
	fails 1 "fdecho: *: Is a directory" sh -c 'exec fdecho <.'
}

@test "fdecho ends with 1 when it cannot write" {
	[ -c /dev/full ] || skip "no /dev/full here"
	fails 1 "fdecho: *: No space left on device" \
		sh -c 'echo hello | fdecho >/dev/full'
}

@test "fdecho dies by the signal that ends it" {
	mkfifo pipe
	# Both ends in one process: no end of file.
	# shellcheck disable=SC2016
	start echo how result sh -c 'exec fdecho <>pipe'
	wait_for has 1 children "$pid"
	stop echo
	same "$(<result)" "signal 15"
}

@test "fdecho dies by SIGPIPE when nobody reads" {
	run_limited sh -c 'how result fdecho </dev/zero | head -c 1'
	same "$(<result)" "signal 13"
}

# --- closed 0, 1, 2

@test "fdecho fails with 0 or 1 closed and works with 2 closed" {
	echo hello >file
	each_closing echo_closed
	fails 1 "fdecho: *" with -c 0 fdecho
}

# --- -v

@test "fdecho -v shows recv, send and close" {
	start server fdlisten ./a fdecho -v
	up ./a
	same "$(echo hello | limited client ./a)" hello
	ended server
	all_lines server.err
	in_order server.err '^W2 .*(recv|read)\(' '^W3 .*(send|write)\(' \
		'^W4 .*close\('
}
