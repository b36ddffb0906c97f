# SPDX-License-Identifier: ISC
# What is said, or not, when a call fails, compared whole: a call that no machine
# lets fail on demand does so by a preloaded library, fail.c. The last test of
# docs/diagnostics.bats looks for the lines here, as for those there.

# Shells that a test starts expand $ themselves.
# shellcheck disable=SC2016

load ../lib/helpers
load ../lib/says
load ../lib/streams
load ../lib/loadable

setup_file()
{
	build_failing
}

setup()
{
	common_setup
	need_failing
}

# by_sender: sets $who, how a message of the last that was started is told of.
by_sender()
{
	who="pid $pid uid $(id -u) gid $(id -g)"
	! built_posix_only || who="an unknown sender"
}

# need_memory: where the memory is libc's own.
need_memory()
{
	not_sanitized "it has an allocator of its own"
}

@test "no memory for what a command begins with" {
	need_memory
	says 1 "fdpipe: memory for the commands: calloc: Cannot allocate memory" \
		failing calloc:1:ENOMEM fdpipe true '|' true
	says 1 "fdpipe: memory for the processes: calloc: Cannot allocate memory" \
		failing calloc:4:ENOMEM fdpipe true '|' true
	says 1 "fdlisten: true: environment: Cannot allocate memory" \
		failing calloc:2:ENOMEM fdlisten ./a true
	says 1 "fdlisten: ./a: memory for -n: Cannot allocate memory" \
		failing calloc:4:ENOMEM fdlisten -k ./a true
	not test -e a
	says 1 "fdlisten: LISTEN_FDNAMES: malloc: Cannot allocate memory" \
		failing malloc:0:ENOMEM fdlisten -l -i web ./a true
	not test -e a
	says 1 "fdrecv: memory for a payload: malloc: Cannot allocate memory" \
		failing malloc:0:ENOMEM fdrecv ./s true
	not test -e s
	says 1 "fdinfo: Cannot allocate memory" \
		failing calloc:0:ENOMEM fdinfo 0
}

@test "no memory for fdpeek's variables" {
	start server fdlisten -o address 127.0.0.1:0 \
		failing setenv:0:ENOMEM fdpeek -t 5 true
	printf 'hello\n' | limited client "$(address_of address)" || :
	ended server
	is_status 1
	logs server "fdpeek: $(type -P true): environment: Cannot allocate memory"
}

@test "no memory for what COMMAND is told of a message" {
	local line from='from *'

	need_memory
	line="fdrecv: -: memory for a payload: Cannot allocate memory"
	run_apart fdpipe fdsend -s web - '|' \
		failing malloc:2:ENOMEM fdrecv -a - true
	is_status 1
	like "$stderr" "$line, $from, payload \"web\""
	line="fdrecv: -: memory for LISTEN_FDNAMES: Cannot allocate memory"
	run_apart fdpipe fdsend -s web - '|' \
		failing malloc:3:ENOMEM fdrecv -a - true
	is_status 1
	like "$stderr" "$line, $from, payload \"web\""
}

@test "no memory for a message on its way to a stream" {
	need_memory
	mkfifo in out
	start reader sh -c 'exec fdecho - <out'
	start relay sh -c 'exec failing malloc:0:ENOMEM fdsend -r - <in >out'
	start server sh -c 'exec fdlisten -k ./a >in'
	up ./a
	limited client ./a </dev/null >client.out 2>&1 || :
	logs relay "fdsend: standard input: memory for a payload: Cannot allocate memory"
	ended relay
	is_status 1
	ended reader
	ended server
}

# in_bash LINE CALLS ARG...: bash executes `recvfd ARG...` at the end of a stream,
# and those calls of recvfd fail; LINE alone is said.
in_bash()
{
	local expected=$1 calls=$2

	shift 2
	printf '%s\n' 'enable -f fdpass recvfd || exit' 'recvfd "$@"' >lines
	ln -sf "$(type -P bash)" fdbash
	FAIL_CODE=/cmd/bash/fdpass run_apart fdpipe fdsend -s web - '|' \
		failing "$calls" ./fdbash --norc ./lines "$@"
	same "${stderr#./lines: line 2: }" "$expected"
	is_status 1
}

