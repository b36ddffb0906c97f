# SPDX-License-Identifier: ISC
# The checks that these are known not to need: words split on purpose, and
# $ that a shell started by a test expands.
# shellcheck disable=SC2016,SC2046,SC2086
# Receivers on a descriptor stream that several processes write to without a
# pause. The stream is shared, and is emptied at the first signal, for two
# seconds at most: it must end by one, and sooner by two.

load ../lib/helpers
load ../lib/trials
load opponents

setup()
{
	common_setup
	need_proc
	need_linux
	type=seqpacket
}

# fed SIGNALS VICTIM KIND COMMAND...: COMMAND is fed with KIND; VICTIM, the
# name of its process, ends by so many signals.
fed()
{
	local signals=$1 name=$2 kind=$3 process

	shift 3
	cell="$* x $kind, $signals"
	times=
	start victim opponent feed -t "$type" -p "$(crowd_of "$kind")" \
		"$kind" "$@"
	within 3000 there "$name" || fault "it has not begun"
	# Of a pool the first is the parent.
	process=$(ours_named "$name" | sort -n | head -n 1)
	feels $(ours_named "$name")
	# shellcheck disable=SC2034 # for ends_in_time
	if [ "$signals" = 2 ]; then
		ends_in_time "$process" true
	else
		term "$process"
		within "$DRAINED" gone_process "$process" ||
			fault "one SIGTERM: still there after $took ms"
		times+=" ended $took ms;"
	fi
	clear_away
	tell_times
}

there()
{
	[ -n "$(ours_named "$1")" ]
}

# through COMMAND...: what is downstream of a relay.
through()
{
	start sink "$@"
	up ./t
}

@test "fdrecv -k - COMMAND ends under a flood" {
	fed 1 fdrecv flood fdrecv -k - true
	thorough fed 2 fdrecv flood fdrecv -k - true
	thorough fed 1 fdrecv refused fdrecv -k - true
	no_faults
}

@test "messages that are refused at once do not keep a second signal out" {
	# Less than what is left of the two seconds.
	ENDED=1000 fed 2 fdrecv crowd fdrecv -k - true
	no_faults
}

@test "fdrecv -n - COMMAND ends under a flood" {
	fed 1 fdrecv flood fdrecv -n 2 - true
	fed 2 fdrecv flood fdrecv -n 2 - true
	no_faults
}

@test "fdrecv -k - that shows ends under a flood" {
	fed 1 fdrecv flood fdrecv -k -
	fed 2 fdrecv crowd fdrecv -k -
	no_faults
}

@test "fdrecv -k fd:3, a stream, ends under a flood" {
	fed 1 fdrecv flood sh -c 'exec fdrecv -k fd:3 true 3<&0 </dev/null'
	fed 2 fdrecv refused \
		sh -c 'exec fdrecv -k fd:3 true 3<&0 </dev/null'
	no_faults
}

@test "fdrecv - COMMAND ends while nothing comes" {
	local process

	cell="fdrecv - true"
	times=
	start victim paired -t seqpacket sleep 30 '|' fdrecv - true
	wait_for there fdrecv
	process=$(ours_named fdrecv)
	wait_for asleep "$process"
	term "$process"
	within "$NOTICED" gone_process "$process" ||
		fault "still there after $took ms"
	kill $(ours_named sleep)
	ended victim
	is_status 143
	clear_away
	no_faults
}

# asleep PROCESS: it waits.
asleep()
{
	like "$(ps -o stat= -p "$1")" "S*" >/dev/null
}

@test "fdrecv -k -, a byte stream, ends under a flood" {
	type=stream
	fed 1 fdrecv flood fdrecv -k - true
	no_faults
}

@test "bytes without end are no reason not to end" {
	type=stream
	fed 2 fdrecv bytes fdrecv -k - true
	fed 2 fdrecv bytes fdrecv -k -
	fed 2 fdecho bytes fdecho -
	through fdecho ./t
	fed 2 fdsend bytes fdsend -r ./t
	fed 1 fdecho bytes fdecho -
	no_faults
}

@test "messages without a byte are no reason not to end" {
	fed 2 fdrecv empty fdrecv -k - true
	fed 2 fdrecv empty fdrecv -k -
	fed 2 fdecho empty fdecho -
	through fdecho ./t
	fed 2 fdsend empty fdsend -r ./t
	fed 1 fdecho empty fdecho -
	no_faults
}

@test "fdecho - ends under a flood, and at once by a second signal" {
	local kind

	fed 1 fdecho flood fdecho -
	for kind in refused reset; do
		thorough fed 1 fdecho "$kind" fdecho -
	done
	for kind in flood refused reset crowd stream loop; do
		fed 2 fdecho "$kind" fdecho -
	done
	no_faults
}

@test "fdsend -r to a name ends under a flood" {
	through fdrecv -k ./t
	fed 1 fdsend flood fdsend -r ./t
	through fdrecv -k ./t
	fed 2 fdsend flood fdsend -rw ./t
	[ "$FDPASS_TRIALS" != full ] || through fdecho ./t
	thorough fed 1 fdsend refused fdsend -r ./t
	no_faults
}

@test "fdsend -r to a stream ends under a flood" {
	fed 1 fdsend flood sh -c 'fdsend -r - | exec fdrecv -k - true'
	fed 2 fdsend refused sh -c 'fdsend -r - | exec fdecho -'
	thorough fed 1 fdsend reset sh -c 'fdsend -r - | exec fdecho -'
	no_faults
}
