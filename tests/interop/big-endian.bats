# SPDX-License-Identifier: ISC
# The checks that these are known not to need: a $ that a shell started by a
# test expands.
# shellcheck disable=SC2016
# A machine with the other byte order: the commands built for s390x, statically,
# and run by qemu, hand over to each other, and to those of this machine.

load ../lib/helpers
load ../lib/examples

# Compiled once, for all of the tests; `built` is there when that succeeded.
setup_file()
{
	local cc source name library=()

	cd "$BATS_FILE_TMPDIR" || return
	echo 'int main(void) { return 0; }' >probe.c
	cc=(s390x-linux-gnu-gcc)
	"${cc[@]}" -static -o probe probe.c 2>/dev/null ||
		cc=(clang --target=s390x-linux-gnu)
	"${cc[@]}" -static -o probe probe.c 2>/dev/null || return 0
	emulated ./probe 2>/dev/null || return 0
	find "$top_dir/lib" "$top_dir/cmd" -name '*.c' \
		! -path '*/cmd/bash/*' -print0 |
		xargs -0 -P "$(getconf _NPROCESSORS_ONLN)" -n 4 \
			"${cc[@]}" -std=c99 -O1 -I"$top_dir/lib" \
			-I"$top_dir/lib/fdpass" -c
	while read -r source; do
		name=${source##*/}
		library+=("${name%.c}.o")
	done < <(find "$top_dir/lib" -name '*.c'
		find "$top_dir/cmd" -name 'fd*-*.c')
	# The linker warns of getaddrinfo() in a static program.
	for name in fdsend fdrecv fdlisten fdecho fdinfo; do
		"${cc[@]}" -static -o "$name" "$name.o" "${library[@]}" \
			2>/dev/null || return
	done
	: >built
}

setup()
{
	common_setup
	[ "${FDPASS_VARIANT-default}" = default ] ||
		skip "once, not for each build of this machine's commands"
	[ -e "$BATS_FILE_TMPDIR/built" ] ||
		skip "no compiler for s390x, or no qemu that runs its programs"
}

emulator()
{
	command -v qemu-s390x-static || command -v qemu-s390x
}

# emulated PROGRAM [ARG...]
emulated()
{
	"$(emulator)" "$@"
}

# big NAME...: those commands for s390x, as ./NAME, which can be run like any.
big()
{
	local name

	for name; do
		printf '#!/bin/sh\nexec %s %s "$@"\n' "$(emulator)" \
			"$BATS_FILE_TMPDIR/$name" >"$name"
		chmod 755 "$name"
	done
}

# passes SENDER RECEIVER: three descriptors and a payload, there and answered.
passes()
{
	start receiver "$2" -f 5 -f 6 -f 7 ./s sh -c \
		'cat <&5; cat <&6; cat <&7; echo "$FDRECV_UID $FDRECV_PAYLOAD"'
	limited "$1" -w -f 7 -f 5 -f 6 -s "some words" ./s \
		5<<<one 6<<<two 7<<<three
	ended receiver
	is_status 0
	same "$(cat receiver.out)" \
		"$(printf '%s\n' three one two "$(id -u) some words")"
	start receiver "$2" ./s true
	fails 1 "fdsend: ./s: refused by the receiver*" \
		"$1" -w -f 0 -f 1 ./s
	ended receiver
	is_status 1
}

@test "big-endian to big-endian" {
	big fdsend fdrecv
	passes ./fdsend ./fdrecv
}

@test "big-endian to this machine's order" {
	big fdsend
	passes ./fdsend fdrecv
}

@test "this machine's order to big-endian" {
	big fdrecv
	passes fdsend ./fdrecv
}

@test "a big-endian server and its workers serve clients" {
	big fdlisten fdrecv fdsend fdecho
	start pool ./fdrecv -n 2 ./pool ./fdecho
	start server ./fdlisten -k -o address 127.0.0.1:0 ./fdsend -w ./pool
	run_limited load -n 20 -c 4 -t 20 "$(address_of address)"
	is_status 0
	stop server
	is_status 0
	stop pool
	is_status 0
}

@test "a big-endian stream of connections, through a pipe" {
	big fdlisten fdecho
	start server sh -c './fdlisten -k -o address 127.0.0.1:0 | ./fdecho -'
	run_limited load -n 20 -c 4 -t 20 "$(address_of address)"
	is_status 0
	same "$(echo hello | limited client "$(cat address)")" hello
	for pid in $(ours); do
		like "$(ps -o args= -p "$pid")" "*qemu*/fdlisten -k *" >/dev/null ||
			continue
		kill "$pid"
	done
	ended server
	is_status 0
}

@test "a big-endian table of descriptors" {
	big fdinfo
	: >file
	start server fdlisten -k -o address 127.0.0.1:0 true
	run_limited fdconnect "$(address_of address)" ./fdinfo 0 6
	is_status 0
	like "$output" "*6 tcp *peer=$(cat address) *"
	stop server
}
