# SPDX-License-Identifier: ISC
# The library, as others use it: installed, found by pkg-config, and the
# example of its manual as it is printed.

load ../lib/helpers
load ../lib/examples
load ../lib/streams

# A line of what the tests' own program prints is compared.
probe_source=$(cat <<'END'
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <fdpass.h>

/* What a program may have of its own. */
int trace_on, diag_program, n_functions;
void trace(void) { n_functions++; }
void diag(void) { n_functions++; }
void text_add(void) { n_functions++; }
void signals_wait(void) { n_functions++; }
void sys_socket(void) { n_functions++; }

static const char *
name_of(int e)
{
	return e == ENOENT ? "ENOENT" : e == ECONNREFUSED ? "ECONNREFUSED" :
	    e == ECONNABORTED ? "ECONNABORTED" : e == EAGAIN ? "EAGAIN" :
	    e == ECONNRESET ? "ECONNRESET" : e == EINTR ? "EINTR" :
	    e == EINVAL ? "EINVAL" : e == ENAMETOOLONG ? "ENAMETOOLONG" :
	    e == EADDRINUSE ? "EADDRINUSE" : e == ENOTSOCK ? "ENOTSOCK" :
	    strerror(e);
}

static int
say(int r)
{
	if (r == -1)
		puts(name_of(errno));
	else
		puts("ok");
	return r;
}

int
main(int argc, char *argv[])
{
	static int fds[300];
	static char zeros[70000];
	struct fdpass_message m;
	char payload[100];
	int i, s, c;

	trace(), diag(), text_add(), signals_wait(), sys_socket();
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (strcmp(argv[1], "give") == 0) { /* NAME COUNT LENGTH FLAGS */
		say(fdpass_hand_over(argv[2], zeros, (size_t)atoi(argv[4]),
		    fds, (size_t)atoi(argv[3]), atoi(argv[5])));
		return 0;
	}
	s = say(fdpass_listen(argv[2], 0640)); /* NAME COUNT ANSWER */
	if (s == -1)
		return 0;
	if (strcmp(argv[1], "look") == 0) {
		fcntl(s, F_SETFL, O_NONBLOCK);
		fdpass_buffer(&m, payload, sizeof payload);
		say(fdpass_accept(s, &m));
		return unlink(argv[2]);
	}
	for (i = atoi(argv[3]); i > 0; i--) {
		fdpass_buffer(&m, payload, sizeof payload);
		c = fdpass_accept(s, &m);
		if (c == -1)
			return say(c), 1;
		printf("%d: %.*s\n", (int)m.count, (int)m.length, m.payload);
		if (argc > 4)
			fdpass_answer(c, argv[4][0]);
		close(c);
		fdpass_close(&m);
	}
	return unlink(argv[2]);
}
END
)

