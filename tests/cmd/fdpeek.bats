# SPDX-License-Identifier: ISC
# fdpeek: what it says of a client, and that COMMAND finds every byte unread.

# $1 and the variables are for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

# Long enough never to be what ends a test.
ages=1000

setup()
{
	common_setup
	corpus=$top_dir/tests/fuzz/corpus/peek
	unset FDPEEK_PROTOCOL FDPEEK_HOST FDPEEK_LINE
}

# What COMMAND is in most tests: a line of what it was told, then what it finds
# in the connection.
tell='printf "%s;%s;%s\n" "$FDPEEK_PROTOCOL" "$FDPEEK_HOST" "$FDPEEK_LINE"; cat'

# serve OPTION...: fdpeek for each connection; its address in $address.
serve()
{
	start server fdlisten -k -o address 127.0.0.1:0 \
		fdpeek "$@" sh -c "$tell"
	address=$(address_of address)
}

# heard: the first line that comes back for what is in the file said, in $line;
# nothing where nothing comes.
heard()
{
	limited speak "$address" <said >answer || :
	line=
	IFS= read -r line <answer || :
}

# is_told TEXT LINE: what fdpeek says of a client who says TEXT, a format of
# printf, and ends.
is_told()
{
	local line

	# shellcheck disable=SC2059
	printf "$1" >said
	heard
	same "$line" "$2" "of $1"
}

# is_for HEADER... HOST: what a request with these headers is for.
is_for()
{
	local request="GET / HTTP/1.1\r\n" header

	for header in "${@:1:$#-1}"; do
		request+="$header\r\n"
	done
	is_told "$request\r\n" "http;${!#};GET / HTTP/1.1"
}

# tells_of NAME LINE: the same of a file of the corpus.
tells_of()
{
	local line

	cp "$corpus/$1" said
	heard
	same "$line" "$2" "$1"
}

@test "each protocol is known by what its client says first" {
	serve -t $ages
	is_told 'SSH-2.0-x\r\n' "ssh;;SSH-2.0-x"
	is_told 'GET / HTTP/1.1\r\nHost: a.b\r\n\r\n' \
		"http;a.b;GET / HTTP/1.1"
	is_told 'PROXY TCP4 1.2.3.4 1.2.3.5 6 7\r\nGET / HTTP/1.0\r\n' \
		"proxy;;PROXY TCP4 1.2.3.4 1.2.3.5 6 7"
	is_told 'PROXY UNKNOWN\r\n' "proxy;;PROXY UNKNOWN"
	is_told '\r\n\r\n\0\r\nQUIT\n' "proxy;;"
	is_told 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' \
		"http;;PRI * HTTP/2.0"
	is_told 'EHLO me\r\n' ";;EHLO me"
	tells_of tls-sni "tls;www.example.org;"
	stop server
}

@test "a client hello may come in pieces, and in records of any length" {
	local file

	serve -t $ages
	tells_of tls-records "tls;www.example.org;"
	tells_of tls-chromium "tls;www.example.org;"
	tells_of tls-one-byte-records "tls;a.b;"
	for file in tls-no-extensions tls-no-name tls-other-name-type \
		tls-bad-length tls-bad-name; do
		tells_of "$file" "tls;;"
	done
	stop server
}

@test "an old or a broken client hello is nothing known" {
	serve -t $ages
	tells_of sslv2-hello ";;"
	# A record of TLS that is an alert; one without a byte; one too long.
	is_told '\025\003\001\0\002\002\050' ";;"
	is_told '\026\003\001\0\0\001' ";;"
	is_told '\026\003\001\377\377\001' ";;"
	# A server hello.
	is_told '\026\003\003\0\004\002\0\0\0' ";;"
	stop server
}

