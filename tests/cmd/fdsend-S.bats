# SPDX-License-Identifier: ISC
# Payloads of bytes: fdsend -S and -f -, fdrecv -S and -a with no descriptor.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

# every_byte: all 256 of them.
every_byte()
{
	local i octal

	for ((i = 0; i < 256; i++)); do
		printf -v octal '\\0%o' "$i"
		printf %b "$octal"
	done
}

# largest FILE: as many bytes as a payload can have.
largest()
{
	head -c 65536 /dev/urandom >"$1"
}

# --- fdsend -S

@test "fdsend -S sends the bytes of a file, fdrecv -S gives them to COMMAND" {
	every_byte >bytes
	same "$(wc -c <bytes)" 256
	start receiver fdrecv -S 5 -f 3 ./s sh -c 'cat <&5 >got; cat <&3'
	limited fdsend -w -S bytes ./s </etc/passwd
	ended receiver
	is_status 0
	cmp bytes got
	cmp receiver.out /etc/passwd
}

@test "as many as 65,536 bytes arrive, and one more is refused" {
	largest bytes
	start receiver fdrecv -k -S 0 -f 3 ./s cat
	limited fdsend -w -S bytes ./s
	wait_for cmp -s bytes receiver.out
	echo >>bytes
	fails 1 "fdsend: bytes: a payload has at most 65536 bytes, *" \
		fdsend -S bytes ./s
	stop receiver
}

@test "one byte arrives, a NUL too" {
	start receiver fdrecv -k -S 0 -f 3 ./s od -An -tx1
	printf '\0' >nul
	printf 'x' >x
	limited fdsend -w -S nul ./s
	limited fdsend -w -S x ./s
	stop receiver
	same "$(<receiver.out)" $' 00\n 78'
}

@test "an empty file is no payload" {
	: >empty
	fails 1 "fdsend: empty: empty: a payload has at least one byte" \
		fdsend -S empty ./s
	fails 1 "fdsend: standard input: empty: *" fdsend -f - -S - ./s
}

@test "fdsend -S - reads standard input to its end, from a slow pipe" {
	start receiver fdrecv -a -S 0 ./s od -An -c
	{ printf 'a\0'; sleep 0.2; printf 'b\n'; } |
		limited fdsend -w -f - -S - ./s
	ended receiver
	same "$(<receiver.out)" "   a  \\0   b  \\n"
}

@test "fdsend -S reads a FIFO" {
	mkfifo fifo
	start receiver fdrecv -a -S 0 ./s cat
	start sender fdsend -w -f - -S fifo ./s
	printf 'a word' >fifo
	ended sender
	is_status 0
	ended receiver
	same "$(<receiver.out)" "a word"
}

@test "-t limits the reading of the payload, and says what was missing" {
	mkfifo fifo
	fails 124 "fdsend: fifo: no writer within 0.2 s" \
		fdsend -t 0.2 -f - -S fifo ./s
	exec 5<>fifo
	fails 124 "fdsend: fifo: no end of file within 0.2 s" \
		fdsend -t 0.2 -f - -S fifo ./s
	exec 5>&-
}

@test "a signal ends the reading of the payload" {
	mkfifo fifo
	start sender fdsend -f - -S fifo ./s
	wait_for idle sender
	stop sender
	is_status 143
	exec 5<>fifo
	start_from fifo sender fdsend -f - -S - ./s
	wait_for idle sender
	stop sender INT
	is_status 130
	exec 5>&-
}

@test "a file that cannot be read is an error" {
	fails 1 "fdsend: none: open: No such file or directory" \
		fdsend -S none ./s
	fails 1 "fdsend: .: read: Is a directory" fdsend -S . ./s
	fails 1 "fdsend: standard input: not open" \
		with -c 0 fdsend -f - -S - ./s
}

@test "fdsend -S on a stream" {
	every_byte >bytes
	run_limited sh -c 'fdsend -S bytes - </etc/passwd |
		fdrecv -S 4 - cmp bytes /dev/fd/4'
	is_status 0
	same "$output" ""
	largest bytes
	run_limited sh -c 'fdsend -f - -S bytes - | fdrecv -a -S 0 - cmp bytes -'
	is_status 0
}

@test "fdsend -S with the descriptors of another process" {
	need_linux
	start other fdlisten ./other true
	wait_for idle other
	start receiver fdrecv -S 4 ./s sh -c 'cat <&4'
	run_limited sh -c 'printf words | fdsend -w -p "$1" -S - ./s' sh \
		"$(process other)"
	[ "$status" -ne 1 ] || skip "not permitted here"
	is_status 0
	ended receiver
	same "$(<receiver.out)" words
	stop other
}

@test "wrong usage of fdsend -S and -f -" {
	refuses "fdsend: -s and -S exclude each other*" \
		fdsend -s a -S b ./s
	refuses "fdsend: -S - reads descriptor 0*" fdsend -S - ./s
	refuses "fdsend: -S - reads descriptor 0*" fdsend -f 1 -f 0 -S - ./s
	refuses "fdsend: -f - *" fdsend -f - -f 0 ./s
	refuses "fdsend: -f - *" fdsend -f 0 -f - ./s
	refuses "fdsend: -f - *" fdsend -f - -f - ./s
	refuses "fdsend: -f - *" fdsend -p 1 -f - ./s
	refuses "fdsend: -r takes no *" fdsend -r -S x ./s
	refuses "fdsend: -r takes no *" fdsend -r -f - ./s
	refuses "fdsend: -r takes no *" fdsend -r -s '' ./s
	refuses "fdsend: *" fdsend -S
}