# The receiver in steps: names are listened on, or connected to with "hold", and
# - is standard input.
steps_source=$(cat <<'END'
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fdpass.h>

static void
on_alarm(int sig)
{
	(void)sig;
	puts("alarm");
}

static const char *
name_of(int e)
{
	return e == ENOTCONN ? "ENOTCONN" : e == ENOTSOCK ? "ENOTSOCK" :
	    e == EBADF ? "EBADF" : e == ENOENT ? "ENOENT" :
	    e == EMSGSIZE ? "EMSGSIZE" : e == EPROTO ? "EPROTO" :
	    strerror(e);
}

/* What the invitation in the pipe at standard input leads to. */
static int
follow(void)
{
	struct fdpass_invitation invitation;
	struct pollfd p = {0, POLLIN, 0};
	int s;

	invitation.length = 0;
	while ((s = fdpass_follow(0, &invitation)) == -1 && errno == EAGAIN) {
		puts("EAGAIN");
		poll(&p, 1, -1);
	}
	return s;
}

int
main(int argc, char *argv[]) /* listen|hold|follow|stream NAME COUNT SIZE */
{
	static char payload[70000];
	struct fdpass_message m;
	struct fdpass_receiver *r;
	struct pollfd fds[FDPASS_MAX_POLL];
	struct sigaction sa;
	int s = 0, result = 0, sender, timeout, n = atoi(argv[3]);
	size_t count;

	(void)argc;
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGALRM, on_alarm);
	if (strcmp(argv[1], "listen") == 0)
		s = fdpass_listen(argv[2], 0600);
	else if (strcmp(argv[1], "hold") == 0)
		s = fdpass_connect(argv[2]);
	else if (strcmp(argv[1], "follow") == 0)
		s = follow();
	if (s == -1 || (r = fdpass_receiver_begin(s)) == NULL)
		return puts(name_of(errno)), 1;
	fdpass_buffer(&m, payload, (size_t)atoi(argv[4]));
	while (n > 0) {
		while ((result = fdpass_receiver_step(r, &m, &sender)) == 0) {
			count = fdpass_receiver_poll(r, fds, &timeout);
			if (poll(fds, count, timeout) == -1)
				return 1;
		}
		if (result == -1)
			puts(name_of(errno));
		if (result == -1 && errno == ENOTCONN)
			break;
		if (result == -1)
			continue;
		printf("%d %d %.*s\n", (int)m.count, (int)m.length,
		    m.length < 9 ? (int)m.length : 9, m.payload);
		if (sender != -1 && fdpass_answer(sender, FDPASS_TAKEN) == -1)
			puts("given up");
		if (sender != -1)
			close(sender);
		fdpass_close(&m);
		n--;
	}
	fdpass_receiver_end(r);
	fdpass_receiver_end(NULL);
	if (strcmp(argv[1], "listen") == 0)
		unlink(argv[2]);
	sigaction(SIGALRM, NULL, &sa);
	return sa.sa_handler != on_alarm;
}
END
)

# Whom fdpass_recv() names as the sender: nobody without SO_PASSCRED, or if that
# is set late.
sender_source=$(cat <<'END'
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/socket.h>
#include <fdpass.h>

static void
send_and_receive(const int *pair, int flags, int is_late)
{
	struct fdpass_message m;
	char payload[2];
	int on = 1;

	fdpass_send(pair[0], "", 1, NULL, 0, flags);
	if (is_late)
		setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
	fdpass_buffer(&m, payload, sizeof payload);
	if (fdpass_recv(pair[1], &m, FDPASS_NOWAIT) == 1)
		printf("%ld %ld %ld\n", m.pid, m.uid, m.gid);
}

int
main(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == -1)
		return 1;
	send_and_receive(pair, FDPASS_CREDS, 0);
	send_and_receive(pair, 0, 1);
	send_and_receive(pair, 0, 0);
	return 0;
}
END
)

# Threads that all need the timer, while the main thread, to which the kernel
# prefers to give the signal, waits.
threads_source=$(cat <<'END'
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <fdpass.h>

static volatile sig_atomic_t ticks;

static void
on_alarm(int sig)
{
	ticks += sig == SIGALRM;
}

/* Receive and close. */
static void *
receive(void *unused)
{
	struct fdpass_message m;
	char payload[10];
	int pair[2], i;

	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
	for (i = 0; i < 20000; i++) {
		fdpass_send(pair[0], "", 1, &pair[0], 1, 0);
		fdpass_buffer(&m, payload, sizeof payload);
		fdpass_recv(pair[1], &m, FDPASS_NOWAIT);
		fdpass_close(&m);
	}
	return unused;
}

/* Close a connection that lingers for an hour. */
static void *
linger(void *unused)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct linger hour = {1, 3600};
	socklen_t length = sizeof in;
	struct fdpass_message m;
	char zeros[4096] = {0};
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bind(listener, (struct sockaddr *)&in, sizeof in);
	listen(listener, 1);
	getsockname(listener, (struct sockaddr *)&in, &length);
	fdpass_buffer(&m, zeros, sizeof zeros);
	m.fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	m.count = 1;
	connect(m.fds[0], (struct sockaddr *)&in, sizeof in);
	setsockopt(m.fds[0], SOL_SOCKET, SO_LINGER, &hour, sizeof hour);
	while (send(m.fds[0], zeros, sizeof zeros, MSG_DONTWAIT) > 0)
		;
	fdpass_close(&m);
	close(listener);
	return unused;
}

