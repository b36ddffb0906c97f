/* SPDX-License-Identifier: ISC */
#include "fdconnect-connect.h"

#include "calls.h"
#include "descriptors.h"
#include "fdpass/name.h"
#include "say.h"
#include "wait.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

static int
check_connected(int fd)
{
	if (!descriptor_is_connected(fd))
		return failed_because(
		    EINVAL, "the descriptor is not a connected socket");
	/* COMMAND gets the connection as descriptors 6 and 7 instead. */
	if (fd > STDERR_FILENO && sys_cloexec(fd) == -1)
		return failed("fcntl");
	return fd;
}

/*
 * If there is no server, a client whose own port the system picks may get the
 * very port that it connects to, and be connected to itself.
 */
static int
is_connected_to_itself(int s)
{
	struct sockaddr_storage here, there;
	socklen_t n = sizeof here, m = sizeof there;

	memset(&here, 0, sizeof here);
	memset(&there, 0, sizeof there);
	return getsockname(s, (struct sockaddr *)&here, &n) == 0 &&
	    getpeername(s, (struct sockaddr *)&there, &m) == 0 && n == m &&
	    here.ss_family != AF_UNIX && memcmp(&here, &there, n) == 0;
}

/* Wait for a connection that is under way. */
static int
finish_connect(int s, int64_t deadline)
{
	struct pollfd p;
	int error, r;

	p.fd = s;
	p.events = POLLOUT;
	while ((r = wait_poll(&p, 1, deadline)) == -1)
		if (errno != EINTR || wait_ending() != 0)
			return -1;
	if (r == 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	error = descriptor_option(s, SOL_SOCKET, SO_ERROR);
	if (error > 0)
		errno = error;
	return error == 0 ? 0 : -1;
}

/* connect() that gives up at the deadline, with ETIMEDOUT. */
static int
connect_before(
    int s, const struct sockaddr *sa, socklen_t length, int64_t deadline)
{
	while (connect(s, sa, length) == -1) {
		if (errno == EISCONN)
			return 0;
		if ((errno == EINPROGRESS || errno == EALREADY ||
			errno == EINTR) &&
		    finish_connect(s, deadline) == 0)
			return 0;
		/*
		 * The queue of the UNIX socket is full, and no event says when
		 * it is not.
		 */
		if (!sys_would_block(errno) || wait_out(errno, deadline) == -1)
			return -1;
	}
	return 0;
}

/* Connect a socket, not to itself, and make it block. */
static int
make_connection(
    int s, const struct sockaddr *sa, socklen_t length, int64_t deadline)
{
	char text[ADDRESS_TEXT];

	address_format(text, sizeof text, sa, length);
	tell_connect("C", s, text);
	if (connect_before(s, sa, length, deadline) == -1) {
		failed("connect");
		tell_not_connected("C", s, failure.error);
		return -1;
	}
	if (is_connected_to_itself(s)) {
		errno = ECONNREFUSED;
		return failed("connect");
	}
	return sys_nonblock(s, 0) == -1 ? failed("fcntl") : 0;
}

static int
connect_to(const struct sockaddr *sa, socklen_t length, int64_t deadline)
{
	int s = call_socket_nonblock("C", sa->sa_family, SOCK_STREAM);

	if (s == -1)
		return failed("socket");
	if (make_connection(s, sa, length, deadline) == 0)
		return s;
	close(s);
	errno = failure.error;
	return -1;
}

static int
connect_tcp(const struct address *a, int64_t deadline)
{
	struct addrinfo *list, *ai;
	int s = -1;

	/* Without a host, the list has the loopback addresses. */
	if (address_look_up(a, 0, &list) == -1)
		return -1;
	for (ai = list; ai != NULL && s == -1; ai = ai->ai_next) {
		s = connect_to(ai->ai_addr, ai->ai_addrlen, deadline);
		if (s == -1 && wait_ending() != 0)
			break;
	}
	freeaddrinfo(list);
	if (s == -1)
		errno = failure.error;
	return s;
}

static int
connect_or_inherit(const struct address *a, int64_t deadline)
{
	struct sockaddr_un sun;
	socklen_t length = 0;
	int s;

	switch (a->kind) {
	case ADDRESS_UNIX:
		if (name_address(a->operand, &sun, &length, &failure) == -1)
			return -1;
		s = connect_to((const struct sockaddr *)&sun, length, deadline);
		if (s == -1 && errno == ECONNREFUSED &&
		    name_is_no_socket(a->operand))
			return failed_because(ENOTSOCK, "not a socket");
		return s;
	case ADDRESS_FD:
		return check_connected(a->fd);
	default:
		return connect_tcp(a, deadline);
	}
}

/*
 * Connect to this address before the deadline. Returns a blocking socket; or
 * -1, errno and the failure: ETIMEDOUT when the deadline has passed.
 */
int
connect_at(const struct address *a, int64_t deadline)
{
	int s = connect_or_inherit(a, deadline);

	return s == -1 ? failed_on(a->operand) : s;
}
