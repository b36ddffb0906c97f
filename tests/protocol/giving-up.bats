# SPDX-License-Identifier: ISC
# A hand-over that was given up is never taken: senders whose time runs out at
# about the moment when the receiver answers, or that a signal ends then.

load ../lib/helpers

setup()
{
	common_setup
	need python3
	# On other systems there are no names that tell.
	need_linux
	cat >senders.py <<-'EOF'
	# senders.py HOW ROUNDS: so many senders, one after another, and how many of
	# them ended with which status; HOW is give-up (time, TERM, INT) or kill.
	import collections, os, random, signal, socket, subprocess, sys, time
	random.seed(int(os.environ.get("SEED", "1")))
	how, rounds = sys.argv[1], int(sys.argv[2])
	ended = collections.Counter()
	for i in range(rounds):
	    # (Rather early: some builds need less than a millisecond.)
	    moment = random.uniform(0, 0.006) * random.random()
	    mine, theirs = socket.socketpair()
	    kind = i % 3 if how == "give-up" else 3
	    args = ["fdsend"] + (["-t", "%.4f" % moment] if kind == 0 else
	        ["-w"] if i % 2 else []) + ["./s"]
	    p = subprocess.Popen(args, stdin=theirs, stderr=subprocess.DEVNULL)
	    theirs.close()
	    if kind != 0:
	        time.sleep(moment)
	        p.send_signal([0, signal.SIGTERM, signal.SIGINT, signal.SIGKILL][kind])
	    status = p.wait()
	    if "echo" in sys.argv:
	        # Taken is served; given up is held by nobody any more.
	        mine.settimeout(20)
	        try:
	            mine.send(b"x")
	            heard = mine.recv(1)
	        except (BrokenPipeError, ConnectionResetError):
	            heard = b""
	        if (heard == b"x") != (status == 0):
	            sys.exit("status %d, heard %r" % (status, heard))
	    ended["ok" if status == 0 else "other"] += 1
	    mine.close()
	print(ended["ok"], ended["other"])
	EOF
}

# tried ROUNDS HOW [ARG...]: sets $ok and $other.
tried()
{
	local rounds=$1 how=$2

	shift 2
	run_limited python3 senders.py "$how" "$rounds" "$@"
	is_status 0
	read -r ok other <<<"$output"
}

# exactly LINES: as many as were told that they were taken.
exactly()
{
	echo "# $BATS_TEST_DESCRIPTION: $ok taken, $other given up" >&3
	same "$1" "$ok" "COMMANDs"
	# The moments were well chosen.
	[ "$ok" -gt 0 ] && [ "$other" -gt 0 ]
}

runs_exactly()
{
	start receiver "$@" sh -c 'echo >>ran'
	up ./s
	: >ran
	tried "$(scaled 60 10000)" give-up
	stop receiver
	wait_for none_left
	exactly "$(wc -l <ran)"
}

@test "fdrecv -k runs COMMAND for exactly those that were told so" {
	LIMIT=300
	runs_exactly fdrecv -k ./s
}

@test "fdrecv -n runs COMMAND for exactly those that were told so" {
	LIMIT=300
	runs_exactly fdrecv -n 3 ./s
}

@test "fdrecv without -k runs COMMAND for exactly those that were told so" {
	LIMIT=300
	start receiver sh -c 'while [ ! -e enough ]; do
		fdrecv ./s sh -c "echo >>ran"; done'
	up ./s
	: >ran
	tried "$(scaled 60 10000)" give-up
	# The last one is still waiting.
	: >enough
	limited fdsend -w ./s
	ended receiver
	exactly "$(($(wc -l <ran) - 1))"
}

@test "fdrecv shows exactly those that were told so" {
	LIMIT=300
	start receiver fdrecv -k ./s
	up ./s
	tried "$(scaled 60 10000)" give-up
	stop receiver
	exactly "$(grep -c '^from pid' receiver.out)"
}

@test "fdecho serves exactly those that were told so" {
	LIMIT=300
	start receiver fdecho ./s
	up ./s
	tried "$(scaled 60 10000)" give-up echo
	stop receiver
	is_status 0
	[ "$ok" -gt 0 ] && [ "$other" -gt 0 ]
}

@test "of senders that are killed, those with status 0 are taken" {
	not_sanitized "they start too slowly"
	LIMIT=300
	start receiver fdrecv -k ./s sh -c 'echo >>ran'
	up ./s
	: >ran
	tried "$(scaled 60 3000)" kill
	stop receiver
	wait_for none_left
	# What was answered before its end is taken, too.
	[ "$(wc -l <ran)" -ge "$ok" ]
	[ "$(wc -l <ran)" -le "$((ok + other))" ]
	[ "$ok" -gt 0 ] && [ "$other" -gt 0 ]
}

