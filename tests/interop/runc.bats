# SPDX-License-Identifier: ISC
# runc: the console of a container is handed to fdrecv, as to recvtty.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

setup()
{
	common_setup
}

@test "runc hands the console of a container to fdrecv" {
	local lib

	need runc dash python3 ldd
	[ "$(id -u)" = 0 ] || skip "needs the superuser"
	mkdir -p bundle/rootfs/bin
	cp "$(command -v dash)" bundle/rootfs/bin/sh
	for lib in $(ldd bundle/rootfs/bin/sh | grep -o '/[^ ]*'); do
		mkdir -p "bundle/rootfs${lib%/*}"
		cp "$lib" "bundle/rootfs$lib"
	done
	runc spec -b bundle
	python3 - <<-'END'
	import json
	c = json.load(open("bundle/config.json"))
	c["process"]["args"] = ["/bin/sh", "-c",
	    'test -t 0 && echo "a terminal"; read x; echo "you said $x"']
	json.dump(c, open("bundle/config.json", "w"))
	END
	start console fdrecv -f 5 ./console sh -c \
		'echo "$FDRECV_PAYLOAD"; echo hello >&5; cat <&5'
	up ./console
	runc --root "$PWD/state" run -d -b bundle \
		--console-socket "$PWD/console" fdpass-$$ >runc.log 2>&1 || {
		runc --root "$PWD/state" delete -f fdpass-$$ || :
		stop console
		skip "runc cannot run here: $(tail -n 1 runc.log)"
	}
	wait_for grep -q "you said hello" console.out
	# A terminal whose other side is gone: its reader gets an error.
	ended console
	runc --root "$PWD/state" delete -f fdpass-$$
	grep -q /dev/ptmx console.out
	grep -q "a terminal" console.out
}

# What runc does where no container can be made: the name of the terminal and
# its descriptor in one message, and no look at an answer.
@test "the protocol of --console-socket, spoken by a stand-in" {
	need python3
	start console fdrecv -f 5 ./console sh -c \
		'echo "$FDRECV_PAYLOAD"; head -n 1 <&5'
	up ./console
	python3 - <<-'END'
	import array, os, pty, socket, time
	master, slave = pty.openpty()
	os.write(slave, b"from inside\n")
	s = socket.socket(socket.AF_UNIX)
	s.connect("./console")
	s.sendmsg([os.ttyname(slave).encode()], [(socket.SOL_SOCKET,
	    socket.SCM_RIGHTS, array.array("i", [master]))])
	s.close()
	while b"inside" not in open("console.out", "rb").read():
	    time.sleep(0.02)
	END
	ended console
	is_status 0
	like "$(cat console.out)" "/dev/pts/*from inside*"
}
