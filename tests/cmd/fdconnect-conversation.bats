# SPDX-License-Identifier: ISC
# fdconnect between two programs that talk over UNIX sockets: bytes and
# descriptors, both ways.

# $0 is for the inner shell.
# shellcheck disable=SC2016

load ../lib/helpers

setup()
{
	common_setup
	need python3
}

# py: the Python program on standard input, which finds all of tools/tap.py.
py()
{
	{ echo "from tap import *"; cat; } >program.py
	PYTHONPATH=$FDPASS_TOOLS PYTHONDONTWRITEBYTECODE=1 \
		run_apart python3 program.py
	is_status 0
}

parts=1000
[ "${FDPASS_TRIALS-}" != full ] || parts=20000

# exact OPTION...: two sides exchange random parts with descriptors through
# fdconnect, and each finds every descriptor where it was sent.
exact()
{
	run_limited converse -n "$parts" -s "$RANDOM" "$@" fdconnect fd:9
	is_status 0
	same "$output" ""
}

# --- descriptors stay with their bytes

@test "the parts of a conversation arrive as they were sent" {
	exact
	exact -b 64
}

@test "a side that reads one byte at a time finds descriptors at theirs" {
	exact -1 -b 100
}

@test "parts of one byte, with and without descriptors, are kept apart" {
	exact -l
	exact -l -1
}

@test "253 descriptors in one part" {
	exact -d 253
}

