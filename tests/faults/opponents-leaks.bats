# SPDX-License-Identifier: ISC
# The checks that these are known not to need: words split on purpose, and
# $ that a shell started by a test expands.
# shellcheck disable=SC2016,SC2046,SC2086
# When the opponents have gone, every descriptor that they cost is closed.

load ../lib/helpers
load ../lib/trials
load opponents

setup()
{
	common_setup
	need_proc
	need_linux
}

# open_now: how many descriptors the commands have.
open_now()
{
	local process sum=0

	for process in $(ours_named fdrecv fdecho fdlisten fdsend); do
		sum=$((sum + $(descriptors "$process")))
	done
	echo "$sum"
}

# no_more_than N: they have no more.
no_more_than()
{
	[ "$(open_now)" -le "$1" ]
}

# besiege SECONDS COMMAND...: an opponent at work for a while.
besiege()
{
	local seconds=$1

	shift
	start opponent "$@"
	feels $(all_but_opponents)
	sleep "$seconds"
	kill -KILL $(of_opponents) 2>/dev/null || :
	ended opponent
}

# returns_to N WHAT: in a while, for the queue may be long.
returns_to()
{
	within 15000 no_more_than "$1" ||
		fault "$2: $1 descriptors before, $(open_now) now"
}

# keeps_none COMMAND KIND...: a server on ./s.
keeps_none()
{
	local row=$1 kind before flag=''

	shift
	cell=$row
	case $row in
	*fdecho*) flag=-e ;;
	esac
	start victim $row
	up ./s
	# What it opens when it works for the first time stays.
	for kind in 1 2 3 4; do
		limited opponent probe $flag ./s >/dev/null
	done
	within 300 no_more_than 0 || before=$(open_now)
	for kind; do
		case $kind in
		silent) besiege 0.1 opponent silent -n 100 ./s ;;
		both|itself|again|epoll|alg|opath)
			besiege 0.1 opponent give "$kind" ./s ;;
		*) besiege "$(scaled 0.1 1)" opponent send "$kind" ./s ;;
		esac
		returns_to "$before" "$kind"
	done
	term "$(process victim)"
	clear_away
	no_faults
}

sent="flood refused crowd vanish half gone silent"
given="both itself again epoll alg opath"

@test "fdrecv -k ./s COMMAND keeps no descriptor" {
	keeps_none "fdrecv -k ./s true" $sent $given
}

@test "fdrecv -n ./s COMMAND keeps no descriptor" {
	keeps_none "fdrecv -n 2 ./s true" $sent $given
}

@test "fdrecv -k ./s that shows keeps no descriptor" {
	keeps_none "fdrecv -k ./s" $sent $given
}

# Both ends of one pair in it would echo for ever.
@test "fdecho ./s keeps no descriptor" {
	keeps_none "fdecho ./s" $sent reset stream itself epoll alg opath
}

# keeps_none_of COMMAND: a server in the shell's words, on ./address.
keeps_none_of()
{
	local kind before

	cell=$1
	start victim sh -c "$1"
	within 3000 test -s address || fault "no address"
	for kind in 1 2 3 4; do
		limited client "$(cat address)" </dev/null >/dev/null
	done
	# As many accept as ever will.
	besiege 0.5 opponent call reconnect "$(cat address)"
	within 300 no_more_than 0 || before=$(open_now)
	for kind in reconnect reset stream silent; do
		besiege "$(scaled 0.1 1)" opponent call "$kind" \
			"$(cat address)"
		returns_to "$before" "$kind"
	done
	term $(ours_named fdlisten)
	clear_away
	no_faults
}

@test "fdlisten -k ADDRESS COMMAND keeps no descriptor" {
	keeps_none_of 'exec fdlisten -k -o address 127.0.0.1:0 true'
}

@test "fdlisten -k ADDRESS | fdecho - keeps no descriptor" {
	keeps_none_of 'fdlisten -k -o address 127.0.0.1:0 | exec fdecho -'
}

@test "fdlisten -k ADDRESS | fdsend -rw ./t keeps no descriptor" {
	start sink fdecho ./t
	up ./t
	keeps_none_of 'fdlisten -k -o address 127.0.0.1:0 |
		exec fdsend -rw ./t'
}
