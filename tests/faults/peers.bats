# SPDX-License-Identifier: ISC
# The checks that these are known not to need: words split on purpose, and
# $ that a shell started by a test expands.
# shellcheck disable=SC2015,SC2016,SC2030,SC2031,SC2086
# Peers that are hostile in ways that take a program: each of these once hung a
# command, made it spin, or had it lose a message.

load ../lib/helpers
load ../lib/trials

setup()
{
	common_setup
	need python3
	need_proc
	cat >peer.py <<-'END'
	import array, os, socket, struct, sys, time

	def connect(path):
	    s = socket.socket(socket.AF_UNIX)
	    for _ in range(500):
	        try:
	            s.connect(path)
	            return s
	        except (FileNotFoundError, ConnectionRefusedError):
	            time.sleep(0.02)
	    sys.exit("nobody receives at " + path)

	def send(s, data, fds):
	    return s.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
	        array.array("i", fds))] if fds else [])

	def hand_over(path, data, fds):
	    s = connect(path)
	    send(s, data, fds)
	    s.shutdown(socket.SHUT_WR)
	    s.settimeout(20)
	    return s.recv(1)

	def tcp_pair():
	    with socket.create_server(("127.0.0.1", 0)) as l:
	        a = socket.create_connection(l.getsockname())
	        return a, l.accept()[0]

	def lingering():
	    a, b = tcp_pair()
	    b.setblocking(False)
	    try:
	        while True:
	            b.send(b"y" * 65536)
	    except BlockingIOError:
	        pass
	    b.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
	        struct.pack("ii", 1, 3600))
	    return a, b
	END
}

# peer PROGRAM [ARG...]: run it.
peer()
{
	local program=$1

	shift
	{ cat peer.py; printf '%s\n' "$program"; } >program.py
	run_limited python3 program.py "$@"
	is_status 0
}

# bears COMMAND...: it is sent descriptors whose close() would wait for an
# hour, and goes on; SIGTERM ends it.
bears_lingering()
{
	start victim "$@"
	# Should it be this process that closes it last, it does not wait.
	peer 'import threading
def reset_later(a):
    t = threading.Timer(8, lambda: (a.setsockopt(socket.SOL_SOCKET,
        socket.SO_LINGER, struct.pack("ii", 1, 0)), a.close()))
    t.daemon = True
    t.start()
for _ in range(3):
    a, b = lingering()
    reset_later(a)
    s = connect("./s")
    send(s, b"xy", [b.fileno(), b.fileno()])
    threading.Thread(target=b.close, daemon=True).start()
    s.shutdown(socket.SHUT_WR)
    a.shutdown(socket.SHUT_WR)
    s.settimeout(7)
    print(s.recv(1))
    # One that nobody takes before it is closed.
    a, b = lingering()
    reset_later(a)
    s = connect("./s")
    try:
        s.send(b"x" * 65537)
        send(s, b"x", [b.fileno()])
    except (BrokenPipeError, ConnectionResetError):
        b.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
            struct.pack("ii", 0, 0))
    threading.Thread(target=b.close, daemon=True).start()
    s.close()'
	limited fdsend -t 10 ./s || [ "$?" -eq 1 ]
	stop victim
}

@test "a descriptor that lingers when it is closed: fdrecv -k" {
	bears_lingering fdrecv -k ./s true
	is_status 0
}

@test "a descriptor that lingers when it is closed: fdrecv -n" {
	bears_lingering fdrecv -n 2 ./s true
	is_status 0
}

@test "a descriptor that lingers when it is closed: fdrecv that shows" {
	bears_lingering fdrecv -k ./s
	is_status 0
}

@test "a descriptor that lingers when it is closed: fdecho" {
	bears_lingering fdecho ./s
	is_status 0
}

