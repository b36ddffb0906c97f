# SPDX-License-Identifier: ISC
# fdrecv -k and -n: workers and pools, COMMANDs and senders that misbehave, and the
# end by SIGTERM.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers
load ../lib/serving

random()
{
	head -c "$1" /dev/urandom >sent
}

# silent_sender: a worker that has accepted from one who says nothing.
silent_sender()
{
	local before

	need_proc
	start worker fdrecv -k ./s echo received
	up ./s
	before=$(descriptors "$pid")
	start silent foreign send -S ./s
	wait_for more_descriptors "$before" "$(process worker)"
}

more_descriptors()
{
	[ "$(descriptors "$2")" -gt "$1" ]
}

# other_than FILE WORKER: another one, which it writes into FILE.
other_than()
{
	local worker

	worker=$(children "$(process pool)")
	[ -n "$worker" ] && [ "$worker" != "$2" ] && echo "$worker" >"$1"
}

# --- bytes

@test "a megabyte comes back through a pool, half-closed by the client" {
	random 1048576
	start pool fdrecv -n 3 ./pool fdecho
	start server fdlisten -k -o address 127.0.0.1:0 fdsend -w ./pool
	limited client "$(address_of address)" <sent >back
	cmp sent back
	stop server
	is_status 0
	stop pool
	is_status 0
	same "$(cat server.err pool.err)" ""
}

# --- clients that misbehave

@test "a client that resets in the middle does not disturb a pool" {
	random 10485760
	start pool fdrecv -n 2 ./pool fdecho
	start server fdlisten -k -o address 127.0.0.1:0 fdsend -w ./pool
	for _ in 1 2 3; do
		limited client -r 100000 "$(address_of address)" <sent
		same "$(echo hello | limited client "$(<address)")" hello
	done
	stop server
	is_status 0
	stop pool
	is_status 0
}

@test "a sender that connects and closes is ignored" {
	start receiver fdrecv ./s echo received
	up ./s
	limited foreign send -b 0 -n 0 ./s
	limited foreign send -b 0 -n 0 ./s
	limited fdsend ./s
	ended receiver
	is_status 0
	same "$(<receiver.out)" received
	same "$(<receiver.err)" ""
}

@test "a sender that stays silent is closed, and holds up nobody for long" {
	silent_sender
	limited fdsend ./s
	wait_for grep -qx received worker.out
	ended silent
	one_line silent.out
	stop worker
	is_status 0
}

@test "a sender that has sent nothing yet at SIGTERM may try again" {
	silent_sender
	stop worker
	is_status 0
	ended silent
	# r, for "not now".
	same "$(<silent.out)" "answer 114"
}

@test "a silent sender holds up one worker of a pool, not the others" {
	start pool fdrecv -n 2 ./s echo received
	up ./s
	start silent foreign send -S ./s
	for _ in 1 2 3 4 5; do
		limited fdsend ./s
	done
	wait_for has 5 grep received pool.out
	# Before COMMAND runs, who has sent nothing yet is sent elsewhere.
	ended silent
	same "$(<silent.out)" "answer 114"
	stop pool
	is_status 0
}

# --- COMMANDs that misbehave

@test "a COMMAND that dies by a signal does not disturb a worker" {
	# shellcheck disable=SC2016
	start worker fdrecv -k ./s sh -c 'echo received; kill -SEGV $$'
	up ./s
	limited fdsend ./s
	limited fdsend ./s
	wait_for has 2 grep received worker.out
	stop worker
	is_status 0
}

@test "a COMMAND that dies by a signal does not disturb a pool" {
	# shellcheck disable=SC2016
	start pool fdrecv -n 2 ./s sh -c 'echo received; kill -KILL $$'
	up ./s
	for _ in 1 2 3 4 5 6; do
		limited fdsend ./s
	done
	wait_for has 6 grep received pool.out
	stop pool
	is_status 0
}

