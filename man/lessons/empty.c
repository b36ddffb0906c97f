/* SPDX-License-Identifier: ISC */
/*
 * A mistake: a message with a descriptor and without a byte of payload. On a
 * stream there is then no byte that the descriptor could travel with. It sends
 * its standard input over its standard output.
 */
#include <sys/socket.h>

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
	struct msghdr m = {0};
	struct cmsghdr *h;
	int fd = STDIN_FILENO;
	ssize_t n;

	memset(&control, 0, sizeof control);
	/* Here m.msg_iov is missing. */
	m.msg_control = &control;
	m.msg_controllen = sizeof control;
	h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof fd);
	n = sendmsg(STDOUT_FILENO, &m, 0);
	if (n == -1)
		perror("sendmsg");
	else
		fprintf(stderr, "sendmsg() = %ld\n", (long)n);
	return n == -1;
}
