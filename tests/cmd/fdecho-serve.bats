# SPDX-License-Identifier: ISC
# fdecho SOCKET: a worker for many connections at once, in one process.
#
# shellcheck disable=SC2030,SC2031 # $output is set and read in one test

load ../lib/helpers
load ../lib/streams

# serve [OPTION...]: the server, with fdecho as its worker.
serve()
{
	serve_at 127.0.0.1:0 "$@"
}

# serve_at ADDRESS [OPTION...]: the same elsewhere.
serve_at()
{
	start server sh -c "fdlisten -k -o address $1 |
		exec how echo.how fdecho ${*:2} -"
	address_of address
	worker=$(the_one 'fdecho *')
}

# serve_named [OPTION...]: the same with fdecho at ./pool.
serve_named()
{
	start echo how echo.how fdecho "$@" ./pool
	up ./pool
	worker=$(the_one 'fdecho *')
	start server sh -c 'fdlisten -k -o address 127.0.0.1:0 |
		exec fdsend -rw ./pool'
	address_of address
}

# served_well: it all ends in order, with nothing said.
served_well()
{
	kill "$(the_one 'fdlisten *')"
	ended server
	is_status 0
	if [ -n "${pid_of[echo]-}" ]; then
		kill "$worker"
		ended echo
		is_status 0
	fi
	same "$(<echo.how)" "exit 0"
	same "$(cat ./*.err)" ""
	not test -e ./pool
}

# connections: how many the worker has, beside the socket they come from.
connections()
{
	local sockets

	sockets=$(find "/proc/$worker/fd" -lname 'socket:*' 2>/dev/null | wc -l)
	echo $((sockets - 1))
}

# How many are many connections.
many=250
[ "${FDPASS_TRIALS-}" != full ] || many=1000

random()
{
	head -c "$1" /dev/urandom >sent
}

# --- many connections

@test "one process serves many connections at once" {
	need_proc
	serve
	run_limited load -i 200 -n "$many" -c 20 -s 3000 "$(<address)"
	is_status 0
	like "$output" "ok=$many wrong=0 short=0 refused=0 reset=0 timeout=0 *"
	same "$(matching 'fdecho *')" "$worker"
	has 0 children "$worker"
	served_well
}

@test "one process serves many connections from a named socket" {
	need_proc
	serve_named
	run_limited load -i 200 -n "$many" -c 20 -s 3000 "$(<address)"
	is_status 0
	like "$output" "ok=$many wrong=0 short=0 refused=0 reset=0 timeout=0 *"
	same "$(matching 'fdecho *')" "$worker"
	served_well
}

@test "connections of UNIX sockets are served too" {
	start server sh -c 'fdlisten -k ./a | fdecho -'
	up ./a
	served_all ./a -n 100 -c 10 -s 3000
	kill "$(the_one 'fdlisten *')"
	ended server
	is_status 0
}

@test "several workers at one stream share the connections" {
	start server paired -t seqpacket fdlisten -k -o address 127.0.0.1:0 \
		'|' sh -c 'exec 5<&0; fdecho - <&5 5<&- &
		fdecho - <&5 5<&- & exec 0<&- 5<&-; wait'
	address_of address
	wait_for has 2 matching 'fdecho -'
	served_all "$(<address)" -n 500 -c 20
	kill "$(the_one 'fdlisten *')"
	ended server
	is_status 0
	same "$(<server.err)" ""
}

# serve_shared: one worker at a stream that others could share, which waits for
# a new client alone at first.
serve_shared()
{
	start server paired -t seqpacket fdlisten -k -o address 127.0.0.1:0 \
		'|' fdecho -
	address_of address
	worker=$(the_one 'fdecho -')
}

# may_trace: skip the test where the calls of such a wait cannot be seen.
may_trace()
{
	need strace
	strace -o /dev/null true 2>/dev/null || skip "no right to trace"
	[ "${FDPASS_VARIANT-}" != posix ] || skip "another call waits there"
	# The search for leaks does not work in a process that is traced.
	export ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0"
}

@test "quiet clients hold up nobody at a stream that others share" {
	local i

	need_proc
	serve_shared
	for i in 1 2 3 4 5; do
		held "kept$i" "$(<address)"
	done
	hold quiet "$(<address)"
	served_all "$(<address)" -i "$many" -n "$many" -c 10
	say quiet late
	heard quiet late
	for i in 1 2 3 4 5; do
		say "kept$i" again
		heard "kept$i" again
		hang_up "kept$i"
	done
	hang_up quiet
	wait_for has 1 find "/proc/$worker/fd" -lname 'socket:*'
	kill "$(the_one 'fdlisten *')"
	ended server
	is_status 0
	same "$(<server.err)" ""
}

