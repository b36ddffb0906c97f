# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# What every test file loads first: `load ../lib/helpers`.
#
# A test runs in an empty directory of its own, with the commands and the test
# tools first in PATH and standard input from /dev/null. What it starts with
# `start` is stopped by the teardown, which then fails the test if a process,
# a UNIX socket or a temporary file is left.
#
# The helpers that every test calls start no processes of their own where the
# shell can do it: a thousand tests that each do ten more take a minute longer.

bats_require_minimum_version 1.5.0

# Of tests/DIRECTORY/FILE.bats.
top_dir=${BATS_TEST_DIRNAME%/*/*}
FDPASS_BIN=${FDPASS_BIN:-$top_dir/bin}
FDPASS_TOOLS=${FDPASS_TOOLS:-$top_dir/tests/tools}
# The system's own Python, if there is one: a program that chooses a version
# starts a dozen processes first.
if [ -x /usr/bin/python3 ]; then
	if [ ! -e "$BATS_RUN_TMPDIR/python/python3" ]; then
		mkdir -p "$BATS_RUN_TMPDIR/python"
		ln -sf /usr/bin/python3 "$BATS_RUN_TMPDIR/python/"
	fi
	PATH=$BATS_RUN_TMPDIR/python:$PATH
fi
PATH=$FDPASS_BIN:$FDPASS_TOOLS:$PATH
LC_ALL=C
export FDPASS_BIN FDPASS_TOOLS PATH LC_ALL

# How long one command, and one condition, may take, in seconds.
LIMIT=${LIMIT:-30}
DEADLINE=${DEADLINE:-15}

# Long trials, with FDPASS_TRIALS=full, or quick ones: see scaled().
FDPASS_TRIALS=${FDPASS_TRIALS:-quick}

declare -gA pid_of=()
pid=

setup()
{
	common_setup
}

teardown()
{
	common_teardown
}

# untraced COMMAND...: a function that does much, without the note that bats
# takes of its place before each command. (In a test, nothing else is either.)
untraced()
{
	local -

	set +T
	"$@"
}

# common_setup: what a test file's own setup must call first.
#
# bats takes a note of its place before each command, which takes a third of the
# time of all tests. It shall do so in the test itself alone, and tell the line
# that called what failed; end_test() tells the place in there.
common_setup()
{
	local name

	set +T
	failed_at=
	if declare -F bats_error_trap >/dev/null; then
		trap 'bats_error_trap; note_place "$LINENO"' ERR
	fi
	for name in "${!TCP@}" "${!UNIX@}" "${!FDRECV_@}" "${!LISTEN_@}"; do
		unset "$name"
	done
	unset PROTO FDTRACE
	pid_of=()
	sockets_stay=0
	open=
	# Every process of this test carries this; see ours().
	export FDPASS_TEST=$BATS_TEST_TMPDIR
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir "$TMPDIR" "$BATS_TEST_TMPDIR/here"
	cd "$BATS_TEST_TMPDIR/here" || return
	exec </dev/null
}

# note_place LINE: where a command failed, unless that was in a subshell.
note_place()
{
	local file=${BASH_SOURCE[1]}

	[ "$file" != "${BATS_TEST_SOURCE-}" ] || file=$BATS_TEST_FILENAME
	[ "$BASHPID" -ne $$ ] ||
		failed_at="${file##*/}, line $1, in ${FUNCNAME[1]}"
}

