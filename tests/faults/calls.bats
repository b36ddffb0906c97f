# SPDX-License-Identifier: ISC
# The checks that these are known not to need: words split on purpose, and
# $ that a shell started by a test expands.
# shellcheck disable=SC2015,SC2016,SC2030,SC2031,SC2086
# Every system call made to fail in turn, over the main scenes: the right
# message and status, nothing pretended, nothing left, no hang, and, where a
# sanitizer looks, no leak; no descriptor more is open than without the failure.
#
# A scene plays with one process, the victim, one of whose calls fails, by a
# preloaded library: fail.c. Three ways: with EINTR, which nobody may notice; for
# lack of something, which is waited out once the command is at work; with EIO,
# which may end it, with a line that says so.

load ../lib/helpers
load ../lib/says
load ../lib/streams
load ../lib/trials

setup_file()
{
	build_failing
}

setup()
{
	common_setup
	need_failing
	# shellcheck disable=SC2034
	LIMIT=20 DEADLINE=15
	injection=()
	runs=0
	stdio=0
	: >complaints
}

# victim NAME COMMAND...: start it; one of its calls fails.
victim()
{
	local name=$1

	shift
	victim=$name
	start "$name" env "LD_PRELOAD=$sanitizer$fail_so" "${injection[@]}" "$@"
}

# Calls whose failure cannot mean anything.
harmless='getsockopt|lstat|opendir|setsockopt|waitpid'

# survey: "NAME N" for each call in ./calls.
survey()
{
	sort calls | uniq -c | while read -r count name; do
		[[ $name =~ ^($harmless)$ ]] || echo "$name $count"
	done
}

# What the system lacks, when this call fails.
shortage()
{
	case $1 in
	accept*|socket|socketpair|pipe*|open*|fcntl|dup*|epoll_create*)
		echo EMFILE ;;
	fork|vfork) echo EAGAIN ;;
	mk*) echo ENOSPC ;;
	sendmsg) echo ETOOMANYREFS ;;
	*) echo ENOMEM ;;
	esac
}

# Those that are waited out: their shortage must not be noticed, but for lines
# that say so.
waits_out()
{
	case $1 in
	accept*|fork|vfork|sendmsg) return 0 ;;
	esac
	return 1
}

can_be_interrupted()
{
	case $1 in
	accept*|recvmsg|sendmsg|recv|send|poll|ppoll|epoll_*wait*|flock)
		return 0 ;;
	# Where standard output is written to by stdio, no signal is caught.
	read|write) [ "$stdio" = 0 ]; return ;;
	esac
	return 1
}

complain()
{
	echo "$scene: $call number $number: $error: $*" >>complaints
	sed 's/^/    /' "$victim.err" >>complaints
}