/* Processors are busy until this is set. */
static volatile sig_atomic_t is_done;

static void *
spin(void *unused)
{
	while (!is_done)
		;
	return unused;
}

static void *
linger_often(void *unused)
{
	int i;

	for (i = 0; i < 100; i++)
		linger(NULL);
	is_done = 1;
	return unused;
}

/*
 * Ticks of the timer meet a main thread that is slow to take them, while
 * SIGALRM would end the process.
 */
static int
slow(void)
{
	pthread_t threads[5];
	int i;

	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, spin, NULL);
	pthread_create(&threads[4], NULL, linger_often, NULL);
	setpriority(PRIO_PROCESS, 0, 19);
	for (i = 0; i < 5; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

/* The handler runs on the stack that a thread, as in Go, has for signals. */
static int
stack(void)
{
	struct sigaction sa;
	pthread_t thread;

	pthread_create(&thread, NULL, linger_often, NULL);
	do
		sigaction(SIGALRM, NULL, &sa);
	while (!is_done && (sa.sa_flags & SA_SIGINFO) == 0);
	pthread_join(thread, NULL);
	return (sa.sa_flags & SA_ONSTACK) == 0;
}

/* The caller's timer, at moments that fall into the calls of the library. */
static int
alarms(void)
{
	struct itimerval often = {{0, 2000}, {0, 1}};
	struct sigaction sa;

	memset(&sa, 0, sizeof sa);
	sa.sa_handler = on_alarm;
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	while (ticks < 50)
		receive(NULL);
	return 0;
}

int
main(int argc, char *argv[])
{
	void *(*f)(void *) = strcmp(argv[1], "linger") == 0 ? linger : receive;
	pthread_t threads[3];
	struct sigaction sa;
	struct itimerval t;
	int i;

	if (strcmp(argv[1], "alarms") == 0)
		return alarms();
	if (strcmp(argv[1], "stack") == 0)
		return stack();
	if (strcmp(argv[1], "slow") == 0)
		return slow();
	for (i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, f, NULL);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	getitimer(ITIMER_REAL, &t);
	sigaction(SIGALRM, NULL, &sa);
	printf("%s %s\n", t.it_value.tv_usec || t.it_interval.tv_usec ?
	    "ticks" : "quiet", sa.sa_handler == SIG_DFL ? "default" : "ours");
	return argc != 2;
}
END
)

setup_file()
{
	export installed=$BATS_FILE_TMPDIR/fdpass
	export PKG_CONFIG_PATH=$installed/lib/pkgconfig
	export LD_LIBRARY_PATH=$installed/lib

	command -v "${CC:-cc}" >/dev/null && command -v pkg-config >/dev/null ||
		return 0
	env -u MAKEFLAGS -u MAKELEVEL make -C "$top_dir" \
		install DESTDIR= PREFIX="$installed" \
		LOADABLESDIR="$installed/lib/bash" >"$BATS_FILE_TMPDIR/log" 2>&1 ||
		{ cat "$BATS_FILE_TMPDIR/log" >&2; return 1; }
	# What many tests use is compiled once.
	cd "$BATS_FILE_TMPDIR" || return
	printf '%s\n' "$probe_source" >probe.c
	printf '%s\n' "$steps_source" >steps.c
	printf '%s\n' "$sender_source" >sender.c
	printf '%s\n' "$threads_source" >threads.c
	example &&
		compile hand &&
		compile probe -std=c99 -D_POSIX_C_SOURCE=200809L &&
		compile steps -std=c99 -D_POSIX_C_SOURCE=200809L &&
		compile sender -std=c99 &&
		compile threads -std=c99 -D_XOPEN_SOURCE=700 -pthread
}

