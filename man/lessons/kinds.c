/* SPDX-License-Identifier: ISC */
/*
 * The three types of UNIX sockets: two messages, "ab" and "cde", are sent over
 * a pair of each type, then the sender's end is closed, and they are received
 * with a buffer of 64 bytes, or of as many as the argument says.
 *
 * The mistake is to take what one recv() of a stream returns for one message.
 */
#define _POSIX_C_SOURCE 200809L
#include <sys/socket.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void
show(const char *name, int type, size_t size)
{
	struct pollfd p = {-1, POLLIN, 0};
	char bytes[64];
	int pair[2];
	ssize_t n;

	if (socketpair(AF_UNIX, type, 0, pair) == -1 ||
	    send(pair[0], "ab", 2, 0) != 2 || send(pair[0], "cde", 3, 0) != 3) {
		perror(name);
		return;
	}
	close(pair[0]);
	printf("%-9s", name);
	p.fd = pair[1];
	while (poll(&p, 1, 200) == 1 && (n = recv(p.fd, bytes, size, 0)) > 0)
		printf(" \"%.*s\"", (int)n, bytes);
	puts(p.revents & POLLIN ? " end" : " and now it waits");
	close(pair[1]);
}

int
main(int argc, char *argv[])
{
	size_t size = argc > 1 ? (size_t)atoi(argv[1]) : 64;

	if (size < 1 || size > 64)
		return 2;
	show("stream", SOCK_STREAM, size);
	show("seqpacket", SOCK_SEQPACKET, size);
	show("datagram", SOCK_DGRAM, size);
	return 0;
}
