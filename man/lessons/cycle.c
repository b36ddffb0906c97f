/* SPDX-License-Identifier: ISC */
/*
 * A socket that is sent through itself: it waits in its own queue, and a pipe's
 * writing end waits there with it. When the program has closed all, the queue
 * alone refers to them, and no process can reach the queue.
 *
 * With an argument, the mistake: the end with the queue stays open, and nobody
 * receives from it.
 */
#define _POSIX_C_SOURCE 200809L
#include "pass.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	struct pollfd p = {-1, POLLIN, 0};
	int pair[2], ends[2];
	int seconds = argc == 1 ? 10 : 1;

	(void)argv;
	if (pipe(ends) == -1 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		return 1;
	if (send_fd(pair[0], pair[1]) == -1 || send_fd(pair[0], ends[1]) == -1)
		return 1;
	close(ends[1]);
	p.fd = ends[0];
	printf("the pipe has a writer: %s\n",
	    poll(&p, 1, 0) == 0 ? "in the queue" : "none");
	fflush(stdout);
	if (system("fdinfo 6") != 0)
		return 1;
	if (argc == 1)
		close(pair[1]);
	close(pair[0]); /* this starts the collector */
	if (poll(&p, 1, seconds * 1000) == 0) {
		printf("after %d s the pipe still has a writer\n", seconds);
		return 1;
	}
	puts("all closed, and the pipe has no writer");
	return 0;
}
