# SPDX-License-Identifier: ISC
# The manuals: their examples run as printed, and each page has what it should.
# (What they and --help have in common is in help.bats.)

# A $ in single quotes is for awk.
# shellcheck disable=SC2016

load ../lib/helpers
load ../lib/examples

commands="fdlisten fdpeek fdsend fdrecv fdecho fdpipe fdconnect fdinfo"
commands+=" fdstep fdpass"

# examples PAGE: run each example block of the page in an empty directory. It
# must succeed, say something on standard output, nothing on standard error,
# and leave nothing behind.
examples()
{
	local number

	blocks "$top_dir/man/$1" '.Bd -literal -offset indent'
	[ "$n_blocks" -gt 0 ]
	for ((number = 1; number <= n_blocks; number++)); do
		move_ports "block.$number" 7000 7001 8000
		mkdir "$number"
		echo "--- example $number:
$(<"block.$number")"
		run_apart sh -c "cd $number && . ../block.$number"
		is_status 0
		# shellcheck disable=SC2154
		same "$stderr" "" "standard error" || [ "$number" = "${2-}" ]
		[ -n "$output" ] || { echo "nothing on standard output"; false; }
		[[ $(<"block.$number") != *"echo hello"* ]] ||
			like "$output" "*hello*"
	done
	wait_for none_left
	same "$(find [0-9]* -mindepth 1 ! -name passed.log)" ""
}

@test "the examples of fdlisten(1) run" {
	examples fdlisten.1
}

@test "the examples of fdpeek(1) run" {
	examples fdpeek.1
}

@test "the examples of fdsend(1) run" {
	# The seventh shows the trace, on standard error.
	examples fdsend.1 7
}

@test "the examples of fdrecv(1) run" {
	examples fdrecv.1
}

@test "the examples of fdecho(1) run" {
	examples fdecho.1
}

@test "the examples of fdpipe(1) run" {
	# The third shows the trace, on standard error.
	examples fdpipe.1 3
}

@test "the examples of fdconnect(1) run" {
	# In the fifth nobody is there to connect to.
	examples fdconnect.1 5
}

@test "the examples of fdinfo(1) run" {
	need_linux
	need_proc
	examples fdinfo.1
}

@test "the examples of fdpass(1) run" {
	examples fdpass.1
}

@test "the examples of fdstep(1) run" {
	examples fdstep.1
}

@test "the examples of fdpass(7) run" {
	# The second shows the trace, on standard error.
	examples fdpass.7 2
}

@test "the examples of fdpass-cookbook(7) run" {
	examples fdpass-cookbook.7
}

# pages: the files of the commands' pages, in the array $pages.
pages()
{
	pages=()
	for name in $commands; do
		pages+=("$top_dir/man/$name.1")
	done
}

@test "every section-1 page has all its sections, in the usual order" {
	pages
	run_limited awk '
	BEGIN {
		n = split("NAME,SYNOPSIS,DESCRIPTION,ENVIRONMENT," \
		    "EXIT STATUS,EXAMPLES,DIAGNOSTICS,SEE ALSO,STANDARDS," \
		    "CAVEATS,SECURITY CONSIDERATIONS", order, ",")
		for (i = 1; i <= n; i++)
			place[order[i]] = i
		optional["ENVIRONMENT"] = optional["CAVEATS"] = 1
		optional["SECURITY CONSIDERATIONS"] = 1
	}
	function complete(  i) {
		for (i = 1; i <= n; i++)
			if (!(i in has) && !(order[i] in optional))
				print page ": no " order[i]
		split("", has)
		last = 0
	}
	FNR == 1 {
		if (page != "") complete()
		page = FILENAME
	}
	/^\.Sh / {
		title = substr($0, 5)
		if (place[title] <= last)
			print page ": " title " is not in its place"
		last = place[title]
		has[last] = 1
	}
	END { complete() }' "${pages[@]}"
	is_status 0
	same "$output" ""
}

@test "every page tells what each exit status is" {
	pages
	run_limited awk '
	/^\.Sh / { inside = ($0 == ".Sh EXIT STATUS") }
	inside && (/^\.It 0$/ || /or 0 if none did\.$/) { told[FILENAME, 0] = 1 }
	inside && /^\.It [12]$/ { told[FILENAME, $2] = 1 }
	END {
		for (i = 1; i < ARGC; i++)
			for (status = 0; status <= 2; status++)
				if (!((ARGV[i], status) in told))
					print ARGV[i] ": no " status
	}' "${pages[@]}"
	is_status 0
	same "$output" ""
}

