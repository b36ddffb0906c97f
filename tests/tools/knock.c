/* SPDX-License-Identifier: ISC */
/*
 * knock - connect to a UNIX socket, say nothing, and tell what comes.
 *
 *	knock [-t TYPE] [-b BYTES] PATH
 *
 * TYPE is stream, seqpacket (default) or dgram. Prints "connected", then
 * "message" for each message, whose descriptors are closed, and at last "end"
 * or "reset". -b sends that many bytes first.
 */
#define _POSIX_C_SOURCE 200809L
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
die(const char *what)
{
	fprintf(stderr, "knock: %s: %s\n", what, strerror(errno));
	exit(1);
}

int
main(int argc, char *argv[])
{
	static char bytes[65536];
	struct sockaddr_un sun;
	size_t count;
	ssize_t n;
	int c, s, type;

	type = SOCK_SEQPACKET;
	count = 0;
	while ((c = getopt(argc, argv, "t:b:")) != -1) {
		switch (c) {
		case 't':
			if (strcmp(optarg, "stream") == 0)
				type = SOCK_STREAM;
			else if (strcmp(optarg, "dgram") == 0)
				type = SOCK_DGRAM;
			break;
		case 'b':
			count = (size_t)atol(optarg);
			break;
		default:
			return 2;
		}
	}
	if (optind != argc - 1 || count > sizeof(bytes)) {
		fprintf(stderr, "usage: knock [-t TYPE] [-b BYTES] PATH\n");
		return 2;
	}
	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlen(argv[optind]) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		die(argv[optind]);
	}
	strcpy(sun.sun_path, argv[optind]);
	s = socket(AF_UNIX, type, 0);
	if (s == -1 || connect(s, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		die(argv[optind]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("connected\n");
	if (count > 0 && send(s, bytes, count, MSG_NOSIGNAL) == -1)
		die("send");
	/* read() throws the descriptors away. */
	while ((n = read(s, bytes, sizeof(bytes))) > 0)
		printf("message\n");
	if (n == -1 && errno != ECONNRESET)
		die("read");
	printf("%s\n", n == 0 ? "end" : "reset");
	return 0;
}
