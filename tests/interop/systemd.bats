# SPDX-License-Identifier: ISC
# The protocols of a service manager: LISTEN_FDS, the notification socket with
# its descriptor store, and systemd-socket-activate.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

# A service in the manner of sd_listen_fds(3): it looks whether the
# descriptors are meant for it, and what they are.
need_service()
{
	need python3
	cat >service.py <<-'END'
	import os, selectors, signal, socket
	assert int(os.environ["LISTEN_PID"]) == os.getpid()
	selector = selectors.DefaultSelector()
	for fd in range(3, 3 + int(os.environ["LISTEN_FDS"])):
	    s = socket.socket(fileno=fd)
	    assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
	    assert s.type == socket.SOCK_STREAM
	    selector.register(s, selectors.EVENT_READ, fd)
	while True:
	    for key, _ in selector.select():
	        connection, _ = key.fileobj.accept()
	        connection.sendall(b"%d\n" % key.data)
	        connection.close()
	END
}

@test "a service that wants LISTEN_FDS gets two sockets from fdlisten -l" {
	need_service
	start service fdlisten -l -o address 127.0.0.1:0 \
		fdlisten -l ./two python3 service.py
	up ./two
	same "$(limited client "$(address_of address)")" 3
	same "$(limited client ./two)" 4
	same "$(limited client "$(address_of address)")" 3
	stop service
	rm two
}

@test "systemd-socket-proxyd serves two sockets of fdlisten -l" {
	local proxyd

	for proxyd in {,/usr}/lib/systemd/systemd-socket-proxyd; do
		[ ! -x "$proxyd" ] || break
	done
	[ -x "$proxyd" ] || skip "systemd-socket-proxyd is not installed"
	start server fdlisten -k -o server 127.0.0.1:0 \
		sh -c 'read -r line; echo "you said: $line"'
	start proxy fdlisten -l -o address 127.0.0.1:0 \
		fdlisten -l ./two "$proxyd" "$(address_of server)"
	up ./two
	for address in "$(address_of address)" ./two; do
		# It does not care for half of a connection.
		run_limited fdconnect "$address" \
			sh -c 'echo hello >&7; head -n 1 <&6'
		same "$output" "you said: hello"
	done
	stop proxy
	rm two
}

# --- the notification socket

# manager NAME: a datagram socket that takes one message, as the service
# manager does, and shows who sent what.
manager()
{
	need_linux
	need python3
	cat >manager.py <<-'END'
	import os, socket, struct, sys
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
	name = sys.argv[1]
	s.bind("\0" + name[1:] if name[0] == "@" else name)
	print("ready", flush=True)
	message, control, flags, _ = s.recvmsg(4096, 4096)
	assert not flags & socket.MSG_CTRUNC
	fds = []
	for level, kind, data in control:
	    if kind == socket.SCM_RIGHTS:
	        fds += struct.unpack("%di" % (len(data) // 4), data)
	    elif kind == socket.SCM_CREDENTIALS:
	        print("pid %d uid %d gid %d" % struct.unpack("3i", data))
	print(message.decode().replace("\n", "|"), len(fds))
	if len(sys.argv) > 2:
	    # Given back when the service is started again.
	    for number, fd in enumerate(fds, 3):
	        os.dup2(fd, number)
	    os.environ["LISTEN_FDS"] = str(len(fds))
	    os.environ["LISTEN_PID"] = str(os.getpid())
	    sys.stdout.flush()
	    os.execvp(sys.argv[2], sys.argv[2:])
	END
	start manager python3 manager.py "$@"
	wait_for grep -qx ready manager.out
}

@test "FDSTORE=1 brings a descriptor to a notification socket" {
	manager ./notify
	limited sh -c 'echo $$ >pid; exec fdsend -s "FDSTORE=1
FDNAME=web" ./notify'
	ended manager
	is_status 0
	same "$(cat manager.out)" "ready
pid $(cat pid) uid $(id -u) gid $(id -g)
FDSTORE=1|FDNAME=web 1"
	rm notify
}

@test "NOTIFY_SOCKET may be abstract, and is a SOCKET as it stands" {
	NOTIFY_SOCKET=$(unique notify)
	export NOTIFY_SOCKET
	manager "$NOTIFY_SOCKET"
	run_limited sh -c 'exec fdsend -s FDSTORE=1 "$NOTIFY_SOCKET"'
	is_status 0
	ended manager
	like "$(cat manager.out)" "*FDSTORE=1 1"
}

@test "a listening socket is stored, and comes back to the service" {
	manager ./notify fdlisten -k fd:3 echo served
	limited fdlisten -l -o address 127.0.0.1:0 \
		fdsend -f 3 -s FDSTORE=1 ./notify
	same "$(limited client "$(address_of address)")" served
	stop manager
	rm notify
}

@test "a notification socket that is not there is an error" {
	fails 1 "fdsend: ./notify: connect: No such file or directory" \
		fdsend -s FDSTORE=1 ./notify
}

# --- systemd-socket-activate

@test "systemd-socket-activate starts fdlisten on its socket" {
	need systemd-socket-activate
	start activate systemd-socket-activate -l "$PWD/a" \
		fdlisten -k fd:3 fdecho
	up ./a
	same "$(echo hello | limited client ./a)" hello
	limited load -n 20 -c 4 ./a
	stop activate
	is_status 0
	rm a
}

@test "systemd-socket-activate: fdlisten -l adds to its sockets" {
	need systemd-socket-activate
	need_service
	start activate systemd-socket-activate -l "$PWD/a" -l "$PWD/b" \
		fdlisten -l -o address 127.0.0.1:0 python3 service.py
	up ./b
	same "$(limited client ./a)" 3
	same "$(limited client ./b)" 4
	same "$(limited client "$(address_of address)")" 5
	stop activate
	rm a b
}

@test "systemd-socket-activate -a hands each connection to fdsend" {
	need systemd-socket-activate
	start pool fdrecv -n 2 ./pool fdecho
	start activate systemd-socket-activate -a -l "$PWD/a" \
		fdsend -w -f 3 ./pool
	up ./a
	same "$(echo one | limited client ./a)" one
	same "$(echo two | limited client ./a)" two
	stop activate
	stop pool
	rm a
}

@test "systemd-socket-activate --inetd hands each connection to fdsend" {
	need systemd-socket-activate
	start pool fdrecv -n 2 ./pool fdecho
	start activate systemd-socket-activate -a --inetd -l "$PWD/a" \
		fdsend -w ./pool
	up ./a
	same "$(echo one | limited client ./a)" one
	same "$(echo two | limited client ./a)" two
	stop activate
	stop pool
	rm a
}
