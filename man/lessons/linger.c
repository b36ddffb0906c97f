/* SPDX-License-Identifier: ISC */
/*
 * A mistake: to believe that close() returns at once. The sender of this
 * connection has filled it, asked for SO_LINGER, and passed it on; its peer
 * does not read. With an argument the receiver takes the option away first.
 */
#define _POSIX_C_SOURCE 200809L
#include "pass.h"

#include <netinet/in.h>

#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Make a TCP connection to ourselves and fill it; *peer is the other end. */
static int
full_connection(int *peer)
{
	static const char zeros[65536];
	struct sockaddr_in a = {0};
	socklen_t size = sizeof a;
	struct linger two = {1, 2};
	int l = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (l == -1 || fd == -1 || bind(l, (struct sockaddr *)&a, size) == -1 ||
	    listen(l, 1) == -1 ||
	    getsockname(l, (struct sockaddr *)&a, &size) == -1 ||
	    connect(fd, (struct sockaddr *)&a, size) == -1)
		return -1;
	*peer = accept(l, NULL, NULL);
	close(l);
	if (*peer == -1)
		return -1;
	while (send(fd, zeros, sizeof zeros, MSG_DONTWAIT) > 0)
		;
	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &two, sizeof two) == -1)
		return -1;
	return fd;
}

int
main(int argc, char *argv[])
{
	struct linger none = {0, 0};
	struct timespec then, now;
	int fd, peer, pair[2];

	(void)argv;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1 ||
	    (fd = full_connection(&peer)) == -1 || send_fd(pair[0], fd) == -1)
		return 1;
	close(fd);
	fd = recv_fd(pair[1], 0);
	if (fd == -1)
		return 1;
	if (argc > 1 &&
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none) == -1)
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &then);
	close(fd);
	clock_gettime(CLOCK_MONOTONIC, &now);
	printf("close() took %s\n",
	    now.tv_sec - then.tv_sec >= 1 ? "seconds" : "no time");
	return 0;
}
