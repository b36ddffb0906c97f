/* SPDX-License-Identifier: ISC */
/*
 * Who sent it? A pair of sockets is made here, and a child sends over it.
 * The mistake is to believe SO_PEERCRED, which says who made the pair; the
 * credentials of the message say who sent it. (Linux)
 */
#define _GNU_SOURCE
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Receive a byte; return the process that sent it, as the kernel says. */
static pid_t
sender(int sock)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {0};
	struct cmsghdr *h;
	struct ucred cred;

	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_control = &control;
	m.msg_controllen = sizeof control;
	if (recvmsg(sock, &m, 0) != 1 || (h = CMSG_FIRSTHDR(&m)) == NULL ||
	    h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_CREDENTIALS)
		return -1;
	memcpy(&cred, CMSG_DATA(h), sizeof cred);
	return cred.pid;
}

int
main(void)
{
	struct ucred cred;
	socklen_t size = sizeof cred;
	int pair[2], yes = 1, pidfd;
	pid_t child;
	char byte;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == -1 ||
	    setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) ==
		-1 ||
	    (child = fork()) == -1)
		return 1;
	if (child == 0) {
		close(pair[0]);
		if (send(pair[1], "", 1, 0) != 1)
			_exit(1);
		/* Live until the parent closes its end. */
		_exit((int)read(pair[1], &byte, 1));
	}
	close(pair[1]);
	if (getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &cred, &size) == -1)
		return 1;
	printf("SO_PEERCRED: the %s\n", cred.pid == child ? "child" : "parent");
	printf("SCM_CREDENTIALS: the %s\n",
	    sender(pair[0]) == child ? "child" : "parent");
	pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	if (pidfd == -1)
		return 1;
	close(pair[0]);
	if (waitpid(child, NULL, 0) == -1) /* this frees its number */
		return 1;
	fflush(stdout);
	if (syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == -1)
		perror("the pidfd");
	return 0;
}
