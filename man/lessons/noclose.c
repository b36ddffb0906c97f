/* SPDX-License-Identifier: ISC */
/*
 * A mistake: a server that hands each connection to the worker and then
 * forgets to close its own copy. Run it by fdlisten -l, which gives it the
 * listening socket as descriptor 3.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One byte, and one descriptor. */
static int
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

int
main(void)
{
	struct sockaddr_un worker = {AF_UNIX, "worker"};
	int connection, sock;

	while ((connection = accept(3, NULL, NULL)) != -1) {
		sock = socket(AF_UNIX, SOCK_STREAM, 0);
		if (connect(sock, (struct sockaddr *)&worker, sizeof worker) ==
			-1 ||
		    send_fd(sock, connection) == -1)
			perror("worker");
		close(sock);
		/* Here close(connection) is missing. */
	}
	return 1;
}
