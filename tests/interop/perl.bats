# SPDX-License-Identifier: ISC
# Perl: what it inherits by number, IO::FDPass, and Socket::MsgHdr.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

setup()
{
	common_setup
	need perl
}

# need_module NAME: skip this test where Perl has no such module.
need_module()
{
	perl "-M$1" -e 1 2>/dev/null || skip "Perl has no $1"
}

@test "Perl opens by its number what fdrecv received" {
	echo hello >file
	start receiver fdrecv -f 5 ./s \
		perl -e 'open my $f, "<&=", 5 or die; print scalar <$f>'
	limited fdsend -w ./s <file
	ended receiver
	same "$(cat receiver.out)" hello
}

@test "a Perl server serves on a socket of fdlisten -l" {
	cat >server.pl <<-'END'
	use IO::Socket::INET;
	my $listener = IO::Socket::INET->new_from_fd(3, "r+") or die $!;
	while (my $connection = $listener->accept) {
		print $connection $connection->peerhost, "\n";
		close $connection;
	}
	END
	start server fdlisten -l -o address 127.0.0.1:0 perl server.pl
	same "$(limited client "$(address_of address)")" 127.0.0.1
	same "$(limited client "$(address_of address)")" 127.0.0.1
	stop server
}

@test "Perl talks as a UCSPI client under fdconnect" {
	start server fdlisten ./a sh -c 'read -r line; echo "you said: $line"'
	up ./a
	cat >talk.pl <<-'END'
	open my $in, "<&=", 6 or die;
	open my $out, ">&=", 7 or die;
	syswrite $out, "hello\n";
	print <$in>;
	END
	run_limited fdconnect ./a perl talk.pl
	is_status 0
	same "$output" "you said: hello"
	ended server
}

@test "IO::FDPass sends to fdrecv" {
	need_module IO::FDPass
	echo hello >file
	start receiver fdrecv ./s cat
	up ./s
	cat >sender.pl <<-'END'
	use IO::FDPass;
	use IO::Socket::UNIX;
	my $s = IO::Socket::UNIX->new(Peer => "./s") or die $!;
	open my $f, "<", "file" or die $!;
	IO::FDPass::send(fileno $s, fileno $f) or die $!;
	sysread $s, my $answer, 1;
	print ord $answer, "\n";
	END
	run_limited perl sender.pl
	is_status 0
	same "$output" 0
	ended receiver
	same "$(cat receiver.out)" hello
}

@test "IO::FDPass receives from fdsend" {
	need_module IO::FDPass
	echo hello >file
	cat >receiver.pl <<-'END'
	use IO::FDPass;
	use IO::Socket::UNIX;
	my $listener = IO::Socket::UNIX->new(Local => "./s", Listen => 1)
	    or die $!;
	my $s = $listener->accept;
	unlink "./s";
	my $fd = IO::FDPass::recv(fileno $s);
	die $! if $fd < 0;
	open my $f, "<&=", $fd or die $!;
	print <$f>;
	END
	start receiver perl receiver.pl
	run_limited fdsend -w ./s <file
	is_status 0
	ended receiver
	same "$(cat receiver.out)" hello
}

@test "IO::FDPass takes the connections of fdlisten from its input" {
	need_module IO::FDPass
	cat >worker.pl <<-'END'
	use IO::FDPass;
	while ((my $fd = IO::FDPass::recv(0)) >= 0) {
		open my $connection, "+<&=", $fd or die $!;
		syswrite $connection, "hello\n";
	}
	END
	start server fdpipe fdlisten -k -o address 127.0.0.1:0 '|' \
		perl worker.pl
	same "$(limited client "$(address_of address)")" hello
	same "$(limited client "$(address_of address)")" hello
	stop server
}

@test "Socket::MsgHdr sends two descriptors with a payload to fdrecv" {
	need_module Socket::MsgHdr
	echo a >a
	echo b >b
	start receiver fdrecv -f 5 -f 6 ./s \
		sh -c 'cat <&5; cat <&6; echo "<$FDRECV_PAYLOAD>"'
	up ./s
	cat >sender.pl <<-'END'
	use IO::Socket::UNIX;
	use Socket;
	use Socket::MsgHdr;
	my $s = IO::Socket::UNIX->new(Peer => "./s") or die $!;
	open my $a, "<", "a" or die $!;
	open my $b, "<", "b" or die $!;
	my $message = Socket::MsgHdr->new(buf => "from Perl");
	$message->cmsghdr(SOL_SOCKET, SCM_RIGHTS,
	    pack("i2", fileno $a, fileno $b));
	sendmsg($s, $message) or die $!;
	shutdown $s, 1;
	sysread $s, my $answer, 1;
	print ord $answer, "\n";
	END
	run_limited perl sender.pl
	is_status 0
	same "$output" 0
	ended receiver
	same "$(cat receiver.out)" $'a\nb\n<from Perl>'
}

@test "Socket::MsgHdr receives two descriptors with a payload from fdsend" {
	need_module Socket::MsgHdr
	echo a >a
	echo b >b
	cat >receiver.pl <<-'END'
	use IO::Socket::UNIX;
	use Socket;
	use Socket::MsgHdr;
	my $listener = IO::Socket::UNIX->new(Local => "./s", Listen => 1)
	    or die $!;
	my $s = $listener->accept;
	unlink "./s";
	my $message = Socket::MsgHdr->new(buflen => 100, controllen => 256);
	recvmsg($s, $message) or die $!;
	print $message->buf, "\n";
	my ($level, $type, $data) = $message->cmsghdr;
	for my $fd (unpack "i*", $data) {
		open my $f, "<&=", $fd or die $!;
		print <$f>;
	}
	END
	start receiver perl receiver.pl
	run_limited sh -c 'exec fdsend -w -f 7 -f 8 -s "from fdsend" ./s 7<a 8<b'
	is_status 0
	ended receiver
	same "$(cat receiver.out)" $'from fdsend\na\nb'
}
