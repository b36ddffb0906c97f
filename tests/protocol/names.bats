# SPDX-License-Identifier: ISC
# Named sockets: how they are created, probed, replaced and removed.

load ../lib/helpers

# A name whose listener was killed.
make_stale()
{
	start stale fdrecv "$1" true
	up "$1"
	stop stale KILL
	test -S "$1"
}

# --- the mode

# first_mode MODE COMMAND...: COMMAND makes ./x with that mode at first sight.
first_mode()
{
	local mode=$1

	shift
	start glimpse glimpse ./x
	wait_for grep -q looking glimpse.out
	start maker "$@"
	ended glimpse
	same "$(tail -n 1 glimpse.out)" "$mode"
	same "$(mode_of x)" "$mode"
	stop maker
	not test -e ./x
}

@test "a socket has the mode 0600 from the first instant, under any umask" {
	local mask

	for mask in $(scaled "000 777" "000 022 077 777"); do
		first_mode 600 sh -c "umask $mask; exec fdrecv ./x true"
		first_mode 600 sh -c "umask $mask; exec fdlisten ./x true"
	done
}

@test "a socket has the mode of -m from the first instant, under any umask" {
	local mask

	for mask in $(scaled "000 777" "000 077 777"); do
		first_mode 660 sh -c "umask $mask; exec fdrecv -m 660 ./x true"
		first_mode 666 sh -c "umask $mask
			exec fdlisten -m 0666 ./x true"
	done
}

@test "COMMAND has the umask of the caller" {
	umask 027
	start receiver fdrecv -m 666 ./s sh -c umask
	limited fdsend -w ./s
	ended receiver
	like "$(cat receiver.out)" "*027"
	start server fdlisten -m 666 ./a sh -c umask
	up ./a
	like "$(limited client ./a)" "*027"
	ended server
}

# --- what is in the way

@test "a stale name is replaced" {
	make_stale ./s
	start receiver fdrecv ./s echo received
	limited fdsend -w ./s
	ended receiver
	is_status 0
	same "$(cat receiver.out)" received
	same "$(cat receiver.err)" ""
	not test -e ./s
}

@test "a stale name is replaced by fdlisten" {
	make_stale ./a
	start server fdlisten -o address ./a fdecho
	address_of address
	same "$(echo hello | limited client ./a)" hello
	ended server
	is_status 0
}

@test "a stale name gets the mode that was asked for" {
	make_stale ./s
	chmod 777 s
	start receiver fdrecv -k ./s true
	limited fdsend -w ./s
	same "$(mode_of s)" 600
	stop receiver
}

@test "a stale datagram socket is replaced" {
	start dead foreign receive -D ./s
	up ./s
	stop dead KILL
	start receiver fdrecv ./s echo received
	limited fdsend -w ./s
	ended receiver
	is_status 0
	same "$(cat receiver.out)" received
}

@test "a name that is in use is an error, and its owner goes on" {
	start owner fdrecv -k ./s echo received
	up ./s
	fails 1 "fdrecv: ./s: *: Address*in use" fdrecv ./s true
	fails 1 "fdrecv: ./s: *: Address*in use" fdrecv -n 2 ./s true
	fails 1 "fdlisten: ./s: *: Address*in use" fdlisten ./s true
	limited fdsend ./s
	wait_for grep -qx received owner.out
	same "$(cat owner.err)" ""
	stop owner
	is_status 0
}

@test "a name in use by fdlisten is an error, and nobody is accepted there" {
	start owner fdlisten ./a fdecho
	up ./a
	fails 1 "fdlisten: ./a: *: Address*in use" fdlisten ./a true
	fails 1 "fdrecv: ./a: *: Address*in use" fdrecv ./a true
	same "$(echo hello | limited client ./a)" hello
	ended owner
	is_status 0
}

@test "a name in use by a datagram socket is an error" {
	start owner foreign receive -D ./s
	up ./s
	fails 1 "fdrecv: ./s: *: Address*in use" fdrecv ./s true
	same "$(limited foreign send -D -s hello ./s)" sent
	ended owner
	same "$(cat owner.out)" "descriptors 1 bytes 5 payload hello"
	rm s
}

