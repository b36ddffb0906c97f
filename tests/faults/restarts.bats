# SPDX-License-Identifier: ISC
# The recipes of fdpass-cookbook(7) that keep a socket while its servers come and
# go: no client is refused, no connection is broken. They run as they are
# printed, with a free port, and a ./server of the test's.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers
load ../lib/examples
load ../lib/requests

setup()
{
	common_setup
	port=$(free_port)
	server 'exec fdlisten -k fd:3 fdecho'
}

# recipe TITLE [N]: the Nth example of a section or subsection; without a TITLE,
# of the one that begins the page.
recipe()
{
	awk -v title="${1:-HOLD A SOCKET ACROSS A RESTART}" \
		-v number="${2-1}" '
		/^\.S[hs] / { this = substr($0, 5) }
		/^\.Bd / && this == title { n++; inside = 1; next }
		/^\.Ed/ { inside = 0 }
		inside && n == number' "$top_dir/man/fdpass-cookbook.7" |
		plain | sed "s/127.0.0.1:7000/127.0.0.1:$port/" >part
	[ -s part ] || { echo "no recipe $1" >&2; return 1; }
	cat part
}

# server SCRIPT: what ./server is.
server()
{
	printf '#!/bin/sh\n%s\n' "$1" >server.new
	chmod 755 server.new
	mv server.new server
}

# script NAME FILE: FILE as a shell script that runs in the background. It ends
# by SIGTERM, and with it what it has started: who starts others first; at last
# what has lost its parent meanwhile.
script()
{
	{
		cat <<-'END'
		end()
		{
			local pid
			for pid in $(ps -A -o ppid= -o pid= |
				awk -v "of=$1" '$1 == of { print $2 }'); do
				kill "$pid" 2>/dev/null
				end "$pid"
			done
		}
		rest()
		{
			ps -A -o sid= -o pid= -o comm= |
				awk -v "session=$$" \
					'$1 == session && $3 ~ /^fd/ { print $2 }'
		}
		trap 'end $$; wait; kill $(rest) 2>/dev/null; exit' TERM
		END
		cat "$2"
		echo 'while :; do wait; sleep 0.05; done'
	} >"$1.sh"
	start "$1" setsid bash "./$1.sh"
}

# serves: until somebody answers on the port.
serves()
{
	wait_for eval '[ "$(echo hello | limited client "127.0.0.1:$port")" \
		= hello ]'
}

# runs COMMAND NAME: whether the process NAME has become COMMAND.
runs()
{
	[ "$(ps -o comm= -p "$(process "$2")")" = "$1" ]
}

# start_load [SECONDS]: clients that send and check a thousand bytes each.
start_load()
{
	start load load -d "${1-$(scaled 1 3)}" -c 8 -s 1000 "127.0.0.1:$port"
}

# nothing_lost: at the end of the load every client was served.
nothing_lost()
{
	ended load
	like "$(cat load.out)" \
		"ok=[1-9]* wrong=0 short=0 refused=0 reset=0 timeout=0 *"
	is_status 0
}

# the_server: the process that has the listening socket, of which the parent is
# this one.
the_server()
{
	local child

	wait_for has 1 children "$1"
	child=$(children "$1")
	wait_for eval '[ "$(ps -o comm= -p '"$child"')" = fdlisten ]'
	echo "$child"
}

@test "the new server first, then the old one ends" {
	mkfifo go
	script both <(
		recipe ""
		echo 'while read -r go; do'
		recipe "The new server first"
		echo 'echo "$old"; done <go'
	)
	exec 5>go
	serves
	start_load
	restarts=0
	while running load; do
		echo >&5
		restarts=$((restarts + 1))
		wait_for eval '[ "$(wc -l <both.out)" -ge "$restarts" ]'
		# Both are there for a while.
		sleep 0.2
	done
	nothing_lost
	[ "$restarts" -ge "$(scaled 1 3)" ]
	exec 5>&-
	same "$(sort -u both.out | wc -l)" "$restarts"
	stop both
}

