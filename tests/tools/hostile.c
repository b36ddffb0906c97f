/* SPDX-License-Identifier: ISC */
/*
 * hostile - a sender and a receiver that do all that they should not.
 *
 *	hostile send [-a] [-k KIND]... [-n COUNT] [-S SEED] SOCKET
 *	hostile receive -k KIND [-b BACKLOG] SOCKET
 *
 * SOCKET is a path, @NAME, or - for the stream that is standard output.
 *
 * send: COUNT messages (default 1000), each of a kind drawn from those named
 * (default: all but the slow ones). Prints a line: how many were tried, and
 * what became of them: taken, refused, reset, end (closed without an answer),
 * unanswered (within 20 s), cut (by ourselves), sent (to a stream). -a: all at
 * once, each from a connection of its own; the line tells the longest that one
 * had to wait, in milliseconds. KINDs:
 *
 *	none     one byte, no descriptor
 *	two      2 descriptors
 *	many     253 descriptors
 *	over     300 descriptors, one with each byte
 *	rights   several control messages with descriptors
 *	creds    credentials, and no descriptor
 *	both     credentials and 2 descriptors
 *	empty    no byte at all, and the end
 *	bare     no byte, but 2 descriptors (on a stream that keeps messages)
 *	bytes    20 bytes, one at a time, no descriptor
 *	giant    1,000,000 bytes, or 100,000 on a stream that keeps messages
 *	heavy    the same, and then a descriptor
 *	odd      a directory, an epoll set, a listening socket ...
 *	close    connect, and close
 *	half     a part of a payload, and close
 *	gone     2 descriptors, and close before the answer
 *	silent   (slow) connect, and wait
 *	trickle  (slow) connect, then a byte every 100 ms
 *
 * receive: make SOCKET, and treat every connection in one way, for ever. KINDs:
 *
 *	silent   read, never answer       deaf     never even read
 *	no       answer 'n'               garbage  answer many bytes, not NUL
 *	unread   close unread             half     read one byte and close
 *	end      read and close           never    do not accept
 */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 20000 /* ms for an answer */
#define GIANT 1000000
#define LARGE 100000
#define MOST_FDS 253
#define MOST_AT_ONCE 1000

enum kind {
	NO_KIND,
	NONE,
	TWO,
	MANY,
	OVER,
	RIGHTS,
	CREDS,
	BOTH,
	EMPTY,
	BARE,
	BYTES,
	GIANT_KIND,
	HEAVY,
	ODD,
	CLOSE,
	HALF,
	GONE,
	SILENT,
	TRICKLE,
	DEAF,
	NO,
	GARBAGE,
	UNREAD,
	END,
	NEVER
};

static const struct {
	const char *name;
	enum kind kind;
} names[] = {
    {"none", NONE},
    {"two", TWO},
    {"many", MANY},
    {"over", OVER},
    {"rights", RIGHTS},
    {"creds", CREDS},
    {"both", BOTH},
    {"empty", EMPTY},
    {"bare", BARE},
    {"bytes", BYTES},
    {"giant", GIANT_KIND},
    {"heavy", HEAVY},
    {"odd", ODD},
    {"close", CLOSE},
    {"half", HALF},
    {"gone", GONE},
    {"silent", SILENT},
    {"trickle", TRICKLE},
    {"deaf", DEAF},
    {"no", NO},
    {"garbage", GARBAGE},
    {"unread", UNREAD},
    {"end", END},
    {"never", NEVER},
};
#define N_NAMES (sizeof(names) / sizeof(names[0]))

enum result { TAKEN, REFUSED, RESET, ENDED, UNANSWERED, CUT, SENT, RESULTS };

static char bytes[GIANT];
static int null_fd;
static int odd_fds[6];
static struct sockaddr_un address;
static socklen_t address_length;
static int type = SOCK_STREAM; /* of standard output, if that is used */
static int is_stream;

