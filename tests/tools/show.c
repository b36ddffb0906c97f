/* SPDX-License-Identifier: ISC */
/*
 * show - print the state that this process was started in.
 *
 *	show [-o FILE] [WORD...]
 *
 *	fds 0 1 2		its open descriptors
 *	fd 0 tcp rw		each with its type, access mode and flags
 *	ignored INT QUIT	the signals that are ignored
 *	blocked			the signals that are blocked
 *	alarm 0			whether an alarm is running
 *
 * With WORDs, only the lines that begin with one of them.
 */
#define _GNU_SOURCE
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST 1024

static char text[65536];
static size_t length;
static char **words;

static void
add(const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text + length, sizeof(text) - length, format, args);
	va_end(args);
	if (n > 0)
		length += (size_t)n;
	if (length >= sizeof(text))
		length = sizeof(text) - 1;
}

static int
wanted(const char *word)
{
	char **p;

	if (words[0] == NULL)
		return 1;
	for (p = words; *p != NULL; p++)
		if (strcmp(*p, word) == 0)
			return 1;
	return 0;
}

static const char *
signal_name(int number)
{
	static const struct {
		int number;
		const char *name;
	} known[] = {{SIGHUP, "HUP"}, {SIGINT, "INT"}, {SIGQUIT, "QUIT"},
	    {SIGPIPE, "PIPE"}, {SIGALRM, "ALRM"}, {SIGTERM, "TERM"},
	    {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"}, {SIGCHLD, "CHLD"}};
	static char other[16];
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].number == number)
			return known[i].name;
	snprintf(other, sizeof(other), "%d", number);
	return other;
}

static const char *
socket_type(int fd)
{
	struct sockaddr_storage ss;
	socklen_t size;
	int type, listening;

	memset(&ss, 0, sizeof(ss));
	size = sizeof(ss);
	getsockname(fd, (struct sockaddr *)&ss, &size);
	size = sizeof(type);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == -1)
		return "socket";
	listening = 0;
	size = sizeof(listening);
	getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size);
	if (ss.ss_family == AF_UNIX)
		return listening        ? "unix-listening" :
		    type == SOCK_STREAM ? "unix" :
		    type == SOCK_DGRAM  ? "unix-dgram" :
					  "unix-seqpacket";
	if (ss.ss_family == AF_INET || ss.ss_family == AF_INET6)
		return type == SOCK_DGRAM ? "udp" :
		    listening             ? "tcp-listening" :
					    "tcp";
	return "socket";
}

static const char *
type_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return "unknown";
	if (S_ISSOCK(st.st_mode))
		return socket_type(fd);
	if (S_ISFIFO(st.st_mode))
		return "pipe";
	if (S_ISDIR(st.st_mode))
		return "directory";
	if (S_ISREG(st.st_mode))
		return "file";
	if (S_ISCHR(st.st_mode))
		return isatty(fd) ? "terminal" : "device";
	return "other";
}

static const char *
access_of(int flags)
{
	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		return "r";
	case O_WRONLY:
		return "w";
	}
	return "rw";
}

int
main(int argc, char *argv[])
{
	struct sigaction sa;
	sigset_t set;
	const char *file;
	int open_now[MOST], flags, fd, i, out;

	for (fd = 0; fd < MOST; fd++)
		open_now[fd] = fcntl(fd, F_GETFD) != -1;
	file = NULL;
	words = argv + 1;
	if (argc > 2 && strcmp(argv[1], "-o") == 0) {
		file = argv[2];
		words = argv + 3;
	}
	if (wanted("fds")) {
		add("fds");
		for (fd = 0; fd < MOST; fd++)
			if (open_now[fd])
				add(" %d", fd);
		add("\n");
	}
	for (fd = 0; fd < MOST && wanted("fd"); fd++) {
		if (!open_now[fd])
			continue;
		flags = fcntl(fd, F_GETFL);
		add("fd %d %s %s%s%s\n", fd, type_of(fd), access_of(flags),
		    flags & O_NONBLOCK ? " nonblock" : "",
		    flags & O_APPEND ? " append" : "");
	}
	if (wanted("ignored")) {
		add("ignored");
		for (i = 1; i < 32; i++)
			if (sigaction(i, NULL, &sa) == 0 &&
			    sa.sa_handler == SIG_IGN)
				add(" %s", signal_name(i));
		add("\n");
	}
	if (wanted("blocked")) {
		add("blocked");
		sigprocmask(SIG_BLOCK, NULL, &set);
		for (i = 1; i < 32; i++)
			if (sigismember(&set, i) == 1)
				add(" %s", signal_name(i));
		add("\n");
	}
	if (wanted("alarm"))
		add("alarm %d\n", alarm(0) != 0);
	out = STDOUT_FILENO;
	if (file != NULL)
		out = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (out == -1 || write(out, text, length) != (ssize_t)length) {
		perror("show");
		return 1;
	}
	return 0;
}
