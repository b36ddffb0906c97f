# SPDX-License-Identifier: ISC
# The checks that these are known not to need: words split on purpose.
# shellcheck disable=SC2030,SC2031,SC2086
# A thousand connections that say nothing: the next sender is served at once,
# who has to give way is told "not now", and no user shuts out another.

load ../lib/helpers
load ../lib/trials
load opponents

setup()
{
	common_setup
	need_proc
	need_linux
	many=1000
}

teardown()
{
	common_teardown && failed=0 || failed=1
	close_directory
	return "$failed"
}

# crowded NAME [OPTION...]: the silent ones are there.
crowded()
{
	local name=$1

	shift
	start "$name" opponent silent "$@" ./s
	DEADLINE=20 wait_for test -s "$name.out"
}

# answered NAME: none of them was told that it was taken, which closing without
# a word means, too.
answered()
{
	local line

	stop "$1"
	line=$(tail -n 1 "$1.out")
	same "$(value taken "$line") $(value end "$line")" "0 0" ||
		fault "taken for taken: $line"
	# Who was in the queue when COMMAND took over is told that way.
	[ "$cell" = "fdrecv ./s true" ] || same "$(value reset "$line")" 0 ||
		fault "reset: $line"
	times+=" $line;"
}

# stands COMMAND: many silent ones, then some that are served.
stands()
{
	local row=$1 flag='' i process

	cell=$row
	times=
	case $row in
	*fdecho*) flag=-e ;;
	esac
	start victim $row
	up ./s
	case $row in
	*"-n "*) wait_for has 4 children "$(process victim)" ;;
	esac
	crowded silent -n "$many"
	case $row in
	"fdrecv ./s true") probed ;;
	*) for i in 1 2 3; do probed $flag; done ;;
	esac
	answered silent
	# Parts of messages are not better than silence.
	case $row in
	"fdrecv ./s true") ;;
	*) crowded halves -b 1 -n "$((many / 2))"
	   probed $flag
	   answered halves ;;
	esac
	process=$(process victim)
	case $row in
	*fd:3*) keeps_name=yes ;;
	esac
	if [ "$row" != "fdrecv ./s true" ]; then
		ends_in_time "$process" gone_process "$process"
	fi
	clear_away
	tell_times
}

@test "behind a thousand silent ones: fdrecv ./s COMMAND" {
	stands "fdrecv ./s true"
	no_faults
}

@test "behind a thousand silent ones: fdrecv -k ./s COMMAND" {
	stands "fdrecv -k ./s true"
	no_faults
}

@test "behind a thousand silent ones: fdrecv -n ./s COMMAND" {
	stands "fdrecv -n 4 ./s true"
	no_faults
}

@test "behind a thousand silent ones: fdrecv -k ./s that shows" {
	stands "fdrecv -k ./s"
	no_faults
}

@test "behind a thousand silent ones: fdrecv -k fd:3 COMMAND" {
	stands "fdlisten -l ./s fdrecv -k fd:3 true"
	no_faults
}

@test "behind a thousand silent ones: fdecho ./s" {
	stands "fdecho ./s"
	no_faults
}

@test "behind a thousand silent ones: fdecho fd:3" {
	stands "fdlisten -l ./s fdecho fd:3"
	no_faults
}

@test "behind silent ones, with a table of 64: the next sender is served" {
	local row

	many=200
	for row in "with -l 64 fdrecv -k ./s true" "with -l 64 fdecho ./s"; do
		stands "$row"
	done
	no_faults
}

@test "behind silent ones fdsend, which tries again for a second, is served" {
	local row clock begun

	for row in "fdrecv -k ./s true" "fdrecv ./s true"; do
		cell=$row
		times=
		start victim $row
		up ./s
		crowded silent -n "$many"
		clock
		begun=$clock
		run_limited fdsend -t 3 ./s
		clock
		is_status 0 || fault "fdsend: status $status"
		at_most "$SERVED" $((clock - begun)) ms ||
			fault "fdsend took $((clock - begun)) ms"
		answered silent
		term "$(process victim)"
		clear_away
	done
	no_faults
}

@test "silent ones do not make fdrecv keep its time" {
	cell="-t"
	start victim fdrecv -t 1 ./s true
	up ./s
	start silent opponent silent -n 100 ./s
	within 3000 not_running victim || fault "-t 1: there after $took ms"
	ended victim
	is_status 124 || fault "status $status"
	clear_away
	no_faults
}

@test "who has said nothing when it ends is told so" {
	local row line

	for row in "fdrecv -k ./s true" "fdrecv -n 2 ./s true" "fdecho ./s"; do
		cell=$row
		times=
		start victim $row
		up ./s
		crowded silent -n 20
		within 500 holds_some || :
		term "$(process victim)"
		ended victim
		is_status 0 || fault "status $status"
		stop silent
		line=$(tail -n 1 silent.out)
		same "$(value taken "$line") $(value end "$line")" "0 0" ||
			fault "taken for taken: $line"
		same "$(value open "$line")" 0 || fault "not told: $line"
		at_least 1 "$(value retry "$line")" || fault "$line"
		clear_away
	done
	no_faults
}

# holds_some: it has accepted more than one.
holds_some()
{
	local process n=0

	for process in $(ours_named fdrecv fdecho); do
		n=$((n + $(descriptors "$process")))
	done
	[ "$n" -ge 24 ]
}

# The slow one has come first: among all it would be the first to give way.
@test "one user who says nothing does not shut out another" {
	local row

	open_directory
	cp "$FDPASS_TOOLS/opponent" "$open/bin/"
	for row in "fdrecv -k -m 0666 ./s true" "fdecho ./s" \
		"fdrecv -m 0666 -n 4 ./s true"; do
		cell=$row
		times=
		# fdecho has no -m; somebody else opens the name for it.
		case $row in
		fdecho*) row="fdlisten -m 0666 -l ./s fdecho fd:3"
		         keeps_name=yes ;;
		esac
		start victim $row
		up ./s
		start slow opponent slow ./s
		wait_for test -s slow.out
		start silent "${as_user[@]}" opponent silent -n "$many" ./s
		DEADLINE=20 wait_for test -s silent.out
		start other "${as_other[@]}" opponent silent -n 60 ./s
		wait_for test -s other.out
		signal slow USR1
		ended slow
		case $(tail -n 1 slow.out) in
		"answer taken") ;;
		# fdecho has no use for a file, but has looked at it.
		"answer refused") like "$cell" "fdecho*" ;;
		*) fault "the slow one: $(tail -n 1 slow.out)" ;;
		esac
		case $cell in
		fdecho*) probed -e ;;
		*) probed ;;
		esac
		answered silent
		answered other
		term "$(process victim)"
		clear_away
		tell_times
	done
	no_faults
}