@test "a regular file is never touched" {
	echo precious >file
	fails 1 "fdrecv: ./file: *" fdrecv ./file true
	fails 1 "fdlisten: ./file: *" fdlisten ./file true
	fails 1 "fdsend: ./file: *" fdsend ./file
	same "$(cat file)" precious
}

@test "a directory and a FIFO are never touched" {
	mkdir directory
	mkfifo fifo
	fails 1 "fdrecv: ./directory: *" fdrecv ./directory true
	fails 1 "fdlisten: ./directory: *" fdlisten ./directory true
	fails 1 "fdrecv: ./fifo: *" fdrecv ./fifo true
	fails 1 "fdlisten: ./fifo: *" fdlisten ./fifo true
	test -d directory
	test -p fifo
}

@test "a symbolic link is never touched" {
	echo precious >file
	ln -s file link
	ln -s nothing dangling
	fails 1 "fdrecv: ./link: *" fdrecv ./link true
	fails 1 "fdrecv: ./dangling: *" fdrecv ./dangling true
	test -L link
	test -L dangling
	not test -e nothing
	same "$(cat file)" precious
}

@test "of twenty starters at one stale name exactly one wins, many times" {
	local round winner

	make_stale ./s
	for ((round = 1; round <= $(scaled 6 50); round++)); do
		start race race 20 fdrecv -k ./s echo received
		wait_for grep -q left race.out
		same "$(grep status race.out)" "status 1: 19" "round $round"
		has 19 grep 'Address.*in use' race.err
		winner=$(sed -n 's/left //p' race.out)
		limited fdsend ./s
		wait_for grep -q received race.out
		# Its child has a copy of the listening socket until its exec.
		wait_for has 0 children "$winner"
		kill -KILL "$winner"
		ended race
		test -S ./s
	done
	rm s race.err
}

@test "of twenty starters at a free name exactly one wins, every time" {
	local round winner

	for ((round = 1; round <= $(scaled 3 10); round++)); do
		start race race 20 fdlisten ./a fdecho
		wait_for grep -q left race.out
		same "$(grep status race.out)" "status 1: 19" "round $round"
		same "$(echo hello | limited client ./a)" hello
		ended race
		not test -e ./a
	done
	rm race.err
}

# --- gone at the end

@test "the name is gone when COMMAND runs" {
	start receiver fdrecv ./s sh -c 'test ! -e s && echo gone'
	limited fdsend -w ./s
	ended receiver
	same "$(cat receiver.out)" gone
	start server fdlisten ./a sh -c 'test ! -e a && echo gone'
	up ./a
	same "$(limited client ./a)" gone
	ended server
}

@test "the name is gone after a refused message" {
	start receiver fdrecv ./s true
	up ./s
	run_limited fdsend -f 0 -f 0 ./s
	ended receiver
	is_status 1
	not test -e ./s
}

@test "the name is gone after SIGTERM, SIGINT and SIGHUP" {
	local signal

	for signal in TERM INT HUP; do
		start receiver fdrecv -k ./s true
		up ./s
		stop receiver "$signal"
		not test -e ./s
		start pool fdrecv -n 2 ./s true
		up ./s
		stop pool "$signal"
		not test -e ./s
		start server fdlisten -k ./a true
		up ./a
		stop server "$signal"
		not test -e ./a
	done
}

@test "the name is gone when -o fails" {
	fails 1 "fdlisten: ./no/address: *" fdlisten -o ./no/address ./a true
	not test -e ./a
}

@test "another's file of the same name is not removed" {
	start first fdrecv -k ./s true
	up ./s
	rm s
	echo precious >s
	stop first
	is_status 0
	same "$(cat s)" precious
}

@test "another's socket of the same name is not removed" {
	start first fdrecv -k ./s true
	up ./s
	mv s moved
	start second fdrecv ./s echo received
	up ./s
	stop first
	is_status 0
	test -S ./s
	rm moved
	limited fdsend ./s
	ended second
	same "$(cat second.out)" received
}