# --- fdsend -f -

@test "fdsend -f - sends the payload alone" {
	start receiver fdrecv ./s
	limited fdsend -w -f - -s denied ./s
	ended receiver
	like "$(<receiver.out)" '*payload "denied", 0 descriptors'
	one_line receiver.out
}

@test "fdsend -f - is refused where a descriptor is wanted" {
	start receiver fdrecv ./s true
	fails 1 "fdsend: ./s: refused by the receiver" \
		fdsend -w -f - -s denied ./s
	ended receiver
	is_status 1
	like "$(<receiver.err)" "*refused a message of 0 descriptors, \
expected 1, from *, payload \"denied\""
}

@test "fdsend -f - needs no standard input" {
	start receiver fdrecv -a ./s true
	limited with -c 0 fdsend -w -f - ./s
	ended receiver
	is_status 0
}

@test "-f - passes a relay" {
	start receiver fdrecv ./b
	start relay fdlisten ./a fdsend -rw ./b
	up ./a
	limited fdsend -w -f - -s word ./a
	ended relay
	ended receiver
	like "$(<receiver.out)" '*payload "word", 0 descriptors'
}

# --- fdrecv -S

@test "fdrecv -S with -a: 3 and up are the descriptors, 0 to 2 may be the payload" {
	start receiver with -x fdrecv -a -S 0 ./s \
		sh -c 'cat; cat <&3; show -o shown fds'
	limited fdsend -w -s words ./s <<<line
	ended receiver
	same "$(<receiver.out)" "wordsline"
	same "$(<shown)" "fds 0 1 2 3"
}

@test "fdrecv -S is at the start of a file that COMMAND can read again" {
	start receiver fdrecv -a -S 0 ./s \
		sh -c 'wc -c; fdinfo 0 >shown'
	limited fdsend -w -f - -s 12345 ./s
	ended receiver
	same "$(tr -d ' ' <receiver.out)" 5
	like "$(<shown)" "*size=5*"
}

@test "a lone NUL is one byte for fdrecv -S" {
	start receiver fdrecv -a -S 0 ./s od -An -tx1
	limited fdsend -w ./s
	ended receiver
	same "$(<receiver.out)" " 00"
}

@test "each COMMAND of a worker gets the payload of its own message" {
	local i

	start pool fdrecv -n 2 -S 0 -f 3 ./s cat
	for i in 1 2 3 4 5 6; do
		limited fdsend -w -s "$i" ./s
	done
	stop pool
	same "$(fold -w 1 pool.out | sort | tr -d '\n')" 123456
}

@test "a worker with fdrecv -S keeps nothing open" {
	local before

	need_proc
	start worker fdrecv -k -S 5 -f 3 ./s true
	limited fdsend -w -s word ./s
	wait_for idle worker
	before=$(descriptors "$(process worker)")
	for _ in 1 2 3 4 5; do
		limited fdsend -w -s word ./s
	done
	wait_for idle worker
	same "$(descriptors "$(process worker)")" "$before"
	stop worker
}

@test "253 descriptors and a payload at a number of its own" {
	local i fds=()

	for ((i = 0; i < 253; i++)); do
		fds+=(-f 0)
	done
	start receiver with -x fdrecv -a -S 2 ./s \
		sh -c 'cat <&2; show -o shown fds'
	limited fdsend -w "${fds[@]}" -s words ./s
	ended receiver
	same "$(<receiver.out)" words
	same "$(wc -w <shown)" 257
}

@test "a table without room for the payload: not now" {
	need_linux
	# SOCKET, a connection and what came leave none of six.
	start receiver with -x -l 6 fdrecv -k -S 3 -f 4 ./s true
	up ./s
	fails 1 "fdsend: ./s: refused by the receiver: not now" fdsend ./s
	has_line receiver.err \
		"*make a file for the payload: Too many open files, from *"
	stop receiver
}

@test "wrong usage of fdrecv -S" {
	refuses "fdrecv: -S 3: named by -f, too*" fdrecv -S 3 -f 3 ./s true
	refuses "fdrecv: -S 4: named by -f, too*" \
		fdrecv -f 3 -S 4 -f 4 ./s true
	refuses "fdrecv: -S 3: -a takes *" fdrecv -a -S 3 ./s true
	refuses "fdrecv: -S 300: -a takes *" fdrecv -S 300 -a ./s true
	refuses "fdrecv: -S 0: a descriptor may land there*" \
		fdrecv -S 0 ./s true
	refuses "fdrecv: -S 1: a descriptor may land there*" \
		fdrecv -S 1 ./s true
	refuses "fdrecv: -S needs a COMMAND*" fdrecv -S 5 ./s
	refuses "fdrecv: -S x: *" fdrecv -S x ./s true
	refuses "fdrecv: *" fdrecv -S
}

# --- shown

@test "fdrecv without COMMAND shows any bytes, escaped" {
	every_byte >bytes
	start receiver fdrecv ./s
	limited fdsend -w -f - -S bytes ./s
	ended receiver
	one_line receiver.out
	like "$(<receiver.out)" '*payload "\\0\\001\\002*\\n*\\377", 0 desc*'
	not grep -q '[^ -~]' receiver.out
}