@test "descriptors without a byte arrive behind an empty message, at the end too" {
	need python3
	need_linux
	cat >talk.py <<-'END'
	import array, os, socket as S, subprocess, sys
	a, b = S.socketpair(S.AF_UNIX, S.SOCK_SEQPACKET)
	c, d = S.socketpair(S.AF_UNIX, S.SOCK_SEQPACKET)
	for n in sys.argv[1:]:
	    fds = array.array("i", [0] * int(n))
	    a.sendmsg([b""], [(S.SOL_SOCKET, S.SCM_RIGHTS, fds)] if fds else [])
	a.shutdown(S.SHUT_WR)
	d.shutdown(S.SHUT_WR)
	os.dup2(c.fileno(), 9)
	p = subprocess.Popen(["fdconnect", "fd:9"], stdin=b, stdout=b, pass_fds=[9])
	os.close(9)
	b.close()
	c.close()
	for n in sys.argv[1:]:
	    control = d.recvmsg(10, 1000)[1]
	    print(sum(len(x[2]) // 4 for x in control), end=" ")
	print(p.wait())
	END
	same "$(limited python3 talk.py 2)" "2 0"
	same "$(limited python3 talk.py 0 2)" "0 2 0"
	same "$(limited python3 talk.py 1 0 2 0 3)" "1 0 2 0 3 0"
}

@test "parts of 64 KiB" {
	exact -b 65536
}

@test "whole messages on SOCK_SEQPACKET, empty ones among them" {
	need_linux
	exact -q
	exact -q -d 253
	exact -q -b 65536
}

@test "a message as long as can be, to a socket with less room" {
	need_linux
	py <<-'END'
	a, b, p = tap(type=SEQPACKET)
	a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 300000)
	try:
	    a.send(b"x" * 262144)
	except OSError:
	    sys.exit(0)  # the system allows no such room
	assert len(b.recv(300000)) == 262144
	give(a, b"y" * 262144, [0])
	data, fds = take(b, 300000)
	assert data == b"y" * 262144 and len(fds) == 1
	a.close()
	ends(p)
	END
}

@test "long messages of SOCK_SEQPACKET reach a SOCK_STREAM" {
	need_linux
	py <<-'END'
	a, left = socket.socketpair(socket.AF_UNIX, SEQPACKET)
	b, right = socket.socketpair(socket.AF_UNIX, STREAM)
	os.dup2(right.fileno(), 9)
	p = subprocess.Popen(["fdconnect", "fd:9"], stdin=left, stdout=left,
	                     pass_fds=[9])
	os.dup2(null, 9, inheritable=False)
	left.close()
	right.close()
	b.settimeout(LIMIT)
	give(a, b"x" * 100000, [0])
	data, fds = take(b, 1)
	assert data == b"x" and len(fds) == 1
	assert take_all(b, 99999) == b"x" * 99999
	a.close()
	ends(p)
	END
}

@test "a side that asks for credentials changes nothing" {
	need_linux
	exact -p
	exact -P
	exact -p -P -l -1
	exact -p -q
}

@test "thirty thousand plain bytes before a descriptor" {
	py <<-'END'
	a, b, p = tap()
	null = os.open("/dev/null", os.O_RDWR)
	for i in range(3):
	    for _ in range(100):
	        a.send(b"x" * 300)
	    give(a, b"here", [null])
	    assert take_all(b, 30000) == b"x" * 30000
	    data, fds = take(b)
	    assert data == b"here" and len(fds) == 1
	    os.close(fds[0])
	a.close()
	ends(p)
	END
}

@test "several parts wait, and each keeps its descriptors" {
	py <<-'END'
	a, b, p = tap()
	ends_of = [os.pipe() for _ in range(20)]
	for i, (r, w) in enumerate(ends_of):
	    give(a, b"%02d" % i, [w])
	for i, (r, w) in enumerate(ends_of):
	    data, fds = take(b)
	    assert data == b"%02d" % i, data
	    assert len(fds) == 1 and same_file(fds[0], w)
	    os.close(fds[0])
	a.close()
	ends(p)
	END
}

# The pauses are what is tested: every look takes longer than they do.
@test "descriptors that come between a look and the reading stay where they are" {
	need strace
	strace -o /dev/null true 2>/dev/null || skip "no right to trace"
	# The search for leaks does not work in a process that is traced.
	export ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0"
	py <<-'END'
	a, b, p = tap(slow=50000)
	for i in range(8):
	    a.send(b"plain")
	    time.sleep(0.02)
	    give(a, b"part", [0])
	    for j in range(9):
	        data, fds = take(b, 1)
	        assert data == b"plainpart"[j:j + 1]
	        assert len(fds) == (j == 5), (j, fds)
	        for fd in fds:
	            os.close(fd)
	a.close()
	ends(p)
	END
}

@test "nothing stays open in between" {
	need_proc
	py <<-'END'
	a, b, p = tap()
	a.send(b"x")
	b.recv(1)
	before = open_fds(p)
	r, w = os.pipe()
	for i in range(100):
	    give(a, b"x", [w])
	    os.close(take(b)[1][0])
	    give(b, b"y", [w, w, w])
	    for fd in take(a)[1]:
	        os.close(fd)
	wait_for(lambda: open_fds(p) == before)
	os.close(w)
	assert os.read(r, 1) == b""
	a.close()
	ends(p)
	END
}

@test "a socket of the conversation itself can be passed" {
	py <<-'END'
	a, b, p = tap()
	give(a, b"me", [a.fileno(), b.fileno()])
	data, fds = take(b)
	assert data == b"me" and len(fds) == 2
	os.close(fds[0])
	os.close(fds[1])
	a.close()
	ends(p)
	END
}

@test "descriptors of every kind pass" {
	need_linux
	py <<-'END'
	a, b, p = tap("-v", stderr=subprocess.PIPE)
	l = socket.create_server(("127.0.0.1", 0))
	nested, other = socket.socketpair()
	give(nested, b"x", [0, l.fileno()])
	kinds = [os.open(".", os.O_RDONLY), select.epoll().fileno(),
	         l.fileno(), os.eventfd(0), nested.fileno(), other.fileno(),
	         os.open("/dev/null", os.O_PATH), os.pidfd_open(os.getpid()),
	         os.memfd_create("buffer")]
	kinds[1] = (e := select.epoll()).fileno()
	give(b, b"all", kinds)
	data, fds = take(a)
	assert data == b"all" and len(fds) == len(kinds)
	for fd, kind in zip(fds, kinds):
	    assert same_file(fd, kind)
	    os.close(fd)
	a.close()
	ends(p)
	trace = p.stderr.read().decode()
	for word in ("directory", "epoll", "listening", "eventfd", "memfd"):
	    assert word in trace, trace
	END
}

@test "no descriptor passes into a pipe, but the bytes do" {
	start server fdlisten ./a python3 -c '
import array, socket
s = socket.socket(fileno=0)
s.sendmsg([b"hello\n"], [(1, 1, array.array("i", [0]))])'
	up ./a
	same "$(limited fdconnect ./a </dev/null)" hello
	ended server
}

@test "through fdlisten, from a client to a server" {
	start server fdlisten -k ./back fdrecv -f 5 fd:0 sh -c 'cat <&5 >result'
	start tap fdlisten -k ./front fdconnect -w ./back
	up ./front
	echo content >file
	run_limited fdconnect -w ./front sh -c 'fdsend -d -f 5 fd:6 5<file'
	is_status 0
	wait_for grep -qsx content result
	stop tap
	stop server
}

# --- ends

@test "the client ends first, and the server can still answer" {
	py <<-'END'
	a, b, p = tap()
	a.send(b"question")
	a.shutdown(socket.SHUT_WR)
	assert take_all(b, 8) == b"question" and b.recv(1) == b""
	give(b, b"answer", [0])
	data, fds = take(a)
	assert data == b"answer" and len(fds) == 1
	b.close()
	assert a.recv(1) == b""
	ends(p)
	END
}

@test "the server ends first, and still gets all that comes" {
	py <<-'END'
	a, b, p = tap()
	b.send(b"hello")
	b.shutdown(socket.SHUT_WR)
	assert take_all(a, 5) == b"hello" and a.recv(1) == b""
	give(a, b"late", [0])
	data, fds = take(b)
	assert data == b"late" and len(fds) == 1
	a.close()
	assert b.recv(1) == b""
	ends(p)
	END
}

@test "both ends of messages are told from empty ones" {
	need_linux
	py <<-'END'
	a, b, p = tap(type=SEQPACKET)
	a.send(b"")
	a.send(b"")
	a.send(b"x")
	assert [b.recv(9), b.recv(9), b.recv(9)] == [b"", b"", b"x"]
	give(a, b"", [0])
	assert len(take(b)[1]) == 1
	a.shutdown(socket.SHUT_WR)
	assert b.recv(9) == b""
	b.send(b"")
	b.send(b"y")
	assert [a.recv(9), a.recv(9)] == [b"", b"y"]
	b.close()
	assert a.recv(9) == b""
	ends(p)
	END
}

@test "a client that goes away is gone for the server, too" {
	py <<-'END'
	a, b, p = tap()
	a.send(b"last words")
	a.close()
	assert take_all(b, 10) == b"last words" and b.recv(1) == b""
	ends(p)
	END
}

@test "a server that goes away is gone for the client, too" {
	py <<-'END'
	a, b, p = tap()
	b.send(b"last words")
	b.close()
	assert take_all(a, 10) == b"last words" and a.recv(1) == b""
	ends(p)
	END
}

@test "a client that goes away with something unread ends it, silently" {
	py <<-'END'
	a, b, p = tap()
	b.send(b"unread")
	wait_for(lambda: readable(a))
	a.close()
	try:
	    assert b.recv(1) == b""
	except ConnectionResetError:
	    pass
	ends(p, 1)
	END
	same "$stderr" ""
}

@test "a server that goes away with something unread is an error" {
	py <<-'END'
	a, b, p = tap()
	a.send(b"unread")
	wait_for(lambda: readable(b))
	b.close()
	assert a.recv(1) == b""
	ends(p, 1)
	END
	like "$stderr" "fdconnect: fd:9: recvmsg: Connection reset by peer"
}

@test "a side that wants no more stops the other" {
	py <<-'END'
	for first in (0, 1):
	    a, b, p = tap()
	    x, y = (a, b) if first == 0 else (b, a)
	    y.shutdown(socket.SHUT_RD)
	    try:
	        while True:
	            x.send(b"x" * 1000)
	    except BrokenPipeError:
	        pass
	    y.send(b"but")
	    assert take_all(x, 3) == b"but"
	    y.close()
	    x.close()
	    ends(p)
	END
}

@test "-N: the end of standard input is not passed on" {
	py <<-'END'
	a, b, p = tap("-N")
	a.send(b"question")
	a.shutdown(socket.SHUT_WR)
	assert take_all(b, 8) == b"question"
	give(b, b"answer", [0])
	assert take(a)[0] == b"answer"
	assert not readable(b)
	b.send(b"more")
	assert take_all(a, 4) == b"more"
	b.close()
	assert a.recv(1) == b""
	ends(p)
	END
}

@test "-N over TCP, and where a COMMAND would not know of it" {
	start server fdlisten -o address 127.0.0.1:0 sh -c '
		read -r line; read -r -t 1 line || echo "status $?"' sh
	refuses "fdconnect: *-N*" fdconnect -N ./a true
	start client sh -c 'echo hello | fdconnect -N "$0"' \
		"$(address_of address)"
	wait_for test -s client.out
	ended client
	is_status 0
	ended server
}

@test "a server behind TCP ends first, and a client is told" {
	start server fdlisten -o address 127.0.0.1:0 echo hello
	address_of address >/dev/null
	start tap fdlisten ./front fdconnect "$(cat address)"
	up ./front
	run_apart python3 -c '
import socket
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect("./front")
assert s.makefile("rb").read() == b"hello\n"'
	is_status 0
	ended tap
	ended server
}

# --- what does not go well

@test "a side that does not read: memory is bounded, the other way goes on" {
	need_proc
	py <<-'END'
	a, b, p = tap()
	n = flood(a)
	assert n < 2 << 20, n
	for i in range(100):
	    give(b, b"still %02d" % i, [0])
	    data, fds = take(a)
	    assert data == b"still %02d" % i
	    os.close(fds[0])
	before = cpu(p)
	time.sleep(0.3)
	assert cpu(p) - before < 0.15
	assert take_all(b, n) == b"x" * n
	a.close()
	ends(p)
	END
}

@test "descriptors in flight beyond the limit are waited for, none is lost" {
	need_linux
	[ "$(id -u)" = 0 ] || skip "needs another user's limit"
	py <<-'END'
	import resource
	uid = 61000 + os.getpid() % 4000
	limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
	a, b, p = tap(user=uid, preexec_fn=limit)
	r, w = os.pipe()
	for i in range(70):
	    give(a, b"%03d" % i, [r])
	b.send(b"the other way goes on")
	assert a.recv(99) == b"the other way goes on"
	for i in range(70):
	    data, fds = take(b)
	    assert data == b"%03d" % i and same_file(fds[0], r)
	    os.close(fds[0])
	a.close()
	ends(p)
	END
}

@test "a full table is waited for, and nothing is lost" {
	need_linux
	py <<-'END'
	import resource
	limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (20, 200))
	# (One after the other: what is under way counts for all of a user.)
	for type in (STREAM, SEQPACKET):
	    a, b, p = tap(type=type, preexec_fn=limit,
	                  stderr=subprocess.PIPE)
	    a.send(b"up")
	    assert b.recv(9) == b"up"
	    resource.prlimit(p.pid, resource.RLIMIT_NOFILE, (20, 200))
	    give(a, b"five", [0, 1, 2, 0, 1])
	    data, fds = take(b)
	    assert data == b"five" and len(fds) == 5
	    r, w = os.pipe()
	    a.send(b"plain")
	    assert b.recv(9) == b"plain"
	    give(a, b"hundred", [r, w] * 50)
	    b.send(b"the other way goes on")
	    assert a.recv(99) == b"the other way goes on"
	    line = p.stderr.readline().decode()
	    # (As glibc calls it, and as musl does.)
	    assert "standard input: recvmsg: Too many open files" in line or \
	        "standard input: recvmsg: No file descriptors" in line, line
	    before = cpu(p)
	    time.sleep(0.3)
	    assert cpu(p) - before < 0.15
	    resource.prlimit(p.pid, resource.RLIMIT_NOFILE, (200, 200))
	    data, fds = take(b)
	    assert data == b"hundred" and len(fds) == 100
	    assert same_file(fds[98], r) and same_file(fds[99], w)
	    a.close()
	    ends(p)
	END
}

