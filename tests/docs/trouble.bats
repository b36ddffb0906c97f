# SPDX-License-Identifier: ISC
# fdpass-trouble(7) explains every message that a command can print.

load ../lib/helpers
load ../lib/examples

setup()
{
	common_setup
	page=$top_dir/man/fdpass-trouble.7
}

# heads SECTION: the entries of the page, as they are read.
heads()
{
	section "$page" "$1" | sed -e ':a' -e '/\\$/{' -e 'N' -e 's/\\\n//' \
		-e 'ba' -e '}' | sed -n 's/^\.It / /p' |
	sed -E -e 's/"//g' -e 's/ Ns (Li|Ar) //g' -e 's/ (Li|Ar) / /g' \
		-e 's/ ([:,])( |$)/\1\2/g' -e 's/^ //' | plain
}

# formats: what the sources can print.
formats()
{
	local file

	(cd "$top_dir" && for file in cmd/*.c cmd/*/*.c lib/*.c lib/*/*.c; do
		awk -f tests/docs/messages.awk "$file"
	done) | grep -vF '(see %s --help)'
	# What diag_flush() says of lines that were not written.
	printf 'lib/say.c\ttext\t%%lu more %%s\n'
}

@test "every message is explained, and nothing else" {
	heads MESSAGES >entries
	formats >printed
	[ "$(wc -l <printed)" -gt 150 ]
	awk -v MESSAGES=entries -v FORMATS=printed \
		-f "$top_dir/tests/docs/trouble.awk" >missing
	same "$(cat missing)" ""
}

@test "a message that the page does not have is found, with what to add" {
	cat >new.c <<-'EOT'
	/* say("not this one") */
	static const char *
	why_not(int error)
	{
		return error == 1 ? "it is "
				    "\"one\"" : "two";
	}
	void f(void)
	{
		say("%s: %ld more, of %s%s.", g("x", y(1, 2)), 3L);
		failed("prance");
		failed_because(
		    x ? EINVAL : 1, "a, \"b\" (c)" " and d");
		options_wrong(a ? "first" : b ? "second" : "third");
	}
	EOT
	awk -f "$top_dir/tests/docs/messages.awk" new.c >printed
	same "$(cat printed)" "new.c:10	text	%s: %ld more, of %s%s.
new.c:11	operation	prance
new.c:12	text	a, \"b\" (c) and d
new.c:14	text	first
new.c:14	text	second
new.c:14	text	third
new.c:5	text	it is \"one\"
new.c:5	text	two"
	printf '%s\n' first second third 'it is "one"' two \
		'a, "b" (c) and d' 'prance: reason' 'stale words' >entries
	awk -v MESSAGES=entries -v FORMATS=printed \
		-f "$top_dir/tests/docs/trouble.awk" >missing
	same "$(cat missing)" 'new.c:10: man/fdpass-trouble.7 does not explain "%ld more, of %s%s.". Add, in the order of MESSAGES:
.It Ar words Li "more, of" Ar words Ns Ar words Ns Li "."
What it means. What to do.
man/fdpass-trouble.7: nothing prints this: stale words'
}

@test "the entries are in alphabetical order, each once" {
	local name

	for name in MESSAGES REASONS; do
		heads "$name" | tr '[:upper:]' '[:lower:]' >entries
		[ -s entries ]
		sort entries >sorted
		diff -u entries sorted
		same "$(uniq -d entries)" ""
	done
}

@test "every entry says what it means" {
	awk '
	/^\.Sh / { inside = ($2 == "MESSAGES" || $2 == "REASONS") }
	!inside { next }
	/^\.(It|El)/ && before ~ /^\.It/ { print before; bad = 1 }
	!/\\$/ && !continued { before = $0 }
	{ continued = /\\$/ }
	END { exit bad }' "$page"
}
