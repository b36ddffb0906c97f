# SPDX-License-Identifier: ISC
# What bash and zsh propose while one of the commands is typed: real interactive
# shells, in a terminal that tmux makes.

load ../lib/helpers
load ../lib/examples

# zsh looks through its functions once.
setup_file()
{
	export zsh_dump=$BATS_FILE_TMPDIR/dump

	! command -v zsh >/dev/null ||
		zsh -f -c "fpath=('$top_dir/cmd/completion' \$fpath)
			autoload -Uz compinit; compinit -u -d '$zsh_dump'" \
			</dev/null
}

setup()
{
	common_setup
	need tmux
	unset TMUX
	terminal_socket=$TMPDIR/tmux
	: >./file.txt
	mkdir folder
	commands="fdlisten fdpeek fdconnect fdsend fdrecv fdecho fdpipe fdinfo"
	commands+=" fdstep"
}

teardown()
{
	terminal kill-server 2>/dev/null || :
	rm -f "${terminal_socket-}"
	common_teardown
}

terminal()
{
	tmux -f /dev/null -S "$terminal_socket" "$@" 3>&- 4>&-
}

# shell NAME: an interactive shell with our completion, and what is not asked
# for switched off: questions, pages, bells.
shell()
{
	need "$1"
	case $1 in
	bash)
		cat >rc <<-EOT
		PS1='> '
		. "$top_dir/cmd/completion/fdpass.bash"
		bind 'set bell-style none'
		bind 'set page-completions off'
		bind 'set completion-query-items 0'
		bind 'set enable-bracketed-paste off'
		bind 'set show-all-if-ambiguous on'
		EOT
		set -- bash --noprofile --rcfile "$PWD/rc" -i
		;;
	zsh)
		cat >.zshrc <<-EOT
		PS1='> '
		fpath=("$top_dir/cmd/completion" \$fpath)
		autoload -Uz compinit
		compinit -C -d "$zsh_dump"
		unsetopt beep list_ambiguous
		LISTMAX=10000
		EOT
		set -- env "ZDOTDIR=$PWD" zsh -d -i
		;;
	esac
	terminal new-session -d -x 100 -y 50 "$@"
	wait_for is_clear
}

# screen: what is on it, without empty lines, into the array $screen.
screen()
{
	local line

	screen=()
	while IFS= read -r line; do
		[ -z "$line" ] || screen+=("$line")
	done < <(terminal capture-pane -p)
}

show_screen()
{
	printf '%s\n' "${screen[@]}"
}

is_clear()
{
	screen
	[ "${screen[*]}" = ">" ]
}

# typed LINE: LINE and a tab, on a clear screen.
typed()
{
	terminal send-keys C-e C-u C-l
	wait_for is_clear
	terminal send-keys -l "$1" \; send-keys Tab
}

# shown WORD...: whether all of these are proposed; what is proposed is in the
# array $words. bash shows the line once more below.
shown()
{
	local word

	words=()
	screen
	for word in "${screen[@]}"; do
		[[ $word == ">"* ]] || words+=("$word")
	done
	read -r -d '' -a words <<<"${words[*]}" || :
	for word; do
		[[ " ${words[*]} " == *" $word"?([/=])" "* ]] || return
	done
}

# offers LINE WORD...: behind LINE all of these are proposed.
offers()
{
	typed "$1"
	shift
	wait_for shown "$@" || {
		show_screen
		return 1
	}
}

# becomes LINE RESULT: LINE is completed to RESULT.
becomes()
{
	typed "$1"
	wait_for stands "$2" || {
		show_screen
		return 1
	}
}

stands()
{
	screen
	[[ ${screen[0]-} == "> $1"*( ) ]]
}

# letters COMMAND: its options.
letters()
{
	limited "$1" --help | sed -n 's/^  \(-.\) .*/\1/p'
}

# Each of these is for one shell and run for both.

proposes_options()
{
	local command

	shell "$1"
	for command in $commands; do
		# shellcheck disable=SC2046
		offers "$command -" $(letters "$command") --help --version
	done
}

@test "bash proposes all options of each command" {
	proposes_options bash
}

@test "zsh proposes all options of each command, and what they mean" {
	proposes_options zsh
	offers "fdlisten -" keep accepting listen only, "do" not accept
}

proposes_sockets()
{
	start receiver fdrecv -k ./pool true
	up ./pool
	shell "$1"
	offers "fdsend -w " pool folder -
	not shown file.txt
	becomes "fdsend -w po" "fdsend -w pool"
	becomes "fdsend -w ./p" "fdsend -w ./pool"
	offers "fdlisten ./" "$2pool" "$2folder"
	not shown file.txt
	not shown ./file.txt
	offers "fdconnect " 127.0.0.1:
	becomes "fdsend fi" "fdsend fi"
	stop receiver
}

