# SPDX-License-Identifier: ISC
# What `make demo` shows: it fits on a screen, is true, and leaves nothing.

# Each test runs in a subshell of its own, on purpose.
# shellcheck disable=SC2030,SC2031

load ../lib/helpers

demo="$top_dir/tests/demo/run"

# shows SHELL...: what must be on the screen.
shows()
{
	need_linux
	run_apart "$@" "$demo"
	is_status 0
	same "$stderr" ""
	[ "${#lines[@]}" -le 50 ]
	[ "$(wc -l <<<"$output")" -le 50 ]
	not grep -nE '.{81}' <<<"$output"
	grep -qE '^ +sendmsg =+> recvmsg' <<<"$output"
	grep -qE '^  S7  server  sendmsg\(.*SCM_RIGHTS' <<<"$output"
	grep -qE '^  W1  worker  received descriptor' <<<"$output"
	# Which of them are served by whom is the kernel's choice.
	grep -qE '^  ok .* [1-3] workers: [0-9]+( \+ [0-9]+)*$' <<<"$output"
	grep -qE '^  ok .* this file has no name any more$' <<<"$output"
	grep -qE '^  ok .* is killed; .* waits in the queue$' <<<"$output"
	grep -qE '^  ok .* answers that client +hello$' <<<"$output"
	grep -q 'Next: bin/fdstep.*fdpass-lessons' <<<"$output"
	not grep -q WRONG <<<"$output"
	wait_for none_left
	same "$(ls "$TMPDIR")" ""
}

@test "it fits in 50 lines of 80 columns, and all of it went well" {
	shows sh
}

@test "and in dash" {
	need_shell dash
	shows "${shell[@]}"
}

@test "and in bash" {
	need_shell bash
	shows "${shell[@]}"
}

@test "on a terminal of 80 by 50 its first and its last line are seen" {
	need_linux
	need tmux
	terminal_socket=$TMPDIR/tmux
	terminal new-session -d -x 80 -y 50 sh -c "$demo; echo status \$?; sleep 100"
	wait_for on_screen '^status 0'
	terminal capture-pane -p | grep -q '^Each connection is handed'
	terminal kill-server
	rm -f "$terminal_socket"
}

terminal()
{
	env -u TMUX tmux -f /dev/null -S "$terminal_socket" "$@" 3>&- 4>&-
}

on_screen()
{
	terminal capture-pane -p | grep -qE -- "$1"
}

# with_false NAME: all commands, but for one that is not what it says.
with_false()
{
	mkdir bin
	ln -s "$FDPASS_BIN"/fd* bin
	rm "bin/$1"
	printf '#!/bin/sh\n%s\n' "$2" >"bin/$1"
	chmod +x "bin/$1"
}

@test "a client that gets something else back is told, and the status is 1" {
	need_linux
	with_false fdconnect "exec '$FDPASS_BIN/fdconnect' \"\$@\" | tr a-z A-Z"
	FDPASS_BIN=$PWD/bin run_apart sh "$demo"
	is_status 1
	grep -qE '^  WRONG  one client says hello +HELLO$' <<<"$output"
	grep -qE '^  WRONG  24 at once' <<<"$output"
}

@test "a file that does not arrive is told" {
	need_linux
	with_false fdsend "case \$* in *./s) exit 1 ;; esac
		exec '$FDPASS_BIN/fdsend' \"\$@\""
	FDPASS_BIN=$PWD/bin run_apart sh "$demo"
	is_status 1
	grep -qE '^  WRONG  process [0-9]+ reads +$' <<<"$output"
}

@test "a command that is missing is told" {
	mkdir bin
	ln -s "$FDPASS_BIN"/fd[a-l]* bin
	local -x PATH=${PATH//"$FDPASS_BIN:"}
	FDPASS_BIN=$PWD/bin fails 1 \
		"demo: there is no fdsend; run make first" sh "$demo"
}
