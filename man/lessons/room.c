/* SPDX-License-Identifier: ISC */
/*
 * Two mistakes of a receiver: it believes that a buffer of
 * CMSG_SPACE(sizeof(int)) bytes has room for one descriptor and no more, and
 * it goes on when MSG_CTRUNC is set. It receives on descriptor 0, takes the one
 * descriptor that it expects, and then shows what it has open as 3 and 4.
 *
 * room N: with room for descriptors below N only, as after ulimit -n N.
 */
#define _POSIX_C_SOURCE 200809L
#include <sys/resource.h>
#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Allow descriptors below n only. */
static int
limit(rlim_t n)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == -1)
		return -1;
	l.rlim_cur = n < l.rlim_max ? n : l.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &l);
}

int
main(int argc, char *argv[])
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr m = {0};
	struct iovec iov;
	struct cmsghdr *h;
	char byte;
	int fd = -1;

	iov.iov_base = &byte;
	iov.iov_len = 1;
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_control = &control;
	m.msg_controllen = sizeof control;
	if (argc > 1 && limit((rlim_t)atoi(argv[1])) == -1)
		return 1;
	if (recvmsg(STDIN_FILENO, &m, 0) != 1)
		return 1;
	h = CMSG_FIRSTHDR(&m);
	if (h != NULL && h->cmsg_level == SOL_SOCKET &&
	    h->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(h), sizeof fd);
	if (fd == -1)
		puts("received no descriptor");
	else
		printf("received descriptor %d\n", fd);
	if (m.msg_flags & MSG_CTRUNC)
		puts("MSG_CTRUNC is set");
	fflush(stdout);
	if (limit(64) == -1) /* what follows needs more descriptors */
		return 1;
	execlp("sh", "sh", "-c", "fdinfo 3; fdinfo 4", (char *)NULL);
	return 1;
}