@test "one byte at a time, or over a UNIX socket, tells the same as all at once" {
	local file

	serve -t $ages
	start other fdlisten -k ./a fdpeek -t $ages sh -c "$tell"
	up ./a
	for file in "$corpus"/*; do
		limited speak "$address" <"$file" >whole
		limited speak -b 1 "$address" <"$file" >bytewise
		limited speak ./a <"$file" >unix
		cmp whole bytewise || { echo "$file"; false; }
		cmp whole unix || { echo "$file"; false; }
	done
	stop server
	stop other
}

# unread FILE...: whether COMMAND finds just what is in these files.
unread()
{
	local file

	for file; do
		limited speak "$address" <"$file" >found
		cmp "$file" found || return
		limited speak -b 5 ./a <"$file" >found
		cmp "$file" found || return
	done
}

@test "COMMAND finds every byte unread, whatever they are" {
	local i rounds files

	rounds=$(scaled 5 100)
	start server fdlisten -k -o address 127.0.0.1:0 fdpeek -t 1 cat
	start other fdlisten -k ./a fdpeek -t 1 cat
	address=$(address_of address)
	up ./a
	files=("$corpus"/*)
	unread "${files[@]}"
	for ((i = 0; i < rounds; i++)); do
		head -c $((RANDOM % 3000)) /dev/urandom >random
		unread random
		# What looks like the beginning of something.
		{
			head -c $((RANDOM % 60)) \
				"${files[RANDOM % ${#files[@]}]}"
			cat random
		} >begun
		unread begun
	done
	for i in 16383 16384 16385 300000; do
		head -c $i /dev/zero | tr '\0' x >long
		limited speak "$address" <long >found
		cmp long found
	done
	stop server
	stop other
}

@test "the host of a request is in small letters, without port and final dot" {
	serve -t $ages
	is_for 'Host: www.Example.ORG' www.example.org
	is_for 'hOST:a.b:8080' a.b
	is_for 'Host: a.b.' a.b
	is_for 'Host: a.b.:443' a.b
	is_for 'Host: a.b:' a.b
	is_for 'Host: \t a_b-c.d \t' a_b-c.d
	is_for 'Host: 127.0.0.1:80' 127.0.0.1
	is_for 'Accept: a:b' 'X-Host: no' 'Host: a.b' 'Y: z' a.b
	stop server
}

@test "a host that cannot be used as the name of a file is none" {
	local name

	serve -t $ages
	for name in '' . .. ... ../a a/b /a -a a..b .a 'a b' 'a\tb' '[::1]' \
		'[::1]:80' a:b a:80:90 'a@b' 'a%%00b' 'a\303\251' \
		"$(printf '%0256d' 0)"; do
		is_for "Host: $name" ""
	done
	name=$(printf '%0255d' 0)
	is_for "Host: $name" "$name"
	is_for "Host: $name.:80" "$name"
	stop server
}

@test "two hosts in one request are none, if they differ" {
	serve -t $ages
	is_for 'Host: a.b' 'Host: c.d' ""
	is_for 'Host: a.b' 'Host: c.d' 'Host: a.b' ""
	is_for 'Host: a.b' 'host: A.B:80' a.b
	is_told 'GET http://a.b/x HTTP/1.1\r\nHost: c.d\r\n\r\n' \
		"http;;GET http://a.b/x HTTP/1.1"
	is_told 'GET HTTP://A.b:80?x HTTP/1.1\r\nHost: a.b\r\n\r\n' \
		"http;a.b;GET HTTP://A.b:80?x HTTP/1.1"
	is_told 'GET http://a.b HTTP/1.0\r\n\r\n' \
		"http;a.b;GET http://a.b HTTP/1.0"
	is_told 'GET http://a@b/ HTTP/1.0\r\n\r\n' \
		"http;;GET http://a@b/ HTTP/1.0"
	is_told 'CONNECT a.b:443 HTTP/1.1\r\nHost: a.b:443\r\n\r\n' \
		"http;a.b;CONNECT a.b:443 HTTP/1.1"
	is_told 'GET /http://a.b/ HTTP/1.1\r\nHost: c.d\r\n\r\n' \
		"http;c.d;GET /http://a.b/ HTTP/1.1"
	stop server
}

@test "headers that servers understand differently give no host" {
	serve -t $ages
	is_for 'Host: a.b' ' c.d' ""
	is_for 'X: y' ' Host: c.d' 'Host: a.b' ""
	is_for 'Host : a.b' ""
	is_for 'Host: a.b' 'no header' ""
	is_for 'Host: a.b' ': empty' ""
	is_for 'Host: a.b\rHost: c.d' ""
	is_for 'Host: a.b' 'X: a\0b' ""
	stop server
}

@test "lines may end with LF alone, and a target need not be ASCII" {
	serve -t $ages
	is_told 'GET / HTTP/1.1\nHost: a.b\n\n' "http;a.b;GET / HTTP/1.1"
	is_told 'GET /\303\251 HTTP/1.1\r\nHost: a.b\r\n\r\n' "http;a.b;"
	stop server
}

@test "the first line is told if it is text, up to 8192 bytes" {
	local line

	serve -t $ages
	is_told 'a\tb\n' $';;a\tb'
	is_told '\n' ";;"
	is_told 'a\033[2J\n' ";;"
	is_told 'a\303\251\n' ";;"
	is_told 'a\0b\n' ";;"
	is_told 'SSH-2.0-x\007\r\n' "ssh;;"
	line=$(printf '%08192d' 0)
	is_told "$line\n" ";;$line"
	is_told "${line}0\n" ";;"
	stop server
}

@test "nothing is waited for that cannot change the answer" {
	# These stay, and say no more; the time never runs out.
	serve -t $ages
	local text

	for text in 'SSH-2.0-x\n' '\200' '\r\nx' 'a\001' 'HELP\n' \
		'\026\003\001\0\002\002' '\r\n\r\n\0\r\nQUIT\n' '\303\251' \
		'GET / HTTP/1.1\r\n\r\n' 'GET / HTTP/2.0\r\n' \
		'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n' \
		'GET / HTTP/1.1\r\nHost: a\r\n b\r\n'; do
		# shellcheck disable=SC2059
		printf "$text" >said
		start_from said client speak -e stay "$address"
		wait_for test -s client.out
		stop client
	done
	stop server
}

@test "a silent client is nothing known when the time is over" {
	serve -t 0.2
	start client speak -e stay "$address"
	wait_for grep -qx ';;' client.out
	stop client
	stop server
}

@test "a byte now and then does not prolong the time" {
	serve -t 0.5
	head -c 100000 /dev/zero | tr '\0' x >said
	# It would take hours to say it all.
	start_from said client speak -e stay -b 1 -i 100 "$address"
	start other fdlisten -o other 127.0.0.1:0 fdpeek -t 0.5 touch decided
	start_from said slow speak -e stay -b 1 -i 100 "$(address_of other)"
	wait_for test -e decided
	ended other
	wait_for not_running slow
	stop client
	stop server
}

@test "-t 0 looks at what is there already" {
	start holder fdlisten -l -o address 127.0.0.1:0 \
		sh -c 'until [ -e go ]; do sleep 0.02; done
			exec fdlisten fd:3 fdpeek -t 0 sh -c "$1"' sh "$tell"
	printf 'SSH-2.0-x\n' >said
	start_from said client speak -e stay "$(address_of address)"
	# Until the bytes wait in the connection that nobody has accepted.
	wait_for idle client
	wait_for queued 10
	touch go
	wait_for grep -qx 'ssh;;SSH-2.0-x' client.out
	stop client
	ended holder
}

# queued BYTES: whether so many wait at one of our sockets.
queued()
{
	type -P ss >/dev/null || return 0
	ss -tnH "sport = :$(port_of address)" | awk -v n="$1" '
		$2 == n { found = 1 }
		END { exit !found }'
}

@test "what is known when the time is over is told, the rest is empty" {
	local text line

	serve -t 0.3
	while IFS='>' read -r text expected; do
		# shellcheck disable=SC2059
		printf "$text" >said
		start_from said client speak -e stay "$address"
		wait_for test -s client.out
		IFS= read -r line <client.out || :
		same "$line" "$expected" "$text"
		stop client
	done <<-'END'
	\026\003\001\002\0\001>tls;;
	SSH-2.0>ssh;;
	GET / HTT>;;
	GET / HTTP/1.1\r\nHost: a.b>http;;GET / HTTP/1.1
	GET / HTTP/1.1\r\nHost: a.b\r\nX: y>http;a.b;GET / HTTP/1.1
	END
	stop server
}

@test "the end of what comes decides at once" {
	! built_posix_only || skip "the end shows when the time is over"
	serve -t $ages
	is_told '' ";;"
	is_told 'half a line' ";;"
	is_told 'GET / HTTP/1.1\r\n' "http;;GET / HTTP/1.1"
	stop server
	start server fdlisten -k ./a fdpeek -t $ages sh -c "$tell"
	up ./a
	same "$(printf 'SSH-' | limited speak ./a)" $'ssh;;\nSSH-'
	stop server
}

@test "after -b BYTES it has seen enough" {
	local length line

	printf 'GET / HTTP/1.1\r\nHost: a.b\r\nAccept: c\r\n\r\n' >said
	while read -r length expected; do
		start server fdlisten -o address 127.0.0.1:0 \
			fdpeek -t $ages -b "$length" sh -c "$tell"
		start_from said client speak -e stay "$(address_of address)"
		wait_for test -s client.out
		IFS= read -r line <client.out || :
		same "$line" "$expected" "$length"
		stop client
		ended server
		rm address
	done <<-'END'
	1 ;;
	15 ;;
	16 http;;GET / HTTP/1.1
	26 http;;GET / HTTP/1.1
	27 http;a.b;GET / HTTP/1.1
	1000 http;a.b;GET / HTTP/1.1
	END
	head -c 20000 /dev/zero | tr '\0' x >said
	serve -t $ages
	start_from said client speak -e stay "$address"
	wait_for grep -q '^;;$' client.out
	stop client
	stop server
}

# What COMMAND says of the processor time that its process took, in hundredths
# of a second; most of it would be fdpeek's.
spent='set -- $(sed "s/.*) //" /proc/$$/stat)
	[ $((${12} + ${13})) -lt 20 ] && echo rested || echo "spun $*"
	exec fdecho'

# begin_rest FILE ADDRESS CLIENT...: fdpeek, with what is in the array with before
# it, waits most of a second for this client, who says what is in FILE.
begin_rest()
{
	local file=$1 at=$2 n=${#clients[@]}

	shift 2
	start "server$n" fdlisten -o "address$n" "$at" "${with[@]}" \
		fdpeek -t 0.7 sh -c "$spent"
	clients+=("$*")
	start_from "$file" "client$n" "$@" "$(address_of "address$n")"
}

# all_rest: each of them takes next to no processor time.
all_rest()
{
	local n

	for n in "${!clients[@]}"; do
		wait_for grep -E 'rested|spun' "client$n.out"
		has_line "client$n.out" 'rested*' || {
			echo "${clients[n]}"
			return 1
		}
		stop "client$n"
		ended "server$n"
	done
}

@test "it never spins: a silent client, half a line, a byte at a time" {
	need_linux
	with=()
	clients=()
	printf 'half a line' >half
	begin_rest half 127.0.0.1:0 speak -e stay
	begin_rest half 127.0.0.1:0 speak -e stay -b 1 -i 50
	begin_rest half ./a speak -e stay -b 1 -i 50
	: >silence
	begin_rest silence 127.0.0.1:0 speak -e stay
	begin_rest silence ./b speak -e stay
	all_rest
}

@test "it never spins: urgent data, and a UNIX client that sends descriptors" {
	need_linux
	with=()
	clients=()
	printf 'half a line' >half
	begin_rest half 127.0.0.1:0 speak -e stay -u
	begin_rest half ./a speak -e stay -u
	begin_rest half ./b speak -e stay -f -b 4
	printf x >one
	begin_rest one 127.0.0.1:0 speak -e stay -u
	begin_rest one ./c speak -e stay -u
	all_rest
}

@test "it never spins where the socket wants more bytes to be readable" {
	need_linux
	clients=()
	printf 'half a line' >half
	with=(with -R 0)
	begin_rest half 127.0.0.1:0 speak -e stay
	begin_rest half ./a speak -e stay
	with=(with -N 0)
	begin_rest half 127.0.0.1:0 speak -e stay
	all_rest
}

@test "what a socket that wants more bytes has is known when the time is over" {
	start server fdlisten -o address 127.0.0.1:0 \
		with -R 0 fdpeek -t 0.5 sh -c 'echo "$FDPEEK_LINE"'
	printf 'HELP\n' >said
	start_from said client speak -e stay "$(address_of address)"
	wait_for grep -qx HELP client.out
	ended client || :
	ended server
}

@test "COMMAND runs for a client that resets, and finds the error" {
	! built_posix_only || skip "there a look takes the error"
	start server fdlisten -o address 127.0.0.1:0 \
		sh -c 'until [ -e go ]; do sleep 0.02; done
			exec fdpeek -t 1000 cat'
	: >said
	limited speak -e reset "$(address_of address)" <said
	touch go
	ended server
	is_status 1
	like "$(<server.err)" "cat: *: Connection reset by peer"
}

@test "a reset while it waits ends the waiting" {
	! built_posix_only || skip "the end shows when the time is over"
	start server fdlisten -k -o address 127.0.0.1:0 \
		fdpeek -t $ages sh -c 'echo "<$FDPEEK_PROTOCOL>" >>log'
	printf 'SSH-' >said
	limited speak -e reset "$(address_of address)" <said
	limited speak -b 1 -i 50 -e reset "$(address_of address)" <said
	limited speak -e close "$(address_of address)" <said
	wait_for has 3 cat log
	stop server
}

@test "descriptors that a UNIX client sends are left to COMMAND" {
	start server fdlisten ./a fdpeek -t 0.5 fdrecv -f 5 - show -o shown fds
	up ./a
	limited foreign send -s hello ./a
	ended server
	is_status 0
	same "$(<shown)" "fds 0 1 2 5"
}

@test "COMMAND has the caller's descriptors and flags, and no other" {
	start server fdlisten -o address 127.0.0.1:0 \
		fdpeek -t $ages sh -c 'show -o shown fd; cat'
	printf 'x\n' | limited speak "$(address_of address)"
	ended server
	same "$(grep -c . shown)" 3
	grep -x 'fd 0 tcp rw' shown
	start server fdlisten -o other 127.0.0.1:0 \
		with -N 0 fdpeek -t 0.2 show -o shown fd
	limited speak "$(address_of other)"
	ended server
	grep -x 'fd 0 tcp rw nonblock' shown
}

@test "COMMAND has SIGPIPE at its default, the caller's mask and other signals" {
	start server fdlisten -o address 127.0.0.1:0 \
		with -i PIPE -i INT -b USR1 fdpeek -t $ages \
		show -o shown ignored blocked
	printf 'x\n' | limited speak "$(address_of address)" || :
	ended server
	same "$(<shown)" "ignored INT
blocked USR1"
}

@test "a signal ends it while it waits, as it ends any process" {
	local sig

	for sig in TERM:143 INT:130 HUP:129; do
		start server fdlisten -o address 127.0.0.1:0 fdpeek -t $ages \
			touch reached
		start client speak -e stay "$(address_of address)"
		wait_for is_waiting server
		stop server "${sig%:*}"
		is_status "${sig#*:}"
		ended client
		rm address
	done
	not test -e reached
	same "$(<server.err)" ""
}

# is_waiting NAME: whether it has become fdpeek, and sleeps.
is_waiting()
{
	like "$(ps -o comm= -p "$(process "$1")")" "fdpeek*" >/dev/null &&
		idle "$1"
}

@test "a signal that is ignored does not end it" {
	start server fdlisten -o address 127.0.0.1:0 with -i HUP \
		fdpeek -t $ages sh -c "$tell"
	start client speak -e stay "$(address_of address)"
	wait_for is_waiting server
	signal server HUP
	signal server STOP
	wait_for halted server
	signal server CONT
	wait_for is_waiting server
	stop server
	is_status 143
	ended client
}

@test "what is not a connection is refused by its name" {
	fails 1 "fdpeek: standard input: character device, not a connection (*)" \
		fdpeek true
	fails 1 "fdpeek: standard input: pipe, not a connection (*)" \
		sh -c ': | fdpeek true'
	fails 1 "fdpeek: standard input: regular file, not a connection (*)" \
		sh -c 'echo x >file; fdpeek true <file'
	fails 1 "fdpeek: standard input: listening socket, not a connection (*)" \
		with -L 0 fdpeek true
	fails 1 "fdpeek: standard input: *socket, not a connection (*)" \
		with -P 0 fdpeek true
	fails 1 "fdpeek: standard input: *socket, not a connection (*)" \
		fdpipe fdsend - '|' fdpeek true
	fails 1 "fdpeek: standard input: not open" with -c 0 fdpeek true
}

@test "COMMAND is looked for before anything else" {
	fails 127 "fdpeek: ./no-such-command: command not found" \
		fdpeek ./no-such-command
	: >file
	fails 126 "fdpeek: ./file: cannot be run: *" fdpeek ./file
}

@test "wrong usage is status 2" {
	refuses "fdpeek: COMMAND is missing *" fdpeek
	refuses "fdpeek: -b 0: *" fdpeek -b 0 true
	refuses "fdpeek: -b 65537: *" fdpeek -b 65537 true
	refuses "fdpeek: -t soon: *" fdpeek -t soon true
	refuses "fdpeek: unknown option -x *" fdpeek -x true
}

@test "--help says what each option and operand is, on standard output" {
	run_apart fdpeek --help
	is_status 0
	same "$stderr" ""
	like "$output" "usage: fdpeek *"
	for word in '-b bytes' '-t seconds' '-v ' COMMAND; do
		has 1 grep -- "^  $word" <<<"$output"
	done
}

@test "the environment has what was found, nothing stale, and all else" {
	start server fdlisten -o address 127.0.0.1:0 \
		env FDPEEK_HOST=stale FDPEEK_OTHER=stale FDPEEKS=mine \
		FDRECV_PID=7 fdpeek -t $ages sh -c 'env; cat'
	printf 'SSH-2.0-x\n' | limited speak "$(address_of address)" >vars
	ended server
	grep -x 'FDPEEK_PROTOCOL=ssh' vars
	grep -x 'FDPEEK_HOST=' vars
	grep -x 'FDPEEK_LINE=SSH-2.0-x' vars
	has 3 grep '^FDPEEK_' vars
	grep -x 'FDPEEKS=mine' vars
	grep -x 'FDRECV_PID=7' vars
	grep -x 'PROTO=TCP' vars
	grep '^TCPREMOTEPORT=' vars
}

@test "fdlisten and fdrecv remove what an earlier fdpeek found" {
	export FDPEEK_HOST=stale FDPEEK_PROTOCOL=stale
	start server fdlisten ./a env
	up ./a
	limited client ./a >vars
	ended server
	not grep '^FDPEEK_' vars
	start receiver fdrecv ./s env
	limited fdsend -w ./s
	ended receiver
	not grep '^FDPEEK_' receiver.out
}

@test "it writes nothing, takes nothing, and sets nothing on the socket" {
	need strace
	start server fdlisten -o address 127.0.0.1:0 \
		strace -o calls fdpeek -t $ages true
	printf 'SSH-2.0-x\n' | limited speak -b 1 -i 1 "$(address_of address)" ||
		:
	ended server
	is_status 0
	sed '1d; /^execve/,$d' calls >own
	grep 'recv\(from\)\?(0, .*MSG_PEEK' own
	not grep -E '^(write|send|setsockopt|shutdown|ioctl)' own
	not grep -E 'fcntl\(0, F_SET' own
	grep -E '^(recv|read\(0)' own | not grep -v MSG_PEEK
}

@test "the trace shows each look" {
	start server fdlisten -o address 127.0.0.1:0 \
		fdpeek -v -t $ages true
	printf 'GET / HTTP/1.1\r\nHost: a.b\r\n\r\n' |
		limited speak "$(address_of address)" || :
	ended server
	like "$(grep recv server.err | tail -n 1)" \
		'*fdpeek?*: recv(0, MSG_PEEK) = 29 bytes, "GET /*": http for a.b'
	grep -q 'exec(.*/true)' server.err
	start server fdlisten -o another 127.0.0.1:0 fdpeek -v -b 1 true
	printf 'G' | limited speak "$(address_of another)" || :
	ended server
	has_line server.err '*fdpeek?*: recv(0, MSG_PEEK) = 1 byte, "G": unknown'
}