@test "a worker that waits for a client alone takes a signal" {
	local i

	need_proc
	serve_shared
	for i in 1 2 3 4 5 6 7 8; do
		hold "quiet$i" "$(<address)"
	done
	wait_for more_than 7 connections
	kill -TERM "$worker"
	for i in 1 2 3 4 5 6 7 8; do
		say "quiet$i" late
		heard "quiet$i" late
		hang_up "quiet$i"
	done
	wait_for has 0 matching 'fdecho -'
	ended server
}

@test "at a stream that others share a new client is first waited for alone" {
	may_trace
	start server paired -t seqpacket fdlisten -k -o address 127.0.0.1:0 \
		'|' strace -o calls fdecho -
	address_of address
	wait_for grep -q '^recvmsg\|poll\|wait(' calls
	hold quiet "$(<address)"
	wait_for grep -q '^ppoll.*, 1, {tv_sec=0' calls
	say quiet late
	heard quiet late
	hang_up quiet
	kill "$(the_one 'fdlisten *')"
	ended server
}

@test "a worker whose wait for one client held up another seldom waits again" {
	may_trace
	mkfifo go
	start server paired -t seqpacket fdlisten -kv -o address 127.0.0.1:0 \
		'|' sh -c 'read -r word <go; exec strace -o calls fdecho -'
	address_of address
	hold quiet "$(<address)"
	hold other "$(<address)"
	wait_for more_than 1 grep -c '^S8 .* close' server.err
	echo now >go
	wait_for grep -q '^ppoll.*, 1, {tv_sec=0' calls
	say other late
	heard other late
	hang_up other
	hang_up quiet
	served_all "$(<address)" -n 200 -c 1
	held last "$(<address)"
	hang_up last
	has 1 grep '^ppoll.*, 1, {tv_sec=0' calls
	kill "$(the_one 'fdlisten *')"
	ended server
}

@test "several connections in one message are all served" {
	start echo fdecho ./pool
	up ./pool
	# The first connection on 5, the second on 0.
	start server fdlisten ./a sh -c '
		exec fdlisten ./b fdsend -f 5 -f 0 ./pool 5<&0'
	up ./a
	hold one ./a
	up ./b
	hold two ./b
	say one first
	say two second
	heard one first
	heard two second
	hang_up one
	hang_up two
	ended server
	is_status 0
	stop echo
	is_status 0
}

@test "its socket has mode 600, and goes away with it" {
	umask 0
	start echo fdecho ./pool
	up ./pool
	same "$(mode_of ./pool)" 600
	stop echo
	is_status 0
	not test -e ./pool
}

@test "it listens on an abstract socket" {
	local name

	need_linux
	name=$(unique echo)
	start echo fdecho "$name"
	start server fdlisten ./a fdsend -w "$name"
	up ./a
	echoes ./a
	ended server
	is_status 0
	stop echo
	is_status 0
}

# --- bytes

@test "ten megabytes come back, half-closed by the client" {
	random 10485760
	serve
	limited client "$(<address)" <sent >back
	cmp sent back
	served_well
}

@test "what was sent and ended before the hand-over comes back" {
	local word

	need_proc
	start echo fdecho ./pool
	up ./pool
	start server fdlisten -k ./a sh -c 'read x <go; exec fdsend ./pool'
	mkfifo go
	up ./a
	for word in one two three; do
		start "$word" sh -c "echo $word | client ./a"
		wait_for has 1 matching 'sh -c read x*'
		limited sh -c 'echo >go'
		ended "$word"
		same "$(cat "$word.out")" "$word"
	done
	stop server
	is_status 0
	stop echo
	is_status 0
	same "$(<echo.err)" ""
}

# is_through NAME SIZE: whether it has read so many bytes, and waits.
is_through()
{
	local pid

	pid=$(process "$1")
	[ "$(awk '/^rchar/ { print $2 }' "/proc/$pid/io")" -ge "$2" ] &&
		like "$(ps -o stat= -p "$pid")" "S*" >/dev/null
}

@test "what was sent before the hand-over waits for a slow reader" {
	need_proc
	random 50000
	mkfifo go keyboard
	exec 8<>keyboard
	start echo fdecho ./pool
	up ./pool
	start server fdlisten ./a sh -c '
		read x <go; exec with -S 0 fdsend ./pool'
	up ./a
	start_from keyboard client client ./a
	limited cat sent >&8
	wait_for is_through client 50000
	signal client STOP
	wait_for halted client
	limited sh -c 'echo >go'
	ended server
	is_status 0
	signal client CONT
	# There is no end yet that could wake the worker.
	wait_for cmp -s sent client.out
	exec 8>&-
	ended client
	stop echo
	is_status 0
}

