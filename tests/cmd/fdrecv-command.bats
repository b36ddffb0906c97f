# What COMMAND finds: its descriptors, its signals, its timer; and that
# nothing breaks when the caller closed 0, 1 or 2.

# Each test runs in a subshell of its own, on purpose.
# shellcheck disable=SC2030,SC2031

load ../lib/helpers

# --- closed 0, 1, 2

# For each way to close some of 0, 1 and 2, call "$@" with the options for
# `with` in the array $closed and the numbers that stay open in $open.
each_closing()
{
	local way fd

	for way in 0 1 2 "0 1" "0 2" "1 2" "0 1 2"; do
		closed=()
		open="0 1 2"
		for fd in $way; do
			closed+=(-c "$fd")
			open=${open/$fd/}
		done
		echo "closed: $way"
		rm -f shown
		"$@" || return
	done
}

# sorted NUMBER...: "fds" and the numbers in order, each once.
sorted()
{
	echo "fds $(printf '%s\n' "$@" | sort -nu | xargs)"
}

listen_closed()
{
	start server with "${closed[@]}" fdlisten ./a show -o shown fds fd
	up ./a
	limited client ./a
	ended server
	is_status 0
	# shellcheck disable=SC2086
	same "$(head -n 1 shown)" "$(sorted 0 1 $open)"
	grep -qx "fd 0 unix rw" shown
	grep -qx "fd 1 unix rw" shown
}

@test "fdlisten works with 0, 1, 2 closed, singly and together" {
	each_closing listen_closed
}

listen_keep_closed()
{
	start server with "${closed[@]}" fdlisten -k ./a show -o shown fds fd
	up ./a
	limited client ./a
	wait_for test -s shown
	stop server
	is_status 0
	# shellcheck disable=SC2086
	same "$(head -n 1 shown)" "$(sorted 0 1 $open)"
	grep -qx "fd 0 unix rw" shown
	grep -qx "fd 1 unix rw" shown
}

@test "fdlisten -k works with 0, 1, 2 closed, singly and together" {
	each_closing listen_keep_closed
}

receive_closed()
{
	start receiver with "${closed[@]}" fdrecv ./s show -o shown fds fd
	limited fdsend -w ./s <file
	ended receiver
	is_status 0
	# shellcheck disable=SC2086
	same "$(head -n 1 shown)" "$(sorted 0 $open)"
	grep -qx "fd 0 file r" shown
}

@test "fdrecv works with 0, 1, 2 closed, singly and together" {
	echo hello >file
	each_closing receive_closed
}

receive_output_closed()
{
	start receiver with "${closed[@]}" fdrecv ./s show -o shown fds fd
	limited fdsend -w -f 5 ./s 5>file
	ended receiver
	is_status 0
	# shellcheck disable=SC2086
	same "$(head -n 1 shown)" "$(sorted 1 $open)"
	grep -qx "fd 1 file w" shown
}

@test "fdrecv puts an output at 1 with 0, 1, 2 closed" {
	each_closing receive_output_closed
}

receive_at_closed()
{
	start receiver with "${closed[@]}" fdrecv -f 2 -f 7 -f 0 ./s \
		show -o shown fds fd
	limited fdsend -w -f 5 -f 6 -f 0 ./s 5<. 6<file </dev/null
	ended receiver
	is_status 0
	# shellcheck disable=SC2086
	same "$(head -n 1 shown)" "$(sorted 0 2 7 $open)"
	grep -qx "fd 2 directory r" shown
	grep -qx "fd 7 file r" shown
	grep -qx "fd 0 device r" shown
}

@test "fdrecv -f lands right with 0, 1, 2 closed" {
	echo hello >file
	each_closing receive_at_closed
}

receive_all_closed()
{
	start receiver with "${closed[@]}" fdrecv -a ./s show -o shown fds fd
	limited fdsend -w -f 5 -f 6 ./s 5<. 6<file
	ended receiver
	is_status 0
	# shellcheck disable=SC2086
	same "$(head -n 1 shown)" "$(sorted 3 4 $open)"
	grep -qx "fd 3 directory r" shown
	grep -qx "fd 4 file r" shown
}

@test "fdrecv -a lands from 3 up with 0, 1, 2 closed" {
	echo hello >file
	each_closing receive_all_closed
}

pool_closed()
{
	start pool with "${closed[@]}" fdrecv -n 2 ./s show -o shown fds fd
	limited fdsend -w ./s <file
	wait_for test -s shown
	stop pool
	is_status 0
	# shellcheck disable=SC2086
	same "$(head -n 1 shown)" "$(sorted 0 $open)"
	grep -qx "fd 0 file r" shown
}

@test "fdrecv -n works with 0, 1, 2 closed, singly and together" {
	echo hello >file
	each_closing pool_closed
}

