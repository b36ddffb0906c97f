/* SPDX-License-Identifier: ISC */
/*
 * opponent - the other end, as nobody would write it who wishes us well.
 *
 *	opponent call [-p PROCESSES] KIND ADDRESS
 *	opponent send [-p PROCESSES] KIND SOCKET
 *	opponent feed [-t TYPE] [-p PROCESSES] KIND COMMAND [ARG...]
 *	opponent fill [-w FILE] -n COUNT... COMMAND [ARG...]
 *	opponent give [-c COUNT] [-s PID]... KIND SOCKET
 *	opponent silent [-b BYTES] [-n COUNT] SOCKET
 *	opponent probe [-e] SOCKET
 *	opponent slow SOCKET
 *	opponent many [-n COUNT] SOCKET
 *	opponent hold [-m] [-n COUNT] ADDRESS|SOCKET
 *	opponent deaf [-n COUNT] ADDRESS
 *	opponent linger
 *
 * ADDRESS is HOST:PORT (numeric) or a path with a slash, SOCKET is a path. All
 * of them end when SIGTERM says so, and after two minutes in any case.
 *
 * call: PROCESSES (default 4) clients of a server, each without a pause:
 *	reconnect  connect and close
 *	reset      connect, send a byte, reset
 *	stream     send and read on one connection
 *	silent     50 connections, not a word
 *
 * send: as many senders to a named socket, each without a pause:
 *	flood      good messages, one descriptor
 *	refused    messages without a descriptor
 *	crowd      messages with 253 descriptors
 *	vanish     connect and close
 *	half       a part of a message, and away
 *	gone       a whole message, and away without reading the answer
 *	reset      a connection that is reset once it was handed over
 *	stream     hand a connection over, then send and read on it
 *	loop       hand over both ends of one pair, with a byte in it: who
 *	           echoes it talks to itself
 *	bytes      (feed only) bytes without end and without a descriptor
 *	empty      (feed only) messages without a byte
 *
 * feed: become COMMAND, whose standard input is a pair of UNIX sockets (TYPE is
 * seqpacket, the default, or stream). Before that, one message with the
 * descriptor KIND (see give) and a good one are in its queue; behind it stays
 * a process that writes "served MS" to standard error once the connection in
 * the good one has echoed, and holds the other ends. KIND may also be one of
 * send's that need no name: then PROCESSES send from now on.
 *
 * fill: the same; one message for each -n, with COUNT connections, which are
 * held. When they have echoed, or after three seconds, a line on standard error
 * says "echoed N in MS", and the next message is sent. The
 * first is sent when FILE is there.
 *
 * give: stop the processes PID, send one message, let them go on; print
 * "answer " and taken, refused, retry, end, reset or none (within 3 s); stay,
 * for what was sent has another end. KIND tells what it carries:
 *	linger     a connection whose close() waits for an hour
 *	negative   the same with a negative time
 *	nested     a UNIX socket with such a one in its queue
 *	deep       the same three deep
 *	two        one of negative and one of nested
 *	inside     a UNIX connection; such a one comes with its bytes
 *	insideoob  the same, urgent
 *	insidenested  the same, with one of nested
 *	second     a good message, such a one in another behind it
 *	oob        the same in an urgent byte
 *	rest       COUNT of /dev/null (default 20), and then two such ones
 *	longer     more than a payload may have, and then such a one
 *	both       both ends of one pair, with a byte in it
 *	itself     the connection that it is sent on
 *	again      a new connection to SOCKET
 *	opath epoll listener fifo eventfd, and the families unix udp raw
 *	netlink packet vsock alg tipc can bluetooth: one of these;
 *	           "not offered" where the kernel has none
 *
 * silent: COUNT (default 1000) connections that say nothing, or BYTES bytes
 * without an end. Prints "ready", and at SIGTERM how they were answered.
 *
 * probe: one good sender. Prints "taken MS", or what else was answered; with -e
 * "served MS" once its connection has echoed. It tries again after "retry".
 *
 * slow: connect, print "ready", send a message at SIGUSR1, print the answer.
 *
 * many: one message with COUNT connections; prints how many of them echo within
 * a second, all held.
 *
 * hold: COUNT connections (-m: handed over), one after another as soon as each
 * has echoed a byte. Prints "held COUNT" and keeps them.
 *
 * deaf: COUNT connections that send what they can and read nothing. Prints
 * "ready", does so once more at SIGUSR1, prints "full", and keeps them.
 *
 * linger: print SO_LINGER of descriptor 0.
 */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LIFE 120      /* s */
