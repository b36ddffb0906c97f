# SPDX-License-Identifier: ISC
# The checks that these are known not to need: words split on purpose.
# shellcheck disable=SC2046,SC2086
# Receivers on a named socket, against several client processes that keep them
# busy, or say nothing: a signal arrives, and a sender behind them is served.

load ../lib/helpers
load ../lib/trials
load opponents

setup()
{
	common_setup
	need_proc
	need_linux
}

name_is_gone()
{
	[ ! -e ./s ]
}

# against COMMAND OPPONENT...: each of them, one after another. COMMAND is a
# string; it makes ./s, or its parent does and leaves it (fd:3).
against()
{
	local row=$1 kind victim probe signs

	shift
	for kind; do
		cell="$row x $kind"
		times=
		keeps_name=
		signs=(name_is_gone)
		start victim $row
		victim=$pid
		case $row in
		*fd:3*) keeps_name=yes
		        case $row in
		        *fdecho*) signs=(true) ;;
		        *) signs=(gone_process "$victim") ;;
		        esac ;;
		esac
		up ./s
		oppose "$kind"
		case $row in
		"fdrecv ./s true") ;; # it would be over
		*fdecho*) probed -e ;;
		*) probed ;;
		esac
		ends_in_time "$victim" "${signs[@]}"
		clear_away
		tell_times
	done
}

# oppose KIND: have it work.
oppose()
{
	case $1 in
	silent)
		start opponent opponent silent -n "$(scaled 200 1000)" ./s
		within 3000 test -s opponent.out || fault "no silent ones"
		;;
	*)
		start opponent opponent send -p "$(crowd_of "$1")" "$1" ./s
		feels $(all_but_opponents)
		;;
	esac
}

receivers="flood refused vanish silent"
servers="flood refused vanish silent reset stream loop"
if [ "${FDPASS_TRIALS-}" = full ]; then
	# (Not `gone`: what those have sent is taken, and all of it comes first.)
	receivers+=" crowd half"
	servers+=" crowd half"
fi

@test "fdrecv ./s COMMAND: who says nothing does not keep it" {
	against "fdrecv ./s true" vanish silent
	no_faults
}

@test "fdrecv -k ./s COMMAND: no sender keeps it from ending or serving" {
	against "fdrecv -k ./s true" $receivers
	no_faults
}

@test "fdrecv -n ./s COMMAND: no sender keeps it from ending or serving" {
	against "fdrecv -n 2 ./s true" $receivers
	no_faults
}

@test "fdrecv -k ./s that shows: no sender keeps it from ending or serving" {
	against "fdrecv -k ./s" $receivers
	no_faults
}

@test "fdrecv -k fd:3, listening: no sender keeps it from ending or serving" {
	against "fdlisten -l ./s fdrecv -k fd:3 true" $receivers
	no_faults
}

@test "fdecho ./s: no sender, no client keeps it from ending or serving" {
	against "fdecho ./s" $servers
	no_faults
}

@test "fdecho fd:3, listening: no sender, no client keeps it from ending" {
	against "fdlisten -l ./s fdecho fd:3" $servers
	no_faults
}
