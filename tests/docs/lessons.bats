# SPDX-License-Identifier: ISC
# The course as a whole: its map, and what every lesson has. What the lessons
# show is in lessons-1.bats and so on, a file for each part.

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
	local number=0 needs minutes title

	while IFS='|' read -r number needs minutes title; do
		text_of "$number" >text
		like "$(plain <text | head -n 1)" ".Ss $number. $title*"
	done < <(map)
	same "$(map | cut -d '|' -f 1)" "$(numbers)"
	same "$(numbers)" "$(seq 25)"
}

@test "a lesson needs none that comes after it" {
	local number needs need

	while IFS='|' read -r number needs _; do
		for need in ${needs//[-,]/ }; do
			[ "$need" -lt "$number" ] ||
				{ echo "$number needs $need"; false; }
		done
	done < <(map)
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
	local number page

	for number in $(numbers); do
		text_of "$number" >text
		same "$(grep -c '^\.Em The question' text)" 1 "$number: questions"
		same "$(grep -c '^\.Em The mistake' text)" 1 "$number: mistakes"
		same "$(grep -c '^\.Em The check' text)" 1 "$number: checks"
		page=$(grep -l "^\\.Ss $number\\. " "${lesson_pages[@]}")
		grep -q "^\\.It $number\$" <(section "$page" ANSWERS) ||
			{ echo "$number: no answer"; false; }
		# A class grades itself by it: it is typed, and its status shown.
		screens "$number" >transcript
		same "$(grep -c '^check [0-9]*$' transcript)" 1 "$number: statuses"
		grep -q '^\$ .*echo "check \$' transcript
	done
}

@test "what is typed fits on its line, and needs no second one" {
	local number

	for number in $(numbers); do
		screens "$number" >transcript
		not grep -n '^> ' transcript
		not grep -n '^\$ .*\\$' transcript
		not grep -nE '^.{76}' transcript
		# Each is complete by itself.
		sed -n 's/^\$ //p' transcript >typed
		while IFS= read -r line; do
			run_limited dash -n -c "$line"
			is_status 0
		done <typed
	done
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
	local file

	for file in "$top_dir"/man/lessons/*.c; do
		run_limited "${CC:-cc}" -std=c99 -pedantic -Wall -Wextra \
			-Wshadow -Wconversion -I"$top_dir/lib" -c -o program.o \
			"$file"
		is_status 0
		same "$output" ""
	done
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
	# shellcheck disable=SC2016
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
