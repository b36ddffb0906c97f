# SPDX-License-Identifier: ISC
# What all commands do alike: the syntax of options, --help and --version, wrong
# usage, names and numbers that are none, COMMAND that cannot be run, the trace.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers
load ../lib/command
load ../lib/trace

# --- 0

@test "fdlisten, fdrecv, fdsend and fdecho end with 0 when all went well" {
	start receiver fdrecv ./s fdecho
	start server fdlisten -o address 127.0.0.1:0 fdsend -w ./s
	same "$(echo hello | limited client "$(address_of address)")" hello
	ended receiver
	is_status 0
	ended server
	is_status 0
	same "$(cat receiver.err server.err)" ""
}

# --- 2, the usage

@test "a missing operand is wrong usage" {
	refuses "fdlisten: *fdlisten --help*" fdlisten
	refuses "fdlisten: *fdlisten --help*" fdlisten -k
	refuses "fdsend: *fdsend --help*" fdsend
	refuses "fdsend: *fdsend --help*" fdsend -w
	refuses "fdrecv: *fdrecv --help*" fdrecv
	refuses "fdrecv: *fdrecv --help*" fdrecv -k
}

@test "an unknown option is wrong usage" {
	refuses "fdlisten: *fdlisten --help*" fdlisten -Z 127.0.0.1:0 true
	refuses "fdsend: *fdsend --help*" fdsend -Z ./s
	refuses "fdrecv: *fdrecv --help*" fdrecv -Z ./s true
	refuses "fdecho: *fdecho --help*" fdecho -Z
}

@test "an option of another command is wrong usage" {
	refuses "fdlisten: *fdlisten --help*" fdlisten -w 127.0.0.1:0 true
	refuses "fdsend: *fdsend --help*" fdsend -k ./s
	refuses "fdrecv: *fdrecv --help*" fdrecv -w ./s true
	refuses "fdecho: *fdecho --help*" fdecho -k
}

@test "an unknown long option is wrong usage" {
	refuses "fdlisten: *fdlisten --help*" fdlisten --keep 127.0.0.1:0 true
	refuses "fdsend: *fdsend --help*" fdsend --wait ./s
	refuses "fdrecv: *fdrecv --help*" fdrecv --keep ./s true
	refuses "fdecho: *fdecho --help*" fdecho --fast
}

@test "an option without its argument is wrong usage" {
	refuses "fdlisten: *fdlisten --help*" fdlisten -t
	refuses "fdsend: *fdsend --help*" fdsend -s
	refuses "fdrecv: *fdrecv --help*" fdrecv -n
	refuses "fdecho: *fdecho --help*" fdecho -n
}

@test "an operand too many is wrong usage" {
	refuses "fdsend: *fdsend --help*" fdsend ./s ./t
	refuses "fdecho: *fdecho --help*" fdecho ./s ./t
}

@test "--help is the usage on standard output" {
	local name

	for name in fdlisten fdsend fdrecv fdecho; do
		run_apart "$name" --help
		is_status 0
		like "$output" "usage: $name *"
		same "$stderr" ""
	done
}

@test "--version is a line on standard output" {
	local name

	for name in fdlisten fdsend fdrecv fdecho; do
		run_apart "$name" --version
		is_status 0
		like "$output" "*[0-9].[0-9]*"
		same "${#lines[@]}" 1
		same "$stderr" ""
	done
}

@test "--help and --version after the first argument are none" {
	run_apart fdrecv ./s --help
	is_status 127
	run_apart fdlisten ./s --version
	is_status 127
	run_apart fdsend ./s --help
	is_status 2
	same "$output" ""
}

# --- 126 and 127

@test "a COMMAND that is not there ends with 127" {
	fails 127 "fdlisten: nosuch: *" fdlisten ./a nosuch
	fails 127 "fdlisten: ./nosuch: *" fdlisten -k ./a ./nosuch
	fails 127 "fdrecv: nosuch: *" fdrecv ./s nosuch
	fails 127 "fdrecv: ./nosuch: *" fdrecv -k ./s ./nosuch
	fails 127 "fdrecv: nosuch: *" fdrecv -n 2 ./s nosuch
	not test -e ./a
	not test -e ./s
}

