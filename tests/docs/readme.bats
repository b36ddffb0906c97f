# SPDX-License-Identifier: ISC
# The README: each of its blocks of shell runs as it is printed, and does what
# the text says.

load ../lib/helpers
load ../lib/examples

# answers PORT: whether what was started echoes.
answers()
{
	same "$(echo hello | limited fdconnect -w "127.0.0.1:$1")" hello
}

# does BLOCK: whether it does what it should.
does()
{
	local text port users

	text=$(cat "$1")
	users=$(wc -l </etc/passwd)
	port=$(grep -oE '127\.0\.0\.1:[0-9]+' "$1" | head -n 1)
	port=${port##*:}
	case $text in
	*fdinfo\ 3\ 4*)
		ended block
		same "$(grep -c ' listening ' block.out)" 2
		;;
	*fdpeek*)
		answers "$port"
		same "$(echo SSH-2.0-x | limited fdconnect "127.0.0.1:$port")" \
			"this is ssh
SSH-2.0-x"
		;;
	*fdecho*)
		answers "$port"
		answers "$port"
		[[ $text != *fdconnect* ]] || { ended block
			same "$(cat block.out)" hello; }
		;;
	*-rvw*)
		ended block
		wait_for grep -qx "$users" block.out
		grep -q 'payload "users", 1 descriptor$' block.err
		grep -q ': file r - path=/etc/passwd ' block.err
		: >block.err
		;;
	*FDRECV_PAYLOAD*)
		ended block
		same "$(cat block.out)" "users:
$users"
		;;
	*wc\ -l*)
		ended block
		wait_for has 2 cat block.out
		grep -qx "$users" block.out
		grep -qx "$(find / -mindepth 1 -maxdepth 1 ! -name '.*' |
			wc -l)" block.out
		;;
	*'fdrecv -k ./s'*)
		ended block
		wait_for grep -q 'payload "a file", 1 descriptor$' block.out
		grep -q '^   0 file r - path=/etc/passwd ' block.out
		;;
	*)
		echo "nothing is known of this block"
		return 1
		;;
	esac
}

# readme SHELL...: all blocks in this shell.
readme()
{
	local number

	need_linux
	fences "$top_dir/README.md"
	[ "$n_blocks" -ge 8 ]
	for ((number = 1; number <= n_blocks; number++)); do
		mkdir "run.$number"
		pushd "run.$number" >/dev/null || return
		mv "../block.$number" block
		move_ports block 7000
		echo "--- block $number:"
		cat block
		start block "$@" block
		does block
		# shellcheck disable=SC2046
		kill $(ours) 2>/dev/null || :
		wait_for none_left
		same "$(cat block.err)" ""
		rm -f control
		popd >/dev/null || return
	done
}

@test "every block of shell in the README does what it says" {
	readme sh
}

@test "and in bash" {
	need_shell bash
	readme "${shell[@]}"
}

@test "and in ksh93" {
	need_shell ksh
	readme "${shell[@]}"
}

@test "and in mksh" {
	need_shell mksh
	readme "${shell[@]}"
}

@test "and in zsh" {
	need_shell zsh
	readme "${shell[@]}"
}

@test "and in yash" {
	need_shell yash
	readme "${shell[@]}"
}

@test "and in busybox" {
	need_shell busybox
	readme "${shell[@]}"
}

@test "every command and every page that the README names is there" {
	local name

	tr -cs 'a-zA-Z/.0-9-' '\n' <"$top_dir/README.md" | sort -u >words
	grep -xE 'fd(listen|peek|send|recv|echo|pipe|connect|info)' words >names
	has 8 cat names
	grep -xE '(\./)?(man|cmd)/[a-z-]+(\.[1-9])?' words >files
	while read -r name; do
		[ -x "$FDPASS_BIN/$name" ]
	done <names
	while read -r name; do
		[ -f "$top_dir/$name" ] || { echo "$name"; false; }
	done <files
}

@test "the README names the size of the program in fdpass(3)" {
	local lines

	lines=$(section "$top_dir/man/fdpass.3" EXAMPLES | awk '
		$0 == ".Ed" { inside = 0 }
		inside { n++ }
		$0 == ".Bd -literal" { inside = 1 }
		END { print n }')
	grep -q "are $lines lines" "$top_dir/README.md"
}
