# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# What the tests of opponents load beside the helpers and the trials: one cell
# of the table in tests/faults/README.md is one command against one opponent.
#
# shellcheck disable=SC2154 # variables that the helpers set

# What is promised, and what a busy machine is allowed, in milliseconds:
# 100 for the first signal, 1000 for the second, 500 for the sender behind.
NOTICED=1000
ENDED=3000
SERVED=2000
APART=650    # two signals nearer than 500 count as one
DRAINED=4500 # a stream is emptied for 2000 at most

faults=()
took=0
# Commands behind the one that is tested: they are not waited for.
expendable=

# clock: sets $clock, milliseconds.
clock()
{
	clock=${EPOCHREALTIME/[.,]/}
	clock=${clock%???}
}

# within MS CONDITION...: whether it comes true in time; sets $took.
within()
{
	local most=$1 begun clock

	shift
	clock
	begun=$clock
	until "$@"; do
		clock
		took=$((clock - begun))
		[ "$took" -lt "$most" ] || return
		sleep 0.01
	done
	clock
	took=$((clock - begun))
}

# fault TEXT: this cell does not hold; the test goes on with the next.
fault()
{
	faults+=("$cell: $*")
}

# no_faults: at the end of a test.
no_faults()
{
	[ "${#faults[@]}" -eq 0 ] || {
		printf '%s\n' "${faults[@]}"
		return 1
	}
}

# all_but_opponents: the processes of this test that are not opponents, nor
# what a COMMAND has left to itself.
all_but_opponents()
{
	local process name

	for process in $(ours); do
		name=
		read -r name <"/proc/$process/comm" || continue
		[ "$name" = opponent ] || echo "$process"
	done 2>/dev/null
}

# of_opponents: those that are.
of_opponents()
{
	ours_named opponent
}

is_quiet()
{
	[ -z "$("$1")" ]
}

# clear_away: whatever is still there goes, and is a fault unless it was an
# opponent.
clear_away()
{
	local left name

	cell=${cell//$'\t'/}
	cell=${cell//$'\\\n'/}
	cell=${cell//$'\n'/ }
	# Who serves behind the one that is tested may hold what never ends; but
	# what is on its way to it must arrive.
	if [ -n "${pid_of[sink]-}" ]; then
		within "$ENDED" not_running victim || :
		kill -KILL "$(process sink)"
	fi
	# shellcheck disable=SC2086
	left="$(of_opponents) ${expendable:+$(ours_named $expendable)}"
	# shellcheck disable=SC2086
	kill -KILL $left 2>/dev/null || :
	if ! within "$ENDED" is_quiet all_but_opponents; then
		left=$(all_but_opponents)
		# shellcheck disable=SC2086
		fault "left: $(ps -o args= -p "${left//$'\n'/,}" |
			tr '\n' ';')"
		# shellcheck disable=SC2086
		kill -KILL $left 2>/dev/null || :
	fi
	within "$ENDED" none_left || :
	for name in "${!pid_of[@]}"; do
		wait "${pid_of[$name]}" 2>/dev/null || :
		unset "pid_of[$name]"
	done
	left=$(find "$TMPDIR" -mindepth 1)
	if [ -n "$left" ]; then
		fault "left: $left"
		rm -rf "${TMPDIR:?}"/*
	fi
	if [ -S ./s ] && [ "${keeps_name-}" != yes ]; then
		fault "left: ./s"
	fi
	rm -f ./s ./t ./address ./ready
	keeps_name=
}

# thorough COMMAND...: only in the long trials.
thorough()
{
	[ "$FDPASS_TRIALS" != full ] || "$@"
}

# feels PROCESS...: wait until the load has reached them, a moment at most.
feels()
{
	within 300 worked "$@" || :
}

# crowd_of KIND: how many processes it takes to keep a loop ready.
crowd_of()
{
	case $1 in
	stream) echo 8 ;;
	*) scaled 4 8 ;;
	esac
}

worked()
{
	[ "$(ticks "$@")" -ge 4 ]
}

# term PROCESS...: the first signal.
term()
{
	kill "$@" 2>/dev/null || :
}

# ends_in_time PROCESS CONDITION...: after a first SIGTERM the condition comes
# true, and then the process ends, by itself or by a second SIGTERM.
ends_in_time()
{
	local process=$1 first noticed begun

	shift
	kill "$process" 2>/dev/null || :
	clock
	begun=$clock
	first=yes
	within "$NOTICED" "$@" || first=no
	noticed=$took
	[ $first = yes ] || fault "first SIGTERM not noticed in $took ms"
	within $((APART - noticed > 0 ? APART - noticed : 0)) \
		gone_process "$process" || :
	if ! gone_process "$process"; then
		kill "$process" 2>/dev/null || :
		within "$ENDED" gone_process "$process" ||
			fault "second SIGTERM: still there after $took ms"
	fi
	clock
	times+=" noticed $noticed, ended $((clock - begun)) ms;"
}

# gone_process PROCESS: it has ended; a zombie has.
gone_process()
{
	local stat

	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	stat=${stat##*) }
	[ "${stat%% *}" = Z ]
}

# probed [-e]: a sender to ./s is served in time.
probed()
{
	local line

	line=$(limited opponent probe "$@" ./s)
	case $line in
	"taken "*|"served "*)
		at_most "$SERVED" "${line#* }" >/dev/null ||
			fault "the sender behind was served after ${line#* } ms"
		;;
	*)	fault "the sender behind: $line ms" ;;
	esac
	times+=" $line ms;"
}

# tell_times: what was measured.
tell_times()
{
	report "$cell:$times"
}