@test "bytes before descriptors do not wait for a full table" {
	need_linux
	py <<-'END'
	import resource, signal
	limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (20, 200))
	a, b, p = tap(preexec_fn=limit)
	a.send(b"up")
	assert b.recv(9) == b"up"
	resource.prlimit(p.pid, resource.RLIMIT_NOFILE, (20, 200))
	os.kill(p.pid, signal.SIGSTOP)
	a.send(b"one")
	a.send(b"two")
	give(a, b"hundred", [0] * 100)
	os.kill(p.pid, signal.SIGCONT)
	assert take_all(b, 6) == b"onetwo"
	resource.prlimit(p.pid, resource.RLIMIT_NOFILE, (200, 200))
	data, fds = take(b)
	assert data == b"hundred" and len(fds) == 100
	a.close()
	ends(p)
	END
}

@test "urgent bytes are passed over, and nothing spins" {
	need_linux
	py <<-'END'
	a, b, p = tap()
	try:
	    a.send(b"!", socket.MSG_OOB)
	except OSError:
	    sys.exit(0)
	before = cpu(p)
	time.sleep(0.3)
	assert cpu(p) - before < 0.15
	give(a, b"hello", [0])
	data, fds = take(b)
	assert data == b"hello" and len(fds) == 1
	b.send(b"!", socket.MSG_OOB)
	b.send(b"world")
	assert take_all(a, 5) == b"world"
	a.close()
	ends(p)
	END
}

