# SPDX-License-Identifier: ISC
# fdpipe: commands joined by pairs of UNIX sockets.
#
# shellcheck disable=SC2030,SC2031 # $output is set and read in one test

load ../lib/helpers
load ../lib/streams

# --- what the commands get

@test "two commands are joined by a seqpacket socket" {
	start pipe fdpipe show -o left fds fd '|' show -o right fds fd
	ended pipe
	is_status 0
	same "$(<left)" "fds 0 1 2
fd 0 device r
fd 1 unix-seqpacket rw
fd 2 file w append"
	same "$(<right)" "fds 0 1 2
fd 0 unix-seqpacket rw
fd 1 file w append
fd 2 file w append"
	same "$(cat pipe.out pipe.err)" ""
}

@test "standard input and output of the whole are those of the ends" {
	echo hello >file
	run_limited sh -c 'fdpipe fdsend - "|" fdrecv - cat <file >back'
	is_status 0
	same "$output" ""
	same "$(<back)" hello
}

@test "three commands and more" {
	echo hello >file
	run_limited sh -c 'fdpipe fdsend - "|" fdsend -r - "|" fdsend -r - \
		"|" fdrecv - cat <file'
	is_status 0
	same "$output" hello
}

@test "the middle command has a socket on both sides, and no other" {
	start pipe fdpipe true '|' show -o middle fds fd '|' true
	ended pipe
	is_status 0
	like "$(<middle)" "fds 0 1 2
fd 0 unix-seqpacket rw
fd 1 unix-seqpacket rw
fd 2 *"
}

@test "other descriptors of the caller go to every command" {
	echo hello >file
	run_limited sh -c 'fdpipe sh -c "cat <&5 >&2" "|" \
		sh -c "cat <&6 >&2" 5<file 6<file'
	is_status 0
	same "$output" $'hello\nhello'
}

@test "arguments arrive as they are" {
	# shellcheck disable=SC2016
	run_limited fdpipe sh -c 'printf "<%s>" "$@" >&2' \
		sh 'a  b' '' '*' '||' '|' true
	is_status 0
	same "$output" '<a  b><><*><||>'
}

@test "options after COMMAND belong to COMMAND" {
	run_limited fdpipe echo -n '|' true -v -n
	is_status 0
	same "$output" ""
}

@test "it carries messages, not bytes" {
	# shellcheck disable=SC2016
	run_limited fdpipe sh -c 'printf one; printf two' '|' \
		sh -c 'dd bs=100 count=1 2>/dev/null; echo; cat'
	is_status 0
	same "$output" $'one\ntwo'
}

@test "signals have their defaults in the commands, and none is blocked" {
	run_limited with -i CHLD -i PIPE -b USR1 \
		fdpipe show -o left ignored blocked '|' \
		show -o right ignored blocked
	is_status 0
	same "$(<left)" $'ignored\nblocked USR1'
	same "$(<right)" $'ignored\nblocked USR1'
}

# --- copies

@test "-n starts so many copies of the last command" {
	mkfifo forever
	start pipe fdpipe -n 5 cat ./forever '|' sh -c 'echo started; exec cat'
	wait_for has 5 cat pipe.out
	has 6 children "$pid"
	stop pipe
	like "$status" 143
}

@test "each copy gets whole messages, all get the end" {
	echo hello >file
	# shellcheck disable=SC2016
	run_limited fdpipe -n 3 sh -c '
		for i in 1 2 3 4 5 6 7 8 9; do fdsend - <file; done' '|' \
		fdrecv -k - cat
	is_status 0
	same "$(echo "$output" | grep -c hello)" 9
}

@test "-n 4: the end is seen by all four at once" {
	run_limited fdpipe -n 4 true '|' fdecho -
	is_status 0
	same "$output" ""
}

@test "-n with what is no number is wrong usage" {
	refuses "fdpipe: *fdpipe --help*" fdpipe -n 0 true '|' true
	refuses "fdpipe: *fdpipe --help*" fdpipe -n x true '|' true
	refuses "fdpipe: *fdpipe --help*" fdpipe -n
}

# --- wrong usage

@test "without its '|' it exits 2 and says that it must be quoted" {
	refuses "fdpipe: *'|'*quote*" fdpipe fdlisten -k 7000
	run_limited sh -c 'how pipe.how fdpipe fdlisten -k 127.0.0.1:0 |
		fdecho -'
	same "$(<pipe.how)" "exit 2"
	like "$output" "fdpipe: *'|'*quote*"
}

