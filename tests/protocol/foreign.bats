# SPDX-License-Identifier: ISC
# Peers that speak the protocol without fdpass.

load ../lib/helpers

need_python()
{
	need python3
	python3 -c 'from socket import send_fds, recv_fds' 2>/dev/null ||
		skip "this python3 has no socket.send_fds"
}

# --- Python sends

@test "Python's send_fds sends a file to fdrecv, and is answered NUL" {
	need_python
	echo hello >file
	# shellcheck disable=SC2016
	start receiver fdrecv ./s sh -c 'cat; echo "<$FDRECV_PAYLOAD>"'
	listens ./s
	cat >sender.py <<-'END'
	import socket
	s = socket.socket(socket.AF_UNIX)
	s.connect("./s")
	with open("file") as f:
	    socket.send_fds(s, [b"from Python"], [f.fileno()])
	s.shutdown(socket.SHUT_WR)
	print(s.recv(10), s.recv(10))
	END
	run_limited python3 sender.py
	is_status 0
	same "$output" "b'\\x00' b''"
	ended receiver
	is_status 0
	same "$(cat receiver.out)" $'hello\n<from Python>'
}

@test "Python's send_fds sends a connection to a pool" {
	need_python
	start pool fdrecv -n 2 ./s fdecho
	listens ./s
	cat >server.py <<-'END'
	import socket
	listener = socket.create_server(("127.0.0.1", 0))
	client = socket.create_connection(listener.getsockname())
	accepted, _ = listener.accept()
	s = socket.socket(socket.AF_UNIX)
	s.connect("./s")
	socket.send_fds(s, [b"\0"], [accepted.fileno()])
	accepted.close()
	client.sendall(b"hello")
	client.shutdown(socket.SHUT_WR)
	print(client.makefile().read())
	END
	run_limited python3 server.py
	is_status 0
	same "$output" hello
	stop pool
	is_status 0
	same "$(cat pool.err)" ""
}

@test "Python's send_fds with three descriptors is refused by a plain worker" {
	need_python
	start worker fdrecv -k ./s true
	listens ./s
	cat >sender.py <<-'END'
	import socket
	s = socket.socket(socket.AF_UNIX)
	s.connect("./s")
	socket.send_fds(s, [b"\0"], [0, 1, 2])
	s.shutdown(socket.SHUT_WR)
	print(s.recv(10) not in (b"", b"\0"))
	END
	run_limited python3 sender.py
	same "$output" True
	one_line worker.err
	stop worker
	is_status 0
}

@test "a sender that closes at once, without waiting, is served" {
	need_python
	start worker fdrecv -k ./s echo received
	listens ./s
	cat >sender.py <<-'END'
	import socket
	s = socket.socket(socket.AF_UNIX)
	s.connect("./s")
	socket.send_fds(s, [b"x"], [0])
	s.close()
	END
	limited python3 sender.py
	wait_for grep -qx received worker.out
	same "$(cat worker.err)" ""
	stop worker
	is_status 0
}

@test "a sender that does not end its writing side is served" {
	need_python
	start receiver fdrecv ./s echo received
	listens ./s
	cat >sender.py <<-'END'
	import socket
	s = socket.socket(socket.AF_UNIX)
	s.connect("./s")
	socket.send_fds(s, [b"x"], [0])
	print(s.recv(10))
	END
	run_limited python3 sender.py
	same "$output" "b'\\x00'"
	ended receiver
	is_status 0
	same "$(cat receiver.out)" received
}

# --- Python receives

# python_receiver ANSWER: a program that takes one message, shows it, answers.
python_receiver()
{
	cat >receiver.py <<-END
	import os, socket
	listener = socket.socket(socket.AF_UNIX)
	listener.bind("./s")
	listener.listen()
	s, _ = listener.accept()
	os.unlink("./s")
	message, fds, flags, _ = socket.recv_fds(s, 70000, 253)
	print(message, len(fds), flags & socket.MSG_CTRUNC)
	for fd in fds:
	    print(os.read(fd, 100))
	$1
	END
	start receiver python3 receiver.py
	up ./s
}

