# SPDX-License-Identifier: ISC
# Fetching: fdrecv -c connects to who holds something, and takes it.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers
load ../lib/holding

# --- what arrives

@test "fdrecv -c becomes COMMAND with what is held" {
	holder holder
	run_limited fdrecv -c ./keep cat
	is_status 0
	same "$output" "$(</etc/passwd)"
	stop holder
}

@test "with -f, -a, -S, and the environment" {
	holder holder -f 9 -s web:log
	run_limited fdrecv -c -f 5 -f 4 ./keep \
		sh -c 'cmp - /etc/passwd <&5 && echo "$FDRECV_PAYLOAD"'
	same "$output" web:log
	run_limited fdrecv -ac -S 0 ./keep \
		sh -c 'cat; echo " $LISTEN_FDS $LISTEN_FDNAMES"
			[ "$LISTEN_PID" = $$ ] && echo mine'
	same "$output" $'web:log 2 web:log\nmine'
	stop holder
}

@test "fdrecv -c shows what is held" {
	holder holder -s words
	run_limited fdrecv -c ./keep
	is_status 0
	like "$output" $'from *, payload "words", 1 descriptor\n   0 file r *'
	stop holder
}

@test "each fetch has a holder that goes on" {
	local i

	holder holder
	for i in 1 2 3 4 5; do
		limited fdrecv -c -f 3 ./keep true || return
	done
	stop holder
	is_status 0
}

@test "the sender of the message is told, not who made the name" {
	need_linux
	start holder sh -c 'exec fdlisten ./keep \
		sh -c "echo \$\$ >pid; exec fdsend -f 0 -"'
	up ./keep
	run_limited fdrecv -c -f 3 ./keep \
		sh -c 'echo "$FDRECV_PID $FDRECV_UID $FDRECV_GID"'
	same "$output" "$(cat pid) $(id -u) $(id -g)"
	ended holder
}

@test "so is one that knows nothing of credentials" {
	need_linux
	need python3
	start holder python3 -c '
import os, socket
s = socket.socket(socket.AF_UNIX)
s.bind("keep")
s.listen()
c, _ = s.accept()
socket.send_fds(c, [b"x"], [0])
print(os.getpid())
os.remove("keep")'
	up ./keep
	run_limited fdrecv -c -f 3 ./keep sh -c 'echo "$FDRECV_PID"'
	ended holder
	same "$output" "$(<holder.out)"
}

@test "COMMAND gets no connection to the holder" {
	holder holder
	limited with -x fdrecv -c -f 3 ./keep show -o shown fds
	same "$(<shown)" "fds 0 1 2 3"
	stop holder
}

@test "a holder of another type of socket" {
	need python3
	start holder python3 -c '
import os, socket
for kind in socket.SOCK_SEQPACKET, socket.SOCK_DGRAM:
    s = socket.socket(socket.AF_UNIX, kind)
    s.bind("keep")
    if kind == socket.SOCK_DGRAM:
        os.read(0, 1)
    else:
        s.listen()
        c, _ = s.accept()
        socket.send_fds(c, [b"packet"], [0])
    os.remove("keep")'
	up ./keep
	run_limited fdrecv -c -f 3 ./keep sh -c 'echo "$FDRECV_PAYLOAD"'
	is_status 0
	same "$output" packet
	ended holder
}

@test "a datagram socket holds nothing" {
	leaves_sockets
	start holder fdlisten -lu ./keep sleep 20
	up ./keep
	fails 1 "fdrecv: ./keep: connect: Protocol wrong type for socket" \
		fdrecv -c -f 3 ./keep true
	fails 1 "fdrecv: ./keep: connect: Protocol wrong type for socket" \
		fdrecv -cw -f 3 ./keep true
	stop holder
}

@test "what was not asked for is refused, and said" {
	holder holder -s words
	fails 1 "fdrecv: ./keep: refused a message of 1 descriptor, expected 2, \
from *, payload \"words\"" fdrecv -c -f 3 -f 4 ./keep true
	stop holder
}

@test "a COMMAND that is not there costs the holder nothing" {
	holder holder
	fails 127 "fdrecv: nowhere: command not found" \
		fdrecv -c ./keep nowhere
	stop holder
}

@test "the trace shows how it is fetched" {
	holder holder -s words
	run_limited fdrecv -cv -f 3 ./keep true
	like "$output" "*W1 fdrecv*: connect(*, ./keep)*recvmsg(*) = *words*"
	stop holder
}

# --- nobody is there

@test "without -w a name that is not there is an error" {
	fails 1 "fdrecv: ./keep: connect: No such file or directory" \
		fdrecv -c ./keep true
}

@test "without -w a stale name is an error" {
	holder holder
	leaves_sockets
	stop holder KILL
	fails 1 "fdrecv: ./keep: connect: Connection refused" \
		fdrecv -c ./keep true
}

