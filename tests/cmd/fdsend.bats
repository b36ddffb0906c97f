# SPDX-License-Identifier: ISC
# fdsend: what is sent (-f, -s), and that the sender is told what became of it
# (-w, -d, -t).

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers
load ../lib/command
load ../lib/trace

send_closed()
{
	start receiver fdrecv ./s cat
	up ./s
	limited with "${closed[@]}" fdsend -f 5 ./s 5<file
	ended receiver
	is_status 0
	same "$(<receiver.out)" hello
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

# copies N: the options to send or take N descriptors, in the array $copies.
copies()
{
	local i

	copies=()
	for ((i = 0; i < $1; i++)); do
		copies+=(-f "${2:-0}")
	done
}

receiver()
{
	start receiver fdrecv "$@"
	up ./s
}

served()
{
	ended receiver
	is_status 0
}

# --- what became of it

@test "fdsend ends with 1 when nobody is there" {
	fails 1 "fdsend: ./s: *: No such file or directory" fdsend ./s
}

@test "fdsend does not die by SIGPIPE when the receiver goes away" {
	start receiver foreign receive -x unread ./s
	up ./s
	fails 1 "fdsend: ./s: *" \
		fdsend -s "$(head -c 65536 /dev/zero | tr '\0' x)" ./s
}

@test "fdsend ends with 0 when the receiver answered that it has taken it" {
	start receiver foreign receive -x taken ./s
	up ./s
	run_limited fdsend ./s
	is_status 0
	same "$output" ""
}

@test "fdsend ends with 0 when a foreign receiver took it without answer" {
	start receiver foreign receive -x end ./s
	up ./s
	run_limited fdsend ./s
	is_status 0
	same "$output" ""
}

@test "fdsend ends with 1 when the receiver refused" {
	start receiver foreign receive -x refused ./s
	up ./s
	fails 1 "fdsend: ./s: *refused*" fdsend ./s
}

@test "fdsend ends with 1 when the receiver closed without reading" {
	start receiver foreign receive -x unread ./s
	up ./s
	fails 1 "fdsend: ./s: *" fdsend ./s
}

@test "a sender that waits for the answer gets it when COMMAND starts" {
	start receiver fdrecv -k ./s cat
	listens ./s
	kill -STOP "$pid"
	echo hello >file
	start_from file sender fdsend ./s
	signal receiver CONT
	ended sender
	is_status 0
	wait_for grep -qx hello receiver.out
	stop receiver
}

# --- -t, signals

@test "fdsend -t ends with 124 when no answer comes" {
	start silent foreign receive -x silent ./s
	up ./s
	run_limited fdsend -t 0.2 ./s
	is_status 124
}

@test "fdsend -w -t ends with 124 when nobody comes" {
	run_limited fdsend -w -t 0.2 ./s
	is_status 124
}

@test "fdsend -w dies by the signal that ends it" {
	dies_by TERM 15 none fdsend -w ./s
	dies_by INT 2 none fdsend -w ./s
	dies_by HUP 1 none fdsend -w ./s
}

@test "fdsend dies by the signal that ends it while it waits for the answer" {
	start silent foreign receive -x silent ./s
	up ./s
	start sender how result fdsend ./s
	wait_for test -s silent.out
	stop sender
	same "$(<result)" "signal 15"
}

# --- -f

@test "fdsend sends another descriptor with 0, 1, 2 closed" {
	echo hello >file
	each_closing send_closed
}

@test "a closed 0, 1 or 2 counts as closed: it is not sent" {
	start receiver fdrecv -k ./s touch ran
	up ./s
	each_closing send_the_closed
	fails 1 "fdsend: *0*not open" with -c 0 fdsend ./s
	stop receiver
	is_status 0
	same "$(<receiver.err)" ""
}

@test "O_NONBLOCK is not changed on what is passed on" {
	echo hello >file
	start receiver fdrecv ./s show -o shown fd
	up ./s
	limited with -N 0 fdsend ./s <file
	ended receiver
	grep -x "fd 0 file r nonblock" shown
}

@test "a descriptor that is not open" {
	start receiver fdrecv -k ./s touch ran
	up ./s
	fails 1 "fdsend: *99*" fdsend -f 99 ./s
	fails 1 "fdsend: *99*" fdsend -f 0 -f 99 ./s
	fails 1 "fdsend: *2000000000*" fdsend -f 2000000000 ./s
	stop receiver
	is_status 0
	same "$(<receiver.err)" ""
	not test -e ran
}

@test "a descriptor that is not open is found before the socket is opened" {
	fails 1 "fdsend: *99*" fdsend -w -f 99 ./nobody
}

@test "254 descriptors are refused before anything is sent" {
	receiver -k ./s true
	copies 254
	refuses "fdsend: *253*" fdsend "${copies[@]}" ./s
	stop receiver
	is_status 0
	same "$(<receiver.err)" ""
}

# --- -v

@test "fdsend -v shows sendmsg" {
	start receiver fdrecv ./s cat
	up ./s
	limited fdsend -v ./s 2>sender.err
	ended receiver
	same "$(<receiver.err)" ""
	all_lines sender.err
	step S7 sendmsg sender.err fdsend
}

# --- -s

@test "no -s is a payload of a single NUL" {
	start receiver foreign receive ./s
	up ./s
	limited fdsend ./s
	ended receiver
	same "$(<receiver.out)" 'descriptors 1 bytes 1 payload \0'
}

@test "a payload of 0 bytes arrives as none" {
	# shellcheck disable=SC2016
	receiver ./s sh -c 'echo "<$FDRECV_PAYLOAD>"'
	limited fdsend -s '' ./s
	served
	same "$(<receiver.out)" "<>"
}

@test "a payload of 1 byte arrives" {
	# shellcheck disable=SC2016
	receiver ./s sh -c 'echo "<$FDRECV_PAYLOAD>"'
	limited fdsend -s x ./s
	served
	same "$(<receiver.out)" "<x>"
}

@test "a payload of 65,536 bytes arrives" {
	# shellcheck disable=SC2016
	receiver ./s sh -c 'printf %s "$FDRECV_PAYLOAD" >payload'
	head -c 65536 /dev/zero | tr '\0' y >expected
	limited fdsend -s "$(cat expected)" ./s
	served
	cmp expected payload
}

@test "a payload of 65,537 bytes is refused before anything is sent" {
	receiver -k ./s true
	refuses "fdsend: *65536*" fdsend \
		-s "$(head -c 65537 /dev/zero | tr '\0' y)" ./s
	stop receiver
	is_status 0
	same "$(<receiver.err)" ""
}

@test "a payload of 65,537 bytes is refused by the receiver" {
	receiver -k ./s touch ran
	run_limited foreign send -b 65537 ./s
	not same "$output" "answer 0"
	limited foreign send -b 65536 ./s
	wait_for test -e ran
	one_line receiver.err
	stop receiver
	is_status 0
}

@test "a payload with newlines and spaces arrives as it is" {
	# shellcheck disable=SC2016
	receiver ./s sh -c 'printf %s "$FDRECV_PAYLOAD" >payload'
	printf ' one\n\ttwo  \n\n= "three"\n' >expected
	limited fdsend -s $' one\n\ttwo  \n\n= "three"\n' ./s
	served
	cmp expected payload
}

@test "a payload that is not text arrives as it is" {
	# shellcheck disable=SC2016
	receiver ./s sh -c 'printf %s "$FDRECV_PAYLOAD" >payload'
	printf '\377\200\001' >expected
	limited fdsend -s $'\377\200\001' ./s
	served
	cmp expected payload
}

@test "a payload with a NUL leaves FDRECV_PAYLOAD empty" {
	receiver ./s sh -c 'printenv FDRECV_PAYLOAD && echo set'
	same "$(limited foreign send -s 'a\0b' ./s)" "answer 0"
	served
	same "$(<receiver.out)" $'\nset'
}

# --- -w, -d

@test "fdsend -w tries again when the receiver closed without reading" {
	start unread foreign receive -x unread ./s
	up ./s
	start sender fdsend -w ./s
	ended unread
	start receiver fdrecv ./s echo received
	ended receiver
	same "$(<receiver.out)" received
	ended sender
	is_status 0
	same "$(<sender.err)" ""
}

@test "fdsend -w does not try again what may have been taken in part" {
	start unread foreign receive -x unread ./s
	up ./s
	fails 1 "fdsend: ./s: *" fdsend -w -s "more than one byte" ./s
}

@test "fdsend -w tries again while the receiver refuses connections" {
	start dead fdrecv ./s true
	up ./s
	stop dead KILL
	start sender fdsend -w ./s
	start receiver fdrecv ./s echo received
	ended receiver
	same "$(<receiver.out)" received
	ended sender
	is_status 0
}

@test "fdsend -d leaves the message and does not wait for an answer" {
	start receiver fdrecv -k ./s cat
	listens ./s
	kill -STOP "$pid"
	echo hello >file
	limited fdsend -d ./s <file
	kill -CONT "$pid"
	wait_for grep -qx hello receiver.out
	stop receiver
	is_status 0
	same "$(<receiver.err)" ""
}
