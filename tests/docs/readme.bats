# SPDX-License-Identifier: ISC
# The README: its blocks of shell, typed in one session as they are printed and
# in their order, do what the text says, and end what they started.

load ../lib/helpers
load ../lib/examples

setup()
{
	common_setup
	need_linux
	fences "$top_dir/README.md"
	[ "$n_blocks" -ge 8 ]
}

# page FILE: all blocks in one script, each with a line before it that tells its
# number, on both outputs.
page()
{
	local number

	for ((number = 1; number <= n_blocks; number++)); do
		echo "echo '=== $number'; echo '=== $number' >&2"
		cat "block.$number"
	done >"$1"
	move_ports "$1" 7000 7002 7003 7006 7007 7008 7009
}

# part NUMBER FILE: what was written by that block.
part()
{
	awk -v number="$1" '
	$1 == "===" { inside = ($2 == number); next }
	inside' "$2"
}

# what_it_does NUMBER: whether it has done what the text says.
what_it_does()
{
	local text users

	text=$(cat "block.$1")
	users=$(wc -l </etc/passwd)
	part "$1" page.out >out
	part "$1" page.err >err
	case $text in
	*fdinfo\ 3\ 4*)
		same "$(grep -c ' listening ' out)" 2
		;;
	*fdpeek*)
		same "$(cat out)" "this is ssh
SSH-2.0-x
hello"
		;;
	*fdecho*)
		same "$(cat out)" hello
		;;
	*-rvw*)
		same "$(cat out)" "$users"
		grep -q 'payload "users", 1 descriptor$' err
		grep -q ': file r - path=/etc/passwd ' err
		return
		;;
	*FDRECV_PAYLOAD*)
		same "$(cat out)" "users:
$users"
		;;
	*wc\ -l*)
		same "$(sort out)" "$(printf '%s\n' "$users" "$(find / \
			-mindepth 1 -maxdepth 1 ! -name '.*' | wc -l)" |
			sort)"
		;;
	*'fdrecv ./s'*)
		grep -q 'payload "a file", 1 descriptor$' out
		grep -q '^   0 file r - path=/etc/passwd ' out
		;;
	*)
		echo "nothing is known of this block"
		return 1
		;;
	esac
	same "$(cat err)" ""
}

# session SHELL...: all blocks in this shell.
session()
{
	local number

	page page
	run_apart "$@" ./page
	is_status 0
	printf '%s\n' "$output" >page.out
	printf '%s\n' "$stderr" >page.err
	for ((number = 1; number <= n_blocks; number++)); do
		echo "--- block $number:"
		cat "block.$number" && part "$number" page.out
		part "$number" page.err
		what_it_does "$number"
	done
	wait_for none_left
	same "$(ls)" "$(printf '%s\n' block.* err out page page.err page.out)"
}

@test "the README, typed from top to bottom, does what it says" {
	session sh
}

@test "and in dash" {
	need_shell dash
	session "${shell[@]}"
}

@test "and in bash" {
	need_shell bash
	session "${shell[@]}"
}

@test "and in ksh93" {
	long_trial
	need_shell ksh
	session "${shell[@]}"
}

@test "and in mksh" {
	long_trial
	need_shell mksh
	session "${shell[@]}"
}

@test "and in zsh" {
	long_trial
	need_shell zsh
	session "${shell[@]}"
}

@test "and in yash" {
	long_trial
	need_shell yash
	session "${shell[@]}"
}

@test "and in busybox" {
	long_trial
	need_shell busybox
	session "${shell[@]}"
}

# at_terminal SHELL...: pasted into an interactive shell, block by block.
at_terminal()
{
	local number

	need tmux
	terminal_socket=$TMPDIR/tmux
	page page
	csplit -sz -f typed. page '/^echo .=== /' '{*}'
	terminal new-session -d -x 80 -y 50 env ENV= PS1='$ ' "$@"
	terminal set-option -g history-limit 5000
	for number in typed.*; do
		echo "echo 'end of' $number" >>"$number"
		terminal load-buffer "$number"
		terminal paste-buffer
		wait_for says "end of $number\$" || { screen; return 1; }
	done
	# (What is pasted while a command runs, is answered by prompts alone.)
	screen | sed 's,^\([$>] \)*,,' >seen
	same "$(grep -cE '^ *[0-9]+ (tcp|unix) .* listening ' seen)" 2
	same "$(grep -cx hello seen)" "$(cat block.* | grep -c '^echo hello')"
	same "$(grep -cx 'this is ssh' seen)" 1
	# (A trace may have that a receiver was not there at once.)
	not eval "grep -v '^S7 fdsend' seen |
		grep -iE 'fd[a-z]+: |not found|in use|no such'"
	terminal kill-server
	rm -f "$terminal_socket"
	wait_for none_left
	same "$(find . -type s)" ""
}

terminal()
{
	env -u TMUX tmux -f /dev/null -S "$terminal_socket" "$@" 3>&- 4>&-
}

screen()
{
	terminal capture-pane -pS - -J
}

says()
{
	screen | grep -q -- "$1"
}

teardown()
{
	[ -z "${terminal_socket-}" ] || terminal kill-server 2>/dev/null || :
	rm -f "${terminal_socket-}"
	common_teardown
}

@test "pasted at a terminal, in dash" {
	need_shell dash
	at_terminal "${shell[@]}" -i
}

@test "pasted at a terminal, in bash" {
	need_shell bash
	at_terminal "${shell[@]}" --norc --noprofile -i
}

@test "every command and every page that the README names is there" {
	local name

	tr -cs 'a-zA-Z/.0-9-' '\n' <"$top_dir/README.md" | sort -u >words
	grep -xE 'fd(listen|peek|send|recv|echo|pipe|connect|info|step|pass)' \
		words >names
	has 10 cat names
	grep -xE '(\./)?(man|cmd)/[a-z-]+(\.[1-9])?' words >files
	while read -r name; do
		[ -x "$FDPASS_BIN/$name" ]
	done <names
	grep -oE '\b(fd[a-z-]+|recvfd)\([0-9]\)' "$top_dir/README.md" | sort -u |
		sed 's,\(.*\)(\(.\)),man/\1.\2,' >>files
	while read -r name; do
		[ -f "$top_dir/$name" ] || { echo "$name"; false; }
	done <files
	for name in "$top_dir"/man/*.1; do
		name=${name##*/}
		grep -q "\\<${name%.1}\\>" "$top_dir/README.md"
	done
}

@test "it can be read in a terminal of 80 columns" {
	local -x LC_ALL=C.UTF-8

	not grep -nE '.{83}' "$top_dir/README.md"
	# Nor is a table wider.
	not grep -nE '^\|.{80}' "$top_dir/README.md"
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