@test "a file that is no socket is an error, with -w too" {
	: >keep
	fails 1 "fdrecv: ./keep: not a socket" fdrecv -c ./keep true
	fails 1 "fdrecv: ./keep: not a socket" fdrecv -cw ./keep true
}

@test "a holder that gives nothing is an error" {
	start holder fdlisten -k ./keep true
	up ./keep
	fails 1 "fdrecv: ./keep: end of file before a message came" \
		fdrecv -c ./keep true
	fails 1 "fdrecv: ./keep: end of file before a message came" \
		fdrecv -ck ./keep true
	stop holder
}

@test "-w waits for the name" {
	start server fdrecv -cw ./keep cat
	wait_for idle server
	holder holder
	ended server
	is_status 0
	cmp server.out /etc/passwd
	same "$(<server.err)" ""
	stop holder
}

@test "-w waits where a stale name is" {
	holder holder
	leaves_sockets
	stop holder KILL
	start server fdrecv -cw ./keep cat
	wait_for idle server
	holder second
	ended server
	is_status 0
	cmp server.out /etc/passwd
	stop second
}

@test "-w waits for a holder that gives something" {
	start first fdlisten -k ./keep true
	up ./keep
	start server fdrecv -cw ./keep cat
	wait_for idle server
	stop first
	holder second
	ended server
	is_status 0
	cmp server.out /etc/passwd
	stop second
}

said()
{
	has_line "$1.err" "*still waiting*"
}

@test "-w says once what it waits for" {
	start nobody fdrecv -cw ./keep true
	start closer fdlisten -k ./empty true
	up ./empty
	start nothing fdrecv -cw ./empty true
	wait_for said nobody
	wait_for said nothing
	same "$(<nobody.err)" \
		"fdrecv: ./keep: connect: No such file or directory; still waiting"
	same "$(<nothing.err)" \
		"fdrecv: ./empty: closed without a message; still waiting"
	stop nobody
	is_status 143
	stop nothing INT
	is_status 130
	one_line nobody.err
	stop closer
}

@test "-t limits the waiting, and says what was missing" {
	fails 124 "fdrecv: ./keep: no message within 0.3 s: connect: No such *" \
		fdrecv -cw -t 0.3 ./keep true
	start holder fdlisten -k ./keep sh -c 'exec cat >log'
	up ./keep
	fails 124 "fdrecv: ./keep: no message within 0.3 s" \
		fdrecv -c -t 0.3 ./keep true
	# (What it has accepted ends with the one that it was accepted for.)
	stop holder
	start holder fdlisten -k ./keep true
	up ./keep
	fails 124 "fdrecv: ./keep: no message within 0.3 s*" \
		fdrecv -cw -t 0.3 ./keep true
	stop holder
}

@test "a signal ends the wait for a holder that says nothing" {
	start holder fdlisten ./keep sh -c 'exec cat >/dev/null'
	up ./keep
	start server fdrecv -c ./keep true
	wait_for not test -e keep
	stop server HUP
	is_status 129
	ended holder
}

# --- abstract names

@test "an abstract name of the same user" {
	local name

	need_linux
	name=$(unique keep)
	start holder sh -c 'exec fdlisten -k "$1" fdsend -f 9 - 9</etc/passwd' \
		sh "$name"
	run_limited fdrecv -cw "$name" cmp - /etc/passwd
	is_status 0
	stop holder
}

@test "an abstract name of another user is refused, with -w too" {
	local name option

	need_linux
	another_user
	name=$(unique keep)
	start holder "${nobody[@]}" fdlisten -k "$name" fdsend -f 0 -
	wait_for grep -qF "$name" /proc/net/unix
	for option in -c -cw; do
		fails 1 "fdrecv: $name: its owner is another user, *" \
			fdrecv "$option" -f 3 "$name" true
	done
	stop holder
}

@test "an abstract name of root" {
	local name

	need_linux
	another_user
	name=$(unique keep)
	start holder fdlisten -k "$name" fdsend -f 0 -
	wait_for grep -qF "$name" /proc/net/unix
	run_limited "${nobody[@]}" fdrecv -c -f 3 "$name" echo fetched
	same "$output" fetched
	stop holder
}

# --- wrong usage

@test "wrong usage of -c and -w" {
	refuses "fdrecv: -w goes with -c*" fdrecv -w ./s true
	refuses "fdrecv: -m is for *" fdrecv -c -m 600 ./s true
	refuses "fdrecv: -c connects to a name, - is *" fdrecv -c - true
	refuses "fdrecv: -c connects to a name, fd:0 is *" fdrecv -c fd:0 true
	refuses "fdrecv: 7000: descriptors cannot leave *" fdrecv -c 7000 true
	refuses "fdrecv: : the name is empty" fdrecv -c '' true
	fails 1 "fdrecv: *: the name of a socket has at most *" \
		fdrecv -c "./$(printf '%0120d' 0)" true
}
