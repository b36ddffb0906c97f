/* SPDX-License-Identifier: ISC */
/*
 * paired - run two commands joined by a pair of UNIX sockets, as the shell
 * joins them by a pipe.
 *
 *	paired [-t TYPE] [-o FD] [-i FD] COMMAND [ARG...] '|' COMMAND [ARG...]
 *
 * -t  stream (default), seqpacket or dgram
 * -o  the first command gets its socket as FD instead of 1
 * -i  the second command gets its socket as FD instead of 0
 *
 * HUP, INT and TERM are passed on to both. Ends when both have ended, with
 * the status of the second.
 */
#define _POSIX_C_SOURCE 200809L
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t children[2];

static void
usage(void)
{
	fprintf(stderr,
	    "usage: paired [-t TYPE] [-o FD] [-i FD] COMMAND '|' COMMAND\n");
	exit(2);
}

static void
pass_on(int number)
{
	int i;

	for (i = 0; i < 2; i++)
		if (children[i] > 0)
			kill((pid_t)children[i], number);
}

static int
type_of(const char *name)
{
	if (strcmp(name, "stream") == 0)
		return SOCK_STREAM;
	if (strcmp(name, "seqpacket") == 0)
		return SOCK_SEQPACKET;
	if (strcmp(name, "dgram") == 0)
		return SOCK_DGRAM;
	usage();
	return -1;
}

static pid_t
start(char *argv[], int fd, int other, int target, const sigset_t *mask)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	close(other);
	if (fd != target) {
		dup2(fd, target);
		close(fd);
	}
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	fprintf(stderr, "paired: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

int
main(int argc, char *argv[])
{
	static const int passed[] = {SIGHUP, SIGINT, SIGTERM};
	struct sigaction sa;
	sigset_t block, old;
	size_t n;
	pid_t pid;
	int c, i, status, result, type, out, in, pair[2];

	type = SOCK_STREAM;
	out = STDOUT_FILENO;
	in = STDIN_FILENO;
	while ((c = getopt(argc, argv, "+t:o:i:")) != -1) {
		switch (c) {
		case 't':
			type = type_of(optarg);
			break;
		case 'o':
			out = atoi(optarg);
			break;
		case 'i':
			in = atoi(optarg);
			break;
		default:
			usage();
		}
	}
	for (i = optind; i < argc && strcmp(argv[i], "|") != 0; i++)
		;
	if (i == optind || i + 1 >= argc)
		usage();
	argv[i] = NULL;
	if (socketpair(AF_UNIX, type, 0, pair) == -1) {
		perror("paired: socketpair");
		return 125;
	}
	sigfillset(&block);
	sigprocmask(SIG_BLOCK, &block, &old);
	children[0] =
	    (sig_atomic_t)start(argv + optind, pair[0], pair[1], out, &old);
	children[1] =
	    (sig_atomic_t)start(argv + i + 1, pair[1], pair[0], in, &old);
	close(pair[0]);
	close(pair[1]);
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = pass_on;
	sigemptyset(&sa.sa_mask);
	for (n = 0; n < sizeof(passed) / sizeof(passed[0]); n++)
		sigaction(passed[n], &sa, NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	result = 125;
	for (n = 0; n < 2;) {
		pid = wait(&status);
		if (pid == -1 && errno == EINTR)
			continue;
		if (pid == -1)
			return 125;
		n++;
		if (pid == (pid_t)children[1])
			result = WIFEXITED(status) ? WEXITSTATUS(status) :
						     128 + WTERMSIG(status);
		for (i = 0; i < 2; i++)
			if (pid == (pid_t)children[i])
				children[i] = 0;
	}
	return result;
}