# common_teardown: stop what was started, then look for what is left.
common_teardown()
{
	local name left=() lines failed=0

	for name in "${!pid_of[@]}"; do
		running "$name" || continue
		signal "$name" CONT 2>/dev/null || :
		signal "$name" 2>/dev/null || :
	done
	if ! DEADLINE=5 wait_for none_left; then
		echo "left behind"
		kill -KILL "${own[@]}" 2>/dev/null || :
		failed=1
	fi
	for name in "${!pid_of[@]}"; do
		wait "${pid_of[$name]}" 2>/dev/null || :
	done
	shopt -s dotglob globstar nullglob
	if [ "$sockets_stay" = 0 ]; then
		for name in "$BATS_TEST_TMPDIR"/**; do
			if [[ ( -S $name && ! -L $name ) ||
				$name == "$TMPDIR"/?* ]]; then
				left+=("$name")
			fi
		done
	else
		left=("$TMPDIR"/*)
	fi
	shopt -u dotglob globstar nullglob
	if [ "${#left[@]}" -ne 0 ]; then
		echo "sockets or temporary files left: ${left[*]}"
		failed=1
	fi
	[ -n "${BATS_TEST_COMPLETED-}" ] || failed=1
	[ -z "$failed_at" ] || echo "failed at $failed_at"
	for name in *.out *.err; do
		if [ "$failed" -ne 0 ] && [ -s "$name" ]; then
			echo "--- $name"
			mapfile -n 20 lines <"$name"
			printf %s "${lines[@]}"
		fi
	done
	[ -z "$open" ] || rm -rf "$open"
	return "$failed"
}

# leaves_sockets: this test leaves a socket behind on purpose.
leaves_sockets()
{
	sockets_stay=1
}

# ours: the processes of this test, except the test's own shells. They are
# known by a variable in the environment that they were started with.
ours()
{
	find_ours
	[ "${#own[@]}" -eq 0 ] || printf '%s\n' "${own[@]}"
}

# find_ours: the same in the array $own.
find_ours()
{
	local file files

	own=()
	[ -r /proc/self/environ ] || return 0
	# grep itself is none of them.
	mapfile -t files < <(FDPASS_TEST='' grep -lszxF \
		"FDPASS_TEST=$BATS_TEST_TMPDIR" /proc/[0-9]*/environ 2>/dev/null)
	for file in "${files[@]%/environ}"; do
		[ ! -d "$file" ] || own+=("${file##*/}")
	done
}

none_left()
{
	find_ours
	[ "${#own[@]}" -eq 0 ]
}

# show_ours: the processes of this test, and what each of them waits for.
show_ours()
{
	find_ours
	[ "${#own[@]}" -eq 0 ] ||
		ps -o pid,ppid,stat,wchan:24,args \
			-p "$(IFS=,; echo "${own[*]}")" || :
}

# wait_for CONDITION...: until the command CONDITION succeeds; fails after
# DEADLINE seconds. It looks often at first: most conditions come soon.
wait_for()
{
	local end=$((SECONDS + DEADLINE)) milliseconds=0

	until "$@"; do
		if [ "$SECONDS" -ge "$end" ]; then
			echo "not within $DEADLINE s: $*" >&2
			show_ours >&2
			return 1
		fi
		[ "$milliseconds" -ge 50 ] || : $((milliseconds += 5))
		moment "$milliseconds"
	done
}

# moment MILLISECONDS: what sleep(1) does, without a process: nobody writes to
# that pipe.
moment()
{
	local seconds

	printf -v seconds 0.%03d "$1"
	[ -p "$BATS_RUN_TMPDIR/silence" ] ||
		mkfifo "$BATS_RUN_TMPDIR/silence" 2>/dev/null || :
	read -r -t "$seconds" <>"$BATS_RUN_TMPDIR/silence" || :
}

# start NAME COMMAND...: in the background, with descriptors 0 to 2 alone: input
# from /dev/null, output to NAME.out, NAME.err. Sets $pid. A COMMAND that
# is a shell function works too.
start()
{
	local name=$1

	shift
	start_from /dev/null "$name" "$@"
}

# start_from FILE NAME COMMAND...: the same with input from FILE. Output is
# appended, for several may write to it at once, and GNU cat copies by
# copy_file_range(2), which does not lock the position that they share.
start_from()
{
	local file=$1 name=$2

	shift 2
	: >"$name.out"
	: >"$name.err"
	if declare -F "$1" >/dev/null && ! type -P "$1" >/dev/null; then
		"$@" <"$file" >>"$name.out" 2>>"$name.err" 3>&- 4>&- &
	else
		# `with` closes the rest, and undoes the shell's ignoring
		# of INT and QUIT in background jobs.
		with -x -d INT -d QUIT -d ALRM "$@" \
			<"$file" >>"$name.out" 2>>"$name.err" 3>&- 4>&- &
	fi
	pid=$!
	pid_of[$name]=$pid
}

