/* SPDX-License-Identifier: ISC */
/*
 * converse - a conversation with descriptors, and whether each of them arrives
 * where it was sent.
 *
 *	converse [-1lpPqw] [-b BYTES] [-d FDS] [-n PARTS] [-s SEED]
 *	    [COMMAND [ARG...]]
 *
 * COMMAND stands between two sides: it gets a connected UNIX socket as 0 and 1
 * and another as 9. Without COMMAND the two sides are connected to each
 * other, which is what it is measured by. Both send PARTS random parts at
 * once (default 1000), shut down, and receive until the end of file. A
 * line is printed for what is wrong, and the status is 1 then.
 *
 * -1  receive byte by byte (default: with a buffer that is large enough)
 * -b  bytes in a part, at most (default 2000)
 * -d  descriptors in a part, at most (default 3)
 * -l  mostly parts of one byte, with and without descriptors
 * -p  the sides of COMMAND ask for credentials (SO_PASSCRED)
 * -P  so do the sides of the conversation
 * -w  wait a little before each part, so that few of them queue
 * -q  SOCK_SEQPACKET, some of the messages empty (default: SOCK_STREAM)
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES 61
#define MOST_FDS 253
#define ONE_PIECE 32768 /* a part of a stream that the kernel keeps whole */
#define BUFFER (512 * 1024)

struct part {
	size_t length;
	size_t count;
	unsigned first; /* which file is the first of its descriptors */
};

static int files[FILES];
static ino_t inodes[FILES];

static long parts = 1000;
static uint64_t seed = 1;
static size_t most_bytes = 2000;
static size_t most_fds = 3;
static int is_slow, by_byte, is_little, wants_creds, sides_want_creds,
    is_packet;
static char buffer[BUFFER];

static void fail(const char *, ...) __attribute__((noreturn));

static void
fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "converse: ");
	vfprintf(stderr, format, arguments);
	fprintf(stderr, "\n");
	va_end(arguments);
	_exit(1);
}

static uint64_t
draw(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x >> 11;
}

static struct part
next_part(uint64_t *state)
{
	struct part p;
	uint64_t kind = draw(state) % 10;
	size_t most = most_bytes;

	memset(&p, 0, sizeof p);
	if (is_little || kind < 6)
		most = is_little && kind < 8 ? 1 : 64;
	if (most > most_bytes)
		most = most_bytes;
	p.length = most > 0 ? 1 + (size_t)(draw(state) % most) : 1;
	if (is_packet && draw(state) % 10 == 0)
		p.length = 0;
	if (draw(state) % 2 == 0)
		p.count = 1 + (size_t)(draw(state) % most_fds);
	p.first = (unsigned)(draw(state) % FILES);
	return p;
}

static char
byte_at(uint64_t offset)
{
	return (char)(offset * 31 + offset / 256);
}

static void
send_part(int s, const struct part *p, uint64_t offset)
{
	union {
		struct cmsghdr h;
		char bytes[CMSG_SPACE(sizeof(int) * MOST_FDS)];
	} control;
	struct cmsghdr *h;
	struct msghdr m;
	struct iovec iov;
	size_t i, sent = 0;
	ssize_t n;
	int fd;

	for (i = 0; i < p->length; i++)
		buffer[i] = byte_at(offset + i);
	memset(&m, 0, sizeof m);
	memset(&control, 0, sizeof control);
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	if (p->count > 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * p->count);
		h = &control.h;
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int) * p->count);
		for (i = 0; i < p->count; i++) {
			fd = files[(p->first + i) % FILES];
			memcpy(CMSG_DATA(h) + i * sizeof fd, &fd, sizeof fd);
		}
	}
	do {
		iov.iov_base = buffer + sent;
		iov.iov_len = p->length - sent;
		while ((n = sendmsg(s, &m, MSG_NOSIGNAL)) == -1 &&
		    errno == ETOOMANYREFS)
			usleep(1000);
		if (n == -1)
			fail("sendmsg: %s", strerror(errno));
		sent += (size_t)n;
		m.msg_control = NULL;
		m.msg_controllen = 0;
	} while (sent < p->length);
}

static void
sender(int s, uint64_t state)
{
	uint64_t offset = 0, pauses = state + 7;
	struct part p;
	long i;

	for (i = 0; i < parts; i++) {
		p = next_part(&state);
		send_part(s, &p, offset);
		offset += p.length;
		if (is_slow)
			usleep((useconds_t)(draw(&pauses) % 10000));
		else if (draw(&pauses) % 64 == 0)
			usleep((useconds_t)(draw(&pauses) % 300));
		else if (draw(&pauses) % 4 == 0)
			sched_yield();
	}
	if (shutdown(s, SHUT_WR) == -1)
		fail("shutdown: %s", strerror(errno));
	_exit(0);
}