setup()
{
	common_setup
	need "${CC:-cc}" pkg-config
}

# compile PROGRAM [OPTION...]: PROGRAM.c, without a warning.
compile()
{
	local program=$1 flags

	shift
	read -ra flags < <(pkg-config --cflags --libs fdpass)
	run_limited "${CC:-cc}" "$@" -o "$program" "$program.c" "${flags[@]}"
	is_status 0 && same "$output" ""
}

# example: the example of the manual, ./hand.c, with its section in ./examples.
example()
{
	section "$top_dir/man/fdpass.3" EXAMPLES >examples
	blocks examples '.Bd -literal'
	same "$n_blocks" 1 "examples" && mv block.1 hand.c
}

# have PROGRAM: hand, probe, sender, steps or threads, in this directory.
have()
{
	ln -s "$BATS_FILE_TMPDIR/$1" .
}

@test "the example compiles as it is printed, in the way that is printed" {
	# (By setup_file, without a warning.)
	[ -x "$BATS_FILE_TMPDIR/hand" ]
	grep -Fx ".Dl cc -o hand hand.c \$(pkg-config --cflags --libs fdpass)" \
		"$BATS_FILE_TMPDIR/examples"
}

@test "the example has at most 60 lines, and no warning can be had from it" {
	example
	compile hand -std=c99 -D_POSIX_C_SOURCE=200809L -pedantic -Wall -Wextra \
		-Wshadow -Wconversion -Werror -O2
	[ "$(wc -l <hand.c)" -le 60 ]
	not grep -E '.{73}' hand.c
}

@test "the two halves of the example serve clients" {
	local port

	have hand
	leaves_sockets
	port=$(free_port)
	start server ./hand ./worker "$port"
	start worker ./hand ./worker
	for word in one two three; do
		same "$(echo "$word" |
			limited fdconnect -w "127.0.0.1:$port")" "$word"
	done
	head -c 300000 /dev/urandom >sent
	limited fdconnect "127.0.0.1:$port" <sent >back
	cmp sent back
	signal server
	signal worker
	wait_for none_left
	same "$(cat server.err worker.err)" ""
}

@test "its worker takes what fdsend hands over" {
	have hand
	leaves_sockets
	start worker ./hand ./worker
	start server fdlisten -k -o address 127.0.0.1:0 fdsend -w ./worker
	same "$(echo hello | limited client "$(address_of address)")" hello
	run_limited load -n 30 -c 5 "$(address_of address)"
	is_status 0
	stop server
	same "$(cat server.err worker.err)" ""
}

@test "its worker takes what fdsend -r relays" {
	have hand
	leaves_sockets
	start worker ./hand ./worker
	start server sh -c \
		'fdlisten -k -o address 127.0.0.1:0 | fdsend -rw ./worker'
	run_limited load -n 30 -c 5 "$(address_of address)"
	is_status 0
	kill "$(the_one "fdsend -rw*")"
	ended server
	is_status 0
	same "$(cat server.err worker.err)" ""
}

@test "its worker refuses another user, who may write to its socket" {
	! built_posix_only || skip "who sends is not told there"
	have hand
	leaves_sockets
	another_user
	start worker ./hand ./worker
	up ./worker
	chmod 666 ./worker
	fails 1 "fdsend: ./worker: refused by the receiver" \
		"${nobody[@]}" fdsend ./worker
	run_limited fdsend -d ./worker
	is_status 0
}

@test "the example says how it is called, and why it fails" {
	have hand
	for arguments in "" "one two three"; do
		# shellcheck disable=SC2086
		fails 1 "usage: hand name *" ./hand $arguments
	done
	fails 1 "./no/such: No such file or directory" ./hand ./no/such
}