@test "a COMMAND that may not be run ends with 126" {
	echo "#!/bin/sh" >file
	fails 126 "fdlisten: ./file: *: Permission denied" fdlisten ./a ./file
	fails 126 "fdrecv: ./file: *: Permission denied" fdrecv ./s ./file
	fails 126 "fdrecv: ./file: *: Permission denied" fdrecv -n 2 ./s ./file
	not test -e ./a
	not test -e ./s
}

@test "a COMMAND that is a directory ends with 126" {
	fails 126 "fdlisten: ./: *" fdlisten ./a ./
	fails 126 "fdrecv: /: *" fdrecv ./s /
}

@test "a COMMAND that is an empty word ends with 127" {
	run_limited fdlisten ./a ""
	is_status 127
	run_limited fdrecv ./s ""
	is_status 127
}

# --- what is the caller's

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

@test "without anything ignored or blocked COMMAND has nothing of it" {
	start server fdlisten -k ./a show -o shown ignored blocked
	up ./a
	limited client ./a
	wait_for test -s shown
	same "$(<shown)" $'ignored\nblocked'
	stop server
	start pool fdrecv -n 2 ./s show -o shown2 ignored blocked
	limited fdsend -w ./s
	wait_for test -s shown2
	same "$(<shown2)" $'ignored\nblocked'
	stop pool
}

@test "a SIGALRM that the caller blocks ends nothing" {
	start server with -b ALRM fdlisten -k ./a true
	up ./a
	signal server ALRM
	limited client ./a
	stop server
	is_status 0
	start pool with -b ALRM fdrecv -n 2 ./s true
	up ./s
	signal pool ALRM
	limited fdsend -w ./s
	stop pool
	is_status 0
}

@test "no timer of -t runs in COMMAND" {
	start server fdlisten -t 20 ./a show -o shown alarm
	up ./a
	limited client ./a
	ended server
	same "$(<shown)" "alarm 0"
	start receiver fdrecv -t 20 ./s show -o shown2 alarm
	limited fdsend -w ./s
	ended receiver
	same "$(<shown2)" "alarm 0"
}

@test "everything else in the environment is the caller's" {
	local pattern='^(TCP|UNIX|PROTO=|FDRECV_|LISTEN_|_=|SHLVL=|OLDPWD=)'

	local caller=(env -i "PATH=$PATH" "PWD=$PWD" "TMPDIR=$TMPDIR"
		"FDPASS_TEST=$FDPASS_TEST" "OTHER=a value" EMPTY= TCQ=near
		PROTOCOL=near FDRECV=near)

	"${caller[@]}" env | sort >expected
	start server "${caller[@]}" fdlisten -k ./a env
	up ./a
	limited client ./a | grep -vE "$pattern" | sort >found
	stop server
	diff expected found
	start pool "${caller[@]}" fdrecv -n 2 ./s sh -c 'env >new; mv new vars'
	limited fdsend -w ./s
	wait_for test -e vars
	stop pool
	grep -vE "$pattern" vars | sort >found
	diff expected found
}

@test "an empty environment is enough" {
	start server env -i "$(command -v fdlisten)" ./a "$(command -v env)"
	up ./a
	limited client ./a >vars
	ended server
	is_status 0
	same "$(value PROTO vars)" UNIX
	not grep -vE '^(PROTO|UNIX)' vars
}

# --- names and numbers that are none

@test "a path in a missing directory" {
	fails 1 "fdlisten: ./no/a: *: No such file or directory" \
		fdlisten ./no/a true
	fails 1 "fdrecv: no/s: *: No such file or directory" fdrecv no/s true
	fails 1 "fdrecv: no/s: *: No such file or directory" \
		fdrecv -n 3 no/s true
	fails 1 "fdsend: no/s: *: No such file or directory" fdsend no/s
	nothing_left
}

@test "a path whose directory is a file" {
	echo precious >file
	fails 1 "fdlisten: file/a: *: Not a directory" fdlisten file/a true
	fails 1 "fdrecv: file/s: *: Not a directory" fdrecv file/s true
	fails 1 "fdsend: file/s: *: Not a directory" fdsend file/s
	same "$(<file)" precious
}

@test "a path that is too long" {
	local path

	path=./$(printf '%0300d' 0)
	fails 1 "fdlisten: *" fdlisten "$path" true
	fails 1 "fdrecv: *" fdrecv "$path" true
	fails 1 "fdsend: *" fdsend "$path"
	nothing_left
}

