/* SPDX-License-Identifier: ISC */
/*
 * peer - somebody at the other end of a connection who knows nothing of fdpass.
 * One program that goes by five names (or `peer NAME ...`):
 *
 *	client [-v] [-b NAME] [-r BYTES] ADDRESS
 *
 * Copy standard input to a connection, end that direction, and copy the
 * connection to standard output until its end. ADDRESS is HOST:PORT or
 * [HOST]:PORT (numeric), @NAME, or a path with a slash. -v prints the own
 * address to standard error once connected. -r: reset the connection as soon as
 * BYTES bytes came back. Exit status 0 at the end of the connection, 3 if the
 * peer reset it, 1 otherwise.
 *
 *	foreign send [-2cDS] [-b BYTES] [-f FD] [-n COUNT] [-s STRING] SOCKET
 *
 * Connect, send one message, end the writing side, print what the receiver did:
 * "answer N" (the byte), "end" or "reset".
 *  -b  a payload of that many bytes (0: none)
 *  -s  this payload; the escapes \0, \n and \\ are understood
 *  -n  that many descriptors, all of them copies of one (0: none)
 *  -f  this descriptor (default: /dev/null)
 *  -2  in two control messages, half of the descriptors in each
 *  -c  the payload's first byte alone, before the descriptors
 *  -D  to a datagram socket: nothing comes back, print "sent"
 *  -S  stay silent: send nothing, wait for the other side
 *
 *	foreign receive [-D] [-x MODE] SOCKET
 *
 * Make SOCKET, take one message, print "descriptors N bytes M payload TEXT",
 * and then (-x MODE):
 *  taken    answer NUL (the default)
 *  refused  answer 1
 *  end      close without an answer
 *  unread   close before reading
 *  silent   do not answer; wait for the sender to go away
 * SOCKET is removed once a sender has connected.
 *  -D  makes a datagram socket, which stays
 *
 *	knock [-t TYPE] [-b BYTES] PATH
 *
 * Connect to a socket of that type (seqpacket), say nothing, and tell what
 * comes: "connected", then "message" for each message, whose descriptors are
 * closed, and at last "end" or "reset". -b sends that many bytes first.
 *
 *	bound [-t TYPE] [-f FD] PATH COMMAND [ARG...]
 *
 * Bind a socket of that type (stream) to PATH, listen on it unless it takes
 * datagrams, and become COMMAND with it as descriptor FD (3). PATH stays.
 *
 *	paired [-t TYPE] [-o FD] [-i FD] COMMAND [ARG...] '|' COMMAND [ARG...]
 *
 * Run two commands joined by a pair of sockets of that type (stream), as the
 * shell joins them by a pipe. -o: the first command gets its socket as FD
 * instead of 1; -i: the second as FD instead of 0. HUP, INT and TERM are passed
 * on to both. Ends when both have ended, with the status of the second.
 *
 * TYPE is stream, seqpacket or dgram.
 */
#define _GNU_SOURCE
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_FDS 300
#define MOST_BYTES 200000

static const char *self;
static int failure = 1; /* the status of one who failed */
static char payload[MOST_BYTES];

static void
die(const char *what)
{
	int error = errno;

	fprintf(stderr, "%s: %s: %s\n", self, what, strerror(error));
	if (strcmp(self, "client") == 0 &&
	    (error == ECONNRESET || error == EPIPE))
		exit(3);
	exit(failure);
}

static void
usage(const char *synopsis)
{
	fprintf(stderr, "usage: %s %s\n", self, synopsis);
	exit(failure == 1 ? 2 : failure);
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
	usage("[-t stream|seqpacket|dgram] ...");
	return -1;
}

