# SPDX-License-Identifier: ISC
# fdinfo: what a descriptor is, as a table that a script can cut: of itself, of
# descriptors that are named, of another process.

load ../lib/helpers

setup()
{
	common_setup
	# odd.py CODE COMMAND...: run COMMAND with the descriptors that CODE
	# made; place(THING, NUMBER) gives one its number.
	cat >odd.py <<-'EOF'
	import ctypes, fcntl, os, select, signal, socket, struct, sys, time
	AF_INET, AF_INET6, AF_UNIX = socket.AF_INET, socket.AF_INET6, socket.AF_UNIX
	STREAM, DGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
	libc = ctypes.CDLL(None, use_errno=True)
	kept = []
	def place(thing, number):
	    kept.append(thing)
	    os.dup2(thing if isinstance(thing, int) else thing.fileno(), number)
	def listening(family, address):
	    s = socket.socket(family)
	    s.bind(address)
	    s.listen()
	    return s
	def connected(family, address):
	    s = socket.socket(family)
	    s.connect(address)
	    return s
	def deny(call, error):
	    code = b''.join(struct.pack("HBBI", *i) for i in (
	        (0x20, 0, 0, 0), (0x15, 0, 1, call),
	        (0x06, 0, 0, 0x50000 | error), (0x06, 0, 0, 0x7fff0000)))
	    buf = ctypes.create_string_buffer(code)
	    prog = struct.pack("@HP", 4, ctypes.addressof(buf))
	    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, prog, 0, 0):
	        sys.exit(125)
	exec(sys.argv[1])
	os.execvp(sys.argv[2], sys.argv[2:])
	EOF
}

# info_of CODE [FD...]: the table of what CODE made, in $output.
info_of()
{
	need python3
	run_limited python3 odd.py "$1" fdinfo "${@:2}"
	is_status 0
}

# find_row FD: the words of its line of the table in $output, in the array $row.
find_row()
{
	while read -r -a row; do
		[ "${row[0]-}" != "$1" ] || return 0
	done <<<"$output"
	printf 'no line for %s in:\n%s\n' "$1" "$output"
	return 1
}

# row FD: that line, with single spaces.
row()
{
	local row

	find_row "$1" || return
	echo "${row[*]}"
}

# is FD PATTERN: its line is like that behind the number and the inode.
is()
{
	local row

	find_row "$1" || return
	like "${row[*]} " "$1 $2 inode=*"
}

# value FD KEY: what stands behind KEY= in its line.
value()
{
	local row word

	find_row "$1" || return
	for word in "${row[@]}"; do
		[[ $word != "$2"=* ]] || echo "${word#*=}"
	done
}

# need_sharing: skip this test where the system does not tell which descriptors
# are the same.
need_sharing()
{
	need_linux
	need python3
	python3 odd.py 'import platform
call = {"x86_64": 312, "aarch64": 272, "riscv64": 272}[platform.machine()]
me = os.getpid()
sys.exit(libc.syscall(call, me, me, 0, 1, 1) != 0)' ||
		skip "no kcmp() here"
}

# need_look: skip this test where not even the same user may look into a
# process.
need_look()
{
	need_linux
	[ -d /proc/self/fd ] || skip "no /proc here"
}

@test "without operands it shows what it inherited, and nothing of its own" {
	echo hello >file
	run_limited with -x sh -c 'exec fdinfo 5<file 7>>file'
	is_status 0
	same "$(cut -d ' ' -f 1 <<<"$output" | xargs)" "0 1 2 5 7"
}

@test "a standard descriptor that is closed is not shown" {
	run_limited with -x -c 0 -c 2 fdinfo
	is_status 0
	same "$(cut -d ' ' -f 1 <<<"$output" | xargs)" "1"
	run_limited with -c 0 fdinfo 0
	is_status 1
	same "$output" "fdinfo: descriptor 0: not open"
}

@test "the named ones are shown in the order in which they are named" {
	run_limited sh -c 'exec fdinfo 9 0 9 9</dev/null'
	is_status 0
	same "$(cut -d ' ' -f 1 <<<"$output" | xargs)" "9 0 9"
}

