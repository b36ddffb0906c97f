/* SPDX-License-Identifier: ISC */
/*
 * foreign - a sender and a receiver that know nothing of fdpass.
 *
 *	foreign send [-2cDS] [-b BYTES] [-f FD] [-n COUNT] [-s STRING] SOCKET
 *	foreign receive [-D] [-x MODE] SOCKET
 *
 * send: connect, send one message, end the writing side, print what the
 * receiver did: "answer N" (the byte), "end" or "reset".
 *  -b  a payload of that many bytes (0: none)
 *  -s  this payload; the escapes \0, \n and \\ are understood
 *  -n  that many descriptors, all of them copies of one (0: none)
 *  -f  this descriptor (default: /dev/null)
 *  -2  in two control messages, half of the descriptors in each
 *  -c  the payload's first byte alone, before the descriptors
 *  -D  to a datagram socket: nothing comes back, print "sent"
 *  -S  stay silent: send nothing, wait for the other side
 *
 * receive: make SOCKET, take one message, print
 * "descriptors N bytes M payload TEXT", and then (-x MODE)
 *  taken    answer NUL (the default)
 *  refused  answer 1
 *  end      close without an answer
 *  unread   close before reading
 *  silent   do not answer; wait for the sender to go away
 * SOCKET is removed once a sender has connected. -D makes a datagram socket,
 * which stays.
 */
#define _GNU_SOURCE
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_FDS 300
#define MOST_BYTES 200000

static char payload[MOST_BYTES];

static void
die(const char *what)
{
	fprintf(stderr, "foreign: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
usage(void)
{
	fprintf(stderr, "usage: foreign send|receive [OPTION]... SOCKET\n");
	exit(2);
}

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

static int
sender(int argc, char *argv[])
{
	struct sockaddr_un sun;
	socklen_t length;
	int fds[MOST_FDS], c, fd, s, type, split, silent, early, tries;
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
				usage();
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
			usage();
		}
	}
	if (optind != argc - 1 || count > MOST_FDS)
		usage();
	if (fd == -1 && (fd = open("/dev/null", O_RDWR)) == -1)
		die("/dev/null");
	for (i = 0; i < count; i++)
		fds[i] = fd;
	s = socket(AF_UNIX, type, 0);
	length = address(argv[optind], &sun);
	if (s == -1)
		die("socket");
	/* Refused, perhaps, between their bind() and listen(). */
	for (tries = 0; connect(s, (struct sockaddr *)&sun, length) == -1;
	     tries++) {
		if (errno != ECONNREFUSED || tries == 100)
			die(argv[optind]);
		poll(NULL, 0, 10);
	}
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
	struct sockaddr_un sun;
	struct msghdr msg;
	struct pollfd hangup;
	struct iovec iov;
	const char *mode;
	socklen_t length;
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
			usage();
		}
	}
	if (optind != argc - 1)
		usage();
	listener = socket(AF_UNIX, type, 0);
	length = address(argv[optind], &sun);
	if (listener == -1 ||
	    bind(listener, (struct sockaddr *)&sun, length) == -1)
		die(argv[optind]);
	s = listener;
	if (type == SOCK_STREAM) {
		if (listen(listener, 5) == -1)
			die("listen");
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

int
main(int argc, char *argv[])
{
	if (argc < 2)
		usage();
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(argv[1], "send") == 0)
		return sender(argc - 1, argv + 1);
	if (strcmp(argv[1], "receive") == 0)
		return receiver(argc - 1, argv + 1);
	usage();
	return 2;
}