@test "a socket that lingers does not hold up the conversation" {
	py <<-'END'
	import signal, struct
	l = socket.create_server(("127.0.0.1", 0))
	c = socket.create_connection(l.getsockname())
	s, _ = l.accept()
	flood(c)
	c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
	             struct.pack("ii", 1, 60))
	a, b, p = tap()
	a.send(b"hello")
	take_all(b, 5)
	# What it cannot pass on it is the last to close.
	b.shutdown(socket.SHUT_RD)
	p.send_signal(signal.SIGSTOP)
	give(a, b"x", [c.fileno()])
	c.close()
	p.send_signal(signal.SIGCONT)
	b.send(b"the other way goes on")
	assert take_all(a, 21) == b"the other way goes on"
	b.close()
	a.close()
	ends(p)
	END
}

@test "O_NONBLOCK and SO_LINGER of what passes are not changed" {
	py <<-'END'
	import struct
	a, b, p = tap()
	l = socket.create_server(("127.0.0.1", 0))
	c = socket.create_connection(l.getsockname())
	linger = struct.pack("ii", 1, 7)
	c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
	for _ in range(10):
	    give(a, b"x", [c.fileno()])
	    os.close(take(b)[1][0])
	a.send(b"wait")
	assert take_all(b, 4) == b"wait"
	assert c.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == linger
	assert os.get_blocking(c.fileno())
	c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes(8))
	a.close()
	ends(p)
	END
}

