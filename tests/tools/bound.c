/* SPDX-License-Identifier: ISC */
/*
 * bound - bind a UNIX socket to PATH, listen on it (but for datagrams), and
 * become COMMAND with it as descriptor FD.
 *
 *	bound [-t TYPE] [-f FD] PATH COMMAND [ARG...]
 *
 * TYPE is stream (default), seqpacket or dgram, FD is 3. PATH stays.
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
	fprintf(stderr, "bound: %s: %s\n", what, strerror(errno));
	exit(125);
}

int
main(int argc, char *argv[])
{
	struct sockaddr_un sun;
	int c, s, fd, type;

	fd = 3;
	type = SOCK_STREAM;
	while ((c = getopt(argc, argv, "+t:f:")) != -1) {
		switch (c) {
		case 't':
			if (strcmp(optarg, "seqpacket") == 0)
				type = SOCK_SEQPACKET;
			else if (strcmp(optarg, "dgram") == 0)
				type = SOCK_DGRAM;
			break;
		case 'f':
			fd = atoi(optarg);
			break;
		default:
			return 125;
		}
	}
	if (argc - optind < 2) {
		fprintf(stderr,
		    "usage: bound [-t TYPE] [-f FD] PATH COMMAND [ARG...]\n");
		return 125;
	}
	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlen(argv[optind]) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		die(argv[optind]);
	}
	strcpy(sun.sun_path, argv[optind]);
	s = socket(AF_UNIX, type, 0);
	if (s == -1 || bind(s, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		die(argv[optind]);
	if (type != SOCK_DGRAM && listen(s, 5) == -1)
		die("listen");
	if (s != fd) {
		if (dup2(s, fd) == -1)
			die("dup2");
		close(s);
	}
	execvp(argv[optind + 1], argv + optind + 1);
	fprintf(stderr, "bound: %s: %s\n", argv[optind + 1], strerror(errno));
	return 127;
}