@test "every reference to a page of ours finds it" {
	local page

	sed -n 's/^\.\(It \)*Xr \(fd[a-z-]*\|recvfd\) \([0-9]\).*/\2.\3/p' \
		"$top_dir"/man/*.[1-9] | sort -u >pages
	while read -r page; do
		[ -f "$top_dir/man/$page" ] || { echo "$page"; false; }
	done <pages
}

@test "every section-1 page refers to all that it should" {
	pages
	run_limited awk -v commands="$commands" '
	/^\.Sh / { inside = ($0 == ".Sh SEE ALSO") }
	inside && /^\.Xr / {
		page = FILENAME
		sub(/.*\//, "", page)
		refers[page, $2 "." $3] = 1
	}
	function needs(page, other) {
		if (!((page, other) in refers))
			print page " does not refer to " other
	}
	END {
		n = split(commands, name, " ")
		for (i = 1; i <= n; i++) {
			needs(name[i] ".1", "fdpass.7")
			needs("fdpass.7", name[i] ".1")
		}
		needs("fdpass.7", "fdpass.3")
		n = split("card cookbook lessons protocol trouble", name, " ")
		for (i = 1; i <= n; i++)
			needs("fdpass.7", "fdpass-" name[i] ".7")
	}' "${pages[@]}" "$top_dir/man/fdpass.7"
	is_status 0
	same "$output" ""
}

@test "every section title that a page refers to is one of that page" {
	# Across pages: .Dq TITLE, in, .Xr page section.
	for name in "$top_dir"/man/*.[1-9]; do
		echo "page ${name##*/}"
		plain <"$name"
	done >all
	run_limited awk '
	$1 == "page" && NF == 2 && $2 ~ /\.[1-9]$/ { from = $2; next }
	/^\.S[hs] / { title_of[from, tolower(substr($0, 5))] = 1 }
	/^\.Dq / { title = substr($0, 5); next }
	/^(, )*in$/ && title != "" { is_in = 1; next }
	/^\.Xr / && is_in && $2 ~ /fd/ {
		n++
		by[n] = from
		what[n] = title
		where[n] = $2 "." $3
	}
	{ title = ""; is_in = 0 }
	END {
		for (i = 1; i <= n; i++)
			if (!((where[i], tolower(what[i])) in title_of))
				print by[i] ": no \"" what[i] "\" in " where[i]
		if (n <= 20)
			print "only " n " references"
	}' all
	is_status 0
	same "$output" ""
}

@test "a page that receives says in a few lines who may send what" {
	run_limited awk '
	/^\.Sh / { inside = ($0 == ".Sh SECURITY CONSIDERATIONS") }
	inside { lines[FILENAME]++ }
	END {
		for (i = 1; i < ARGC; i++)
			if (lines[ARGV[i]] < 5)
				print ARGV[i] ": " lines[ARGV[i]] + 0
	}' "$top_dir"/man/fd{send,recv,echo,peek,connect}.1 \
		"$top_dir/man/recvfd.1" "$top_dir/man/fdpass.3"
	is_status 0
	same "$output" ""
}

@test "\"restart\" finds the recipe: by apropos, and from fdlisten(1) and fdpass(7)" {
	local dir

	grep -q '^\.Nd .*restart' "$top_dir/man/fdpass-cookbook.7"
	same "$(sed -n 's/^\.Sh //p' "$top_dir/man/fdpass-cookbook.7" |
		sed -n 3p)" "HOLD A SOCKET ACROSS A RESTART"
	section "$top_dir/man/fdlisten.1" DESCRIPTION |
		grep -q '^\.Ss Across a restart'
	section "$top_dir/man/fdpass.7" "CHOOSING A WAY" | grep -q restart
	command -v makewhatis >/dev/null && command -v mapropos >/dev/null ||
		return 0
	for dir in 1 3 7; do
		mkdir -p "pages/man$dir"
		cp "$top_dir"/man/*."$dir" "pages/man$dir"
	done
	limited makewhatis "$PWD/pages"
	run_limited mapropos -M "$PWD/pages" restart
	is_status 0
	like "$output" "*fdpass-cookbook(7)*"
}

@test "every call that a trace shows stands with its step in fdpass(7)" {
	section "$top_dir/man/fdpass.7" "THE STEPS" | awk -F '[ ,]+' '
	/^\.It [A-Z]/ {
		for (i = 4; i <= NF; i++)
			if ($i == "Xr" && $(i + 2) == 2) print $2, $(i + 1)
			else if ($i == "exec") print $2, $i
			else if ($i == "Ta" && n++ > 0) next
		n = 0
	}' >listed
	section "$top_dir/man/fdpass.7" TRACE | awk '
	/^\.It / { step = $2 }
	/^\.El/ { step = "" }
	/^\.Fn / && step != "" { print step, $2 }' >>listed
	export FDTRACE=file:$PWD/trace
	start pool fdrecv -n 2 ./pool fdecho
	start server fdlisten -k -o address 127.0.0.1:0 fdsend -w ./pool
	up ./pool
	echo hello | limited fdconnect "$(address_of address)"
	stop server
	stop pool
	echo hello | limited fdpipe -n 2 fdsend - '|' \
		fdrecv -k - cat
	limited sh -c 'fdsend - </dev/null | fdsend -r - | fdrecv - true'
	start holder fdlisten -l 127.0.0.1:0 fdlisten -k ./keep fdsend -f 3 -
	up ./keep
	limited fdrecv -acw ./keep true
	stop holder
	start worker fdecho ./worker
	start server fdlisten -o address2 127.0.0.1:0 fdpeek -t 0 \
		fdsend -w ./worker
	echo hello | limited fdconnect "$(address_of address2)"
	ended server
	stop worker
	unset FDTRACE
	sed -nE 's/^[0-9:.]+ ([A-Z][0-9]?) +[a-z]+\[[0-9]+\]: ([a-z0-9_]+)\(.*/\1 \2/p' \
		trace | sort -u >shown
	[ "$(wc -l <shown)" -gt 30 ]
	# Of C the page says that it is all.
	not grep -vxF -f listed <(grep -v '^C ' shown)
}

@test "the linter has no warning for any page" {
	need mandoc
	run_limited mandoc -T lint -W warning "$top_dir"/man/*.[1-9]
	is_status 0
	same "$output" ""
}

@test "every page fits a terminal of 80 columns" {
	need mandoc
	limited mandoc -T ascii -O width=80 "$top_dir"/man/*.[1-9] |
		sed 's/.\x08//g' | expand >text
	has "$(printf '%s\n' "$top_dir"/man/*.[1-9] | wc -l)" \
		grep -E '^[A-Z0-9-]+\([1-9]\) .* Manual  .*\([1-9]\)$' text
	not grep -nE '.{81}' text
}