#define PATIENCE 3000 /* ms for an answer, or an echo */
#define RETRIES 2000  /* ms of trying again */
#define MOST_FDS 253
#define MOST_PIDS 64
#define MOST_MESSAGES 16
#define MOST_HELD 4096
#define TOO_LONG 70000
#define HOUR 3600

static char zeros[TOO_LONG];
static struct sockaddr_storage address;
static socklen_t address_length;
static volatile sig_atomic_t signalled;

static void
die(const char *what)
{
	fprintf(stderr, "opponent: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
usage(void)
{
	fprintf(stderr,
	    "usage: opponent call|send|feed|fill|give|silent|probe|"
	    "slow|many|hold|deaf|linger [OPTION]... [OPERAND]...\n");
	exit(2);
}

static void
on_signal(int sig)
{
	signalled = sig;
}

/* Let it interrupt what waits. */
static void
notice(int sig)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal;
	sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
}

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
doze(int ms)
{
	poll(NULL, 0, ms);
}

/* A line, seen at once. */
static void
say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	fflush(stdout);
}

static void
raise_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
}

/* --- connections */

static void
set_path(const char *name)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)&address;
	size_t n = strlen(name);

	if (n >= sizeof(sun->sun_path))
		usage();
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, name, n + 1);
	address_length = (socklen_t)sizeof(*sun);
}

static void
set_address(const char *name)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&address;
	const char *colon = strrchr(name, ':');
	char host[64];

	if (strchr(name, '/') != NULL || colon == NULL) {
		set_path(name);
		return;
	}
	snprintf(host, sizeof(host), "%.*s", (int)(colon - name), name);
	sin->sin_family = AF_INET;
	sin->sin_port = htons((uint16_t)atoi(colon + 1));
	if (inet_pton(AF_INET, host, &sin->sin_addr) != 1)
		usage();
	address_length = (socklen_t)sizeof(*sin);
}

/* To the address; -1 when it stays refused. */
static int
reach(void)
{
	double until = now_ms() + PATIENCE;
	int s;

	for (;;) {
		s = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (s == -1)
			die("socket");
		if (connect(s, (struct sockaddr *)&address, address_length) ==
		    0)
			return s;
		close(s);
		if (now_ms() >= until)
			return -1;
		doze(1);
	}
}

static int
reach_or_die(void)
{
	int s = reach();

	if (s == -1)
		die("connect");
	return s;
}

static void
make_pair(int type, int pair[2])
{
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) == -1)
		die("socketpair");
}

static void
linger(int s, int seconds)
{
	struct linger l;

	l.l_onoff = 1;
	l.l_linger = seconds;
	setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

/* Two ends of a TCP connection. */
static void
tcp_pair(int pair[2])
{
	struct sockaddr_in sin;
	socklen_t length = sizeof(sin);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l == -1 || pair[0] == -1 ||
	    bind(l, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(l, 1) == -1 ||
	    getsockname(l, (struct sockaddr *)&sin, &length) == -1 ||
	    connect(pair[0], (struct sockaddr *)&sin, sizeof(sin)) == -1)
		die("a TCP connection");
	pair[1] = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	if (pair[1] == -1)
		die("accept");
	close(l);
}

/* What its peer, which is kept and not read from, has not taken, is waited for.
 */
static int
lingering(int seconds)
{
	int pair[2], quiet;

	tcp_pair(pair);
	for (quiet = 0; quiet < 3; quiet++) {
		while (send(pair[1], zeros, sizeof(zeros), MSG_DONTWAIT) > 0)
			continue;
		doze(2);
	}
	linger(pair[1], seconds);
	return pair[1];
}

/* --- messages */

static ssize_t
send_fds(
    int s, const char *bytes, size_t n, const int *fds, size_t count, int flags)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MOST_FDS * sizeof(int))];
	} control;
	struct msghdr m;
	struct iovec iov;
	struct cmsghdr *c;
	ssize_t sent;

	memset(&m, 0, sizeof(m));
	iov.iov_base = (void *)bytes;
	iov.iov_len = n;
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	if (count > 0) {
		memset(&control, 0, sizeof(control));
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(count * sizeof(int));
		c = &control.align;
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	do
		sent = sendmsg(s, &m, flags | MSG_NOSIGNAL);
	while (sent == -1 &&
	    (errno == EINTR || errno == ETOOMANYREFS || errno == ENOBUFS) &&
	    poll(NULL, 0, 1) == 0);
	return sent;
}