# process NAME: its process id.
process()
{
	echo "${pid_of[$1]}"
}

# signal NAME [SIGNAL]: send it SIGNAL (default TERM).
signal()
{
	kill "-${2:-TERM}" "${pid_of[$1]}"
}

# running NAME: whether it has not ended. The shell is asked, not kill(2): by
# now another process may have the number. (What the shell has not waited for
# yet keeps its number.)
running()
{
	local running=()

	jobs -pr >"$BATS_TEST_TMPDIR/jobs.$BASHPID"
	mapfile -t running <"$BATS_TEST_TMPDIR/jobs.$BASHPID"
	[[ " ${running[*]} " == *" ${pid_of[$1]-none} "* ]] &&
		! in_state Z "${pid_of[$1]}"
}

# halted NAME: whether SIGSTOP has stopped it.
halted()
{
	in_state T "${pid_of[$1]}"
}

# in_state LETTER PID: whether that process is in the state that ps(1) calls so.
in_state()
{
	local text

	if [ -r "/proc/$$/stat" ]; then
		# "PID (NAME) STATE ..."
		{ read -r text <"/proc/$2/stat"; } 2>/dev/null || return
		[[ ${text##*) } == "$1"* ]]
	else
		like "$(ps -o stat= -p "$2")" "$1*" >/dev/null
	fi
}

not_running()
{
	! running "$1"
}

# ended NAME: wait until it ends by itself; its status in $status (255: it
# does not end).
ended()
{
	status=255
	wait_for not_running "$1" || return
	status=0
	wait "${pid_of[$1]}" || status=$?
	unset "pid_of[$1]"
}

# stop NAME [SIGNAL]: end it by SIGNAL (default TERM); its status in $status.
stop()
{
	signal "$@" || return
	ended "$1"
}

# limited COMMAND...: COMMAND, killed after LIMIT seconds (status 137).
limited()
{
	timeout -s KILL "$LIMIT" "$@" 3>&- 4>&-
}

# run_limited COMMAND...: what bats' `run limited COMMAND...` does, with fewer
# processes; $output has both standard output and standard error.
run_limited()
{
	status=0
	output=$(exec timeout -s KILL "$LIMIT" "$@" 2>&1 3>&- 4>&-) || status=$?
	IFS=$'\n' read -r -d '' -a lines <<<"$output" || :
}

# run_apart COMMAND...: the same with $output and $stderr apart.
# shellcheck disable=SC2034 # $stderr_lines, for those who call it
run_apart()
{
	local file=$BATS_TEST_TMPDIR/stderr.$BASHPID

	: >"$file"
	status=0
	output=$(exec timeout -s KILL "$LIMIT" "$@" 2>>"$file" 3>&- 4>&-) ||
		status=$?
	IFS=$'\n' read -r -d '' -a lines <<<"$output" || :
	IFS= read -r -d '' stderr <"$file" || :
	stderr=${stderr%"${stderr##*[!$'\n']}"}
	IFS=$'\n' read -r -d '' -a stderr_lines <<<"$stderr" || :
}

# address_of FILE: the address that a command wrote with -o FILE.
address_of()
{
	local text

	wait_for test -s "$1" && mapfile text <"$1" && printf %s "${text[@]}"
}

# port_of FILE: its port.
port_of()
{
	local address

	address=$(address_of "$1") && echo "${address##*:}"
}

# need COMMAND...: skip this test where one of them is not installed.
need()
{
	local name

	for name; do
		command -v "$name" >/dev/null || skip "$name is not installed"
	done
}

# need_linux: skip this test on another system.
need_linux()
{
	[[ $OSTYPE == linux* ]] || skip "Linux only"
	! built_posix_only || skip "built with FDPASS_POSIX_ONLY"
}

# not_sanitized WHY: skip this test with the sanitizers, which need more time,
# memory and descriptors.
not_sanitized()
{
	[ "${FDPASS_VARIANT-}" != sanitized ] || skip "not with sanitizers: $1"
}

# built_posix_only: whether the commands were built without what is Linux
# only. Such a build refuses abstract names.
built_posix_only()
{
	run_limited fdlisten -t 0.01 "@fdpass-$$-probe" true
	[ "$status" -ne 124 ]
}

# need_shell NAME: skip this test where that shell is not installed; sets the
# array $shell to the command that runs it.
need_shell()
{
	has_shell "$1" || skip "$1 is not installed"
}

# has_shell NAME: whether it is installed; sets the array $shell.
has_shell()
{
	# shellcheck disable=SC2034
	case $1 in
	busybox) shell=(busybox sh) ;;
	ksh)     shell=(ksh93)
	         type -P ksh93 >/dev/null || shell=(ksh) ;;
	*)       shell=("$1") ;;
	esac
	type -P "${shell[0]}" >/dev/null
}

