/* SPDX-License-Identifier: ISC */
/*
 * handover - programs that use libfdpass, for the tests of what it promises.
 *
 *	handover accept NAME
 *	handover empty FD
 *	handover interrupted NAME
 *	handover refused HOW LENGTH TIMES NAME
 *
 * accept: listen on NAME, accept one message, and print "taken from UID".
 *
 * empty: send a message without a byte on the socket FD.
 *
 * interrupted: a sender leaves its message unfinished; a signal comes while
 * fdpass_accept() waits for the rest. Prints what that returned, and what the
 * sender has heard: "interrupted, 0 descriptors" and "sender: try again".
 *
 * refused: hand over a payload of LENGTH bytes so many times to a receiver that
 * refuses, and print how often which error came of it. HOW it refuses: "unread"
 * before it has read anything, "begun" after the first byte, "accept" by
 * fdpass_accept() that has no room for the payload.
 */
#define _GNU_SOURCE
#include "fdpass.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
die(const char *what)
{
	fprintf(stderr, "handover: %s: %s\n", what, strerror(errno));
	exit(125);
}

static int
listen_on(const char *name)
{
	int s = fdpass_listen(name, 0666);

	if (s == -1)
		die(name);
	return s;
}

static pid_t
start(void)
{
	pid_t pid = fork();

	if (pid == -1)
		die("fork");
	return pid;
}

static int
accept_one(const char *name)
{
	struct fdpass_message m;
	char payload[100];
	int listener = listen_on(name), s;

	fdpass_buffer(&m, payload, sizeof payload);
	s = fdpass_accept(listener, &m);
	if (s == -1)
		die("fdpass_accept");
	fdpass_answer(s, FDPASS_TAKEN);
	printf("taken from %ld\n", m.uid);
	unlink(name);
	return 0;
}

static int
send_empty(int s)
{
	if (send(s, "", 0, MSG_NOSIGNAL) == -1)
		die("send");
	return 0;
}

static void
ignore(int sig)
{
	(void)sig;
}

/* What the sender reads, in the words of the protocol. */
static const char *
hear(int s)
{
	char answer;
	ssize_t n = recv(s, &answer, 1, 0);

	if (n == -1)
		return errno == ECONNRESET ? "reset" : strerror(errno);
	if (n == 0)
		return "end of file, so taken";
	if (answer == FDPASS_TAKEN)
		return "taken";
	return answer == FDPASS_RETRY ? "try again" : "refused";
}

static int
connect_to(const char *name)
{
	struct sockaddr_un sun;
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	memset(&sun, 0, sizeof sun);
	sun.sun_family = AF_UNIX;
	strncpy(sun.sun_path, name, sizeof sun.sun_path - 1);
	if (s == -1 || connect(s, (struct sockaddr *)&sun, sizeof sun) == -1)
		die(name);
	return s;
}

/* Two bytes and a descriptor, and no end; signals until an answer is there. */
static int
leave_unfinished(const char *name, pid_t receiver)
{
	int s = connect_to(name), fd = STDIN_FILENO, unread = 1;
	struct pollfd p;

	if (fdpass_send(s, "ab", 2, &fd, 1, 0) != 2)
		die("fdpass_send");
	while (unread > 0) {
		if (ioctl(s, TIOCOUTQ, &unread) == -1)
			die("TIOCOUTQ");
		poll(NULL, 0, 1);
	}
	p.fd = s;
	p.events = POLLIN;
	do
		kill(receiver, SIGUSR1);
	while (poll(&p, 1, 10) == 0);
	printf("sender: %s\n", hear(s));
	return 0;
}

static int
interrupted(const char *name)
{
	struct sigaction action;
	struct fdpass_message m;
	pid_t parent = getpid(), child;
	char payload[100];
	int listener, s;

	memset(&action, 0, sizeof action);
	action.sa_handler = ignore;
	sigaction(SIGUSR1, &action, NULL);
	listener = listen_on(name);
	child = start();
	if (child == 0)
		exit(leave_unfinished(name, parent));
	fdpass_buffer(&m, payload, sizeof payload);
	s = fdpass_accept(listener, &m);
	printf("%s, %zu descriptors\n",
	    s == -1 && errno == EINTR ? "interrupted" :
		s == -1               ? strerror(errno) :
					"taken",
	    m.count);
	fflush(stdout);
	if (s != -1)
		fdpass_answer(s, FDPASS_TAKEN);
	while (waitpid(child, NULL, 0) == -1 && errno == EINTR)
		continue;
	unlink(name);
	return 0;
}

/* Refuse until the listening socket fails. */
static int
refuse(const char *how, int listener)
{
	struct fdpass_message m;
	char byte;
	int s;

	for (;;) {
		fdpass_buffer(&m, &byte, 1);
		s = strcmp(how, "accept") == 0 ? fdpass_accept(listener, &m) :
						 accept(listener, NULL, NULL);
		if (s == -1)
			return 1;
		if (strcmp(how, "begun") == 0)
			fdpass_recv(s, &m, 0);
		fdpass_close(&m);
		fdpass_answer(s, FDPASS_REFUSED);
		close(s);
	}
}

static const char *
name_of(int error)
{
	return error == 0         ? "taken" :
	    error == ECONNABORTED ? "ECONNABORTED" :
	    error == ECONNRESET   ? "ECONNRESET" :
	    error == EPIPE        ? "EPIPE" :
				    strerror(error);
}

static int
refused(const char *how, size_t length, int times, const char *name)
{
	static char payload[FDPASS_MAX_PAYLOAD];
	static int count[4096];
	int listener = listen_on(name), fd = STDIN_FILENO, i;
	pid_t child = start();

	if (child == 0)
		exit(refuse(how, listener));
	close(listener);
	for (i = 0; i < times; i++)
		count[fdpass_hand_over(name, payload, length, &fd, 1, 0) == 0 ?
			0 :
			errno]++;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	for (i = 0; i < 4096; i++)
		if (count[i] > 0)
			printf("%s %d\n", name_of(i), count[i]);
	unlink(name);
	return 0;
}

int
main(int argc, char *argv[])
{
	if (argc == 3 && strcmp(argv[1], "accept") == 0)
		return accept_one(argv[2]);
	if (argc == 3 && strcmp(argv[1], "empty") == 0)
		return send_empty(atoi(argv[2]));
	if (argc == 3 && strcmp(argv[1], "interrupted") == 0)
		return interrupted(argv[2]);
	if (argc == 6 && strcmp(argv[1], "refused") == 0)
		return refused(
		    argv[2], (size_t)atol(argv[3]), atoi(argv[4]), argv[5]);
	fprintf(stderr, "usage: handover accept|interrupted|refused ...\n");
	return 2;
}
