/* SPDX-License-Identifier: ISC */
/*
 * A mistake: a server watches a descriptor with epoll, passes it on and closes
 * it, and believes that this ends the watch. With an argument it ends the watch
 * first. (Linux)
 */
#include "pass.h"

#include <sys/epoll.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	struct epoll_event e = {0};
	int ends[2], worker[2], fd, set, n;
	char byte;

	(void)argv;
	set = epoll_create1(0);
	if (set == -1 || pipe(ends) == -1 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, worker) == -1)
		return 1;
	fd = ends[0];
	e.events = EPOLLIN;
	e.data.fd = fd;
	if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == -1 ||
	    send_fd(worker[0], fd) == -1)
		return 1;
	if (argc > 1 && epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL) == -1)
		return 1;
	close(fd);
	printf("descriptor %d is the worker's now\n", fd);
	if (write(ends[1], "x", 1) != 1) /* somebody writes to the worker */
		return 1;
	n = epoll_wait(set, &e, 1, 300);
	printf("epoll_wait() = %d\n", n);
	fflush(stdout);
	if (n != 1)
		return n == -1;
	printf("descriptor %d is readable\n", e.data.fd);
	fflush(stdout);
	if (read(e.data.fd, &byte, 1) == -1)
		perror("read");
	if (epoll_ctl(set, EPOLL_CTL_DEL, e.data.fd, NULL) == -1)
		perror("EPOLL_CTL_DEL");
	if (system("fdinfo 3") != 0)
		return 2;
	return 1;
}
