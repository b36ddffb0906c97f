/* SPDX-License-Identifier: ISC */
/*
 * A mistake: three workers share one socket. Each waits with poll() until it is
 * readable, and then calls recv(), which blocks. One of them gets the
 * message; the others find none.
 */
#define _POSIX_C_SOURCE 200809L
#include <sys/socket.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 3

static int messages[2]; /* [0]: the server's end */
static int report[2];   /* what the workers tell us */
static int gate[2];     /* closed when all have polled */

static void
worker(void)
{
	struct pollfd p = {messages[1], POLLIN, 0};
	char byte;

	close(messages[0]);
	close(gate[1]);
	if (poll(&p, 1, -1) != 1 || write(report[1], "p", 1) != 1)
		_exit(1);
	/* All receive at the same time, so that the mistake always shows. */
	if (read(gate[0], &byte, 1) != 0)
		_exit(1);
	if (recv(messages[1], &byte, 1, 0) == 1 &&
	    write(report[1], "r", 1) == 1)
		pause();
	_exit(1);
}

/* Count reports: at most so many, each within so many milliseconds. */
static int
count(int most, int ms)
{
	struct pollfd p = {report[0], POLLIN, 0};
	char byte;
	int n = 0;

	while (n < most && poll(&p, 1, ms) == 1)
		n += read(report[0], &byte, 1) == 1;
	return n;
}

int
main(void)
{
	pid_t workers[WORKERS];
	int i;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, messages) == -1 ||
	    pipe(report) == -1 || pipe(gate) == -1)
		return 1;
	for (i = 0; i < WORKERS; i++) {
		workers[i] = fork();
		if (workers[i] == -1)
			return 1;
		if (workers[i] == 0)
			worker();
	}
	if (write(messages[0], "m", 1) != 1)
		return 1;
	printf("poll() woke %d workers\n", count(WORKERS, 10000));
	close(gate[1]);
	i = count(1, 10000);
	i += count(WORKERS - 1, 300);
	printf("%d got the message, %d hang in recv()\n", i, WORKERS - i);
	for (i = 0; i < WORKERS; i++) {
		kill(workers[i], SIGKILL);
		waitpid(workers[i], NULL, 0);
	}
	return 0;
}