@test "calls of recvfd that fail, and no memory for it" {
	local line

	need_memory
	need_linux
	need_loadable
	line="recvfd: ./s: memory for a message: Cannot allocate memory"
	in_bash "$line" malloc:1:ENOMEM f ./s
	line="recvfd: ./s: receive: Cannot allocate memory"
	in_bash "$line" malloc:2:ENOMEM f ./s
	not test -e s
	line="recvfd: b: memory for a payload: Cannot allocate memory"
	in_bash "$line" malloc:3:ENOMEM -S b f -
	line="recvfd: -: recvmsg: Input/output error"
	in_bash "$line" recvmsg:1:EIO f -
}

@test "a signal is not taken for the end behind an empty message" {
	local n

	need_linux
	for n in 1 2 3; do
		limited converse -q -n 60 -d 3 -s 7 failing "poll:$n:EINTR" \
			fdconnect fd:9
	done
}

@test "a socket that cannot be made" {
	says 1 "fdlisten: ./a: listen: Input/output error" \
		failing listen:0:EIO fdlisten ./a true
	not test -e a
	says 1 "fdlisten: 127.0.0.1:0: listen: Input/output error" \
		failing listen:0:EIO fdlisten 127.0.0.1:0 true
	says 1 "fdpipe: '|': socketpair: Too many open files" \
		failing socketpair:0:EMFILE fdpipe true '|' true
}

@test "an invitation that cannot be made" {
	mkfifo pipe
	exec 7<>pipe
	says 1 "fdsend: -: make a directory in /tmp: Permission denied" \
		failing mkdtemp:0:EACCES sh -c 'exec fdsend - >pipe'
	says 1 "fdsend: -: make a socket in /tmp: Input/output error" \
		failing bind:0:EIO sh -c 'exec fdsend - >pipe'
	says 1 "fdsend: -: listen: Input/output error" \
		failing listen:0:EIO sh -c 'exec fdsend - >pipe'
	# (Of the accepting calls the library has accept4() alone.)
	if [ "${FDPASS_VARIANT-}" != posix ]; then
		start_from pipe reader fdrecv - true
		says 1 "fdsend: -: invite the reader: Input/output error" \
			failing accept4:0:EIO sh -c 'exec fdsend - >pipe'
		ended reader
	fi
	same "$(ls -A "$TMPDIR")" ""
	exec 7>&-
}

@test "-o that cannot rename" {
	says 1 "fdlisten: address: rename: Input/output error" \
		failing rename:0:EIO fdlisten -o address 127.0.0.1:0 true
	same "$(find . -name 'address*')" ""
}

# one_message NAME SPEC COMMAND...: a receiver whose calls fail so, and a sender
# that it turns away.
one_message()
{
	local name=$1

	shift
	start "$name" failing "$@"
	up ./s
	start sender fdsend -t 5 ./s
	by_sender
	ended sender
	ended "$name"
}

@test "what was received cannot be looked at" {
	one_message receiver fstat:0:EIO fdrecv ./s true
	is_status 1
	logs receiver "fdrecv: ./s: fstat: Input/output error, from $who, payload \"\\0\""
}

@test "what was received cannot be put in its place" {
	one_message receiver dup2:0:EIO fdrecv ./s true
	is_status 126
	logs receiver "fdrecv: descriptors for COMMAND: dup2: Input/output error"
}

@test "a payload that fits nowhere" {
	one_message receiver write:1:ENOSPC fdrecv -S 3 -f 0 ./s true
	is_status 1
	logs receiver "fdrecv: ./s: write the payload: No space left on device, from $who, payload \"\\0\""
	rm -f s
	one_message receiver memfd_create:0:ENOSYS,mkstemp:0:EACCES \
		fdrecv -S 3 -f 0 ./s true
	is_status 1
	logs receiver "fdrecv: ./s: make a file for the payload: Permission denied, from $who, payload \"\\0\""
}

@test "flags that cannot be set, numbers that cannot be had" {
	mkfifo pipe
	exec 7<>pipe
	says 1 "fdlisten: fd:5: fcntl: Input/output error" \
		failing fcntl:2:EIO with -L 5 fdlisten fd:5 true
	says 1 "fdrecv: -: dup: Too many open files" \
		failing open:0:EMFILE sh -c 'exec fdrecv - true <pipe'
	exec 7>&-
}

