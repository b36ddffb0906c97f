# SPDX-License-Identifier: ISC
# Each message that a command can print is provoked once, and compared whole:
# here, or, where a call has to fail, in faults/diagnostics-calls.bats. The last
# test knows which are, and why the others are not.
#
# What is expected stands on one line, in double quotes, behind `says STATUS` or
# `logs NAME`: the last test looks for it there.

# Shells that a test starts expand $ themselves.
# shellcheck disable=SC2016

load ../lib/helpers
load ../lib/examples
load ../lib/says
load ../lib/trials

setup_file()
{
	build_failing
	# made CODE [COMMAND...]: run COMMAND with descriptors that CODE made;
	# place(THING, NUMBER) gives one its number.
	cat >"$BATS_FILE_TMPDIR/made" <<-'EOT'
	#!/usr/bin/env python3
	import array, os, signal, socket, struct, sys, time
	INET, UNIX = socket.AF_INET, socket.AF_UNIX
	STREAM, PACKET, DGRAM = socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM
	kept = []
	def place(thing, number):
	    kept.append(thing)
	    os.dup2(thing if isinstance(thing, int) else thing.fileno(), number)
	def listening(family, address, queue=10):
	    s = socket.socket(family)
	    s.bind(address)
	    s.listen(queue)
	    kept.append(s)
	    return s
	def ready():
	    open("ready", "w").close()
	exec(sys.argv[1])
	if len(sys.argv) > 2:
	    os.execvp(sys.argv[2], sys.argv[2:])
	EOT
	chmod +x "$BATS_FILE_TMPDIR/made"
}

setup()
{
	common_setup
	PATH=$PWD:$BATS_FILE_TMPDIR:$PATH
}

teardown()
{
	common_teardown && failed=0 || failed=1
	close_directory
	return "$failed"
}

