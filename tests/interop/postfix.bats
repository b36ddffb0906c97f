# SPDX-License-Identifier: ISC
# Postfix: an smtpd of type pass gets clients that fdlisten has accepted, and
# who they are.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

PATH=$PATH:/usr/sbin

setup()
{
	common_setup
	need postfix
	[ "$(id -u)" = 0 ] || skip "needs the superuser"
	# Its daemons run as another user.
	chmod 711 "$BATS_RUN_TMPDIR"
	mkdir etc spool data
	chown postfix data
	cat >etc/main.cf <<-END
	compatibility_level = 3.6
	queue_directory = $PWD/spool
	data_directory = $PWD/data
	command_directory = /usr/sbin
	daemon_directory = $(postconf -dh daemon_directory)
	mail_owner = postfix
	setgid_group = postdrop
	myhostname = mail.example
	inet_protocols = ipv4
	maillog_file = /dev/stdout
	smtpd_peername_lookup = no
	smtpd_delay_reject = no
	smtpd_client_restrictions = check_client_access
	    inline:{ 192.0.2.7=REJECT }
	local_recipient_maps =
	alias_maps =
	END
	cat >etc/master.cf <<-END
	smtpd pass - - n - - smtpd
	postlog unix-dgram n - n - 1 postlogd
	anvil unix - - n - 1 anvil
	END
}

teardown()
{
	[ ! -d etc ] || postfix -c "$PWD/etc" stop >/dev/null 2>&1 || :
	rm -rf spool
	common_teardown
}

# served [ADDRESS]: what Postfix says to a client, which seems to come from there.
served()
{
	# The descriptor comes first, and then names and values.
	cat >hand-over <<-'END'
	exec fdconnect ./spool/private/smtpd sh -c '
	    fdsend fd:7
	    printf "%s\\0" client_address "$1" client_port "$2" \
	        server_address "$3" server_port "$4" "" >&7
	    ' sh "${1:-$TCPREMOTEIP}" "$TCPREMOTEPORT" "$TCPLOCALIP" "$TCPLOCALPORT"
	END
	start front fdlisten -o address 127.0.0.1:0 sh ./hand-over "$@"
	printf 'QUIT\r\n' | limited fdconnect -N "$(address_of address)"
	ended front
	rm address
}

@test "Postfix's smtpd takes a client with its attributes" {
	start postfix postfix -c "$PWD/etc" start-fg
	up spool/private/smtpd
	like "$(served 192.0.2.7)" "554 *192.0.2.7*: Client host rejected*"
	like "$(served)" "220 mail.example ESMTP*221 *"
	wait_for grep -q "connect from unknown.127.0.0.1" postfix.out
}