@test "a connection that others still use is not shut down" {
	mkfifo go
	start echo fdecho ./pool
	up ./pool
	start server fdlisten ./a sh -c '
		fdsend ./pool; read x <go; echo "and more"'
	up ./a
	start client sh -c 'echo hello | client ./a'
	heard client hello
	limited sh -c 'echo >go'
	ended client
	same "$(<client.out)" $'hello\nand more'
	stop echo
	is_status 0
}

@test "flags of a connection that others share are not changed" {
	mkfifo go
	start echo fdecho ./pool
	up ./pool
	start server fdlisten ./a sh -c '
		fdsend ./pool; read x <go; show -o shown fd'
	up ./a
	held client ./a
	limited sh -c 'echo >go'
	ended server
	is_status 0
	grep -qx "fd 0 unix rw" shown
	hang_up client
	stop echo
}

@test "a connection that somebody made non-blocking is served" {
	random 3000000
	start echo fdecho ./pool
	up ./pool
	start server fdlisten ./a with -N 0 fdsend ./pool
	up ./a
	limited client ./a <sent >back
	cmp sent back
	ended server
	stop echo
	is_status 0
}

# --- nobody at the cost of others

# flood NAME: a client that sends and receives as fast as it can.
flood()
{
	# The shell tells of the end of `yes`.
	start "$1" sh -c "exec 2>/dev/null
		yes | client $(cat address) >/dev/null"
}

@test "quiet connections have their turn beside busy ones" {
	local i

	serve
	held quiet "$(<address)"
	flood busy1
	flood busy2
	wait_for more_than 2 connections
	for i in {1..10}; do
		say quiet "word $i"
		heard quiet "word $i"
	done
	served_all "$(<address)" -n 20 -c 2 -t 15
	hang_up quiet
	# shellcheck disable=SC2046
	kill $(matching yes)
	ended busy1
	ended busy2
	served_well
}

# slow NAME FILE: a client that sends FILE, and whose reader stands still
# until `read_on NAME`.
slow()
{
	mkfifo "$1.fifo"
	start_from "$2" "$1" sh -c "
		exec client $(cat address) 5<>$1.fifo >$1.fifo"
}

# read_on NAME SIZE: so many bytes, into NAME.back.
read_on()
{
	# The writer holds the reading end too: end with the writer.
	limited head -c "$2" <"$1.fifo" >"$1.back"
}

# settled: the worker has nothing to do any more.
settled()
{
	local before

	before=$(cpu "$worker")
	sleep 0.2
	[ "$(cpu "$worker")" = "$before" ]
}

