# SPDX-License-Identifier: ISC
# Datagram sockets: fdlisten -l -u, alone, held, and given to the next server.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers


# receive: what reads one datagram from descriptor 3, a socket.
receive='dd bs=65536 count=1 status=none <&3'

# tell HOST PORT WORD: one datagram.
tell()
{
	printf %s "$3" >"/dev/udp/$1/$2"
}

# taken OPERAND HOST: a datagram to HOST reaches who listens on OPERAND.
taken()
{
	start server fdlisten -l -u -o address "$1" sh -c "$receive"
	tell "$2" "$(port_of address)" word
	ended server
	is_status 0
	same "$(<server.out)" word
	rm address
}

@test "a UDP socket for IPv4" {
	taken 127.0.0.1:0 127.0.0.1
	taken 0 127.0.0.1
	taken localhost:0 localhost
}

@test "a UDP socket for IPv6" {
	need_ipv6
	taken '[::1]:0' ::1
}

@test "a UDP socket for both" {
	taken :0 127.0.0.1
	need_ipv6
	taken :0 ::1
}

@test "a UNIX datagram socket has its mode, and stays for COMMAND" {
	start server fdlisten -l -u -m 620 -o address ./log sh -c "$receive"
	same "$(address_of address)" ./log
	same "$(mode_of log)" 620
	limited foreign send -D -s word ./log
	ended server
	is_status 0
	same "$(<server.out)" word
	test -S log
	rm log
}

@test "an abstract datagram socket" {
	local name

	need_linux
	name=$(unique log)
	start server fdlisten -l -u "$name" sh -c "$receive"
	wait_for grep -qF "$name" /proc/net/unix
	limited foreign send -D -s word "$name"
	ended server
	same "$(<server.out)" word
}

@test "COMMAND finds it announced, and nothing of a connection" {
	run_limited fdlisten -l -u -i dns 127.0.0.1:0 \
		fdlisten -l -i dns-tcp 127.0.0.1:0 env
	is_status 0
	grep -qx LISTEN_FDS=2 <<<"$output"
	grep -qx LISTEN_FDNAMES=dns:dns-tcp <<<"$output"
	not grep -E '^(PROTO|TCP|UNIX)' <<<"$output"
	run_limited with -x fdlisten -l -u 127.0.0.1:0 show fds fd
	grep -qx "fds 0 1 2 3" <<<"$output"
}

@test "fdinfo shows what it is" {
	run_limited fdlisten -l -u -o address 127.0.0.1:0 fdinfo 3
	like "$output" "3 udp rw - local=$(cat address) *"
	run_limited fdlisten -l -u ./log fdinfo 3
	like "$output" "3 unix rw - type=dgram local=./log *"
	rm log
}

@test "a second one on the same address is refused" {
	start server fdlisten -l -u -o address 127.0.0.1:0 sleep 20
	fails 1 "fdlisten: *: bind: Address already in use" \
		fdlisten -l -u "$(address_of address)" true
	stop server
	start server fdlisten -l -u ./log sleep 20
	up ./log
	fails 1 "fdlisten: ./log: bind: Address already in use" \
		fdlisten -l -u ./log true
	fails 1 "fdlisten: ./log: bind: Address already in use" \
		fdlisten -l ./log true
	stop server
	run_limited fdlisten -l -u ./log true
	is_status 0
	rm log
}

@test "a name that a stream socket has is not taken" {
	start server fdlisten -l ./log sleep 20
	up ./log
	fails 1 "fdlisten: ./log: bind: Address already in use" \
		fdlisten -l -u ./log true
	stop server
	rm log
}

@test "fd:N is a datagram socket with an address" {
	run_limited fdlisten -l -u -o address 127.0.0.1:0 \
		env -u LISTEN_FDS fdlisten -l -u fd:3 fdinfo 3
	like "$output" "3 udp rw - local=$(cat address) *"
	fails 1 "fdlisten: fd:3: the descriptor is not a datagram socket" \
		fdlisten -l 127.0.0.1:0 fdlisten -l -u fd:3 true
	fails 1 "fdlisten: fd:3: the descriptor is not a listening socket" \
		fdlisten -l -u 127.0.0.1:0 fdlisten -l fd:3 true
	fails 1 "fdlisten: fd:5: the datagram socket has no address" \
		with -P 5 fdlisten -l -u fd:5 true
	fails 1 "fdlisten: fd:0: datagram socket: *" fdlisten -l -u fd:0 true
}