@test "a command missing beside '|' is wrong usage" {
	refuses "fdpipe: *missing*" fdpipe '|' true
	refuses "fdpipe: *missing*" fdpipe true '|'
	refuses "fdpipe: *missing*" fdpipe true '|' '|' true
	refuses "fdpipe: *missing*" fdpipe '|'
	refuses "fdpipe: *missing*" fdpipe
	refuses "fdpipe: *fdpipe --help*" fdpipe -k true '|' true
}

# not_found NAME COMMAND...: COMMAND ends with 127, and says that NAME is not
# there.
not_found()
{
	local name=$1

	shift
	run -127 --separate-stderr limited "$@"
	same "$output" ""
	same "$stderr" "fdpipe: $name: command not found"
}

@test "a command that is not there ends it before any is started" {
	not_found no-such-command fdpipe touch started '|' no-such-command
	not_found no-such-command fdpipe no-such-command '|' touch started
	not_found ./none fdpipe touch started '|' touch started '|' ./none
	not test -e started
}

@test "a command that cannot be run ends it before any is started" {
	touch file
	fails 126 "fdpipe: ./file: *" fdpipe touch started '|' ./file
	fails 126 "fdpipe: *" fdpipe touch started '|' "$PWD"
	not test -e started
}

# --- the status

# gives STATUS LEFT RIGHT: two scripts.
gives()
{
	run_limited fdpipe sh -c "$2" '|' sh -c "$3"
	is_status "$1"
	same "$output" ""
}

@test "the status is 0 when all went well" {
	gives 0 true true
}

@test "the status is the last that is not 0, from the right" {
	gives 3 true "exit 3"
	gives 4 "exit 4" true
	gives 3 "exit 4" "exit 3"
	run_limited fdpipe sh -c "exit 5" '|' sh -c "exit 6" '|' true
	is_status 6
	run_limited fdpipe sh -c "exit 5" '|' true '|' true
	is_status 5
}

@test "a death by SIGPIPE left of a success does not count" {
	# shellcheck disable=SC2016
	gives 0 'kill -PIPE $$' true
	# shellcheck disable=SC2016
	run_limited fdpipe true '|' sh -c 'kill -PIPE $$' '|' true
	is_status 0
}

@test "a death by SIGPIPE with no success on its right counts" {
	# shellcheck disable=SC2016
	gives 141 true 'kill -PIPE $$'
	# shellcheck disable=SC2016
	gives 7 'kill -PIPE $$' 'exit 7'
}

@test "another death by signal is 128 and its number" {
	# shellcheck disable=SC2016
	gives 137 true 'kill -KILL $$'
	# shellcheck disable=SC2016
	gives 143 'kill -TERM $$' true
}

@test "one of the copies that fails counts" {
	run_limited fdpipe -n 3 true '|' sh -c '
		mkdir first 2>/dev/null || exit 0; exit 9'
	is_status 9
}

@test "it waits for all, whichever ends first" {
	mkfifo go
	start pipe fdpipe sh -c 'read x <go; echo end >&2' '|' true
	wait_for has 1 children "$pid"
	running pipe
	limited sh -c 'echo >go'
	ended pipe
	is_status 0
	same "$(<pipe.err)" end
}

@test "a child of somebody before it does not disturb it" {
	run_limited sh -c 'true & exec fdpipe true "|" sh -c "exit 3"'
	is_status 3
}

# --- signals

# told SIGNAL: each of three commands gets it.
told()
{
	# shellcheck disable=SC2016
	local script='trap "echo told >&2; exit 0" '$1'
		echo ready >&2; while :; do sleep 0.02; done'

	start pipe how pipe.how fdpipe -n 2 sh -c "$script" '|' \
		sh -c "$script"
	wait_for has 3 grep ready pipe.err
	kill "-$1" "$(matching 'fdpipe *')"
	ended pipe
	same "$(grep -c told pipe.err)" 3
	rm pipe.err
	# They ended well.
	same "$(<pipe.how)" "exit 0"
}

@test "SIGTERM, SIGINT and SIGHUP are passed to all" {
	table told \
		'TERM' \
		'INT' \
		'HUP'
}

@test "it dies by the signal that its commands died by" {
	local signal

	for signal in TERM:15 INT:2 HUP:1; do
		start pipe how pipe.how fdpipe sleep 60 '|' sleep 60
		wait_for has 2 matching "sleep 60"
		kill "-${signal%:*}" "$(matching 'fdpipe *')"
		ended pipe
		same "$(<pipe.how)" "signal ${signal#*:}"
	done
}