@test "its worker refuses two descriptors, and lives on" {
	have hand
	leaves_sockets
	start worker ./hand ./worker
	fails 1 "fdsend: ./worker: refused by the receiver" \
		fdsend -w -f 0 -f 1 ./worker
	run_limited fdsend -s "$(printf %05000d 0)" ./worker
	is_status 1
	start server fdlisten -o address 127.0.0.1:0 fdsend ./worker
	same "$(echo hello | limited client "$(address_of address)")" hello
	ended server
	is_status 0
}

@test "its server hands over to fdrecv, and to fdecho" {
	local port worker

	have hand
	port=$(free_port)
	start server ./hand ./worker "$port"
	for worker in "fdrecv -n 3 ./worker fdecho" "fdecho ./worker"; do
		# shellcheck disable=SC2086
		start worker $worker
		same "$(echo hello |
			limited fdconnect -w "127.0.0.1:$port")" hello
		run_limited load -n 30 -c 5 "127.0.0.1:$port"
		is_status 0
		stop worker
		is_status 0
	done
	same "$(cat server.err worker.err)" ""
}

@test "a program may have functions called trace, diag and signals_wait" {
	local library

	for library in libfdpass.a libfdpass.so; do
		run_limited "${CC:-cc}" -D_POSIX_C_SOURCE=200809L \
			-I"$installed/include" -o probe \
			"$BATS_FILE_TMPDIR/probe.c" \
			"$installed/lib/$library"
		is_status 0
		start receiver fdrecv ./s cat
		up ./s
		same "$(limited ./probe give ./s 1 1 0)" ok
		ended receiver
	done
}

@test "the libraries export fdpass_* and nothing else" {
	need nm objcopy
	grep -oE '(^|[^a-z_])fdpass_[a-z_]+\(([a-z]+ |$)' \
		"$installed/include/fdpass.h" |
		grep -oE 'fdpass_[a-z_]+' | sort -u >functions
	[ -s functions ]
	nm -g --defined-only "$installed/lib/libfdpass.a" |
		awk 'NF == 3 { print $3 }' | sort >static
	nm -D --defined-only "$installed/lib/libfdpass.so" |
		awk 'NF == 3 { print $3 }' | sort >shared
	diff functions static
	diff functions shared
}

@test "the shared library is loaded by its soname" {
	need readelf
	readelf -d "$installed/lib/libfdpass.so" |
		grep 'SONAME.*\[libfdpass\.so\.0\]'
	have probe
	readelf -d probe | grep 'NEEDED.*\[libfdpass\.so\.0\]'
}

@test "Python hands a descriptor over by the shared library" {
	need python3
	[ "${FDPASS_VARIANT-}" != sanitized ] ||
		skip "Python has no sanitizer, which the library wants"
	[ "${FDPASS_VARIANT-}" != 32-bit ] || skip "Python has 64 bits"
	echo hello >file
	cat >give.py <<-'END'
	import ctypes, os, sys
	library = ctypes.CDLL(sys.argv[1], use_errno=True)
	hand_over = library.fdpass_hand_over
	hand_over.argtypes = [ctypes.c_char_p, ctypes.c_char_p,
	    ctypes.c_size_t, ctypes.POINTER(ctypes.c_int), ctypes.c_size_t,
	    ctypes.c_int]
	fds = (ctypes.c_int * 1)(os.open("file", os.O_RDONLY))
	if hand_over(b"./s", b"from Python", 11, fds, 1, 0) == -1:
	    sys.exit(os.strerror(ctypes.get_errno()))
	END
	# shellcheck disable=SC2016
	start receiver fdrecv ./s sh -c 'cat; echo "$FDRECV_PAYLOAD"'
	up ./s
	run_limited python3 give.py "$installed/lib/libfdpass.so.0"
	is_status 0
	ended receiver
	same "$(cat receiver.out)" $'hello\nfrom Python'
}

@test "the version is the same everywhere" {
	local version

	version=$(pkg-config --modversion fdpass)
	cat >version.c <<-'END'
	#include <fdpass.h>
	#include <stdio.h>
	int main(void)
	{
		printf("%s %d.%d.%d\n", FDPASS_VERSION, FDPASS_VERSION_MAJOR,
		    FDPASS_VERSION_MINOR, FDPASS_VERSION_PATCH);
		return 0;
	}
	END
	compile version
	same "$(limited ./version)" "$version $version"
	same "$(fdsend --version)" "fdsend (fdpass) $version"
}

