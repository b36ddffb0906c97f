# SPDX-License-Identifier: ISC
# OpenSSH uses a connection that it did not open: ProxyUseFdpass.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

setup()
{
	common_setup
	need ssh ssh-keygen
	sshd=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v sshd) ||
		skip "sshd is not installed"
	case $(getent passwd "$(id -u)" 2>/dev/null) in
	*/nologin|*/false) skip "this user may not log in" ;;
	esac
	as_sshd=()
	[ "$(id -u)" != 0 ] || need_run_sshd
	configure
}

# Run by root, sshd wants an empty /run/sshd, which the system makes when it
# starts sshd itself. We make one that only our sshd sees.
need_run_sshd()
{
	if [ "$(getent shadow root 2>/dev/null | cut -c 6)" = '!' ]; then
		skip "the account of root is locked"
	fi
	[ ! -d /run/sshd ] || return 0
	unshare -m sh -c 'mount -t tmpfs tmpfs /run' 2>/dev/null ||
		skip "there is no /run/sshd, and no right to make one"
	as_sshd=(unshare -m sh -c
	    'mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec "$@"'
	    sh)
}

configure()
{
	ssh-keygen -q -t ed25519 -N '' -f host
	ssh-keygen -q -t ed25519 -N '' -f user
	cp user.pub authorized
	echo "test $(cat host.pub)" >known
	cat >sshd_config <<-END
	HostKey $PWD/host
	AuthorizedKeysFile $PWD/authorized
	PidFile none
	UsePAM no
	StrictModes no
	PasswordAuthentication no
	PermitRootLogin yes
	END
	cat >ssh_config <<-END
	Host *
	    ProxyUseFdpass yes
	    ProxyCommand fdconnect %h:%p fdsend -f 6 -
	    HostKeyAlias test
	    StrictHostKeyChecking yes
	    UserKnownHostsFile $PWD/known
	    GlobalKnownHostsFile /dev/null
	    IdentityFile $PWD/user
	    IdentitiesOnly yes
	    BatchMode yes
	    LogLevel ERROR
	END
}

# serve ADDRESS: sshd for each connection to it; its port in $port.
serve()
{
	start server fdlisten -k -o address "$1" \
		"${as_sshd[@]}" "$sshd" -i -e -f "$PWD/sshd_config"
	port=$(port_of address)
}

@test "ssh runs a command over a connection of fdconnect" {
	serve 127.0.0.1:0
	run_limited ssh -F ssh_config -p "$port" 127.0.0.1 \
		'echo hello; echo "$SSH_CONNECTION"'
	is_status 0
	like "$output" $'*hello\n'"127.0.0.1 * 127.0.0.1 $port"
}

@test "ssh over IPv6" {
	need_ipv6
	serve '[::1]:0'
	run_limited ssh -F ssh_config -p "$port" ::1 \
		'echo hello; echo "$SSH_CONNECTION"'
	is_status 0
	like "$output" $'*hello\n'"::1 * ::1 $port"
}

@test "ssh to a host by its name" {
	getent hosts localhost >/dev/null || skip "localhost has no address"
	serve :0
	run_limited ssh -F ssh_config -p "$port" localhost 'echo hello'
	is_status 0
	like "$output" "*hello"
}

@test "ssh carries a megabyte each way" {
	head -c 1048576 /dev/urandom >sent
	serve 127.0.0.1:0
	limited ssh -F ssh_config -p "$port" 127.0.0.1 cat <sent >back
	cmp sent back
}

@test "no process stands between ssh and the server" {
	serve 127.0.0.1:0
	mkfifo in
	start_from in ssh ssh -F ssh_config -p "$port" 127.0.0.1 \
		'echo ready; cat'
	{
		wait_for grep -q ready ssh.out
		has 0 children "$pid"
		echo hello
	} >in
	ended ssh
	is_status 0
	like "$(cat ssh.out)" $'*ready\nhello'
}

@test "ssh says what fdconnect says when nobody is there" {
	serve 127.0.0.1:0
	stop server
	run_limited ssh -F ssh_config -p "$port" 127.0.0.1 true
	is_status 255
	like "$output" \
		"*fdconnect: 127.0.0.1:$port: connect: Connection refused*"
}

@test "ssh and another client on one port, told apart by fdpeek" {
	start server fdlisten -k -o address 127.0.0.1:0 fdpeek -t 20 sh -c '
		[ "$FDPEEK_PROTOCOL" = ssh ] || exec cat
		exec "$@"' sh \
		"${as_sshd[@]}" "$sshd" -i -e -f "$PWD/sshd_config"
	port=$(port_of address)
	run_limited ssh -F ssh_config -p "$port" 127.0.0.1 'echo hello'
	is_status 0
	like "$output" "*hello"
	same "$(echo not ssh | limited fdconnect "127.0.0.1:$port")" "not ssh"
	stop server
}
