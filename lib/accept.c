/* SPDX-License-Identifier: ISC */
#include "accept.h"

#include "address.h"
#include "diag.h"
#include "signals.h"
#include "trace.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define RETRY_RESOURCES 100 /* ms */
#define ACCEPT_AT_MOST 100  /* ms */
#define BURST 16            /* connections between two looks at signals */

/*
 * Accept from a listening socket that is ours alone, or shared. The stream is
 * where the connections go, NULL if they go elsewhere.
 */
void
acceptor_init(
    struct acceptor *a, int fd, int is_shared, const struct stream *stream)
{
	memset(a, 0, sizeof *a);
	a->fd = fd;
	a->is_shared = is_shared;
	a->stream = stream;
	/* What blocks is treated like one that others accept from. */
	if (!is_shared && sys_nonblock(fd, 1) == -1)
		a->is_shared = 1;
}

/*
 * accept() on a socket that others accept from too. Another process may take
 * the connection that poll() has seen, and O_NONBLOCK would change their
 * socket as well. An interval timer brings us back then, with EINTR.
 */
int
accept_shared(int fd, struct sockaddr *address, socklen_t *length)
{
	int s, saved;

	signals_timer(ACCEPT_AT_MOST);
	signals_guard(-1);
	s = sys_accept(fd, address, length);
	saved = errno;
	signals_unguard();
	signals_timer(0);
	errno = saved;
	return s;
}

static int
accept_now(struct acceptor *a)
{
	struct sockaddr *peer = (struct sockaddr *)&a->peer;

	a->peer_length = sizeof a->peer;
	if (a->is_shared)
		return accept_shared(a->fd, peer, &a->peer_length);
	return sys_accept(a->fd, peer, &a->peer_length);
}

static int
is_transient(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	/* Linux passes on what the network told of the new connection. */
	case EPROTO:
	case ENOPROTOOPT:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTUNREACH:
#ifdef EHOSTDOWN
	case EHOSTDOWN:
#endif
#ifdef ENONET
	case ENONET:
#endif
		return 1;
	default:
		return sys_would_block(error);
	}
}

static void
trace_accepted(const struct acceptor *a, int s)
{
	char peer[ADDRESS_TEXT];

	if (!trace_on)
		return;
	address_format(peer, sizeof peer, (const struct sockaddr *)&a->peer,
	    a->peer_length);
	trace("S6", "accept(%d) = %d from %s", a->fd, s, peer);
}

/* There is a connection, and room for it where it goes. */
static int
wait_ready(struct acceptor *a, int64_t deadline)
{
	int r;

	/* It may have come while something else was waited for. */
	if (signals_ending() != 0) {
		errno = EINTR;
		return -1;
	}
	r = stream_wait(a->stream, a->fd, deadline);
	if (r == 0)
		errno = ETIMEDOUT;
	else if (r == -1 && errno == ESHUTDOWN)
		errno = EPIPE;
	return r == 1 ? 0 : -1;
}

/*
 * The next connection. Where one has come, more wait as a rule: a server that
 * runs a command for each takes some before it looks at signals again. -1 with
 * EINTR for a signal (one that ends us, or a child's), ETIMEDOUT after the
 * deadline, EPIPE when the stream that it would go to has no reader any more,
 * or what is wrong with the listening socket.
 */
int
acceptor_next(struct acceptor *a, int64_t deadline, struct failure *f)
{
	int s;

	trace_before("S6", "accept(%d)", a->fd);
	for (;;) {
		if (a->burst > 0)
			a->burst--;
		else if (wait_ready(a, deadline) == -1)
			return failure_errno(f, "accept");
		/* (To a stream, one by one keeps its busy readers busy.) */
		else if (a->stream == NULL && !a->is_shared)
			a->burst = BURST;
		s = accept_now(a);
		if (s != -1) {
			trace_accepted(a, s);
			return s;
		}
		a->burst = 0;
		if (sys_is_short(errno)) {
			diag_offence(
			    "accept: %s; trying again", strerror(errno));
			if (signals_pause(RETRY_RESOURCES) == -1)
				return failure_errno(f, "accept");
		} else if (!is_transient(errno)) {
			return failure_errno(f, "accept");
		}
	}
}
