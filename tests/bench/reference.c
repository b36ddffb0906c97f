/* SPDX-License-Identifier: ISC */
/*
 * The reference: the server-worker design in as few lines as it takes, and
 * with no other system calls. What it reaches is what the kernel allows.
 *
 * usage: reference port [workers]
 */
#define _XOPEN_SOURCE 700

#include <sys/socket.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char buffer[65536];

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

static void
prepare(struct msghdr *m, struct iovec *iov, union control *control)
{
	memset(m, 0, sizeof *m);
	iov->iov_base = buffer;
	iov->iov_len = 1;
	m->msg_iov = iov;
	m->msg_iovlen = 1;
	m->msg_control = control;
	m->msg_controllen = sizeof *control;
}

static void
work(int sock)
{
	union control control;
	struct msghdr m;
	struct iovec iov;
	struct cmsghdr *h;
	ssize_t n;
	int fd;

	prepare(&m, &iov, &control);
	while (recvmsg(sock, &m, 0) > 0 && (h = CMSG_FIRSTHDR(&m)) != NULL) {
		memcpy(&fd, CMSG_DATA(h), sizeof fd);
		while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0)
			if (send(fd, buffer, (size_t)n, MSG_NOSIGNAL) != n)
				break;
		close(fd);
	}
	_exit(0);
}

static int
serve(int listener, int sock)
{
	union control control;
	struct msghdr m;
	struct iovec iov;
	int fd;

	memset(&control, 0, sizeof control);
	prepare(&m, &iov, &control);
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof fd);
	while ((fd = accept(listener, NULL, NULL)) != -1) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
		if (sendmsg(sock, &m, 0) == -1)
			break;
		close(fd);
	}
	return 1;
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in a;
	int listener, on = 1, pair[2], workers;

	if (argc < 2)
		return 2;
	workers = argc > 2 ? atoi(argv[2]) : 4;
	memset(&a, 0, sizeof a);
	a.sin_family = AF_INET;
	a.sin_port = htons((unsigned short)atoi(argv[1]));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listener, (struct sockaddr *)&a, sizeof a) == -1 ||
	    listen(listener, SOMAXCONN) == -1 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == -1) {
		perror("reference");
		return 1;
	}
	while (workers-- > 0)
		if (fork() == 0) {
			close(listener);
			close(pair[0]);
			work(pair[1]);
		}
	close(pair[1]);
	return serve(listener, pair[0]);
}
