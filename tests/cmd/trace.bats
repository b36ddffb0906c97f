# The trace: a line for each system call of a hand-over, labelled with its step.

# Each test runs in a subshell of its own, on purpose.
# shellcheck disable=SC2030,SC2031

load ../lib/helpers

# Every line of FILE looks like a line of a trace.
all_lines()
{
	test -s "$1"
	if grep -vE '^(S[1-8]|W[1-4]|C) +fd[a-z]+\[[0-9]+\]: [^ ].*$' "$1"; then
		return 1
	fi
}

# step LABEL CALL FILE [COMMAND]: FILE has a line of that call with that label.
step()
{
	grep -E "^$1 +${4:-fd[a-z]+}\[[0-9]+\]: $2\(" "$3" >/dev/null || {
		echo "no $1 $2 in:"
		cat "$3"
		return 1
	}
}

# in_order FILE PATTERN...: lines like the patterns come in this order.
in_order()
{
	local file=$1 line last=0

	shift
	for pattern; do
		line=$(grep -nE "$pattern" "$file" | cut -d : -f 1 |
			while read -r n; do
				[ "$n" -le "$last" ] || { echo "$n"; break; }
			done)
		[ -n "$line" ] || {
			echo "not there, or not in order: $pattern"
			cat "$file"
			return 1
		}
		last=$line
	done
}

@test "without -v and FDTRACE nothing is written" {
	start pool fdrecv -n 2 ./s fdecho
	start server fdlisten -o address 127.0.0.1:0 fdsend -w ./s
	same "$(echo hello | limited client "$(address_of address)")" hello
	ended server
	stop pool
	same "$(cat server.err pool.err)" ""
}

@test "an empty FDTRACE traces nothing" {
	FDTRACE='' start server fdlisten ./a fdecho
	up ./a
	same "$(echo hello | limited client ./a)" hello
	ended server
	same "$(cat server.err)" ""
}

@test "fdlisten -v shows socket, bind, listen, accept, close, exec" {
	start server fdlisten -v -o address 127.0.0.1:0 fdecho
	same "$(echo hello | limited client "$(address_of address)")" hello
	ended server
	all_lines server.err
	in_order server.err '^S1 .*socket\(' '^S2 .*bind\(' '^S3 .*listen\(' \
		'^S6 .*accept\(' '^S8 .*close\(' 'exec\('
	in_order server.err '^S6 .*accept\(' 'dup2\(' 'exec\('
}

@test "a line names the step, the command, its process, the call, the peer" {
	local port address process

	start server fdlisten -v -o address 127.0.0.1:0 fdecho
	address=$(address_of address)
	limited client -v "$address" 2>own
	read -r _ port <own
	ended server
	process="fdlisten\[$pid\]"
	grep -E "^S2 $process: bind\([0-9]+, 127.0.0.1:[0-9]+\)" server.err
	grep -E "^S6 $process: accept\([0-9]+\) = [0-9]+ from 127.0.0.1:$port" \
		server.err
}

@test "fdlisten -kv shows fork for each connection, and its own close" {
	start server fdlisten -kv ./a fdecho
	up ./a
	same "$(echo hello | limited client ./a)" hello
	same "$(echo hello | limited client ./a)" hello
	wait_for has 2 grep '^S8 .*close(' server.err
	stop server
	is_status 0
	all_lines server.err
	has 2 grep '^S6 .*accept(' server.err
	has 2 grep ': fork()' server.err
}

@test "fdsend -v shows sendmsg" {
	start receiver fdrecv ./s cat
	up ./s
	limited fdsend -v ./s 2>sender.err
	ended receiver
	same "$(cat receiver.err)" ""
	all_lines sender.err
	step S7 sendmsg sender.err fdsend
}