@test "fdpass.h can be included alone, and first" {
	echo '#include <fdpass.h>' >alone.c
	run_limited "${CC:-cc}" -std=c99 -pedantic -Wall -Wextra -Werror \
		-I"$installed/include" -c -o alone.o alone.c
	is_status 0
}

@test "every function and constant of fdpass.h is in fdpass(3), and no other" {
	grep -oE 'fdpass_[a-z_]+\(|FDPASS_[A-Z_]+' \
		"$installed/include/fdpass.h" | tr -d '(' |
		grep -v '^FDPASS_H$' | sort -u >header
	grep -oE 'fdpass_[a-z_]+|FDPASS_[A-Z_]+' "$top_dir/man/fdpass.3" |
		grep -vx 'fdpass_\(invitation\|message\|receiver\)' | sort -u >page
	run diff header page
	is_status 0
}

@test "a hand-over that is taken, refused, or not possible says so" {
	have probe
	same "$(limited ./probe give ./s 1 1 0)" ENOENT
	same "$(limited ./probe give ./s 254 1 0)" EINVAL
	same "$(limited ./probe give ./s 1 0 0)" EINVAL
	same "$(limited ./probe give ./s 1 65537 0)" EINVAL
	same "$(limited ./probe give "$(printf %0200d 1)" 1 1 0)" ENAMETOOLONG
	start receiver fdrecv -k -f 3 ./s true
	listens ./s
	same "$(limited ./probe give ./s 1 1 0)" ok
	same "$(limited ./probe give ./s 1 20000 0)" ok
	same "$(limited ./probe give ./s 1 65536 0)" ok
	same "$(limited ./probe give ./s 2 1 0)" ECONNABORTED
	signal receiver KILL
	wait_for not_running receiver
	same "$(limited ./probe give ./s 1 1 0)" ECONNREFUSED
	rm s
}

@test "FDPASS_WAIT waits for a receiver" {
	have probe
	start sender ./probe give ./s 1 1 8
	wait_for idle sender
	start receiver fdrecv ./s true
	ended receiver
	is_status 0
	ended sender
	same "$(cat sender.out)" ok
}

@test "a receiver that answers that it has no room, or goes away unread" {
	have probe
	start receiver ./probe take ./s 1000000 r
	wait_for test -s receiver.out
	# It is tried again for a second.
	start sender ./probe give ./s 1 1 0
	start listener fdlisten ./t true
	listens ./t
	ended listener
	start listener fdlisten ./t true
	up ./t
	same "$(limited ./probe give ./t 1 1 0)" ECONNRESET
	ended sender
	same "$(cat sender.out)" EAGAIN
	stop receiver
	rm ./s
}

@test "fdpass_recv names a sender if SO_PASSCRED was set before it sent" {
	need_linux
	have sender
	run_limited ./sender
	is_status 0
	same "$(head -n 2 <<<"$output")" $'-1 -1 -1\n-1 -1 -1'
	like "$(tail -n 1 <<<"$output")" "[1-9]* $(id -u) $(id -g)"
}

@test "threads share the timer, and leave it and SIGALRM as they were" {
	have threads
	run_limited ./threads receive
	same "$status $output" "0 quiet default"
}

@test "a timer of the program goes on through calls of the library" {
	have threads
	run_limited ./threads alarms
	is_status 0
}

@test "what lingers holds up no thread" {
	have threads
	run_limited ./threads linger
	same "$status $output" "0 quiet default"
}

@test "a thread that is slow to take a tick of the timer does not end all" {
	have threads
	run_limited ./threads slow
	is_status 0
}

@test "the timer's handler runs on the signal stack of a thread" {
	have threads
	run_limited ./threads stack
	is_status 0
}