@test "a connection with errors in its queue does not make fdecho spin" {
	need_linux
	start victim fdecho ./s
	peer 'a, b = tcp_pair()
b.setsockopt(socket.SOL_SOCKET, 37, (1 << 1) | (1 << 4))
b.send(b"x")
time.sleep(0.1)
print(hand_over("./s", b"\0", [b.fileno()]))
a.recv(1)
a.send(b"hello")
print(a.recv(5))
b.send(b"x")
open("now", "w")
while not os.path.exists("go"):
    time.sleep(0.02)' &
	client=$!
	wait_for test -e now
	thrifty 1 "$(process victim)"
	: >go
	wait "$client"
	stop victim
	is_status 0
}

@test "who adds words to a message is not taken for its sender" {
	need_root
	need_linux
	start victim fdrecv -m 0666 ./s \
		sh -c 'echo "$FDRECV_UID $FDRECV_PAYLOAD"'
	chmod 711 "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/here"
	up ./s
	peer 's = connect("./s")
if os.fork() == 0:
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    send(s, b"from nobody ", [0])
    os._exit(0)
os.wait()
s.send(b"and root")
s.shutdown(socket.SHUT_WR)
s.recv(1)'
	ended victim
	same "$(cat victim.out)" "65534 from nobody and root"
}

@test "descriptors for the sender's process, which nobody wants, are closed" {
	need_linux
	peer 'import subprocess
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
try:
    b.setsockopt(socket.SOL_SOCKET, 76, 1)
except OSError:
    sys.exit(0)
p = subprocess.Popen(["fdecho", "-"], stdin=b)
count = lambda: len(os.listdir("/proc/%d/fd" % p.pid))
def turn():
    c, d = socket.socketpair()
    d.send(b"x")
    send(a, b"x", [c.fileno()])
    c.close()
    d.recv(1)
    return d
held = turn()
before = count()
held.close()
for _ in range(20):
    turn().close()
for _ in range(200):
    if count() < before:
        break
    time.sleep(0.02)
else:
    sys.exit("%d before, %d now" % (before, count()))
a.close()
b.close()
sys.exit(p.wait())'
}

# A table with room for all of them, but not twice.
@test "-a and -f: what was taken lands, though the table is nearly full" {
	local n

	for n in 10 12 14 16; do
		start victim with -l 24 fdrecv -a ./s sh -c 'echo "$LISTEN_FDS"'
		up ./s
		peer 'print(hand_over("./s", b"\0", [0] * int(sys.argv[1])))' $n
		case $output in
		"b'\\x00'")
			ended victim
			same "$(cat victim.out)" "$n"
			;;
		*)
			# It waits for another one.
			stop victim
			like "$(cat victim.err)" "fdrecv: ./s: refused*"
			;;
		esac
	done
	start victim with -l 64 fdrecv -f 63 ./s sh -c 'echo landed'
	limited fdsend -w ./s
	ended victim
	is_status 0
	same "$(cat victim.out)" landed
}

@test "fdsend -rw: messages do not take the place of its own sockets" {
	start server sh -c 'fdlisten -k -o ./address 127.0.0.1:0 |
		with -l 20 fdsend -rw ./pool'
	start crowd load -c 60 -n 60 -t 100 "$(address_of address)"
	wait_for grep -q "trying again" server.err
	start pool fdrecv -n 3 ./pool fdecho
	DEADLINE=60 ended crowd
	count_load crowd.out
	report "$tried connections, $lost lost"
	same "$lost" 0 lost
	in_turn fdlisten fdrecv
}

@test "an empty message hides nothing that is behind it" {
	need_linux
	for command in "fdrecv -k - cat" "fdecho -" "fdsend -r - | fdecho -"; do
		peer 'import subprocess
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
c, d = socket.socketpair()
d.send(b"hello")
d.shutdown(socket.SHUT_WR)
a.send(b"")
send(a, b"x", [c.fileno()])
a.close()
c.close()
subprocess.run(["sh", "-c", sys.argv[1]], stdin=b, check=True)
b.close()
print(d.recv(10))' "$command"
		same "$output" "b'hello'"
	done
}