@test "fdrecv -v shows recvmsg, the sender, the payload, the descriptor" {
	echo hello >file
	start receiver fdrecv -v ./s cat
	up ./s
	# shellcheck disable=SC2016
	limited sh -c 'echo $$ >pid; exec fdsend -s "the payload" ./s <file'
	ended receiver
	all_lines receiver.err
	step W1 recvmsg receiver.err fdrecv
	grep -F "the payload" receiver.err
	grep -E ' received descriptor [0-9]+: file r ' receiver.err
	if ! built_posix_only; then
		grep -F "$PWD/file" receiver.err
		grep -wF "$(cat pid)" receiver.err
	fi
	in_order receiver.err 'recvmsg\(' 'dup2\(' 'exec\('
}

@test "the payload is escaped" {
	start receiver fdrecv -v ./s true
	up ./s
	limited foreign send -s "one\ntwo$(printf '\033')[31m\0three" ./s
	ended receiver
	all_lines receiver.err
	grep -E 'one\\ntwo\\(x1b|033)\[31m\\(0|x00|000)three' receiver.err
	not grep "$(printf '\033')" receiver.err
}

@test "fdecho -v shows recv, send and close" {
	start server fdlisten ./a fdecho -v
	up ./a
	same "$(echo hello | limited client ./a)" hello
	ended server
	all_lines server.err
	in_order server.err '^W2 .*(recv|read)\(' '^W3 .*(send|write)\(' \
		'^W4 .*close\('
}

@test "FDTRACE=1 traces a whole composition, all steps of it" {
	local -x FDTRACE=1
	start pool fdrecv -n 3 ./pool fdecho
	start server fdlisten -k -o address 127.0.0.1:0 fdsend -w ./pool
	same "$(echo hello | limited client "$(address_of address)")" hello
	stop server
	is_status 0
	stop pool
	is_status 0
	all_lines server.err
	all_lines pool.err
	step S1 socket server.err fdlisten
	step S2 bind server.err fdlisten
	step S3 listen server.err fdlisten
	step S6 accept server.err fdlisten
	step S7 sendmsg server.err fdsend
	step S8 close server.err fdlisten
	step W1 recvmsg pool.err fdrecv
	step W2 '(recv|read)' pool.err fdecho
	step W3 '(send|write)' pool.err fdecho
	step W4 close pool.err fdecho
	step S5 fork pool.err fdrecv
}

@test "the trace is not on standard output, and the bytes are unchanged" {
	local -x FDTRACE=1
	head -c 100000 /dev/urandom >sent
	start pool fdrecv -n 3 ./pool fdecho
	start server fdlisten -k ./a fdsend -w ./pool
	up ./a
	limited client ./a <sent >back
	cmp sent back
	stop server
	stop pool
	same "$(cat server.out pool.out)" ""
}

@test "lines of many processes are not mixed up" {
	local -x FDTRACE=1
	# shellcheck disable=SC2016
	start both sh -c 'exec 2>&1
		fdrecv -n 3 ./pool fdecho & pool=$!
		fdlisten -k -o address 127.0.0.1:0 fdsend -w ./pool & server=$!
		echo "$server $pool" >pids
		wait "$server"; wait "$pool"'
	run_limited load -n 60 -c 10 "$(address_of address)"
	is_status 0
	# shellcheck disable=SC2046
	kill $(cat pids)
	ended both
	is_status 0
	all_lines both.out
	has 60 grep '^S6 .*accept(' both.out
	has 60 grep '^S7 .*sendmsg(' both.out
	has 60 grep '^W1 .*recvmsg(' both.out
}

@test "a trace that cannot be written disturbs nothing" {
	[ -c /dev/full ] || skip "no /dev/full here"
	start server sh -c 'exec fdlisten -v ./a fdecho -v 2>/dev/full'
	up ./a
	same "$(echo hello | limited client ./a)" hello
	ended server
	is_status 0
	start server with -c 2 fdlisten -v ./a fdecho -v
	up ./a
	same "$(echo hello | limited client ./a)" hello
	ended server
	is_status 0
}

@test "a descriptor that lands at 2 does not get the trace" {
	: >file
	FDTRACE=1 start receiver fdrecv -f 2 ./s sh -c 'echo hello >&2'
	limited fdsend -w -f 5 ./s 5>file
	ended receiver
	like "$(tail -n 1 file)" hello
}
