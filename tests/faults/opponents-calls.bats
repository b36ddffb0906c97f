# SPDX-License-Identifier: ISC
# The checks that these are known not to need: words split on purpose, and
# $ that a shell started by a test expands.
# shellcheck disable=SC2016,SC2046,SC2086
# fdlisten in its modes, and who takes its connections, against several client
# processes that do not pause.

load ../lib/helpers
load ../lib/trials
load opponents

setup()
{
	common_setup
	need_proc
	need_linux
}

# called KIND NAME COMMAND: a server in the shell's words that listens on
# 127.0.0.1 and writes ./address. The process that runs NAME gets the signals.
called()
{
	local kind=$1 name=$2 process

	cell="$3 x $kind"
	times=
	start victim sh -c "$3"
	within 3000 test -s address || fault "no address"
	start opponent opponent call -p "$(crowd_of "$kind")" "$kind" \
		"$(cat address)"
	feels $(all_but_opponents)
	process=$(ours_named "$name" | sort -n | head -n 1)
	closes_in_time "$process" "$(cat address)"
	clear_away
	tell_times
}

# closes_in_time PROCESS ADDRESS: nobody listens there any more; the process
# ends, and so do the others that it works with.
closes_in_time()
{
	port=${2##*:}
	ends_in_time "$1" not_listening
}

# not_listening: nobody listens on $port.
not_listening()
{
	! ss -Hltn "sport = :$port" | grep -q .
}

callers="reconnect reset stream silent"

@test "fdlisten ADDRESS COMMAND ends while nobody comes" {
	cell="fdlisten A true x nobody"
	times=
	start victim fdlisten -o address 127.0.0.1:0 true
	address_of address
	closes_in_time "$(process victim)" "$(cat address)"
	clear_away
	tell_times
	no_faults
}

@test "fdlisten -k ADDRESS COMMAND ends, whatever its clients do" {
	local kind

	for kind in $callers; do
		called "$kind" fdlisten \
			'exec fdlisten -k -o address 127.0.0.1:0 true'
	done
	no_faults
}

@test "fdlisten -k ADDRESS fdecho ends, whatever its clients do" {
	local kind

	for kind in reconnect stream; do
		called "$kind" fdlisten \
			'exec fdlisten -k -n 4 -o address 127.0.0.1:0 fdecho'
	done
	no_faults
}

@test "fdlisten -k fd:3 COMMAND ends, whatever its clients do" {
	local kind

	# The address stays open in the shell, so its own end tells.
	for kind in $callers; do
		called "$kind" fdlisten 'exec fdlisten -l -o address \
			127.0.0.1:0 fdlisten -k fd:3 true'
	done
	no_faults
}

@test "fdlisten -k ADDRESS onto a stream ends, whatever its clients do" {
	local kind

	for kind in $callers; do
		called "$kind" fdlisten \
			'fdlisten -k -o address 127.0.0.1:0 | exec fdecho -'
	done
	no_faults
}

@test "fdecho - behind fdlisten ends, whatever its clients do" {
	local kind

	for kind in $callers; do
		called "$kind" fdecho \
			'fdlisten -k -o address 127.0.0.1:0 | exec fdecho -'
	done
	no_faults
}

@test "fdrecv -n - behind fdlisten ends, whatever its clients do" {
	local kind

	for kind in $callers; do
		called "$kind" fdrecv 'fdlisten -k -o address 127.0.0.1:0 |
			exec fdrecv -n 2 - true'
	done
	no_faults
}

@test "fdsend -rw behind fdlisten ends, whatever its clients do" {
	local kind

	for kind in $callers; do
		start sink fdecho ./t
		up ./t
		called "$kind" fdsend 'fdlisten -k -o address 127.0.0.1:0 |
			exec fdsend -rw ./t'
	done
	no_faults
}

@test "fdpipe and its workers end, whatever their clients do" {
	local kind

	for kind in $callers; do
		called "$kind" fdpipe 'exec fdpipe -n 2 fdlisten -k -o address \
			127.0.0.1:0 "|" fdecho -'
	done
	no_faults
}
