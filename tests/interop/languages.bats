# SPDX-License-Identifier: ISC
# Descriptors to and from programs in other languages.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

@test "Ruby's send_io sends to fdrecv" {
	need ruby
	echo hello >file
	start receiver fdrecv ./s cat
	up ./s
	limited ruby -rsocket -e '
		UNIXSocket.open("./s") { |s| s.send_io(File.open("file")) }'
	ended receiver
	is_status 0
	same "$(cat receiver.out)" hello
}

@test "fdsend sends to Ruby's recv_io" {
	need ruby
	echo hello >file
	start receiver ruby -rsocket -e '
		s = UNIXServer.new("./s")
		puts s.accept.recv_io.read'
	run_limited sh -c 'fdsend -w ./s <file'
	is_status 0
	ended receiver
	is_status 0
	same "$(cat receiver.out)" hello
	rm -f s
}

@test "Ruby's send_io and recv_io talk through fdconnect" {
	need ruby
	echo hello >file
	start receiver ruby -rsocket -e '
		s = UNIXServer.new("./back").accept
		puts s.recv_io.read
		s.write("thanks")'
	start tap fdlisten ./front fdconnect -w ./back
	up ./front
	same "$(limited ruby -rsocket -e '
		s = UNIXSocket.new("./front")
		s.send_io(File.open("file"))
		puts s.read')" thanks
	ended receiver
	same "$(cat receiver.out)" hello
	ended tap
	rm -f back
}

@test "PHP reads a received descriptor as php://fd/3" {
	need php
	echo hello >file
	start receiver fdrecv -f 3 ./s php -r '
		echo stream_get_contents(fopen("php://fd/3", "r"));'
	up ./s
	run_limited sh -c 'fdsend -w ./s <file'
	is_status 0
	ended receiver
	is_status 0
	same "$(cat receiver.out)" hello
}
