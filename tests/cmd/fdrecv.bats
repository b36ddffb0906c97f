# How many descriptors and how much payload one message carries, and that the
# sender is told what became of it.

load ../lib/helpers

# copies N: the options to send or take N descriptors, in the array $copies.
copies()
{
	local i

	copies=()
	for ((i = 0; i < $1; i++)); do
		copies+=(-f "${2:-0}")
	done
}

# targets N: the options to put N descriptors at 3, 4, ... in $targets.
targets()
{
	local i

	targets=()
	for ((i = 3; i < $1 + 3; i++)); do
		targets+=(-f "$i")
	done
}

receiver()
{
	start receiver fdrecv "$@"
	up ./s
}

# baseline: how many descriptors a worker has open after its first message.
baseline()
{
	limited fdsend ./s
	wait_for grep -q received receiver.out
	wait_for idle receiver
	before=$(descriptors "$(process receiver)")
}

as_before()
{
	idle receiver && [ "$(descriptors "$(process receiver)")" = "$before" ]
}

served()
{
	ended receiver
	is_status 0
}

@test "one descriptor lands on the number that was asked for" {
	receiver -f 5 ./s show -o shown fds
	limited fdsend ./s
	served
	same "$(cat shown)" "fds 0 1 2 5"
}

@test "one descriptor lands on 0, 1 or 2 if that was asked for" {
	local fd

	echo hello >file
	for fd in 0 1 2; do
		receiver -f "$fd" ./s show -o "shown.$fd" fd
		limited fdsend ./s <file
		served
		grep -x "fd $fd file r" "shown.$fd"
	done
}

@test "two descriptors land in the order of the numbers" {
	receiver -f 9 -f 5 ./s sh -c 'cat <&9 && cat <&5'
	echo a >a
	echo b >b
	limited fdsend -f 6 -f 7 ./s 6<a 7<b
	served
	same "$(cat receiver.out)" $'a\nb'
}

@test "the order of the sender's numbers is kept" {
	receiver -f 5 -f 6 ./s sh -c 'cat <&5 && cat <&6'
	echo a >a
	echo b >b
	limited fdsend -f 7 -f 6 ./s 6<a 7<b
	served
	same "$(cat receiver.out)" $'b\na'
}

@test "descriptors that arrive on each other's numbers are not mixed up" {
	receiver -f 6 -f 5 -f 4 -f 3 ./s \
		sh -c 'cat <&6 && cat <&5 && cat <&4 && cat <&3'
	for i in a b c d; do
		echo "$i" >"$i"
	done
	limited fdsend -f 5 -f 6 -f 7 -f 8 ./s 5<a 6<b 7<c 8<d
	served
	same "$(cat receiver.out)" $'a\nb\nc\nd'
}

@test "the same descriptor may be sent twice" {
	receiver -f 5 -f 6 ./s sh -c 'cat <&5 && cat <&6'
	echo hello >file
	limited fdsend -f 0 -f 0 ./s <file
	served
	same "$(cat receiver.out)" hello
}

@test "what the caller had on a wanted number is replaced" {
	echo old >old
	echo new >new
	start receiver sh -c 'exec fdrecv -f 5 ./s cat /dev/fd/5 5<old'
	up ./s
	limited fdsend ./s <new
	served
	same "$(cat receiver.out)" new
}

@test "-a takes one descriptor, announced" {
	# shellcheck disable=SC2016
	receiver -a ./s sh -c 'echo "$LISTEN_FDS"; cat <&3
		[ "$LISTEN_PID" = $$ ] && echo mine'
	echo hello >file
	limited fdsend ./s <file
	served
	same "$(cat receiver.out)" $'1\nhello\nmine'
}

@test "-a takes two descriptors, from 3 up" {
	receiver -a ./s show -o shown fds
	limited fdsend -f 0 -f 0 ./s
	served
	same "$(cat shown)" "fds 0 1 2 3 4"
}

@test "-a announces to the process that is COMMAND in a worker too" {
	# shellcheck disable=SC2016
	receiver -ak ./s sh -c '[ "$LISTEN_PID" = $$ ] && echo "$LISTEN_FDS"'
	limited fdsend -f 0 -f 0 ./s
	wait_for grep -qx 2 receiver.out
	stop receiver
	is_status 0
}

@test "253 descriptors arrive with -a" {
	# shellcheck disable=SC2016
	receiver -a ./s sh -c 'echo "$LISTEN_FDS"; exec show -o shown fds'
	copies 253
	limited fdsend "${copies[@]}" ./s
	served
	same "$(cat receiver.out)" 253
	same "$(cat shown)" "fds $(seq -s ' ' 0 255)"
}

