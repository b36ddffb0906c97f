# SPDX-License-Identifier: ISC
# The course: what fdpass-lessons(7) shows on the screen is what happens when
# its commands are typed, one after the other.

load ../lib/helpers
load ../lib/examples

setup()
{
	common_setup
	# It shows what Linux tells: peers, shared descriptions.
	need_linux
	need_proc
	local cc=${CC:-cc}

	# What the lessons show is how it is on 64 bits.
	[ "${FDPASS_VARIANT-}" != 32-bit ] || cc=cc
	need "$cc"
	mkdir -p bin
	ln -s "$(command -v "$cc")" bin/cc
	PATH=$PWD/bin:$PATH
}

# lesson N: what is typed in it, each command in a file typed.1, typed.2 ...
# and what is on the screen after each, in shown.1, shown.2 ... Sets $n_typed.
lesson()
{
	local opening='.Bd -literal -offset 2n'

	rm -f typed.* shown.* keyboard screen expected seen
	awk -v n="$1" -v opening="$opening" '
	/^\.S[sh] / { inside = ($1 == ".Ss" && $2 == n ".") }
	$0 == ".Ed" { display = 0 }
	inside && display
	inside && $0 == opening { display = 1 }
	' "$top_dir/man/fdpass-lessons.7" | plain >transcript
	awk '
	/^\$ / { n++; print substr($0, 3) >("typed." n); text = 0
		printf "" >("shown." n); next }
	/^> / && !text { print substr($0, 3) >("typed." n); next }
	{ text = 1 }
	# What was folded in the page is one line.
	/^        / { sub(/^ */, " ")
		printf "%s", $0 >("shown." n); next }
	{ printf "%s%s", begun[n]++ ? "\n" : "", $0 >("shown." n) }
	END { for (i = 1; i <= n; i++) if (begun[i]) print "" >("shown." i) }
	' transcript
	n_typed=$(find . -name 'typed.*' | wc -l)
	[ "$n_typed" -gt 0 ]
}

# lines FILE: how many.
lines()
{
	wc -l <"$1"
}

# has_lines N: whether so many are on the screen.
has_lines()
{
	local on_screen

	mapfile -t on_screen <screen
	[ "${#on_screen[@]}" -ge "$1" ]
}

# still: whether all processes sleep, and have not run since the last call.
still()
{
	local now process stat line

	now=$(for process in $(ours); do
		read -r -a stat <"/proc/$process/stat" || continue
		echo "${stat[0]} ${stat[2]} ${stat[13]} ${stat[14]}" \
			"${stat[21]}"
		read -r line <"/proc/$process/wchan" || :
		echo "$line"
	done 2>/dev/null)
	if [ "$now" != "${before-}" ] || [[ $now == *" "[RD]" "* ]]; then
		before=$now
		return 1
	fi
}

# play SHELL: type it. A person waits for what is expected on the screen, and
# needs a moment for the next command.
play()
{
	untraced type_lines "$@"
}

type_lines()
{
	local number expected=0

	mkfifo keyboard
	: >screen
	# shellcheck disable=SC2016
	start shell "$@" -c 'exec >>screen 2>&1
		while IFS= read -r file; do . "./$file" </dev/null; done <keyboard'
	exec 8>keyboard
	for ((number = 1; number <= n_typed; number++)); do
		echo "typed.$number" >&8
		expected=$((expected + $(lines "shown.$number")))
		wait_for has_lines "$expected" || break
		wait_for still || break
	done
	exec 8>&-
	ended shell
	wait_for none_left
}