send_closed()
{
	start receiver fdrecv ./s cat
	up ./s
	limited with "${closed[@]}" fdsend -f 5 ./s 5<file
	ended receiver
	is_status 0
	same "$(cat receiver.out)" hello
}

@test "fdsend sends another descriptor with 0, 1, 2 closed" {
	echo hello >file
	each_closing send_closed
}

send_the_closed()
{
	local fd

	for fd in 0 1 2; do
		case $open in *$fd*) continue ;; esac
		run_limited with "${closed[@]}" fdsend -f "$fd" ./s
		is_status 1
		not test -e ran
	done
}

@test "a closed 0, 1 or 2 counts as closed: it is not sent" {
	start receiver fdrecv -k ./s touch ran
	up ./s
	each_closing send_the_closed
	fails 1 "fdsend: *0*not open" with -c 0 fdsend ./s
	stop receiver
	is_status 0
	same "$(cat receiver.err)" ""
}

echo_closed()
{
	run_limited with "${closed[@]}" fdecho <file
	case $open in
	*0*1*) is_status 0
	       same "$output" hello ;;
	*)     is_status 1 ;;
	esac
}

@test "fdecho fails with 0 or 1 closed and works with 2 closed" {
	echo hello >file
	each_closing echo_closed
	fails 1 "fdecho: *" with -c 0 fdecho
}

# --- what COMMAND finds open

@test "COMMAND of fdlisten finds the connection at 0 and 1, nothing more" {
	start server fdlisten ./a show -o shown fds
	up ./a
	limited client ./a
	ended server
	same "$(cat shown)" "fds 0 1 2"
}

@test "COMMAND of fdlisten finds what the caller had open" {
	start server sh -c 'exec fdlisten ./a show -o shown fds 5</dev/null'
	up ./a
	limited client ./a
	ended server
	same "$(cat shown)" "fds 0 1 2 5"
}

@test "COMMAND of fdlisten finds nothing of the options -k, -n, -o, -t, -v" {
	start server fdlisten -kv -n 2 -o address -t 20 127.0.0.1:0 \
		show -o shown fds
	limited client "$(address_of address)"
	wait_for test -s shown
	same "$(cat shown)" "fds 0 1 2"
	stop server
	is_status 0
}

@test "COMMAND of fdlisten with a trace finds nothing more" {
	FDTRACE=1 start server fdlisten -t 20 ./a show -o shown fds
	up ./a
	limited client ./a
	ended server
	same "$(cat shown)" "fds 0 1 2"
}

@test "COMMAND of fdlisten -k does not find the other connections" {
	# shellcheck disable=SC2016
	start server fdlisten -k ./a \
		sh -c 'read -r x; show -o "shown.$x" fds; exec cat'
	up ./a
	mkfifo hold
	start client sh -c 'exec client ./a <>hold'
	echo first >hold
	wait_for test -s shown.first
	echo second | limited client ./a
	same "$(cat shown.second)" "fds 0 1 2"
	stop client
	stop server
	is_status 0
}

@test "COMMAND of fdrecv finds the descriptor at 0, nothing more" {
	start receiver fdrecv ./s show -o shown fds
	limited fdsend -w ./s
	ended receiver
	same "$(cat shown)" "fds 0 1 2"
}

@test "COMMAND of fdrecv finds what the caller had open" {
	start receiver sh -c '
		exec fdrecv -f 5 ./s show -o shown fds 7</dev/null'
	limited fdsend -w ./s
	ended receiver
	same "$(cat shown)" "fds 0 1 2 5 7"
}

@test "COMMAND of a worker finds nothing of the options -k, -t, -v" {
	start worker fdrecv -kv -t 20 ./s show -o shown fds
	limited fdsend -w ./s
	wait_for test -s shown
	same "$(cat shown)" "fds 0 1 2"
	stop worker
	is_status 0
}

@test "COMMAND of a worker finds nothing of the message before" {
	start worker fdrecv -ak ./s show -o shown fds
	limited fdsend -w -f 0 -f 0 -f 0 ./s
	wait_for test -s shown
	wait_for has 0 children "$pid"
	rm shown
	limited fdsend ./s
	wait_for test -s shown
	same "$(cat shown)" "fds 0 1 2 3"
	stop worker
	is_status 0
}

@test "COMMAND of a pool finds nothing more" {
	start pool fdrecv -v -n 3 -f 5 ./s show -o shown fds
	limited fdsend -w ./s
	wait_for test -s shown
	same "$(cat shown)" "fds 0 1 2 5"
	stop pool
	is_status 0
}

@test "an output that lands at 1 leaves the caller's input at 0" {
	echo hello >file
	start_from file receiver fdrecv ./s cat
	limited fdsend -w -f 5 ./s 5>out
	ended receiver
	same "$(cat out)" hello
}

# --- O_NONBLOCK

@test "the connection that COMMAND gets is blocking" {
	start server fdlisten -k ./a show -o shown fd
	up ./a
	limited client ./a
	wait_for test -s shown
	stop server
	not grep nonblock shown
}