/* What one recvmsg() has brought. */
struct piece {
	ssize_t length;
	size_t count;
	int fds[MOST_FDS];
};

static void
get(int s, struct piece *r, size_t size)
{
	union {
		struct cmsghdr h;
		char bytes[CMSG_SPACE(sizeof(int) * MOST_FDS) + 64];
	} control;
	struct cmsghdr *h;
	struct msghdr m;
	struct iovec iov;
	size_t i, n;

	memset(&m, 0, sizeof m);
	iov.iov_base = buffer;
	iov.iov_len = size;
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_control = control.bytes;
	m.msg_controllen = sizeof control.bytes;
	r->count = 0;
	r->length = recvmsg(s, &m, MSG_CMSG_CLOEXEC);
	if (r->length == -1)
		fail("recvmsg: %s", strerror(errno));
	if (m.msg_flags & (MSG_CTRUNC | MSG_TRUNC))
		fail("truncated");
	for (h = CMSG_FIRSTHDR(&m); h != NULL; h = CMSG_NXTHDR(&m, h)) {
		if (h->cmsg_type != SCM_RIGHTS)
			continue;
		n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++)
			memcpy(&r->fds[r->count++],
			    CMSG_DATA(h) + i * sizeof(int), sizeof(int));
	}
}

/* The descriptors are those of the part? */
static void
check_fds(const struct piece *r, const struct part *p, uint64_t offset)
{
	struct stat st;
	size_t i;

	if (r->count != p->count)
		fail("at byte %llu: %zu descriptors, not %zu",
		    (unsigned long long)offset, r->count, p->count);
	for (i = 0; i < r->count; i++) {
		if (fstat(r->fds[i], &st) == -1)
			fail("fstat: %s", strerror(errno));
		if (st.st_ino != inodes[(p->first + i) % FILES])
			fail("at byte %llu: descriptor %zu is another",
			    (unsigned long long)offset, i);
		close(r->fds[i]);
	}
}

static void
check_bytes(const struct piece *r, uint64_t offset)
{
	ssize_t i;

	for (i = 0; i < r->length; i++)
		if (buffer[i] != byte_at(offset + (uint64_t)i))
			fail("byte %llu is another",
			    (unsigned long long)offset + (uint64_t)i);
}

static void
receive_messages(int s, uint64_t state)
{
	uint64_t offset = 0;
	struct piece r;
	struct part p;
	long i;

	for (i = 0; i < parts; i++) {
		p = next_part(&state);
		get(s, &r, BUFFER);
		if ((size_t)r.length != p.length)
			fail("message %ld has %zd bytes, not %zu", i, r.length,
			    p.length);
		check_bytes(&r, offset);
		check_fds(&r, &p, offset);
		offset += p.length;
	}
	get(s, &r, BUFFER);
	if (r.length != 0 || r.count != 0)
		fail("no end after the last message");
}

/*
 * Descriptors come with the first byte of their part. A larger buffer gets
 * all plain bytes before the part, and the part to its end, but no more.
 */
static void
receive_stream(int s, uint64_t state)
{
	uint64_t start = 0, stop, pauses = state + 3;
	uint64_t part_start = 0; /* of the next part that has not begun */
	struct piece r;
	struct part p, none;
	long i = 0;

	memset(&none, 0, sizeof none);
	p = next_part(&state);
	for (;;) {
		get(s, &r, by_byte ? 1 : BUFFER);
		if (r.length == 0)
			break;
		check_bytes(&r, start);
		stop = start + (uint64_t)r.length;
		while (i < parts && part_start < stop && p.count == 0) {
			part_start += p.length;
			i++;
			p = next_part(&state);
		}
		if (i < parts && part_start < stop) {
			check_fds(&r, &p, start);
			if (by_byte && part_start != start)
				fail("descriptors at byte %llu, not %llu",
				    (unsigned long long)start,
				    (unsigned long long)part_start);
			if (!by_byte && p.length <= ONE_PIECE &&
			    part_start + p.length != stop)
				fail("descriptors with bytes to %llu, "
				     "not to %llu",
				    (unsigned long long)stop,
				    (unsigned long long)(part_start +
					p.length));
			part_start += p.length;
			i++;
			p = next_part(&state);
		} else {
			check_fds(&r, &none, start);
		}
		start = stop;
		if (draw(&pauses) % 64 == 0)
			usleep((useconds_t)(draw(&pauses) % 300));
	}
	while (i < parts && p.count == 0 && part_start + p.length <= start) {
		part_start += p.length;
		i++;
		p = next_part(&state);
	}
	if (i != parts || part_start != start)
		fail("the end at byte %llu, in part %ld",
		    (unsigned long long)start, i);
}

