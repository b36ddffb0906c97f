# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# What the trials load beside the helpers.
#
# FDPASS_TRIALS=full for the long ones: many rounds, many connections. Else
# quick ones: the same with small numbers, for every run of the tests.
#
# shellcheck disable=SC2034 # variables for those who load it

if [ "$FDPASS_TRIALS" = full ]; then
	LIMIT=300
	DEADLINE=60
fi

# (Loops that call bats' `run` with options must not count with `i`: it does.)

# report TEXT: what was tried, and what was lost; shown though the test
# succeeds.
report()
{
	echo "# $BATS_TEST_DESCRIPTION: $*" >&3
}

# at_most MOST NUMBER [WHAT]
at_most()
{
	[ "$2" -le "$1" ] || {
		echo "${3:-number}: at most $1, got $2"
		return 1
	}
}

# at_least LEAST NUMBER [WHAT]
at_least()
{
	[ "$2" -ge "$1" ] || {
		echo "${3:-number}: at least $1, got $2"
		return 1
	}
}

# value NAME LINE: N of NAME=N.
value()
{
	local field

	for field in $2; do
		case $field in
		"$1="*) echo "${field#*=}" ;;
		esac
	done
}

# flood ADDRESS CONNECTIONS CONCURRENCY: clients until the file `enough` is
# there, and at least so many. What became of them is in flood.log. To be
# started in the background.
flood()
{
	local total=0 at_once=$(($2 < 2000 ? $2 / 2 : 1000))

	echo "$2" >wanted
	until [ -e enough ] && [ "$total" -ge "$2" ]; do
		command load -n "$at_once" -c "$3" -t 60 "$1" >>flood.log || :
		total=$((total + at_once))
	done
}

# flooded: wait for the end of the flood; sets $tried, $lost. Fails if it has
# tried less than was asked for.
flooded()
{
	local wanted

	wanted=$(cat wanted)
	: >enough
	DEADLINE=120 ended flood
	count_load flood.log
	at_least "$wanted" "$tried" connections
}

# count_load FILE: add up the lines that load has written.
count_load()
{
	local ok

	read -r ok lost <<-LINE
	$(awk '{
		for (i = 1; i <= 6; i++) {
			split($i, pair, "=")
			sum[pair[1]] += pair[2]
		}
	}
	END {
		print sum["ok"] + 0, sum["wrong"] + sum["short"] + \
		    sum["refused"] + sum["reset"] + sum["timeout"]
	}' "$1")
	LINE
	tried=$((ok + lost))
	[ "$lost" -eq 0 ] || cat "$1"
}

# flowing: the flood has brought its first connections.
flowing()
{
	wait_for test -s flood.log
}

# ticks PROCESS...: processor time that they have used, in clock ticks.
ticks()
{
	local process sum=0 fields

	for process; do
		read -r -a fields <"/proc/$process/stat" || continue
		sum=$((sum + fields[13] + fields[14]))
	done 2>/dev/null
	echo "$sum"
}

# ours_named NAME...: the processes of this test that run these commands.
ours_named()
{
	local process name

	for process in $(ours); do
		name=
		read -r name <"/proc/$process/comm" || continue
		case " $* " in
		*" $name "*) echo "$process" ;;
		esac
	done 2>/dev/null
}

# busiest SECONDS PROCESS...: sets $used, the processor time of the one that
# uses most of it, in percent of what passes.
busiest()
{
	local seconds=$1 process percent hz
	local -A before=()

	shift
	hz=$(getconf CLK_TCK)
	for process; do
		before[$process]=$(ticks "$process")
	done
	sleep "$seconds"
	used=0
	for process; do
		percent=$((($(ticks "$process") - ${before[$process]}) *
			100 / hz / seconds))
		if [ "$percent" -gt "$used" ]; then
			used=$percent
		fi
		if [ "$percent" -ge 10 ]; then
			ps -o pid,args -p "$process" || :
		fi
	done
}

# thrifty SECONDS PROCESS...: each uses less than a tenth of the time that
# passes, once they have done what they had in hand, which takes its time on a
# busy machine. Sets $used.
thrifty()
{
	local tries=5

	busiest "$@"
	while [ "$used" -ge 10 ] && [ "$((tries -= 1))" -gt 0 ]; do
		busiest "$@"
	done
	at_most 9 "$used" "percent of processor time"
}

# in_turn COMMAND...: end them by SIGTERM; all that was started ends.
in_turn()
{
	local name process

	for name; do
		for process in $(ours_named "$name"); do
			kill "$process" 2>/dev/null || :
		done
	done
	wait_for none_left
}

# --- other users

# A directory that other users can reach, with the commands and the tools in
# it, instead of the test's own, which they cannot.
open_directory()
{
	need prlimit
	open_tools
	mkdir "$open/tmp" "$open/here"
	chmod 1777 "$open/tmp" "$open/here"
	export TMPDIR=$open/tmp
	cd "$open/here" || return
	# Two users whose numbers nobody else has, no other test either.
	user=$((10000 + $$ % 25000 * 2))
	other=$((user + 1))
	as_user=(setpriv "--reuid=$user" "--regid=$user" --clear-groups)
	as_other=(setpriv "--reuid=$other" "--regid=$other" --clear-groups)
}

# To be called from the teardown.
close_directory()
{
	cd / || return
	if [ -n "${open-}" ]; then
		rm -rf "$open"
	fi
}
