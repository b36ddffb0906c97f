# shellcheck shell=sh
# SPDX-License-Identifier: ISC
# What both demos begin with. They set $top, the root of this tree, and define
# clean_up(), which is called with the exit status; $limit is the number of
# seconds that all may take.
LC_ALL=C
export LC_ALL
bin=${FDPASS_BIN:-$top/bin}
PATH=$bin:${FDPASS_TOOLS:-$top/tests/tools}:$PATH
export PATH

#
# What is written on the screen.
#

bold='' dim='' green='' red='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR-}" ] && [ "${TERM:-dumb}" != dumb ]; then
	bold=$(printf '\033[1m')
	# shellcheck disable=SC2034
	dim=$(printf '\033[2m')
	green=$(printf '\033[32m')
	red=$(printf '\033[31m')
	plain=$(printf '\033[0m')
fi

heading()
{
	printf '\n%s%s%s\n\n' "$bold" "$*" "$plain"
}

text()
{
	sed 's/^./  &/'
}

command_line()
{
	printf '    %s$ %s%s\n' "$bold" "$*" "$plain"
}

right=0
wrong=0

# verdict STATUS WHAT [RESULT]: one thing that was tried, and how it went.
verdict()
{
	if [ "$1" -eq 0 ]; then
		right=$((right + 1))
		set -- "$green" 'ok' "$2" "${3-}"
	else
		wrong=$((wrong + 1))
		set -- "$red" 'WRONG' "$2" "${3-}"
	fi
	printf '  %s%-5s%s  %-40s %s\n' "$1" "$2" "$plain" "$3" "$4"
}

#
# What is started, and ended.
#

# nap: a moment.
nap()
{
	sleep 0.05 2>/dev/null || sleep 1
}

watchdog=''
directory=''

late()
{
	# shellcheck disable=SC2154
	echo "demo: not done within $limit seconds" >&2
	exit 1
}

# begin COMMAND...: see that these are there, and go to a directory of our own.
begin()
{
	for name; do
		command -v "$name" >/dev/null || {
			echo "demo: there is no $name; run make first" >&2
			exit 1
		}
	done
	trap 'clean_up $?' EXIT
	trap late ALRM
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	directory=$(mktemp -d 2>/dev/null) || {
		directory=${TMPDIR:-/tmp}/fdpass-demo.$$
		mkdir -m 700 "$directory" || exit 1
	}
	cd "$directory" || exit 1
	{
		trap 'kill "$nap" 2>/dev/null; exit' TERM
		exec sleep "$limit" &
		nap=$!
		wait "$nap"
		kill -ALRM $$
	} >/dev/null 2>&1 &
	watchdog=$!
}

# leave: what every clean_up() ends with.
leave()
{
	[ -z "$watchdog" ] || kill "$watchdog" 2>/dev/null
	[ -z "$directory" ] || { cd / && rm -rf "$directory"; }
}