@test "options" {
	local many=() n

	says 2 "fdsend: unknown option -Z (see fdsend --help)" \
		fdsend -Z
	says 2 "fdsend: unknown option --wait (see fdsend --help)" \
		fdsend --wait ./s
	says 2 "fdsend: option -t needs an argument (see fdsend --help)" \
		fdsend -t
	says 2 "fdsend: -t 1s: not a number of seconds (see fdsend --help)" \
		fdsend -t 1s ./s
	says 2 "fdrecv: -m 0888: not a file mode, in octal from 0 to 777 (see fdrecv --help)" \
		fdrecv -m 0888 ./s
	says 2 "fdlisten: -n 0: not a whole number from 1 to 1000000 (see fdlisten --help)" \
		fdlisten -k -n 0 ./a true
	for ((n = 0; n < 254; n++)); do
		many+=(-f 0)
	done
	says 2 "fdsend: -f: at most 253 descriptors fit in one message (see fdsend --help)" \
		fdsend "${many[@]}" ./s
	says 2 "fdrecv: -f 5: named twice (see fdrecv --help)" \
		fdrecv -f 5 -f 5 ./s true
	says 2 "fdrecv: -a needs a COMMAND (see fdrecv --help)" \
		fdrecv -a ./s
	says 2 "fdrecv: -a and -f exclude each other (see fdrecv --help)" \
		fdrecv -a -f 5 ./s true
	says 2 "fdlisten: -k and -l exclude each other (see fdlisten --help)" \
		fdlisten -kl ./a true
	says 2 "fdsend: -r takes no -f, -p, -s or -S: it passes on what comes (see fdsend --help)" \
		fdsend -r -s x ./s
	says 2 "fdsend: -s: a string has at most 65536 bytes, this one 65537 (see fdsend --help)" \
		fdsend -s "$(printf %65537s x)" ./s
	says 2 "fdsend: -w is for named sockets, fd:0 is open already (see fdsend --help)" \
		fdsend -w fd:0
	says 2 "fdconnect: -N is of no use to COMMAND (see fdconnect --help)" \
		fdconnect -N ./a true
	says 2 "fdlisten: -t goes with -l if there is -o or no COMMAND (see fdlisten --help)" \
		fdlisten -l -t 1 127.0.0.1:0 true
	says 2 "fdlisten: -m is the mode of a file, @a makes none (see fdlisten --help)" \
		fdlisten -m 600 @a true
	says 2 "fdlisten: -m is the mode of a file, 127.0.0.1:0 makes none (see fdlisten --help)" \
		fdlisten -m 600 127.0.0.1:0 true
	says 2 "fdlisten: -m is the mode of a file, fd:0 makes none (see fdlisten --help)" \
		fdlisten -m 600 fd:0 true
	says 2 "fdrecv: -m is the mode of a file, - makes none (see fdrecv --help)" \
		fdrecv -m 600 - true
	says 2 "fdrecv: -m is the mode of a file, @a makes none (see fdrecv --help)" \
		fdrecv -m 600 @a true
	says 2 "fdconnect: -w is for a connection to be made, fd:0 is open already (see fdconnect --help)" \
		fdconnect -w fd:0
	says 2 "fdconnect: -t is for a connection to be made, fd:0 is open already (see fdconnect --help)" \
		fdconnect -t 1 fd:0 true
	says 2 "fdlisten: -n goes with -k and a COMMAND (see fdlisten --help)" \
		fdlisten -n 3 ./a true
	says 2 "fdecho: -n goes with a SOCKET (see fdecho --help)" \
		fdecho -n 3
	says 2 "fdsend: 127.0.0.1:7000: descriptors cannot leave this machine; for a file of that name write ./127.0.0.1:7000" \
		fdsend 127.0.0.1:7000
	says 2 "fdrecv: 127.0.0.1:7000: descriptors cannot leave this machine; for a file of that name write ./127.0.0.1:7000" \
		fdrecv 127.0.0.1:7000 true
	says 2 "fdecho: FDTRACE=x: neither 0, 1, file:PATH nor step:FIFO" \
		env FDTRACE=x fdecho
	says 1 "fdecho: FDTRACE=step:/etc/passwd: not a FIFO" \
		env FDTRACE=step:/etc/passwd fdecho
	says 1 "fdpeek: standard input: character device, not a connection (write fdlisten ADDRESS fdpeek ..., or fdrecv - fdpeek ...)" \
		fdpeek true
	says 124 "fdconnect: ./a: not connected within 0.1 s: connect: No such file or directory" \
		fdconnect -w -t 0.1 ./a
	says 124 "fdrecv: ./s: no message within 0.1 s" \
		fdrecv -t 0.1 ./s true
	says 124 "fdlisten: ./a: no connection within 0.1 s" \
		fdlisten -t 0.1 ./a true
	says 1 "fdsend: descriptor 77: not open" \
		with -x fdsend -f 77 ./s
	says 1 "fdrecv: descriptor 99: the table has room for 64" \
		with -l 64 fdrecv -f 99 ./s true
}

@test "payloads of bytes" {
	says 2 "fdsend: -s and -S exclude each other (see fdsend --help)" \
		fdsend -s a -S b ./s
	says 2 "fdsend: -S - reads descriptor 0, which is to be sent; name others with -f (see fdsend --help)" \
		fdsend -S - ./s
	says 2 "fdsend: -f - means no descriptor, and goes with no other -f (see fdsend --help)" \
		fdsend -f - -f 0 ./s
	says 2 "fdsend: -f - leaves nothing for -p (see fdsend --help)" \
		fdsend -p $$ -f - ./s
	says 1 "fdsend: standard input: empty: a payload has at least one byte" \
		fdsend -f - -S - ./s
	head -c 65537 /dev/zero >large
	says 1 "fdsend: large: a payload has at most 65536 bytes, this is longer" \
		fdsend -S large ./s
	mkfifo fifo
	says 124 "fdsend: fifo: no writer within 0.1 s" \
		fdsend -t 0.1 -S fifo ./s
	exec 5<>fifo
	says 124 "fdsend: fifo: no end of file within 0.1 s" \
		fdsend -t 0.1 -S fifo ./s
	exec 5>&-
	says 2 "fdrecv: -S 3: named by -f, too (see fdrecv --help)" \
		fdrecv -f 3 -S 3 ./s true
	says 2 "fdrecv: -S 4: -a takes the numbers from 3 up (see fdrecv --help)" \
		fdrecv -a -S 4 ./s true
	says 2 "fdrecv: -S 0: a descriptor may land there; name its number with -f (see fdrecv --help)" \
		fdrecv -S 0 ./s true
}

