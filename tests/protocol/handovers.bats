# SPDX-License-Identifier: ISC
# The checks that these are known not to need: a $ that a shell started by a
# test expands, and $output, for each test runs in a subshell of its own.
# shellcheck disable=SC2016,SC2030,SC2031
# Hand-overs: who sent it, who may, and what the sender is told, also where
# programs use the library.

load ../lib/helpers
load ../lib/examples

# handover ARG...: the tests' program that uses the library.
handover()
{
	limited ./handover "$@"
}

build()
{
	need "${CC:-cc}"
	run_limited "${CC:-cc}" -I"$top_dir/lib" -o handover \
		"$top_dir/tests/protocol/handover.c" \
		"$FDPASS_BIN/../lib/libfdpass.a"
	is_status 0
}

# --- who sent it

# need_namespaces: skip this test where no process can be in a PID namespace of
# its own, in which those of others have no number.
need_namespaces()
{
	need_linux
	need_root
	need unshare
	unshare -p -f true 2>/dev/null || skip "no PID namespaces here"
}

# (65534 is what the kernel says of a message that was sent before anybody had
# asked who sends, so no test has it.)

# root_connects: root connects to ./s, and another user sends on the connection.
root_connects()
{
	limited fdconnect ./s "${nobody[@]}" fdsend -s "$1" fd:7 </dev/null
}

@test "from another PID namespace: the user who sent counts, not who connected" {
	need_namespaces
	another_user 65533
	start receiver unshare -p -f fdrecv ./s sh -c '
		echo "uid=$FDRECV_UID gid=$FDRECV_GID pid=${FDRECV_PID-none}"'
	up ./s
	root_connects ""
	ended receiver
	is_status 0
	same "$(cat receiver.out)" "uid=65533 gid=65533 pid=none"
}

@test "from another PID namespace: shown without a process" {
	need_namespaces
	another_user 65533
	start receiver unshare -p -f fdrecv -v ./s
	up ./s
	root_connects hello
	ended receiver
	is_status 0
	like "$(head -n 1 receiver.out)" \
		'from uid 65533 gid 65533, payload "hello", 1 descriptor'
	grep -F 'from uid 65533 gid 65533, payload "hello"' receiver.err
}

@test "from another PID namespace: over a stream, too" {
	need_namespaces
	another_user 65533
	run_limited paired -t seqpacket "${nobody[@]}" fdsend -f 0 - '|' \
		unshare -p -f fdrecv -
	is_status 0
	like "${lines[0]}" "from uid 65533 gid 65533, payload *"
}

@test "from another PID namespace: fdpass_accept() tells the user, too" {
	need_namespaces
	build
	another_user 65533
	start receiver unshare -p -f ./handover accept ./s
	up ./s
	root_connects ""
	ended receiver
	same "$(cat receiver.out)" "taken from 65533"
}

# nameless TYPE: a sender whose user has no number in its own user namespace.
nameless()
{
	run_limited paired -t "$1" unshare -U fdsend -f 0 - '|' fdrecv - \
		</etc/passwd
	is_status 0
	like "$output" 'from *, 1 descriptor*0 file *'
	same "$stderr" ""
}

@test "from a user namespace without a number for the user: over any stream" {
	need_linux
	need unshare
	unshare -U true 2>/dev/null || skip "no user namespaces here"
	table nameless stream seqpacket dgram
}

@test "from the same PID namespace: the process is told" {
	need_linux
	another_user 65533
	start receiver fdrecv ./s sh -c '
		echo "uid=$FDRECV_UID pid=${FDRECV_PID-none}"'
	up ./s
	root_connects ""
	ended receiver
	is_status 0
	like "$(cat receiver.out)" "uid=65533 pid=[1-9]*"
}

# acts_as_another: sets the array $acting to the command that keeps root as its
# real user, and acts as another one.
acts_as_another()
{
	not_sanitized "the search for leaks fails where the user has changed"
	need_linux
	need_root
	another_user 65533
	acting=(env TMPDIR=/tmp
		setpriv --euid 65533 --egid 65533 --clear-groups --)
}

@test "of a sender that acts as another user, that user is told, on a name" {
	acts_as_another
	start receiver fdrecv -m 666 ./s sh -c 'echo "$FDRECV_UID $FDRECV_GID"'
	up ./s
	limited "${acting[@]}" fdsend ./s </dev/null
	ended receiver
	same "$(cat receiver.out)" "65533 65533"
}

