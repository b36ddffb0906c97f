# SPDX-License-Identifier: ISC
# A listening socket that is held across restarts of the server that uses it:
# no client is refused, no connection is reset.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers
load ../lib/requests

# hold: the holder, with the listening socket; its address in $address.
hold()
{
	start holder fdlisten -l -o address 127.0.0.1:0 \
		fdlisten -k ./web.hold fdsend -f 3 -
	address=$(address_of address)
}

# serve NAME COMMAND...: a server on the held socket, as descriptor 3.
serve()
{
	local name=$1

	shift
	start "$name" fdconnect -w ./web.hold fdrecv -f 3 fd:6 "$@"
}

# Each server answers with its process id, and on SIGTERM takes no more
# connections and finishes what it has.
need_python_server()
{
	need python3
	cat >server.py <<-'END'
	import http.server, os, signal, socket, threading

	class Handler(http.server.BaseHTTPRequestHandler):
	    def do_GET(self):
	        body = b"%d\n" % os.getpid()
	        self.send_response(200)
	        self.send_header("Content-Length", str(len(body)))
	        self.end_headers()
	        self.wfile.write(body)

	    def log_message(self, *args):
	        pass

	server = http.server.HTTPServer(None, Handler, bind_and_activate=False)
	server.socket.close()
	server.socket = socket.socket(fileno=3)
	# Another server may take what this one was woken for.
	server.socket.setblocking(False)
	signal.signal(signal.SIGTERM, lambda *_:
	    threading.Thread(target=server.shutdown).start())
	server.serve_forever(0.05)
	END
}

need_node_server()
{
	need node
	cat >server.js <<-'END'
	const server = require('http').createServer((request, response) => {
	    response.setHeader('Connection', 'close');
	    response.end(process.pid + '\n');
	});
	server.listen({ fd: 3 });
	process.on('SIGTERM', () => server.close());
	END
}

# answered NAME: wait until that server has answered a client.
answered()
{
	wait_for grep -qx "$(process "$1")" load.out
}

# all_served: the clients end, and every one of them was served.
all_served()
{
	stop load
	is_status 0
	like "$(tail -n 1 load.out)" "ok=[1-9]*"
	not like "$(tail -n 1 load.out)" "* *"
}

# restarted COMMAND...: three restarts under load, one server at a time.
restarted()
{
	hold
	start_requests load "$address"
	for _ in 1 2 3 4; do
		serve server "$@"
		answered server
		stop server
		is_status 0
		same "$(cat server.err)" ""
	done
	# The last clients wait in the queue of the socket that is held.
	serve server "$@"
	all_served
	stop server
	stop holder
	is_status 0
	same "$(cat holder.err)" ""
}

# handed_over: one server takes over from another that still runs.
handed_over()
{
	hold
	start_requests load "$address"
	serve old "$@"
	answered old
	serve new "$@"
	answered new
	stop old
	is_status 0
	serve newest "$@"
	answered newest
	stop new
	is_status 0
	all_served
	stop newest
	stop holder
}

@test "a Python HTTP server is restarted under load" {
	need_python_server
	restarted python3 server.py
}

@test "a Python HTTP server takes over from its predecessor under load" {
	need_python_server
	handed_over python3 server.py
}

@test "a Node HTTP server is restarted under load" {
	need python3
	need_node_server
	restarted node server.js
}

@test "a Node HTTP server takes over from its predecessor under load" {
	need python3
	need_node_server
	handed_over node server.js
}

@test "a Node server takes over from a Python server, and back" {
	need_python_server
	need_node_server
	hold
	start_requests load "$address"
	serve one python3 server.py
	answered one
	serve two node server.js
	answered two
	stop one
	is_status 0
	serve three python3 server.py
	answered three
	stop two
	is_status 0
	all_served
	stop three
	stop holder
}

@test "fdlisten as the server is restarted under load" {
	hold
	start load load -d 2 -c 8 -s 1000 "$address"
	for _ in 1 2 3 4 5; do
		serve server fdlisten -k fd:3 fdecho
		same "$(echo hello | limited client "$address")" hello
		stop server
		is_status 0
	done
	serve server fdlisten -k fd:3 fdecho
	ended load
	is_status 0
	like "$(cat load.out)" "ok=[1-9]* wrong=0 short=0 refused=0 reset=0 *"
	stop server
	stop holder
}

@test "clients that come while no server is there wait for the next" {
	hold
	start load load -n 20 -c 20 "$address"
	serve server fdlisten fd:3 fdecho
	ended server
	running load
	serve server fdlisten -k fd:3 fdecho
	ended load
	is_status 0
	like "$(cat load.out)" "ok=20 *"
	stop server
	stop holder
}

@test "a server that crashes takes only what it had accepted with it" {
	hold
	serve server fdlisten -k fd:3 fdecho
	same "$(echo hello | limited client "$address")" hello
	stop server KILL
	start load load -n 20 -c 20 "$address"
	serve server fdlisten -k fd:3 fdecho
	ended load
	is_status 0
	stop server
	stop holder
}

@test "the server gets the socket as 3 and nothing else of the hold" {
	start holder with -x fdlisten -l -o address 127.0.0.1:0 \
		fdlisten -k ./web.hold fdsend -f 3 -
	limited with -x fdconnect -w ./web.hold fdrecv -f 3 fd:6 \
		show -o shown fds fd
	same "$(head -n 1 shown)" "fds 0 1 2 3"
	grep -x "fd 3 tcp-listening rw" shown
	limited with -x fdconnect -w ./web.hold fdrecv -f 3 fd:6 env >vars
	not grep -E '^(TCP|UNIX|PROTO=|LISTEN_)' vars
	stop holder
}

@test "a server that wants LISTEN_FDS gets it with -a" {
	hold
	start server fdconnect -w ./web.hold fdrecv -a fd:6 \
		sh -c 'echo "$LISTEN_FDS"; [ "$LISTEN_PID" = $$ ] && echo mine
		exec fdlisten -k fd:3 fdecho'
	same "$(echo hello | limited client "$address")" hello
	same "$(cat server.out)" $'1\nmine'
	stop server
	stop holder
}

@test "the server outlives the holder" {
	hold
	serve server fdlisten -k fd:3 fdecho
	same "$(echo hello | limited client "$address")" hello
	stop holder
	is_status 0
	not test -e ./web.hold
	same "$(echo hello | limited client "$address")" hello
	stop server
}

@test "the hold is for the same user only" {
	hold
	up ./web.hold
	same "$(mode_of web.hold)" 600
	stop holder
}

@test "a UNIX socket is held as well" {
	start holder fdlisten -l ./front fdlisten -k ./web.hold fdsend -f 3 -
	up ./front
	serve server fdlisten fd:3 echo first
	same "$(limited client ./front)" first
	ended server
	serve server fdlisten fd:3 echo second
	same "$(limited client ./front)" second
	ended server
	stop holder
	# It belongs to those who use it.
	rm front
}