static void
die(const char *what)
{
	fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void
usage(void)
{
	fprintf(stderr, "usage: hostile send|receive [OPTION]... SOCKET\n");
	exit(2);
}

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static enum kind
kind_of(const char *name)
{
	size_t i;

	for (i = 0; i < N_NAMES; i++)
		if (strcmp(names[i].name, name) == 0)
			return names[i].kind;
	usage();
	return NO_KIND;
}

static void
set_address(const char *name)
{
	size_t length = strlen(name);

	address.sun_family = AF_UNIX;
	if (length >= sizeof(address.sun_path))
		usage();
	memcpy(address.sun_path, name, length + 1);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	else
		length++;
	address_length =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

/* --- sending */

/* What a message carries beside its bytes. */
struct cargo {
	int count; /* descriptors */
	int parts; /* control messages that they are spread over */
	int creds;
	int odd;
};

static size_t
put(char *control, int kind, const void *data, size_t length)
{
	struct cmsghdr h;

	memset(&h, 0, sizeof(h));
	h.cmsg_level = SOL_SOCKET;
	h.cmsg_type = kind;
	h.cmsg_len = CMSG_LEN(length);
	memset(control, 0, CMSG_SPACE(length));
	memcpy(control, &h, sizeof(h));
	memcpy(control + CMSG_LEN(0), data, length);
	return CMSG_SPACE(length);
}

static size_t
load(char *control, const struct cargo *c)
{
	int fds[MOST_FDS], i, n, done = 0;
	struct ucred me;
	size_t used = 0;

	for (i = 0; i < c->count; i++)
		fds[i] = c->odd ? odd_fds[random() % 6] : null_fd;
	if (c->creds) {
		me.pid = getpid();
		me.uid = getuid();
		me.gid = getgid();
		used += put(control, SCM_CREDENTIALS, &me, sizeof(me));
	}
	for (i = 0; i < c->parts; i++) {
		n = (c->count - done) / (c->parts - i);
		used += put(control + used, SCM_RIGHTS, fds + done,
		    (size_t)n * sizeof(int));
		done += n;
	}
	return used;
}

/* Send n bytes, and the cargo with the first; -1 if it is not wanted. */
static int
give(int s, size_t n, int count, int parts, int creds, int odd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MOST_FDS * sizeof(int)) + 512];
	} control;
	struct cargo cargo = {0, 0, 0, 0};
	struct msghdr m;
	struct iovec iov;
	ssize_t sent;

	cargo.count = count;
	cargo.parts = parts;
	cargo.creds = creds;
	cargo.odd = odd;
	memset(&m, 0, sizeof(m));
	iov.iov_base = bytes;
	iov.iov_len = n;
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_controllen = load(control.bytes, &cargo);
	m.msg_control = m.msg_controllen > 0 ? control.bytes : NULL;
	do
		sent = sendmsg(s, &m, MSG_NOSIGNAL);
	while (sent == -1 &&
	    (errno == EINTR || errno == ETOOMANYREFS || errno == ENOBUFS) &&
	    poll(NULL, 0, 1) != 1);
	if (sent == -1)
		return -1;
	while ((size_t)sent < n) {
		ssize_t more =
		    send(s, bytes + sent, n - (size_t)sent, MSG_NOSIGNAL);

		if (more == -1)
			return -1;
		sent += more;
	}
	return 0;
}

/* One message of this kind. */
static void
offend(int s, enum kind kind)
{
	size_t large = type == SOCK_STREAM ? GIANT : LARGE;
	int i;

	switch (kind) {
	case NONE:
		give(s, 1, 0, 0, 0, 0);
		break;
	case TWO:
	case GONE:
		give(s, 1, 2, 1, 0, 0);
		break;
	case MANY:
		give(s, 1, MOST_FDS, 1, 0, 0);
		break;
	case OVER:
		/* In a stream of messages each is a good one. */
		bytes[0] = 'x';
		for (i = 0; i < (is_stream ? 3 : 300); i++)
			if (give(s, 1, 1, 1, 0, 0) == -1)
				break;
		bytes[0] = '\0';
		break;
	case RIGHTS:
		give(s, 1, 4, 3, 0, 0);
		break;
	case CREDS:
		give(s, 1, 0, 0, 1, 0);
		break;
	case BOTH:
		give(s, 3, 2, 2, 1, 0);
		break;
	case BARE:
		if (type != SOCK_STREAM)
			give(s, 0, 2, 1, 0, 0);
		break;
	case EMPTY:
		if (type != SOCK_STREAM)
			give(s, 0, 0, 0, 0, 0);
		break;
	case BYTES:
		for (i = 0; i < 20; i++)
			if (give(s, 1, 0, 0, 0, 0) == -1)
				break;
		break;
	case GIANT_KIND:
		give(s, large, 0, 0, 0, 0);
		break;
	case HEAVY:
		if (give(s, large, 0, 0, 0, 0) == 0)
			give(s, 1, 1, 1, 0, 0);
		break;
	case ODD:
		give(s, 1, 1, 1, 0, 1);
		break;
	case HALF:
		give(s, 1000, 0, 0, 0, 0);
		break;
	default:
		break;
	}
}

