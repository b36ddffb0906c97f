# SPDX-License-Identifier: ISC
# The checks that these are known not to need: words split on purpose, and
# $ that a shell started by a test expands.
# shellcheck disable=SC2015,SC2016,SC2030,SC2031,SC2086
# Hostile senders: after thousands of malformed messages of every kind the
# command still serves, holds what it held before, and has not filled the log.

load ../lib/helpers
load ../lib/trials

# besieged NAME: the process that receives hostile messages is NAME; note what
# it and its workers hold.
besieged()
{
	local process

	receiver=$(process "$1")
	mapfile -t receivers < <(echo "$receiver"; children "$receiver")
	before=0
	for process in "${receivers[@]}"; do
		before=$((before + $(descriptors "$process")))
	done
	memory=$(memory_of "${receivers[@]}")
	begun=$SECONDS
	spare=0
	more=512
}

memory_of()
{
	local process sum=0 name kib

	for process; do
		while read -r name kib _; do
			if [ "$name" = VmRSS: ]; then
				sum=$((sum + kib))
			fi
		done <"/proc/$process/status"
	done
	echo "$sum"
}

holds_what_it_held()
{
	local process now=0

	for process in "${receivers[@]}"; do
		now=$((now + $(descriptors "$process")))
	done
	[ "$now" -le $((before + spare)) ]
}

