# The exit statuses, of each command that can produce them, and the usage.

load ../lib/helpers

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

@test "fdlisten -k ends with 0 by SIGTERM" {
	start server fdlisten -k -o address 127.0.0.1:0 fdecho
	address_of address
	stop server
	is_status 0
}

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

@test "fdecho ends with 0 at the end of file" {
	run_apart fdecho
	is_status 0
	same "$output$stderr" ""
}

# --- 1

@test "fdlisten ends with 1 when it cannot listen" {
	fails 1 "fdlisten: ./no/a: *: No such file or directory" \
		fdlisten ./no/a true
}

@test "fdsend ends with 1 when nobody is there" {
	fails 1 "fdsend: ./s: *: No such file or directory" fdsend ./s
}

@test "fdrecv ends with 1 when it cannot listen" {
	fails 1 "fdrecv: ./no/s: *: No such file or directory" \
		fdrecv ./no/s true
}

@test "fdecho ends with 1 when it cannot read" {
	fails 1 "fdecho: *: Is a directory" sh -c 'exec fdecho <.'
}

@test "fdecho ends with 1 when it cannot write" {
	[ -c /dev/full ] || skip "no /dev/full here"
	fails 1 "fdecho: *: No space left on device" \
		sh -c 'echo hello | fdecho >/dev/full'
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

# --- 124

@test "fdlisten -t ends with 124 when nobody connects" {
	run_limited fdlisten -t 0.1 127.0.0.1:0 true
	is_status 124
	run_limited fdlisten -t 0.1 ./a true
	is_status 124
	not test -e ./a
}

@test "fdlisten -k -t ends with 124 when nobody connects any more" {
	start server fdlisten -k -t 0.3 -o address ./a fdecho
	address_of address
	same "$(echo hello | limited client ./a)" hello
	ended server
	is_status 124
	not test -e ./a
}

@test "fdrecv -t ends with 124 when nothing comes" {
	run_limited fdrecv -t 0.1 ./s true
	is_status 124
	not test -e ./s
}

@test "fdrecv -k -t ends with 124 when nothing comes any more" {
	start worker fdrecv -k -t 0.3 ./s echo received
	limited fdsend -w ./s
	ended worker
	is_status 124
	same "$(cat worker.out)" received
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
	same "$(cat worker.out)" "done"
}

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

@test "a COMMAND that may not be run does not hide one later in PATH" {
	mkdir one two
	echo "#!/bin/sh" >one/prog
	printf '#!/bin/sh\necho two\n' >two/prog
	chmod +x two/prog
	PATH=$PWD/one:$PWD/two:$PATH start receiver fdrecv ./s prog
	limited fdsend -w ./s
	ended receiver
	is_status 0
	same "$(cat receiver.out)" two
}

# --- COMMAND's own

@test "fdlisten has the status of COMMAND" {
	start server fdlisten ./a sh -c 'exit 7'
	up ./a
	limited client ./a
	ended server
	is_status 7
}

@test "fdrecv has the status of COMMAND" {
	start receiver fdrecv ./s sh -c 'exit 7'
	limited fdsend -w ./s
	ended receiver
	is_status 7
}

@test "fdrecv ends by the signal that COMMAND dies by" {
	# shellcheck disable=SC2016
	start receiver how result fdrecv ./s sh -c 'kill -KILL $$'
	limited fdsend -w ./s
	ended receiver
	same "$(cat result)" "signal 9"
}

# --- signals

# dies_by SIGNAL NUMBER SOCKET COMMAND...: dies by that signal, with its
# socket removed.
dies_by()
{
	local name=$1 number=$2 socket=$3

	shift 3
	rm -f result
	start victim how result "$@"
	if [ "$socket" != none ]; then
		up "$socket"
	else
		wait_for has 1 children "$pid"
	fi
	stop victim "$name"
	same "$(cat result)" "signal $number"
	same "$(cat victim.err)" ""
	not test -e "$socket"
}

@test "fdlisten dies by the signal that ends it, its socket removed" {
	dies_by TERM 15 ./a fdlisten ./a true
	dies_by INT 2 ./a fdlisten ./a true
	dies_by HUP 1 ./a fdlisten ./a true
}

@test "fdlisten -k dies by INT and HUP, its socket removed" {
	dies_by INT 2 ./a fdlisten -k ./a true
	dies_by HUP 1 ./a fdlisten -k ./a true
}

@test "fdrecv dies by the signal that ends it, its socket removed" {
	dies_by TERM 15 ./s fdrecv ./s true
	dies_by INT 2 ./s fdrecv ./s true
	dies_by HUP 1 ./s fdrecv ./s true
}

@test "fdrecv -k and -n die by INT and HUP, their socket removed" {
	dies_by INT 2 ./s fdrecv -k ./s true
	dies_by HUP 1 ./s fdrecv -k ./s true
	dies_by INT 2 ./s fdrecv -n 2 ./s true
	dies_by HUP 1 ./s fdrecv -n 2 ./s true
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
	same "$(cat result)" "signal 15"
}

@test "fdecho dies by the signal that ends it" {
	mkfifo pipe
	# Both ends in one process: no end of file.
	# shellcheck disable=SC2016
	start echo how result sh -c 'exec fdecho <>pipe'
	wait_for has 1 children "$pid"
	stop echo
	same "$(cat result)" "signal 15"
}

@test "fdecho dies by SIGPIPE when nobody reads" {
	run_limited sh -c 'how result fdecho </dev/zero | head -c 1'
	same "$(cat result)" "signal 13"
}