@test "a COMMAND that runs for ever holds up one worker of a pool" {
	start pool fdrecv -n 2 ./pool sh -c "$cat_or_answer"
	start server fdlisten -k ./a fdsend -w ./pool
	up ./a
	hold holder ./a stay
	wait_for grep -q staying holder.out
	same "$(echo two | limited client ./a)" "served two"
	same "$(echo three | limited client ./a)" "served three"
	stop holder
	stop server
	is_status 0
	stop pool
	is_status 0
}

@test "a COMMAND that ends while its child lives on holds up no worker" {
	start worker fdrecv -k ./pool \
		sh -c "exec 3<&0; { $cat_or_answer; } <&3 &"
	start server fdlisten -k ./a fdsend -w ./pool
	up ./a
	hold holder ./a stay
	wait_for grep -q staying holder.out
	same "$(echo two | limited client ./a)" "served two"
	stop holder
	stop server
	stop worker
	is_status 0
}

# --- limits

@test "fdrecv -n runs that many at once, and no more" {
	local most

	mkdir run
	# shellcheck disable=SC2016
	start pool fdrecv -n 3 ./pool sh -c '
		>run/$$; ls run | wc -l >>most; fdecho; rm run/$$'
	start server fdlisten -k -o address ./a fdsend -w ./pool
	run_limited load -n 60 -c 12 "$(address_of address)"
	is_status 0
	most=$(sort -n most | tail -n 1)
	[ "$most" -le 3 ]
	[ "$most" -ge 2 ]
	stop server
	stop pool
	is_status 0
}

@test "all workers of a pool are started before the first message" {
	start pool fdrecv -n 7 ./s true
	wait_for has 7 children "$pid"
	stop pool
	is_status 0
}

@test "fdrecv -k runs one COMMAND after the other" {
	mkfifo first second
	# shellcheck disable=SC2016
	start worker fdrecv -k ./s sh -c 'echo "begin $FDRECV_PAYLOAD"
		read -r x <"$FDRECV_PAYLOAD"; echo end'
	up ./s
	limited fdsend -s first ./s
	start second fdsend -s second ./s
	wait_for grep -q begin worker.out
	limited sh -c 'echo >first'
	wait_for grep -q second worker.out
	limited sh -c 'echo >second'
	wait_for has 4 cat worker.out
	same "$(<worker.out)" $'begin first\nend\nbegin second\nend'
	ended second
	is_status 0
	stop worker
	is_status 0
}

@test "a worker of a pool that was killed is replaced" {
	local worker

	start pool fdrecv -n 2 ./s echo received
	wait_for has 2 children "$pid"
	worker=$(children "$pid" | head -n 1)
	kill -KILL "$worker"
	wait_for not kill -0 "$worker"
	wait_for has 2 children "$pid"
	for _ in 1 2 3 4; do
		limited fdsend ./s
	done
	wait_for has 4 grep received pool.out
	stop pool
	is_status 0
}

@test "a worker that dies and dies is replaced once a second at most" {
	local began

	start pool fdrecv -n 1 ./s true
	wait_for other_than first none
	began=$(date +%s%3N)
	kill -KILL "$(<first)"
	wait_for other_than second "$(cat first)"
	kill -KILL "$(<second)"
	wait_for other_than third "$(cat second)"
	[ $(($(date +%s%3N) - began)) -ge 1000 ]
	stop pool
	is_status 0
}

@test "a worker of a pool that was ended by SIGTERM is replaced" {
	local worker

	start pool fdrecv -n 2 ./s echo received
	wait_for has 2 children "$pid"
	children "$pid" >workers
	while read -r worker; do
		kill "$worker"
	done <workers
	while read -r worker; do
		wait_for not kill -0 "$worker"
	done <workers
	wait_for has 2 children "$pid"
	limited fdsend ./s
	wait_for has 1 grep received pool.out
	stop pool
	is_status 0
}

# --- the end

@test "an idle worker ends at once by SIGTERM" {
	start worker fdrecv -k ./s true
	up ./s
	stop worker
	is_status 0
	fails 1 "fdsend: ./s: *" fdsend ./s
}