/* The address of a path, or of @NAME. */
static socklen_t
address(const char *name, struct sockaddr_un *sun)
{
	size_t length;

	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	length = strlen(name);
	if (length >= sizeof(sun->sun_path)) {
		errno = ENAMETOOLONG;
		die(name);
	}
	memcpy(sun->sun_path, name, length);
	if (name[0] != '@')
		return (socklen_t)sizeof(*sun);
	sun->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

/* Bound to a name of its own, unless own is NULL. */
static int
connect_from(const char *own, const char *name, int type)
{
	struct sockaddr_un sun;
	socklen_t length;
	int s, tries;

	s = socket(AF_UNIX, type, 0);
	if (s == -1)
		die("socket");
	if (own != NULL) {
		length = address(own, &sun);
		if (bind(s, (struct sockaddr *)&sun, length) == -1)
			die("bind");
	}
	length = address(name, &sun);
	/* Refused, perhaps, between their bind() and listen(). */
	for (tries = 0; connect(s, (struct sockaddr *)&sun, length) == -1;
	     tries++) {
		if (errno != ECONNREFUSED || tries == 100)
			die(name);
		poll(NULL, 0, 10);
	}
	return s;
}

static int
connect_unix(const char *name, int type)
{
	return connect_from(NULL, name, type);
}

static int
bind_unix(const char *name, int type)
{
	struct sockaddr_un sun;
	socklen_t length;
	int s;

	length = address(name, &sun);
	s = socket(AF_UNIX, type, 0);
	if (s == -1 || bind(s, (struct sockaddr *)&sun, length) == -1)
		die(name);
	if (type != SOCK_DGRAM && listen(s, 5) == -1)
		die("listen");
	return s;
}

static void
become(char *argv[])
{
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s: %s\n", self, argv[0], strerror(errno));
	_exit(127);
}

/* --- client */

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

static int
client(int argc, char *argv[])
{
	static char in[65536], out[65536];
	struct pollfd fds[3];
	struct linger linger;
	ssize_t n, left;
	long long back, most;
	const char *own;
	char *p;
	int c, s, verbose;

	own = NULL;
	verbose = 0;
	most = -1;
	while ((c = getopt(argc, argv, "b:vr:")) != -1) {
		switch (c) {
		case 'b':
			own = optarg;
			break;
		case 'v':
			verbose = 1;
			break;
		case 'r':
			most = atoll(optarg);
			break;
		default:
			usage("[-v] [-b NAME] [-r BYTES] ADDRESS");
		}
	}
	if (optind != argc - 1)
		usage("[-v] [-b NAME] [-r BYTES] ADDRESS");
	p = argv[optind];
	s = strchr(p, '/') != NULL || p[0] == '@' ?
	    connect_from(own, p, SOCK_STREAM) :
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

/* --- foreign */

static size_t
unescape(const char *string)
{
	size_t n;

	for (n = 0; *string != '\0' && n < MOST_BYTES; n++, string++) {
		payload[n] = *string;
		if (*string != '\\' || string[1] == '\0')
			continue;
		string++;
		payload[n] = *string == '0' ? '\0' :
		    *string == 'n'          ? '\n' :
					      *string;
	}
	return n;
}

static void
answer(int s)
{
	char byte;
	ssize_t n;

	n = read(s, &byte, 1);
	if (n == 1)
		printf("answer %d\n", byte);
	else if (n == 0)
		printf("end\n");
	else if (errno == ECONNRESET)
		printf("reset\n");
	else
		die("read");
}

static void
put_fds(struct cmsghdr *cmsg, const int *fds, size_t count)
{
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, count * sizeof(int));
}

static void
send_message(int s, const char *bytes, size_t size, const int *fds,
    size_t count, int split)
{
	static union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MOST_FDS * sizeof(int)) + 64];
	} control;
	struct msghdr msg;
	struct iovec iov;
	struct cmsghdr *cmsg;
	size_t half;
	ssize_t n;

	memset(&msg, 0, sizeof(msg));
	iov.iov_base = (void *)bytes;
	iov.iov_len = size;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (count > 0) {
		half = split ? count / 2 : count;
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(half * sizeof(int));
		cmsg = &control.align;
		put_fds(cmsg, fds, half);
		if (split) {
			msg.msg_controllen +=
			    CMSG_SPACE((count - half) * sizeof(int));
			cmsg = CMSG_NXTHDR(&msg, cmsg);
			put_fds(cmsg, fds + half, count - half);
		}
	}
	n = sendmsg(s, &msg, 0);
	if (n == -1)
		die("sendmsg");
	while ((size_t)n < size) {
		ssize_t more = send(s, bytes + n, size - (size_t)n, 0);

		if (more == -1)
			die("send");
		n += more;
	}
}