@test "names, datagrams and fetching" {
	need python3
	says 2 "fdlisten: -i goes with -l (see fdlisten --help)" \
		fdlisten -i web ./a true
	says 2 "fdlisten: -i a:b: a name has 1 to 255 printable ASCII characters, no colon, no backslash (see fdlisten --help)" \
		fdlisten -l -i a:b ./a true
	says 2 "fdlisten: -u goes with -l: there is nothing to accept (see fdlisten --help)" \
		fdlisten -u ./a true
	says 1 "fdlisten: fd:0: datagram socket: Socket operation on non-socket" \
		fdlisten -lu fd:0 true
	says 1 "fdlisten: fd:5: the descriptor is not a datagram socket" \
		made 'place(listening(UNIX, "here"), 5)' fdlisten -lu fd:5 true
	rm here
	says 1 "fdlisten: fd:5: the datagram socket has no address" \
		with -P 5 fdlisten -lu fd:5 true
	says 2 "fdrecv: -w goes with -c (see fdrecv --help)" \
		fdrecv -w ./s true
	says 2 "fdrecv: -m is for a socket that is created, and -c connects (see fdrecv --help)" \
		fdrecv -c -m 600 ./s true
	says 2 "fdrecv: -c connects to a name, - is open already (see fdrecv --help)" \
		fdrecv -c - true
	says 124 "fdrecv: ./s: no message within 0.1 s: connect: No such file or directory" \
		fdrecv -cw -t 0.1 ./s true
	start closer fdlisten -k ./empty true
	up ./empty
	start fetcher fast fdrecv -cw ./empty true
	logs fetcher "fdrecv: ./empty: closed without a message; still waiting"
	stop fetcher
	stop closer
}

@test "operands" {
	says 2 "fdlisten: ADDRESS is missing (see fdlisten --help)" \
		fdlisten
	says 2 "fdrecv: SOCKET is missing (see fdrecv --help)" \
		fdrecv
	says 2 "fdpipe: COMMAND is missing (see fdpipe --help)" \
		fdpipe
	says 2 "fdecho: too many operands (see fdecho --help)" \
		fdecho ./s ./t
	says 2 "fdinfo: x: not a descriptor number (see fdinfo --help)" \
		fdinfo x
	says 2 "fdpipe: a command is missing beside '|' (see fdpipe --help)" \
		fdpipe true '|'
	says 2 "fdpipe: there is no '|' among the operands; quote it, or the shell takes it (see fdpipe --help)" \
		fdpipe true
	says 2 "fdsend: fd:x: no descriptor number after fd: (see fdsend --help)" \
		fdsend fd:x
	says 1 "fdsend: fd:77: descriptor 77 is not open" \
		with -x fdsend fd:77
	says 127 "fdlisten: nosuch: command not found" \
		fdlisten ./a nosuch
	: >file
	says 126 "fdlisten: ./file: cannot be run: Permission denied" \
		fdlisten ./a ./file
	says 1 "fdlisten: LISTEN_FDS=100000: that many cannot be open" \
		sh -c 'LISTEN_FDS=100000 LISTEN_PID=$$ exec fdlisten -l ./a true'
	says 1 "fdecho: standard input: not open" \
		with -c 0 fdecho
	says 1 "fdrecv: standard output: not open" \
		with -c 1 fdrecv ./s
}

