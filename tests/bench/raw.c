/* SPDX-License-Identifier: ISC */
/*
 * How fast the kernel passes descriptors, with nothing else to do: one process
 * sends the same one over and over, another receives and closes it.
 *
 * usage: raw count
 *
 * Prints the number of hand-overs a second.
 */
#define _XOPEN_SOURCE 700

#include <sys/socket.h>
#include <sys/wait.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
receive(int sock, struct msghdr *m)
{
	struct cmsghdr *h;
	int fd;

	while (recvmsg(sock, m, 0) > 0 && (h = CMSG_FIRSTHDR(m)) != NULL) {
		memcpy(&fd, CMSG_DATA(h), sizeof fd);
		close(fd);
	}
	return 0;
}

int
main(int argc, char *argv[])
{
	union control control;
	struct msghdr m;
	struct iovec iov;
	char byte = 0;
	long i, count = argc > 1 ? atol(argv[1]) : 0;
	double began;
	int fd = STDIN_FILENO, pair[2];

	if (count <= 0)
		return 2;
	memset(&m, 0, sizeof m);
	memset(&control, 0, sizeof control);
	iov.iov_base = &byte;
	iov.iov_len = 1;
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_control = &control;
	m.msg_controllen = sizeof control;
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == -1) {
		perror("raw");
		return 1;
	}
	switch (fork()) {
	case -1:
		perror("raw");
		return 1;
	case 0:
		close(pair[0]);
		_exit(receive(pair[1], &m));
	}
	close(pair[1]);
	began = now();
	for (i = 0; i < count; i++)
		if (sendmsg(pair[0], &m, MSG_NOSIGNAL) == -1) {
			perror("raw: sendmsg");
			return 1;
		}
	close(pair[0]);
	wait(NULL);
	printf("%.0f\n", (double)count / (now() - began));
	return 0;
}
