# SPDX-License-Identifier: ISC
# QEMU: a file is handed to it in the middle of a session with its monitor,
# which is reached through fdconnect.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

setup()
{
	common_setup
	need qemu-system-x86_64
	need_linux
	echo content >disk
}

# qemu OPTION...: a machine without anything, whose monitor is at ./real, and
# fdconnect in front of it.
qemu()
{
	start qemu qemu-system-x86_64 -machine none -nodefaults \
		-display none "$@"
	start tap fdlisten -k ./front fdconnect -vw ./real
	up ./front
}

is_shown()
{
	wait_for grep -q "^C.*: > .*file r - path=$PWD/disk" tap.err
}

@test "QMP: getfd and add-fd in the middle of a session" {
	qemu -qmp unix:./real,server=on,wait=off
	cat >session <<-'END'
	next() { read -r line <&6 && echo "$line"; }
	next
	echo '{"execute":"qmp_capabilities"}' >&7
	next
	fdsend -f 5 -s '{"execute":"getfd","arguments":{"fdname":"d"}}' \
		fd:7 5<disk
	next
	fdsend -f 5 -s '{"execute":"add-fd","arguments":{"fdset-id":1}}' \
		fd:7 5<disk
	next
	echo '{"execute":"query-fdsets"}' >&7
	next
	echo '{"execute":"quit"}' >&7
	cat <&6
	END
	limited fdconnect -w ./front sh session >answers
	ended qemu
	sed -n 3p answers | grep -q '^{"return": {}}'
	sed -n 4p answers | grep -q '^{"return": {.*"fdset-id": 1'
	sed -n 5p answers | grep -q '"fdset-id": 1'
	is_shown
	stop tap
}

@test "HMP: getfd in the middle of a session" {
	qemu -monitor unix:./real,server=on,wait=off
	cat >session <<-'END'
	# The descriptor first: the command looks for the one that came last.
	fdsend -f 5 -s "getfd mydisk
	" fd:7 5<disk
	echo "closefd mydisk" >&7
	echo "closefd mydisk" >&7
	echo quit >&7
	cat <&6
	END
	limited fdconnect -w ./front sh session >answers
	ended qemu
	# It is known by its name, and then it is not.
	has 1 grep "mydisk.* not found" answers
	is_shown
	stop tap
}