@test "addresses" {
	local long

	says 2 "fdlisten: : the address is empty" \
		fdlisten '' true
	says 2 "fdlisten: 127.0.0.1:: the port is missing" \
		fdlisten 127.0.0.1: true
	says 2 "fdlisten: :65536: ports go from 0 to 65535" \
		fdlisten :65536 true
	long=$(printf %0300d 0 | tr 0 a)
	says 2 "fdlisten: :$long: the port's name is too long" \
		fdlisten ":$long" true
	long=$(printf %0900d 0 | tr 0 a)
	says 2 "fdlisten: ${long:0:500}: the host's name is too long" \
		fdlisten "$long:1" true
	says 2 "fdlisten: []:1: the host is missing in []" \
		fdlisten '[]:1' true
	says 2 "fdlisten: ::1: no port; for an IPv6 address write [::1]:PORT" \
		fdlisten ::1 true
	says 2 "fdlisten: x[::1]:1: for an IPv6 address write [HOST]:PORT" \
		fdlisten 'x[::1]:1' true
	says 2 "fdlisten: -: - is no ADDRESS; for an open socket write fd:N" \
		fdlisten - true
	says 2 "fdlisten: web: not an ADDRESS; for a UNIX socket write ./web, for TCP HOST:PORT" \
		fdlisten web true
	says 1 "fdconnect: fd:77: descriptor 77 is not open" \
		with -x fdconnect fd:77
	says 2 "fdlisten: fd:: no descriptor number after fd:" \
		fdlisten fd: true
	says 1 "fdlisten: fd:0: listening socket: Socket operation on non-socket" \
		fdlisten fd:0 true
	says 1 "fdlisten: fd:5: the descriptor is not a listening socket" \
		with -P 5 fdlisten fd:5 true
	says 1 "fdconnect: fd:5: the descriptor is not a connected socket" \
		with -L 5 fdconnect fd:5
	says 2 "fdsend: : the name is empty" \
		fdsend ''
	says 1 "fdsend: ./$(printf %0200d 0): the name of a socket has at most 107 bytes, this one 202" \
		fdsend "./$(printf %0200d 0)"
	# The words of the reason are the library's.
	run_apart fdlisten 127.0.0.1:nosuchservice true
	is_status 1
	says 1 "fdlisten: 127.0.0.1:nosuchservice: look-up: ${stderr##*look-up: }" \
		fdlisten 127.0.0.1:nosuchservice true
}

@test "abstract names" {
	if built_posix_only; then
		says 2 "fdsend: @x: this build has no abstract sockets; for a path write ./@x" \
			fdsend @x
	else
		says 2 "fdsend: @: the abstract name is empty" \
			fdsend @
	fi
}

@test "names and files" {
	: >file
	says 1 "fdrecv: ./file: exists and is not a socket" \
		fdrecv ./file true
	says 1 "fdsend: ./file: not a socket" \
		fdsend ./file
	says 1 "fdrecv: ./no/s: bind: No such file or directory" \
		fdrecv ./no/s true
	says 1 "fdlisten: ./no/file: create: No such file or directory" \
		fdlisten -o ./no/file ./a true
	says 1 "fdlisten: .: open: Is a directory" \
		fdlisten -o . ./a true
	says 1 "fdsend: ./s: connect: No such file or directory" \
		fdsend ./s
	says 1 "fdecho: standard input to standard output: read: Is a directory" \
		sh -c 'exec fdecho <.'
	printf '#!/no/such\n' >script
	chmod +x script
	start server fdlisten ./a ./script
	up ./a
	limited client ./a
	ended server
	is_status 127
	logs server "fdlisten: ./script: exec: No such file or directory"
	[ -c /dev/full ] || return 0
	says 1 "fdinfo: standard output: write: No space left on device" \
		sh -c 'exec fdinfo >/dev/full'
}

@test "a full descriptor table" {
	not_sanitized "they open files to report"
	need prlimit
	leaves_sockets
	# The linker of shared libraries needs one descriptor itself.
	says 1 "fdpipe: '|': socketpair: Too many open files" \
		with -x -l 4 fdpipe true '|' true
	says 1 "fdrecv: ./s: start the workers: Too many open files" \
		with -x -l 4 fdrecv -n 2 -t 9 ./s true
	start client fdconnect -w ./nobody
	wait_for idle client
	prlimit --pid "$pid" --nofile=3
	logs client "fdconnect: ./nobody: socket: Too many open files"
	ended client
	start stale fdlisten -l ./stale sleep 100
	up ./stale
	stop stale KILL
	says 1 "fdrecv: ./stale: open its directory: Too many open files" \
		with -x -l 4 fdrecv ./stale true
	says 1 "fdrecv: ./stale: probe: Too many open files" \
		with -x -l 5 fdrecv ./stale true
	need_linux
	[ "${FDPASS_VARIANT-}" != posix ] || return 0
	says 1 "fdecho: ./s: epoll_create: Too many open files" \
		with -x -l 4 fdecho ./s
}