/* How the sender was answered. */
static const char *
answer(int s, int ms)
{
	struct pollfd p;
	char byte;
	ssize_t n;

	p.fd = s;
	p.events = POLLIN;
	if (poll(&p, 1, ms) != 1)
		return "none";
	n = recv(s, &byte, 1, MSG_DONTWAIT);
	if (n == 0)
		return "end";
	if (n == -1)
		return "reset";
	return byte == '\0' ? "taken" : byte == 'r' ? "retry" : "refused";
}

static int
echoes(int s, int ms)
{
	struct pollfd p;
	char byte;

	p.fd = s;
	p.events = POLLIN;
	return send(s, "e", 1, MSG_NOSIGNAL) == 1 && poll(&p, 1, ms) == 1 &&
	    recv(s, &byte, 1, 0) == 1;
}

/* --- what a message may carry */

static const struct {
	const char *name;
	int family;
	int type;
	int protocol;
} families[] = {
    {"unix", AF_UNIX, SOCK_DGRAM, 0},
    {"udp", AF_INET, SOCK_DGRAM, 0},
    {"raw", AF_INET, SOCK_RAW, 1},
    {"netlink", AF_NETLINK, SOCK_RAW, 0},
    {"packet", AF_PACKET, SOCK_RAW, 0},
    {"vsock", 40, SOCK_STREAM, 0},
    {"alg", 38, SOCK_SEQPACKET, 0},
    {"tipc", 30, SOCK_SEQPACKET, 0},
    {"can", 29, SOCK_RAW, 1},
    {"bluetooth", 31, SOCK_SEQPACKET, 0},
};
#define N_FAMILIES (sizeof(families) / sizeof(families[0]))

/* A UNIX socket with a lingering one in its queue, so many times over. */
static int
nested(int depth)
{
	int pair[2], inner = depth == 1 ? lingering(HOUR) : nested(depth - 1);

	make_pair(SOCK_STREAM, pair);
	if (send_fds(pair[0], "n", 1, &inner, 1, 0) != 1)
		die("nest");
	close(inner);
	/* With pair[0] closed nothing else holds what is in the queue. */
	close(pair[0]);
	return pair[1];
}

static int
listener(void)
{
	struct sockaddr_un sun;
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (s == -1 ||
	    bind(s, (struct sockaddr *)&sun, sizeof(sa_family_t)) == -1 ||
	    listen(s, 1) == -1)
		die("listen");
	return s;
}

static int
odd_family(const char *kind)
{
	size_t i;
	int s;

	for (i = 0; i < N_FAMILIES; i++) {
		if (strcmp(kind, families[i].name) != 0)
			continue;
		s = socket(families[i].family, families[i].type | SOCK_CLOEXEC,
		    families[i].protocol);
		if (s != -1)
			return s;
		say("%s: not offered\n", kind);
		exit(0);
	}
	usage();
	return -1;
}

/* The descriptors of that kind: how many. own is the socket they go over. */
static size_t
cargo(const char *kind, int own, int fds[2])
{
	int ends[2];

	if (strcmp(kind, "both") == 0) {
		make_pair(SOCK_STREAM, fds);
		(void)!send(fds[0], "b", 1, MSG_NOSIGNAL);
		return 2;
	}
	if (strcmp(kind, "two") == 0) {
		fds[0] = lingering(-1);
		fds[1] = nested(1);
		return 2;
	}
	if (strcmp(kind, "linger") == 0)
		fds[0] = lingering(HOUR);
	else if (strcmp(kind, "negative") == 0)
		fds[0] = lingering(-1);
	else if (strcmp(kind, "nested") == 0)
		fds[0] = nested(1);
	else if (strcmp(kind, "deep") == 0)
		fds[0] = nested(3);
	else if (strcmp(kind, "itself") == 0)
		fds[0] = dup(own);
	else if (strcmp(kind, "again") == 0)
		fds[0] = reach_or_die();
	else if (strcmp(kind, "opath") == 0)
		fds[0] = open("/", O_PATH | O_CLOEXEC);
	else if (strcmp(kind, "epoll") == 0)
		fds[0] = epoll_create1(EPOLL_CLOEXEC);
	else if (strcmp(kind, "eventfd") == 0)
		fds[0] = eventfd(0, EFD_CLOEXEC);
	else if (strcmp(kind, "listener") == 0)
		fds[0] = listener();
	else if (strcmp(kind, "fifo") == 0) {
		if (pipe2(ends, O_CLOEXEC) == -1)
			die("pipe");
		fds[0] = ends[0];
	} else
		fds[0] = odd_family(kind);
	if (fds[0] == -1)
		die(kind);
	return 1;
}

