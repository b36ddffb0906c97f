/* SPDX-License-Identifier: ISC */
#include "ask.h"

#include <sys/stat.h>

#include <errno.h>

/* An option of a socket; -1 and errno if it has none such. */
int
ask_option(int fd, int level, int name)
{
	int value;
	socklen_t length = sizeof value;

	return getsockopt(fd, level, name, &value, &length) == -1 ? -1 : value;
}

/* The type of a socket, -1 and errno if it is none. */
int
ask_type(int fd)
{
	return ask_option(fd, SOL_SOCKET, SO_TYPE);
}

/* The type of a UNIX socket, -1 if it is something else. */
int
ask_unix_type(int fd)
{
	struct sockaddr_storage ss;
	socklen_t length = sizeof ss;

	ss.ss_family = AF_UNSPEC;
	if (getsockname(fd, (struct sockaddr *)&ss, &length) == -1 ||
	    ss.ss_family != AF_UNIX)
		return -1;
	return ask_type(fd);
}

int
ask_is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* -1 and errno if it is no socket. */
int
ask_is_listening(int fd)
{
	return ask_option(fd, SOL_SOCKET, SO_ACCEPTCONN);
}

/* Does it have a peer, now? */
int
ask_is_connected(int fd)
{
	struct sockaddr_storage ss;
	socklen_t length = sizeof ss;

	return getpeername(fd, (struct sockaddr *)&ss, &length) == 0;
}

/*
 * A connected socket, and to whom; also one whose peer has reset it in the
 * meantime: that has lost its peer's name, but can be read, which one never
 * connected cannot.
 */
int
ask_is_connection(int fd, struct peer *peer)
{
	struct pollfd p;

	peer->type = -1;
	peer->length = sizeof peer->address;
	if (getpeername(fd, (struct sockaddr *)&peer->address, &peer->length) ==
	    0)
		return 1;
	peer->length = 0;
	if (errno != ENOTCONN && errno != EINVAL)
		return 0;
	/* A datagram may have come to a socket that was never connected. */
	if (ask_is_listening(fd) != 0)
		return 0;
	peer->type = ask_type(fd);
	if (peer->type == SOCK_DGRAM)
		return 0;
	p.fd = fd;
	p.events = POLLIN;
	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0;
}
