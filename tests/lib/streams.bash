# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# What the tests of descriptor streams load beside the helpers.

# matching PATTERN: the processes of this test whose command line is like the
# shell pattern. (The test tools that start others are not meant.)
matching()
{
	find_matching "$1"
	[ "${#found[@]}" -eq 0 ] || printf '%s\n' "${found[@]}"
}

# find_matching PATTERN: the same in the array $found.
find_matching()
{
	local process args

	found=()
	find_ours
	[ "${#own[@]}" -eq 0 ] || while read -r process args; do
		case $args in
		paired\ *|how\ *|account\ *) continue ;;
		esac
		# shellcheck disable=SC2053
		[[ $args != $1 ]] || found+=("$process")
	done < <(exec ps -o pid= -o args= -p "$(IFS=,; echo "${own[*]}")")
}

# the_one PATTERN: its only process, once it is there.
the_one()
{
	wait_for has 1 first_of "$1" && first_of "$1"
}

# first_of PATTERN: those that match, except children of others that do: fdlisten
# accepts in several processes where connections wait.
first_of()
{
	local process text

	find_matching "$1"
	for process in "${found[@]}"; do
		# "PID (NAME) STATE PARENT ..."
		{ read -r text <"/proc/$process/stat"; } 2>/dev/null || continue
		text=${text##*) ? }
		[[ " ${found[*]} " == *" ${text%% *} "* ]] || echo "$process"
	done
}

# gone PATTERN: until none is left.
gone()
{
	wait_for has 0 matching "$1"
}

# echoes ADDRESS [WORD]: whether one client gets its bytes back.
echoes()
{
	same "$(echo "${2-hello}" | limited client "$1")" "${2-hello}"
}

# served_all ADDRESS [OPTION...]: many clients, all bytes back.
served_all()
{
	local address=$1

	shift
	run_limited load "$@" "$address"
	is_status 0 && like "$output" \
		"ok=* wrong=0 short=0 refused=0 reset=0 timeout=0 *"
}

# hold NAME ADDRESS: a client that keeps its connection open, until `stop
# NAME`. What `say NAME WORD` sends comes to NAME.out.
hold()
{
	mkfifo "$1.in"
	start "$1" sh -c "exec client $2 <>$1.in"
}

# say NAME WORD: that client sends a line.
say()
{
	# shellcheck disable=SC2016
	limited sh -c 'echo "$2" >"$1.in"' sh "$1" "$2"
}

# heard NAME WORD: until it comes back.
heard()
{
	wait_for grep -qx "$2" "$1.out"
}

# held NAME ADDRESS: a client that holds a connection, and is being served.
held()
{
	hold "$1" "$2" && say "$1" first && heard "$1" first
}

# hang_up NAME: that client ends.
hang_up()
{
	stop "$1" || return
	rm -f "$1.in"
}

# backlogged: whether clients wait in the listen queue of the server that wrote
# ./address.
backlogged()
{
	[ "$(ss -Hltn "sport = :$(port_of address)" |
		awk '{ print $2 }')" -gt 0 ]
}

# more_than N COMMAND...: whether the number that COMMAND prints is larger.
more_than()
{
	local n=$1

	shift
	[ "$("$@")" -gt "$n" ]
}

# ended_as NAME HOW: how NAME, started under `how NAME.how`, ended.
ended_as()
{
	ended "$1" && same "$(cat "$1.how")" "$2" "end of $1"
}

# resident PID [FIELD]: its resident memory in KiB (VmHWM: the most so far).
resident()
{
	awk -v "field=${2-VmRSS}:" '$1 == field { print $2 }' "/proc/$1/status"
}

# shown FILE: how fdinfo and the traces tell of that file, on every system.
shown()
{
	local inode

	inode=$(ls -i "$1")
	echo "file r*size=$(wc -c <"$1")*inode=${inode%% *}"
}
