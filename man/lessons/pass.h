/* SPDX-License-Identifier: ISC */
/*
 * Send one descriptor, and receive one: the shortest correct way, for the
 * programs of the lessons. Lesson 7 explains it.
 */
#ifndef PASS_H
#define PASS_H

#include <sys/socket.h>

#include <string.h>

/* Send one byte, and fd with it. Returns 0, or -1 with errno. */
static inline int
send_fd(int sock, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec byte = {"", 1};
	struct msghdr m = {0};
	struct cmsghdr *h;

	memset(&control, 0, sizeof control);
	m.msg_iov = &byte;
	m.msg_iovlen = 1;
	m.msg_control = &control;
	m.msg_controllen = sizeof control;
	h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof fd);
	return sendmsg(sock, &m, 0) == 1 ? 0 : -1;
}

/*
 * Receive one byte, and return the descriptor that came with it, or -1. It
 * trusts the sender to send one descriptor and no more: lesson 9 shows what a
 * receiver has to do that trusts nobody.
 */
static inline int
recv_fd(int sock, int flags)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {0};
	struct cmsghdr *h;
	int fd = -1;

	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_control = &control;
	m.msg_controllen = sizeof control;
	if (recvmsg(sock, &m, flags) != 1)
		return -1;
	h = CMSG_FIRSTHDR(&m);
	if (h != NULL && h->cmsg_level == SOL_SOCKET &&
	    h->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(h), sizeof fd);
	return fd;
}

#endif