@test "a directory where a socket should be" {
	fails 1 "fdlisten: ./: *" fdlisten ./ true
	fails 1 "fdlisten: /: *" fdlisten / true
	fails 1 "fdrecv: .: *" fdrecv . true
	fails 1 "fdsend: .: *" fdsend .
	nothing_left
}

@test "a regular file where a socket should be" {
	echo precious >file
	fails 1 "fdlisten: ./file: *" fdlisten ./file true
	fails 1 "fdrecv: file: *" fdrecv file true
	fails 1 "fdsend: file: *" fdsend file
	fails 1 "fdsend: file: *" fdsend -w -t 5 file
	same "$(<file)" precious
}

@test "a name with control characters is still one line" {
	fails 1 "fdsend: *" fdsend $'no\nsuch\033[31mname'
	not grep "$(printf '\033')" <<<"$stderr"
	fails 1 "fdrecv: *" fdrecv $'no\nsuch/name' true
	fails 127 "fdrecv: *" fdrecv ./s $'no\nsuch'
}

@test "a descriptor number that is none" {
	for fd in -1 x 1x '' ' 1' 1.5 99999999999 0x1; do
		refuses "fdsend: *" fdsend -f "$fd" ./s
		refuses "fdrecv: *" fdrecv -f "$fd" ./s true
	done
	nothing_left
}

@test "a mode that is none" {
	for mode in 999 abc '' -1 10000 0x1 u+rw '6 0' 77777777777777777777; do
		refuses "fdlisten: *" fdlisten -m "$mode" ./a true
		refuses "fdrecv: *" fdrecv -m "$mode" ./s true
	done
	nothing_left
}

@test "a maximum that is none" {
	for n in 0 -1 x 1x '' 1.5 99999999999999999999 ' 1'; do
		refuses "fdlisten: *" fdlisten -k -n "$n" ./a true
		refuses "fdrecv: *" fdrecv -n "$n" ./s true
	done
	nothing_left
}

@test "a time that is none" {
	for t in -1 x 1x '' . 1.2.3 inf nan 1e3 99999999999999999999; do
		refuses "fdlisten: *" fdlisten -t "$t" ./a true
		refuses "fdrecv: *" fdrecv -t "$t" ./s true
		refuses "fdsend: *" fdsend -t "$t" ./s
	done
	nothing_left
}

@test "a COMMAND that is missing: nothing is accepted, nothing left" {
	fails 127 "fdlisten: nosuch: *" fdlisten -o address 127.0.0.1:0 nosuch
	fails 127 "fdlisten: nosuch: *" fdlisten -k ./a nosuch
	fails 127 "fdrecv: nosuch: *" fdrecv ./s nosuch
	fails 127 "fdrecv: nosuch: *" fdrecv -n 3 ./s nosuch
	nothing_left
}

@test "a COMMAND in a missing directory" {
	fails 127 "fdlisten: ./no/such: *" fdlisten ./a ./no/such
	fails 127 "fdrecv: ./no/such: *" fdrecv ./s ./no/such
	nothing_left
}

@test "a COMMAND that is not executable: nothing is accepted, nothing left" {
	echo '#!/bin/sh' >file
	fails 126 "fdlisten: ./file: *" fdlisten -o address 127.0.0.1:0 ./file
	fails 126 "fdlisten: ./file: *" fdlisten -k ./a ./file
	fails 126 "fdrecv: ./file: *" fdrecv ./s ./file
	fails 126 "fdrecv: ./file: *" fdrecv -n 3 ./s ./file
	rm file
	nothing_left
}

@test "a COMMAND without #! is run by the shell" {
	echo 'echo hello' >prog
	chmod +x prog
	start server fdlisten -k ./a ./prog
	up ./a
	same "$(limited client ./a)" hello
	stop server
	start receiver fdrecv ./s ./prog
	limited fdsend -w ./s
	ended receiver
	is_status 0
	same "$(<receiver.out)" hello
}

# --- the syntax of options

@test "what follows COMMAND belongs to COMMAND" {
	start receiver fdrecv ./s printf '%s\n' -k --help -n 3 -- -t
	limited fdsend -w ./s
	ended receiver
	is_status 0
	same "$(<receiver.out)" $'-k\n--help\n-n\n3\n--\n-t'
}

@test "an option behind the operand is an operand" {
	refuses "fdsend: *fdsend --help*" fdsend ./s -d
	refuses "fdecho: *fdecho --help*" fdecho ./s -v
}

