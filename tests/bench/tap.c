/* SPDX-License-Identifier: ISC */
/*
 * tap: what a program costs that stands between two others.
 *
 * usage: tap bytes|ping|fds COMMAND [ARG...]
 *
 * COMMAND gets a connected UNIX socket as 0 and 1 and another as 9, and copies
 * between them.
 *
 * bytes: in one direction for half a second, in writes of 64 KiB; prints
 * bytes_per_s=N. ping: one byte there, one back, all on one processor, for how
 * long another takes to wake up is a lottery; prints us=N, the time of one
 * exchange. fds: one descriptor with every 64 bytes; prints fds_per_s=N.
 */
#define _GNU_SOURCE

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (64 * 1024)
#define MESSAGE 64
#define SECONDS 0.5
#define LIMIT 25 /* s, for all */

union control {
	struct cmsghdr h;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static char buffer[4 * CHUNK];

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
fail(const char *what)
{
	fprintf(stderr, "tap: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* The socket of the one side, and of the other. */
static void
start(char *argv[], int sides[2])
{
	int left[2], right[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, left) == -1 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, right) == -1)
		fail("socketpair");
	switch (fork()) {
	case -1:
		fail("fork");
		break;
	case 0:
		if (dup2(left[1], 0) == -1 || dup2(left[1], 1) == -1 ||
		    dup2(right[1], 9) == -1)
			fail("dup2");
		execvp(argv[0], argv);
		fail(argv[0]);
	}
	close(left[1]);
	close(right[1]);
	sides[0] = left[0];
	sides[1] = right[0];
}

static void
stay_here(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	if (cpu == -1)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	sched_setaffinity(0, sizeof set, &set);
}

static void
ping(const int sides[2])
{
	double began, took;
	long n = 0, warm = 1000;
	char c = 'x';

	began = now();
	for (;;) {
		if (write(sides[0], &c, 1) != 1 || read(sides[1], &c, 1) != 1 ||
		    write(sides[1], &c, 1) != 1 || read(sides[0], &c, 1) != 1)
			fail("ping");
		if (++n == warm)
			began = now();
		took = now() - began;
		if (n > warm && took >= SECONDS)
			break;
	}
	printf("us=%.2f\n", took * 1e6 / (double)(n - warm));
}

static void
pour(int s)
{
	double began = now();

	while (now() - began < SECONDS)
		if (write(s, buffer, CHUNK) == -1)
			fail("write");
	_exit(0);
}

static void
give(int s)
{
	union control control;
	struct cmsghdr *h;
	struct msghdr m;
	struct iovec iov;
	double began = now();
	int fd = 0;

	memset(&m, 0, sizeof m);
	memset(&control, 0, sizeof control);
	iov.iov_base = buffer;
	iov.iov_len = MESSAGE;
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_control = control.bytes;
	m.msg_controllen = sizeof control.bytes;
	h = &control.h;
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(h), &fd, sizeof fd);
	while (now() - began < SECONDS)
		if (sendmsg(s, &m, 0) == -1 && errno != ETOOMANYREFS)
			fail("sendmsg");
	_exit(0);
}

/* Bytes, and descriptors, until the end of file. */
static void
take(int s, double *bytes, double *fds)
{
	union control control;
	struct cmsghdr *h;
	struct msghdr m;
	struct iovec iov;
	ssize_t n;
	int fd;

	memset(&m, 0, sizeof m);
	iov.iov_base = buffer;
	iov.iov_len = sizeof buffer;
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	for (;;) {
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof control.bytes;
		n = recvmsg(s, &m, MSG_CMSG_CLOEXEC);
		if (n == -1)
			fail("recvmsg");
		if (n == 0)
			return;
		*bytes += (double)n;
		h = CMSG_FIRSTHDR(&m);
		if (h == NULL)
			continue;
		memcpy(&fd, CMSG_DATA(h), sizeof fd);
		close(fd);
		*fds += 1;
	}
}

static void
flow(const int sides[2], void (*sender)(int), const char *what)
{
	double began = now(), bytes = 0, fds = 0;

	switch (fork()) {
	case -1:
		fail("fork");
		break;
	case 0:
		close(sides[1]);
		sender(sides[0]);
	}
	close(sides[0]);
	take(sides[1], &bytes, &fds);
	printf("%s=%.0f\n", what,
	    (sender == pour ? bytes : fds) / (now() - began));
}

int
main(int argc, char *argv[])
{
	int sides[2];

	if (argc < 3)
		return 2;
	alarm(LIMIT);
	if (strcmp(argv[1], "ping") == 0)
		stay_here();
	start(argv + 2, sides);
	if (strcmp(argv[1], "ping") == 0)
		ping(sides);
	else if (strcmp(argv[1], "bytes") == 0)
		flow(sides, pour, "bytes_per_s");
	else if (strcmp(argv[1], "fds") == 0)
		flow(sides, give, "fds_per_s");
	else
		return 2;
	return 0;
}