@test "the columns line up, and no field is empty" {
	run_limited with -L 5 -P 16 -T 17 -N 17 fdinfo
	is_status 0
	awk '
	NF < 5 { print "too few: " $0; exit 1 }
	{
		rest = $0
		at = ""
		for (i = 1; i <= 4; i++) {
			match(rest, /^[^ ]+ +/)
			at = at " " RLENGTH
			rest = substr(rest, RLENGTH + 1)
		}
		if (NR > 1 && at != before) {
			print "not in line: " $0
			exit 1
		}
		before = at
	}' <<<"$output" || { echo "$output"; return 1; }
}

@test "a file: access, position, size" {
	printf 'hello world' >file
	# shellcheck disable=SC2094
	run_limited sh -c '
	dd bs=1 count=3 <&5 >/dev/null 2>&1
	printf ab >&7
	exec fdinfo' 5<file 6<>file 7>new 8>>file
	is_status 0
	is 5 "file r - *pos=3 size=11"
	is 6 "file rw - *pos=0 size=11"
	is 7 "file w - *pos=2 size=2"
	is 8 "file w append *pos=0 size=11"
	same "$(value 5 inode)" "$(find file -printf %i 2>/dev/null ||
		stat -f %i file)"
}

@test "the path of a file, and whether it is gone" {
	need_linux
	echo hello >file
	: >"a (deleted)"
	run_limited sh -c 'rm gone; exec fdinfo' 5<file 6>gone 7<"a (deleted)"
	is_status 0
	same "$(value 5 path)" "$PWD/file"
	is 6 "file w - path=$PWD/gone deleted pos=0 size=0"
	is 7 "file r - path=$PWD/a\\\\040(deleted) pos=0 size=0"
}

@test "whatever a file is called, a descriptor has one line and a word no blank" {
	need_linux
	local name=$'a b\nc\\d\e"\303\251'
	: >"$name"
	run_limited sh -c 'exec fdinfo 5 6' 5<"$name" 6</dev/null
	is_status 0
	same "$(wc -l <<<"$output")" 2
	same "$(value 5 path)" "$PWD/a\\040b\\nc\\\\d\\033\\\"\\303\\251"
}

@test "directories, devices, terminals" {
	run_limited with -T 7 fdinfo 5 6 7 5</ 6>/dev/null
	is_status 0
	like "$(row 5)" "5 directory r - *inode=*"
	is 6 "character w - *device=*"
	is 7 "terminal rw - path=/dev/*device=*"
	! built_posix_only || return 0
	run_limited fdinfo 5 6 5</ 6>/dev/null
	is 5 "directory r - path=/"
	is 6 "character w - path=/dev/null device=*"
}

@test "which end of a pipe, and that both are of the same one" {
	need python3
	info_of 'r, w = os.pipe(); place(r, 15); place(w, 16)' 15 16
	is 15 "pipe r - end=reading"
	is 16 "pipe w - end=writing"
	same "$(value 15 inode)" "$(value 16 inode)"
}

@test "a pipe with a name" {
	need_linux
	mkfifo fifo
	run_limited fdinfo 5 5<>fifo
	is_status 0
	is 5 "fifo rw - path=$PWD/fifo"
}

@test "flags that others share are shown by name" {
	run_limited with -P 5 -N 5 fdinfo 5
	is_status 0
	is 5 "udp rw nonblock local=0.0.0.0:0"
	need_linux
	info_of 'place(os.open(".", os.O_PATH), 15)
place(os.open("new", os.O_CREAT | os.O_WRONLY | os.O_SYNC), 16)
place(os.open("new", os.O_WRONLY | os.O_DSYNC | os.O_APPEND), 17)' 15 16 17
	is 15 "directory - path path=$PWD"
	is 16 "file w sync path=*"
	is 17 "file w append,dsync path=*"
}