@test "O_NONBLOCK is not changed on what is passed on" {
	echo hello >file
	start receiver fdrecv ./s show -o shown fd
	up ./s
	limited with -N 0 fdsend ./s <file
	ended receiver
	grep -x "fd 0 file r nonblock" shown
}

@test "O_NONBLOCK is not changed on the caller's descriptors" {
	mkfifo pipe
	cat >script <<-'END'
	fdrecv -k -t 0.3 ./s true
	fdlisten -k -t 0.1 ./a true
	echo hello | fdecho
	show -o shown fd
	END
	run_limited sh -c 'sh ./script <>pipe >&0 2>&0'
	not grep nonblock shown
}

# --- signals and timers

# The state of COMMAND, for a caller who ignores and blocks some.
ignores=(-i PIPE -i CHLD -i HUP -i USR1 -b USR2 -b CHLD -b PIPE)

@test "fdlisten: SIGPIPE and SIGCHLD are default, the rest is the caller's" {
	start server with "${ignores[@]}" fdlisten ./a \
		show -o shown ignored blocked
	up ./a
	limited client ./a
	ended server
	same "$(cat shown)" $'ignored HUP USR1\nblocked USR2 PIPE CHLD'
}

@test "fdlisten -k: SIGPIPE and SIGCHLD are default, the rest is the caller's" {
	start server with "${ignores[@]}" fdlisten -k ./a \
		show -o shown ignored blocked
	up ./a
	limited client ./a
	wait_for test -s shown
	same "$(cat shown)" $'ignored HUP USR1\nblocked USR2 PIPE CHLD'
	stop server
	is_status 0
}

@test "fdrecv: SIGPIPE and SIGCHLD are default, the rest is the caller's" {
	start receiver with "${ignores[@]}" fdrecv ./s \
		show -o shown ignored blocked
	limited fdsend -w ./s
	ended receiver
	same "$(cat shown)" $'ignored HUP USR1\nblocked USR2 PIPE CHLD'
}

@test "fdrecv -k: SIGPIPE and SIGCHLD are default, the rest is the caller's" {
	start worker with "${ignores[@]}" fdrecv -k ./s \
		show -o shown ignored blocked
	limited fdsend -w ./s
	wait_for test -s shown
	same "$(cat shown)" $'ignored HUP USR1\nblocked USR2 PIPE CHLD'
	stop worker
	is_status 0
}

@test "fdrecv -n: SIGPIPE and SIGCHLD are default, the rest is the caller's" {
	start pool with "${ignores[@]}" fdrecv -n 2 ./s \
		show -o shown ignored blocked
	limited fdsend -w ./s
	wait_for test -s shown
	same "$(cat shown)" $'ignored HUP USR1\nblocked USR2 PIPE CHLD'
	stop pool
	is_status 0
}

@test "without anything ignored or blocked COMMAND has nothing of it" {
	start server fdlisten -k ./a show -o shown ignored blocked
	up ./a
	limited client ./a
	wait_for test -s shown
	same "$(cat shown)" $'ignored\nblocked'
	stop server
	start pool fdrecv -n 2 ./s show -o shown2 ignored blocked
	limited fdsend -w ./s
	wait_for test -s shown2
	same "$(cat shown2)" $'ignored\nblocked'
	stop pool
}

@test "a caller that ignores SIGCHLD gets its connections served, no zombies" {
	start server with -i CHLD fdlisten -k -n 2 -o address ./a fdecho
	run_limited load -n 30 -c 5 "$(address_of address)"
	is_status 0
	wait_for has 0 children "$pid"
	stop server
	is_status 0
}

@test "a caller that ignores or blocks SIGCHLD gets its messages served" {
	local how

	for how in -i -b; do
		start worker with "$how" CHLD fdrecv -k ./s echo received
		limited fdsend -w ./s
		limited fdsend ./s
		wait_for has 2 grep received worker.out
		wait_for has 0 children "$pid"
		stop worker
		is_status 0
		start pool with "$how" CHLD fdrecv -n 2 ./s echo received
		limited fdsend -w ./s
		limited fdsend ./s
		limited fdsend ./s
		wait_for has 3 grep received pool.out
		stop pool
		is_status 0
	done
}

@test "fdsend does not die by SIGPIPE when the receiver goes away" {
	start receiver foreign receive -x unread ./s
	up ./s
	fails 1 "fdsend: ./s: *" \
		fdsend -s "$(head -c 65536 /dev/zero | tr '\0' x)" ./s
}

@test "no timer of -t runs in COMMAND" {
	start server fdlisten -t 20 ./a show -o shown alarm
	up ./a
	limited client ./a
	ended server
	same "$(cat shown)" "alarm 0"
	start receiver fdrecv -t 20 ./s show -o shown2 alarm
	limited fdsend -w ./s
	ended receiver
	same "$(cat shown2)" "alarm 0"
}
