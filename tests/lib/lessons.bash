# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# What the tests of the course load beside the helpers and the examples: they
# type what fdpass-lessons(7) and the pages of its other parts say, and compare
# what is then on the screen with what the pages show.

lesson_pages=("${top_dir:?}"/man/fdpass-lessons.7
	"$top_dir"/man/fdpass-lessons-*.7)

# common_lessons: what the setup of such a file calls after common_setup().
common_lessons()
{
	# It shows what Linux tells: peers, shared descriptions.
	need_linux
	need_proc
	local cc=${CC:-cc}

	# What the lessons show is how it is on 64 bits, and without
	# sanitizers: a mistake that ends by a signal, for example.
	[ -z "${FDPASS_VARIANT-}" ] || cc=cc
	need "$cc"
	mkdir -p bin
	ln -s "$(command -v "$cc")" bin/cc
	PATH=$PWD/bin:$PATH
	# As who has cloned the source has it.
	export top=$top_dir
}

# text_of N: the source of lesson N.
text_of()
{
	awk -v n="$1" '
	/^\.S[sh] / { inside = ($1 == ".Ss" && $2 == n ".") }
	inside' "${lesson_pages[@]}"
}

# screens N: what is typed and shown in lesson N, in the order of the page.
screens()
{
	text_of "$1" | awk '
	$0 == ".Ed" { display = 0 }
	display
	$0 == ".Bd -literal" { display = 1 }' | plain
}

# lesson N: what is typed in it, each command in a file typed.1, typed.2 ...
# and what is on the screen after each, in shown.1, shown.2 ... Sets $n_typed.
lesson()
{
	rm -f typed.* shown.* keyboard screen expected seen
	screens "$1" >transcript
	n_typed=$(awk '
	/^\$ / { n++; print substr($0, 3) >("typed." n)
		printf "" >("shown." n); next }
	# What was folded in the page is one line.
	/^        / { sub(/^ */, " ")
		printf "%s", $0 >("shown." n); next }
	{ printf "%s%s", begun[n]++ ? "\n" : "", $0 >("shown." n) }
	END { for (i = 1; i <= n; i++) if (begun[i]) print "" >("shown." i)
		print n + 0 }
	' transcript)
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
	local now='' process stat line

	for process in $(ours); do
		read -r -a stat <"/proc/$process/stat" || continue
		line=
		read -r line <"/proc/$process/wchan" || :
		now+="${stat[0]} ${stat[2]} ${stat[13]} ${stat[14]} ${stat[21]}"
		now+=" $line"$'\n'
	done 2>/dev/null
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
	local number expected=0 shown

	mkfifo keyboard
	: >screen
	# shellcheck disable=SC2016
	start shell "$@" -c 'exec >>screen 2>&1
		while IFS= read -r file; do . "./$file" </dev/null; done <keyboard'
	exec 8>keyboard
	for ((number = 1; number <= n_typed; number++)); do
		echo "typed.$number" >&8
		mapfile -t shown <"shown.$number"
		expected=$((expected + ${#shown[@]}))
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
		-e 's/^(sender: the file is descriptor|receiver: got) [0-9]+/\1 N/' \
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
		# How thirty clients were shared out among three workers.
		if ($0 ~ /^(accept|epoll) +[0-9]+ +[0-9]+ +[0-9]+$/)
			$0 = $1 ($2 > 20 || $3 > 20 || $4 > 20 ? \
			    ": one got most" : ": shared")
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
	cp "$top_dir"/man/lessons/* .
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

# course SHELL N...: these lessons, in one directory. What a lesson makes, it
# removes, except for programs.
course()
{
	local name number shell=$1

	shift
	for number; do
		echo "lesson $number, in $shell:"
		learn "$number" "$shell"
		for name in *; do
			[ -x "$name" ] || [ -f "$top_dir/man/lessons/$name" ] ||
				like "$name" "@(notes|typed*|shown*|seen|expected|keyboard|screen|transcript|shell.*)"
		done
	done
}
