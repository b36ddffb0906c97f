# The environment of COMMAND: UCSPI's variables, FDRECV_*, LISTEN_*; and that
# stale ones are gone.

load ../lib/helpers

# value NAME FILE: the value of a variable in what env(1) wrote, or "unset".
value()
{
	sed -n "s/^$1=//p;t" "$2" | grep . || echo unset
}

@test "fdlisten sets UCSPI's variables for TCP" {
	local ip port

	start server fdlisten -o address 127.0.0.1:0 env
	limited client -v "$(address_of address)" >vars 2>own
	ended server
	read -r ip port <own
	same "$(value PROTO vars)" TCP
	same "$(value TCPLOCALIP vars)" 127.0.0.1
	same "$(value TCPLOCALPORT vars)" "$(port_of address)"
	same "$(value TCPREMOTEIP vars)" "$ip"
	same "$(value TCPREMOTEPORT vars)" "$port"
	not grep -E '^(TCP.*(HOST|INFO)|UNIX|FDRECV_|LISTEN_)' vars
}

@test "fdlisten sets UCSPI's variables for IPv6" {
	local ip port

	need_ipv6
	start server fdlisten -o address '[::1]:0' env
	limited client -v "$(address_of address)" >vars 2>own
	ended server
	read -r ip port <own
	same "$(value PROTO vars)" TCP
	same "$(value TCPLOCALIP vars)" ::1
	same "$(value TCPLOCALPORT vars)" "$(port_of address)"
	same "$(value TCPREMOTEIP vars)" ::1
	same "$(value TCPREMOTEPORT vars)" "$port"
}

@test "an IPv4 client of an IPv6 socket is shown as IPv4" {
	start server fdlisten -o address :0 env
	limited client "127.0.0.1:$(port_of address)" >vars
	ended server
	same "$(value TCPLOCALIP vars)" 127.0.0.1
	same "$(value TCPREMOTEIP vars)" 127.0.0.1
}

@test "fdlisten sets UCSPI's variables for UNIX" {
	start server fdlisten ./a env
	up ./a
	# shellcheck disable=SC2016
	limited sh -c 'echo $$ >pid; exec client ./a' >vars
	ended server
	same "$(value PROTO vars)" UNIX
	same "$(value UNIXLOCALPATH vars)" ./a
	if ! built_posix_only; then
		same "$(value UNIXREMOTEPID vars)" "$(cat pid)"
		same "$(value UNIXREMOTEEUID vars)" "$(id -u)"
		same "$(value UNIXREMOTEEGID vars)" "$(id -g)"
	fi
	not grep -E '^(TCP|UNIXREMOTEPATH|FDRECV_|LISTEN_)' vars
}

@test "UNIXLOCALPATH is the operand, of an abstract socket too" {
	local name

	need_linux
	name=$(unique environ)
	start server fdlisten -o address "$name" env
	address_of address
	limited client "$name" >vars
	ended server
	same "$(value UNIXLOCALPATH vars)" "$name"
}

@test "each connection of fdlisten -k has its own values" {
	local ip port

	start server fdlisten -k -o address :0 env
	for _ in 1 2 3; do
		limited client -v "127.0.0.1:$(port_of address)" >vars 2>own
		read -r ip port <own
		same "$(value TCPREMOTEIP vars)" "$ip"
		same "$(value TCPREMOTEPORT vars)" "$port"
		has 1 grep '^TCPREMOTEPORT=' vars
		has 1 grep '^PROTO=' vars
	done
	stop server
}

@test "an IPv4 and an IPv6 client of one server have their own values" {
	need_ipv6
	start server fdlisten -k -o address :0 env
	for _ in 1 2; do
		limited client "127.0.0.1:$(port_of address)" >vars
		same "$(value TCPREMOTEIP vars)" 127.0.0.1
		limited client "[::1]:$(port_of address)" >vars
		same "$(value TCPREMOTEIP vars)" ::1
	done
	stop server
}