@test "SIGTERM ends fdlisten and its workers in order" {
	start pipe fdpipe -n 4 fdlisten -k -o address 127.0.0.1:0 '|' fdecho -
	served_all "$(address_of address)" -n 50 -c 5
	stop pipe
	is_status 0
	same "$(<pipe.err)" ""
}

@test "SIGTERM in the middle of a run: who was accepted is served" {
	local served

	start pipe fdpipe -v -n 4 fdlisten -v -k -o address 127.0.0.1:0 \
		'|' fdsend -r - '|' fdecho -
	start load load -n 20000 -c 50 "$(address_of address)"
	wait_for more_than 500 accepted
	stop pipe
	is_status 0
	ended load
	served=$(sed 's/^ok=\([0-9]*\) wrong=0 short=0 .*/\1/' load.out)
	same "$served" "$(accepted)" "connections served"
}

accepted()
{
	grep -c "S6 fdlisten.*accept(.*from" pipe.err
}

@test "the left end ends, and all to its right" {
	start pipe fdpipe -n 4 fdlisten -o address 127.0.0.1:0 '|' fdecho -
	echoes "$(address_of address)"
	ended pipe
	is_status 0
	same "$(<pipe.err)" ""
}

@test "the right end ends, and all to its left" {
	start pipe fdpipe fdlisten -k -o address 127.0.0.1:0 '|' \
		fdsend -r - '|' fdrecv - fdecho
	echoes "$(address_of address)"
	ended pipe
	# Both died by SIGPIPE left of a success.
	is_status 0
	same "$(<pipe.err)" ""
}

# --- the seed of it all

# four: four clients held open, by four workers that take one each.
four()
{
	local i

	start pipe fdpipe -n 4 fdlisten -k -o address 127.0.0.1:0 '|' \
		fdecho -n 1 -
	address_of address
	wait_for has 4 matching 'fdecho *'
	for i in 1 2 3 4; do
		held "client$i" "$(<address)"
	done
}

# peer_of PID: the port of the client that this worker serves.
peers_of()
{
	fdinfo -p "$1" | grep -o "127\.0\.0\.1:[0-9]*" |
		grep -vxF "$(cat address)" | sort -u
}

@test "four clients held open are with four different workers" {
	local worker

	# fdinfo -p
	need_linux
	four
	for worker in $(matching 'fdecho *'); do
		same "$(peers_of "$worker" | wc -l)" 1
		peers_of "$worker" >>peers
	done
	same "$(sort -u peers | wc -l)" 4
	for i in 1 2 3 4; do
		say "client$i" again
		heard "client$i" again
		hang_up "client$i"
	done
	stop pipe
	is_status 0
}

@test "a fifth client waits for one of them" {
	four
	hold five "$(<address)"
	say five first
	hang_up client2
	heard five first
	for i in client1 client3 client4 five; do
		hang_up "$i"
	done
	stop pipe
	is_status 0
}

@test "a worker that is killed takes only its own connection with it" {
	local i alive=0

	four
	kill -KILL "$(matching 'fdecho *' | head -n 1)"
	wait_for has 3 matching 'client *'
	for i in 1 2 3 4; do
		if running "client$i"; then
			say "client$i" again
			heard "client$i" again
			alive=$((alive + 1))
		fi
	done
	same "$alive" 3
	for i in 1 2 3 4; do
		! running "client$i" || hang_up "client$i"
	done
	# The rest goes on with three.
	served_all "$(<address)" -n 100 -c 10
	stop pipe
	is_status 137
	same "$(<pipe.err)" ""
}

@test "a COMMAND of a pool with fdrecv is spread over its workers" {
	start pipe fdpipe -n 3 fdlisten -k -o address 127.0.0.1:0 '|' \
		fdrecv -k - fdecho
	address_of address
	served_all "$(<address)" -n 100 -c 10
	kill "$(the_one 'fdlisten *')"
	ended pipe
	is_status 0
	same "$(<pipe.err)" ""
}

@test "-v shows the pairs, the processes and what they become" {
	run_apart fdpipe -v -n 2 true '|' true
	is_status 0
	same "$output" ""
	like "$stderr" "S4 fdpipe*socketpair()*"
	same "$(grep -c '^S5 fdpipe.*exec(' <<<"$stderr")" 3
	same "$(grep -c '^S5 fdpipe.*fork()' <<<"$stderr")" 3
}