cpu()
{
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

@test "a slow reader does not block the others, and loses nothing" {
	random 20000000
	serve
	slow slow sent
	wait_for more_than 0 connections
	served_all "$(<address)" -n 200 -c 10 -s 10000
	running slow
	read_on slow 20000000
	cmp sent slow.back
	ended slow
	served_well
}

@test "a slow reader costs no work while it stands still" {
	need_proc
	random 20000000
	serve
	slow slow sent
	wait_for more_than 0 connections
	wait_for settled
	stop slow
	served_well
}

@test "many slow readers cost little memory" {
	local i before most n

	n=$(scaled 20 40)
	need_proc
	# More than what sockets of this kind hold.
	random 2000000
	serve_at ./a
	echoes ./a
	before=$(resident "$worker")
	for ((i = 1; i <= n; i++)); do
		slow "slow$i" sent
	done
	wait_for more_than $((n - 1)) connections
	wait_for settled
	most=$(resident "$worker" VmHWM)
	[ "$most" -lt $((before + n * 64)) ] || {
		echo "$before KiB, $most KiB"
		false
	}
	read_on slow1 2000000
	cmp sent slow1.back
	ended slow1
	for ((i = 2; i <= n; i++)); do
		stop "slow$i"
	done
	served_well
}

@test "clients that reset in the middle do not disturb the others" {
	random 5000000
	serve
	held quiet "$(<address)"
	for _ in 1 2 3 4 5; do
		limited client -r 100000 "$(<address)" <sent
		say quiet again
	done
	wait_for has 6 cat quiet.out
	hang_up quiet
	served_well
}

@test "a UDP socket without a peer is refused though a datagram has come" {
	need python3
	start echo fdecho ./pool
	up ./pool
	cat >datagram.py <<-'END'
	import socket, subprocess, sys
	server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	server.bind(("127.0.0.1", 0))
	client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	client.sendto(b"hello", server.getsockname())
	sys.exit(subprocess.call(["fdsend", "./pool"], stdin=server))
	END
	run_limited python3 ./datagram.py
	is_status 1
	like "$output" "fdsend: ./pool: refused*"
	stop echo
	is_status 0
	same "$(<echo.err)" "fdecho: ./pool: refused a descriptor that is not\
 a connected socket"
}

# leave_unread ADDRESS: a UNIX client that goes away with its echo unread while
# what else it has sent waits to be read.
leave_unread()
{
	cat >unread.py <<-'END'
	import socket, sys, time
	client = socket.socket(socket.AF_UNIX)
	client.connect(sys.argv[1])
	client.setblocking(False)
	quiet = 0
	while quiet < 5:
	    try:
	        client.send(b"x" * 60000)
	        quiet = 0
	    except BlockingIOError:
	        quiet += 1
	        time.sleep(0.02)
	END
	limited python3 ./unread.py "$1"
}

@test "UNIX clients that leave their echo unread do not disturb the others" {
	need python3
	start server sh -c 'fdlisten -k ./a | fdecho -'
	up ./a
	held quiet ./a
	for _ in 1 2 3; do
		leave_unread ./a
		say quiet again
	done
	wait_for has 4 cat quiet.out
	hang_up quiet
	kill "$(the_one 'fdlisten *')"
	ended server
	is_status 0
	same "$(<server.err)" ""
}

@test "a UNIX client that leaves its echo unread ends a non-blocking fdecho" {
	need python3
	need_proc
	start server fdlisten -k ./a with -N 0 fdecho
	up ./a
	leave_unread ./a
	wait_for has 0 children "$pid"
	stop server
	is_status 0
}

@test "a sender that stays silent holds up nobody" {
	serve_named
	start silent foreign send -S ./pool
	wait_for more_than 0 connections
	served_all "$(<address)" -n 100 -c 10
	running silent
	# It is closed after a while.
	ended silent
	like "$(<silent.out)" "[aer][nes][ds]*"
	kill "$(the_one 'fdlisten *')"
	ended server
	kill "$worker"
	ended echo
	is_status 0
	like "$(<echo.err)" "fdecho: ./pool: closed *"
}

@test "many senders that stay silent hold up nobody" {
	local i

	serve_named
	for i in {1..30}; do
		start "silent$i" foreign send -S ./pool
	done
	wait_for more_than 29 connections
	served_all "$(<address)" -n 100 -c 10
	for i in {1..30}; do
		stop "silent$i" KILL
	done
	served_well
}

# --- -n

@test "-n stops taking at so many connections, and resumes" {
	need ss
	serve -n 2
	held one "$(<address)"
	held two "$(<address)"
	hold three "$(<address)"
	say three first
	# It is in the stream by now, and nobody takes it.
	wait_for not backlogged
	wait_for settled
	same "$(<three.out)" ""
	hang_up one
	heard three first
	hold four "$(<address)"
	say four first
	hang_up three
	heard four first
	hang_up four
	hang_up two
	served_all "$(<address)" -n 100 -c 10
	served_well
}

@test "-n stops taking at so many connections from a named socket" {
	serve_named -n 2
	held one "$(<address)"
	held two "$(<address)"
	hold three "$(<address)"
	say three first
	wait_for settled
	same "$(<three.out)" ""
	hang_up one
	heard three first
	hang_up three
	hang_up two
	served_all "$(<address)" -n 100 -c 10
	served_well
}

@test "-n 1 serves those of one message in their turn, each to its end" {
	start echo fdecho -n 1 ./pool
	up ./pool
	# The first connection on 5, the second on 6, the third on 0.
	start server fdlisten ./a sh -c '
		exec fdlisten ./b sh -c "
			exec fdlisten ./c fdsend -f 5 -f 6 -f 0 ./pool 6<&0
		" 5<&0'
	up ./a
	hold one ./a
	up ./b
	# The second says all that it has to say before it is served.
	start two sh -c 'echo second | client ./b'
	up ./c
	hold three ./c
	say three third
	ended server
	is_status 0
	say one first
	heard one first
	hang_up one
	ended two
	same "$(cat two.out)" second
	heard three third
	say three fourth
	heard three fourth
	hang_up three
	stop echo
	is_status 0
}

@test "-n 1 serves one after the other" {
	serve -n 1
	served_all "$(<address)" -n 200 -c 20
	served_well
}

@test "-n with what is no number is wrong usage" {
	refuses "fdecho: *fdecho --help*" fdecho -n 0 -
	refuses "fdecho: *fdecho --help*" fdecho -n -1 -
	refuses "fdecho: *fdecho --help*" fdecho -n many -
	refuses "fdecho: *fdecho --help*" fdecho -n 99999999999999 -
}

@test "without room for more descriptors it waits for some to end" {
	need_proc
	start server sh -c 'fdlisten -k -o address 127.0.0.1:0 |
		exec with -l 40 how echo.how fdecho -'
	address_of address
	worker=$(the_one 'fdecho *')
	run_limited load -n 300 -c 100 -s 3000 "$(<address)"
	is_status 0
	like "$output" "ok=300 *"
	kill "$(the_one 'fdlisten *')"
	ended server
	is_status 0
}

@test "without room for more descriptors senders wait" {
	need_proc
	start echo with -l 40 how echo.how fdecho ./pool
	up ./pool
	worker=$(the_one 'fdecho *')
	start server sh -c 'fdlisten -k -o address 127.0.0.1:0 |
		exec fdsend -rw ./pool'
	run_limited load -n 300 -c 100 -s 3000 "$(address_of address)"
	is_status 0
	like "$output" "ok=300 *"
	kill "$(the_one 'fdlisten *')"
	ended server
	is_status 0
	kill "$worker"
	ended echo
	is_status 0
}

# --- what is no connection

@test "what is no connection is refused, the sender told, the rest served" {
	echo hello >file
	start echo fdecho ./pool
	up ./pool
	fails 1 "fdsend: ./pool: refused*" sh -c 'exec fdsend ./pool <file'
	fails 1 "fdsend: ./pool: refused*" sh -c 'true | fdsend ./pool'
	fails 1 "fdsend: ./pool: refused*" fdsend ./pool
	fails 1 "fdsend: ./pool: refused*" with -L 0 fdsend ./pool
	like "$(limited foreign send -n 0 ./pool)" "answer [1-9]*"
	start server fdlisten ./a fdsend ./pool
	up ./a
	echoes ./a
	ended server
	is_status 0
	stop echo
	is_status 0
	like "$(<echo.err)" "fdecho: ./pool: refused *"
}

@test "what is no connection on a stream is closed, the rest served" {
	need_proc
	echo hello >file
	start both paired -t seqpacket sh -c '
		fdsend - <file; true | fdsend - ; fdsend -
		exec fdlisten ./a' '|' fdecho -
	up ./a
	echoes ./a
	ended both
	is_status 0
	like "$(<both.err)" "fdecho: -: refused *"
}

# --- the end

@test "SIGTERM: no more are taken, those in hand are finished" {
	serve_named
	held client "$(<address)"
	kill "$worker"
	wait_for not test -e ./pool
	fails 1 "fdsend: ./pool: *" fdsend ./pool
	say client second
	heard client second
	running echo
	hang_up client
	ended echo
	same "$(<echo.how)" "exit 0"
	kill "$(the_one 'fdlisten *')"
	ended server
}

@test "SIGTERM: those in hand are finished, on a stream" {
	serve
	held client "$(<address)"
	kill "$worker"
	gone 'fdlisten *'
	say client second
	heard client second
	hang_up client
	ended server
	same "$(<echo.how)" "exit 0"
}

@test "two signals at once count as one, a second one later ends all" {
	serve_named
	held client "$(<address)"
	kill -TERM "$worker"
	kill -HUP "$worker"
	wait_for not test -e ./pool
	say client second
	heard client second
	kill "$(the_one 'fdlisten *')"
	ended server
	running echo
	# As soon as it may count as a second one.
	wait_for signalled_again
	ended echo
	# Its connection was closed.
	ended client
	rm client.in
}

signalled_again()
{
	kill -TERM "$worker"
	not_running echo
}

@test "SIGTERM ends an idle worker at once" {
	start echo fdecho ./pool
	up ./pool
	stop echo
	is_status 0
	same "$(<echo.err)" ""
}

@test "SIGINT ends it by that signal, and removes its socket" {
	start echo how echo.how fdecho ./pool
	up ./pool
	kill -INT "$(the_one 'fdecho *')"
	ended echo
	same "$(<echo.how)" "signal 2"
	not test -e ./pool
}

@test "the end of the stream: those in hand are finished" {
	start server sh -c 'fdlisten -o address 127.0.0.1:0 |
		exec how echo.how fdecho -'
	held client "$(address_of address)"
	gone 'fdlisten *'
	say client second
	heard client second
	hang_up client
	ended server
	same "$(<echo.how)" "exit 0"
}
