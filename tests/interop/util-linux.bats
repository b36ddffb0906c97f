# SPDX-License-Identifier: ISC
# util-linux has commands of the same names, which send one descriptor with
# the payload " ", do not answer, and want an absolute path.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

setup()
{
	local dir

	common_setup
	for dir in /usr/bin /bin /usr/local/bin /opt/util-linux/bin; do
		case $("$dir/fdsend" --version 2>/dev/null) in
		*util-linux*) theirs=$dir ;;
		esac
	done
	[ -n "${theirs-}" ] || skip "util-linux has no fdsend here"
}

@test "util-linux's fdsend sends to our fdrecv" {
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
	echo hello >file
	start receiver "$theirs/fdrecv" --stdin "$PWD/s" --run cat
	run_limited fdsend -w "$PWD/s" <file
	is_status 0
	ended receiver
	is_status 0
	same "$(cat receiver.out)" hello
}