static const char foreign_synopsis[] = "send|receive [OPTION]... SOCKET";

static int
sender(int argc, char *argv[])
{
	int fds[MOST_FDS], c, fd, s, type, split, silent, early;
	size_t size, count, i;

	fd = -1;
	type = SOCK_STREAM;
	split = silent = early = 0;
	size = 1;
	count = 1;
	while ((c = getopt(argc, argv, "2cDSb:f:n:s:")) != -1) {
		switch (c) {
		case '2':
			split = 1;
			break;
		case 'c':
			early = 1;
			break;
		case 'D':
			type = SOCK_DGRAM;
			break;
		case 'S':
			silent = 1;
			break;
		case 'b':
			size = (size_t)atol(optarg);
			if (size > MOST_BYTES)
				usage(foreign_synopsis);
			memset(payload, 'x', size);
			break;
		case 'f':
			fd = atoi(optarg);
			break;
		case 'n':
			count = (size_t)atol(optarg);
			break;
		case 's':
			size = unescape(optarg);
			break;
		default:
			usage(foreign_synopsis);
		}
	}
	if (optind != argc - 1 || count > MOST_FDS)
		usage(foreign_synopsis);
	if (fd == -1 && (fd = open("/dev/null", O_RDWR)) == -1)
		die("/dev/null");
	for (i = 0; i < count; i++)
		fds[i] = fd;
	s = connect_unix(argv[optind], type);
	if (silent) {
		answer(s);
		return 0;
	}
	if (early) {
		send_message(s, payload, 1, fds, 0, 0);
		send_message(s, payload + 1, size - 1, fds, count, split);
	} else if (size > 0 || count > 0)
		send_message(s, payload, size, fds, count, split);
	if (type == SOCK_DGRAM) {
		printf("sent\n");
		return 0;
	}
	shutdown(s, SHUT_WR);
	answer(s);
	return 0;
}

static size_t
take(struct msghdr *msg)
{
	struct cmsghdr *cmsg;
	size_t count, n;

	count = 0;
	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL;
	     cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		count += n;
	}
	return count;
}

static int
receiver(int argc, char *argv[])
{
	static union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MOST_FDS * sizeof(int))];
	} control;
	struct msghdr msg;
	struct pollfd hangup;
	struct iovec iov;
	const char *mode;
	size_t size, count, i;
	ssize_t n;
	int c, listener, s, type;

	mode = "taken";
	type = SOCK_STREAM;
	while ((c = getopt(argc, argv, "Dx:")) != -1) {
		switch (c) {
		case 'D':
			type = SOCK_DGRAM;
			break;
		case 'x':
			mode = optarg;
			break;
		default:
			usage(foreign_synopsis);
		}
	}
	if (optind != argc - 1)
		usage(foreign_synopsis);
	listener = s = bind_unix(argv[optind], type);
	if (type == SOCK_STREAM) {
		s = accept(listener, NULL, NULL);
		if (s == -1)
			die("accept");
	}
	if (type == SOCK_STREAM)
		unlink(argv[optind]);
	if (strcmp(mode, "unread") == 0) {
		/* Something must be there to be left unread. */
		while (recv(s, payload, 1, MSG_PEEK) == -1 && errno == EINTR)
			;
		close(s);
		return 0;
	}
	size = count = 0;
	do {
		memset(&msg, 0, sizeof(msg));
		iov.iov_base = payload + size;
		iov.iov_len = sizeof(payload) - size;
		msg.msg_iov = &iov;
		msg.msg_iovlen = 1;
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		n = recvmsg(s, &msg, 0);
		if (n == -1)
			die("recvmsg");
		count += take(&msg);
		size += (size_t)n;
	} while (n > 0 && type == SOCK_STREAM);
	printf("descriptors %zu bytes %zu payload ", count, size);
	for (i = 0; i < size && i < 100; i++) {
		if (payload[i] == '\0')
			printf("\\0");
		else if (payload[i] == '\n')
			printf("\\n");
		else
			putchar(payload[i]);
	}
	printf("\n");
	fflush(stdout);
	if (strcmp(mode, "silent") == 0) {
		hangup.fd = s;
		hangup.events = 0;
		poll(&hangup, 1, -1);
		return 0;
	}
	if (type == SOCK_STREAM && strcmp(mode, "end") != 0)
		(void)!write(s, strcmp(mode, "taken") == 0 ? "" : "\1", 1);
	return 0;
}