static void
close_all(const int *fds, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		close(fds[i]);
}

/* --- crowds */

static void
converse(int s)
{
	static char chunk[4096];
	struct pollfd p;

	p.fd = s;
	p.events = POLLIN | POLLOUT;
	while (poll(&p, 1, PATIENCE) == 1) {
		if (p.revents & POLLOUT &&
		    send(s, chunk, sizeof(chunk),
			MSG_NOSIGNAL | MSG_DONTWAIT) == -1 &&
		    errno != EAGAIN)
			break;
		if (p.revents & (POLLIN | POLLHUP) &&
		    recv(s, chunk, sizeof(chunk), MSG_DONTWAIT) <= 0)
			break;
	}
	close(s);
}

static void
reset(int s)
{
	linger(s, 0);
	close(s);
}

/* One turn of a client. */
static void
call_once(const char *kind)
{
	int s, i;

	if (strcmp(kind, "silent") == 0) {
		for (i = 0; i < 50; i++)
			reach();
		pause();
		return;
	}
	s = reach();
	if (s == -1)
		exit(0);
	if (strcmp(kind, "stream") == 0)
		converse(s);
	else if (strcmp(kind, "reset") == 0) {
		(void)!send(s, "r", 1, MSG_NOSIGNAL);
		reset(s);
	} else if (strcmp(kind, "reconnect") == 0)
		close(s);
	else
		usage();
}

/* Hand over by name, or send to the stream s: -1 if nobody is there. */
static int
deliver(int s, const int *fds, size_t count, int waits)
{
	char nul = count == 0 ? 'x' : '\0';
	int r = 0, stream = s != -1;

	if (!stream && (s = reach()) == -1)
		return -1;
	if (send_fds(s, &nul, 1, fds, count, 0) == -1)
		r = stream || errno != EPIPE ? -1 : 0;
	if (stream)
		return r;
	shutdown(s, SHUT_WR);
	if (waits)
		answer(s, PATIENCE);
	close(s);
	return 0;
}

static int
hand_over_and(const char *kind, int s)
{
	int pair[2];

	if (strcmp(kind, "reset") == 0)
		tcp_pair(pair);
	else
		make_pair(SOCK_STREAM, pair);
	if (deliver(s, &pair[1], 1, 1) == -1)
		return -1;
	close(pair[1]);
	if (strcmp(kind, "reset") == 0)
		reset(pair[0]);
	else
		converse(pair[0]);
	return 0;
}

static int
part_of_a_message(size_t bytes)
{
	int s = reach();

	if (s == -1)
		return -1;
	if (bytes > 0)
		(void)!send(s, zeros, bytes, MSG_NOSIGNAL);
	close(s);
	return 0;
}

/* One turn of a sender; s is the stream, or -1. */
static int
send_once(const char *kind, int s)
{
	static int null_fd = -1;
	int fds[MOST_FDS], i;

	if (null_fd == -1)
		null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (strcmp(kind, "flood") == 0)
		return deliver(s, &null_fd, 1, 1);
	if (strcmp(kind, "gone") == 0)
		return deliver(s, &null_fd, 1, 0);
	if (strcmp(kind, "refused") == 0)
		return deliver(s, NULL, 0, 1);
	if (strcmp(kind, "crowd") == 0) {
		for (i = 0; i < MOST_FDS; i++)
			fds[i] = null_fd;
		return deliver(s, fds, MOST_FDS, 1);
	}
	if (strcmp(kind, "loop") == 0) {
		cargo("both", s, fds);
		i = deliver(s, fds, 2, 1);
		close_all(fds, 2);
		doze(50);
		return i;
	}
	if (strcmp(kind, "reset") == 0 || strcmp(kind, "stream") == 0)
		return hand_over_and(kind, s);
	if (s != -1 && strcmp(kind, "bytes") == 0)
		return send(s, zeros, 4096, MSG_NOSIGNAL) > 0 ? 0 : -1;
	if (s != -1 && strcmp(kind, "empty") == 0)
		return send(s, "", 0, MSG_NOSIGNAL) == 0 ? 0 : -1;
	if (s == -1 && strcmp(kind, "vanish") == 0)
		return part_of_a_message(0);
	if (s == -1 && strcmp(kind, "half") == 0)
		return part_of_a_message(1000);
	usage();
	return -1;
}