stale=(PROTO=STALE TCPREMOTEHOST=stale TCPLOCALHOST=stale TCPREMOTEINFO=stale
	TCPREMOTEIP=stale TCPLOCALPORT=stale UNIXLOCALPATH=stale
	UNIXREMOTEPATH=stale UNIXREMOTEPID=stale FDRECV_PAYLOAD=stale
	FDRECV_PID=stale FDRECV_OTHER=stale LISTEN_FDS=3 LISTEN_PID=1
	LISTEN_FDNAMES=stale)

@test "fdlisten removes stale values" {
	start server env "${stale[@]}" fdlisten ./a env
	up ./a
	limited client ./a >vars
	ended server
	not grep -i =stale vars
	not grep -E '^(LISTEN|FDRECV|TCP)' vars
	same "$(value PROTO vars)" UNIX
}

@test "fdlisten -k removes stale values" {
	start server env "${stale[@]}" fdlisten -k -o address 127.0.0.1:0 env
	limited client "$(address_of address)" >vars
	stop server
	not grep -i =stale vars
	not grep -E '^(LISTEN|FDRECV|UNIX)' vars
	same "$(value PROTO vars)" TCP
}

@test "fdrecv removes stale values" {
	start receiver env "${stale[@]}" fdrecv ./s env
	limited fdsend -w ./s
	ended receiver
	not grep -i =stale receiver.out
	not grep -E '^(LISTEN|TCP|UNIX|PROTO)' receiver.out
	grep -x 'FDRECV_PAYLOAD=' receiver.out
}

@test "fdrecv -n removes stale values" {
	start pool env "${stale[@]}" fdrecv -n 2 ./s \
		sh -c 'env >new; mv new vars'
	limited fdsend -w ./s
	wait_for test -e vars
	stop pool
	not grep -i =stale vars
	not grep -E '^(LISTEN|TCP|UNIX|PROTO)' vars
}

@test "everything else in the environment is the caller's" {
	local pattern='^(TCP|UNIX|PROTO=|FDRECV_|LISTEN_|_=|SHLVL=|OLDPWD=)'

	local caller=(env -i "PATH=$PATH" "PWD=$PWD" "TMPDIR=$TMPDIR"
		"FDPASS_TEST=$FDPASS_TEST" "OTHER=a value" EMPTY= TCQ=near
		PROTOCOL=near FDRECV=near)

	"${caller[@]}" env | sort >expected
	start server "${caller[@]}" fdlisten -k ./a env
	up ./a
	limited client ./a | grep -vE "$pattern" | sort >found
	stop server
	diff expected found
	start pool "${caller[@]}" fdrecv -n 2 ./s sh -c 'env >new; mv new vars'
	limited fdsend -w ./s
	wait_for test -e vars
	stop pool
	grep -vE "$pattern" vars | sort >found
	diff expected found
}

@test "fdrecv names the sender" {
	! built_posix_only || skip "built with FDPASS_POSIX_ONLY"
	start receiver fdrecv ./s env
	up ./s
	# shellcheck disable=SC2016
	limited sh -c 'echo $$ >pid; exec fdsend ./s'
	ended receiver
	same "$(value FDRECV_PID receiver.out)" "$(cat pid)"
	same "$(value FDRECV_UID receiver.out)" "$(id -u)"
	same "$(value FDRECV_GID receiver.out)" "$(id -g)"
}

@test "fdrecv names a foreign sender" {
	! built_posix_only || skip "built with FDPASS_POSIX_ONLY"
	start receiver fdrecv ./s env
	up ./s
	# shellcheck disable=SC2016
	limited sh -c 'echo $$ >pid; exec foreign send ./s'
	ended receiver
	same "$(value FDRECV_PID receiver.out)" "$(cat pid)"
}