@test "253 descriptors arrive with -f" {
	targets 253
	receiver "${targets[@]}" ./s show -o shown fds
	copies 253
	limited fdsend "${copies[@]}" ./s
	served
	same "$(cat shown)" "fds $(seq -s ' ' 0 255)"
}

@test "254 descriptors are refused before anything is sent" {
	receiver -k ./s true
	copies 254
	refuses "fdsend: *253*" fdsend "${copies[@]}" ./s
	stop receiver
	is_status 0
	same "$(cat receiver.err)" ""
}

@test "254 numbers to put descriptors on are refused" {
	targets 254
	refuses "fdrecv: *253*" fdrecv "${targets[@]}" ./s true
	not test -e ./s
}

@test "two descriptors for one place are refused, and the sender is told" {
	receiver ./s touch ran
	fails 1 "fdsend: ./s: *refused*" fdsend -f 0 -f 0 ./s
	ended receiver
	is_status 1
	one_line receiver.err
	like "$(cat receiver.err)" "fdrecv: ./s: *2 descriptors*"
	not test -e ran
	not test -e ./s
}

@test "one descriptor for two places is refused, and the sender is told" {
	receiver -f 5 -f 6 ./s touch ran
	fails 1 "fdsend: ./s: *refused*" fdsend ./s
	ended receiver
	is_status 1
	one_line receiver.err
	like "$(cat receiver.err)" "fdrecv: ./s: *1 descriptor*"
	not test -e ran
}

@test "a message without descriptors is refused, and the sender is told" {
	receiver ./s touch ran
	run_limited foreign send -n 0 -s hello ./s
	like "$output" "answer *"
	not same "$output" "answer 0"
	ended receiver
	is_status 1
	one_line receiver.err
	not test -e ran
}

@test "no descriptor stays open in a worker that refused" {
	local before

	need_proc
	receiver -k ./s echo received
	baseline
	copies 253
	for _ in 1 2 3; do
		fails 1 "fdsend: *refused*" fdsend "${copies[@]}" ./s
		fails 1 "fdsend: *refused*" sh -c 'exec fdsend ./s <.'
		limited foreign send -n 0 ./s
		limited foreign send -n 2 ./s
	done
	limited fdsend ./s
	wait_for has 2 grep received receiver.out
	wait_for as_before
	stop receiver
	is_status 0
}

@test "a refused pipe is closed on both sides: its reader gets the end" {
	mkfifo pipe
	start_from pipe reader cat
	receiver -k ./s true
	run_limited sh -c 'exec fdsend -f 5 -f 5 ./s 5>pipe'
	is_status 1
	ended reader
	is_status 0
	stop receiver
}

@test "a worker keeps none of the descriptors that it handed to COMMAND" {
	local before

	need_proc
	receiver -ak ./s echo received
	baseline
	copies 253
	limited fdsend "${copies[@]}" ./s
	limited fdsend -f 0 -f 0 ./s
	wait_for has 3 grep received receiver.out
	wait_for as_before
	stop receiver
}

@test "without room for the descriptors they are refused, the next is served" {
	local before

	need_proc
	start receiver with -l 20 fdrecv -ak ./s echo received
	up ./s
	baseline
	copies 100
	fails 1 "fdsend: *refused*" fdsend "${copies[@]}" ./s
	limited fdsend ./s
	wait_for has 2 grep received receiver.out
	wait_for as_before
	one_line receiver.err
	stop receiver
	is_status 0
}

@test "no -s is a payload of a single NUL" {
	start receiver foreign receive ./s
	up ./s
	limited fdsend ./s
	ended receiver
	same "$(cat receiver.out)" 'descriptors 1 bytes 1 payload \0'
}

@test "a payload of 0 bytes arrives as none" {
	# shellcheck disable=SC2016
	receiver ./s sh -c 'echo "<$FDRECV_PAYLOAD>"'
	limited fdsend -s '' ./s
	served
	same "$(cat receiver.out)" "<>"
}

@test "a payload of 1 byte arrives" {
	# shellcheck disable=SC2016
	receiver ./s sh -c 'echo "<$FDRECV_PAYLOAD>"'
	limited fdsend -s x ./s
	served
	same "$(cat receiver.out)" "<x>"
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
	same "$(cat receiver.err)" ""
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
	same "$(cat receiver.out)" $'\nset'
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

@test "fdsend -w tries again when the receiver closed without reading" {
	start unread foreign receive -x unread ./s
	up ./s
	start sender fdsend -w ./s
	ended unread
	start receiver fdrecv ./s echo received
	ended receiver
	same "$(cat receiver.out)" received
	ended sender
	is_status 0
	same "$(cat sender.err)" ""
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
	same "$(cat receiver.out)" received
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
	same "$(cat receiver.err)" ""
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