@test "Python's recv_fds receives a file from fdsend" {
	need_python
	python_receiver 's.send(b"\0")'
	echo hello >file
	run_limited fdsend -s "a payload" ./s <file
	is_status 0
	ended receiver
	same "$(cat receiver.out)" $'b\'a payload\' 1 0\nb\'hello\\n\''
}

@test "Python's recv_fds receives 253 descriptors from fdsend" {
	local copies=() i

	need_python
	python_receiver 's.send(b"\0")'
	for ((i = 0; i < 253; i++)); do
		copies+=(-f 0)
	done
	run_limited fdsend "${copies[@]}" ./s
	is_status 0
	ended receiver
	same "$(head -n 1 receiver.out)" "b'\\x00' 253 0"
}

@test "a Python receiver that closes without an answer has taken it" {
	need_python
	python_receiver 's.close()'
	run_limited fdsend ./s
	is_status 0
	same "$output" ""
}

@test "a Python receiver that answers anything else has refused it" {
	need_python
	python_receiver 's.send(b"\x01")'
	fails 1 "fdsend: ./s: refused by the receiver" fdsend ./s
	python_receiver 's.send(b"no")'
	fails 1 'fdsend: ./s: answered "no": not an fdrecv; *' fdsend ./s
}

@test "Python on a datagram socket receives from fdsend" {
	need_python
	cat >receiver.py <<-'END'
	import os, socket
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.bind("./s")
	message, fds, _, _ = socket.recv_fds(s, 1000, 10)
	print(message, len(fds))
	os.unlink("./s")
	END
	start receiver python3 receiver.py
	up ./s
	run_limited fdsend -s "FDSTORE=1" ./s
	is_status 0
	ended receiver
	same "$(cat receiver.out)" "b'FDSTORE=1' 1"
}

@test "fdsend hands a connection to a Python server" {
	need_python
	cat >worker.py <<-'END'
	import os, socket
	listener = socket.socket(socket.AF_UNIX)
	listener.bind("./s")
	listener.listen()
	s, _ = listener.accept()
	os.unlink("./s")
	_, fds, _, _ = socket.recv_fds(s, 100, 10)
	s.send(b"\0")
	connection = socket.socket(fileno=fds[0])
	connection.sendall(connection.makefile().read().upper().encode())
	END
	start worker python3 worker.py
	start server fdlisten -o address 127.0.0.1:0 fdsend -w ./s
	same "$(echo hello | limited client "$(address_of address)")" HELLO
	ended server
	is_status 0
	ended worker
	is_status 0
}

# --- others

@test "descriptors in two control messages arrive" {
	start receiver fdrecv -f 5 -f 6 -f 7 ./s show -o shown fds
	up ./s
	same "$(limited foreign send -2 -n 3 ./s)" "answer 0"
	ended receiver
	is_status 0
	same "$(cat shown)" "fds 0 1 2 5 6 7"
}

@test "bytes that come before the descriptors belong to the payload" {
	start receiver fdrecv ./s printenv FDRECV_PAYLOAD
	up ./s
	same "$(limited foreign send -c -s hello ./s)" "answer 0"
	ended receiver
	same "$(cat receiver.out)" hello
}

@test "a payload of a foreign sender that arrives in pieces is whole" {
	# shellcheck disable=SC2016
	start receiver fdrecv ./s sh -c 'echo "${#FDRECV_PAYLOAD}"'
	up ./s
	same "$(limited foreign send -b 65536 ./s)" "answer 0"
	ended receiver
	is_status 0
	same "$(cat receiver.out)" 65536
}

@test "fdsend tries the type of a datagram socket" {
	start receiver foreign receive -D ./s
	up ./s
	run_limited fdsend -s hello ./s
	is_status 0
	same "$output" ""
	ended receiver
	same "$(cat receiver.out)" "descriptors 1 bytes 5 payload hello"
	rm s
}

@test "fdsend sends many descriptors to a datagram socket" {
	start receiver foreign receive -D ./s
	up ./s
	run_limited fdsend -f 0 -f 0 -f 0 ./s
	is_status 0
	ended receiver
	same "$(cat receiver.out)" 'descriptors 3 bytes 1 payload \0'
	rm s
}