static void
receiver(int s, uint64_t state)
{
	if (is_packet)
		receive_messages(s, state);
	else
		receive_stream(s, state);
	_exit(0);
}

static void
make_files(void)
{
	struct stat st;
	int i;

	memset(&st, 0, sizeof st);
	for (i = 0; i < FILES; i++) {
		files[i] = memfd_create("converse", MFD_CLOEXEC);
		if (files[i] == -1 || fstat(files[i], &st) == -1)
			fail("memfd_create: %s", strerror(errno));
		inodes[i] = st.st_ino;
	}
}

static pid_t
start(void (*function)(int, uint64_t), int s, int other, uint64_t state)
{
	pid_t pid;

	switch (pid = fork()) {
	case -1:
		fail("fork: %s", strerror(errno));
		/* FALLTHROUGH */
	case 0:
		close(other);
		function(s, state);
		_exit(1);
	default:
		return pid;
	}
}

static void
become(char *argv[], int left, int right)
{
	int one = 1;

	if (wants_creds) {
		setsockopt(left, SOL_SOCKET, SO_PASSCRED, &one, sizeof one);
		setsockopt(right, SOL_SOCKET, SO_PASSCRED, &one, sizeof one);
	}
	if (dup2(left, 0) == -1 || dup2(left, 1) == -1 || dup2(right, 9) == -1)
		fail("dup2: %s", strerror(errno));
	execvp(argv[0], argv);
	fail("%s: %s", argv[0], strerror(errno));
}

/* A socket of each side; what is in between has gone to COMMAND. */
static void
connect_sides(int sides[2], char *argv[])
{
	int type = (is_packet ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC;
	int left[2], right[2];

	if (argv[0] == NULL) {
		if (socketpair(AF_UNIX, type, 0, sides) == -1)
			fail("socketpair: %s", strerror(errno));
		return;
	}
	if (socketpair(AF_UNIX, type, 0, left) == -1 ||
	    socketpair(AF_UNIX, type, 0, right) == -1)
		fail("socketpair: %s", strerror(errno));
	switch (fork()) {
	case -1:
		fail("fork: %s", strerror(errno));
		break;
	case 0:
		become(argv, left[1], right[1]);
		break;
	}
	close(left[1]);
	close(right[1]);
	sides[0] = left[0];
	sides[1] = right[0];
}

static void
options(int argc, char *argv[])
{
	int c;

	while ((c = getopt(argc, argv, "+1b:d:ln:pPqs:w")) != -1)
		switch (c) {
		case '1':
			by_byte = 1;
			break;
		case 'b':
			most_bytes = strtoul(optarg, NULL, 10);
			break;
		case 'd':
			most_fds = strtoul(optarg, NULL, 10);
			break;
		case 'l':
			is_little = 1;
			break;
		case 'n':
			parts = strtol(optarg, NULL, 10);
			break;
		case 'p':
			wants_creds = 1;
			break;
		case 'P':
			sides_want_creds = 1;
			break;
		case 'q':
			is_packet = 1;
			break;
		case 's':
			seed = strtoull(optarg, NULL, 10);
			break;
		case 'w':
			is_slow = 1;
			break;
		default:
			exit(2);
		}
	if (most_bytes == 0 || most_bytes > BUFFER || most_fds == 0 ||
	    most_fds > MOST_FDS)
		fail("-b, -d: out of range");
}

int
main(int argc, char *argv[])
{
	uint64_t there, back;
	int sides[2], i, one = 1, result, status = 0;

	options(argc, argv);
	there = seed * 0x9e3779b97f4a7c15u + 1;
	back = there ^ 0x5555555555555555u;
	make_files();
	connect_sides(sides, argv + optind);
	if (sides_want_creds)
		for (i = 0; i < 2; i++)
			setsockopt(sides[i], SOL_SOCKET, SO_PASSCRED, &one,
			    sizeof one);
	start(sender, sides[0], sides[1], there);
	start(receiver, sides[1], sides[0], there);
	start(sender, sides[1], sides[0], back);
	start(receiver, sides[0], sides[1], back);
	close(sides[0]);
	close(sides[1]);
	while (wait(&result) != -1)
		if (!WIFEXITED(result) || WEXITSTATUS(result) != 0)
			status = 1;
	return status;
}