@test "the trace has no listen" {
	run_limited fdlisten -v -l -u 127.0.0.1:0 true
	like "$output" "*S1 *socket()*S2 *bind(*"
	not grep -q S3 <<<"$output"
}

@test "-u is wrong usage where something is to be accepted" {
	refuses "fdlisten: -u goes with -l*" fdlisten -u 127.0.0.1:0 true
	refuses "fdlisten: -u goes with -l*" fdlisten -ku ./log true
	not test -e log
}

@test "without COMMAND it goes over the stream, with its name" {
	run_limited sh -c 'fdlisten -l -u -i dns -o address 127.0.0.1:0 |
		fdrecv -a - sh -c "echo \$LISTEN_FDNAMES; fdinfo 3"'
	like "$output" $'dns\n'"3 udp rw - local=$(cat address) *"
}

@test "a connected UDP socket is not said to be TCP" {
	need python3
	start receiver fdrecv ./s sh -c 'env >vars'
	limited python3 -c '
import os, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.1", 9))
os.execvp("fdsend", ["fdsend", "-w", "-f", "%d" % s.fileno(), "./s"]
    if not os.set_inheritable(s.fileno(), True) else [])'
	ended receiver
	is_status 0
	grep -q ^FDRECV_PAYLOAD= vars
	not grep -E '^(PROTO|TCP)' vars
}

# --- held

@test "a UDP socket is held; what comes while no server is there waits" {
	local port word

	start holder fdlisten -l -u -o address 127.0.0.1:0 \
		fdlisten -k ./keep fdsend -f 3 -s dns -
	port=$(port_of address)
	for word in one two; do
		start server fdrecv -acw ./keep sh -c \
			"echo \$LISTEN_FDNAMES; $receive"
		tell 127.0.0.1 "$port" "$word"
		ended server
		same "$(<server.out)" $'dns\n'"$word"
	done
	tell 127.0.0.1 "$port" three
	run_limited fdrecv -acw ./keep sh -c "$receive"
	same "$output" three
	stop holder
}

# Each answers queries, and on SIGTERM takes no more of them; what it has not
# taken is the next one's. The client keeps so many questions open as a queue
# holds, and asks each once.
need_name_server()
{
	need python3
	cat >named.py <<-'END'
	import os, signal, socket, struct
	s = socket.socket(fileno=3)
	signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
	wake, tell = socket.socketpair()
	tell.setblocking(False)
	signal.set_wakeup_fd(tell.fileno())
	signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
	s.settimeout(1)
	while True:
	    # Only here may it end.
	    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
	    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
	    try:
	        query, client = s.recvfrom(512)
	    except TimeoutError:
	        continue
	    s.sendto(query + struct.pack("!I", os.getpid()), client)
	END
	cat >ask.py <<-'END'
	import socket, struct, sys, time
	address, total = ("127.0.0.1", int(sys.argv[1])), int(sys.argv[2])
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.settimeout(20)
	asked, answered, servers = 0, set(), set()
	while len(answered) < total:
	    while asked < total and asked - len(answered) < 50:
	        s.sendto(struct.pack("!HI", 0x1234, asked), address)
	        asked += 1
	    try:
	        answer = s.recv(512)
	    except TimeoutError:
	        break
	    _, number, server = struct.unpack("!HII", answer)
	    answered.add(number)
	    servers.add(server)
	    if len(answered) % 500 == 0:
	        print(len(answered), flush=True)
	        time.sleep(0.1)
	print("answered %d of %d, %d servers" %
	    (len(answered), asked, len(servers)))
	END
}

@test "a name server is replaced under load, and no question is lost" {
	local i

	need_name_server
	start holder fdlisten -l -u -i dns -o address 127.0.0.1:0 \
		fdlisten -k ./keep fdsend -f 3 -s dns -
	start client python3 ask.py "$(port_of address)" 4000
	for ((i = 1; i <= 8; i++)); do
		start server fdrecv -acw ./keep python3 named.py
		wait_for eval "[ \"\$(wc -l <client.out)\" -ge $i ]"
		# The last one stays until all is answered.
		[ "$i" -eq 8 ] || stop server
	done
	ended client
	is_status 0
	like "$(tail -n 1 client.out)" "answered 4000 of 4000, [2-8] servers"
	stop server
	stop holder
}