# in_each_shell FUNCTION [ARG...]: call it with every shell there is (by day dash
# and bash alone), in a directory of its own each time; bats tells those that are
# not installed.
in_each_shell()
{
	local name top=$PWD shells=(dash bash)

	[ "$FDPASS_TRIALS" != full ] || shells+=(ksh mksh zsh yash busybox)
	for name in "${shells[@]}"; do
		if ! has_shell "$name"; then
			echo "# $name is not installed" >&3
			continue
		fi
		echo "in $name:"
		mkdir "$name"
		cd "$name" || return
		"$@"
		cd "$top" || return
	done
}

# table FUNCTION ROW...: call it with the words of each row, in a directory of
# its own each time. (Not in a condition: bats would not see what fails in it.)
table()
{
	local function=$1 number=0 row top=$PWD

	shift
	for row; do
		echo "$function $row:"
		mkdir "row.$((number += 1))"
		cd "row.$number" || return
		eval "$function $row"
		cd "$top" || return
	done
}

# need_proc: skip this test where a process cannot be looked at in /proc.
need_proc()
{
	[ -d "/proc/$$/fd" ] || skip "no /proc/PID/fd here"
}

# descriptors PID: how many descriptors it has open. A build without ppoll()
# makes a pipe when it waits for the first time, at any time: a pipe of which
# the process has both ends is not counted there.
descriptors()
{
	local fds

	if [ "${FDPASS_VARIANT-}" != posix ]; then
		fds=("/proc/$1/fd"/[0-9]*)
		[ "${fds[0]}" = "/proc/$1/fd/[0-9]*" ] && fds=()
		echo "${#fds[@]}"
		return
	fi
	find "/proc/$1/fd" -mindepth 1 -exec readlink {} + 2>/dev/null |
	awk '
	{ n++ }
	/^pipe:/ && ++ends[$0] == 2 { n -= 2 }
	END { print n + 0 }'
}

# mode_of FILE: its mode, in octal.
mode_of()
{
	stat -c %a "$1" 2>/dev/null || stat -f %Lp "$1"
}

