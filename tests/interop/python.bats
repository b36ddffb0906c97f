# SPDX-License-Identifier: ISC
# Python: multiprocessing's way to send descriptors, socket.send_fds on streams
# that are inherited, and what subprocess passes on.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

setup()
{
	common_setup
	need python3
	python3 -c 'import socket; socket.send_fds; socket.recv_fds' 2>/dev/null ||
		skip "this python3 has no socket.send_fds"
}

@test "multiprocessing's recv_handle receives from fdsend" {
	echo hello >file
	cat >receiver.py <<-'END'
	import os
	from multiprocessing import connection, reduction
	with connection.Listener("./s", "AF_UNIX") as listener:
	    with listener.accept() as peer:
	        fd = reduction.recv_handle(peer)
	print(os.read(fd, 100))
	END
	start receiver python3 receiver.py
	up ./s
	# It wants to be told how many come, in one byte.
	run_limited fdsend -s $'\001' ./s <file
	is_status 0
	ended receiver
	is_status 0
	same "$(cat receiver.out)" "b'hello\\n'"
}

@test "multiprocessing's send_handle sends to fdrecv" {
	echo hello >file
	start receiver fdrecv ./s cat
	up ./s
	cat >sender.py <<-'END'
	from multiprocessing import connection, reduction
	with connection.Client("./s", "AF_UNIX") as peer, open("file") as f:
	    reduction.send_handle(peer, f.fileno(), None)
	END
	limited python3 sender.py
	ended receiver
	is_status 0
	same "$(cat receiver.out)" hello
}

@test "a Pipe of multiprocessing is a descriptor stream" {
	cat >server.py <<-'END'
	import socket, subprocess
	from multiprocessing import Pipe, reduction
	ours, theirs = Pipe()
	pool = subprocess.Popen(
	    ["fdrecv", "-n", "2", "fd:%d" % theirs.fileno(), "fdecho"],
	    pass_fds=[theirs.fileno()])
	theirs.close()
	listener = socket.create_server(("127.0.0.1", 0))
	for word in b"one", b"two", b"three":
	    client = socket.create_connection(listener.getsockname())
	    accepted, _ = listener.accept()
	    reduction.send_handle(ours, accepted.fileno(), pool.pid)
	    accepted.close()
	    client.sendall(word)
	    client.shutdown(socket.SHUT_WR)
	    print(client.makefile().read())
	ours.close()
	print(pool.wait())
	END
	run_limited python3 server.py
	is_status 0
	same "$output" $'one\ntwo\nthree\n0'
}

@test "send_fds and recv_fds over a socketpair that fdsend -r relays from" {
	cat >both.py <<-'END'
	import os, socket, subprocess
	a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
	c, d = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
	relay = subprocess.Popen(["fdsend", "-r", "-"], stdin=b, stdout=c)
	b.close()
	c.close()
	with open("file") as f, open("file") as g:
	    socket.send_fds(a, [b"first"], [f.fileno()])
	    socket.send_fds(a, [b"second"], [f.fileno(), g.fileno()])
	a.close()
	for _ in range(2):
	    message, fds, flags, _ = socket.recv_fds(d, 100, 10)
	    print(message.decode(), len(fds), os.pread(fds[-1], 100, 0))
	print(relay.wait(), socket.recv_fds(d, 100, 10)[:2])
	END
	echo hello >file
	run_limited python3 both.py
	is_status 0
	same "$output" $'first 1 b\'hello\\n\'\nsecond 2 b\'hello\\n\'\n'"0 (b'', [])"
}

@test "a Python server takes the connections of fdlisten from its input" {
	cat >worker.py <<-'END'
	import array, socket
	stream = socket.socket(fileno=0)
	while True:
	    message, fds, _, _ = socket.recv_fds(stream, 100, 10)
	    if not message:
	        break
	    for fd in fds:
	        with socket.socket(fileno=fd) as connection:
	            connection.sendall(connection.makefile("rb").read())
	END
	start server fdpipe fdlisten -k -o address 127.0.0.1:0 '|' \
		python3 worker.py
	limited load -n 20 -c 4 "$(address_of address)"
	stop server
}

@test "subprocess gives fdlisten a listening socket, as fd:N" {
	cat >server.py <<-'END'
	import socket, subprocess
	listener = socket.create_server(("127.0.0.1", 0))
	fd = listener.fileno()
	server = subprocess.Popen(["fdlisten", "fd:%d" % fd, "fdecho"],
	    pass_fds=[fd])
	client = socket.create_connection(listener.getsockname())
	client.sendall(b"hello")
	client.shutdown(socket.SHUT_WR)
	print(client.makefile().read(), server.wait(), listener.getblocking())
	END
	run_limited python3 server.py
	is_status 0
	same "$output" "hello 0 True"
}

@test "an asyncio server serves on a socket of fdlisten -l" {
	cat >server.py <<-'END'
	import asyncio, os, socket
	async def echo(reader, writer):
	    writer.write(await reader.read())
	    await writer.drain()
	    writer.close()
	async def main():
	    s = socket.socket(fileno=3)
	    server = await asyncio.start_server(echo, sock=s)
	    async with server:
	        await server.serve_forever()
	asyncio.run(main())
	END
	start server fdlisten -l -o address 127.0.0.1:0 python3 server.py
	limited load -n 20 -c 4 "$(address_of address)"
	stop server
}
