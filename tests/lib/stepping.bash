# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# What the tests of fdstep load beside the helpers.
#
# shellcheck disable=SC2034 # variables for those who load it

# What is typed is written to ./keys.
fdstep=$FDPASS_BIN/fdstep

# begin COMPOSITION...: begin to step.
begin()
{
	mkfifo keys
	exec 7<>keys
	start_from keys stepping env COLUMNS=80 "$fdstep" "$@"
}

# type_until PATTERN: press Enter until the drawing has such a line.
type_until()
{
	local limit=200

	until grep -qE -- "$1" stepping.out; do
		[ "$((limit -= 1))" -gt 0 ] || { cat stepping.out; return 1; }
		echo "${2-}" >&7
		moment 50
	done
}

# bare_path: a directory ./path of what fdstep needs, and no more.
bare_path()
{
	local file

	mkdir path
	for file in cat mkdir mkfifo mawk gawk awk rm sleep stty sh dirname true; do
		! type -P "$file" >/dev/null || ln -s "$(type -P "$file")" path
	done
}
