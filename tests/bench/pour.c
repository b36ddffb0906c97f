/* SPDX-License-Identifier: ISC */
/*
 * pour: how many bytes a second an echo server sends back on one connection.
 *
 * usage: pour megabytes port
 *
 * The client must not be what is measured: it sends the same bytes over and
 * over, and has the kernel drop what comes back. It counts, but it does not
 * compare; that is for tests/tools/load. Prints bytes_per_s=N, and ends with 1
 * if not as many came back.
 */
#define _XOPEN_SOURCE 700

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (256 * 1024)
#define PATIENCE 5000 /* ms without a byte */
#define LIMIT 25      /* s for all of them */

/* On TCP, Linux drops the bytes instead of copying them. */
#ifdef __linux__
#define DROP MSG_TRUNC
#else
#define DROP 0
#endif

static char buffer[4 * CHUNK];

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
fail(const char *what)
{
	fprintf(stderr, "pour: %s: %s\n", what, strerror(errno));
	return 1;
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in a;
	struct pollfd p;
	long long total, sent = 0, got = 0, left;
	double began;
	ssize_t n;

	if (argc != 3)
		return 2;
	total = atoll(argv[1]) << 20;
	memset(&a, 0, sizeof a);
	a.sin_family = AF_INET;
	a.sin_port = htons((unsigned short)atoi(argv[2]));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p.fd = socket(AF_INET, SOCK_STREAM, 0);
	p.events = POLLIN | POLLOUT;
	alarm(LIMIT);
	began = now();
	if (connect(p.fd, (struct sockaddr *)&a, sizeof a) == -1)
		return fail("connect");
	while (poll(&p, 1, PATIENCE) == 1) {
		if (p.revents & POLLOUT && sent < total) {
			left = total - sent;
			n = send(p.fd, buffer,
			    left < CHUNK ? (size_t)left : CHUNK,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
			if (n == -1 && errno != EAGAIN)
				return fail("send");
			sent += n > 0 ? n : 0;
			if (sent == total) {
				shutdown(p.fd, SHUT_WR);
				p.events = POLLIN;
			}
		}
		n = recv(p.fd, buffer, sizeof buffer, DROP | MSG_DONTWAIT);
		if (n == -1 && errno != EAGAIN)
			return fail("recv");
		if (n == 0) {
			printf("bytes_per_s=%.0f\n",
			    (double)got / (now() - began));
			return got != total;
		}
		got += n > 0 ? n : 0;
	}
	fprintf(stderr, "pour: nothing came for %d s\n", PATIENCE / 1000);
	return 1;
}
