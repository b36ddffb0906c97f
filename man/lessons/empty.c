/* SPDX-License-Identifier: ISC */
/*
 * A mistake: a message with a descriptor and without a byte of payload. On a
 * stream there is nothing then that the descriptor could travel with.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <poll.h>
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
	struct sockaddr_un receiver = {AF_UNIX, "s"};
	struct msghdr m = {0};
	struct cmsghdr *h;
	int tries, fd = STDIN_FILENO, sock = socket(AF_UNIX, SOCK_STREAM, 0);

	for (tries = 0;
	     connect(sock, (struct sockaddr *)&receiver, sizeof receiver) == -1;
	     tries++)
		if (tries == 100)
			return 1;
		else
			poll(NULL, 0, 20); /* until it is there */
	memset(&control, 0, sizeof control);
	/* Here m.msg_iov is missing. */
	m.msg_control = &control;
	m.msg_controllen = sizeof control;
	h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof fd);
	printf("sendmsg() = %ld\n", (long)sendmsg(sock, &m, 0));
	return 0;
}
