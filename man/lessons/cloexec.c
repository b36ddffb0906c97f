/* SPDX-License-Identifier: ISC */
/*
 * No mistake of its own: it opens a file that it means to keep from the
 * programs it becomes, and sends it over standard output. Whoever receives it
 * gets a new number, and that has no such flag unless it asks.
 */
#define _POSIX_C_SOURCE 200809L
#include <sys/socket.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
main(void)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec byte = {"", 1};
	struct msghdr m = {0};
	struct cmsghdr *h;
	int fd = open("notes", O_RDONLY | O_CLOEXEC);

	fprintf(stderr, "sender: descriptor %d, close-on-exec is %s\n", fd,
	    fcntl(fd, F_GETFD) & FD_CLOEXEC ? "set" : "not set");
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
	return sendmsg(STDOUT_FILENO, &m, 0) != 1;
}
