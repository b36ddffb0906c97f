# SPDX-License-Identifier: ISC
# The pool waits; the server hands each connection over: in every shell, in
# both orders of start, with every byte back and nothing left.

load ../lib/helpers

# The composition, started by a script for the shell. The side that comes
# second waits until somebody writes to the pipe ./go.
write_script()
{
	local pool server

	mkfifo go
	pool='fdrecv -n 3 ./pool fdecho &
pool=$!'
	server='fdlisten -k -o ./address 127.0.0.1:0 fdsend -w ./pool &
server=$!'
	{
		if [ "$1" = pool_first ]; then
			printf '%s\nread x <go\n%s\n' "$pool" "$server"
		else
			printf '%s\nread x <go\n%s\n' "$server" "$pool"
		fi
		# shellcheck disable=SC2016
		printf '%s\n' \
			'echo "$server $pool" >pids' \
			'wait "$server"' 'echo "server $?"' \
			'wait "$pool"' 'echo "pool $?"'
	} >script
}

go()
{
	# shellcheck disable=SC2016
	limited sh -c 'echo >go'
}

no_zombies()
{
	local parent

	for parent in $(ours); do
		[ -z "$(children "$parent" Z)" ] || return 1
	done
}

# Only the shell, fdlisten, and the pool are there: no fdsend, no fdecho.
all_idle()
{
	local processes

	processes=$(ours)
	not grep -q '^fd\(send\|echo\)' \
		<(ps -o args= -p "${processes//$'\n'/,}")
}

# composition ORDER, in the array $shell.
composition()
{
	local server pool n

	n=$(scaled 60 300)
	write_script "$1"
	start shell "${shell[@]}" ./script
	if [ "$1" = pool_first ]; then
		up ./pool
		go
		run_limited load -n "$n" -c 16 -s 3000 "$(address_of address)"
	else
		start load load -n "$n" -c 16 -s 3000 "$(address_of address)"
		# Accepted, handed to fdsend, and nobody there to take it.
		wait_for not all_idle
		go
		ended load
		output=$(cat load.out)
	fi
	is_status 0
	like "$output" "ok=$n wrong=0 short=0 refused=0 reset=0 timeout=0 *"
	wait_for all_idle
	no_zombies
	read -r server pool <pids
	kill "$server"
	kill "$pool"
	ended shell
	same "$(cat shell.out)" $'server 0\npool 0'
	same "$(cat shell.err)" ""
	not test -e ./pool
}

@test "many clients, the pool first, in every shell" {
	in_each_shell composition pool_first
}

@test "many clients, the server first, in every shell" {
	in_each_shell composition server_first
}

@test "a file goes to a receiver that starts at the same time" {
	start wc fdrecv -k ./s wc -l
	printf 'one\ntwo\n' >file
	limited fdsend -w ./s <file
	wait_for test -s wc.out
	same "$(tr -d ' ' <wc.out)" 2
	stop wc
	is_status 0
}

@test "the output of a program goes to a receiver" {
	start cat fdrecv -k ./s cat
	up ./s
	echo hello | limited fdsend ./s
	wait_for grep -qx hello cat.out
	stop cat
	is_status 0
}
