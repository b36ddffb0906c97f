# SPDX-License-Identifier: ISC
# Named sockets: fdlisten -l -i, and the names that fdrecv -a finds in a
# payload, as those read LISTEN_FDNAMES that it is meant for.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

# names COMMAND...: run COMMAND with a program at its end that prints what is
# announced to it.
names()
{
	run_limited "$@" sh -c 'echo "${LISTEN_FDS-none} ${LISTEN_FDNAMES-none}"'
	is_status 0
}

# sent PAYLOAD N: N descriptors, sent with PAYLOAD, and what -a announces.
sent()
{
	local i fds=()

	for ((i = 0; i < $2; i++)); do
		fds+=(-f 0)
	done
	start receiver fdrecv -a ./s \
		sh -c 'echo "${LISTEN_FDS-none} ${LISTEN_FDNAMES-none}"'
	run_limited fdsend -w "${fds[@]:--f-}" -s "$1" ./s
	is_status 0
	ended receiver
	is_status 0
	output=$(cat receiver.out)
}

long=$(printf '%0255d' 0)

# --- fdlisten -i

@test "-i names a listening socket" {
	names fdlisten -l -i web 127.0.0.1:0
	same "$output" "1 web"
}

@test "without -i no names are announced" {
	names fdlisten -l 127.0.0.1:0 fdlisten -l 127.0.0.1:0
	same "$output" "2 none"
}

@test "a chain of named sockets" {
	names fdlisten -l -i web 127.0.0.1:0 fdlisten -l -i control ./c \
		fdlisten -l -i web 127.0.0.1:0
	same "$output" "3 web:control:web"
	rm c
}

@test "once one of a chain has a name, the others are unknown" {
	names fdlisten -l 127.0.0.1:0 fdlisten -l 127.0.0.1:0 \
		fdlisten -l -i web 127.0.0.1:0 fdlisten -l 127.0.0.1:0
	same "$output" "4 unknown:unknown:web:unknown"
}

@test "names that others have announced are kept, empty ones too" {
	names sh -c 'LISTEN_FDS=3 LISTEN_PID=$$ LISTEN_FDNAMES=a::c.socket
		export LISTEN_FDS LISTEN_PID LISTEN_FDNAMES
		exec fdlisten -l -i web 127.0.0.1:0 "$@"' sh
	same "$output" "4 a::c.socket:web"
}

@test "names that are as many as something else name nobody" {
	names sh -c 'LISTEN_FDS=2 LISTEN_PID=$$ LISTEN_FDNAMES=a:b:c
		export LISTEN_FDS LISTEN_PID LISTEN_FDNAMES
		exec fdlisten -l -i web 127.0.0.1:0 "$@"' sh
	same "$output" "3 unknown:unknown:web"
}

@test "names that were announced to another process are gone" {
	names env LISTEN_FDS=2 LISTEN_PID=1 LISTEN_FDNAMES=a:b \
		fdlisten -l -i web 127.0.0.1:0
	same "$output" "1 web"
	names env LISTEN_FDS=2 LISTEN_PID=1 LISTEN_FDNAMES=a:b \
		fdlisten -l 127.0.0.1:0
	same "$output" "1 none"
}

@test "a name has 255 printable characters at most" {
	names fdlisten -l -i "$long" 127.0.0.1:0
	same "$output" "1 $long"
	names fdlisten -l -i ' !"/[]{}~=$x' 127.0.0.1:0
	same "$output" '1  !"/[]{}~=$x'
	refuses "fdlisten: -i *a name has 1 to 255*" \
		fdlisten -l -i "${long}0" 127.0.0.1:0 true
}

@test "a name that no list can hold is refused, before anything is opened" {
	local name

	for name in '' a:b : 'a\b' $'a\nb' $'a\tb' $'\177' "caf"$'\303\251'; do
		refuses "fdlisten: -i *a name has 1 to 255*" \
			fdlisten -l -i "$name" ./a true
		not test -e a
	done
}

@test "-i without -l is wrong usage" {
	refuses "fdlisten: -i goes with -l*" fdlisten -i web ./a true
	refuses "fdlisten: -i goes with -l*" fdlisten -k -i web ./a true
}

