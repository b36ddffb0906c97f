/* SPDX-License-Identifier: ISC */
/*
 * route: the client of an echo server that is reached by what is said first.
 *
 * usage: route rate FILE PORT connections clients
 *        route bytes FILE PORT megabytes
 *
 * Each connection says what is in FILE and reads until as much has come back;
 * then it is closed, or with bytes pours so many more through it. Nothing is
 * shut down before that, as some proxies take that for the end of both ways.
 * Prints rate=N p50_us=N p99_us=N, or bytes_per_s=N; ends with 1 if less came
 * back than was sent.
 */
#define _XOPEN_SOURCE 700
#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (256 * 1024)
#define MOST 256      /* clients at once */
#define LIMIT 25      /* s for all */
#define PATIENCE 5000 /* ms without a byte */

/* On TCP, Linux drops the bytes instead of copying them. */
#ifdef __linux__
#define DROP MSG_TRUNC
#else
#define DROP 0
#endif

static char first[65536];
static size_t length;
static struct sockaddr_in address;
static char buffer[4 * CHUNK];

static void
die(const char *what)
{
	fprintf(stderr, "route: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
begin(void)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);

	if (s == -1 ||
	    connect(s, (struct sockaddr *)&address, sizeof address) == -1)
		die("connect");
	if (send(s, first, length, MSG_NOSIGNAL) != (ssize_t)length)
		die("send");
	return s;
}

/* So many bytes have come back. */
static size_t
take(int s)
{
	ssize_t n = recv(s, buffer, sizeof buffer, DROP | MSG_DONTWAIT);

	if (n == -1 && errno == EAGAIN)
		return 0;
	if (n == -1)
		die("recv");
	if (n == 0) {
		fprintf(stderr, "route: less came back than was sent\n");
		exit(1);
	}
	return (size_t)n;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
rate(size_t connections, size_t clients)
{
	struct pollfd p[MOST];
	double began = now(), start[MOST], *took;
	size_t back[MOST], begun = 0, done = 0, i;

	took = calloc(connections, sizeof *took);
	if (took == NULL)
		die("memory");
	for (i = 0; i < clients; i++) {
		p[i].fd = -1;
		p[i].events = POLLIN;
		p[i].revents = 0;
		back[i] = 0;
		start[i] = began;
	}
	while (done < connections) {
		for (i = 0; i < clients; i++) {
			if (p[i].fd != -1 && p[i].revents != 0)
				back[i] += take(p[i].fd);
			if (p[i].fd != -1 && back[i] >= length) {
				close(p[i].fd);
				took[done++] = now() - start[i];
				p[i].fd = -1;
			}
			if (p[i].fd == -1 && begun < connections) {
				begun++;
				start[i] = now();
				back[i] = 0;
				p[i].fd = begin();
			}
			p[i].revents = 0;
		}
		if (done < connections &&
		    poll(p, (nfds_t)clients, PATIENCE) < 1)
			die("poll");
	}
	began = now() - began;
	qsort(took, done, sizeof *took, by_size);
	printf("rate=%.0f p50_us=%.0f p99_us=%.0f\n", (double)done / began,
	    took[done / 2] * 1e6, took[done * 99 / 100] * 1e6);
	free(took);
}

static void
bytes(long long more)
{
	long long sent = 0, back = -(long long)length;
	struct pollfd p;
	double began;
	ssize_t n;

	p.fd = begin();
	while (back < 0) {
		p.events = POLLIN;
		if (poll(&p, 1, PATIENCE) != 1)
			die("poll");
		back += (long long)take(p.fd);
	}
	began = now();
	while (back < more) {
		p.events = POLLIN;
		if (sent < more)
			p.events |= POLLOUT;
		if (poll(&p, 1, PATIENCE) != 1)
			die("poll");
		if (p.revents & POLLOUT) {
			n = send(p.fd, buffer,
			    more - sent < CHUNK ? (size_t)(more - sent) : CHUNK,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
			if (n == -1 && errno != EAGAIN)
				die("send");
			sent += n > 0 ? n : 0;
		}
		back += (long long)take(p.fd);
	}
	printf("bytes_per_s=%.0f\n", (double)back / (now() - began));
	close(p.fd);
}

int
main(int argc, char *argv[])
{
	FILE *f;

	if (argc < 5)
		return 2;
	f = fopen(argv[2], "rb");
	if (f == NULL)
		die(argv[2]);
	length = fread(first, 1, sizeof first, f);
	fclose(f);
	address.sin_family = AF_INET;
	address.sin_port = htons((unsigned short)atoi(argv[3]));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	alarm(LIMIT);
	if (strcmp(argv[1], "bytes") == 0)
		bytes(atoll(argv[4]) << 20);
	else if (argc == 6 && atol(argv[5]) > 0 && atol(argv[5]) <= MOST)
		rate((size_t)atol(argv[4]), (size_t)atol(argv[5]));
	else
		return 2;
	return 0;
}