static int
foreign(int argc, char *argv[])
{
	if (argc > 1 && strcmp(argv[1], "send") == 0)
		return sender(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "receive") == 0)
		return receiver(argc - 1, argv + 1);
	usage(foreign_synopsis);
	return 2;
}

/* --- knock, bound */

static int
knock(int argc, char *argv[])
{
	size_t count;
	ssize_t n;
	int c, s, type;

	type = SOCK_SEQPACKET;
	count = 0;
	while ((c = getopt(argc, argv, "t:b:")) != -1) {
		switch (c) {
		case 't':
			type = type_of(optarg);
			break;
		case 'b':
			count = (size_t)atol(optarg);
			break;
		default:
			usage("[-t TYPE] [-b BYTES] PATH");
		}
	}
	if (optind != argc - 1 || count > sizeof(payload))
		usage("[-t TYPE] [-b BYTES] PATH");
	s = connect_unix(argv[optind], type);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("connected\n");
	if (count > 0 && send(s, payload, count, MSG_NOSIGNAL) == -1)
		die("send");
	/* read() throws the descriptors away. */
	while ((n = read(s, payload, sizeof(payload))) > 0)
		printf("message\n");
	if (n == -1 && errno != ECONNRESET)
		die("read");
	printf("%s\n", n == 0 ? "end" : "reset");
	return 0;
}

static int
bound(int argc, char *argv[])
{
	int c, s, fd, type;

	fd = 3;
	type = SOCK_STREAM;
	while ((c = getopt(argc, argv, "+t:f:")) != -1) {
		switch (c) {
		case 't':
			type = type_of(optarg);
			break;
		case 'f':
			fd = atoi(optarg);
			break;
		default:
			usage("[-t TYPE] [-f FD] PATH COMMAND [ARG...]");
		}
	}
	if (argc - optind < 2)
		usage("[-t TYPE] [-f FD] PATH COMMAND [ARG...]");
	s = bind_unix(argv[optind], type);
	if (s != fd) {
		if (dup2(s, fd) == -1)
			die("dup2");
		close(s);
	}
	become(argv + optind + 1);
	return 127;
}

/* --- paired */

static volatile sig_atomic_t children[2];

static void
pass_on(int number)
{
	int i;

	for (i = 0; i < 2; i++)
		if (children[i] > 0)
			kill((pid_t)children[i], number);
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
	become(argv);
	return -1;
}

static int
paired(int argc, char *argv[])
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
			usage("[-t TYPE] [-o FD] [-i FD] COMMAND '|' COMMAND");
		}
	}
	for (i = optind; i < argc && strcmp(argv[i], "|") != 0; i++)
		;
	if (i == optind || i + 1 >= argc)
		usage("[-t TYPE] [-o FD] [-i FD] COMMAND '|' COMMAND");
	argv[i] = NULL;
	if (socketpair(AF_UNIX, type, 0, pair) == -1)
		die("socketpair");
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

int
main(int argc, char *argv[])
{
	const char *slash;

	slash = strrchr(argv[0], '/');
	self = slash == NULL ? argv[0] : slash + 1;
	if (strcmp(self, "peer") == 0 && argc > 1) {
		self = *++argv;
		argc--;
	}
	/* bound and paired become or run others: nothing is ignored there. */
	if (strcmp(self, "bound") == 0 || strcmp(self, "paired") == 0) {
		failure = 125;
		return self[0] == 'b' ? bound(argc, argv) : paired(argc, argv);
	}
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(self, "client") == 0)
		return client(argc, argv);
	if (strcmp(self, "foreign") == 0)
		return foreign(argc, argv);
	if (strcmp(self, "knock") == 0)
		return knock(argc, argv);
	usage("client|foreign|knock|bound|paired ...");
	return 2;
}