@test "of a sender that acts as another user, that user is told, over a pipe" {
	acts_as_another
	limited "${acting[@]}" fdsend - </dev/null |
		limited "${nobody[@]}" fdrecv - sh -c '
			echo "$FDRECV_UID $FDRECV_GID"' >sender
	same "$(cat sender)" "65533 65533"
}

# --- who may send to an abstract name

# refuses_others NAME: the receiver there takes what root sends, and nothing of
# another user.
refuses_others()
{
	local name=$1

	wait_for grep -qF "$name" /proc/net/unix
	fails 1 "fdsend: $name: refused by the receiver*" \
		"${nobody[@]}" fdsend "$name"
	limited fdsend "$name" </dev/null
}

@test "an abstract name is guarded whoever listens on it first" {
	need_linux
	another_user
	local name

	name=$(unique guarded)
	start receiver fdlisten -l "$name" fdrecv -k fd:3 echo received
	refuses_others "$name"
	stop receiver
	start pool fdlisten -l "$name" fdrecv -n 2 fd:3 echo received
	refuses_others "$name"
	stop pool
	start input fdlisten -l "$name" sh -c 'exec fdrecv -k - echo received \
		<&3 3<&-'
	refuses_others "$name"
	stop input
	start one fdlisten -l "$name" fdrecv fd:3 echo received
	refuses_others "$name"
	ended one
	same "$(cat receiver.out pool.out input.out one.out)" \
		"$(printf '%s\n' received received received received)"
}

@test "an abstract name is guarded by fdecho, whoever listens on it first" {
	need_linux
	another_user
	local name

	name=$(unique guarded)
	# What it takes is a connection.
	start other fdlisten -k -m 0666 ./a true
	up ./a
	start server fdlisten -l "$name" fdecho fd:3
	wait_for grep -qF "$name" /proc/net/unix
	fails 1 "fdsend: $name: refused by the receiver*" \
		"${nobody[@]}" fdconnect ./a fdsend -f 7 "$name"
	limited fdconnect ./a fdsend -f 7 "$name"
	stop server
	stop other
}

@test "an abstract name is guarded where a user listens for another's command" {
	need_linux
	another_user
	local name

	# What root has bound serves who runs it, and root.
	name=$(unique guarded)
	start receiver fdlisten -l "$name" "${nobody[@]}" \
		fdrecv -k fd:3 echo received
	wait_for grep -qF "$name" /proc/net/unix
	limited "${nobody[@]}" fdsend "$name" </dev/null
	limited fdsend "$name" </dev/null
	fails 1 "fdsend: $name: refused by the receiver*" setpriv \
		--reuid 65533 --regid 65533 --clear-groups fdsend "$name"
	stop receiver
	has 2 cat receiver.out
}

@test "an abstract name is guarded by fdpass_accept()" {
	need_linux
	another_user
	build
	local name

	name=$(unique guarded)
	start receiver ./handover accept "$name"
	refuses_others "$name"
	ended receiver
	same "$(cat receiver.out)" "taken from 0"
}

# --- what the sender is told

@test "fdpass_accept(): what a signal has interrupted was not taken" {
	local turn

	build
	for ((turn = 0; turn < 20; turn++)); do
		run handover interrupted ./s
		is_status 0
		like "$output" "*interrupted, 0 descriptors*"
		like "$output" "*sender: try again*" ||
			like "$output" "*sender: reset*"
	done
}

# always_refused HOW LENGTH
always_refused()
{
	local times

	times=$(scaled 200 1000)
	same "$(handover refused "$1" "$2" "$times" ./s)" \
		"ECONNABORTED $times" "$1, $2 bytes"
}

@test "fdpass_hand_over(): a refusal is one, hundreds of times" {
	local how

	build
	for how in unread begun accept; do
		always_refused "$how" 1
		always_refused "$how" 2
		always_refused "$how" 65536
	done
}

# --- messages without a byte

# arrives LIMIT [empty]: what a worker with room for so many descriptors serves,
# after a message without a byte perhaps.
arrives()
{
	limited paired -t seqpacket sh -c '
		[ -z "$1" ] || ./handover empty 1 || echo "empty: $?" >&2
		for word in one two three; do
			fdsend -s "$word" -f 5 - 5</dev/null ||
				echo "$word: $?" >&2
		done' sh "$2" '|' \
		with -l "$1" fdrecv -k - sh -c 'echo "$FDRECV_PAYLOAD"' 2>&1
}

@test "a message without a byte does not end a worker, however full its table" {
	build
	need_linux
	local limit

	for ((limit = 6; limit <= 24; limit += $(scaled 2 1))); do
		same "$(arrives "$limit" empty)" "$(arrives "$limit" "")" \
			"$limit descriptors"
	done
}
