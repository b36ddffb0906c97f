# SPDX-License-Identifier: ISC
# What becomes standard input or output of COMMAND when one descriptor arrives
# at a receiver that named none, and what is refused by the name of its type.

load ../lib/helpers

# A receiver whose COMMAND writes down what it finds.
receiver()
{
	start receiver fdrecv ./s "$@"
	up ./s
}

shown()
{
	grep -x "$1" shown || { cat shown; return 1; }
}

@test "a file open for reading becomes standard input" {
	receiver sh -c 'show -o shown fd; cat'
	echo hello >file
	limited fdsend ./s <file
	ended receiver
	is_status 0
	shown "fd 0 file r"
	same "$(<receiver.out)" hello
}

@test "a file open for writing becomes standard output" {
	receiver sh -c 'show -o shown fd; echo hello'
	limited fdsend -f 5 ./s 5>file
	ended receiver
	is_status 0
	shown "fd 1 file w"
	shown "fd 0 device r"
	same "$(<file)" hello
	same "$(<receiver.out)" ""
}

@test "a file open for appending becomes standard output and appends" {
	echo first >file
	receiver echo second
	limited fdsend -f 5 ./s 5>>file
	ended receiver
	same "$(<file)" $'first\nsecond'
}

@test "a file open for both becomes standard input" {
	receiver sh -c 'show -o shown fd; cat'
	echo hello >file
	limited fdsend -f 5 ./s 5<>file
	ended receiver
	shown "fd 0 file rw"
	shown "fd 1 file w append"
	same "$(<receiver.out)" hello
}

@test "the position in a file is shared with the sender" {
	printf 'one\ntwo\n' >file
	receiver cat
	limited sh -c 'read -r line; exec fdsend ./s' <file
	ended receiver
	same "$(<receiver.out)" two
}

@test "the reading end of a pipe becomes standard input" {
	receiver sh -c 'show -o shown fd; cat'
	echo hello | limited fdsend ./s
	ended receiver
	shown "fd 0 pipe r"
	same "$(<receiver.out)" hello
}

@test "the writing end of a pipe becomes standard output" {
	mkfifo pipe
	start_from pipe reader cat
	receiver sh -c 'show -o shown fd; echo hello'
	limited sh -c 'exec fdsend -f 5 ./s 5>pipe'
	ended receiver
	shown "fd 1 pipe w"
	ended reader
	same "$(<reader.out)" hello
}

@test "a terminal becomes standard input" {
	# It is a terminal only as long as its other side is open: by the
	# shell that waits.
	limited with -T 5 sh -c '
		fdrecv ./s sh -c "test -t 0 && show -o shown fd" >out &
		fdsend -w -f 5 ./s
		wait'
	shown "fd 0 terminal rw"
	shown "fd 1 file w"
}

@test "a device open for writing only becomes standard output" {
	receiver sh -c 'show -o shown fd'
	limited fdsend -f 5 ./s 5>/dev/null
	ended receiver
	shown "fd 1 device w"
}

@test "a UNIX connection becomes standard input and output" {
	receiver sh -c 'show -o shown fd; exec fdecho'
	start server fdlisten ./a fdsend ./s
	up ./a
	same "$(echo hello | limited client ./a)" hello
	ended receiver
	ended server
	is_status 0
	shown "fd 0 unix rw"
	shown "fd 1 unix rw"
}

@test "a TCP connection becomes standard input and output" {
	receiver sh -c 'show -o shown fd; exec fdecho'
	start server fdlisten -o address 127.0.0.1:0 fdsend ./s
	same "$(echo hello | limited client "$(address_of address)")" hello
	ended receiver
	ended server
	is_status 0
	shown "fd 0 tcp rw"
	shown "fd 1 tcp rw"
}

# refused PATTERN STATE...: what `with STATE` makes of descriptor 5 is refused,
# with a line like PATTERN, and the sender is told.
refused()
{
	local pattern=$1

	shift
	receiver touch ran
	fails 1 "fdsend: *refused*" "$@"
	ended receiver
	is_status 1
	one_line receiver.err
	like "$(<receiver.err)" "fdrecv: $pattern"
	not test -e ran
}

@test "a listening socket is refused by name" {
	refused "*listening*" with -L 5 fdsend -f 5 ./s
}

@test "a directory is refused by name" {
	refused "*directory*" sh -c 'exec fdsend -f 5 ./s 5<.'
}

@test "an unconnected UDP socket is refused by name" {
	refused "*socket*" with -P 5 fdsend -f 5 ./s
}

@test "what is refused without -f lands where -f says" {
	start receiver fdrecv -f 5 -f 6 ./s show -o shown fd
	up ./s
	limited with -L 5 sh -c 'exec fdsend -f 5 -f 6 ./s 6<.'
	ended receiver
	is_status 0
	shown "fd 5 tcp-listening rw"
	shown "fd 6 directory r"
}

@test "a worker refuses one and serves the next" {
	start worker fdrecv -k ./s cat
	up ./s
	fails 1 "fdsend: *" sh -c 'exec fdsend ./s <.'
	echo hello | limited fdsend ./s
	wait_for grep -qx hello worker.out
	one_line worker.err
	stop worker
	is_status 0
}
