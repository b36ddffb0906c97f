/* SPDX-License-Identifier: ISC */
/*
 * client - copy standard input to a connection, end that direction, and
 * copy the connection to standard output until its end.
 *
 *	client [-v] [-r BYTES] ADDRESS
 *
 * ADDRESS is HOST:PORT or [HOST]:PORT (numeric), @NAME, or a path with a
 * slash. -v prints the own address to standard error once connected. -r:
 * reset the connection as soon as BYTES bytes came back. Exit status 0 at the
 * end of the connection, 3 if the peer reset it, 1 otherwise.
 */
#define _GNU_SOURCE
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
die(const char *what)
{
	fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
	exit(errno == ECONNRESET || errno == EPIPE ? 3 : 1);
}

static int
connect_unix(const char *name)
{
	struct sockaddr_un sun;
	size_t length;
	int s, tries;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	length = strlen(name);
	if (length >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		die(name);
	}
	memcpy(sun.sun_path, name, length);
	if (name[0] == '@')
		sun.sun_path[0] = '\0';
	else
		length++;
	length += offsetof(struct sockaddr_un, sun_path);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	if (s == -1)
		die("socket");
	/* Refused, perhaps, between their bind() and listen(). */
	for (tries = 0;
	     connect(s, (struct sockaddr *)&sun, (socklen_t)length) == -1;
	     tries++) {
		if (errno != ECONNREFUSED || tries == 100)
			die(name);
		poll(NULL, 0, 10);
	}
	return s;
}

static int
connect_tcp(char *name)
{
	struct addrinfo hints, *ai;
	char *host, *port;
	int s;

	port = strrchr(name, ':');
	if (port == NULL) {
		errno = EINVAL;
		die(name);
	}
	*port++ = '\0';
	host = name;
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		host++;
	}
	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	if (getaddrinfo(host, port, &hints, &ai) != 0) {
		errno = EINVAL;
		die(host);
	}
	s = socket(ai->ai_family, SOCK_STREAM, 0);
	if (s == -1 || connect(s, ai->ai_addr, ai->ai_addrlen) == -1)
		die(host);
	freeaddrinfo(ai);
	return s;
}

static void
print_local(int s)
{
	struct sockaddr_storage ss;
	char host[NI_MAXHOST], port[NI_MAXSERV];
	socklen_t size;

	size = sizeof(ss);
	if (getsockname(s, (struct sockaddr *)&ss, &size) == 0 &&
	    getnameinfo((struct sockaddr *)&ss, size, host, sizeof(host), port,
		sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		fprintf(stderr, "%s %s\n", host, port);
}

static void
put(int fd, const char *bytes, ssize_t size)
{
	ssize_t n;

	for (; size > 0; bytes += n, size -= n) {
		n = write(fd, bytes, (size_t)size);
		if (n == -1)
			die("write");
	}
}

int
main(int argc, char *argv[])
{
	static char in[65536], out[65536];
	struct pollfd fds[3];
	struct linger linger;
	ssize_t n, left;
	long long back, most;
	char *p;
	int c, s, verbose;

	verbose = 0;
	most = -1;
	while ((c = getopt(argc, argv, "vr:")) != -1) {
		switch (c) {
		case 'v':
			verbose = 1;
			break;
		case 'r':
			most = atoll(optarg);
			break;
		default:
			return 2;
		}
	}
	if (optind != argc - 1) {
		fprintf(stderr, "usage: client [-v] [-r BYTES] ADDRESS\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	p = argv[optind];
	s = strchr(p, '/') != NULL || p[0] == '@' ? connect_unix(p) :
						    connect_tcp(p);
	if (verbose)
		print_local(s);
	left = 0;
	back = 0;
	p = out;
	fds[0].fd = STDIN_FILENO;
	fds[1].fd = s;
	fds[2].fd = -1;
	fds[0].events = fds[1].events = POLLIN;
	fds[2].events = POLLOUT;
	for (;;) {
		if (poll(fds, 3, -1) == -1)
			die("poll");
		if (fds[0].fd != -1 && fds[0].revents != 0) {
			left = read(STDIN_FILENO, out, sizeof(out));
			if (left == -1)
				die("read");
			p = out;
			fds[0].fd = -1;
			if (left == 0)
				shutdown(s, SHUT_WR);
			else
				fds[2].fd = s;
		}
		if (fds[2].fd != -1 && fds[2].revents != 0) {
			n = send(s, p, (size_t)left, MSG_DONTWAIT);
			if (n == -1 && errno != EAGAIN)
				die("send");
			if (n > 0) {
				p += n;
				left -= n;
			}
			if (left == 0) {
				fds[2].fd = -1;
				fds[0].fd = STDIN_FILENO;
			}
		}
		if (fds[1].revents == 0)
			continue;
		n = recv(s, in, sizeof(in), MSG_DONTWAIT);
		if (n == -1 && errno == EAGAIN)
			continue;
		if (n == -1)
			die("recv");
		if (n == 0)
			return 0;
		back += n;
		if (most >= 0 && back >= most) {
			linger.l_onoff = 1;
			linger.l_linger = 0;
			setsockopt(
			    s, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
			close(s);
			return 0;
		}
		put(STDOUT_FILENO, in, n);
	}
}