# children PID [STATE]: its child processes (in that state: Z for zombies).
children()
{
	local child list='' name parent text

	if [ ! -r "/proc/$1/task/$1/children" ]; then
		children_by_ps "$@"
		return
	fi
	{ read -r list <"/proc/$1/task/$1/children"; } 2>/dev/null || :
	{ read -r parent <"/proc/$1/comm"; } 2>/dev/null || :
	for child in $list; do
		# "PID (NAME) STATE ..."
		{ read -r text <"/proc/$child/stat"; } 2>/dev/null || continue
		name=${text#*(}
		name=${name%)*}
		[[ ${text##*) } == "${2-}"* ]] || continue
		# (Of fdlisten not those that accept beside it.)
		[ "$parent/$name" != fdlisten/fdlisten ] || continue
		echo "$child"
	done
}

children_by_ps()
{
	ps -A -o ppid= -o pid= -o stat= -o comm= |
	awk -v parent="$1" -v state="${2-}" '
	# (Of fdlisten not those that accept beside it.)
	$2 == parent && $4 == "fdlisten" { accepts = 1 }
	$1 == parent && index($3, state) == 1 { pid[++n] = $2; name[n] = $4 }
	END {
		for (i = 1; i <= n; i++)
			if (!accepts || name[i] != "fdlisten")
				print pid[i]
	}'
}

# scaled QUICK FULL: the number for this run: small for every day, large for the
# long trials.
scaled()
{
	if [ "$FDPASS_TRIALS" = full ]; then
		echo "$2"
	else
		echo "$1"
	fi
}

# long_trial: skip this test by day.
long_trial()
{
	[ "$FDPASS_TRIALS" = full ] || skip "one of the long trials"
}

# has N COMMAND...: whether COMMAND writes that many lines.
has()
{
	local n=$1 counted file=$BATS_TEST_TMPDIR/has.$BASHPID

	shift
	if [ "$1" = cat ] && [ $# -eq 2 ]; then
		file=$2
	else
		"$@" >"$file" || :
	fi
	count_lines "$file"
	[ "$counted" -eq "$n" ]
}

# count_lines FILE: what `wc -l` counts, in $counted; 0 where there is no file.
count_lines()
{
	local found=()

	{ mapfile found <"$1"; } 2>/dev/null || :
	counted=${#found[@]}
	[ "$counted" -eq 0 ] || [[ ${found[-1]} == *$'\n' ]] ||
		: $((counted -= 1))
}

# not COMMAND...: `!` that bats notices, and wait_for understands.
not()
{
	! "$@"
}

# one_line FILE: whether it has exactly one line; shown where not.
one_line()
{
	has 1 cat "$1" || { cat "$1"; return 1; }
}

# What musl calls errors that other C libraries call something else.
declare -gA musl_errors=(
	["Address in use"]="Address already in use"
	["Address not available"]="Cannot assign requested address"
	["Cross-device link"]="Invalid cross-device link"
	["Filename too long"]="File name too long"
	["I/O error"]="Input/output error"
	["Invalid seek"]="Illegal seek"
	["Message too large"]="Message too long"
	["No child process"]="No child processes"
	["No file descriptors available"]="Too many open files"
	["Not a socket"]="Socket operation on non-socket"
	["Not a tty"]="Inappropriate ioctl for device"
	["Not supported"]="Operation not supported"
	["Operation timed out"]="Connection timed out"
	["Out of memory"]="Cannot allocate memory"
	["Quota exceeded"]="Disk quota exceeded"
	["Resource busy"]="Device or resource busy"
	["Socket is connected"]="Transport endpoint is already connected"
	["Socket not connected"]="Transport endpoint is not connected"
	["Symbolic link loop"]="Too many levels of symbolic links"
)

# in_other_words STRING: with the errors as other C libraries call them, in
# $words; fails where they are called so already.
in_other_words()
{
	local error

	words=$1
	[ "${FDPASS_VARIANT-}" = static ] || return
	for error in "${!musl_errors[@]}"; do
		words=${words//"$error"/"${musl_errors[$error]}"}
	done
	[ "$words" != "$1" ]
}

# same A B [WHAT]: whether two strings are the same; shown where not.
same()
{
	local words

	[ "$1" = "$2" ] || {
		in_other_words "$1" && [ "$words" = "$2" ]
	} || {
		printf '%s: expected <%s>, got <%s>\n' "${3:-same}" "$2" "$1"
		return 1
	}
}

# like STRING PATTERN: whether STRING matches the shell pattern.
like()
{
	local words

	# shellcheck disable=SC2053
	[[ $1 == $2 ]] || {
		in_other_words "$1" && [[ $words == $2 ]]
	} || {
		printf 'expected like <%s>, got <%s>\n' "$2" "$1"
		return 1
	}
}

# has_line FILE PATTERN: whether a line of FILE is like that.
has_line()
{
	local line

	while IFS= read -r line; do
		like "$line" "$2" >/dev/null && return
	done <"$1"
	return 1
}

# is_status N: whether $status is that; shows the output where not.
is_status()
{
	[ "$status" -eq "$1" ] || {
		printf 'expected status %s, got %s\n' "$1" "$status"
		printf '%s\n' "${output-}" "${stderr-}"
		return 1
	}
}

# fails STATUS PATTERN COMMAND...: COMMAND ends with that status, nothing on
# standard output, and one line like PATTERN on standard error.
fails()
{
	local expected=$1 pattern=$2

	shift 2
	run_apart "$@"
	# shellcheck disable=SC2154
	is_status "$expected" && same "$output" "" "standard output" &&
		like "$stderr" "$pattern" &&
		same "${stderr//[!$'\n']/}" "" "ends of line in the middle"
}

# refuses PATTERN COMMAND...: the same for wrong usage.
refuses()
{
	fails 2 "$@"
}

# need_ipv6: skip this test where loopback has no IPv6 address.
need_ipv6()
{
	grep -qs '^0*1 ' /proc/net/if_inet6 ||
		ifconfig -a 2>/dev/null | grep -q 'inet6 ::1' ||
		skip "no IPv6 on loopback"
}

# need_root: skip this test for anybody else.
need_root()
{
	[ "$EUID" -eq 0 ] || skip "only root can be somebody else"
}

# open_tools: copies of the commands and of the test tools, first in PATH, in
# the directory $open/bin, which every user can reach: this tree may lie where
# only its owner can. Removed by the teardown.
open_tools()
{
	local file

	need_root
	need setpriv
	open=$(mktemp -d /tmp/fdpass.XXXXXX)
	mkdir "$open/bin"
	for file in "$FDPASS_BIN"/fd[a-z]* "$FDPASS_TOOLS"/*; do
		[ ! -f "$file" ] || [ ! -x "$file" ] || cp -L "$file" "$open/bin/"
	done
	chmod 755 "$open" "$open/bin"
	PATH=$open/bin:$PATH
}

# another_user [ID]: sets the array $nobody to the command that becomes one, who
# finds the commands and the tools. Of the test's own files he reaches those
# whose names are relative.
another_user()
{
	local id=${1-65534}

	open_tools
	# None of the directories of this test is theirs.
	nobody=(env TMPDIR=/tmp
		setpriv --reuid "$id" --regid "$id" --clear-groups --)
	# (exec by setpriv itself proves nothing: it may do more for a moment.)
	"${nobody[@]}" sh -c 'exec fdlisten --version' >/dev/null ||
		skip "another user cannot run the commands"
}

# unique NAME: an abstract name that no other test has.
unique()
{
	echo "@fdpass-$1-$$-$BATS_SUITE_TEST_NUMBER"
}

# up FILE: until the UNIX socket FILE is there, and somebody has bound it and
# listens, where the system tells. Where not, that comes in the next instant:
# fdsend and most test tools try again until then.
up()
{
	wait_for test -S "$1" && wait_for isup "$1"
}

# listens FILE: until somebody listens on the UNIX socket FILE, for peers that
# do not try again. It costs a connection that closes at once.
listens()
{
	up "$1" && limited foreign send -b 0 -n 0 "$1" >/dev/null
}

# idle NAME: whether it sleeps and has no child.
idle()
{
	has 0 children "${pid_of[$1]}" && in_state S "${pid_of[$1]}"
}

# dies_by SIGNAL NUMBER SOCKET COMMAND...: dies by that signal, with its
# socket removed.
dies_by()
{
	local name=$1 number=$2 socket=$3

	shift 3
	rm -f result
	start victim how result "$@"
	if [ "$socket" != none ]; then
		up "$socket"
	else
		wait_for has 1 children "$pid"
	fi
	stop victim "$name"
	same "$(<result)" "signal $number"
	same "$(<victim.err)" ""
	not test -e "$socket"
}

nothing_left()
{
	same "$(find . -mindepth 1 ! -name '*.out' ! -name '*.err')" ""
}
