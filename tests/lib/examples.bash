# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# What the tests of the manuals and the README load beside the helpers: they
# take the examples out of the text and run them as they are printed.

# plain: from mdoc source to the characters that it stands for.
plain()
{
	sed -e 's/\\e/\\/g' -e 's/\\(dq/"/g' -e "s/\\\\(aq/'/g" \
		-e 's/\\-/-/g' -e 's/\\&//g'
}

# blocks PAGE OPENING: the displays of a page of mdoc that begin with this line,
# each into a file: block.1, block.2 and so on. Sets $n_blocks.
blocks()
{
	rm -f block.*
	n_blocks=$(plain <"$1" | awk -v opening="$2" '
	$0 == opening { inside = 1; n++; next }
	$0 == ".Ed" { inside = 0 }
	inside { print >("block." n) }
	END { print n + 0 }')
}

# section PAGE TITLE: the source of one section of a page of mdoc.
section()
{
	awk -v title="$2" '
	/^\.Sh / { inside = ($0 == ".Sh " title) }
	inside' "$1"
}

# fences FILE: the blocks of a Markdown file that are marked as sh, each into a
# file as above. Sets $n_blocks.
fences()
{
	rm -f block.*
	awk '
	/^```sh$/ { inside = 1; n++; next }
	/^```$/ { inside = 0 }
	inside { print >("block." n) }' "$1"
	# shellcheck disable=SC2034
	n_blocks=$(find . -name 'block.*' | wc -l)
}

is_free()
{
	local result=0

	limited fdlisten -t 0.01 "127.0.0.1:$1" true 2>/dev/null || result=$?
	[ "$result" -eq 124 ]
}

# free_port: a port that nobody uses, of those that the system gives to no
# client. Another process may come first, but hardly ever will.
free_port()
{
	local port

	until port=$((10000 + RANDOM % 20000)) && is_free "$port"; do
		:
	done
	echo "$port"
}

# move_ports FILE PORT...: put free ports in place of these.
move_ports()
{
	local file=$1 port moves=() text

	shift
	text=$(<"$file")
	for port; do
		[[ ! $text =~ [^0-9]$port([^0-9]|$) ]] ||
			moves+=(-e "s/\\([^0-9]\\)$port\\([^0-9]\\|\$\\)/\\1$(free_port)\\2/g")
	done
	[ "${#moves[@]}" -eq 0 ] || {
		sed "${moves[@]}" "$file" >"$file.new" && mv "$file.new" "$file"
	}
}
