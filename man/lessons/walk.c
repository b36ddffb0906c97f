/* SPDX-License-Identifier: ISC */
/*
 * No mistake: a receiver that is ready for whatever a message brings. It has
 * room for the most that can come, looks at each control message, counts the
 * descriptors, and closes those that it does not want, here all. It receives on
 * descriptor 0.
 */
#define _GNU_SOURCE
#include <sys/socket.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MOST 253

static void
close_all(struct cmsghdr *h)
{
	size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int), i;
	int fd;

	for (i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
		close(fd);
	}
	printf("SCM_RIGHTS, %lu descriptors, closed\n", (unsigned long)n);
}

int
main(void)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct ucred)) +
		    CMSG_SPACE(MOST * sizeof(int))];
	} control;
	char bytes[256];
	struct iovec iov = {bytes, sizeof bytes};
	struct msghdr m = {0};
	struct cmsghdr *h;
	int yes = 1;

	if (setsockopt(STDIN_FILENO, SOL_SOCKET, SO_PASSCRED, &yes,
		sizeof yes) == -1) {
		perror("SO_PASSCRED");
		return 1;
	}
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_control = &control;
	m.msg_controllen = sizeof control;
	if (recvmsg(STDIN_FILENO, &m, MSG_CMSG_CLOEXEC) <= 0)
		return 1;
	for (h = CMSG_FIRSTHDR(&m); h != NULL; h = CMSG_NXTHDR(&m, h))
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
			close_all(h);
		else if (h->cmsg_level == SOL_SOCKET &&
		    h->cmsg_type == SCM_CREDENTIALS)
			puts("SCM_CREDENTIALS");
	return m.msg_flags & MSG_CTRUNC ? 1 : 0;
}