@test "a full descriptor table that is waited out" {
	not_sanitized "they open files to report"
	start receiver with -x -l 4 fdrecv -k ./s true
	up ./s
	start sender fdsend ./s
	logs receiver "fdrecv: ./s: accept: Too many open files; trying again"
	stop receiver
	ended sender
	[ "${FDPASS_VARIANT-}" != posix ] || return 0
	start server with -x -l 4 fdlisten -k ./a true
	up ./a
	start one client ./a
	logs server "fdlisten: ./a: accept: Too many open files; trying again"
	stop server
	ended one
}

@test "standard input and output that carry no descriptors" {
	need python3
	: >file
	says 2 "fdsend: -: a file, not a UNIX socket or a pipe; write ... | fdrecv -, or fdpipe ... '|' ..." \
		sh -c 'exec fdsend - >file'
	says 2 "fdsend: fd:5: a UNIX socket that is not connected" \
		made 'place(socket.socket(UNIX), 5)' fdsend fd:5
	says 2 "fdsend: fd:5: the reading end of a pipe; an invitation needs the writing end" \
		made 'r, w = os.pipe(); place(r, 5); kept.append(w)' fdsend fd:5
	says 2 "fdrecv: -: not a UNIX socket or a pipe, so no descriptors come from it" \
		fdrecv - true
	says 2 "fdsend: standard input: a listening socket, not a stream" \
		made 'place(listening(UNIX, "./l"), 0); os.unlink("./l")' \
		fdsend -r ./s
	says 1 "fdrecv: -: bytes instead of descriptors; what writes into this pipe must be fdlisten or fdsend -" \
		sh -c 'echo hello | fdrecv - true'
	says 1 "fdrecv: -: end of file before a message came" \
		sh -c 'true | fdrecv - true'
	says 1 "fdrecv: fd:5: recvmsg: Transport endpoint is not connected" \
		made 'place(socket.socket(UNIX, PACKET), 5)' fdrecv fd:5 true
	says 1 "fdecho: fd:5: receive: Transport endpoint is not connected" \
		made 'place(socket.socket(UNIX, PACKET), 5)' fdecho fd:5
	says 1 "fdsend: fd:5: sendmsg: Message too long" \
		made 'a, b = socket.socketpair(UNIX, PACKET)
a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
place(a, 5); kept.append(b)' fdsend -s "$(printf %60000s x)" fd:5
}

@test "verdicts on a receiver" {
	need_linux
	local code='s = listening(UNIX, "./s"); ready()
while True:
    c = s.accept()[0]'

	need python3
	start receiver fdrecv -k -f 3 -f 4 ./s true
	up ./s
	says 1 "fdsend: ./s: refused by the receiver" \
		sh -c 'echo $$ >pid; exec fdsend ./s'
	logs receiver "fdrecv: ./s: refused a message of 1 descriptor, expected 2, from pid $(cat pid) uid $(id -u) gid $(id -g), payload \"\\0\""
	stop receiver

	start unread made "$code; time.sleep(0.1); c.close()"
	wait_for test -e ready
	says 1 "fdsend: ./s: the receiver closed the connection without reading" \
		fdsend ./s
	stop unread KILL
	rm -f s ready

	start cut made "$code; c.recv(1); time.sleep(0.1); c.close()"
	wait_for test -e ready
	says 1 "fdsend: ./s: closed with the payload unread; the descriptors may have been taken" \
		fdsend -s hello ./s
	stop cut KILL
	rm -f s ready

	start greeter made "$code; c.send(b'hi\\n'); c.recv(9); c.close()"
	wait_for test -e ready
	says 1 "fdsend: ./s: answered \"hi\\n\": not an fdrecv; -d sends without waiting for an answer" \
		fdsend ./s
	stop greeter KILL
	rm -f s ready

	start busy made "$code; c.recv(9); c.send(b'r'); c.close()"
	wait_for test -e ready
	says 1 "fdsend: ./s: refused by the receiver: not now" \
		fdsend ./s
	stop busy KILL
	rm -f s ready

	start silent made "$code; kept.append(c)"
	wait_for test -e ready
	says 124 "fdsend: ./s: not taken within 0.2 s: no answer" \
		fdsend -t 0.2 ./s
	stop silent KILL
	rm -f s ready

	start full made 's = listening(UNIX, "./s", 0)
c = socket.socket(UNIX); c.connect("./s"); ready(); time.sleep(100)'
	wait_for test -e ready
	says 124 "fdsend: ./s: not taken within 0.2 s: its queue is full" \
		fdsend -t 0.2 ./s
	stop full KILL
	rm -f s ready
}