static int
is_load(const char *kind)
{
	static const char *const loads[] = {"flood", "refused", "crowd",
	    "reset", "stream", "loop", "bytes", "empty"};
	size_t i;

	for (i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		if (strcmp(kind, loads[i]) == 0)
			return 1;
	return 0;
}

/* So many processes that die with this one. */
static void
multiply(int processes)
{
	pid_t parent = getpid();
	int i;

	for (i = 0; i < processes; i++) {
		pid_t pid = fork();

		if (pid == -1)
			die("fork");
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != parent)
				exit(0);
			alarm(LIFE);
			return;
		}
	}
	while (wait(NULL) != -1)
		continue;
	exit(0);
}

static void
call_for_ever(const char *kind)
{
	for (;;)
		call_once(kind);
}

static int
caller(int argc, char *argv[])
{
	int c, processes = 4;

	while ((c = getopt(argc, argv, "p:")) != -1)
		if (c == 'p')
			processes = atoi(optarg);
		else
			usage();
	if (optind != argc - 2)
		usage();
	set_address(argv[optind + 1]);
	multiply(processes);
	call_for_ever(argv[optind]);
	return 0;
}

static int
sender(int argc, char *argv[])
{
	int c, processes = 4;

	while ((c = getopt(argc, argv, "p:")) != -1)
		if (c == 'p')
			processes = atoi(optarg);
		else
			usage();
	if (optind != argc - 2)
		usage();
	set_path(argv[optind + 1]);
	multiply(processes);
	while (send_once(argv[optind], -1) == 0)
		continue;
	return 0;
}

/* --- feeding a stream */

/* Not a child of COMMAND's, and it ends when nobody reads the stream. */
static int
stay_behind(void)
{
	pid_t pid = fork();

	if (pid == -1)
		die("fork");
	if (pid > 0) {
		waitpid(pid, NULL, 0);
		return 0;
	}
	if (fork() != 0)
		_exit(0);
	alarm(LIFE);
	/* The shell waits for the end of COMMAND's output. */
	close(STDOUT_FILENO);
	return 1;
}

/* Hold the other ends until the reader is gone. */
static void
wait_for_end(int stream)
{
	struct pollfd p;

	p.fd = stream;
	p.events = 0;
	poll(&p, 1, -1);
	_exit(0);
}

static void
hold_ends(int stream, int good, double begun)
{
	if (echoes(good, PATIENCE * 3))
		fprintf(stderr, "served %.0f\n", now_ms() - begun);
	wait_for_end(stream);
}

static void
feed_cargo(const char *kind, int pair[2])
{
	int fds[2], good[2];
	double begun = now_ms();
	size_t n = cargo(kind, pair[0], fds);

	make_pair(SOCK_STREAM, good);
	if (send_fds(pair[0], "x", 1, fds, n, 0) == -1 ||
	    send_fds(pair[0], "", 1, &good[1], 1, 0) == -1)
		die("sendmsg");
	close_all(fds, n);
	close(good[1]);
	if (stay_behind()) {
		close(pair[1]);
		hold_ends(pair[0], good[0], begun);
	}
}

static int
feeder(int argc, char *argv[])
{
	int c, pair[2], type = SOCK_SEQPACKET, processes = 2;
	const char *kind;

	while ((c = getopt(argc, argv, "+p:t:")) != -1)
		if (c == 'p')
			processes = atoi(optarg);
		else if (c == 't')
			type = strcmp(optarg, "stream") == 0 ? SOCK_STREAM :
							       SOCK_SEQPACKET;
		else
			usage();
	if (argc - optind < 2)
		usage();
	kind = argv[optind];
	make_pair(type, pair);
	if (!is_load(kind))
		feed_cargo(kind, pair);
	else
		while (processes-- > 0)
			if (stay_behind()) {
				close(pair[1]);
				while (send_once(kind, pair[0]) == 0)
					continue;
				_exit(0);
			}
	if (dup2(pair[1], STDIN_FILENO) == -1)
		die("dup2");
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[optind + 1], argv + optind + 1);
	die(argv[optind + 1]);
	return 127;
}