static int
connect_to(void)
{
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (s == -1)
		die("socket");
	while (connect(s, (struct sockaddr *)&address, address_length) == -1) {
		/* Its queue is full, or it is being made anew. */
		if (errno != EAGAIN && errno != ECONNREFUSED && errno != EINTR)
			die("connect");
		poll(NULL, 0, 1);
	}
	return s;
}

static enum result
answer(int s, int ms)
{
	struct pollfd p;
	char byte;
	ssize_t n;

	p.fd = s;
	p.events = POLLIN;
	if (poll(&p, 1, ms) != 1)
		return UNANSWERED;
	n = recv(s, &byte, 1, 0);
	if (n == 1)
		return byte == '\0' ? TAKEN : REFUSED;
	return n == 0 ? ENDED : RESET;
}

static enum result
offend_name(enum kind kind)
{
	int s = connect_to();
	enum result result = CUT;

	offend(s, kind);
	if (kind != CLOSE && kind != HALF && kind != GONE) {
		shutdown(s, SHUT_WR);
		result = answer(s, PATIENCE);
	}
	close(s);
	return result;
}

/* Many at once, all slow; how long the last had to wait. */
static double
besiege(enum kind kind, size_t n, unsigned long count[RESULTS])
{
	static struct pollfd p[MOST_AT_ONCE];
	double begun = now_ms(), at = begun + 100;
	size_t i, left = n;

	for (i = 0; i < n; i++) {
		p[i].fd = connect_to();
		p[i].events = POLLIN;
	}
	while (left > 0 && now_ms() < begun + PATIENCE) {
		if (poll(p, (nfds_t)n, 50) == -1 && errno != EINTR)
			die("poll");
		for (i = 0; i < n; i++) {
			if (p[i].fd == -1)
				continue;
			if (kind == TRICKLE && now_ms() >= at)
				(void)!send(p[i].fd, "x", 1, MSG_NOSIGNAL);
			if (p[i].revents == 0)
				continue;
			count[answer(p[i].fd, 0)]++;
			close(p[i].fd);
			p[i].fd = -1;
			left--;
		}
		if (now_ms() >= at)
			at = now_ms() + 100;
	}
	count[UNANSWERED] += left;
	return now_ms() - begun;
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

static void
collect_odd(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == -1)
		die("socketpair");
	odd_fds[0] = open("/", O_RDONLY);
	odd_fds[1] = epoll_create1(0);
	odd_fds[2] = socket(AF_UNIX, SOCK_STREAM, 0);
	odd_fds[3] = eventfd(0, 0);
	odd_fds[4] = open("/", O_PATH);
	odd_fds[5] = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (odd_fds[2] == -1 ||
	    bind(odd_fds[2], (struct sockaddr *)&address,
		sizeof(sa_family_t)) == -1 ||
	    listen(odd_fds[2], 1) == -1)
		die("listen");
}