@test "who never waits for an answer is gone early, and what was sent is taken" {
	start receiver fdrecv -k ./s sh -c 'echo >>ran'
	up ./s
	: >ran
	signal receiver STOP
	wait_for halted receiver
	cat >foreign.py <<-'EOF'
	import socket, sys, array
	def send(prepare):
	    s = socket.socket(socket.AF_UNIX)
	    prepare(s)
	    s.connect("./s")
	    s.sendmsg([b"\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
	        array.array("i", [0]))])
	    s.close()
	send(lambda s: None)
	send(lambda s: s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1))
	send(lambda s: s.bind("\0" + sys.argv[1]))
	send(lambda s: s.bind("./own"))
	EOF
	run_limited python3 foreign.py "$(unique own)"
	is_status 0
	limited fdsend -d ./s
	signal receiver CONT
	wait_for has 5 cat ran
	stop receiver
	rm ./own
}

@test "who gives up while the receiver is halted keeps what was sent" {
	start receiver fdrecv -k ./s sh -c 'echo >>ran'
	up ./s
	: >ran
	signal receiver STOP
	wait_for halted receiver
	fails 124 "fdsend: ./s: not taken within 0.1 s: no answer" \
		fdsend -t 0.1 ./s
	signal receiver CONT
	limited fdsend ./s
	stop receiver
	same "$(wc -l <ran)" 1
}

@test "a relay does not let go of what it has sent" {
	start receiver fdrecv -k ./s sh -c 'echo >>ran'
	up ./s
	: >ran
	signal receiver STOP
	wait_for halted receiver
	run_apart sh -c 'fdpipe fdsend - "|" fdsend -r -t 0.1 ./s'
	like "$stderr" "fdsend: ./s: not taken within 0.1 s: no answer"
	signal receiver CONT
	wait_for has 1 cat ran
	stop receiver
}

@test "a receiver that answers not now is not said to be silent, and what waits says once what for" {
	local i option words="refused by the receiver: not now"

	start busy python3 -c '
import socket
s = socket.socket(socket.AF_UNIX)
s.bind("./s")
s.listen(64)
while True:
    c = s.accept()[0]
    try:
        c.recv(9)
        c.send(b"r")
    except OSError:
        pass
    c.close()'
	up ./s
	# They say so after three seconds; the rest is tried beside them.
	start waiting fdsend -w ./s
	start alone fdsend -w ./nobody
	# (The time may run out while the receiver, on a busy machine, has not yet
	# answered the last of many tries.)
	for option in -w -v; do
		for i in 1 2 3 4 5; do
			run_apart fdsend "$option" -t 0.5 ./s
			is_status 124
			case $stderr in
			*"./s: not taken within 0.5 s: $words") break ;;
			esac
			[ "$i" -lt 5 ]
		done
	done
	fdsend -v ./s 2>trace || :
	grep -q "^S7 fdsend.*: recv([0-9]*) = not now$" trace
	wait_for test -s waiting.err
	[ "$(cat waiting.err)" = "fdsend: ./s: no answer; still waiting" ] ||
		same "$(cat waiting.err)" "fdsend: ./s: $words; still waiting"
	stop waiting KILL
	stop busy KILL
	rm s
	wait_for test -s alone.err
	same "$(cat alone.err)" \
		"fdsend: ./nobody: connect: No such file or directory; still waiting"
	start receiver fdrecv ./nobody true
	ended alone
	is_status 0
	one_line alone.err
	ended receiver
}

@test "FDTRACE=file appends lines with the time in front" {
	local line

	start receiver fdrecv ./s true
	up ./s
	FDTRACE=file:$PWD/trace limited fdsend ./s
	ended receiver
	[ "$(wc -l <trace)" -ge 4 ]
	while read -r line; do
		[[ $line =~ ^[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}\ S7\ fdsend ]] ||
			{ echo "$line"; false; }
	done <trace
	fails 1 "fdsend: FDTRACE=file:./no/file: open: No such file *" \
		env FDTRACE=file:./no/file fdsend ./s
}

@test "variables that only look like ours stay" {
	start server env UNIX_SOCKET=a LISTEN_ADDR=b TCP_BACKLOG_HINT=c \
		TCPDUMP=d PROTOCOL=e TCPREMOTEIP=stale fdlisten ./a env
	up ./a
	run_limited client ./a
	for line in UNIX_SOCKET=a LISTEN_ADDR=b TCP_BACKLOG_HINT=c TCPDUMP=d \
		PROTOCOL=e; do
		grep -qx "$line" <<<"$output"
	done
	not grep -q TCPREMOTEIP <<<"$output"
	ended server
}

@test "time that ran out says what was missing" {
	mkfifo fifo
	fails 124 "fdlisten: fifo: no reader within 0.1 s" \
		fdlisten -t 0.1 -o fifo 127.0.0.1:0 true
	start listener sh -c '{ fdlisten -t 0.1 127.0.0.1:0; } | sleep 0.5'
	start sender sh -c '{ fdsend -t 0.1 -; } | sleep 0.5'
	ended listener
	same "$(cat listener.err)" \
		"fdlisten: standard output: no reader within 0.1 s"
	ended sender
	same "$(cat sender.err)" "fdsend: -: no reader within 0.1 s"
	fails 124 "fdsend: ./s: not taken within 0.1 s: connect: No such *" \
		fdsend -w -t 0.1 ./s
}
