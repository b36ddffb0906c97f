/* SPDX-License-Identifier: ISC */
/*
 * speak - say what comes on standard input to a server, in a manner of one's
 * own, and copy its answer to standard output.
 *
 *	speak [-fu] [-b BYTES] [-e END] [-i MS] ADDRESS
 *
 * ADDRESS is HOST:PORT (numeric), or a path with a slash. -b: so many bytes at
 * a time (default: all at once). -i: so many milliseconds between two times.
 * -f: with a descriptor each time (UNIX sockets). -u: the last byte is urgent.
 * END is what follows: shut (default) shuts the writing side down; stay says
 * no more; close closes, and reset resets, without waiting for an answer.
 */
#define _GNU_SOURCE
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST (4 * 1024 * 1024)

static void
die(const char *what)
{
	fprintf(stderr, "speak: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int
connect_to(char *name)
{
	struct addrinfo hints, *ai;
	struct sockaddr_un sun;
	char *port = strrchr(name, ':');
	int s;

	if (strchr(name, '/') != NULL) {
		memset(&sun, 0, sizeof(sun));
		sun.sun_family = AF_UNIX;
		if (strlen(name) >= sizeof(sun.sun_path))
			die(name);
		memcpy(sun.sun_path, name, strlen(name));
		s = socket(AF_UNIX, SOCK_STREAM, 0);
		if (connect(s, (struct sockaddr *)&sun, sizeof(sun)) == -1)
			die(name);
		return s;
	}
	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	if (port == NULL)
		die(name);
	*port++ = '\0';
	if (getaddrinfo(name, port, &hints, &ai) != 0)
		die(name);
	s = socket(ai->ai_family, SOCK_STREAM, 0);
	if (connect(s, ai->ai_addr, ai->ai_addrlen) == -1)
		die(name);
	freeaddrinfo(ai);
	return s;
}

static void
say(int s, char *bytes, size_t n, int with_fd, int flags)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {bytes, n};
	struct msghdr m;
	struct cmsghdr *h;
	int fd = STDIN_FILENO;
	ssize_t sent;

	memset(&m, 0, sizeof(m));
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	if (with_fd) {
		memset(&control, 0, sizeof(control));
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof(control.bytes);
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	}
	while (iov.iov_len > 0) {
		sent = sendmsg(s, &m, MSG_NOSIGNAL | flags);
		if (sent == -1)
			die("send");
		iov.iov_base = (char *)iov.iov_base + sent;
		iov.iov_len -= (size_t)sent;
		m.msg_control = NULL;
		m.msg_controllen = 0;
	}
}

static void
end(int s, const char *how)
{
	struct linger linger = {1, 0};

	if (strcmp(how, "shut") == 0)
		shutdown(s, SHUT_WR);
	if (strcmp(how, "reset") == 0)
		setsockopt(s, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	if (strcmp(how, "reset") == 0 || strcmp(how, "close") == 0)
		exit(0);
}

int
main(int argc, char *argv[])
{
	static char in[MOST], out[65536];
	size_t piece = MOST, length = 0, at, n;
	const char *how = "shut";
	int c, interval = 0, on = 1, s, urgent = 0, with_fd = 0;
	ssize_t got;

	while ((c = getopt(argc, argv, "b:e:fi:u")) != -1)
		if (c == 'b')
			piece = (size_t)atol(optarg);
		else if (c == 'e')
			how = optarg;
		else if (c == 'f')
			with_fd = 1;
		else if (c == 'i')
			interval = atoi(optarg);
		else if (c == 'u')
			urgent = 1;
		else
			return 2;
	if (optind + 1 != argc)
		return 2;
	while (length < MOST &&
	    (got = read(STDIN_FILENO, in + length, MOST - length)) > 0)
		length += (size_t)got;
	s = connect_to(argv[optind]);
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (at = 0; at < length; at += n) {
		n = length - at < piece ? length - at : piece;
		if (at > 0 && interval > 0)
			poll(NULL, 0, interval);
		say(s, in + at, n, with_fd,
		    urgent && at + n == length ? MSG_OOB : 0);
	}
	end(s, how);
	while ((got = read(s, out, sizeof(out))) > 0)
		if (write(STDOUT_FILENO, out, (size_t)got) != got)
			die("write");
	if (got == -1)
		die("read");
	return 0;
}