@test "a name is made with its mode, and taken over only when it is stale" {
	have probe
	start receiver ./probe take ./s 1 x
	wait_for test -s receiver.out
	same "$(mode_of ./s)" 640
	same "$(limited ./probe take ./s 1)" EADDRINUSE
	signal receiver KILL
	wait_for not_running receiver
	same "$(limited ./probe look ./s)" "$(printf 'ok\nEAGAIN')"
	: >file
	same "$(limited ./probe look ./file)" ENOTSOCK
	same "$(limited ./probe look "$(printf %0200d 1)")" ENAMETOOLONG
}

@test "what brings nothing, or too much, is passed over" {
	have probe
	start receiver ./probe take ./s 2 n
	wait_for test -s receiver.out
	limited foreign send -b 0 -n 0 ./s
	run_limited fdsend -s "$(printf %05000d 0)" ./s
	is_status 1
	run_limited fdsend -s "one" -f 0 -f 1 ./s
	is_status 1
	run_limited fdsend -s "two" ./s
	is_status 1
	ended receiver
	same "$(cat receiver.out)" "$(printf '%s\n' ok \
		'2: one' '1: two')"
}

@test "silent senders cannot use up the descriptor table" {
	local how

	have probe
	have steps
	for how in "probe take ./s 1" "steps listen ./s 1 100"; do
		start receiver sh -c "ulimit -n 16; exec ./$how"
		up ./s
		start silent opponent silent -n 40 ./s
		wait_for idle silent
		run_limited fdsend -w -s one ./s
		is_status 0
		ended receiver
		is_status 0
		like "$(cat receiver.out)" "*1*one" "$how"
		stop silent
	done
}

@test "in steps: a silent one keeps nobody away, and is told to try again" {
	have steps
	start receiver ./steps listen ./s 2 100
	up ./s
	start silent foreign send -S ./s
	wait_for idle silent
	limited foreign send -b 0 -n 0 ./s
	run_limited fdsend -s "$(printf %0200d 1)" ./s
	is_status 1
	run_limited fdsend -s one ./s
	is_status 0
	same "$(limited foreign send -n 253 -s two ./s)" "answer 0"
	ended receiver
	is_status 0
	same "$(cat receiver.out)" $'1 3 one\n253 3 two'
	ended silent
	same "$(cat silent.out)" "answer 114"
}

# shellcheck disable=SC2016
@test "in steps: a stream to its end, what is too large apart" {
	have steps
	run_limited fdpipe sh -c 'fdsend -s one -
		fdsend -s "$(printf %0200d 1)" -
		fdsend -f 0 -f 2 -s two -' '|' ./steps stream - 9 100
	same "$output" $'1 3 one\nEMSGSIZE\n2 3 two\nENOTCONN'
	is_status 0
	same "$(limited ./steps stream - 1 100)" ENOTSOCK
	same "$(limited ./steps stream - 1 100 <&-)" EBADF
}

@test "in steps: an invitation is followed, and nothing behind it is read" {
	local line path=/fdpass-$RANDOM-none/s

	have steps
	mkfifo pipe
	exec 7<>pipe
	start_from pipe follower ./steps follow - 9 100
	wait_for grep -qx EAGAIN follower.out
	start sender sh -c 'exec fdsend -f 0 -f 2 -s one - >pipe'
	ended sender
	is_status 0
	ended follower
	is_status 0
	same "$(cat follower.out)" $'EAGAIN\n2 3 one\nENOTCONN'
	echo "fdpass $path" >&7
	echo next >&7
	same "$(limited ./steps follow - 1 100 <&7)" ENOTCONN
	read -r -t "$DEADLINE" line <&7
	same "$line" next
	exec 7>&-
}

