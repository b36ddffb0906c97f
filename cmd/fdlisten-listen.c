/* SPDX-License-Identifier: ISC */
#include "fdlisten-listen.h"

#include "calls.h"
#include "descriptors.h"
#include "say.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static int
socket_for(const struct addrinfo *ai, int both)
{
	int s = call_socket("S1", ai->ai_family, ai->ai_socktype);
	int on = 1, off = 0;

	if (s == -1)
		return failed("socket");
	/*
	 * With SO_REUSEADDR, a second datagram socket could be bound to the
	 * address, and would get all that comes.
	 */
	if (ai->ai_socktype != SOCK_DGRAM)
		setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (both)
		setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	return s;
}

static int
listen_on(const struct addrinfo *ai, int both)
{
	int s = socket_for(ai, both);

	if (s == -1)
		return -1;
	if (call_bind("S2", s, ai->ai_addr, ai->ai_addrlen) == -1)
		failed("bind");
	else if (ai->ai_socktype != SOCK_DGRAM && call_listen("S3", s) == -1)
		failed("listen");
	else
		return s;
	close(s);
	errno = failure.error;
	return -1;
}

static int
listen_tcp(const struct address *a)
{
	struct address any4 = *a;
	struct addrinfo *list, *ai;
	int s = -1, both = a->host[0] == '\0';

	if (address_look_up(a, 1, &list) == -1)
		return -1;
	for (ai = list; ai != NULL && s == -1; ai = ai->ai_next) {
		s = listen_on(ai, both && ai->ai_family == AF_INET6);
		if (s == -1 && errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT)
			break;
	}
	freeaddrinfo(list);
	if (s == -1 && both &&
	    (failure.error == EAFNOSUPPORT || failure.error == EADDRNOTAVAIL)) {
		/* This system has no IPv6. */
		memcpy(any4.host, "0.0.0.0", sizeof "0.0.0.0");
		return listen_tcp(&any4);
	}
	return s;
}

static int
check_datagram(int fd)
{
	int type = descriptor_type(fd);

	if (type == -1)
		return failed("datagram socket");
	if (type != SOCK_DGRAM)
		return failed_because(
		    EINVAL, "the descriptor is not a datagram socket");
	if (!address_is_bound(fd))
		return failed_because(
		    EINVAL, "the datagram socket has no address");
	return 0;
}

static int
check_listening(int fd)
{
	int is_listening = descriptor_is_listening(fd);

	if (is_listening == -1)
		return failed("listening socket");
	if (!is_listening)
		return failed_because(
		    EINVAL, "the descriptor is not a listening socket");
	return 0;
}

/* Take a socket that is open already. */
static int
inherit(const struct address *a)
{
	int fd = a->fd;

	if ((a->type == SOCK_DGRAM ? check_datagram(fd) :
				     check_listening(fd)) == -1)
		return -1;
	/* Keep the listening socket from COMMAND, which gets the connection. */
	if (fd <= STDERR_FILENO) {
		fd = descriptors_take_standard(
		    fd, fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
		return fd == -1 ? failed("dup") : fd;
	}
	if (sys_cloexec(fd) == -1)
		return failed("fcntl");
	return fd;
}

static int
listen_or_inherit(const struct address *a, mode_t mode, struct named *name)
{
	static const char *const steps[3] = {"S1", "S2", "S3"};

	name->path = NULL;
	switch (a->kind) {
	case ADDRESS_UNIX:
		return call_named_listen(
		    steps, a->operand, a->type, mode, name);
	case ADDRESS_FD:
		return inherit(a);
	default:
		return listen_tcp(a);
	}
}

/*
 * Make the listening socket for this address, or a bound socket for datagrams;
 * for ADDRESS_FD it is the caller's own descriptor. If it has a file, name
 * remembers that, for name_remove(). Returns the socket, or -1 and the
 * failure.
 */
int
listen_at(const struct address *a, mode_t mode, struct named *name)
{
	int s = listen_or_inherit(a, mode, name);

	return s == -1 ? failed_on(a->operand) : s;
}
