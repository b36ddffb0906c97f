/* SPDX-License-Identifier: ISC */
#include "fdlisten-accept.h"

#include "calls.h"
#include "say.h"
#include "wait.h"

#include <errno.h>
#include <string.h>

#define BURST 16 /* connections between two looks at signals */

/*
 * Begin to accept from a listening socket, which is_shared if other processes
 * have it too. stream is where the connections go, or NULL. a keeps pointers to
 * operand and stream. Returns 0, or -1, errno and the failure.
 */
int
acceptor_init(struct acceptor *a, const char *operand, int fd, int is_shared,
    struct stream *stream)
{
	memset(a, 0, sizeof *a);
	a->operand = operand;
	a->peer.type = SOCK_STREAM;
	a->fd = fd;
	a->is_shared = is_shared;
	a->stream = stream;
	/*
	 * A socket that we cannot make non-blocking is treated like a shared
	 * one.
	 */
	if (!is_shared && sys_nonblock(fd, 1) == -1)
		a->is_shared = 1;
	if (!a->is_shared || stream == NULL)
		return 0;
	if (loop_init(&a->loop) == 0 &&
	    loop_add(
		&a->loop, stream->fd, stream->end != 0 ? LOOP_READ : 0, a) == 0)
		return 0;
	failed("epoll_create");
	return failed_on(operand);
}

static int
is_transient(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	/* Linux reports network errors of the new connection here. */
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

static int
accept_now(struct acceptor *a)
{
	a->peer.length = sizeof a->peer.address;
	return call_accept(
	    "S6", a->fd, (struct sockaddr *)&a->peer.address, &a->peer.length);
}

/*
 * Wait for a connection on a shared socket, and for room in the stream. The
 * kernel wakes only one process for a connection. After each, leave the queue
 * and join it again at its end, or the kernel would always choose the same
 * process.
 */
static int
wait_shared(struct acceptor *a, int64_t deadline)
{
	struct loop_event event;
	int n;

	if (!a->is_watched) {
		if (loop_add(&a->loop, a->fd, LOOP_READ | LOOP_SHARED, NULL) ==
		    -1)
			return -1;
		a->is_watched = 1;
	}
	n = loop_wait(&a->loop, &event, 1, deadline);
	if (n != 1)
		return n;
	if (event.data == a)
		return stream_wait(a->stream, a->fd, deadline);
	loop_remove(&a->loop, a->fd);
	a->is_watched = 0;
	return stream_wait(a->stream, -1, deadline);
}

/* Wait until there is a connection, and room where it goes. */
static int
wait_ready(struct acceptor *a, int64_t deadline)
{
	int r;

	if (a->is_shared && a->stream != NULL)
		r = wait_shared(a, deadline);
	else
		r = stream_wait(a->stream, a->fd, deadline);
	if (r == 0)
		errno = ETIMEDOUT;
	else if (r == -1 && errno == ESHUTDOWN)
		errno = EPIPE;
	return r == 1 ? 0 : -1;
}

/*
 * accept() after poll() has seen a connection. If another process has taken it,
 * the guard ends the wait: O_NONBLOCK would change the socket of that process
 * too.
 */
static int
accept_seen(struct acceptor *a)
{
	struct wait_guard guard;
	int s;

	if (!a->is_shared)
		return accept_now(a);
	wait_guard_begin(&guard);
	s = accept_now(a);
	wait_guard_end(&guard);
	return s;
}

/* Wait in accept() itself: the kernel wakes one of the processes that do. */
static int
accept_blocking(struct acceptor *a, int64_t deadline)
{
	int s;

	wait_block_begin(deadline);
	s = accept_now(a);
	wait_block_end();
	if (s != -1 || !sys_would_block(errno))
		return s;
	/* Its owner has made it non-blocking. */
	if (stream_wait(NULL, a->fd, deadline) == -1)
		return -1;
	return accept_seen(a);
}

/*
 * One try; -1 with errno, which is EAGAIN or EINTR if there was no connection
 * after all. *is_over: the wait is over, so do not try again.
 */
static int
accept_one(struct acceptor *a, int64_t deadline, int *is_over)
{
	*is_over = 0;
	if (a->is_shared && a->stream == NULL)
		return accept_blocking(a, deadline);
	if (a->burst > 0)
		a->burst--;
	else if (wait_ready(a, deadline) == -1) {
		*is_over = 1;
		return -1;
	}
	/*
	 * (To a stream, take them one by one, so that its busy readers have
	 * time.)
	 */
	else if (a->stream == NULL)
		a->burst = BURST;
	return accept_seen(a);
}

/* Note the failure, from errno, which stays. Returns -1. */
static int
cannot_accept(const struct acceptor *a, int64_t deadline)
{
	if (wait_ending() != 0)
		errno = EINTR;
	else if (errno == EINTR && wait_is_over(deadline))
		errno = ETIMEDOUT;
	if (errno == ETIMEDOUT)
		failed_late("no connection");
	else
		failed("accept");
	/*
	 * The stream has no reader: die as a program does that writes to such a
	 * pipe.
	 */
	if (errno == EPIPE)
		failure.status = EXIT_BY_SIGNAL + SIGPIPE;
	return failed_on(a->operand);
}

/*
 * Returns the next connection. More are usually waiting where one has come, so
 * a server that runs a command for each takes some of them before it looks at
 * signals again. -1 with errno and the failure: EINTR for a signal (one that
 * ends us, or SIGCHLD), ETIMEDOUT after the deadline, EPIPE when the stream
 * that it would go to has no reader, or what is wrong with the listening
 * socket.
 */
int
acceptor_next(struct acceptor *a, int64_t deadline)
{
	int s, is_over;

	tell_before("S6", "accept", a->fd);
	for (;;) {
		errno = EINTR;
		if (wait_ending() != 0)
			break;
		s = accept_one(a, deadline, &is_over);
		if (s != -1)
			return s;
		a->burst = 0;
		if (is_over)
			break;
		if (wait_is_waited_out(errno)) {
			say_offence("%s: accept: %s; trying again", a->operand,
			    strerror(errno));
			if (wait_out(errno, deadline) == -1)
				break;
		} else if (!is_transient(errno) ||
		    (errno == EINTR && a->is_shared)) {
			break;
		}
		if (wait_is_over(deadline)) {
			errno = ETIMEDOUT;
			break;
		}
	}
	return cannot_accept(a, deadline);
}