# always_replaced: the recipe of that name under load; $keeper replaces it.
always_replaced()
{
	script both <(
		recipe "" | head -n 2
		recipe "A server that is always replaced"
		echo 'echo $! >keeper'
	)
	serves
	keeper=$(cat keeper)
	start_load "$(scaled 2 4)"
	kills=0
}

@test "a server that is killed is replaced, and nobody is refused" {
	local keeper lost

	always_replaced
	while running load; do
		kill -KILL "$(the_server "$keeper")" && kills=$((kills + 1))
		sleep 0.3
	done
	[ "$kills" -ge "$(scaled 1 2)" ]
	ended load
	like "$(cat load.out)" "ok=[1-9]* wrong=0 short=* refused=0 *timeout=0 *"
	# What it had accepted, and not yet given to a child, is all that went.
	lost=$(sed 's/.* short=\([0-9]*\) .* reset=\([0-9]*\) .*/\1+\2/' \
		load.out)
	[ $((lost)) -le $((4 * kills)) ]
	stop both
}

# holds_client PID: whether it has a connection open.
holds_client()
{
	fdinfo -p "$1" | grep -q 'peer='
}

@test "kill -9 of a server that has accepted nothing breaks nothing" {
	local keeper victim

	need_linux
	need_proc
	server 'exec fdlisten -k -n 1 fd:3 fdecho'
	always_replaced
	while running load; do
		victim=$(the_server "$keeper")
		kill -STOP "$victim"
		if holds_client "$victim"; then
			kill -CONT "$victim"
			continue
		fi
		kill -KILL "$victim"
		kills=$((kills + 1))
		wait_for eval '[ "$(children '"$keeper"')" != '"$victim"' ]'
	done
	[ "$kills" -ge "$(scaled 1 2)" ]
	nothing_lost
	stop both
}

@test "two servers at once on one socket, and each is replaced" {
	local pool child workers

	script both <(
		recipe "" | head -n 2
		recipe "Several at once"
		echo 'echo $! >pool'
	)
	serves
	pool=$(cat pool)
	wait_for has 2 children "$pool"
	workers=$(children "$pool")
	start_load
	while running load; do
		for child in $workers; do
			kill "$(the_server "$child")" || :
			sleep 0.2
		done
	done
	nothing_lost
	wait_for has 2 children "$pool"
	stop both
}

@test "a new version beside the old one, which ends" {
	not_sanitized "it starts too slowly"
	script both <(recipe "")
	serves
	start_load
	for _ in 1 2 3; do
		start new fdrecv -acw ./keep fdlisten -k fd:3 fdecho
		wait_for runs fdlisten new
		stop new
		is_status 0
	done
	nothing_lost
	stop both
}

# need_mounts: skip this test where no mount namespace can be made.
need_mounts()
{
	need_linux
	need_root
	need unshare mount
	unshare -m true 2>/dev/null || skip "no mount namespaces here"
}

@test "in a container: through a directory that is mounted there" {
	need_mounts
	script both <(recipe "A server in a container")
	serves
	start_load
	start other unshare -m sh -c 'mount --bind hold inside &&
		exec fdrecv -acw inside/keep ./server'
	nothing_lost
	not test -e inside/keep
	stop other
	stop both
}

@test "in a container: through a name that is mounted there" {
	not_sanitized "it starts too slowly"
	need_mounts
	script both <(recipe "")
	serves
	: >name
	start_load
	for _ in 1 2 3; do
		start other unshare -m sh -c 'mount --bind keep name &&
			exec fdrecv -ac ./name ./server'
		wait_for runs fdlisten other
		stop other
		is_status 0
	done
	nothing_lost
	stop both
}

