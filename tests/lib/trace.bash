# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# What the tests of the trace load beside the helpers.
#
# shellcheck disable=SC2034 # variables for those who load it

# Every line of FILE looks like a line of a trace.
all_lines()
{
	test -s "$1"
	if grep -vE '^(S[1-8]|W[1-4]|C) +fd[a-z]+\[[0-9]+\]: [^ ].*$' "$1"; then
		return 1
	fi
}

# step LABEL CALL FILE [COMMAND]: FILE has a line of that call with that label.
step()
{
	grep -E "^$1 +${4:-fd[a-z]+}\[[0-9]+\]: $2\(" "$3" >/dev/null || {
		echo "no $1 $2 in:"
		cat "$3"
		return 1
	}
}

# in_order FILE PATTERN...: lines like the patterns come in this order.
in_order()
{
	local file=$1 line last=0

	shift
	for pattern; do
		line=$(grep -nE "$pattern" "$file" | cut -d : -f 1 |
			while read -r n; do
				[ "$n" -le "$last" ] || { echo "$n"; break; }
			done)
		[ -n "$line" ] || {
			echo "not there, or not in order: $pattern"
			cat "$file"
			return 1
		}
		last=$line
	done
}
