# SPDX-License-Identifier: ISC
# util-linux has commands of the same names, which send one descriptor with
# the payload " ", do not answer, and want an absolute path.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

# need_theirs: their commands, or skip this test.
need_theirs()
{
	local dir

	for dir in /usr/bin /bin /usr/local/bin /opt/util-linux/bin; do
		case $("$dir/fdsend" --version 2>/dev/null) in
		*util-linux*) theirs=$dir ;;
		esac
	done
	[ -n "${theirs-}" ] || skip "util-linux has no fdsend here"
}

@test "util-linux's fdsend sends to our fdrecv" {
	need_theirs
	echo hello >file
	start receiver fdrecv "$PWD/s" cat
	up ./s
	run_limited sh -c 'exec "$1/fdsend" --fd 0 "$PWD/s" <file' sh "$theirs"
	is_status 0
	ended receiver
	is_status 0
	same "$(cat receiver.out)" hello
}

@test "our fdsend sends to util-linux's fdrecv" {
	need_theirs
	echo hello >file
	start receiver "$theirs/fdrecv" --stdin "$PWD/s" --run cat
	run_limited fdsend -w "$PWD/s" <file
	is_status 0
	ended receiver
	is_status 0
	same "$(cat receiver.out)" hello
}

# Stand-ins, which do what theirs do: one byte, one descriptor, room for just
# that, no answer.
stand_in()
{
	need python3
	cat >send.py <<-'END'
	import array, socket, sys
	s = socket.socket(socket.AF_UNIX)
	s.connect(sys.argv[1])
	s.sendmsg([b" "], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
	                    array.array("i", [0]))])
	END
	cat >receive.py <<-'END'
	import array, os, socket, sys
	l = socket.socket(socket.AF_UNIX)
	l.bind(sys.argv[1])
	l.listen()
	s, _ = l.accept()
	data, control, flags, _ = s.recvmsg(1, socket.CMSG_LEN(4))
	s.close()
	l.close()
	os.unlink(sys.argv[1])
	fd = array.array("i", control[0][2])[0]
	print(os.read(fd, 100).decode(), end="")
	END
	echo hello >file
}

@test "a stand-in for util-linux's fdsend sends to our fdrecv" {
	stand_in
	start receiver fdrecv ./s cat
	up ./s
	limited python3 send.py ./s <file
	ended receiver
	is_status 0
	same "$(cat receiver.out)" hello
}

@test "our fdsend sends to a stand-in for util-linux's fdrecv" {
	stand_in
	start receiver python3 receive.py ./s
	run_limited sh -c 'fdsend -w ./s <file'
	is_status 0
	ended receiver
	is_status 0
	same "$(cat receiver.out)" hello
}

@test "stand-ins for util-linux's fdsend and fdrecv, through fdconnect" {
	stand_in
	start receiver python3 receive.py ./back
	start tap fdlisten ./front fdconnect -vw ./back
	up ./front
	limited python3 send.py ./front <file
	ended receiver
	same "$(cat receiver.out)" hello
	ended tap
	grep -q ': > 1 byte " ", 1 descriptor$' tap.err
}