@test "a wait that fails" {
	[ "${FDPASS_VARIANT-}" != posix ] || skip "poll() is what says so, too"
	says 1 "fdecho: ./s: wait: Input/output error" \
		failing epoll_pwait:0:EIO fdecho ./s
	start server fdlisten ./a cat
	up ./a
	says 1 "fdconnect: ./a: poll: Input/output error" \
		failing ppoll:0:EIO sh -c 'exec fdconnect ./a </dev/zero'
	ended server
	says 1 "fdsend: standard input: poll: Input/output error" \
		fdpipe fdlisten -k ./b '|' failing ppoll:0:EIO fdsend -r ./s
}

# lost_by CALL:N:ERRNO[,...]: a worker whose calls fail so, in a time that runs
# fast, and a client that it loses.
lost_by()
{
	mkfifo pipe
	FAIL_SPEED=100 start worker sh -c \
		'exec failing "$1" fdecho - <pipe' sh "$1"
	start server sh -c 'exec fdlisten -k ./a >pipe'
	up ./a
	start client speak -e stay ./a
}

# lost: all of that has ended.
lost()
{
	stop server
	ended worker
	is_status 0
	ended client
	rm pipe
}

@test "connections that fdecho loses" {
	echo hello >hello
	lost_by recv:0:EIO
	logs worker "fdecho: -: connection lost: recv: Input/output error"
	lost
	[ "${FDPASS_VARIANT-}" != posix ] || skip "epoll is Linux only"
	lost_by epoll_ctl:2+:ENOSPC
	logs worker "fdecho: -: connection lost: No space left on device"
	lost
}

@test "a receiver that does not read, a stream that takes no more" {
	need_linux
	leaves_sockets
	start receiver fdlisten -l ./s sleep 100
	up ./s
	says 124 "fdsend: ./s: not taken within 0.05 s: it does not read" \
		failing sendmsg:1:SHORT,sendmsg:2+:EAGAIN \
		fdsend -t 0.05 -s hello ./s
	stop receiver
	mkfifo in out
	start reader sh -c 'exec fdecho - <out'
	start relay sh -c 'exec failing sendmsg:0:ETOOMANYREFS \
		fdsend -r -t 0.05 - <in >out'
	start server sh -c 'exec fdlisten -k ./a >in'
	up ./a
	limited client ./a </dev/null >/dev/null 2>&1 || :
	logs relay "fdsend: -: not taken within 0.05 s"
	stop server
	ended relay
	ended reader
}

@test "time that runs out while nobody answers" {
	mkfifo pipe
	exec 7<>pipe
	says 124 "fdconnect: ./a: not connected within 0.05 s" \
		failing connect:0:EAGAIN fdconnect -t 0.05 ./a
	says 124 "fdrecv: -: no invitation within 0.05 s" \
		sh -c 'exec fdrecv -t 0.05 - true <pipe'
	says 124 "fdlisten: standard output: no reader within 0.05 s" \
		sh -c 'exec fdlisten -t 0.05 ./a >pipe'
	says 124 "fdsend: -: no reader within 0.05 s" \
		sh -c 'exec fdsend -t 0.05 - >pipe'
	exec 7>&-
	need_linux
	says 124 "fdsend: -: not read within 0.05 s" \
		fdpipe failing sendmsg:0:EAGAIN fdsend -t 0.05 - '|' cat
}

@test "what fdconnect between two sockets waits for, and loses" {
	need_linux
	leaves_sockets
	start server fdlisten -k ./a fdecho
	up ./a
	FAIL_SPEED=100 start client fdpipe sh -c 'echo x; exec sleep 100' '|' \
		failing recvmsg:0:ENOBUFS fdconnect ./a
	logs client "fdconnect: standard input: recvmsg: No buffer space available; waiting"
	stop client
	start client fdpipe echo x '|' failing recvmsg:1:EBADMSG fdconnect ./a
	logs client "fdconnect: standard input: descriptors were lost"
	ended client
	is_status 1
	stop server
}
