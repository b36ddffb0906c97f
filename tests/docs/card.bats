# SPDX-License-Identifier: ISC
# fdpass-card(7): everything on one screen, and it agrees with what the commands
# and the other pages say.

# A $ in single quotes is for awk.
# shellcheck disable=SC2016

load ../lib/helpers
load ../lib/examples

setup_file()
{
	local name

	export commands="fdlisten fdpeek fdsend fdrecv fdecho fdpipe fdconnect"
	commands+=" fdinfo"
	for name in $commands; do
		limited "$name" --help >"$BATS_FILE_TMPDIR/$name.help"
	done
}

setup()
{
	common_setup
	helps=$BATS_FILE_TMPDIR
	page=$top_dir/man/fdpass-card.7
}

# one_line: what continues a line is put behind it; several blanks become one.
one_line()
{
	awk '
	/^ / { sub(/^ +/, " "); line = line $0; next }
	{ if (line != "") print line; line = $0 }
	END { print line }' | tr -s ' '
}

# of_command NAME: the synopses that the card has of it.
of_command()
{
	section "$page" COMMANDS | one_line | grep "^$1 "
}

@test "it fits a terminal of 80 columns and 50 lines" {
	need mandoc
	limited mandoc -T ascii -O width=80 "$page" | sed 's/.\x08//g' |
		expand >text
	not grep -nE '.{81}' text
	[ "$(wc -l <text)" -le 50 ]
}

@test "its synopses are those of --help" {
	local command

	for command in $commands; do
		sed '/^$/q; s/^usage: //' "$helps/$command.help" |
			sed -E 's/^ {7}(fd)/\1/; s/ \[ARG\.\.\.\]//g' |
			sed '/^$/d' | one_line |
			sed 's/COMMAND \(\.\.\.\)$/\1/; s/\[COMMAND\]/[COMMAND]/' >help
		of_command "$command" |
			sed 's/COMMAND \(\.\.\.\)$/\1/' >card
		same "$(cat card)" "$(cat help)" "$command"
	done
}

@test "its synopsis of recvfd is that of its page" {
	same "$(of_command recvfd)" "$(section "$top_dir/man/recvfd.1" \
		SYNOPSIS | sed -n '/^\.Nm/,$p' | sed -E '
			s/^\.Nm/recvfd/; s/^\.Op (.*)/[\1]/; s/Fl /-/
			s/^\.Ar //; s/ Ar / /g' | tr '\n' ' ' | sed 's/ $//')"
}

@test "each letter has the commands that take it" {
	section "$page" OPTIONS | grep -oE -- '-[a-zA-Z]  [^-]*[^- ]' >items
	# In the order of the commands, as the card has them.
	for name in $commands; do
		sed -n "s/^  \\(-.\\).*/\\1 ${name#fd}/p" "$helps/$name.help"
	done >taken
	run_limited awk '
	NR == FNR {
		if (!($1 in names)) letter[++n] = $1
		names[$1] = names[$1] " " $2
		next
	}
	{ item[$1] = $0; count[$1]++ }
	function ends(text, tail) {
		return substr(text, length(text) - length(tail) + 1) == tail
	}
	END {
		for (i = 1; i <= n; i++)
			if (item[letter[i]] !~ /^-.  [a-z ]*[a-z] / ||
			    !ends(item[letter[i]], " " names[letter[i]]))
				print letter[i] ":" names[letter[i]] \
				    ", but: " item[letter[i]]
		for (i in count)
			if (count[i] > 1 || !(i in names))
				print i " stands there " count[i] " times"
	}' taken items
	is_status 0
	same "$output" ""
}

@test "its statuses and answers are all that there are" {
	local status

	section "$page" "STATUS, ANSWERS, VARIABLES" >card
	section "$top_dir/man/fdpass.7" "EXIT STATUS" |
		sed -n 's/^\.It //p' | sed 's/ Ns Ar //; s/ , /, /' >statuses
	[ "$(wc -l <statuses)" -eq 6 ]
	while IFS= read -r status; do
		grep -qE "(^|   )${status//+/\\+}( |\$)" card ||
			{ echo "no $status"; false; }
	done <statuses
	# In the protocol, and in what the library answers with.
	awk '/^\.Ss / { inside = ($0 == ".Ss The answer") } inside' \
		"$top_dir/man/fdpass-protocol.7" >answers
	grep -q "^answers  NUL taken   n refused   r not now" card
	for status in 'NUL' 'Ql n' 'Ql r' 'end of file'; do
		grep -q "^\\.It $status\$" answers
	done
	grep -q "FDPASS_TAKEN '\\\\0'" "$top_dir/lib/fdpass.h"
	grep -q "FDPASS_REFUSED 'n'" "$top_dir/lib/fdpass.h"
	grep -q "FDPASS_RETRY 'r'" "$top_dir/lib/fdpass.h"
}

@test "its variables are those of fdpass(7)" {
	section "$page" "STATUS, ANSWERS, VARIABLES" |
		sed -n '/^used/,/^\.Ed/p' |
		sed 's/=1, file:PATH or step:FIFO//; s/^used\|^set//' |
		tr -s ' ' '\n' | awk '
		/^_/ { print family $0; next }
		/^[A-Z]/ { print; family = $0; sub(/_.*/, "", family) }' |
		sort >card
	section "$top_dir/man/fdpass.7" ENVIRONMENT |
		sed -n 's/^\.It Ev //p' | tr -s ' ,' '\n' | sort >page
	[ -s page ]
	diff -u page card
}