@test "fdecho -n counts those that are on their way, too" {
	start victim fdecho -n 1 ./s
	peer 'senders = [connect("./s") for _ in range(4)]
time.sleep(0.3)
peers = []
for s in senders:
    a, b = socket.socketpair()
    a.send(b"x")
    send(s, b"\0", [b.fileno()])
    b.close()
    a.settimeout(0.3)
    peers.append(a)
served = 0
for a in peers:
    try:
        served += len(a.recv(1))
    except TimeoutError:
        pass
print(served)'
	same "$output" 1
	stop victim
	is_status 0
}

@test "fdecho sends a large message back whole" {
	start victim fdecho ./s
	peer 'a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
print(hand_over("./s", b"\0", [b.fileno()]))
b.close()
for n in 1, 40000, 100000:
    a.send(b"z" * n)
    print(len(a.recv(200000)))'
	same "$output" "b'\\x00'
1
40000
100000"
	stop victim
	is_status 0
}

# Its loader needs one more than it does itself.
@test "fdrecv -k with a table that is full waits, and does not spin" {
	start victim fdlisten -l ./s sh -c \
		'exec fdrecv -k fd:3 sh -c "echo served"'
	up ./s
	wait_for named fdrecv
	victim=$(ours_named fdrecv)
	prlimit --nofile=4: --pid "$victim"
	start sender fdsend -w ./s
	thrifty 1 "$victim"
	prlimit --nofile=64: --pid "$victim"
	ended sender
	is_status 0
	wait_for has 1 cat victim.out
	in_turn fdrecv
	rm ./s
}

named()
{
	[ -n "$(ours_named "$1")" ]
}

@test "an invitation whose queue is full keeps the time limit, and signals" {
	peer 's = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind("full")
s.listen(0)
held = []
for _ in range(8):
    c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    c.setblocking(False)
    try:
        c.connect("full")
    except BlockingIOError:
        break
    held.append(c)
import subprocess
def invited(*command):
    r, w = os.pipe()
    os.write(w, ("fdpass %s/full\n" % os.getcwd()).encode())
    return subprocess.Popen(command, stdin=r)
print(invited("fdrecv", "-t", "0.3", "-", "true").wait(10))
p = invited("fdrecv", "-", "true")
time.sleep(0.3)
p.terminate()
print(p.wait(10))
os.unlink("full")'
	same "$output" "fdrecv: -: no invitation within 0.3 s
124
-15"
}

@test "without a process to be had, a second signal ends fdlisten" {
	open_directory
	# To look for leaks would take a process, too.
	start server env "ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0" \
		"${as_user[@]}" fdlisten -k ./a fdecho
	server=$pid
	up ./a
	"${as_user[@]}" prlimit --nproc=1: --pid "$server"
	start client fdconnect ./a
	wait_for grep -q "Resource temporarily" server.err
	signal server
	sleep 0.7
	stop server
	is_status 0
	start pipe "${as_user[@]}" prlimit --nproc=1 fdpipe cat '|' cat
	wait_for grep -q "Resource temporarily" pipe.err
	stop pipe
	is_status 143
}

@test "a reader that does not read does not keep fdrecv from ending" {
	mkfifo out
	exec 8<>out
	start victim sh -c 'exec fdrecv -k ./s >out 8>&-'
	up ./s
	start flood sh -c 'while fdsend -s "$(printf %030000d 1)" ./s; do :; done'
	wait_for is_stuck
	stop victim
	is_status 0
	ended flood
	exec 8>&-
}

# is_stuck: it waits, with a connection in its hands, for its output is full.
is_stuck()
{
	[ "$(descriptors "$(process victim)")" -ge 6 ] &&
		! with -N 1 printf %04096d 1 >out 2>/dev/null
}

teardown()
{
	common_teardown && failed=0 || failed=1
	close_directory
	return "$failed"
}
