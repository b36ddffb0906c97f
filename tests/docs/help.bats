# SPDX-License-Identifier: ISC
# What --help prints: the synopsis and a line for each option and operand, in
# the words of the manual.

load ../lib/helpers
load ../lib/examples

# What each says is asked for once. The sources name the commands; a new one is
# tested without a word here.
setup_file()
{
	local file name

	cd "$BATS_FILE_TMPDIR" || return
	for file in $(grep -l 'options_init(' "$top_dir"/cmd/fd*.c) \
		"$top_dir"/cmd/fdstep "$top_dir"/cmd/fdpass; do
		name=${file##*/}
		name=${name%.c}
		limited "$name" --help >"$name.help" 2>"$name.err" ||
			echo "status $?" >>"$name.err"
		[ "$file" = "${file%.c}" ] || echo "$name" >>names
	done
	paste -sd ' ' names >commands
}

setup()
{
	common_setup
	helps=$BATS_FILE_TMPDIR
	commands=$(<"$helps/commands")
}

# agree KIND: no difference of that kind between --help and the rest.
agree()
{
	run_limited awk -v "check=$1" -f "$top_dir/tests/docs/help.awk" \
		"$helps"/*.help "$top_dir"/man/fd*.1 "$top_dir"/cmd/fd*.c \
		"$top_dir"/cmd/completion/fdpass.bash \
		"$top_dir"/cmd/completion/_fdpass
	is_status 0
	same "$output" ""
}

# part N COMMAND: the synopsis (1), the options (2) or the operands (3) of its
# --help.
part()
{
	awk -v part="$1" '
	BEGIN { n = 1 }
	/^$/ { n++; next }
	n == part' "$helps/$2.help"
}

@test "it is on standard output, fits 80 columns, and is no failure" {
	local command text

	for command in $commands fdstep fdpass; do
		same "$(<"$helps/$command.err")" "" "$command"
		text=$(<"$helps/$command.help")
		like "$text" "usage: $command *"
		same "${text##*$'\n\n'}" "See $command(1) and fdpass(7)."
	done
	not grep -nE '.{81}' "$helps"/*.help
}

@test "synopsis, lines of --help, manual, getopt() and completions: one set of letters" {
	agree letters
}

@test "a synopsis and --help know the same operands, in the same order" {
	agree operands
}

@test "each option has a line, with its argument, as the synopsis has it" {
	agree arguments
}

@test "the words of an option are the first words of the manual" {
	agree words
}

# forms OPERAND: those in the list of fdpass(7).
forms()
{
	section "$top_dir/man/fdpass.7" "$1" | plain | awk '
	/^\.It/ {
		gsub(/^\.It |Ns |Ar |Pa |Li /, "")
		gsub(/ : /, ":"); gsub(/: /, ":")
		sub(/^Fl$/, "-"); sub(/ N$/, "N"); sub(/^@ /, "@")
		sub(/^HOST :PORT/, "HOST:PORT")
		n = split($0, forms, " , ")
		for (i = 1; i <= n; i++) print forms[i]
	}'
}

# named COMMAND OPERAND: the forms that its manual names, in one paragraph.
named()
{
	section "$top_dir/man/$1.1" DESCRIPTION | plain | awk -v operand="$2" '
	$0 == ".Ar " operand { begun = 1; next }
	begun && $0 == "is" { inside = 1; next }
	inside && /^(see|for|or)|^\.Pp/ && !/^or$/ { exit }
	inside' | sed -E '
	s/^\.(Ar|Li|Pa|No) //
	s/ Ns (Ar )?//g
	s/ *: */:/g
	s/^\.Fl( .*)?$/-/
	s/ ?[,:]$//
	s/ , /\n/g
	/^or$/d'
}

@test "each operand has a line, and names the forms that its manual names" {
	local command operand word form

	for command in $commands; do
		part 3 "$command" >operands
		part 1 "$command" | sed 's/-[A-Z]\>//g' |
			grep -oE "\\<[A-Z]+\\>|'\\|'" | sort -u |
			grep -vx ARG >wanted
		sed -E 's/^  ([^ ]+)  +[^ ].*/\1/' operands | sort -u >found
		same "$(cat found)" "$(cat wanted)" "operands of $command"
		for operand in ADDRESS SOCKET; do
			grep "^  $operand " operands >line || continue
			named "$command" "$operand" | sort >page
			[ "$(wc -l <page)" -ge 4 ]
			while IFS= read -r form; do
				grep -qE -- "[ ,]$form([ ,]|\$)" line ||
					{ echo "$command: no $form"; false; }
			done <page
			case $operand in
			ADDRESS) forms ADDRESSES ;;
			SOCKET) forms SOCKETS ;;
			esac | sort >list
			# This form is for a socket that listens.
			[ "$command" != fdconnect ] || sed -i '/^:PORT$/d' list
			diff -u list page
		done
	done
}

@test "every wrong usage points at --help" {
	local command

	for command in $commands; do
		refuses "$command: unknown option -Z (see $command --help)" \
			"$command" -Z
	done
	refuses "fdsend: SOCKET is missing (see fdsend --help)" fdsend
}
