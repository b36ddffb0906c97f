# SPDX-License-Identifier: ISC
# fdstep at a terminal.

# Each test runs in a subshell of its own, on purpose.
# shellcheck disable=SC2030,SC2031

load ../lib/helpers
load ../lib/stepping

@test "at a terminal it says which call is next" {
	need script
	mkfifo keys
	exec 7<>keys
	start_from keys terminal script -q -c \
		"stty cols 80; TERM=vt100 $fdstep 'fdlisten 127.0.0.1:0 true'" \
		/dev/null
	wait_for grep -aqF '[Enter] a socket()' terminal.out
	echo >&7
	wait_for grep -aq '\[Enter\] a bind([0-9], 127.0.0.1:0)' terminal.out
	echo q >&7
	ended terminal
}

# Of the terminal that tmux makes: 80 by 24, as a student has it.
at_terminal()
{
	need tmux
	terminal_socket=$TMPDIR/tmux
	tmux_ new-session -d -x 80 -y 24 env PS1='$ ' sh
	wait_for on_screen '^\$'
	type_line "fdstep $*; echo status \$?"
}

tmux_()
{
	env -u TMUX tmux -f /dev/null -S "$terminal_socket" "$@" 3>&- 4>&-
}

type_line()
{
	tmux_ send-keys -l "$1"
	tmux_ send-keys Enter
}

screen()
{
	tmux_ capture-pane -p
}

# on_screen PATTERN: whether a line of it is like that.
on_screen()
{
	screen | grep -qE -- "$1"
}

# prompts TEXT: until the last line says so.
prompts()
{
	wait_for last_line "$1" || { screen; return 1; }
}

last_line()
{
	like "$(screen | sed '/^ *$/d' | tail -n 1)" "$1" >/dev/null
}

teardown()
{
	[ -z "${terminal_socket-}" ] || tmux_ kill-server 2>/dev/null || :
	rm -f "${terminal_socket-}"
	common_teardown
}

@test "at 80 by 24: a legend, and what can be typed" {
	at_terminal
	prompts '\[Enter] b socketpair()   \[g]o on  \[q]uit  \[?]'
	on_screen '^o call, x end, => descriptor, -> bytes; S1-S8 server, W1-W4'
	# Nothing is broken, neither by the terminal nor at its right edge.
	same "$(screen)" "$(tmux_ capture-pane -pJ | sed 's/ *$//')"
	type_line '?'
	wait_for on_screen '^q +quit: end all of it'
	wait_for on_screen '^o +a call has been made +x +the process has ended'
	wait_for on_screen 'S1 socket +S2 bind .*S5 start a worker$'
	wait_for on_screen '^worker +W1 receive the descriptor'
	same "$(screen)" "$(tmux_ capture-pane -pJ | sed 's/ *$//')"
	prompts '\[Enter] b socketpair()*'
	type_line q
	wait_for on_screen '^status 0'
	tmux_ send-keys C-c
}

@test "every key is answered" {
	at_terminal "'fdlisten 127.0.0.1:0 true & wait'"
	prompts '\[Enter] a socket()*'
	type_line x
	wait_for on_screen '^There is no process x\.'
	type_line go
	wait_for on_screen '^Not a key: go \(\? lists the keys\)'
	type_line a
	prompts '\[Enter] a bind(*, 127.0.0.1:0)*'
	type_line ''
	prompts '\[Enter] a listen(*)*'
	type_line ''
	prompts '\[Enter] a accept(*)*'
	type_line ''
	prompts 'Waiting: a accept(*)*'
	type_line ''
	wait_for on_screen '^No process is at a call; all wait for each other\.'
	type_line a
	wait_for on_screen '^a waits in accept\([0-9]+\) for somebody else\.'
	type_line q
	wait_for on_screen '^status 0'
	tmux_ send-keys C-c
}

@test "Ctrl-C leaves a clean line for the shell" {
	at_terminal
	prompts '\[Enter] b socketpair()*'
	tmux_ send-keys C-c
	# (Some shells go on with `echo status`, others give up the whole line.)
	prompts '$*'
	not on_screen 'Enter\]'
	tmux_ send-keys C-c
}

@test "a window that changes its size is drawn in, with all its columns" {
	at_terminal "'for i in 1 2 3 4 5 6; do fdlisten 0 true & done; wait'"
	prompts '\[Enter] *socket()*'
	wait_for on_screen '\bf fdlisten'
	tmux_ resize-window -x 50 -y 24
	prompts '\[Enter] *'
	type_line g
	wait_for has 6 drawn 'S3 li'
	same "$(drawn '.{50}')" ""
	tmux_ send-keys C-c
}

# drawn PATTERN: such lines behind the first prompt, those above the screen too.
drawn()
{
	tmux_ capture-pane -pS - | sed '1,/^\[Enter/d' | grep -E "$1"
}
