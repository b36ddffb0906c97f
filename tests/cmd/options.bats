# The options follow the POSIX utility syntax.

load ../lib/helpers

@test "what follows COMMAND belongs to COMMAND" {
	start receiver fdrecv ./s printf '%s\n' -k --help -n 3 -- -t
	limited fdsend -w ./s
	ended receiver
	is_status 0
	same "$(cat receiver.out)" $'-k\n--help\n-n\n3\n--\n-t'
}

@test "what follows COMMAND of fdlisten belongs to COMMAND" {
	start server fdlisten ./a printf '%s\n' -k --help -n 3
	up ./a
	same "$(limited client ./a)" $'-k\n--help\n-n\n3'
	ended server
	is_status 0
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
	same "$(cat receiver.out)" -k
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
	same "$(cat receiver.out)" received
}

@test "the last of a repeated option counts" {
	start receiver fdrecv -m 666 -m 600 ./s true
	up ./s
	same "$(mode_of s)" 600
	stop receiver
}

@test "fdrecv -n implies -k" {
	start receiver fdrecv -n 1 ./s echo received
	limited fdsend -w ./s
	limited fdsend -w ./s
	wait_for has 2 cat receiver.out
	stop receiver
	is_status 0
}

@test "-t takes decimals" {
	run_limited fdrecv -t .1 ./s true
	is_status 124
	run_limited fdrecv -t 0.05 ./s true
	is_status 124
}

@test "-f takes a number more than once" {
	start receiver fdrecv -f 5 -f 6 -f 7 ./s show -o shown fds
	up ./s
	limited fdsend -f 0 -f 0 -f 0 ./s
	ended receiver
	is_status 0
	same "$(cat shown)" "fds 0 1 2 5 6 7"
}

@test "fdrecv puts no two descriptors on one number" {
	refuses "fdrecv: *5*" fdrecv -t 1 -f 5 -f 5 ./s true
	not test -e ./s
}
