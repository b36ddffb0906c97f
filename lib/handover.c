/* SPDX-License-Identifier: ISC */
#include "handover.h"

#include "address.h"
#include "fdpass.h"
#include "show.h"
#include "signals.h"
#include "stream.h"
#include "trace.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BETWEEN_BIND_AND_LISTEN 100 /* ms that a new socket may refuse */
#define RETRY_SHORT 5               /* ms: it should be there any moment */
#define RETRY_RESOURCES 50          /* ms: until somebody lets go of some */

int
target_init(struct target *t, const char *operand, int flags, struct failure *f)
{
	t->operand = operand;
	t->type = SOCK_STREAM;
	t->flags = flags;
	return address_unix(operand, &t->address, &t->length, f);
}

static int
may_block(const struct handover *h)
{
	return (h->target->flags & HANDOVER_BLOCK) != 0;
}

/* -1 when there is no room for it now. */
static int
make_socket(struct handover *h)
{
	h->type = h->target->type;
	h->sock = may_block(h) ? sys_socket(AF_UNIX, h->type) :
				 sys_socket_nonblock(AF_UNIX, h->type);
	return h->sock == -1 ? -1 : 0;
}

/* Make the socket for a hand-over; -1 when there is no room for it now. */
int
handover_begin(struct handover *h, struct target *t, int64_t deadline)
{
	memset(h, 0, sizeof *h);
	h->target = t;
	h->state = HANDOVER_CONNECT;
	h->again = h->refused = -1;
	h->deadline = deadline;
	return make_socket(h);
}

void
handover_message(struct handover *h, const char *payload, size_t length,
    const int *fds, size_t count)
{
	h->payload = payload;
	h->length = length;
	h->fds = fds;
	h->count = h->unsent = count;
}

void
handover_end(struct handover *h)
{
	if (h->sock != -1)
		close(h->sock);
	h->sock = -1;
}

static enum handover_state
fail(struct handover *h)
{
	handover_end(h);
	return h->state = HANDOVER_FAILED;
}

static enum handover_state
fail_errno(struct handover *h, const char *operation)
{
	failure_errno(&h->failure, operation);
	return fail(h);
}

/* Try again then, from the connection on; a socket that we have is kept. */
static void
retry(struct handover *h, int64_t when)
{
	h->state = HANDOVER_CONNECT;
	h->sent = 0;
	h->unsent = h->count;
	h->events = 0;
	h->again = when;
}

/* Wait on the same connection. */
static void
wait_for(struct handover *h, short events)
{
	h->events = events;
	h->again = -1;
}

static void
wait_resources(struct handover *h)
{
	h->events = 0;
	h->again = signals_deadline(RETRY_RESOURCES);
}

/* Between bind() and listen() a new socket refuses for an instant. */
static int
may_be_starting(struct handover *h, int error)
{
	if (error != ECONNREFUSED) {
		h->refused = -1;
		return 0;
	}
	if (h->refused == -1)
		h->refused = signals_deadline(BETWEEN_BIND_AND_LISTEN);
	return signals_now() < h->refused;
}

/* Nobody accepts there, or not yet. */
static void
refused(struct handover *h)
{
	int error = errno;

	if (h->was_traced == 1)
		trace("S7", "connect(%d) = %s", h->sock, strerror(error));
	h->was_traced = 2; /* that is enough to see what is tried */
	if (error == ECONNREFUSED && address_is_no_socket(h->target->operand)) {
		failure_reason(&h->failure, ENOTSOCK, "not a socket");
		fail(h);
	} else if (may_be_starting(h, error) ||
	    h->target->flags & HANDOVER_WAIT) {
		retry(h, signals_backoff(h->tries++));
	} else {
		errno = error;
		fail_errno(h, "connect");
	}
}

/*
 * The name is of another type: a notification socket takes datagrams. Returns
 * 0 with another one to try, which the others under way will try too.
 */
static int
other_type(struct handover *h)
{
	struct target *t = h->target;

	handover_end(h);
	if (h->type != t->type)
		return 0;
	if (t->type == SOCK_SEQPACKET) {
		t->type = SOCK_STREAM;
		return -1;
	}
	t->type = t->type == SOCK_STREAM ? SOCK_DGRAM : SOCK_SEQPACKET;
	return 0;
}

static void
step_connect(struct handover *h)
{
	struct target *t = h->target;

	if (h->sock == -1) {
		if (make_socket(h) == -1 && sys_is_short(errno)) {
			wait_resources(h);
			return;
		}
		if (h->sock == -1) {
			fail_errno(h, "socket");
			return;
		}
	}
	if (h->was_traced == 0) {
		trace_call("S7", "connect(%d, %s)", h->sock, t->operand);
		h->was_traced = 1;
	}
	if (connect(h->sock, (struct sockaddr *)&t->address, t->length) == 0) {
		if (h->was_traced == 2)
			trace("S7", "connect(%d, %s)", h->sock, t->operand);
		h->state = HANDOVER_SEND;
		h->refused = -1;
		return;
	}
	switch (errno) {
	case EINTR:
		break;
	case EAGAIN: /* its queue is full, and nothing tells when not */
		h->events = 0;
		h->again = signals_deadline(RETRY_SHORT);
		break;
	case ECONNREFUSED:
		/* An abstract name of another type is just another name. */
		if (t->operand[0] == '@' && other_type(h) == 0)
			break;
		errno = ECONNREFUSED;
		/* FALLTHROUGH */
	case ENOENT:
		refused(h);
		break;
	case EPROTOTYPE:
		if (other_type(h) == 0)
			break;
		errno = EPROTOTYPE;
		/* FALLTHROUGH */
	default:
		if (sys_is_short(errno))
			wait_resources(h);
		else
			fail_errno(h, "connect");
	}
}

