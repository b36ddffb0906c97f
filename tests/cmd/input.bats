# Bad input: one line on standard error, the right status, nothing left behind.

load ../lib/helpers

nothing_left()
{
	same "$(find . -mindepth 1 ! -name '*.out' ! -name '*.err')" ""
}

# --- addresses and paths

@test "a host that does not resolve" {
	fails 1 "fdlisten: a..b:0: *" fdlisten a..b:0 true
}

@test "a service that does not exist" {
	fails 1 "fdlisten: 127.0.0.1:nosuchservice: *" \
		fdlisten 127.0.0.1:nosuchservice true
}

@test "an address that is not this machine's" {
	fails 1 "fdlisten: 192.0.2.1:0: bind: *" \
		fdlisten 192.0.2.1:0 true
}

@test "a port in use" {
	local address

	start server fdlisten -k -o address 127.0.0.1:0 fdecho
	address=$(address_of address)
	fails 1 "fdlisten: $address: *: Address*in use" \
		fdlisten "$address" true
	fails 1 "fdlisten: $address: *: Address*in use" \
		fdlisten -k -o other "$address" true
	not test -e other
	same "$(echo hello | limited client "$address")" hello
	stop server
}

@test "a port that may not be bound" {
	[ "$(id -u)" != 0 ] || skip "the superuser may bind any port"
	fails 1 "fdlisten: 127.0.0.1:1: *: Permission denied" \
		fdlisten 127.0.0.1:1 true
}

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
	same "$(cat file)" precious
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
	same "$(cat file)" precious
}

@test "a name with control characters is still one line" {
	fails 1 "fdsend: *" fdsend $'no\nsuch\033[31mname'
	not grep "$(printf '\033')" <<<"$stderr"
	fails 1 "fdrecv: *" fdrecv $'no\nsuch/name' true
	fails 127 "fdrecv: *" fdrecv ./s $'no\nsuch'
}

# --- descriptors

@test "a descriptor that is not open" {
	start receiver fdrecv -k ./s touch ran
	up ./s
	fails 1 "fdsend: *99*" fdsend -f 99 ./s
	fails 1 "fdsend: *99*" fdsend -f 0 -f 99 ./s
	fails 1 "fdsend: *2000000000*" fdsend -f 2000000000 ./s
	stop receiver
	is_status 0
	same "$(cat receiver.err)" ""
	not test -e ran
}

@test "a descriptor that is not open is found before the socket is opened" {
	fails 1 "fdsend: *99*" fdsend -w -f 99 ./nobody
}

@test "a descriptor number that is none" {
	for fd in -1 x 1x '' ' 1' 1.5 99999999999 0x1; do
		refuses "fdsend: *" fdsend -f "$fd" ./s
		refuses "fdrecv: *" fdrecv -f "$fd" ./s true
	done
	nothing_left
}

@test "a number to land on that is beyond the limit" {
	run_apart fdrecv -t 1 -f 2000000000 ./s true
	like "$status" "[12]"
	like "$stderr" "fdrecv: *2000000000*"
	nothing_left
}

# --- numbers

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

# --- COMMAND

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

@test "a COMMAND that vanishes later loses that connection only" {
	printf '#!/bin/sh\necho hello\n' >prog
	chmod +x prog
	start server fdlisten -k ./a ./prog
	up ./a
	same "$(limited client ./a)" hello
	mv prog away
	same "$(limited client ./a)" ""
	mv away prog
	same "$(limited client ./a)" hello
	stop server
	is_status 0
	one_line server.err
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
	same "$(cat receiver.out)" hello
}

# --- -o

@test "-o in a missing directory" {
	fails 1 "fdlisten: ./no/address: *: No such file or directory" \
		fdlisten -o ./no/address ./a true
	nothing_left
}

@test "-o onto a directory" {
	mkdir directory
	fails 1 "fdlisten: directory: *" fdlisten -o directory ./a true
	rmdir directory
	nothing_left
}

@test "-o onto a full device" {
	[ -c /dev/full ] || skip "no /dev/full here"
	fails 1 "fdlisten: /dev/full: *: No space left on device" \
		fdlisten -o /dev/full ./a true
	nothing_left
}