# Play the scene with this call failing, and judge.
trial()
{
	local lines reason

	injection=("FAIL_CALL=$call:$number:$(errno_of "$error")")
	effect=0
	runs=$((runs + 1))
	rm -rf ./*.out ./*.err ./address
	"$scene" >scene.log 2>&1 || complain "the scene failed: $(cat scene.log)"
	lines=$(grep -c . "$victim.err" || :)
	if [ "$status" -ge 128 ] && [ "$status" -ne 141 ]; then
		complain "status $status"
	elif [ "$status" -eq 0 ] && [ "$effect" -ne 1 ] && [ "$lines" -eq 0 ]
	then
		complain "nothing was done, and nothing said"
	elif [ "$status" -ne 0 ] && [ "$status" -ne 141 ] &&
		[ "$lines" -eq 0 ]; then
		complain "status $status without a word"
	fi
	if [ "$error" = EINTR ] &&
		{ [ "$effect" -ne 1 ] || [ "$lines" -ne 0 ]; }; then
		complain "noticed (status $status, effect $effect)"
	fi
	if [ "$error" != EIO ] && waits_out "$call" && [ "$effect" -ne 1 ]; then
		complain "not waited out (status $status)"
	fi
	if [ "$status" -eq 99 ]; then
		complain "what a sanitizer has found"
	fi
	if grep -vq '^fd[a-z]*: .' "$victim.err" || [ "$lines" -gt 2 ]; then
		complain "not one line"
	fi
	# Who ends says what failed: the reason, or what else was wrong.
	case $error in
	EIO) reason='Input/output error' ;;
	EMFILE) reason='Too many open files' ;;
	EAGAIN) reason='Resource temporarily unavailable' ;;
	ENOMEM) reason='Cannot allocate memory|Out of memory' ;;
	ENOSPC) reason='No space left on device' ;;
	ETOOMANYREFS) reason='Too many references' ;;
	*) reason=. ;;
	esac
	if [ "$status" -eq 1 ] && [ "$lines" -gt 0 ] &&
		! grep -Eq "$reason|$may_say" "$victim.err"; then
		complain "another reason"
	fi
	case $call in
	unlink*|rmdir|*stat*)
		find . "$TMPDIR" -mindepth 1 \( -type s -o -name 'fdpass-*' \) \
			-delete
		;;
	esac
	if [ -n "$(find . -type s)" ] || [ -n "$(find "$TMPDIR" -mindepth 1)" ]
	then
		complain "left: $(find . "$TMPDIR" -type s -o -name 'fdpass-*')"
		find . -type s -delete
		find "$TMPDIR" -mindepth 1 -delete
	fi
}

# What may be said instead of the injected error's reason.
may_say='not open|is not a|not a connected|trying again|refused|look-up|'
may_say+='not a UNIX socket|on non-socket'

# all_calls SCENE: every call of its victim, every way.
all_calls()
{
	untraced every_call "$1"
}

every_call()
{
	local most count plan

	scene=$1
	call=none number=0 error=none
	rm -f calls
	injection=("FAIL_LOG=$PWD/calls")
	effect=0
	"$scene"
	same "$status/$effect" 0/1 "without a failure"
	most=$(scaled 1 12)
	plan=$(survey)
	while read -r call count; do
		for ((number = 1; number <= count && number <= most; number++))
		do
			error=none
			if can_be_interrupted "$call"; then
				error=EINTR
				trial
			fi
			if [ "$FDPASS_TRIALS" = full ] ||
				[ "$error" != EINTR ]; then
				error=$(shortage "$call")
				trial
			fi
			if [ "$FDPASS_TRIALS" = full ]; then
				error=EIO
				trial
			fi
		done
	done <<-END
	$plan
	END
	report "$runs calls failed, $(grep -c '^[^ ]' complaints || :)" \
		"were not borne"
	[ ! -s complaints ] || { cat complaints; return 1; }
}

# settled: sets $open, how many descriptors the victim has for a while now.
settled()
{
	open=$(descriptors "${pid_of[$victim]}")
	sleep 0.05
	[ "$(descriptors "${pid_of[$victim]}")" = "$open" ]
}

no_more_open()
{
	local spare=0

	# A socket that cannot be made non-blocking is waited for by epoll.
	[ "$call" != fcntl ] || spare=1
	[ "$(descriptors "${pid_of[$victim]}")" -le $((open + spare)) ]
}

# look_for_leaks: the victim has no more open than it had without a failure.
look_for_leaks()
{
	running "$victim" || return 0
	if [ "$call" = none ]; then
		wait_for settled
	elif ! DEADLINE=5 wait_for no_more_open; then
		complain "$open were open, $(descriptors \
			"${pid_of[$victim]}") are now"
	fi
}

# finish: end the victim, and what else the scene has started.
finish()
{
	local name

	look_for_leaks
	# One that has ended may have left its number to somebody else.
	! running "$victim" || signal "$victim" 2>/dev/null || :
	ended "$victim"
	for name in "${!pid_of[@]}"; do
		! running "$name" || signal "$name" 2>/dev/null || :
	done
	wait_for none_left
	for name in "${!pid_of[@]}"; do
		wait "${pid_of[$name]}" || :
	done 2>/dev/null
	pid_of=()
}

# here FILE: until it is there, and somebody listens if it is a socket; or until
# the victim has ended.
here()
{
	wait_for there_or_over "$1"
	[ -e "$1" ]
}

there_or_over()
{
	if [ -S "$1" ]; then isup "$1"; else [ -e "$1" ]; fi ||
		not_running "$victim"
}

# --- scenes

sends()
{
	start receiver fdrecv -k ./s echo received
	up ./s
	victim sender fdsend -s text ./s
	ended sender
	local sent=$status
	finish_others
	status=$sent
	# Told so, and done so.
	if [ "$(wc -l <receiver.out)" -eq 1 ] && [ "$sent" -eq 0 ]; then
		effect=1
	fi
}

# The victim has ended already.
finish_others()
{
	local saved=$status name

	for name in "${!pid_of[@]}"; do
		stop "$name"
	done
	wait_for none_left
	status=$saved
}

@test "fdsend" {
	all_calls sends
}

# The instant between bind() and listen() of the receiver.
@test "fdsend tries a refused connection again" {
	start receiver fdrecv ./s echo received
	up ./s
	injection=("FAIL_CALL=connect:1:$(errno_of ECONNREFUSED)")
	victim sender fdsend ./s
	ended sender
	is_status 0
	same "$(cat sender.err)" ""
	ended receiver
	same "$(cat receiver.out)" received
}

@test "a sender tries again where the receiver has no memory for its message" {
	injection=("FAIL_CALL=recvmsg:1:$(errno_of ENOMEM)")
	victim receiver fdrecv ./s echo received
	up ./s
	run_limited fdsend -w ./s
	is_status 0
	ended receiver
	same "$(cat receiver.out)" received
}

@test "a message of which a part has come is not cut where memory runs out" {
	local number

	for number in 1 2 3; do
		run_limited paired -t stream fdsend -s "$(printf %060000d 7)" \
			-f 0 - '|' env "LD_PRELOAD=$sanitizer$fail_so" \
			"FAIL_CALL=recvmsg:$number:$(errno_of ENOMEM)" \
			fdrecv -f 3 - sh -c 'echo "${#FDRECV_PAYLOAD}"' </dev/null
		is_status 0
		same "$output" 60000 "call $number"
	done
}

@test "a pool that is ended before it has a worker serves what was sent" {
	mkfifo pipe
	echo hello >file
	injection=("FAIL_CALL=fork:1:$(errno_of EAGAIN)")
	victim pool sh -c 'exec fdrecv -n 1 - cat <pipe'
	start sender sh -c 'exec fdsend - <file >pipe'
	wait_for grep -q 'fork: ' pool.err
	ended sender
	is_status 0
	stop pool
	is_status 0
	same "$(cat pool.out)" hello
}

# Its calls: the stream is watched, a connection is, the stream is not any more,
# the connection is not, and the stream again.
@test "fdecho -n goes on where the loop has no room for its stream" {
	[ "${FDPASS_VARIANT-}" != posix ] || skip "epoll is Linux only"
	mkfifo pipe
	injection=("FAIL_CALL=epoll_ctl:5:$(errno_of ENOSPC)")
	victim worker sh -c 'exec fdecho -n 1 - <pipe'
	start server sh -c 'exec fdlisten -k ./a >pipe'
	up ./a
	held one ./a
	hang_up one
	held two ./a
	like "$(cat worker.err)" "fdecho: -: No space left on device; *"
	hang_up two
	stop server
	is_status 0
	ended worker
	is_status 0
}

peeks()
{
	victim=server
	start server fdlisten -o address 127.0.0.1:0 env \
		"LD_PRELOAD=$sanitizer$fail_so" "${injection[@]}" \
		fdpeek -t 10 sh -c 'echo "$FDPEEK_LINE"; exec cat'
	printf 'hello\n' >said
	limited speak -b 3 -i 30 "$(address_of address)" <said >back || :
	# Where it cannot look, COMMAND still has it all.
	if [ "$(wc -l <back)" -eq 2 ] && [ "$(tail -n 1 back)" = hello ] &&
		{ [ "$error" = EIO ] || [ "$(head -n 1 back)" = hello ]; }
	then
		effect=1
	fi
	ended server
}

@test "fdpeek" {
	all_calls peeks
}

@test "fdpeek looks at intervals where arrivals cannot be watched" {
	[ "${FDPASS_VARIANT-}" != posix ] || skip "epoll is Linux only"
	for failing in epoll_create1:1:$(errno_of EMFILE) \
		epoll_ctl:1:$(errno_of ENOSPC); do
		rm -f address
		injection=("FAIL_CALL=$failing")
		effect=0
		peeks
		same "$effect/$status/$(cat server.err)" 1/0/
	done
}

receives_one()
{
	victim receiver fdrecv ./s echo received
	here ./s || :
	if running receiver; then
		# What was refused may be sent again.
		limited fdsend -t 5 ./s 2>/dev/null && effect=1 ||
			limited fdsend -t 5 ./s 2>/dev/null && effect=1
	fi
	ended receiver
	finish_others
	# That COMMAND cannot be run is seen too late, once the sender was told.
	if [ "$status" -ne 126 ] &&
		[ "$(wc -l <receiver.out)" -ne "$effect" ]; then
		echo "told $effect, done $(wc -l <receiver.out)"
		return 1
	fi
}

@test "fdrecv" {
	all_calls receives_one
}

# How many of two messages were taken, and served.
receives_many()
{
	local told=0

	victim receiver fdrecv "$@" ./s echo received
	here ./s || :
	for _ in 1 2; do
		running receiver || break
		limited fdsend -t 5 ./s 2>/dev/null && told=$((told + 1))
	done
	finish
	if [ "$told" = 2 ]; then
		effect=1
	fi
	if [ "$(wc -l <receiver.out)" -ne "$told" ]; then
		echo "told $told, done $(wc -l <receiver.out)"
		return 1
	fi
}

works()
{
	receives_many -k
}

@test "fdrecv -k" {
	all_calls works
}

pool()
{
	receives_many -n 2
}

@test "fdrecv -n" {
	all_calls pool
}

shows()
{
	victim receiver fdrecv -k ./s
	here ./s || :
	running receiver && limited fdsend -t 5 ./s 2>/dev/null || :
	finish
	grep -q '1 descriptor' receiver.out && effect=1 || :
}

@test "fdrecv that shows" {
	stdio=1
	all_calls shows
}

# served ADDRESS: whether two clients are.
served()
{
	running "$victim" || return 0
	limited load -n 2 -t 5 "$1" >load.out 2>&1 && effect=1 || :
}

listens()
{
	victim server fdlisten -k -o address 127.0.0.1:0 fdecho
	here address || :
	if [ -e address ]; then
		served "$(cat address)"
	fi
	finish
}

@test "fdlisten -k" {
	all_calls listens
}

listens_once()
{
	victim server fdlisten ./a fdecho
	here ./a || :
	if running server; then
		limited load -t 5 ./a >load.out 2>&1 && effect=1 || :
	fi
	ended server
	finish_others
}

@test "fdlisten" {
	all_calls listens_once
}

listens_to_stream()
{
	mkfifo pipe
	start reader sh -c 'exec fdecho - <pipe'
	victim server sh -c 'exec fdlisten -k ./a >pipe'
	here ./a || :
	served ./a
	finish
	rm pipe
}

@test "fdlisten to a stream" {
	all_calls listens_to_stream
}

echoes_stream()
{
	mkfifo pipe
	start server sh -c 'exec fdlisten -k ./a >pipe'
	victim reader sh -c 'exec fdecho - <pipe'
	here ./a || :
	served ./a
	finish
	rm pipe
}

@test "fdecho from a stream" {
	all_calls echoes_stream
}

echoes_name()
{
	start server fdlisten -k ./a fdsend -w -t 2 ./s
	victim worker fdecho ./s
	up ./a
	here ./s || :
	served ./a
	finish
}

@test "fdecho on a name" {
	all_calls echoes_name
}

relays_to_name()
{
	mkfifo pipe
	start worker fdecho ./s
	start server sh -c 'exec fdlisten -k ./a >pipe'
	victim relay sh -c 'exec fdsend -rw ./s <pipe'
	here ./a || :
	here ./s || :
	served ./a
	finish
	rm pipe
}

@test "fdsend -r to a name" {
	all_calls relays_to_name
}

relays_to_stream()
{
	mkfifo pipe pipe2
	start worker sh -c 'exec fdecho - <pipe2'
	start server sh -c 'exec fdlisten -k ./a >pipe'
	victim relay sh -c 'exec fdsend -r - <pipe >pipe2'
	here ./a || :
	served ./a
	finish
	rm pipe pipe2
}

@test "fdsend -r to a stream" {
	all_calls relays_to_stream
}

pipes()
{
	victim pipe fdpipe -n 2 fdlisten -k ./a '|' fdecho -
	here ./a || :
	served ./a
	finish
}

@test "fdpipe" {
	all_calls pipes
}

connects()
{
	start server fdlisten -k -o address 127.0.0.1:0 fdecho
	address_of address >/dev/null
	echo hello >input
	victim client sh -c 'exec fdconnect "$(cat address)" <input'
	ended client
	finish_others
	if [ "$(cat client.out)" = hello ] && [ "$status" -eq 0 ]; then
		effect=1
	fi
}

@test "fdconnect" {
	all_calls connects
}

looks()
{
	victim info fdinfo 0 1 2
	ended info
	if [ "$(wc -l <info.out)" -eq 3 ] && [ "$status" -eq 0 ]; then
		effect=1
	fi
	wait_for none_left
}

@test "fdinfo" {
	stdio=1
	all_calls looks
}
