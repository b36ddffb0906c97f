/* SPDX-License-Identifier: ISC */
/*
 * with - start COMMAND in a given state.
 *
 *	with [-x] [-c FD] [-d SIG] [-i SIG] [-b SIG] [-u SIG] [-a SECONDS]
 *	     [-l LIMIT] [-T FD] [-L FD] [-P FD] [-N FD] [-S FD] [-R FD]
 *	     COMMAND [ARG...]
 *
 * -x  every descriptor from 3 to 1023 is closed
 * -c  descriptor FD is closed
 * -d  signal SIG (a name without SIG) has its default action
 * -i  signal SIG is ignored
 * -b  signal SIG is blocked
 * -u  signal SIG is not blocked
 * -a  an alarm is running
 * -l  the limit of open descriptors, which nobody can raise
 * -T  FD is a terminal (its other side stays open at some number above 9)
 * -L  FD is a TCP socket listening on loopback
 * -P  FD is an unconnected UDP socket
 * -N  FD gets O_NONBLOCK
 * -S  the socket FD gets the smallest send buffer
 * -R  the socket FD polls readable only when 1000 bytes are there
 *
 * Options work in their order.
 */
#define _GNU_SOURCE
#include <sys/resource.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	int number;
} signals[] = {
    {"HUP", SIGHUP},
    {"INT", SIGINT},
    {"QUIT", SIGQUIT},
    {"PIPE", SIGPIPE},
    {"ALRM", SIGALRM},
    {"TERM", SIGTERM},
    {"USR1", SIGUSR1},
    {"USR2", SIGUSR2},
    {"CHLD", SIGCHLD},
};

static void
die(const char *what)
{
	fprintf(stderr, "with: %s: %s\n", what, strerror(errno));
	exit(125);
}

static int
signal_number(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (strcmp(name, signals[i].name) == 0)
			return signals[i].number;
	errno = EINVAL;
	die(name);
	return -1;
}

static void
dispose(const char *name, void (*action)(int))
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = action;
	sigemptyset(&sa.sa_mask);
	if (sigaction(signal_number(name), &sa, NULL) == -1)
		die(name);
}

static void
mask(const char *name, int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal_number(name));
	if (sigprocmask(how, &set, NULL) == -1)
		die(name);
}

static void
place(int from, int to)
{
	if (from == -1)
		die("open");
	if (from == to)
		return;
	if (dup2(from, to) == -1)
		die("dup2");
	close(from);
}

static void
terminal(int fd)
{
	int master, high;

	master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master == -1 || grantpt(master) == -1 || unlockpt(master) == -1)
		die("posix_openpt");
	high = fcntl(master, F_DUPFD, 10);
	if (high == -1)
		die("F_DUPFD");
	close(master);
	place(open(ptsname(high), O_RDWR | O_NOCTTY), fd);
}

static void
listening(int fd)
{
	struct sockaddr_in sin;
	int s;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s = socket(AF_INET, SOCK_STREAM, 0);
	if (s == -1 || bind(s, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(s, 5) == -1)
		die("listen");
	place(s, fd);
}

static void
limit(rlim_t most)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		die("getrlimit");
	rl.rlim_cur = rl.rlim_max = most;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		die("setrlimit");
}

int
main(int argc, char *argv[])
{
	int c, fd, flags, least;

	while ((c = getopt(argc, argv, "+xc:d:i:b:u:a:l:T:L:P:N:S:R:")) != -1) {
		switch (c) {
		case 'x':
			for (fd = 3; fd < 1024; fd++)
				close(fd);
			break;
		case 'c':
			close(atoi(optarg));
			break;
		case 'd':
			dispose(optarg, SIG_DFL);
			break;
		case 'i':
			dispose(optarg, SIG_IGN);
			break;
		case 'b':
			mask(optarg, SIG_BLOCK);
			break;
		case 'u':
			mask(optarg, SIG_UNBLOCK);
			break;
		case 'a':
			alarm((unsigned)atoi(optarg));
			break;
		case 'l':
			limit((rlim_t)atol(optarg));
			break;
		case 'T':
			terminal(atoi(optarg));
			break;
		case 'L':
			listening(atoi(optarg));
			break;
		case 'P':
			place(socket(AF_INET, SOCK_DGRAM, 0), atoi(optarg));
			break;
		case 'N':
			flags = fcntl(atoi(optarg), F_GETFL);
			if (flags == -1 ||
			    fcntl(atoi(optarg), F_SETFL, flags | O_NONBLOCK) ==
				-1)
				die("O_NONBLOCK");
			break;
		case 'S':
			least = 1;
			if (setsockopt(atoi(optarg), SOL_SOCKET, SO_SNDBUF,
				&least, sizeof(least)) == -1)
				die("SO_SNDBUF");
			break;
		case 'R':
			least = 1000;
			if (setsockopt(atoi(optarg), SOL_SOCKET, SO_RCVLOWAT,
				&least, sizeof(least)) == -1)
				die("SO_RCVLOWAT");
			break;
		default:
			return 125;
		}
	}
	if (optind == argc) {
		fprintf(stderr, "usage: with [OPTION]... COMMAND [ARG...]\n");
		return 125;
	}
	execvp(argv[optind], argv + optind);
	fprintf(stderr, "with: %s: %s\n", argv[optind], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}