# --- the looking glass

@test "-v shows what passes: direction, bytes, descriptors" {
	py <<-'END'
	a, b, p = tap("-v", stderr=subprocess.PIPE)
	null = os.open("/dev/null", os.O_RDWR)
	give(a, b"hello\n", [null])
	assert take(b)[0] == b"hello\n"
	b.send(b"\0\1" + b"x" * 1000)
	take_all(a, 1002)
	a.close()
	ends(p)
	lines = p.stderr.read().decode().splitlines()
	start = "C  fdconnect[%d]: " % p.pid
	assert all(line.startswith(start) for line in lines), lines
	lines = [line[len(start):] for line in lines]
	i = lines.index('> 6 bytes "hello\\n", 1 descriptor')
	assert lines[i + 1].startswith(">    0 character rw"), lines[i + 1]
	assert "device=" in lines[i + 1], lines
	assert lines[i + 2].startswith('< 1002 bytes "\\0\\001xxx'), lines
	assert lines[i + 2].endswith('x"...')
	assert len(start + lines[i + 2]) <= 80
	assert lines[i + 3] == "> end", lines
	END
}

@test "-v: nobody reads the trace, and the conversation goes on" {
	py <<-'END'
	r, w = os.pipe()
	a, b, p = tap("-v", stderr=w)
	for i in range(2000):
	    give(a, b"%04d" % i, [0])
	    data, fds = take(b)
	    assert data == b"%04d" % i
	    os.close(fds[0])
	# Not while it still writes what it did last.
	wait_for(lambda: asleep(p))
	os.set_blocking(r, False)
	shown = b""
	while True:
	    try:
	        shown += os.read(r, 65536)
	    except BlockingIOError:
	        break
	os.set_blocking(r, True)
	assert shown.endswith(b"\n") and b"left out" not in shown
	a.send(b"again")
	take_all(b, 5)
	a.close()
	ends(p)
	os.close(w)
	shown = os.fdopen(r).read()
	assert "lines left out" in shown and '> 5 bytes "again"' in shown
	END
}

@test "-v: a standard error that is closed does not stop it" {
	py <<-'END'
	r, w = os.pipe()
	os.close(r)
	a, b, p = tap("-v", stderr=w)
	give(a, b"hello", [0])
	assert take(b)[0] == b"hello"
	a.close()
	ends(p)
	END
}