/* One message with so many connections; how many of them echo. */
static int
fill_once(int stream, int count)
{
	int ours[MOST_FDS], fds[MOST_FDS], pair[2], i, echoed = 0;
	double until = now_ms() + PATIENCE;

	if (count < 1 || count > MOST_FDS)
		usage();
	for (i = 0; i < count; i++) {
		make_pair(SOCK_STREAM, pair);
		ours[i] = pair[0];
		fds[i] = pair[1];
	}
	if (send_fds(stream, "", 1, fds, (size_t)count, 0) == -1)
		die("sendmsg");
	close_all(fds, (size_t)count);
	for (i = 0; i < count && now_ms() < until; i++)
		echoed += echoes(ours[i], (int)(until - now_ms()));
	return echoed;
}

static int
filler(int argc, char *argv[])
{
	int c, pair[2], counts[MOST_MESSAGES], messages = 0, i, echoed;
	const char *file = NULL;
	double begun;

	while ((c = getopt(argc, argv, "+n:w:")) != -1)
		if (c == 'w')
			file = optarg;
		else if (c == 'n' && messages < MOST_MESSAGES)
			counts[messages++] = atoi(optarg);
		else
			usage();
	if (optind == argc || messages == 0)
		usage();
	make_pair(SOCK_SEQPACKET, pair);
	if (stay_behind()) {
		close(pair[1]);
		while (file != NULL && access(file, F_OK) == -1)
			doze(5);
		for (i = 0; i < messages; i++) {
			begun = now_ms();
			echoed = fill_once(pair[0], counts[i]);
			fprintf(stderr, "echoed %d in %.0f\n", echoed,
			    now_ms() - begun);
			/* Those who share the stream shall wait again. */
			doze(100);
		}
		wait_for_end(pair[0]);
	}
	if (dup2(pair[1], STDIN_FILENO) == -1)
		die("dup2");
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[optind], argv + optind);
	die(argv[optind]);
	return 127;
}

/* --- one odd message */

static void
signal_all(const pid_t *pids, size_t n, int sig)
{
	size_t i;

	for (i = 0; i < n; i++)
		kill(pids[i], sig);
}

/* A lone byte, and such a one as well. */
static void
send_lingering(int s, const char *byte, int flags)
{
	int fd = lingering(HOUR);

	(void)!send_fds(s, byte, 1, &fd, 1, flags);
	close(fd);
}

/* It was handed over; now there is more than bytes on it. */
static void
send_inside(const char *kind, int s)
{
	int fd, flags = strcmp(kind, "insideoob") == 0 ? MSG_OOB : 0;

	if (strcmp(kind, "insidenested") == 0) {
		fd = nested(1);
		(void)!send_fds(s, "i", 1, &fd, 1, 0);
		close(fd);
	} else
		send_lingering(s, "i", flags);
}

/* /dev/null so often that what is behind does not fit. */
static void
send_rest(int s, size_t fillers)
{
	int fds[MOST_FDS];
	size_t n;

	for (n = 0; n < fillers && n < MOST_FDS - 2; n++)
		fds[n] = open("/dev/null", O_RDWR | O_CLOEXEC);
	fds[n++] = lingering(HOUR);
	fds[n++] = nested(1);
	(void)!send_fds(s, "x", 1, fds, n, 0);
	close_all(fds, n);
}

/* The message itself. */
static void
send_cargo(const char *kind, int s, size_t fillers)
{
	int fds[2];
	size_t n;

	if (strcmp(kind, "second") == 0 || strcmp(kind, "oob") == 0) {
		make_pair(SOCK_STREAM, fds);
		(void)!send_fds(s, "", 1, fds, 1, 0);
		close(fds[0]);
		send_lingering(s, "s", kind[0] == 'o' ? MSG_OOB : 0);
	} else if (strcmp(kind, "rest") == 0) {
		send_rest(s, fillers);
	} else if (strcmp(kind, "longer") == 0) {
		(void)!send(s, zeros, sizeof(zeros), MSG_NOSIGNAL);
		send_lingering(s, "l", 0);
	} else {
		n = cargo(kind, s, fds);
		(void)!send_fds(s, "x", 1, fds, n, 0);
		close_all(fds, n);
	}
}