@test "a busy worker finishes what it holds after SIGTERM" {
	start worker fdrecv -k ./pool sh -c "$cat_or_answer"
	start server fdlisten ./a fdsend -w ./pool
	up ./a
	hold holder ./a stay
	wait_for grep -q staying holder.out
	signal worker
	wait_for not test -e ./pool
	running worker
	echo "still here" >holder.in
	wait_for grep -qx "still here" holder.out
	stop holder
	ended worker
	is_status 0
}

@test "a busy pool finishes what it holds after SIGTERM" {
	start pool fdrecv -n 3 ./pool sh -c "$cat_or_answer"
	start server fdlisten -k ./a fdsend -w ./pool
	up ./a
	hold one ./a stay
	hold two ./a stay
	wait_for grep -q staying one.out
	wait_for grep -q staying two.out
	signal pool
	wait_for not test -e ./pool
	running pool
	echo "still here" >one.in
	wait_for grep -qx "still here" one.out
	stop one
	running pool
	echo "still here" >two.in
	wait_for grep -qx "still here" two.out
	stop two
	ended pool
	is_status 0
	stop server
}

@test "SIGTERM to an idle pool leaves no worker" {
	local worker

	start pool fdrecv -n 5 ./s true
	wait_for has 5 children "$pid"
	children "$pid" >workers
	stop pool
	is_status 0
	while read -r worker; do
		not kill -0 "$worker"
	done <workers
}

@test "a pool that is killed leaves no worker" {
	local worker

	need_linux
	start pool fdrecv -n 5 ./s true
	wait_for has 5 children "$pid"
	children "$pid" >workers
	stop pool KILL
	leaves_sockets
	while read -r worker; do
		wait_for not kill -0 "$worker"
	done <workers
}

@test "a message that was taken at SIGTERM is served" {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		start pool fdrecv -n 2 ./s echo received
		up ./s
		start sender fdsend ./s
		signal pool
		ended sender
		sent=$status
		ended pool
		is_status 0
		if [ "$sent" = 0 ]; then
			same "$(<pool.out)" received
		else
			same "$(<pool.out)" ""
		fi
	done
}

# --- -t, signals

@test "fdrecv -k ends with 0 by SIGTERM" {
	start worker fdrecv -k ./s true
	up ./s
	limited fdsend -w ./s
	stop worker
	is_status 0
}

@test "fdrecv -n ends with 0 by SIGTERM" {
	start pool fdrecv -n 3 ./s true
	up ./s
	limited fdsend -w ./s
	stop pool
	is_status 0
}

@test "fdrecv -k -t ends with 124 when nothing comes any more" {
	start worker fdrecv -k -t 0.3 ./s echo received
	limited fdsend -w ./s
	ended worker
	is_status 124
	same "$(<worker.out)" received
	not test -e ./s
}

@test "fdrecv -n -t ends with 124 when nothing comes" {
	run_limited fdrecv -n 2 -t 0.1 ./s true
	is_status 124
	not test -e ./s
}

@test "fdrecv -t is not the time that COMMAND may take" {
	start worker fdrecv -k -t 0.2 ./s sh -c 'sleep 0.5; echo done'
	limited fdsend -w ./s
	ended worker
	is_status 124
	same "$(<worker.out)" "done"
}

@test "fdrecv -k and -n die by INT and HUP, their socket removed" {
	dies_by INT 2 ./s fdrecv -k ./s true
	dies_by HUP 1 ./s fdrecv -k ./s true
	dies_by INT 2 ./s fdrecv -n 2 ./s true
	dies_by HUP 1 ./s fdrecv -n 2 ./s true
}

# --- -n

@test "fdrecv -n implies -k" {
	start receiver fdrecv -n 1 ./s echo received
	limited fdsend -w ./s
	limited fdsend -w ./s
	wait_for has 2 cat receiver.out
	stop receiver
	is_status 0
}
