# SPDX-License-Identifier: ISC
# tmux: the client hands its terminal to the server, through fdconnect.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

setup()
{
	common_setup
	need tmux python3
	need_linux
	unset TMUX
	export TERM=xterm
	# A terminal in a terminal: keys come from the file keys, the screen goes
	# to the file screen, and the size is what the file size says.
	cat >terminal.py <<-'END'
	import fcntl, os, pty, select, signal, struct, sys, termios
	pid, master = pty.fork()
	if pid == 0:
	    os.execvp(sys.argv[1], sys.argv[1:])
	keys = os.open("keys", os.O_RDONLY | os.O_NONBLOCK)
	screen = open("screen", "wb", buffering=0)
	was = None
	while True:
	    size = tuple(map(int, open("size").read().split()))
	    if size != was:
	        fcntl.ioctl(master, termios.TIOCSWINSZ,
	                    struct.pack("HHHH", *size, 0, 0))
	        was = size
	    if select.select([master], [], [], 0.02)[0]:
	        try:
	            screen.write(os.read(master, 65536))
	        except OSError:
	            break
	    try:
	        os.write(master, os.read(keys, 100))
	    except BlockingIOError:
	        pass
	sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	END
}

teardown()
{
	tmux -S ./real kill-server 2>/dev/null || :
	wait_for none_tmux
	rm -f real
	common_teardown
}

none_tmux()
{
	! tmux -S ./real has-session 2>/dev/null
}

# is_shown WORD
is_shown()
{
	tmux -S ./real capture-pane -p | grep -q "$1"
}

# width N: whether the window is so wide
width()
{
	[ "$(tmux -S ./real display-message -p '#{window_width}')" = "$1" ]
}

@test "tmux is attached, resized and detached through fdconnect" {
	tmux -S ./real -f /dev/null new-session -d -x 80 -y 24 cat
	start tap fdlisten -k ./front fdconnect -v ./real
	up ./front
	mkfifo keys
	exec 7<>keys
	echo 24 80 >size
	: >screen
	start terminal python3 terminal.py tmux -S ./front attach 7>&-
	wait_for grep -q 'terminal rw .*path=/dev/pts/' tap.err
	echo hello >&7
	wait_for is_shown hello
	wait_for width 80
	echo 30 100 >new
	mv new size
	wait_for width 100
	# Control-B, d: detach.
	printf '\002d' >&7
	ended terminal
	is_status 0
	exec 7>&-
	stop tap
	grep -q '> [0-9]* bytes .*, 1 descriptor$' tap.err
}

@test "the end of the tmux server reaches its client through fdconnect" {
	tmux -S ./real -f /dev/null new-session -d -x 80 -y 24 cat
	start tap fdlisten -k ./front fdconnect ./real
	up ./front
	mkfifo keys
	exec 7<>keys
	echo 24 80 >size
	: >screen
	start terminal python3 terminal.py tmux -S ./front attach 7>&-
	echo hello >&7
	wait_for is_shown hello
	tmux -S ./real kill-server
	ended terminal
	exec 7>&-
	stop tap
	same "$(cat tap.err)" ""
}