static int
giver(int argc, char *argv[])
{
	pid_t pids[MOST_PIDS];
	size_t n_pids = 0, fillers = 20;
	int c, s, pair[2];
	const char *kind;

	while ((c = getopt(argc, argv, "c:s:")) != -1)
		if (c == 'c')
			fillers = (size_t)atoi(optarg);
		else if (c == 's' && n_pids < MOST_PIDS)
			pids[n_pids++] = (pid_t)atoi(optarg);
		else
			usage();
	if (optind != argc - 2)
		usage();
	kind = argv[optind];
	set_path(argv[optind + 1]);
	alarm(LIFE);
	s = reach_or_die();
	if (strncmp(kind, "inside", 6) == 0) {
		make_pair(SOCK_STREAM, pair);
		(void)!send_fds(s, "", 1, &pair[1], 1, 0);
		close(pair[1]);
		shutdown(s, SHUT_WR);
		say("answer %s\n", answer(s, PATIENCE));
		signal_all(pids, n_pids, SIGSTOP);
		send_inside(kind, pair[0]);
	} else {
		signal_all(pids, n_pids, SIGSTOP);
		send_cargo(kind, s, fillers);
		shutdown(s, SHUT_WR);
	}
	/* What is closed now is closed by who has taken it. */
	signal_all(pids, n_pids, SIGCONT);
	if (strncmp(kind, "inside", 6) != 0)
		say("answer %s\n", answer(s, PATIENCE));
	pause();
	return 0;
}

/* --- those who wait and look */

static int
silent(int argc, char *argv[])
{
	static struct pollfd p[MOST_HELD];
	const char *names[] = {"retry", "refused", "taken", "end", "reset"};
	int c, count = 1000, bytes = 0, i, left, counts[5] = {0};
	size_t k;

	while ((c = getopt(argc, argv, "b:n:")) != -1)
		if (c == 'b')
			bytes = atoi(optarg);
		else if (c == 'n')
			count = atoi(optarg);
		else
			usage();
	if (optind != argc - 1 || count > MOST_HELD ||
	    bytes > (int)sizeof(zeros))
		usage();
	set_path(argv[optind]);
	raise_limit();
	notice(SIGTERM);
	notice(SIGALRM);
	alarm(LIFE);
	for (i = 0; i < count; i++) {
		p[i].fd = reach_or_die();
		p[i].events = POLLIN;
		if (bytes > 0)
			(void)!send(
			    p[i].fd, zeros, (size_t)bytes, MSG_NOSIGNAL);
	}
	say("ready\n");
	left = count;
	do {
		poll(p, (nfds_t)count, signalled ? 0 : 100);
		for (i = 0; i < count; i++) {
			const char *how;

			if (p[i].fd == -1 || p[i].revents == 0)
				continue;
			how = answer(p[i].fd, 0);
			for (k = 0; k < 5; k++)
				counts[k] += strcmp(how, names[k]) == 0;
			close(p[i].fd);
			p[i].fd = -1;
			left--;
		}
	} while (!signalled);
	for (k = 0; k < 5; k++)
		printf("%s=%d ", names[k], counts[k]);
	printf("open=%d\n", left);
	return 0;
}

static int
prober(int argc, char *argv[])
{
	double begun = now_ms();
	const char *how = "retry";
	int c, s, pair[2], echo = 0;

	while ((c = getopt(argc, argv, "e")) != -1)
		if (c == 'e')
			echo = 1;
		else
			usage();
	if (optind != argc - 1)
		usage();
	set_path(argv[optind]);
	make_pair(SOCK_STREAM, pair);
	while (strcmp(how, "retry") == 0 && now_ms() < begun + RETRIES) {
		s = reach_or_die();
		(void)!send_fds(s, "", 1, &pair[1], 1, 0);
		shutdown(s, SHUT_WR);
		how = answer(s, PATIENCE);
		close(s);
		if (strcmp(how, "retry") == 0)
			doze(2);
	}
	close(pair[1]);
	if (echo && strcmp(how, "taken") == 0)
		how = echoes(pair[0], PATIENCE) ? "served" : "no echo";
	say("%s %.0f\n", how, now_ms() - begun);
	return 0;
}