@test "TCP: a listening socket, and both sides of a connection" {
	info_of 's = listening(AF_INET, ("127.0.0.1", 0)); place(s, 15)
place(connected(AF_INET, s.getsockname()), 16)
place(s.accept()[0], 17)
place(socket.socket(AF_INET), 18)' 15 16 17 18
	local server client
	server=$(value 15 local)
	client=$(value 16 local)
	like "$server" "127.0.0.1:[1-9]*"
	is 15 "tcp rw - local=$server listening"
	is 16 "tcp rw - local=$client peer=$server"
	is 17 "tcp rw - local=$server peer=$client"
	is 18 "tcp rw - local=0.0.0.0:0"
}

@test "TCP over IPv6, and IPv4 peers shown as IPv4" {
	need python3
	python3 odd.py 'listening(AF_INET6, ("::1", 0))' true || skip "no IPv6"
	info_of 's = listening(AF_INET6, ("::1", 0)); place(s, 15)
place(connected(AF_INET6, s.getsockname()), 16)
s = socket.socket(AF_INET6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.bind(("::", 0)); s.listen(); place(s, 17)
place(connected(AF_INET, ("127.0.0.1", s.getsockname()[1])), 18)
place(s.accept()[0], 19)' 15 16 17 18 19
	like "$(row 15)" "15 tcp6 rw - local=\[::1\]:* listening *inode=*"
	like "$(row 16)" "16 tcp6 rw - local=\[::1\]:* peer=\[::1\]:* inode=*"
	is 17 "tcp6 rw - local=\[::\]:* listening"
	is 18 "tcp rw - *peer=$(value 19 local)"
	is 19 "tcp6 rw - local=127.0.0.1:* peer=$(value 18 local)"
}

@test "UDP: bound, and with a peer" {
	info_of 's = socket.socket(AF_INET, DGRAM); s.bind(("127.0.0.1", 0))
place(s, 15)
c = socket.socket(AF_INET, DGRAM); c.connect(s.getsockname())
place(c, 16)' 15 16
	is 15 "udp rw - local=127.0.0.1:*"
	is 16 "udp rw - local=127.0.0.1:* peer=$(value 15 local)"
	python3 odd.py 'listening(AF_INET6, ("::1", 0))' true || return 0
	info_of 's = socket.socket(AF_INET6, DGRAM); s.bind(("::1", 0))
place(s, 15)' 15
	like "$(row 15)" "15 udp6 rw - local=\[::1\]:* *inode=*"
}

@test "UNIX sockets: named, unnamed, listening" {
	info_of 's = listening(AF_UNIX, "./a b"); place(s, 15)
place(connected(AF_UNIX, "./a b"), 16); place(s.accept()[0], 17)
place(listening(AF_UNIX, "plain"), 18)
place(socket.socket(AF_UNIX, DGRAM), 19)
os.unlink("a b"); os.unlink("plain")' 15 16 17 18 19
	like "$(row 15)" \
		'15 unix rw - type=stream local=./a\\040b listening *inode=*'
	like "$(row 16)" \
		'16 unix rw - type=stream local=unnamed peer=./a\\040b *inode=*'
	like "$(row 17)" \
		'17 unix rw - type=stream local=./a\\040b peer=unnamed *inode=*'
	like "$(row 18)" "18 unix rw - type=stream local=./plain listening *"
	is 19 "unix rw - type=dgram local=unnamed"
}

@test "UNIX sockets: abstract names" {
	need_linux
	info_of "place(listening(AF_UNIX, '\\0fdinfo-$$ x'), 15)
place(connected(AF_UNIX, '\\0fdinfo-$$ x'), 16)" 15 16
	like "$(row 15)" "15 unix rw - *local=@fdinfo-$$\\\\040x listening *"
	like "$(row 16)" "16 unix rw - *peer=@fdinfo-$$\\\\040x *"
}

@test "UNIX sockets: pairs of each type" {
	info_of 'for i, t in enumerate((STREAM, DGRAM, socket.SOCK_SEQPACKET)):
    a, b = socket.socketpair(AF_UNIX, t)
    place(a, 15 + 2 * i); place(b, 16 + 2 * i)' 15 16 17 18 19 20
	local fd
	for fd in 15:stream 16:stream 17:dgram 18:dgram 19:seqpacket 20:seqpacket
	do
		like "$(row "${fd%:*}")" "${fd%:*} unix rw -\
 type=${fd#*:} local=unnamed peer=unnamed *inode=*"
	done
}

@test "UNIX sockets: what waits in a queue is counted" {
	need_linux
	need python3
	python3 odd.py 's = socket.socket(AF_UNIX)
text = open("/proc/self/fdinfo/%d" % s.fileno()).read()
sys.exit("scm_fds" not in text)' true || skip "this kernel does not tell"
	info_of 'a, b = socket.socketpair(); place(a, 15); place(b, 16)
socket.send_fds(a, [b"x"], [0, 0]); socket.send_fds(a, [b"x"], [0])
l = listening(AF_UNIX, "./l"); place(l, 17)
c = connected(AF_UNIX, "./l"); place(c, 18)
socket.send_fds(c, [b"x"], [0])
os.unlink("./l")' 15 16 17 18
	same "$(value 15 inflight)" ""
	same "$(value 16 inflight)" 3
	same "$(value 17 inflight)" 1
	same "$(value 18 inflight)" ""
	like "$(row 16)" "* gid=* inflight=3 inode=* peer-inode=*"
}

# need_peers: skip this test where the kernel does not tell the peers of UNIX
# sockets.
need_peers()
{
	need_linux
	need python3
	python3 odd.py 's = socket.socket(socket.AF_NETLINK, DGRAM, 4)
pair = socket.socketpair()
i = os.fstat(pair[0].fileno()).st_ino
s.send(struct.pack("IHHIIBBHIIIII", 40, 20, 1, 0, 0, AF_UNIX, 0, 0,
    2**32 - 1, i, 4, 2**32 - 1, 2**32 - 1))
sys.exit(struct.unpack("IH", s.recv(100)[:6])[1] != 20)' true ||
		skip "no sock_diag here"
}

@test "UNIX sockets: the two ends of a pair and of a connection are matched" {
	need_peers
	info_of 'for i, t in enumerate((STREAM, DGRAM, socket.SOCK_SEQPACKET)):
    a, b = socket.socketpair(AF_UNIX, t)
    place(a, 15 + 2 * i); place(b, 16 + 2 * i)
l = listening(AF_UNIX, "./l"); place(l, 21)
place(connected(AF_UNIX, "./l"), 22); place(l.accept()[0], 23)
os.unlink("./l")' 15 16 17 18 19 20 21 22 23
	local one other
	for one in 15:16 17:18 19:20 22:23; do
		other=${one#*:}
		one=${one%:*}
		same "$(value "$one" peer-inode)" "$(value "$other" inode)"
		same "$(value "$other" peer-inode)" "$(value "$one" inode)"
	done
	same "$(value 21 peer-inode)" ""
}

@test "UNIX sockets: a peer that is closed, or waits to be accepted, has no inode" {
	need_peers
	info_of 'a, b = socket.socketpair(); place(a, 15); b.close()
l = listening(AF_UNIX, "./l"); place(connected(AF_UNIX, "./l"), 16)
os.unlink("./l")
place(socket.socket(AF_UNIX), 17)' 15 16 17
	like "$(row 15)" "15 unix rw - *"
	not grep -q peer-inode <<<"$output"
}

@test "UNIX sockets: the ends of a pair in two processes are matched with -p" {
	need_peers
	start pipe fdpipe sleep 100 '|' sleep 100
	wait_for has 2 children "$pid"
	local first second
	first=$(children "$pid" | head -n 1)
	second=$(children "$pid" | tail -n 1)
	wait_for grep -qsx sleep "/proc/$first/comm"
	wait_for grep -qsx sleep "/proc/$second/comm"
	run_limited fdinfo -p "$first" 1
	local inode peer
	inode=$(value 1 inode)
	peer=$(value 1 peer-inode)
	run_limited fdinfo -p "$second" 0
	same "$(value 0 inode)" "$peer"
	same "$(value 0 peer-inode)" "$inode"
	# And without the right to have duplicates.
	run_limited python3 odd.py 'deny(438, 1)' fdinfo -p "$second" 0
	[ "$status" -eq 125 ] || same "$(value 0 peer-inode)" "$inode"
	stop pipe
}

@test "UNIX sockets: of another network namespace no peer is told" {
	need_peers
	need unshare
	unshare -n true 2>/dev/null || skip "no network namespaces here"
	start pipe unshare -n fdpipe sleep 100 '|' sleep 100
	wait_for has 2 children "$pid"
	local child
	child=$(children "$pid" | head -n 1)
	wait_for grep -qsx sleep "/proc/$child/comm"
	run_limited fdinfo -p "$child" 1
	is_status 0
	is 1 "unix rw - type=seqpacket *"
	not grep -q peer-inode <<<"$output"
	stop pipe
}

@test "UNIX sockets: the process at the other end" {
	need_linux
	need python3
	start holder fdlisten -k ./s true
	up s
	info_of 'place(connected(AF_UNIX, "./s"), 15)' 15
	is 15 "unix rw - type=stream local=unnamed peer=./s pid=$pid\
 command=fdlisten uid=$(id -u) gid=$(id -g)"
}

@test "sockets of other families" {
	need_linux
	info_of 'place(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0), 15)
os.mkdir("d")' 15
	is 15 "netlink rw - type=raw"
}

@test "a memfd, with its seals" {
	need_linux
	info_of 'm = os.memfd_create("a b", os.MFD_ALLOW_SEALING)
os.write(m, b"hello"); fcntl.fcntl(m, 1033, 2 | 4); place(m, 15)
place(os.memfd_create(""), 16)' 15 16
	is 15 'memfd rw - name=a\\040b pos=5 size=5 seals=shrink,grow'
	like "$(row 16)" "16 memfd rw - name= pos=0 size=0 *"
}

@test "a deleted file whose name looks like that of a memfd is a file" {
	need_linux
	[ "$(stat -f -c %T /)" != tmpfs ] || skip "the root is in memory"
	[ -w / ] || skip "the root cannot be written"
	info_of "place(os.open('/memfd:$$', os.O_CREAT | os.O_RDWR), 15)
os.unlink('/memfd:$$')" 15
	is 15 "file rw - path=/memfd:$$ deleted pos=0 size=0"
}

@test "a symbolic link itself, which O_PATH opens" {
	need_linux
	ln -s there link
	info_of 'place(os.open("link", os.O_PATH | os.O_NOFOLLOW), 15)' 15
	is 15 "symlink - path path=$PWD/link"
}

@test "eventfd, epoll, timerfd, signalfd, inotify, pidfd, namespace" {
	need_linux
	info_of 'e = libc.eventfd(300, 0); place(e, 15)
p = select.epoll(); p.register(e); place(p, 16)
place(libc.timerfd_create(1, 0), 17)
mask = (ctypes.c_ulong * 16)(); mask[0] = 1 << 14 | 1 << 1
place(libc.signalfd(-1, ctypes.byref(mask), 0), 18)
i = libc.inotify_init(); libc.inotify_add_watch(i, b".", 2); place(i, 19)
place(os.open("/proc/self/ns/net", os.O_RDONLY), 20)' 15 16 17 18 19 20
	is 15 "eventfd rw - count=300"
	is 16 "epoll rw - watches=1"
	is 17 "timerfd rw -"
	is 18 "signalfd rw - signals=2,15"
	is 19 "inotify r - watches=1"
	is 20 "namespace r - name=net:\[*\]"
}

@test "a pidfd, of a process that lives and of one that has ended" {
	need_linux
	need python3
	python3 -c 'import os; os.pidfd_open(os.getpid())' 2>/dev/null ||
		skip "no pidfd_open() here"
	info_of 'place(os.pidfd_open(os.getpid()), 15)
p = os.fork()
if p == 0: os._exit(0)
f = os.pidfd_open(p); os.waitpid(p, 0); place(f, 16)' 15 16
	like "$(row 15)" "15 pidfd rw - pid=* command=fdinfo inode=*"
	is 16 "pidfd rw - ended"
}

@test "descriptors that share one open file description" {
	need_sharing
	echo hello >file
	run_limited with -x sh -c 'exec fdinfo 5<file 6<&5 7<file 8<&5 2>&1'
	is_status 0
	same "$(value 5 same)" 6
	same "$(value 6 same)" 5
	same "$(value 7 same)" ""
	same "$(value 8 same)" 5
	same "$(value 1 same)" 2
	# It says so of one that is shown alone, too.
	run_limited sh -c 'exec fdinfo 6 5<file 6<&5'
	same "$(value 6 same)" 5
}

@test "sharing is found among many descriptors" {
	need_sharing
	info_of 'for i in range(100): place(libc.eventfd(i, 0), 100 + i); os.close(kept[i])
for i in range(100): os.dup2(199 - i, 200 + i)
place(libc.eventfd(0, 0), 300); os.close(kept[100])' 100 150 199 200 299 300
	same "$(value 100 same)" 299
	same "$(value 150 same)" 249
	same "$(value 199 same)" 200
	same "$(value 200 same)" 199
	same "$(value 299 same)" 100
	same "$(value 300 same)" ""
}

@test "-p shows the descriptors of another process" {
	need_look
	echo hello >file
	start holder with -L 5 -T 6 sh -c 'exec sleep 100 <file 7>>file 8<&0'
	wait_for grep -qsx sleep "/proc/$pid/comm"
	run_limited fdinfo -p "$pid"
	is_status 0
	is 0 "file r - path=$PWD/file pos=0 size=6"
	is 1 "file w append path=$PWD/holder.out pos=0 size=0"
	is 5 "tcp rw - local=127.0.0.1:* listening"
	is 6 "terminal rw - path=/dev/pts/* device=*"
	is 7 "file w append path=$PWD/file pos=0 size=6"
	same "$(wc -l <<<"$output")" \
		"$(find "/proc/$pid/fd" -mindepth 1 | wc -l)"
	run_limited fdinfo -p "$pid" 7 0
	is_status 0
	same "$(cut -d ' ' -f 1 <<<"$output" | xargs)" "7 0"
}

@test "-p knows close-on-exec and sharing of the other process" {
	need_look
	need_sharing
	start holder python3 -c 'import os, time
a = os.open("/dev/null", os.O_RDONLY)
os.dup2(a, 20, inheritable=True); os.dup2(a, 21, inheritable=False)
os.dup2(a, 2)
open("ready", "w").close()
time.sleep(100)'
	wait_for test -e ready
	run_limited fdinfo -p "$pid" 20 21
	is_status 0
	like "$(row 20)" "20 character r - *same=*"
	like "$(row 21)" "21 character r cloexec *same=$(value 20 same)"
}

@test "-p shows what /proc tells where duplicates are forbidden" {
	need_look
	need python3
	local code='s = listening(AF_INET, ("127.0.0.1", 0)); place(s, 15)
f = os.open("file", os.O_RDWR | os.O_CREAT); os.write(f, b"abc")
place(f, 20)
e = libc.eventfd(3, 0); place(e, 22); place(os.pipe()[0], 23)
os.set_inheritable(20, False)
open("ready", "w").close(); time.sleep(100)'
	start holder python3 odd.py "$code" true
	wait_for test -e ready
	run_limited python3 odd.py 'deny(438, 1)' fdinfo -p "$pid"
	[ "$status" -ne 125 ] || skip "no seccomp here"
	is_status 0
	like "$(row 15)" "15 socket rw * inode=*"
	not grep -q 'local=\|peer' <<<"$output"
	is 20 "file rw cloexec path=$PWD/file pos=3 size=3"
	is 22 "eventfd rw - count=3"
	is 23 "pipe r - end=reading"
	run_limited python3 odd.py 'deny(438, 38)' fdinfo -p "$pid" 99 23
	is_status 1
	is 23 "pipe r - end=reading"
	like "$output" "*fdinfo: $pid: descriptor 99: not open*"
}

@test "-p of a process that is not there, or not ours" {
	need_linux
	local target=1
	sh -c 'echo $$' >gone
	run_limited fdinfo -p "$(<gone)"
	is_status 1
	same "$output" "fdinfo: $(cat gone): no such process"
	run_limited fdinfo -p "$(<gone)" 0 1
	is_status 1
	same "$output" "fdinfo: $(cat gone): no such process"
	if [ "$(id -u)" -eq 0 ]; then
		need python3
		start holder sleep 100
		target=$pid
		# Opened first: the program may lie where nobody can reach it.
		run_limited python3 odd.py "
f = os.open('$FDPASS_BIN/fdinfo', os.O_RDONLY)
os.setgroups([]); os.setgid(65534); os.setuid(65534)
os.execve(f, ['fdinfo', '-p', '$target'], os.environ)" true
	else
		run_limited fdinfo -p 1
	fi
	is_status 1
	like "$output" "fdinfo: $target: not permitted: *"
	one_line <(echo "$output")
}

@test "-p without /proc says so, and shows what is named" {
	need_linux
	need unshare mount
	not_sanitized "they need /proc"
	unshare -m mount -t tmpfs none /proc 2>/dev/null ||
		skip "no right to mount"
	run_limited unshare -m sh -c 'mount -t tmpfs none /proc
		fdinfo -p $$; echo "status $?"; fdinfo -p $$ 0' </dev/null
	is_status 0
	like "$output" "*no way to see another process's descriptors here*
status 1*
0 character r - device=1:3*"
}

@test "-p on a build that knows POSIX alone says so" {
	built_posix_only || skip "a Linux build"
	run_limited fdinfo -p $$
	is_status 1
	like "$output" "fdinfo: $$: no way *"
}

@test "-p of a process that has ended, but is not waited for" {
	need_look
	mkfifo go
	start holder sh -c '
	(: <go) &
	echo $! >zombie
	exec sleep 100'
	wait_for grep -qsx sleep "/proc/$pid/comm"
	: >go
	wait_for grep -qs "^State:.Z" "/proc/$(address_of zombie)/status"
	run_limited fdinfo -p "$(<zombie)"
	is_status 0
	same "$output" ""
	run_limited fdinfo -p "$(<zombie)" 1
	is_status 1
	same "$output" "fdinfo: $(cat zombie): descriptor 1: not open"
}

@test "a descriptor that is not open is one line; the others are shown" {
	run_apart with -x fdinfo 0 77 1
	is_status 1
	same "$(cut -d ' ' -f 1 <<<"$output" | xargs)" "0 1"
	same "$stderr" "fdinfo: descriptor 77: not open"
}

@test "wrong usage" {
	local wrong
	for wrong in x -1 1x "" 0x1 99999999999 "-p" "-p x" "-p 0" "-q" "0 x"; do
		# shellcheck disable=SC2086
		run_apart fdinfo ${wrong:-"$wrong"}
		is_status 2
		same "$output" ""
		like "$stderr" "fdinfo: * (see fdinfo --help)"
		same "${#stderr_lines[@]}" 1
	done
	# Options end at the first operand.
	run_apart fdinfo 0 -p 1
	is_status 2
}

@test "a table that cannot be written is an error" {
	run_limited with -c 1 fdinfo
	is_status 1
	like "$output" "fdinfo: standard output: *"
	[ -c /dev/full ] || skip "no /dev/full here"
	run_limited sh -c 'fdinfo >/dev/full'
	is_status 1
	like "$output" "fdinfo: standard output: write: *"
}

@test "a listening socket that fdlisten -l opened, and a chain of two" {
	run_limited fdlisten -l 127.0.0.1:0 fdlisten -l ./s fdinfo 3 4
	is_status 0
	is 3 "tcp rw - local=127.0.0.1:* listening"
	like "$(row 4)" "4 unix rw - type=stream local=./s listening *"
	rm s
}

@test "-p of its own process: a closed descriptor is closed" {
	fails 1 "fdinfo: *descriptor 0: not open" \
		sh -c 'exec fdinfo -p $$ 0 <&-'
}