@test "a worker of a pool that is killed does not remove the name" {
	local worker

	start pool fdrecv -n 2 ./s echo received
	up ./s
	wait_for has 2 children "$pid"
	worker=$(children "$pid" | head -n 1)
	kill -TERM "$worker"
	# It may have accepted already, and answers that it has no time.
	limited fdsend -w ./s
	limited fdsend -w ./s
	wait_for has 2 cat pool.out
	test -S ./s
	stop pool
	is_status 0
}

@test "COMMAND that is killed does not remove the name" {
	# shellcheck disable=SC2016
	start worker fdrecv -k ./s sh -c 'echo received; kill -TERM $$'
	limited fdsend -w ./s
	limited fdsend ./s
	wait_for has 2 cat worker.out
	test -S ./s
	stop worker
	is_status 0
}

@test "a name in another directory is removed though COMMAND is elsewhere" {
	mkdir sub
	start receiver sh -c 'cd sub && exec fdrecv ../s true'
	limited fdsend -w "$PWD/s"
	ended receiver
	is_status 0
	not test -e ./s
}

# --- the forms of names

# name_of BYTES: a path of that many bytes, in this directory.
name_of()
{
	printf './%0*d\n' "$(($1 - 2))" 0
}

@test "a name of 107 bytes works" {
	local name

	name=$(name_of 107)
	same "${#name}" 107
	start receiver fdrecv "$name" echo received
	limited fdsend -w "$name"
	ended receiver
	is_status 0
	same "$(cat receiver.out)" received
	start server fdlisten "$name" fdecho
	up "$name"
	same "$(echo hello | limited client "$name")" hello
	ended server
	is_status 0
}

@test "a name of 108 bytes is refused for its length" {
	local name

	name=$(name_of 108)
	same "${#name}" 108
	fails 1 "fdrecv: *107*" fdrecv "$name" true
	fails 1 "fdsend: *107*" fdsend "$name"
	fails 1 "fdsend: *107*" fdsend -w "$name"
	fails 1 "fdlisten: *107*" fdlisten "$name" true
	not test -e "$name"
}

@test "a bare word is a path in the working directory" {
	start receiver fdrecv pool echo received
	up ./pool
	limited fdsend pool
	ended receiver
	same "$(cat receiver.out)" received
}

@test "an absolute path works" {
	start receiver fdrecv "$PWD/pool" echo received
	limited fdsend -w "$PWD/pool"
	ended receiver
	same "$(cat receiver.out)" received
}

@test "files called -, fd:3 and @x are written with a path" {
	local name

	for name in ./- ./fd:3 ./@x; do
		start receiver fdrecv "$name" echo received
		up "$name"
		limited fdsend "$name"
		ended receiver
		same "$(cat receiver.out)" received
	done
}

@test "an abstract name works" {
	local name

	need_linux
	name=$(unique name)
	start receiver fdrecv "$name" echo received
	limited fdsend -w "$name"
	ended receiver
	is_status 0
	same "$(cat receiver.out)" received
	not test -e "./$name"
}

@test "an abstract name in use is an error" {
	local name

	need_linux
	name=$(unique name)
	start owner fdrecv -k "$name" true
	limited fdsend -w "$name"
	fails 1 "fdrecv: $name: *: Address*in use" fdrecv "$name" true
	stop owner
	is_status 0
}

@test "an abstract name of 108 bytes works, of 109 is refused" {
	local name

	need_linux
	name=@$(printf '%0107d' $$)
	start receiver fdrecv "$name" echo received
	limited fdsend -w "$name"
	ended receiver
	is_status 0
	fails 1 "fdrecv: *108*" fdrecv "${name}0" true
	fails 1 "fdsend: *108*" fdsend "${name}0"
}

@test "a stale name refuses a sender" {
	make_stale ./s
	fails 1 "fdsend: ./s: *: Connection refused" fdsend ./s
	rm s
}

@test "fdsend -w waits for the name to appear" {
	start sender fdsend -w ./s
	start receiver fdrecv ./s echo received
	ended receiver
	ended sender
	is_status 0
	same "$(cat receiver.out)" received
}
