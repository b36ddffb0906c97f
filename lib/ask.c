/* SPDX-License-Identifier: ISC */
#include "ask.h"

#include <sys/stat.h>

#include <errno.h>

/*
 * The value of a socket option; -1 and errno if the descriptor has no such
 * option.
 */
int
ask_option(int fd, int level, int name)
{
	int value;
	socklen_t length = sizeof value;

	return getsockopt(fd, level, name, &value, &length) == -1 ? -1 : value;
}

/* The type of a socket; -1 and errno if the descriptor is something else. */
int
ask_type(int fd)
{
	return ask_option(fd, SOL_SOCKET, SO_TYPE);
}

/* The type of a UNIX socket; -1 if the descriptor is something else. */
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

/* Is this a listening socket? -1 and errno if it is not a socket. */
int
ask_is_listening(int fd)
{
	return ask_option(fd, SOL_SOCKET, SO_ACCEPTCONN);
}

/* Is this socket connected now? */
int
ask_is_connected(int fd)
{
	struct sockaddr_storage ss;
	socklen_t length = sizeof ss;

	return getpeername(fd, (struct sockaddr *)&ss, &length) == 0;
}

/*
 * Is this a connected socket, and to whom? A socket that its peer has reset in
 * the meantime counts too: it has lost the address of its peer, but it can be
 * read, unlike one that was never connected.
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
	/*
	 * Datagrams can come to a socket that was never connected, so a
	 * datagram socket that can be read is not one that was reset.
	 */
	if (ask_is_listening(fd) != 0)
		return 0;
	peer->type = ask_type(fd);
	if (peer->type == SOCK_DGRAM)
		return 0;
	p.fd = fd;
	p.events = POLLIN;
	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0;
}