@test "bash proposes sockets for SOCKET and ADDRESS, and no files" {
	proposes_sockets bash ./
}

@test "zsh proposes sockets for SOCKET and ADDRESS, and no files" {
	proposes_sockets zsh ""
}

knows_commands()
{
	shell "$1"
	becomes "fdlisten -k -n 3 127.0.0.1:7000 fdec" \
		"fdlisten -k -n 3 127.0.0.1:7000 fdecho"
	becomes "fdrecv -kf 3 fd:0 fdlis" "fdrecv -kf 3 fd:0 fdlisten"
	becomes "fdlisten 127.0.0.1:7000 cat fi" \
		"fdlisten 127.0.0.1:7000 cat file.txt"
	offers "fdlisten -k :7000 fdrecv -" -a -f -m
	offers "fdlisten -l :7000 fdlisten -l :7001 fdsend -" -d -r -p
}

@test "bash knows where COMMAND begins, and what it takes" {
	knows_commands bash
}

@test "zsh knows where COMMAND begins, and what it takes" {
	knows_commands zsh
}

knows_bars()
{
	local bar

	start receiver fdrecv -k ./pool true
	up ./pool
	for bar in "'|'" '"|"' '\|'; do
		offers "fdpipe -n 4 fdlisten -k :7000 $bar fdecho -" -n -v
		not shown -k
		becomes "fdpipe cat $bar fdrecv -n 3 po" \
			"fdpipe cat $bar fdrecv -n 3 pool"
		becomes "fdpipe cat $bar cat $bar fdsend ./po" \
			"fdpipe cat $bar cat $bar fdsend ./pool"
		not shown file.txt
	done
	becomes "fdpipe fdlis" "fdpipe fdlisten"
	offers "fdpipe fdlisten -" -k -l
	stop receiver
}

@test "bash completes the command behind a bar" {
	shell bash
	knows_bars
	# Nothing is typed of it yet, so that all are proposed.
	mkdir bin
	printf '#!/bin/sh\n' >bin/only-this-one
	chmod +x bin/only-this-one
	terminal send-keys C-e C-u "PATH=$PWD/bin" Enter
	becomes "fdpipe cat '|' " "fdpipe cat '|' only-this-one"
}

@test "zsh completes the command behind a bar" {
	shell zsh
	knows_bars
	becomes "fdpipe cat '|' fdec" "fdpipe cat '|' fdecho"
	becomes 'fdpipe cat \| fdec' 'fdpipe cat \| fdecho'
}

knows_values()
{
	need_proc
	shell "$1"
	offers "fdsend -f " 0 1 2
	offers "fdrecv -m " 0600 0660
	becomes "fdlisten -o fi" "fdlisten -o file.txt"
	offers "fdlisten fd:" "${2}0" "${2}1"
	offers "fdinfo " 0 1 2
}

@test "bash proposes descriptors, modes and files for the options that want them" {
	knows_values bash ""
	# None that it opened for itself to find them.
	not grep -qxE '[3-9]|[1-9][0-9]+' < <(printf '%s\n' "${words[@]}")
}

@test "zsh proposes descriptors, modes and files for the options that want them" {
	knows_values zsh ""
}

# knows_fdpass SHELL: with a PATH that has none of the commands.
knows_fdpass()
{
	start receiver fdrecv -k ./pool true
	up ./pool
	PATH=/usr/bin:/bin shell "$1"
	# shellcheck disable=SC2086
	offers "fdpass fd" $commands
	becomes "fdpass fdlis" "fdpass fdlisten"
	offers "fdpass -" --help --version
	offers "fdpass fdsend -" -d -r -p
	becomes "fdpass fdsend -w po" "fdpass fdsend -w pool"
	not shown file.txt
	offers "fdpass fdlisten -k :7000 fdrecv -" -a -f -m
	becomes "fdpass fdlisten :7000 fdec" "fdpass fdlisten :7000 fdecho"
	offers "fdpass fdpipe fdlisten :7000 '|' fdecho -" -n -v
	becomes "fdpass cat fi" "fdpass cat file.txt"
	stop receiver
}

@test "bash completes what fdpass runs, when it is not on PATH" {
	knows_fdpass bash
}

@test "zsh completes what fdpass runs, when it is not on PATH" {
	knows_fdpass zsh
}

@test "bash proposes abstract names" {
	local name

	need_linux
	name=$(unique completed)
	start receiver fdrecv -k "$name" true
	wait_for grep -q " $name\$" /proc/net/unix
	shell bash
	becomes "fdsend ${name%???}" "fdsend $name"
	stop receiver
}