static int
sender(int argc, char *argv[])
{
	static const enum kind all[] = {NONE, TWO, MANY, OVER, RIGHTS, CREDS,
	    BOTH, EMPTY, BARE, BYTES, GIANT_KIND, HEAVY, ODD, CLOSE, HALF,
	    GONE};
	enum kind kinds[32];
	unsigned long count[RESULTS] = {0};
	socklen_t length = sizeof(type);
	long i, n = 1000;
	size_t n_kinds = 0;
	int c, at_once = 0;
	double longest = 0;

	while ((c = getopt(argc, argv, "ak:n:S:")) != -1)
		switch (c) {
		case 'a':
			at_once = 1;
			break;
		case 'k':
			if (n_kinds < 32)
				kinds[n_kinds++] = kind_of(optarg);
			break;
		case 'n':
			n = atol(optarg);
			break;
		case 'S':
			srandom((unsigned)atol(optarg));
			break;
		default:
			usage();
		}
	if (optind != argc - 1 || (at_once && n > MOST_AT_ONCE))
		usage();
	if (n_kinds == 0) {
		memcpy(kinds, all, sizeof(all));
		n_kinds = sizeof(all) / sizeof(all[0]);
	}
	raise_limit();
	address.sun_family = AF_UNIX;
	collect_odd();
	is_stream = strcmp(argv[optind], "-") == 0;
	if (!is_stream)
		set_address(argv[optind]);
	else if (getsockopt(
		     STDOUT_FILENO, SOL_SOCKET, SO_TYPE, &type, &length) == -1)
		die("standard output");
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (at_once)
		longest = besiege(kinds[0], (size_t)n, count);
	for (i = 0; i < n && !at_once; i++) {
		enum kind kind = kinds[(size_t)random() % n_kinds];

		if (is_stream) {
			offend(STDOUT_FILENO, kind);
			count[SENT]++;
		} else {
			count[offend_name(kind)]++;
		}
	}
	fprintf(is_stream ? stderr : stdout,
	    "tried=%ld taken=%lu refused=%lu reset=%lu end=%lu unanswered=%lu "
	    "cut=%lu sent=%lu longest=%.0f\n",
	    n, count[TAKEN], count[REFUSED], count[RESET], count[ENDED],
	    count[UNANSWERED], count[CUT], count[SENT], longest);
	return 0;
}

/* --- receiving */

/* Read to the end, or one byte; descriptors go as soon as they come. */
static void
swallow(int s, size_t most)
{
	ssize_t n;

	do
		n = recv(s, bytes, most, 0);
	while (most > 1 && (n > 0 || (n == -1 && errno == EINTR)));
}

/* What is done to one connection; whether it stays open. */
static int
treat(int s, enum kind kind)
{
	switch (kind) {
	case SILENT:
		swallow(s, sizeof(bytes));
		return 1;
	case DEAF:
		return 1;
	case NO:
		swallow(s, sizeof(bytes));
		(void)!send(s, "n", 1, MSG_NOSIGNAL);
		return 0;
	case GARBAGE:
		swallow(s, sizeof(bytes));
		(void)!send(s, "what?", 5, MSG_NOSIGNAL);
		return 0;
	case UNREAD:
		(void)!recv(s, bytes, 1, MSG_PEEK);
		return 0;
	case HALF:
		swallow(s, 1);
		return 0;
	default:
		swallow(s, sizeof(bytes));
		return 0;
	}
}

static int
receiver(int argc, char *argv[])
{
	enum kind kind = NO_KIND;
	int c, backlog = 4096, listener, s;

	while ((c = getopt(argc, argv, "b:k:")) != -1)
		if (c == 'k')
			kind = kind_of(optarg);
		else if (c == 'b')
			backlog = atoi(optarg);
		else
			usage();
	if (optind != argc - 1 || kind == NO_KIND)
		usage();
	raise_limit();
	set_address(argv[optind]);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener == -1 ||
	    bind(listener, (struct sockaddr *)&address, address_length) == -1 ||
	    listen(listener, backlog) == -1)
		die(argv[optind]);
	while (kind == NEVER)
		pause();
	for (;;) {
		s = accept(listener, NULL, NULL);
		if (s == -1 && errno != EINTR)
			die("accept");
		if (s != -1 && !treat(s, kind))
			close(s);
	}
	return 0;
}

int
main(int argc, char *argv[])
{
	if (argc < 2)
		usage();
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(argv[1], "send") == 0)
		return sender(argc - 1, argv + 1);
	if (strcmp(argv[1], "receive") == 0)
		return receiver(argc - 1, argv + 1);
	usage();
	return 2;
}