# known: what differs from one machine, and one time, to the next, as it is in
# the page; numbers that must be the same in two places are numbered in the
# order of their appearance.
known()
{
	sed -E -e "s,$PWD/,/tmp/lessons/,g" -e "s,exec\(/.*/,exec(,g" \
		-e "s/([^0-9])$port([^0-9]|\$)/\17000\2/g" \
		-e 's/(uid|gid)([ =])[0-9]+/\1\2N/g' \
		-e 's/^cat: .*: (Resource temporarily)/cat: -: \1/' \
		-e '/(^|[0-9]+ )(Terminated|Killed)/d' "$1" |
	awk '
	function number(pattern, name,  rest, found, value, done) {
		rest = $0
		done = ""
		while (match(rest, pattern)) {
			found = substr(rest, RSTART, RLENGTH)
			match(found, /[0-9]+[^0-9]*$/)
			value = substr(found, RSTART)
			sub(/[^0-9].*$/, "", value)
			if (!((name, value) in names))
				names[name, value] = ++count[name]
			match(rest, pattern)
			done = done substr(rest, 1, RSTART - 1) \
			    substr(found, 1, index(found, value) - 1) \
			    name names[name, value]
			rest = substr(rest, RSTART + index(found, value) \
			    + length(value) - 1)
		}
		$0 = done rest
	}
	{
		number("inode=[0-9]+", "INODE")
		number("(pid[ =]|\\[)[0-9]+", "PID")
		number("fork\\(\\) = [0-9]+", "PID")
		gsub(/worker [0-9]+/, "worker N")
		if ($0 ~ /127\.0\.0\.1:/)
			number("127\\.0\\.0\\.1:[1-9][0-9][0-9][0-9][0-9]", "PORT")
		print
	}'
}

# learn N [SHELL]: lesson N, and compare.
learn()
{
	port=$(free_port)
	lesson "$1"
	shift
	cp "$top_dir"/man/lessons/*.c .
	printf 'one\ntwo\nthree\n' >notes
	sed -i.page "s/\\([^0-9]\\)7000\\([^0-9]\\|\$\\)/\\1$port\\2/g" typed.*
	play "${@:-sh}" || :
	cat shown.? shown.?? 2>/dev/null | known /dev/stdin >expected
	known screen >seen
	diff -u expected seen || {
		echo "--- the screen:"
		cat screen
		return 1
	}
}

@test "1. numbers are private, open file descriptions are shared" {
	learn 1
}

@test "2. a descriptor in flight outlives its sender and its file's name" {
	leaves_sockets
	learn 2
}

@test "3. the end of file that never comes" {
	learn 3
}

@test "4. accept, pass, close" {
	learn 4
}

@test "5. a message needs a byte" {
	learn 5
}

@test "6. read in place of recvmsg" {
	learn 6
}

@test "7. the room for control messages" {
	learn 7
}

@test "8. a full descriptor table" {
	learn 8
}

@test "9. what travels, and what does not" {
	learn 9
}

@test "10. many workers on one socket" {
	learn 10
}

@test "11. a worker is killed in the middle" {
	learn 11
}

@test "12. a socket that is held across a restart" {
	learn 12
}

@test "13. looking in on a hand-over" {
	learn 13
}

# course SHELL: all of the lessons, in one directory.
course()
{
	local number

	for number in 1 2 3 4 5 6 7 8 9 10 11 12 13; do
		learn "$number" "$1"
	done
	# What the lessons make, they remove, but for programs.
	for name in *; do
		[ -x "$name" ] || [ -f "$top_dir/man/lessons/$name" ] ||
			like "$name" "@(notes|chest|back|typed*|shown*|seen|expected|keyboard|screen|transcript|shell.*)"
	done
}

@test "a student can go through all of it in one directory, with bash" {
	need bash
	course bash
}

@test "a student can go through all of it in one directory, with zsh" {
	need zsh
	course zsh
}

@test "every mistake is compiled in a lesson, and every lesson has a mistake" {
	local file number

	for file in "$top_dir"/man/lessons/*.c; do
		file=${file##*/}
		grep -qF "cc -o ${file%.c} $file" "$top_dir/man/fdpass-lessons.7" ||
			{ echo "$file"; false; }
	done
	for number in 1 2 3 4 5 6 7 8 9 10 11 12 13; do
		awk -v n="$number" '
		/^\.S[sh] / { inside = ($1 == ".Ss" && $2 == n ".") }
		inside' "$top_dir/man/fdpass-lessons.7" >text
		grep -q '^\.Em A mistake' text || { echo "$number"; false; }
		grep -q '^\.Em A question' text || { echo "$number"; false; }
		grep -q "^\\.It $number" <(section \
			"$top_dir/man/fdpass-lessons.7" ANSWERS)
	done
}

@test "the programs of the lessons are compiled without a warning" {
	local file

	for file in "$top_dir"/man/lessons/*.c; do
		run_limited "${CC:-cc}" -std=c99 -pedantic -Wall -Wextra \
			-Wshadow -Wconversion -o program "$file"
		is_status 0
		same "$output" ""
	done
}