@test "a worker names the sender of this message" {
	! built_posix_only || skip "built with FDPASS_POSIX_ONLY"
	# shellcheck disable=SC2016
	start worker fdrecv -k ./s sh -c 'echo "$FDRECV_PID $FDRECV_PAYLOAD"'
	up ./s
	for i in 1 2 3; do
		# shellcheck disable=SC2016
		limited sh -c 'echo "$$ $1" >>expected
			exec fdsend -s "$1" ./s' \
			sh "message $i"
	done
	wait_for has 3 cat worker.out
	diff expected worker.out
	stop worker
}

@test "FDRECV_PAYLOAD is empty for a lone NUL, and set" {
	start receiver fdrecv ./s printenv FDRECV_PAYLOAD
	limited fdsend -w ./s
	ended receiver
	is_status 0
	same "$(cat receiver.out)" ""
}

@test "fdrecv sets UCSPI's variables for a TCP connection that arrives" {
	local ip port

	start receiver fdrecv ./s env
	start server fdlisten -o address 127.0.0.1:0 fdsend -w ./s
	limited client -v "$(address_of address)" >vars 2>own
	ended receiver
	ended server
	read -r ip port <own
	same "$(value PROTO vars)" TCP
	same "$(value TCPLOCALIP vars)" 127.0.0.1
	same "$(value TCPLOCALPORT vars)" "$(port_of address)"
	same "$(value TCPREMOTEIP vars)" "$ip"
	same "$(value TCPREMOTEPORT vars)" "$port"
}

@test "fdrecv sets UCSPI's variables for a UNIX connection that arrives" {
	start receiver fdrecv ./s env
	start server fdlisten ./a fdsend -w ./s
	up ./a
	# shellcheck disable=SC2016
	limited sh -c 'echo $$ >pid; exec client ./a' >vars
	ended receiver
	ended server
	same "$(value PROTO vars)" UNIX
	if ! built_posix_only; then
		same "$(value UNIXREMOTEPID vars)" "$(cat pid)"
		same "$(value UNIXREMOTEEUID vars)" "$(id -u)"
	fi
	not grep '^TCP' vars
}

@test "fdrecv -f sets UCSPI's variables when the first is a connection" {
	start receiver fdrecv -f 6 -f 5 ./s sh -c 'env >new; mv new vars'
	start server fdlisten -o address 127.0.0.1:0 \
		sh -c 'exec fdsend -w -f 0 -f 5 ./s 5</dev/null'
	limited client "$(address_of address)"
	ended receiver
	ended server
	same "$(value PROTO vars)" TCP
	same "$(value TCPREMOTEIP vars)" 127.0.0.1
}

@test "a worker has nothing of the connection before" {
	start worker fdrecv -k ./s sh -c 'env >new; mv new vars'
	start server fdlisten -o address 127.0.0.1:0 \
		fdsend -w -s "with payload" ./s
	limited client "$(address_of address)"
	ended server
	wait_for test -e vars
	same "$(value FDRECV_PAYLOAD vars)" "with payload"
	same "$(value PROTO vars)" TCP
	rm vars
	limited fdsend ./s
	wait_for test -e vars
	grep -x 'FDRECV_PAYLOAD=' vars
	not grep -E '^(PROTO|TCP|UNIX)' vars
	stop worker
}

@test "fdrecv -a announces LISTEN_FDS and LISTEN_PID, and nothing stale" {
	# shellcheck disable=SC2016
	start receiver env "${stale[@]}" fdrecv -a ./s \
		sh -c 'env; echo "pid $$"'
	limited fdsend -w -f 0 -f 0 ./s
	ended receiver
	same "$(value LISTEN_FDS receiver.out)" 2
	grep -x "pid $(value LISTEN_PID receiver.out)" receiver.out
	not grep '^LISTEN_FDNAMES' receiver.out
}

@test "an empty environment is enough" {
	start server env -i "$(command -v fdlisten)" ./a "$(command -v env)"
	up ./a
	limited client ./a >vars
	ended server
	is_status 0
	same "$(value PROTO vars)" UNIX
	not grep -vE '^(PROTO|UNIX)' vars
}
