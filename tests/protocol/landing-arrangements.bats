# SPDX-License-Identifier: ISC
# Descriptors land at their numbers in COMMAND, wherever they come from.

load ../lib/helpers
load ../lib/examples

# connected: whether `shown` tells of the connection at 6, and again at 7.
connected()
{
	has 2 cat shown
	grep -E '^6 +unix +rw ' shown
	grep -E '^7 +unix +rw ' shown
}

@test "every arrangement of up to four descriptors" {
	need "${CC:-cc}"
	run_limited "${CC:-cc}" -I"$top_dir/lib" -o landing \
		"$top_dir/tests/protocol/landing.c" \
		"$FDPASS_BIN/../lib/${FDPASS_BIN##*/}.a"
	is_status 0
	run_limited ./landing "$(scaled 4 6)"
	is_status 0
	like "$output" "* arrangements"
}

@test "the connection lands at 6 and 7, whatever number it has" {
	start server fdlisten -k ./a true
	up ./a
	limited sh -c 'exec fdconnect ./a fdinfo 6 7' >shown
	connected
	limited sh -c 'exec fdconnect ./a fdinfo 6 7 \
		3</dev/null 4</dev/null 5</dev/null' >shown
	connected
	limited sh -c 'exec fdconnect ./a fdinfo 6 7 \
		3</dev/null 4</dev/null 5</dev/null 6</dev/null' >shown
	connected
	stop server
}

@test "fd:6 lands at 6 and 7, and so does fd:7" {
	start server fdlisten -k ./a true
	up ./a
	limited fdconnect ./a fdconnect fd:6 fdinfo 6 7 >shown
	connected
	limited fdconnect ./a fdconnect fd:7 fdinfo 6 7 >shown
	connected
	limited fdconnect ./a sh -c 'exec fdconnect fd:6 fdinfo 6 7 7>&-' \
		>shown
	connected
	stop server
}

@test "as ssh calls it: a connection whose socket is 6 goes to the stream" {
	start server fdlisten -k ./a echo hello
	up ./a
	run_limited paired sh -c 'exec fdconnect ./a fdsend -f 6 - \
		3</dev/null 4</dev/null 5</dev/null' '|' fdrecv -f 0 - cat
	is_status 0
	same "$output" hello
	run_limited paired fdconnect ./a fdconnect fd:6 fdsend -f 6 - '|' \
		fdrecv -f 0 - cat
	is_status 0
	same "$output" hello
	stop server
}
