# SPDX-License-Identifier: ISC
# Node: sockets by number, and the handles of child_process, which are
# messages with descriptors too: a line of JSON each.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

setup()
{
	common_setup
	need node
}

@test "a Node server serves on a socket of fdlisten -l" {
	cat >server.js <<-'END'
	const net = require('net');
	net.createServer({ allowHalfOpen: true }, s => s.pipe(s))
	    .listen({ fd: 3 });
	END
	start server fdlisten -l -o address 127.0.0.1:0 node server.js
	limited load -n 20 -c 4 "$(address_of address)"
	stop server
}

@test "Node talks over the connection that fdlisten accepted" {
	cat >connection.js <<-'END'
	const net = require('net');
	const s = new net.Socket({ fd: 0, readable: true, writable: true,
	    allowHalfOpen: true });
	s.on('data', d => s.write(d.toString().toUpperCase()));
	s.on('end', () => s.end());
	END
	start server fdlisten -o address 127.0.0.1:0 node connection.js
	same "$(echo hello | limited client "$(address_of address)")" HELLO
	ended server
	is_status 0
}

@test "Node talks over the connection that fdconnect made" {
	start server fdlisten ./a sh -c 'read -r line; echo "you said: $line"'
	up ./a
	cat >talk.js <<-'END'
	const net = require('net');
	const s = new net.Socket({ fd: 6, readable: true, writable: true });
	s.on('data', d => process.stdout.write(d));
	s.write('hello\n');
	END
	run_limited fdconnect ./a node talk.js
	is_status 0
	same "$output" "you said: hello"
	ended server
}

# A parent that accepts a connection of its own and sends it to its child,
# which then answers the client.
write_parent()
{
	cat >parent.js <<-'END'
	const net = require('net');
	const { spawn } = require('child_process');
	const child = spawn('sh', ['./child'],
	    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
	const server = net.createServer({ pauseOnConnect: true }, s => {
	    child.send('a connection', s);
	    server.close();
	});
	server.listen(0, '127.0.0.1', () => {
	    const client = net.connect(server.address().port, '127.0.0.1');
	    client.end('hello\n');
	    client.on('data', d => process.stdout.write(d));
	    client.on('end', () => console.log('end'));
	});
	END
}

@test "fdrecv receives a connection from a Node parent, and shows it" {
	write_parent
	echo 'fdrecv "fd:$NODE_CHANNEL_FD"; kill "$PPID"' >child
	run_limited node parent.js
	like "${lines[0]}" 'from *, payload "{*NODE_HANDLE*a connection*", 1 descriptor'
	like "${lines[1]}" "*0 tcp rw *"
}

@test "a worker of fdrecv serves the client of a Node parent" {
	write_parent
	# Node keeps its own copy until it has the answer, on the channel.
	cat >child <<-'END'
	exec fdrecv -f 5 "fd:$NODE_CHANNEL_FD" sh -c '
		echo "{\"cmd\":\"NODE_HANDLE_ACK\"}"
		exec fdecho <&5 >&5' >&"$NODE_CHANNEL_FD"
	END
	run_limited node parent.js
	is_status 0
	same "$output" $'hello\nend'
}

@test "fdsend sends a connection to a Node child" {
	cat >child.js <<-'END'
	process.on('message', (message, socket) => socket.end(message + '\n'));
	END
	cat >server <<-'END'
	fdpipe fdsend -s '{"cmd":"NODE_HANDLE","type":"net.Socket","msg":"hello"}
	' - '|' env NODE_CHANNEL_FD=0 node child.js
	END
	start server fdlisten -o address 127.0.0.1:0 sh ./server
	same "$(limited client "$(address_of address)")" hello
	ended server
	is_status 0
}

@test "fdsend sends a listening socket to a Node child" {
	cat >child.js <<-'END'
	process.on('message', (message, server) => {
	    server.on('connection', s => {
	        s.end(message + '\n');
	        server.close();
	    });
	});
	END
	cat >server <<-'END'
	fdpipe fdsend -f 3 -s '{"cmd":"NODE_HANDLE","type":"net.Server","msg":"hello"}
	' - '|' env NODE_CHANNEL_FD=0 node child.js
	END
	start server fdlisten -l -o address 127.0.0.1:0 sh ./server
	same "$(limited client "$(address_of address)")" hello
	ended server
	is_status 0
}