@test "what fdrecv refuses" {
	need_linux
	local line sender

	need python3
	start receiver fdrecv -k ./s true
	up ./s
	says 1 "fdsend: ./s: refused by the receiver" \
		sh -c 'echo $$ >pid; exec fdsend ./s <.'
	logs receiver "fdrecv: ./s: refused a descriptor: directory; name its number with -f, from pid $(cat pid) uid $(id -u) gid $(id -g), payload \"\\0\""
	stop receiver

	start receiver with -x -l 16 fdrecv -k -a ./s true
	up ./s
	start sender fdsend -f 0 -f 0 -f 0 -f 0 -f 0 -f 0 -f 0 -f 0 \
		-f 0 -f 0 -f 0 -f 0 -f 0 -f 0 -f 0 -f 0 ./s
	logs receiver "fdrecv: ./s: refused a message: the descriptor table has no room for its descriptors, from pid $pid uid $(id -u) gid $(id -g)"
	ended sender
	stop receiver

	run_apart made 'a, b = socket.socketpair(UNIX, PACKET); place(a, 5)
b.send(b"x" * 70000); b.close()' fdrecv fd:5 true
	is_status 1
	sender=${stderr##*descriptors, }
	sender=${sender%%$'\n'*}
	line="fdrecv: fd:5: refused a message: more than 65536 bytes or 253 descriptors, $sender"
	same "${stderr%%$'\n'*}" "$line"
	line="fdrecv: fd:5: the message was lost"
	same "${stderr##*$'\n'}" "$line"

	start receiver fdrecv -k ./s true
	up ./s
	for line in 1 2 3 4; do
		run_limited fdsend -f 0 -f 0 ./s
	done
	stop receiver
	logs receiver "fdrecv: 1 more message like this" ||
		has 4 cat receiver.err
}

@test "what waits for the other side says so" {
	start sender fast fdsend -w ./nobody
	start client fast fdconnect -w ./nobody
	logs sender "fdsend: ./nobody: connect: No such file or directory; still waiting"
	logs client "fdconnect: ./nobody: connect: No such file or directory; still waiting"
	stop sender
	stop client
}

@test "a connection that brings no message" {
	need_linux
	start receiver fast fdrecv -k ./s true
	up ./s
	start silent foreign send -S ./s
	logs receiver "fdrecv: ./s: closed a connection that brought no message in 5 s, from pid $pid uid $(id -u) gid $(id -g)"
	ended silent
	stop receiver
}

@test "a name whose directory is locked for too long" {
	local directory

	need python3
	leaves_sockets
	directory=./$(printf %095d 0)
	mkdir "$directory"
	start stale fdlisten -l "$directory/s" sleep 100
	up "$directory/s"
	stop stale KILL
	start holder made 'import fcntl
fcntl.flock(os.open("'"$directory"'", os.O_RDONLY), fcntl.LOCK_EX)
ready(); time.sleep(100)'
	wait_for test -e ready
	says 1 "fdrecv: $directory/s: lock its directory: File name too long" \
		fast fdrecv "$directory/s" true
	stop holder KILL
}

@test "what fdecho refuses" {
	start worker fdecho ./s
	up ./s
	run_limited fdsend ./s
	logs worker "fdecho: ./s: refused a descriptor that is not a connected socket"
	run_limited foreign send -n 0 ./s
	logs worker "fdecho: ./s: refused a message without descriptors"
	stop worker
}

@test "fdecho without room for a connection" {
	need_linux
	[ "${FDPASS_VARIANT-}" != posix ] || skip "other numbers are open there"
	start worker with -x -l 5 fdecho ./s
	up ./s
	start sender fdsend -t 5 ./s
	logs worker "fdecho: ./s: Too many open files; waiting for some to end"
	stop worker
	ended sender
}

@test "another process's descriptors" {
	local gone

	need_linux
	need python3
	gone=$(sh -c 'echo $$')
	says 1 "fdinfo: $gone: no such process" \
		fdinfo -p "$gone"
	says 1 "fdsend: descriptor 0 of process $gone: no such process" \
		fdsend -p "$gone" ./s
	start other sleep 100
	wait_for grep -qsx sleep "/proc/$pid/comm"
	says 1 "fdinfo: $pid: descriptor 77: not open" \
		fdinfo -p "$pid" 77
	says 1 "fdsend: descriptor 77 of process $pid: not open there" \
		fdsend -p "$pid" -f 77 ./s
	stop other
	start threads made 'import threading
t = threading.Thread(target=time.sleep, args=(100,), daemon=True); t.start()
open("thread", "w").write("%d\n" % t.native_id); time.sleep(100)'
	wait_for test -s thread
	says 1 "fdsend: descriptor 0 of process $(cat thread): a thread, not a process" \
		fdsend -p "$(cat thread)" ./s
	stop threads KILL
	says 1 "fdinfo: descriptor 77: not open" \
		with -x fdinfo 77
}

@test "another process's descriptors, on a build for POSIX alone" {
	built_posix_only || skip "a Linux build"
	says 1 "fdinfo: $$: no way to see another process's descriptors here" \
		fdinfo -p $$
	says 1 "fdsend: descriptor 0 of process $$: no way to get another process's descriptors here" \
		fdsend -p $$ ./s
}

@test "other users" {
	local name

	need_linux
	need python3
	need_proc
	open_directory
	leaves_sockets
	says 1 "fdinfo: $$: not permitted: it takes the right to look into that process (same user, and what ptrace restrictions allow)" \
		"${as_user[@]}" fdinfo -p $$
	says 1 "fdsend: descriptor 0 of process $$: not permitted: it takes the right to trace that process (same user, and what ptrace_scope allows)" \
		"${as_user[@]}" fdsend -p $$ ./s
	name=$(unique others)
	start receiver "${as_user[@]}" fdrecv -k "$name" true
	wait_for grep -q " $name\$" /proc/net/unix
	# shellcheck disable=SC2016
	run_limited "${as_other[@]}" sh -c 'echo $$ >sender; exec fdsend "$1"' sh \
		"$name"
	logs receiver "fdrecv: $name: refused a sender of another user, from pid $(cat sender) uid $other gid $other"
	says 1 "fdrecv: $name: its owner is another user, and an abstract name keeps nobody away" \
		"${as_other[@]}" fdrecv -c "$name" true
	stop receiver

	# A stale socket of somebody else, in a sticky directory.
	start stale "${as_user[@]}" fdlisten -l -m 666 ./stale sleep 100
	up ./stale
	stop stale KILL
	says 1 "fdrecv: ./stale: remove the stale socket: Operation not permitted" \
		"${as_other[@]}" fdrecv ./stale true
	rm stale
	mkdir closed
	chmod 733 closed
	start stale fdlisten -l -m 666 ./closed/s sleep 100
	up ./closed/s
	says 1 "fdrecv: ./closed/s: open its directory: Permission denied" \
		"${as_other[@]}" fdrecv ./closed/s true
	stop stale KILL

	# An invitation that leads to another user's socket.
	start inviter "${as_user[@]}" fdlisten -l -m 666 "$PWD/trap" sleep 100
	up ./trap
	says 1 "fdrecv: -: the invitation is from another user" \
		sh -c 'echo "fdpass $PWD/trap" | exec "$@"' sh \
		"${as_other[@]}" fdrecv - true
	stop inviter
	# Its own end of an abstract socket, the other end of somebody else.
	start server "${as_user[@]}" fdlisten "$name" fdrecv fd:0 true
	wait_for grep -q " $name\$" /proc/net/unix
	run_limited "${as_other[@]}" fdconnect "$name"
	logs server "fdrecv: fd:0: its other end is another user's, and an abstract name keeps nobody away"
	ended server
}

@test "processes that cannot be started" {
	need_linux
	open_directory
	start server "${as_user[@]}" prlimit --nproc=1 \
		fdlisten -k -o address 127.0.0.1:0 sleep 100
	start one client "$(address_of address)"
	logs server "fdlisten: sleep: fork: Resource temporarily unavailable; trying again"
	start pool "${as_user[@]}" prlimit --nproc=1 fdrecv -n 2 ./pool true
	logs pool "fdrecv: ./pool: fork: Resource temporarily unavailable; trying again"
	stop pool
	# One signal does not end what holds a connection.
	wait_for ended_by_signals server
	ended server
	ended one
}

# ended_by_signals NAME: whether one more signal has ended it.
ended_by_signals()
{
	signal "$1" 2>/dev/null || :
	not_running "$1"
}

@test "connections that fail" {
	need python3
	[ -c /dev/full ] || skip "no /dev/full here"
	start server made 's = listening(INET, ("127.0.0.1", 0))
f = open("port.new", "w"); f.write("%d\n" % s.getsockname()[1]); f.close()
os.rename("port.new", "port")
for pause in (0, 0.3):
    c = s.accept()[0]
    c.recv(1); time.sleep(pause)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()
c = s.accept()[0]; c.send(b"hello"); c.recv(1)
time.sleep(100)'
	wait_for test -e port
	mkfifo quiet
	start holder sh -c 'exec >quiet; echo x; exec sleep 100'
	says 1 "fdconnect: 127.0.0.1:$(cat port): recv: Connection reset by peer" \
		sh -c 'exec fdconnect "$1" <quiet' sh "127.0.0.1:$(cat port)"
	says 1 "fdconnect: 127.0.0.1:$(cat port): send: Connection reset by peer" \
		sh -c 'exec fdconnect "$1" </dev/zero' sh "127.0.0.1:$(cat port)"
	says 1 "fdconnect: standard output: write: No space left on device" \
		sh -c 'exec fdconnect "$1" <quiet >/dev/full' sh "127.0.0.1:$(cat port)"
	stop holder
	stop server KILL
	start shut made 's = listening(INET, ("127.0.0.1", 0))
place(s, 5)
if os.fork() == 0:
    while not os.path.exists("go"): time.sleep(0.02)
    s.shutdown(socket.SHUT_RDWR); os._exit(0)' fdlisten -o address fd:5 true
	address_of address
	: >go
	logs shut "fdlisten: fd:5: accept: Invalid argument"
	ended shut
	is_status 1
}

@test "every message is provoked by a test that compares the whole line" {
	local file

	sed -nE 's/^	+says [0-9]+ "(.*)"( \\)?$/\1/p
		s/^	+logs [a-z]+ "(.*)"( \|\|)?$/\1/p
		s/^	+line="(.*)"$/\1/p
		s/^(fdrecv: .*)" \\$/\1/p' \
		"$BATS_TEST_FILENAME" \
		"$top_dir/tests/faults/diagnostics-calls.bats" |
		sed 's/\\"/"/g' >lines
	# What recvfd says is compared in its own file.
	sed -nE "s/^.*[\"'](recvfd: .*)[\"']( \\\\)?\$/\1/p" \
		"$top_dir/tests/cmd/recvfd.bats" >>lines
	[ "$(wc -l <lines)" -gt 50 ]
	(cd "$top_dir" && for file in cmd/*.c cmd/*/*.c lib/*.c lib/*/*.c; do
		awk -f tests/docs/messages.awk "$file"
	done) >printed
	awk -F '\t' '
	function pattern_of(format) {
		gsub(/%[-+ #0-9.*]*[hlzjt]*[a-zA-Z]/, "\001", format)
		gsub(/[][\\.^$*+?(){}|]/, "\\\\&", format)
		gsub(/\001/, ".*", format)
		return "^" command ": (.*: )?" format \
			"(, from .*)?( \\(see .*)?(; still waiting)?$"
	}
	FILENAME == "lines" { line[++lines] = $0; next }
	{
		if ($2 == "operation")
			$3 = $3 ": %s"
		command = $1 ~ /^cmd\/bash/ ? "recvfd" : "fd[a-z]+"
		if ((command, $3) in known || $3 !~ /[a-zA-Z][a-zA-Z]/)
			next
		known[command, $3] = 1
		pattern = pattern_of($3)
		for (i = 1; i <= lines; i++)
			if (line[i] ~ pattern)
				next
		print $1 ": " $3
	}' lines printed | sort >missing
	same "$(cat missing)" "" "messages that no test provokes"
}