static int
slow(int argc, char *argv[])
{
	int s, fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t usr1, before;

	if (argc != 2)
		usage();
	set_path(argv[1]);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, &before);
	notice(SIGUSR1);
	alarm(LIFE);
	s = reach_or_die();
	say("ready\n");
	while (!signalled)
		sigsuspend(&before);
	(void)!send_fds(s, "", 1, &fd, 1, 0);
	shutdown(s, SHUT_WR);
	say("answer %s\n", answer(s, PATIENCE));
	return 0;
}

static int
count_option(int argc, char *argv[], const char *letters, int *by_message)
{
	int c, count = 1;

	*by_message = 0;
	while ((c = getopt(argc, argv, letters)) != -1)
		if (c == 'n')
			count = atoi(optarg);
		else if (c == 'm')
			*by_message = 1;
		else
			usage();
	if (optind != argc - 1 || count < 1)
		usage();
	raise_limit();
	alarm(LIFE);
	return count;
}

static int
many(int argc, char *argv[])
{
	int ours[MOST_FDS], fds[MOST_FDS], pair[2], i, s, echoed = 0;
	int unused, count = count_option(argc, argv, "n:", &unused);
	char byte;

	if (count > MOST_FDS)
		usage();
	set_path(argv[optind]);
	for (i = 0; i < count; i++) {
		make_pair(SOCK_STREAM, pair);
		ours[i] = pair[0];
		fds[i] = pair[1];
		(void)!send(ours[i], "m", 1, MSG_NOSIGNAL);
	}
	s = reach_or_die();
	(void)!send_fds(s, "", 1, fds, (size_t)count, 0);
	close_all(fds, (size_t)count);
	shutdown(s, SHUT_WR);
	say("answer %s\n", answer(s, PATIENCE));
	doze(1000);
	for (i = 0; i < count; i++)
		echoed += recv(ours[i], &byte, 1, MSG_DONTWAIT) == 1;
	say("echoed %d\n", echoed);
	return 0;
}

static int
holder(int argc, char *argv[])
{
	int by_message, i, pair[2], s;
	int count = count_option(argc, argv, "mn:", &by_message);

	set_address(argv[optind]);
	for (i = 0; i < count; i++) {
		if (!by_message) {
			s = reach_or_die();
		} else {
			make_pair(SOCK_STREAM, pair);
			if (deliver(-1, &pair[1], 1, 1) == -1)
				die("hand over");
			close(pair[1]);
			s = pair[0];
		}
		if (!echoes(s, PATIENCE))
			break;
	}
	say("held %d\n", i);
	pause();
	return 0;
}

/* Whatever they take, again and again for a moment. */
static void
stuff(const int *held, int count)
{
	int round, i;

	for (round = 0; round < 5; round++) {
		for (i = 0; i < count; i++)
			while (send(held[i], zeros, sizeof(zeros),
				   MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
				continue;
		doze(20);
	}
}

static int
deaf(int argc, char *argv[])
{
	int i, unused, count = count_option(argc, argv, "n:", &unused);
	int *held = calloc((size_t)count, sizeof(*held));
	sigset_t usr1, before;

	if (held == NULL)
		die("memory");
	set_address(argv[optind]);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, &before);
	notice(SIGUSR1);
	for (i = 0; i < count; i++) {
		held[i] = reach_or_die();
		if (!echoes(held[i], PATIENCE))
			die("echo");
	}
	stuff(held, count);
	say("ready\n");
	while (!signalled)
		sigsuspend(&before);
	stuff(held, count);
	say("full\n");
	free(held);
	pause();
	return 0;
}

static int
show_linger(void)
{
	struct linger l;
	socklen_t length = sizeof(l);

	if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_LINGER, &l, &length) == -1)
		die("SO_LINGER");
	printf("linger %d %d\n", l.l_onoff, l.l_linger);
	return 0;
}

int
main(int argc, char *argv[])
{
	static const struct {
		const char *name;
		int (*run)(int, char *[]);
	} roles[] = {{"call", caller}, {"send", sender}, {"feed", feeder},
	    {"fill", filler}, {"give", giver}, {"silent", silent},
	    {"probe", prober}, {"slow", slow}, {"many", many}, {"hold", holder},
	    {"deaf", deaf}};
	size_t i;

	if (argc < 2)
		usage();
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(argv[1], "linger") == 0)
		return show_linger();
	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (strcmp(argv[1], roles[i].name) == 0)
			return roles[i].run(argc - 1, argv + 1);
	usage();
	return 2;
}
