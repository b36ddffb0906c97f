# SPDX-License-Identifier: ISC
# s6: its super-server feeds fdsend, its programs run under fdlisten, and its
# fd-holder keeps what fdlisten made.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

@test "connections of s6-ipcserver feed fdsend" {
	need s6-ipcserver
	start pool fdrecv -n 2 ./pool fdecho
	start server s6-ipcserver ./a fdsend -w ./pool
	limited fdconnect -w ./a </dev/null
	limited load -n 30 -c 4 ./a
	stop server
	stop pool
	is_status 0
	same "$(cat pool.err)" ""
	rm -f a a.lock
}

@test "connections of s6-ipcserver run what fdecho copies" {
	need s6-ipcserver
	start server s6-ipcserver ./a fdecho
	same "$(echo hello | limited fdconnect -w ./a)" hello
	stop server
	rm -f a a.lock
}

@test "fdlisten runs s6-ipcserver-access, which knows its variables" {
	need s6-ipcserver-access
	need_linux
	mkdir -p "rules/uid/$(id -u)" rules/uid/default
	: >"rules/uid/$(id -u)/allow"
	: >rules/uid/default/deny
	start server fdlisten -k ./a s6-ipcserver-access -v0 -i rules fdecho
	up ./a
	same "$(echo hello | limited client ./a)" hello
	mv "rules/uid/$(id -u)/allow" "rules/uid/$(id -u)/deny"
	same "$(limited client ./a)" ""
	stop server
}

@test "s6-ipcserver-socketbinder binds, fdlisten accepts" {
	need s6-ipcserver-socketbinder
	start server s6-ipcserver-socketbinder ./a fdlisten -k fd:0 fdecho
	same "$(echo hello | limited fdconnect -w ./a)" hello
	limited load -n 30 -c 4 ./a
	stop server
	is_status 0
	rm -f a a.lock
}

@test "fdlisten -l binds, s6-ipcserverd accepts" {
	need s6-ipcserverd
	start server fdlisten -l ./a sh -c 'exec s6-ipcserverd -v0 fdecho <&3 3<&-'
	up ./a
	same "$(echo hello | limited client ./a)" hello
	stop server
	rm a
}

@test "s6-ipcclient connects, fdsend hands the connection on" {
	need s6-ipcclient
	start server fdlisten ./a sh -c 'read -r line; echo "you said: $line"'
	up ./a
	start receiver fdrecv -f 6 ./s sh -c 'echo hello >&6; cat <&6'
	limited s6-ipcclient ./a fdsend -w -f 6 ./s
	ended receiver
	same "$(cat receiver.out)" "you said: hello"
	ended server
}

@test "fdconnect runs s6-ioconnect as s6-ipcclient does" {
	need s6-ioconnect
	start server fdlisten ./a sh -c 'cat; echo end'
	up ./a
	same "$(echo hello | limited fdconnect ./a s6-ioconnect)" $'hello\nend'
	ended server
}

@test "s6's fd-holder keeps the listening socket of fdlisten" {
	local rules=rules/uid/self

	need s6-fdholder-daemon s6-fdholder-store s6-fdholder-retrieve
	mkdir -p "$rules/env"
	: >"$rules/allow"
	echo . >"$rules/env/S6_FDHOLDER_STORE_REGEX"
	echo . >"$rules/env/S6_FDHOLDER_RETRIEVE_REGEX"
	start holder s6-fdholder-daemon -i rules ./holder
	up ./holder
	limited fdlisten -l -o address 127.0.0.1:0 \
		sh -c 's6-fdholder-store ./holder web <&3'
	start load load -n 20 -c 20 "$(address_of address)"
	start server s6-fdholder-retrieve ./holder web fdlisten fd:0 fdecho
	ended server
	is_status 0
	start server s6-fdholder-retrieve ./holder web fdlisten -k fd:0 fdecho
	ended load
	is_status 0
	like "$(cat load.out)" "ok=20 *"
	stop server
	stop holder
	rm -f holder holder.lock
}
