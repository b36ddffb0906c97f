# SPDX-License-Identifier: ISC
# The checks that these are known not to need: words split on purpose, and
# $ that a shell started by a test expands.
# shellcheck disable=SC2015,SC2016,SC2030,SC2031,SC2086
# What other users can do, and what not.

load ../lib/helpers
load ../lib/trials

setup()
{
	common_setup
	open_directory
}

teardown()
{
	common_teardown && failed=0 || failed=1
	close_directory
	return "$failed"
}

# many STATUS PATTERN COMMAND...: so often, always the same.
many()
{
	local expected=$1 pattern=$2 turn turns

	shift 2
	turns=$(scaled 3 50)
	for ((turn = 0; turn < turns; turn++)); do
		run_apart "$@"
		is_status "$expected"
		like "$stderr" "$pattern"
	done
	report "$turns times: status $expected"
}

@test "mode 0600 keeps others out" {
	start receiver "${as_user[@]}" fdrecv -k ./s echo received
	up ./s
	many 1 "fdsend: ./s: connect: Permission denied" \
		"${as_other[@]}" fdsend ./s
	many 1 "fdsend: ./s: connect: Permission denied" \
		"${as_other[@]}" fdsend -t 5 -w ./s
	same "$(cat receiver.out receiver.err)" ""
	limited "${as_user[@]}" fdsend ./s
	stop receiver
	is_status 0
	same "$(cat receiver.out)" received
}

@test "mode 0660 lets the group in, and nobody else" {
	# $user's group becomes the socket's.
	start receiver "${as_user[@]}" fdrecv -k -m 0660 ./s echo received
	up ./s
	many 1 "*Permission denied" "${as_other[@]}" fdsend ./s
	many 0 "" setpriv "--reuid=$other" "--regid=$other" \
		"--groups=$user" fdsend ./s
	stop receiver
	is_status 0
	has "$(scaled 3 50)" cat receiver.out
}

@test "mode 0600 of fdlisten keeps others out" {
	start server "${as_user[@]}" fdlisten -k ./a echo served
	up ./a
	many 1 "fdconnect: ./a: connect: Permission denied" \
		"${as_other[@]}" fdconnect ./a
	same "$(limited "${as_user[@]}" fdconnect ./a </dev/null)" served
	stop server
	is_status 0
}

# No instant between bind() and the mode.
@test "a name is never open to others, not when it is made either" {
	local turn turns

	turns=$(scaled 20 200)
	# shellcheck disable=SC2016
	start prober "${as_other[@]}" sh -c '
		while :; do
			fdsend -d ./s 2>/dev/null && echo in
		done'
	for ((turn = 0; turn < turns; turn++)); do
		start receiver "${as_user[@]}" fdrecv -k ./s echo received
		up ./s
		stop receiver
	done
	same "$(cat prober.out receiver.out)" ""
	stop prober
	report "$turns names made, 0 times open to another user"
}

@test "nobody else can follow an invitation" {
	local directory

	mkfifo pipe
	chmod 666 pipe
	exec 8<>pipe
	start sender "${as_user[@]}" sh -c 'exec fdsend - >pipe'
	read -r -t 15 _ directory <&8
	like "$directory" "/*/fdpass-*/s"
	same "$(mode_of "${directory%/*}")" 700
	many 1 "fd*: *" "${as_other[@]}" sh -c \
		"echo 'fdpass $directory' | fdrecv - true"
	many 2 "*Permission denied*" "${as_other[@]}" ls "${directory%/*}"
	run_limited "${as_other[@]}" sh -c \
		"exec 2>&1; fdsend -d $directory; rm -rf ${directory%/*}"
	test -S "$directory"
	running sender
	# Root gets through the directory, but is another user, where the system
	# tells who it is.
	if ! built_posix_only; then
		run_limited sh -c "echo 'fdpass $directory' | fdrecv - true"
		like "$output" "*from another user*"
		running sender
	fi
	limited "${as_user[@]}" sh -c \
		"echo 'fdpass $directory' | fdrecv - true"
	ended sender
	is_status 0
	not test -e "${directory%/*}"
	exec 8>&-
}

@test "on an abstract name only the same user and root may send" {
	need_linux
	local name

	name=$(unique guarded)
	start receiver "${as_user[@]}" fdrecv -k "$name" echo received
	wait_for grep -qF "$name" /proc/net/unix
	many 1 "fdsend: $name: refused by the receiver*" \
		"${as_other[@]}" fdsend "$name"
	same "$(cat receiver.out)" ""
	limited "${as_user[@]}" fdsend "$name"
	limited fdsend "$name"
	stop receiver
	is_status 0
	has 2 cat receiver.out
}

@test "on an abstract name fdecho too" {
	need_linux
	local name

	name=$(unique echo)
	start receiver "${as_user[@]}" fdecho "$name"
	wait_for grep -qF "$name" /proc/net/unix
	many 1 "fdsend: $name: refused by the receiver*" \
		"${as_other[@]}" fdsend "$name"
	start server "${as_user[@]}" fdlisten -k -o ./address 127.0.0.1:0 \
		fdsend -w "$name"
	limited load -n 20 "$(address_of address)"
	stop server
	stop receiver
	is_status 0
}

@test "another user cannot hold up a worker for longer than 5 s" {
	local workers

	workers=2
	start pool "${as_user[@]}" fdrecv -n "$workers" -m 0666 ./s \
		echo received
	up ./s
	# Each of them holds a worker; the next is served when they have gone.
	start siege "${as_other[@]}" hostile send -a -k silent \
		-n "$workers" ./s
	wait_for sockets "$workers"
	began=$(date +%s%3N)
	limited "${as_user[@]}" fdsend ./s
	took=$(($(date +%s%3N) - began))
	ended siege
	at_most 6500 "$took" ms
	report "$workers silent connections to $workers workers:" \
		"the next was served after $took ms"
	stop pool
	is_status 0
}

# sockets N: so many workers have a connection of their own.
sockets()
{
	local child busy=0

	for child in $(children "$(process pool)"); do
		if [ "$(descriptors "$child")" -gt \
			"$(descriptors "$(process pool)")" ]; then
			busy=$((busy + 1))
		fi
	done
	[ "$busy" -ge "$1" ]
}

@test "another user's hostile messages do not harm a pool" {
	start pool "${as_user[@]}" fdrecv -n 2 -m 0666 ./s echo received
	up ./s
	line=$(limited "${as_other[@]}" hostile send -n "$(scaled 300 5000)" \
		./s)
	same "$(value unanswered "$line")" 0
	report "$line"
	limited "${as_user[@]}" fdsend ./s
	stop pool
	is_status 0
}