@test "workers that receive from a pipeline peek" {
	start server sh -c 'fdlisten -k -o address 127.0.0.1:0 |
		fdrecv -n 4 - fdpeek -t 5 sh -c "$1"' sh "$tell"
	address=$(address_of address)
	is_told 'SSH-2.0-x\n' "ssh;;SSH-2.0-x"
	for _ in {1..20}; do
		is_told 'GET / HTTP/1.0\r\nHost: a.b\r\n\r\n' \
			"http;a.b;GET / HTTP/1.0"
	done
	# A group of its own could be told; the pipeline ends with its source.
	stop server
	# shellcheck disable=SC2046
	kill $(ours)
}

@test "one port, several services, and nobody in between" {
	mkdir tls
	start ssh fdrecv -n 2 ./ssh sh -c 'echo this is ssh; cat'
	start web fdrecv -n 2 ./tls/www.example.org sh -c 'echo this is www'
	start http fdrecv -n 2 ./http sh -c 'echo this is http; cat'
	up ./ssh && up ./tls/www.example.org && up ./http
	start server fdlisten -k -o address 127.0.0.1:0 fdpeek -t 0.5 sh -c '
		case $FDPEEK_PROTOCOL in
		ssh) exec fdsend -t 2 ./ssh ;;
		tls) exec fdsend -t 2 "./tls/$FDPEEK_HOST" ;;
		*) exec fdsend -t 2 ./http ;;
		esac'
	address=$(address_of address)
	same "$(printf 'SSH-2.0-x\n' | limited speak "$address")" \
		"this is ssh
SSH-2.0-x"
	same "$(limited speak "$address" <"$corpus/tls-sni")" "this is www"
	is_told 'GET / HTTP/1.0\r\n\r\n' "this is http"
	is_told '' "this is http"
	# A name that a client invented leads nowhere.
	run_limited speak "$address" <"$corpus/tls-bad-name"
	wait_for has 0 children "$(process server)"
	same "$(wc -l <server.err)" 1
	: >server.err
	stop server
	stop ssh
	stop web
	stop http
}