@test "POSIXLY_CORRECT changes nothing" {
	export POSIXLY_CORRECT=1
	start receiver fdrecv ./s echo -k
	limited fdsend -w ./s
	ended receiver
	same "$(<receiver.out)" -k
}

@test "options may share one argument" {
	start receiver fdrecv -kn2 ./s echo received
	limited fdsend -dwsx ./s
	wait_for grep -qx received receiver.out
	stop receiver
	is_status 0
}

@test "-- ends the options" {
	start receiver fdrecv -k -- ./s echo received
	limited fdsend -w -- ./s
	wait_for grep -qx received receiver.out
	stop receiver
	is_status 0
}

@test "an operand that begins with a hyphen comes behind --" {
	start receiver fdrecv -- -s echo received
	limited fdsend -w -- -s
	ended receiver
	same "$(<receiver.out)" received
}

@test "the last of a repeated option counts" {
	start receiver fdrecv -m 666 -m 600 ./s true
	up ./s
	same "$(mode_of s)" 600
	stop receiver
}

# --- the trace

@test "without -v and FDTRACE nothing is written" {
	start pool fdrecv -n 2 ./s fdecho
	start server fdlisten -o address 127.0.0.1:0 fdsend -w ./s
	same "$(echo hello | limited client "$(address_of address)")" hello
	ended server
	stop pool
	same "$(cat server.err pool.err)" ""
}

@test "an empty FDTRACE traces nothing" {
	FDTRACE='' start server fdlisten ./a fdecho
	up ./a
	same "$(echo hello | limited client ./a)" hello
	ended server
	same "$(<server.err)" ""
}

@test "FDTRACE=1 traces a whole composition, all steps of it" {
	local -x FDTRACE=1
	start pool fdrecv -n 3 ./pool fdecho
	start server fdlisten -k -o address 127.0.0.1:0 fdsend -w ./pool
	same "$(echo hello | limited client "$(address_of address)")" hello
	stop server
	is_status 0
	stop pool
	is_status 0
	all_lines server.err
	all_lines pool.err
	step S1 socket server.err fdlisten
	step S2 bind server.err fdlisten
	step S3 listen server.err fdlisten
	step S6 accept server.err fdlisten
	step S7 sendmsg server.err fdsend
	step S8 close server.err fdlisten
	step W1 recvmsg pool.err fdrecv
	step W2 '(recv|read)' pool.err fdecho
	step W3 '(send|write)' pool.err fdecho
	step W4 close pool.err fdecho
	step S5 fork pool.err fdrecv
}

@test "the trace is not on standard output, and the bytes are unchanged" {
	local -x FDTRACE=1
	head -c 100000 /dev/urandom >sent
	start pool fdrecv -n 3 ./pool fdecho
	start server fdlisten -k ./a fdsend -w ./pool
	up ./a
	limited client ./a <sent >back
	cmp sent back
	stop server
	stop pool
	same "$(cat server.out pool.out)" ""
}

@test "lines of many processes are not mixed up" {
	local -x FDTRACE=1
	# shellcheck disable=SC2016
	start both sh -c 'exec 2>&1
		fdrecv -n 3 ./pool fdecho & pool=$!
		fdlisten -k -o address 127.0.0.1:0 fdsend -w ./pool & server=$!
		echo "$server $pool" >pids
		wait "$server"; wait "$pool"'
	run_limited load -n 60 -c 10 "$(address_of address)"
	is_status 0
	# shellcheck disable=SC2046
	kill $(cat pids)
	ended both
	is_status 0
	all_lines both.out
	has 60 grep '^S6 .*accept(' both.out
	# (One that was late is told to try again.)
	[ "$(grep -c '^S7 .*sendmsg(' both.out)" -ge 60 ]
	has 60 grep '^W1 .*recvmsg(' both.out
}

@test "a trace that cannot be written disturbs nothing" {
	[ -c /dev/full ] || skip "no /dev/full here"
	start server sh -c 'exec fdlisten -v ./a fdecho -v 2>/dev/full'
	up ./a
	same "$(echo hello | limited client ./a)" hello
	ended server
	is_status 0
	start server with -c 2 fdlisten -v ./a fdecho -v
	up ./a
	same "$(echo hello | limited client ./a)" hello
	ended server
	is_status 0
}