static void
answered(struct handover *h, char answer)
{
	trace("S7", "recv(%d) = %s", h->sock,
	    answer == FDPASS_TAKEN ? "taken" : "refused");
	if (answer == FDPASS_TAKEN) {
		h->state = HANDOVER_TAKEN;
	} else if (answer == FDPASS_RETRY && h->target->flags & HANDOVER_WAIT) {
		handover_end(h);
		retry(h, signals_deadline(RETRY_RESOURCES));
	} else {
		failure_reason(&h->failure, ECONNREFUSED,
		    "refused by the receiver%s",
		    answer == FDPASS_RETRY ? ": not now" : "");
		fail(h);
	}
}

/* The receiver went away before it took the message, maybe with a word. */
static void
went_away(struct handover *h)
{
	char answer;

	if (h->state == HANDOVER_SEND &&
	    recv(h->sock, &answer, 1, MSG_DONTWAIT) == 1) {
		answered(h, answer);
		return;
	}
	trace("S7", "the receiver has closed %d unread", h->sock);
	if (h->target->flags & HANDOVER_WAIT &&
	    (h->length == 1 || (h->sent == 0 && h->state == HANDOVER_SEND))) {
		handover_end(h);
		retry(h, signals_backoff(h->tries++));
		return;
	}
	failure_reason(&h->failure, ECONNRESET,
	    "the receiver closed the connection without reading");
	fail(h);
}

static void
step_send(struct handover *h)
{
	/* Who has connected, the receiver knows anyway. */
	int flags = h->type == SOCK_DGRAM ? FDPASS_CREDS : 0;
	ssize_t n;

	if (trace_on && h->sent == 0)
		show_sending(h->sock, h->payload, h->length, h->fds, h->count);
	while (h->sent < h->length) {
		n = stream_send_part(h->sock, h->type, flags,
		    h->payload + h->sent, h->length - h->sent, h->fds,
		    &h->unsent);
		if (n >= 0)
			h->sent += (size_t)n;
		else if (sys_would_block(errno)) {
			wait_for(h, POLLOUT);
			return;
		} else if (sys_is_short(errno)) {
			wait_resources(h);
			return;
		} else if (errno == EPIPE || errno == ECONNRESET ||
		    (errno == ECONNREFUSED &&
			h->target->flags & HANDOVER_WAIT)) {
			went_away(h);
			return;
		} else if (errno != EINTR) {
			fail_errno(h, "sendmsg");
			return;
		}
	}
	h->events = 0;
	if (h->type == SOCK_DGRAM) {
		h->state = HANDOVER_TAKEN;
		return;
	}
	trace_call("S7", "shutdown(%d, SHUT_WR)", h->sock);
	shutdown(h->sock, SHUT_WR);
	h->state =
	    h->target->flags & HANDOVER_DROP ? HANDOVER_TAKEN : HANDOVER_ANSWER;
	/* It is never there at once. */
	if (h->state == HANDOVER_ANSWER && !may_block(h)) {
		trace_before("S7", "recv(%d)", h->sock);
		wait_for(h, POLLIN);
	}
}

static void
step_answer(struct handover *h)
{
	char answer;
	ssize_t n;

	if (may_block(h))
		trace_before("S7", "recv(%d)", h->sock);
	do
		n = recv(h->sock, &answer, 1, may_block(h) ? 0 : MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n == 1)
		answered(h, answer);
	else if (n == 0) {
		/* A receiver that does not answer, but it has read. */
		trace("S7", "recv(%d) = end of file", h->sock);
		h->state = HANDOVER_TAKEN;
	} else if (sys_would_block(errno))
		wait_for(h, POLLIN);
	else if (errno == ECONNRESET || errno == EPIPE)
		went_away(h);
	else
		fail_errno(h, "recv");
}

/*
 * Go on as far as possible without waiting. Then wait for h->events on
 * h->sock, and until handover_wake(), unless it is over.
 */
enum handover_state
handover_step(struct handover *h)
{
	h->again = -1;
	h->events = 0;
	do {
		if (h->state == HANDOVER_CONNECT)
			step_connect(h);
		else if (h->state == HANDOVER_SEND)
			step_send(h);
		else if (h->state == HANDOVER_ANSWER)
			step_answer(h);
	} while (h->state < HANDOVER_TAKEN && h->again == -1 && h->events == 0);
	if (h->state < HANDOVER_TAKEN && h->deadline >= 0 &&
	    signals_now() >= h->deadline) {
		handover_end(h);
		h->state = HANDOVER_TIMEOUT;
	}
	if (h->state >= HANDOVER_TAKEN)
		handover_end(h);
	return h->state;
}

/* The moment when handover_step() is due whether or not sock is ready. */
int64_t
handover_wake(const struct handover *h)
{
	if (h->again == -1 || (h->deadline >= 0 && h->deadline < h->again))
		return h->deadline;
	return h->again;
}

/* Go on to the end. */
enum handover_state
handover_run(struct handover *h)
{
	struct pollfd p;

	while (handover_step(h) < HANDOVER_TAKEN) {
		p.fd = h->events != 0 ? h->sock : -1;
		p.events = h->events;
		signals_wait(&p, 1, handover_wake(h));
	}
	return h->state;
}