@test "in steps: what comes in parts, ends, or is no invitation" {
	have steps
	mkfifo pipe
	exec 7<>pipe
	start_from pipe follower ./steps follow - 1 100
	wait_for has 1 grep EAGAIN follower.out
	printf 'fdpass /no/' >&7
	wait_for has 2 grep EAGAIN follower.out
	echo such >&7
	ended follower
	same "$(tail -n 1 follower.out)" ENOTCONN
	exec 7>&-
	same "$(limited ./steps follow - 1 100 </dev/null)" ENOTCONN
	for bytes in hello 'fdpass /s' 'fdpass /s\n\n' 'fdpass s\n' \
		'fdpass /a\0b\n' "fdpass /$(printf %0150d 0)"; do
		same "$(printf %b "$bytes" | limited ./steps follow - 1 100 |
			grep -v EAGAIN)" EPROTO "$bytes"
	done
	same "$(limited ./steps follow - 1 100 <&-)" EBADF
}

@test "in steps: what is held, in one part or in many" {
	local bytes

	have steps
	leaves_sockets
	same "$(limited ./steps hold ./keep 1 100)" ENOENT
	for bytes in 1 16384 65536; do
		start keeper fdlisten -k ./keep fdsend -f 0 -f 2 \
			-s "$(printf "%0${bytes}d" 7)" -
		up ./keep
		run_limited ./steps hold ./keep 9 70000
		like "$output" "2 $bytes *
ENOTCONN"
		run_limited ./steps hold ./keep 9 1000
		[ "$bytes" = 1 ] || same "$(uniq <<<"$output")" $'EMSGSIZE\nENOTCONN'
		stop keeper
	done
}

@test "all that there is is installed, and uninstalled" {
	local name

	for name in bin/fdlisten bin/fdsend bin/fdrecv bin/fdecho bin/fdpipe \
		bin/fdconnect bin/fdinfo include/fdpass.h lib/libfdpass.a \
		lib/libfdpass.so lib/libfdpass.so.0 \
		lib/pkgconfig/fdpass.pc share/man/man1/fdpipe.1 \
		share/man/man3/fdpass.3 share/man/man7/fdpass.7 \
		share/man/man7/fdpass-lessons.7 bin/fdstep \
		share/bash-completion/completions/fdinfo \
		share/zsh/site-functions/_fdpass; do
		[ -s "$installed/$name" ] || { echo "$name"; false; }
	done
	for name in "$top_dir"/man/lessons/*; do
		cmp "$name" "$installed/share/fdpass/lessons/${name##*/}"
	done
	env -u MAKEFLAGS -u MAKELEVEL make -C "$top_dir" install \
		DESTDIR="$PWD/root" PREFIX=/usr >log 2>&1
	[ -x root/usr/bin/fdlisten ]
	[ ! -f "$top_dir/cmd/bash/fdpass" ] || has 1 find root -name fdpass \
		-path "*/bash/*"
	grep -qx 'prefix=/usr' root/usr/lib/pkgconfig/fdpass.pc
	env -u MAKEFLAGS -u MAKELEVEL make -C "$top_dir" uninstall \
		DESTDIR="$PWD/root" PREFIX=/usr >log 2>&1
	same "$(find root ! -type d)" ""
	not test -d root/usr/share/fdpass
}

@test "make install with CMDDIR puts the commands there, and nothing in bin" {
	local args=(DESTDIR="$PWD/root" PREFIX=/usr
		CMDDIR=/usr/lib/fdpass/bin)

	env -u MAKEFLAGS -u MAKELEVEL make -C "$top_dir" install \
		"${args[@]}" >log 2>&1
	run_limited root/usr/lib/fdpass/bin/fdsend --version
	is_status 0
	not test -e root/usr/bin/fdsend
	find root -type f -exec cksum {} + | sort >first
	env -u MAKEFLAGS -u MAKELEVEL make -C "$top_dir" install \
		"${args[@]}" >log 2>&1
	find root -type f -exec cksum {} + | sort >second
	cmp first second
	env -u MAKEFLAGS -u MAKELEVEL make -C "$top_dir" uninstall \
		"${args[@]}" >log 2>&1
	same "$(find root ! -type d)" ""
}