# manager: what the service manager does: it starts the service, takes what is
# stored, checks every field, and gives it back when it starts it again, for
# each line of the FIFO go.
need_manager()
{
	need_linux
	need python3
	cat >manager.py <<-'END'
	import os, signal, socket, struct, sys

	port = int(sys.argv[1])
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
	s.bind("notify")
	store = {}

	def start():
	    pid = os.fork()
	    if pid > 0:
	        return pid
	    env = dict(os.environ, NOTIFY_SOCKET=os.path.abspath("notify"))
	    if store:
	        for number, fd in enumerate(store.values(), 3):
	            os.dup2(fd, number)
	        env.update(LISTEN_FDS=str(len(store)),
	            LISTEN_FDNAMES=":".join(store), LISTEN_PID=str(os.getpid()))
	    os.execve("./service", ["./service"], env)

	def receive(service):
	    message, control, flags, _ = s.recvmsg(4096, 4096)
	    assert flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC) == 0
	    fds, who = [], None
	    for level, kind, data in control:
	        assert level == socket.SOL_SOCKET
	        if kind == socket.SCM_RIGHTS:
	            fds += struct.unpack("%di" % (len(data) // 4), data)
	        elif kind == socket.SCM_CREDENTIALS:
	            who = struct.unpack("3i", data)
	    # As systemd reads it: lines of NAME=VALUE, each once, without a NUL.
	    assert b"\0" not in message
	    lines = message.decode("ascii").rstrip("\n").split("\n")
	    fields = dict(line.split("=", 1) for line in lines)
	    assert len(fields) == len(lines)
	    assert fields == {"FDSTORE": "1", "FDNAME": "web"}, fields
	    assert len(fds) == 1
	    assert who[0] > 0 and who[1:] == (os.getuid(), os.getgid())
	    listener = socket.socket(fileno=os.dup(fds[0]))
	    assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
	    assert listener.type == socket.SOCK_STREAM
	    assert listener.getsockname() == ("127.0.0.1", port)
	    listener.close()
	    if "web" not in store:
	        store["web"] = os.dup2(fds[0], 100 + fds[0])
	    os.close(fds[0])
	    print("stored", flush=True)

	service = start()
	receive(service)
	for line in open("go"):
	    os.kill(service, signal.SIGTERM)
	    os.waitpid(service, 0)
	    service = start()
	    receive(service)
	os.kill(service, signal.SIGTERM)
	os.waitpid(service, 0)
	os.remove("notify")
	END
}

@test "kept by systemd: a service that is restarted under load" {
	need_manager
	recipe "Kept by systemd" >service
	chmod 755 service
	mkfifo go
	start manager python3 manager.py "$port"
	exec 5>go
	serves
	start_load
	restarts=0
	while running load; do
		echo >&5
		restarts=$((restarts + 1))
		wait_for eval '[ "$(wc -l <manager.out)" -gt "$restarts" ]'
	done
	nothing_lost
	[ "$restarts" -ge "$(scaled 1 3)" ]
	exec 5>&-
	ended manager
	is_status 0
	same "$(cat manager.err)" ""
}

# answers N: whether so many different servers have answered.
answers()
{
	[ "$(wc -l <requests.out)" -ge "$1" ]
}

@test "nginx takes the socket, and is replaced under load" {
	local i

	PATH=$PATH:/usr/sbin
	need nginx
	cat >nginx.conf <<-END
	daemon off;
	pid $PWD/nginx.pid;
	error_log stderr;
	user $(id -un);
	events {
	}
	http {
		access_log off;
		client_body_temp_path $PWD/body;
		server {
			listen 127.0.0.1:$port;
			location / {
				return 200 "\$pid\n";
			}
		}
	}
	END
	mkfifo go
	script both <(
		recipe "" | head -n 2
		echo 'while read -r go; do
			old=$new'
		recipe "Servers with conventions of their own" 1
		echo 'new=$!
			read -r go
			[ -z "$old" ] || kill -QUIT "$old"
		done <go'
	)
	exec 5>go
	# Clients wait in the queue for the first.
	up ./keep
	start_requests requests "127.0.0.1:$port"
	for i in 1 2 3 4; do
		echo start >&5
		wait_for answers "$i"
		echo end >&5
	done
	stop requests
	is_status 0
	like "$(tail -n 1 requests.out)" "ok=[1-9]*"
	not like "$(tail -n 1 requests.out)" "* *"
	grep -q 'using inherited sockets from "3;"' both.err
	exec 5>&-
	stop both
	rm -rf body
}

@test "Perl's Server::Starter finds the socket" {
	need perl
	perl -MServer::Starter -e 1 2>log ||
		skip "Perl's Server::Starter is not installed"
	cat >server <<-'END'
	#!/usr/bin/env perl
	use Server::Starter qw(server_ports);
	use IO::Socket::INET;
	my ($address, $fd) = %{server_ports()};
	my $listener = IO::Socket::INET->new;
	$listener->fdopen($fd, "r+") or die;
	while (my $client = $listener->accept) {
		print $client "$address $fd\n";
		close $client;
	}
	END
	script both <(
		recipe "" | head -n 2
		recipe "Servers with conventions of their own" 2
	)
	wait_for eval '[ -n "$(limited client "127.0.0.1:$port")" ]'
	same "$(limited client "127.0.0.1:$port")" "127.0.0.1:$port 3"
	stop both
}

@test "behind a wrapper that forks LISTEN_PID is the server's" {
	cat >wrapper <<-'END'
	#!/bin/sh
	"$@" &
	trap "kill $!" TERM
	wait
	END
	chmod 755 wrapper
	server '[ "$LISTEN_PID" = $$ ] || exit
		echo "$LISTEN_FDS $LISTEN_FDNAMES"
		exec fdlisten -k fd:3 fdecho'
	script both <(
		recipe "" | head -n 2
		recipe "Servers with conventions of their own" 3
	)
	serves
	same "$(cat both.out)" "1 web"
	stop both
}

@test "a holder with a list: store, list, use, let go" {
	# Who holds is known by the peer of a connection.
	need_linux
	script holder <(recipe "A holder with a list" 1)
	up ./store
	recipe "A holder with a list" 2 >use
	# One line after the other, as a person would.
	sed -n 1p use >store.sh
	run_limited sh ./store.sh
	is_status 0
	up ./held/web
	limited fdlisten -l -i log 127.0.0.1:0 fdsend -w -f 3 -s log ./store
	up ./held/log
	run_limited sh -c "$(sed -n 2p use)"
	same "$output" $'log\nweb'
	same "$(mode_of held/web)" 600
	limited sh -c "$(sed -n 3p use)"
	same "$(mode_of held/web)" 660
	# What would be another directory's is not held.
	for name in ../web .web a/b ''; do
		limited fdsend -w -f 0 -s "$name" ./store
	done
	script server <(sed -n 4p use)
	serves
	same "$(ls held)" $'log\nweb'
	limited sh -c "$(sed -n 5p use)"
	wait_for not test -e held/web
	# Who has fetched it has it.
	serves
	stop server
	not limited client "127.0.0.1:$port" 2>log
	limited fdconnect held/log sh -c 'kill "$UNIXREMOTEPID"'
	wait_for not test -e held/log
	rmdir held
	stop holder
}

# write_lines: numbered ones into the FIFO lines, in bursts, until there is a
# file called enough.
write_lines()
{
	local i=0

	until [ -e enough ]; do
		i=$((i + 1))
		echo "line $i"
		[ $((i % 20)) -ne 0 ] || sleep 0.01
	done >lines
	echo "$i" >count
}

@test "a logger gets another file, and no line is lost" {
	local i

	recipe "RECEIVE IN A SCRIPT" 1 >./logger
	chmod 755 ./logger
	recipe "RECEIVE IN A SCRIPT" 2 >rotate.sh
	mkfifo lines
	start source write_lines
	start_from lines logger sh -c 'exec ./logger 3>>log'
	for i in 1 2 3 4 5; do
		wait_for test -s log
		limited sh -c ". ./rotate.sh"
		mv log.1 "old.$i"
	done
	wait_for test -s log
	: >enough
	ended source
	ended logger
	is_status 0
	same "$(cat old.[1-5] log)" "$(seq -f 'line %.0f' "$(cat count)")"
}

@test "a shell gains a descriptor" {
	local recipe

	recipe=$(recipe "RECEIVE IN A SCRIPT" 3)
	cat >session <<-END
	$recipe -c 'cat <&3; echo "\$FDRECV_PAYLOAD"'
	END
	start session env SHELL=/bin/sh sh ./session
	limited fdsend -w -s gained ./s <<<"a line"
	ended session
	is_status 0
	same "$(cat session.out)" $'a line\ngained'
}
