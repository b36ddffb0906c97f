# SPDX-License-Identifier: ISC
# The checks that these are known not to need: words split on purpose, and
# $ that a shell started by a test expands.
# shellcheck disable=SC2016,SC2086
# Descriptors of every sort that the kernel offers, and those that lead back to
# who receives them: it goes on serving, and ends when it is told.

load ../lib/helpers
load ../lib/trials
load opponents

odd="opath epoll listener fifo eventfd unix udp raw netlink packet vsock alg
	tipc can bluetooth"
back="both itself again"

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

# meets COMMAND KIND...: all of them, one after another, to one process.
meets()
{
	local row=$1 kind

	shift
	cell=$row
	start victim $row
	case $row in
	*"-n 2"*) wait_for has 2 children "$pid" ;;
	esac
	up ./s
	for kind; do
		cell="$row x $kind"
		times=
		start "$kind" opponent give "$kind" ./s
		within 4000 test -s "$kind.out" || fault "no answer at all"
		times=" $(tail -n 1 "$kind.out");"
		case $row in
		*fdecho*) probed -e ;;
		*) probed ;;
		esac
		tell_times
	done
	cell=$row
	times=
	case $row in
	*fd:3*) keeps_name=yes
	        ends_in_time "$(process victim)" true ;;
	*) ends_in_time "$(process victim)" name_is_gone ;;
	esac
	clear_away
	tell_times
}

@test "fdrecv -k ./s COMMAND meets what the kernel offers" {
	meets "fdrecv -k ./s true" $odd $back
	no_faults
}

@test "fdrecv -n ./s COMMAND meets what the kernel offers" {
	meets "fdrecv -n 2 ./s true" $odd $back
	no_faults
}

@test "fdrecv -k ./s that shows meets what the kernel offers" {
	meets "fdrecv -k ./s" $odd $back
	no_faults
}

@test "fdrecv -k -a ./s COMMAND meets what the kernel offers" {
	meets "fdrecv -k -a ./s true" $odd $back
	no_faults
}

@test "fdecho ./s meets what the kernel offers" {
	meets "fdecho ./s" $odd $back
	no_faults
}

@test "fdecho fd:3, listening, meets what the kernel offers" {
	meets "fdlisten -l ./s fdecho fd:3" $odd $back
	no_faults
}

# met COMMAND NAME KIND...: by a stream; the good message behind is served.
met()
{
	local row=$1 name=$2 kind process

	shift 2
	for kind; do
		cell="$row x $kind"
		times=
		case $row in
		*" ./t") start sink fdecho ./t; up ./t ;;
		esac
		start victim opponent feed "$kind" sh -c "$row"
		if within "$SERVED" is_served; then
			times=" $(tail -n 1 victim.err) in $took ms;"
		elif ! grep -q "not offered" victim.out; then
			fault "the message behind: not served in $took ms"
		fi
		for process in $(ours_named "$name" | sort -n | head -n 1); do
			ends_in_time "$process" true
		done
		clear_away
		tell_times
	done
}

is_served()
{
	grep -q '^served' victim.err || [ "$(grep -c . victim.out)" -ge 2 ]
}

few="opath epoll netlink alg both itself"
[ "${FDPASS_TRIALS-}" != full ] ||
	few="${odd//$'\n'/ } both itself"
echoing='sh -c "[ \"\$FDRECV_PAYLOAD\" = x ] || exec fdecho"'

@test "fdrecv -k - COMMAND meets what the kernel offers" {
	met "exec fdrecv -k - $echoing" fdrecv $few
	no_faults
}

@test "fdrecv -k - that shows meets what the kernel offers" {
	met "exec fdrecv -k -" fdrecv $few
	no_faults
}

@test "fdecho - meets what the kernel offers" {
	met "exec fdecho -" fdecho $few
	no_faults
}

@test "fdsend -r meets what the kernel offers" {
	expendable=fdecho
	met "exec fdsend -r ./t" fdsend $few
	met "fdsend -r - | exec fdecho -" fdsend $few
	no_faults
}