@test "without COMMAND the name is the payload" {
	run_limited sh -c 'fdlisten -l -i web 127.0.0.1:0 |
		fdrecv -a - sh -c "echo \$FDRECV_PAYLOAD \$LISTEN_FDNAMES"'
	same "$output" "web web"
	run_limited sh -c 'fdlisten -l 127.0.0.1:0 |
		fdrecv -a - sh -c "echo \"<\$FDRECV_PAYLOAD>\${LISTEN_FDNAMES-none}\""'
	same "$output" "<>none"
}

# --- fdrecv -a

@test "fdrecv -a announces the names in the payload" {
	sent web:control 2
	same "$output" "2 web:control"
	sent web 1
	same "$output" "1 web"
	sent "$long:b:$long" 3
	same "$output" "3 $long:b:$long"
}

@test "a payload that is not exactly as many names announces none" {
	local payload

	for payload in web web:control:more web: :web : '' 'a\b:c' $'a\nb:c' \
		"${long}0:b"; do
		sent "$payload" 2
		same "$output" "2 none" "$payload"
	done
	sent a:b 1
	same "$output" "1 none"
}

@test "fdrecv -a with no descriptor announces nothing" {
	sent words 0
	same "$output" "none none"
	start receiver env LISTEN_FDS=1 LISTEN_PID=1 LISTEN_FDNAMES=x \
		fdrecv -a ./s env
	limited fdsend -w -f - ./s
	ended receiver
	is_status 0
	not grep ^LISTEN receiver.out
}

@test "253 names fit" {
	local list i

	list=$(for ((i = 0; i < 253; i++)); do printf 'name%d:' "$i"; done)
	sent "${list%:}" 253
	same "$output" "253 ${list%:}"
}

# --- who reads it

@test "libsystemd reads what fdlisten writes" {
	need "${CC:-cc}"
	cat >names.c <<-'END'
	#include <systemd/sd-daemon.h>
	#include <stdio.h>

	int
	main(void)
	{
		char **names = NULL;
		int i, n = sd_listen_fds_with_names(0, &names);

		for (i = 0; i < n; i++)
			printf("%d=%s ", 3 + i, names[i]);
		printf("%d stream, %d named control\n",
		    sd_is_socket(3, 0, 1, 1), sd_is_socket_unix(4, 1, 1,
		    "control", 0));
		return n < 0;
	}
	END
	"${CC:-cc}" -o names names.c -lsystemd 2>log ||
		skip "libsystemd's headers are not installed"
	run_limited fdlisten -l -i ' "web" $x' 127.0.0.1:0 \
		fdlisten -l ./control fdlisten -l -i "$long" ./c ./names
	is_status 0
	like "$output" "3= \"web\" \$x 4=unknown 5=$long 1 stream, *"
	rm control c
}

@test "Python's systemd module reads what fdrecv -a writes" {
	local python

	# The system's own has the module.
	for python in /usr/bin/python3 python3; do
		! "$python" -c 'import systemd.daemon' 2>log || break
	done
	"$python" -c 'import systemd.daemon' 2>log ||
		skip "python3-systemd is not installed"
	start receiver fdrecv -a ./s "$python" -c '
import systemd.daemon
print(systemd.daemon.listen_fds_with_names())'
	limited fdsend -w -f 0 -f 0 -s 'web:a b' ./s
	ended receiver
	same "$(<receiver.out)" "{3: 'web', 4: 'a b'}"
}

@test "a Go program finds its sockets by name, as go-systemd does" {
	need go
	cat >names.go <<-'END'
	package main

	import (
		"fmt"
		"net"
		"os"
		"strconv"
		"strings"
	)

	func main() {
		pid, _ := strconv.Atoi(os.Getenv("LISTEN_PID"))
		n, _ := strconv.Atoi(os.Getenv("LISTEN_FDS"))
		if pid != os.Getpid() {
			os.Exit(1)
		}
		names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
		for i := 0; i < n; i++ {
			l, err := net.FileListener(os.NewFile(uintptr(3+i), names[i]))
			if err != nil {
				panic(err)
			}
			fmt.Println(names[i], l.Addr().Network())
		}
	}
	END
	HOME=$PWD GOCACHE=$PWD/cache GO111MODULE=off GOFLAGS='' \
		timeout 120 go build -o names names.go >log 2>&1 ||
		skip "go cannot build here"
	run_limited fdlisten -l -i web 127.0.0.1:0 fdlisten -l -i control ./c \
		./names
	same "$output" $'web tcp\ncontrol unix'
	rm c
}
