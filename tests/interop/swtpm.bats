# SPDX-License-Identifier: ISC
# swtpm: its control socket takes a descriptor with four bytes, CMD_SET_DATAFD.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

setup()
{
	common_setup
	need swtpm python3
	mkdir state
	start swtpm swtpm socket --tpm2 --ctrl "type=unixio,path=$PWD/ctrl" \
		--tpmstate dir=state
	up ctrl
}

# startup: a Python function that has the TPM at descriptor fd start.
startup='
import os, socket
def startup(fd):
    s = socket.socket(fileno=fd)
    s.settimeout(20)
    s.send(bytes.fromhex("80010000000c00000144 0000"))
    answer = s.recv(100)
    assert answer == bytes.fromhex("80010000000a00000000"), answer
'

@test "swtpm takes its data channel through fdconnect" {
	start tap fdlisten -k ./front fdconnect -vw ./ctrl
	up ./front
	run_limited python3 -c "$startup"'
import array
c = socket.socket(socket.AF_UNIX)
c.settimeout(20)
c.connect("./front")
ours, theirs = socket.socketpair()
c.sendmsg([b"\0\0\0\20"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
    array.array("i", [theirs.fileno()]))])
theirs.close()
assert c.recv(4) == bytes(4)
c.send(b"\0\0\0\2\0\0\0\0")
assert c.recv(4) == bytes(4)
startup(ours.detach())
c.send(b"\0\0\0\3")
'
	is_status 0
	stop tap
	grep -q '^C.*: > 4 bytes "\\0\\0\\0\\020", 1 descriptor$' tap.err
	grep -q '^C.*: > *0 unix rw ' tap.err
	# It ends with its data channel.
	ended swtpm
	rm -f ctrl
}

@test "swtpm takes its data channel from fdsend -S" {
	fdsend --help | grep -q -e '-S' || skip "fdsend has no -S here"
	printf '\0\0\0\020' >request
	cat >session.py <<-END
	$startup
	import subprocess
	ours, theirs = socket.socketpair()
	subprocess.run(["fdsend", "-f", str(theirs.fileno()), "-S", "request",
	    "fd:7"], pass_fds=[7, theirs.fileno()], check=True)
	theirs.close()
	assert os.read(6, 4) == bytes(4)
	os.write(7, b"\0\0\0\2\0\0\0\0")
	assert os.read(6, 4) == bytes(4)
	startup(ours.detach())
	END
	run_limited fdconnect ./ctrl python3 session.py
	is_status 0
	stop swtpm
	rm -f ctrl
}