# unharmed NAME: as it was; its lines of error were few. Sets $lines, $grown.
unharmed()
{
	local seconds=$((SECONDS - begun + 2))

	wait_for holds_what_it_held
	grown=$(($(memory_of "${receivers[@]}") - memory))
	# A sanitizer keeps what was freed for a while.
	if [ "${FDPASS_VARIANT-}" != sanitized ]; then
		at_most $((${#receivers[@]} * more)) "$grown" "KiB more"
	fi
	lines=$(wc -l <"$1.err")
	# Three a second each, and the line that counts the others.
	at_most $((seconds * 4 * ${#receivers[@]})) "$lines" lines
}

# attack SOCKET: sets $line.
attack()
{
	line=$(LIMIT=300 limited hostile send -n "$(scaled 500 10000)" \
		-S "$BATS_SUITE_TEST_NUMBER" "$1")
}

summary()
{
	report "$line; $lines lines, $grown KiB more, no descriptor more"
}

@test "fdrecv -k bears hostile senders" {
	need_proc
	start victim fdrecv -k ./s sh -c 'echo served'
	up ./s
	limited fdsend ./s
	besieged victim
	attack ./s
	same "$(value unanswered "$line")" 0 unanswered
	same "$(value end "$line")" 0 "closed without an answer"
	served=$(wc -l <victim.out)
	limited fdsend ./s
	wait_for has $((served + 1)) cat victim.out
	unharmed victim
	summary
	stop victim
	is_status 0
}

@test "fdrecv -n bears hostile senders" {
	need_proc
	start victim fdrecv -n 3 ./s echo served
	up ./s
	wait_for has 3 children "$pid"
	for _ in 1 2 3 4 5 6; do
		limited fdsend ./s
	done
	besieged victim
	attack ./s
	same "$(value unanswered "$line")" 0 unanswered
	same "$(value end "$line")" 0 "closed without an answer"
	for _ in 1 2 3; do
		limited fdsend ./s
	done
	unharmed victim
	summary
	stop victim
	is_status 0
}

@test "fdrecv that only shows bears hostile senders" {
	need_proc
	start victim fdrecv -k ./s
	up ./s
	limited hostile send -n 200 -S 7 ./s
	besieged victim
	attack ./s
	same "$(value unanswered "$line")" 0 unanswered
	limited fdsend -s "the last" ./s
	wait_for grep -q '"the last", 1 descriptor' victim.out
	unharmed victim
	summary
	stop victim
	is_status 0
}

@test "fdecho SOCKET bears hostile senders" {
	need_proc
	start victim fdecho ./s
	start server fdlisten -k ./a fdsend -w ./s
	up ./a
	up ./s
	limited load -n 100 -c 10 ./a
	wait_for has 0 children "$pid"
	besieged victim
	attack ./s
	same "$(value unanswered "$line")" 0 unanswered
	same "$(value end "$line")" 0 "closed without an answer"
	same "$(value taken "$line")" 0 taken
	limited load -n 100 -c 10 ./a
	wait_for has 0 children "$(process server)"
	unharmed victim
	summary
	stop server
	stop victim
	is_status 0
}

# relayed TYPE: fdsend -r between a hostile sender and fdrecv.
relayed()
{
	local n

	need_proc
	n=$(scaled 300 10000)
	start victim fdrecv -n 2 ./s echo served
	up ./s
	mkfifo go
	# shellcheck disable=SC2016
	start relay paired -t "$1" \
		sh -c 'hostile send -n 50 - 2>first
			read -r line <go
			hostile send -n "$0" - 2>line
			read -r line <go
			exec fdsend -' "$n" \
		'|' sh -c 'echo $$ >relay.pid; exec fdsend -r ./s'
	wait_for test -s first
	receiver=$(cat relay.pid)
	# Until all of those have been passed on.
	wait_for settled "$receiver"
	receivers=("$receiver")
	before=$(descriptors "$receiver")
	memory=$(memory_of "$receiver")
	begun=$SECONDS
	# The next socket is made before there is a message for it, and each
	# of 64 hand-overs under way has room for the largest payload.
	spare=1
	more=$((64 * 68))
	limited sh -c 'echo >go'
	DEADLINE=300 wait_for test -s line
	wait_for settled "$receiver"
	served=$(wc -l <victim.out)
	unharmed relay
	limited sh -c 'echo >go'
	wait_for has $((served + 1)) cat victim.out
	line=$(cat line)
	summary
	ended relay
	# Some were refused by the receiver.
	is_status 1
	stop victim
	is_status 0
}

# runs PROCESS: its state, and how often it has gone to sleep or was made to.
runs()
{
	awk '/^State|ctxt_switches/ { print $2 }' "/proc/$1/status"
}

# settled PROCESS: it waits, and holds none but its own meanwhile: what was sent
# to it has all been passed on.
settled()
{
	local before

	before=$(runs "$1")
	[[ $before == S* ]] && [ "$(descriptors "$1")" -le 6 ] &&
		[ "$(runs "$1")" = "$before" ]
}

@test "fdsend -r bears a hostile stream of messages" {
	[ "${FDPASS_VARIANT-}" != posix ] ||
		skip "an empty message cannot be told from the end there"
	relayed seqpacket
}

@test "fdsend -r bears a hostile stream of bytes" {
	relayed stream
}

# --- the slow ones

@test "a silent connection is closed after 5 s" {
	local kind

	start worker fdrecv -k ./s true
	up ./s
	for kind in silent $(scaled "" trickle); do
		line=$(limited hostile send -a -k "$kind" -n 1 ./s)
		report "$kind: $line"
		at_most 6500 "$(value longest "$line")" ms
		at_least 4500 "$(value longest "$line")" ms
	done
	stop worker
	is_status 0
	at_most 2 "$(wc -l <worker.err)" lines
}

# 64 at once may bring their message.
@test "fdecho closes many silent connections at once" {
	local n

	need_proc
	n=$(scaled 50 180)
	start victim fdecho ./s
	up ./s
	before=$(descriptors "$pid")
	start siege hostile send -a -k silent -n "$n" ./s
	sleep 0.2
	# A good one is not held up by them for longer than they may.
	start server fdlisten ./a fdsend -w ./s
	up ./a
	line=$(limited load -t 30 ./a)
	waited=$(value seconds "$line")
	at_most $(((n / 64 + 1) * 5 + 1)) "${waited%.*}" s
	DEADLINE=60 ended siege
	line=$(cat siege.out)
	report "$line; a good one waited $waited s"
	same "$(value unanswered "$line")" 0 unanswered
	same "$(descriptors "$(process victim)")" "$before" descriptors
	stop victim
	is_status 0
}
