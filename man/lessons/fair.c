/* SPDX-License-Identifier: ISC */
/*
 * No mistake: three workers wait on one listening socket, once in accept() and
 * once in epoll_wait(). Thirty clients come, one after the other, each when the
 * one before has been served: how many did each worker get? (Linux)
 */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define WORKERS 3
#define CLIENTS 30

/* Tell each client which worker serves it. */
static void
worker(char number, int l, int by_epoll)
{
	struct epoll_event e = {0};
	int client, set = -1;

	e.events = EPOLLIN | EPOLLEXCLUSIVE;
	if (by_epoll &&
	    ((set = epoll_create1(0)) == -1 ||
		epoll_ctl(set, EPOLL_CTL_ADD, l, &e) == -1))
		_exit(1);
	for (;;) {
		if (by_epoll && epoll_wait(set, &e, 1, -1) == -1)
			_exit(1);
		client = accept4(l, NULL, NULL, SOCK_CLOEXEC);
		if (client == -1 || write(client, &number, 1) != 1)
			_exit(1);
		close(client);
	}
}

static void
show(const char *name, int by_epoll)
{
	struct sockaddr address = {AF_UNIX, ""};
	socklen_t size = sizeof address;
	int l = socket(AF_UNIX, SOCK_STREAM, 0), s, i;
	int count[WORKERS] = {0};
	pid_t pids[WORKERS];
	char number = 0;

	/* With no name given, the kernel chooses an abstract one. */
	if (l == -1 || bind(l, &address, sizeof address.sa_family) == -1 ||
	    getsockname(l, &address, &size) == -1 || listen(l, CLIENTS) == -1) {
		perror("listen");
		return;
	}
	for (i = 0; i < WORKERS; i++)
		if ((pids[i] = fork()) == 0)
			worker((char)i, l, by_epoll);
	for (i = 0; i < CLIENTS; i++) {
		poll(NULL, 0, 20); /* until all of them wait again */
		s = socket(AF_UNIX, SOCK_STREAM, 0);
		if (s != -1 && connect(s, &address, size) == 0 &&
		    read(s, &number, 1) == 1)
			count[(int)number]++;
		close(s);
	}
	printf("%-6s %2d %2d %2d\n", name, count[0], count[1], count[2]);
	fflush(stdout);
	close(l);
	for (i = 0; i < WORKERS; i++) {
		if (pids[i] == -1)
			continue;
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
}

int
main(void)
{
	show("accept", 0);
	show("epoll", 1);
	return 0;
}
