# SPDX-License-Identifier: ISC
# The course as a whole: its map, and what every lesson has. What the lessons
# show is in lessons-1.bats and so on, a file for each part.

# A $ in single quotes is for awk.
# shellcheck disable=SC2016

load ../lib/helpers
load ../lib/examples
load ../lib/lessons

# numbers: those of the lessons, in the order of the pages.
numbers()
{
	sed -n 's/^\.Ss \([0-9]*\)\. .*/\1/p' "${lesson_pages[@]}"
}

# map: number, needs, minutes and title of each lesson, as the map says.
map()
{
	sed -n 's/^\.It \([0-9]*\) Ta \(.*\) Ta \(.*\) Ta \([0-9]*\)$/\1|\3|\4|\2/p' \
		"$top_dir/man/fdpass-lessons.7" | sed 's/\\&//g; s/\\-/-/g'
}

@test "the map has all of the lessons, with their titles, in order" {
	cat "${lesson_pages[@]}" | plain | sed -n 's/^\.Ss \([0-9]\)/\1/p' \
		>titles
	map >list
	run_limited awk -F '|' '
	NR == FNR { title[$0 + 0] = $0; next }
	index(title[$1], $1 ". " $4) != 1 { print $1 ": " title[$1] }
	' titles list
	is_status 0
	same "$output" ""
	same "$(map | cut -d '|' -f 1)" "$(numbers)"
	same "$(numbers)" "$(seq 25)"
}

@test "a lesson needs none that comes after it" {
	map >list
	run_limited awk -F '|' '{
		n = split($2, need, /[-, ]+/)
		for (i = 1; i <= n; i++)
			if (need[i] + 0 >= $1 + 0)
				print $1 " needs " need[i]
	}' list
	is_status 0
	same "$output" ""
}

@test "the minutes of a part are those of its lessons" {
	awk '
	/^\.It .* Ta Part / {
		if (part && sum != minutes)
			print part ": " minutes ", but its lessons are " sum
		part = $5; minutes = $NF; sum = 0; next }
	/^\.It [0-9]+ Ta / { sum += $NF }
	/^\.El/ && part && !done {
		done = 1
		if (sum != minutes)
			print part ": " minutes ", but its lessons are " sum
	}' "$top_dir/man/fdpass-lessons.7" >wrong
	same "$(cat wrong)" ""
	grep -q '^\.It .* Ta Part I, the object Ta "" Ta 65$' \
		"$top_dir/man/fdpass-lessons.7"
}

@test "every lesson has a question with its answer, a mistake and one check" {
	# A class grades itself by the check: it is typed, and its status shown.
	run_limited awk '
	/^\.S[sh] / { lesson = ($1 == ".Ss" && $2 ~ /^[0-9]+\.$/) ? $2 + 0 : 0 }
	/^\.Sh / { answers = ($0 == ".Sh ANSWERS") }
	$0 == ".Ed" { display = 0 }
	answers && /^\.It [0-9]+$/ { answered[FILENAME, $2] = 1 }
	lesson { page[lesson] = FILENAME }
	lesson && /^\.Em The question/ { questions[lesson]++ }
	lesson && /^\.Em The mistake/ { mistakes[lesson]++ }
	lesson && /^\.Em The check/ { checks[lesson]++ }
	lesson && display && /^check [0-9]*$/ { statuses[lesson]++ }
	lesson && display && /^\$ .*echo "check \$/ { typed[lesson] = 1 }
	$0 == ".Bd -literal" { display = 1 }
	function one(what, count) {
		if (count != 1)
			print n ": " what ": " count + 0
	}
	END {
		for (n = 1; n in page; n++) {
			one("questions", questions[n])
			one("answers", answered[page[n], n])
			one("mistakes", mistakes[n])
			one("checks", checks[n])
			one("checks typed", typed[n])
			one("statuses", statuses[n])
		}
		print n - 1 " lessons"
	}' "${lesson_pages[@]}"
	is_status 0
	same "$output" "$(numbers | tail -n 1) lessons"
}

@test "what is typed fits on its line, and needs no second one" {
	cat "${lesson_pages[@]}" | plain | awk '
	$0 == ".Ed" { display = 0 }
	display
	$0 == ".Bd -literal" { display = 1 }' >transcript
	not grep -n '^> ' transcript
	not grep -n '^\$ .*\\$' transcript
	not grep -nE '^.{76}' transcript
	# Each is complete by itself.
	need dash
	sed -n 's/^\$ //p' transcript >typed
	[ "$(lines typed)" -gt 25 ]
	run_limited dash -c 'while IFS= read -r line; do
		dash -n -c "$line" || echo "$line"
	done <typed'
	is_status 0
	same "$output" ""
}

@test "every program is used in a lesson" {
	local file

	cat "${lesson_pages[@]}" | plain >text
	for file in "$top_dir"/man/lessons/*; do
		file=${file##*/}
		case $file in
		*.c) grep -qF "cc -o ${file%.c} $file" text ;;
		*.h) grep -qF "#include \"$file\"" "$top_dir"/man/lessons/*.c ;;
		*) grep -q "^\\$ .* $file" text ;;
		esac || { echo "$file"; false; }
	done
}

@test "the programs of the lessons are compiled without a warning" {
	run_limited "${CC:-cc}" -std=c99 -pedantic -Wall -Wextra -Wshadow \
		-Wconversion -I"$top_dir/lib" -S "$top_dir"/man/lessons/*.c
	is_status 0
	same "$output" ""
}

@test "who has only cloned finds the programs, and can compile them" {
	need dash "${CC:-cc}"
	extract_beginning
	mkdir clone
	ln -s "$FDPASS_BIN" clone/bin
	ln -s "$top_dir/man" "$top_dir/lib" clone
	(cd clone && limited dash -e ../begin) || return
	found "$PWD/clone"
}

@test "who has installed, under any PREFIX, finds the programs, too" {
	need dash make "${CC:-cc}"
	extract_beginning
	sed -i '/^export PATH/d' begin
	limited env -u MAKEFLAGS -u MAKELEVEL make -s -C "$top_dir" install \
		PREFIX="$PWD/somewhere" LOADABLESDIR="$PWD/bash" >/dev/null
	PATH=$PWD/somewhere/bin:$PATH limited dash -e ./begin
	found "$PWD/somewhere"
}

# extract_beginning: what the page says is typed before the first lesson.
extract_beginning()
{
	awk '
	/^\.Ss / { inside = ($0 == ".Ss To begin") }
	$0 == ".Ed" { display = 0 }
	inside && display
	$0 == ".Bd -literal -offset 2n" { display = 1 }' \
		"$top_dir/man/fdpass-lessons.7" | plain |
		sed "s,/tmp/lessons,$PWD/lessons,g" >begin
	echo 'echo "$top" >../top' >>begin
	grep -q '^export PATH' begin
}

# found DIRECTORY: whether all of the programs are there, $top was that, and the
# one that needs the library can be compiled as the last lesson says.
found()
{
	same "$(cat top)" "$1"
	same "$(cd lessons && echo *)" \
		"$(cd "$top_dir/man/lessons" && printf '%s\n' * notes |
			sort | xargs)"
	# That of the sanitizers needs more than the lesson names.
	[ "${FDPASS_VARIANT-}" != sanitized ] || return 0
	screens 25 | sed -n "s/^\\\$ cc /${CC:-cc} /p" >compile
	one_line compile
	cd lessons || return
	limited env "top=$1" sh -e ../compile >../compiled 2>&1
	same "$(cat ../compiled)" ""
	[ -x worker ]
}
