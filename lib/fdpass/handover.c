/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdpass/handover.h"

#include "fdpass.h"
#include "fdpass/message.h"
#include "fdpass/name.h"
#include "wait.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NOT_NOW 1000 /* ms that "not now" is retried */
#define NAMES 8      /* tries to find a free name */

static void
tell(const struct handover *h, enum handover_event event)
{
	if (h->target->watch != NULL)
		h->target->watch(h, event);
}

#ifdef SYS_LINUX
/*
 * By a name that our socket has, tell the receiver that we wait for its answer:
 * if it cannot answer, it knows that we have given up. If we fail to get such a
 * name, the receiver takes the message in any case.
 */
static void
bind_name(int sock)
{
	uint64_t state = (uint64_t)sock;
	struct sockaddr_un sun;
	const size_t begin = offsetof(struct sockaddr_un, sun_path) + 1;
	const size_t n = sizeof MESSAGE_GIVE_UP - 1;
	char digits[17];
	int i;

	memset(&sun, 0, sizeof sun);
	sun.sun_family = AF_UNIX;
	memcpy(sun.sun_path + 1, MESSAGE_GIVE_UP, n);
	for (i = 0; i < NAMES; i++) {
		/*
		 * splitmix64, of the time, the socket, and where the stack is,
		 * which the system chooses at random.
		 */
		state += (uint64_t)wait_now() * 0x9e3779b97f4a7c15u +
		    (uint64_t)(uintptr_t)&sun;
		state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
		state = (state ^ (state >> 27)) * 0x94d049bb133111ebu;
		snprintf(digits, sizeof digits, "%016llx",
		    (unsigned long long)(state ^ (state >> 31)));
		memcpy(sun.sun_path + 1 + n, digits, 16);
		if (bind(sock, (struct sockaddr *)&sun,
			(socklen_t)(begin + n + 16)) == 0 ||
		    errno != EADDRINUSE)
			return;
	}
}
#else
static void
bind_name(int sock)
{
	(void)sock;
}
#endif

/* -1 when there is no room for the socket now. */
static int
make_socket(struct handover *h)
{
	h->type = h->target->type;
	h->sock = sys_socket_nonblock(AF_UNIX, h->type);
	if (h->sock == -1)
		return -1;
	if (h->target->flags & HANDOVER_TELL && h->type != SOCK_DGRAM)
		bind_name(h->sock);
	return 0;
}

/*
 * Begin a hand-over and make its socket; -1 when there is no room for the
 * socket now, and then the first step makes it.
 */
int
handover_begin(struct handover *h, struct target *t, int64_t deadline)
{
	memset(h, 0, sizeof *h);
	h->target = t;
	h->state = HANDOVER_CONNECT;
	h->again = h->starting = h->not_now = h->notice = -1;
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
	if (h->target->flags & HANDOVER_WAIT)
		h->notice = wait_deadline(WAIT_NOTICE);
}

void
handover_end(struct handover *h)
{
	/* The receiver may have sent descriptors in place of an answer. */
	if (h->sock != -1)
		wait_close(h->sock);
	h->sock = -1;
}

static void
end_as(struct handover *h, enum handover_state state)
{
	handover_end(h);
	h->state = state;
}

static void
note(struct handover *h, enum handover_verdict verdict)
{
	h->verdict = verdict;
}

static void
note_errno(struct handover *h, const char *operation, int error)
{
	h->verdict = VERDICT_ERRNO;
	h->operation = operation;
	h->error = error;
}

static void
fail_errno(struct handover *h, const char *operation)
{
	note_errno(h, operation, errno);
	end_as(h, HANDOVER_FAILED);
}

static void
fail(struct handover *h, enum handover_verdict verdict)
{
	note(h, verdict);
	end_as(h, HANDOVER_FAILED);
}

/*
 * Try again at that moment, from connect() on; a socket that we have is kept.
 */
static void
retry(struct handover *h, int64_t when)
{
	h->state = HANDOVER_CONNECT;
	h->sent = 0;
	h->unsent = h->count;
	h->events = 0;
	h->again = when;
}

/* Wait for these poll() events, and then go on with the same connection. */
static void
wait_for(struct handover *h, short events)
{
	h->events = events;
	h->again = -1;
}

static void
wait_short(struct handover *h, const char *operation)
{
	note_errno(h, operation, errno);
	h->events = 0;
	h->again = wait_again(errno);
}

/*
 * Between bind() and listen(), a new socket refuses connections for a moment.
 */
static int
may_be_starting(struct handover *h, int error)
{
	if (error != ECONNREFUSED) {
		h->starting = -1;
		return 0;
	}
	if (h->starting == -1)
		h->starting = wait_deadline(WAIT_LISTEN);
	return wait_now() < h->starting;
}

/* connect() has failed: nobody listens there, or not yet. */
static void
refused(struct handover *h)
{
	int error = errno;

	note_errno(h, "connect", error);
	if (h->told == TOLD)
		tell(h, HANDOVER_IS_REFUSED);
	h->told = TOLD_ENOUGH; /* one line shows what is tried */
	if (error == ECONNREFUSED && name_is_no_socket(h->target->name))
		fail(h, VERDICT_NOT_SOCKET);
	else if (may_be_starting(h, error) || h->target->flags & HANDOVER_WAIT)
		retry(h, wait_backoff(h->tries++));
	else
		end_as(h, HANDOVER_FAILED);
}

/*
 * The name belongs to a socket of another type: a notification socket takes
 * datagrams. Returns 0 if there is another type to try, which the other
 * hand-overs under way will try too.
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

	if (h->sock == -1 && make_socket(h) == -1) {
		if (wait_is_waited_out(errno))
			wait_short(h, "socket");
		else
			fail_errno(h, "socket");
		return;
	}
	if (h->told == UNTOLD) {
		tell(h, HANDOVER_CONNECTS);
		h->told = TOLD;
	}
	if (connect(h->sock, (struct sockaddr *)&t->address, t->length) == 0) {
		if (h->told == TOLD_ENOUGH)
			tell(h, HANDOVER_CONNECTED);
		h->state = HANDOVER_SEND;
		h->starting = -1;
		return;
	}
	switch (errno) {
	case EINTR:
		break;
	case EAGAIN: /* its queue is full, and no event says when it is not */
		wait_short(h, "connect");
		break;
	case ECONNREFUSED:
		/* Abstract names of another type are separate names. */
		if (t->name[0] == '@' && other_type(h) == 0)
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
		if (wait_is_waited_out(errno))
			wait_short(h, "connect");
		else
			fail_errno(h, "connect");
	}
}

/*
 * The receiver said "not now". With HANDOVER_WAIT, try again without end,
 * otherwise for a second.
 */
static void
not_now(struct handover *h)
{
	note(h, VERDICT_NOT_NOW);
	if (h->not_now == -1)
		h->not_now = wait_deadline(NOT_NOW);
	if (h->target->flags & HANDOVER_WAIT || wait_now() < h->not_now) {
		handover_end(h);
		retry(h, wait_backoff(h->tries++));
	} else {
		end_as(h, HANDOVER_FAILED);
	}
}

/*
 * Something has come back, in h->answer. It is an answer if it is one byte that
 * we know.
 */
static void
answered(struct handover *h)
{
	unsigned char answer = (unsigned char)h->answer[0];

	tell(h, HANDOVER_ANSWERED);
	if (h->answer_length > 1)
		fail(h, VERDICT_GREETED);
	else if (answer == FDPASS_TAKEN)
		end_as(h, HANDOVER_TAKEN);
	else if (answer == FDPASS_RETRY)
		not_now(h);
	else if (answer < ' ' || answer == FDPASS_REFUSED)
		fail(h, VERDICT_REFUSED);
	else
		fail(h, VERDICT_GREETED);
}

/* Read the answer, and what a foreign receiver may send after it: as recv(). */
static ssize_t
read_answer(struct handover *h)
{
	struct wait_guard guard;
	ssize_t n;

	wait_guard_begin(&guard);
	do
		n = recv(h->sock, h->answer, sizeof h->answer, MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	wait_guard_end(&guard);
	h->answer_length = n > 0 ? (size_t)n : 0;
	return n;
}

/*
 * The receiver closed the connection before it took the message, perhaps after
 * an answer.
 */
static void
went_away(struct handover *h)
{
	if (h->state == HANDOVER_SEND && read_answer(h) > 0) {
		answered(h);
		return;
	}
	tell(h, HANDOVER_UNREAD);
	if (h->length > 1 && (h->sent > 0 || h->state != HANDOVER_SEND)) {
		fail(h, VERDICT_CUT);
		return;
	}
	note(h, VERDICT_UNREAD);
	if (h->target->flags & HANDOVER_WAIT) {
		handover_end(h);
		retry(h, wait_backoff(h->tries++));
	} else {
		end_as(h, HANDOVER_FAILED);
	}
}

/* Send as much as goes without waiting. Returns 1 when all is sent. */
static int
send_message(struct handover *h)
{
	struct sys_peer self;
	ssize_t n;

	/* By itself, the kernel tells our real user, not the one we act as. */
	sys_self(&self);
	while (h->sent < h->length) {
		n = message_send_part(h->sock, h->type, &self,
		    h->payload + h->sent, h->length - h->sent, h->fds,
		    &h->unsent);
		if (n >= 0) {
			h->sent += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (sys_would_block(errno)) {
			note_errno(h, "sendmsg", errno);
			wait_for(h, POLLOUT);
		} else if (wait_is_waited_out(errno)) {
			wait_short(h, "sendmsg");
		} else if (errno == EPIPE || errno == ECONNRESET ||
		    (errno == ECONNREFUSED &&
			h->target->flags & HANDOVER_WAIT)) {
			went_away(h);
		} else {
			fail_errno(h, "sendmsg");
		}
		return 0;
	}
	return 1;
}

static void
step_send(struct handover *h)
{
	if (h->sent == 0)
		tell(h, HANDOVER_SENDS);
	if (!send_message(h))
		return;
	h->events = 0;
	if (h->type == SOCK_DGRAM) {
		end_as(h, HANDOVER_TAKEN);
		return;
	}
	tell(h, HANDOVER_SHUTS_DOWN);
	shutdown(h->sock, SHUT_WR);
	if (h->target->flags & HANDOVER_DROP) {
		end_as(h, HANDOVER_TAKEN);
		return;
	}
	/* The answer cannot have arrived yet; poll first. */
	h->state = HANDOVER_ANSWER;
	/* The last try's outcome stands until this one was waited for. */
	if (h->verdict != VERDICT_NOT_NOW && h->verdict != VERDICT_UNREAD)
		note(h, VERDICT_NO_ANSWER);
	tell(h, HANDOVER_AWAITS);
	wait_for(h, POLLIN);
}

static void
step_answer(struct handover *h)
{
	ssize_t n = read_answer(h);

	if (n > 0) {
		answered(h);
	} else if (n == 0) {
		/*
		 * A foreign receiver, which does not answer, has read the
		 * message.
		 */
		tell(h, HANDOVER_ENDED);
		end_as(h, HANDOVER_TAKEN);
	} else if (sys_would_block(errno)) {
		note(h, VERDICT_NO_ANSWER);
		wait_for(h, POLLIN);
	} else if (errno == ECONNRESET || errno == EPIPE) {
		went_away(h);
	} else if (wait_is_waited_out(errno)) {
		wait_short(h, "recv");
	} else {
		fail_errno(h, "recv");
	}
}

/*
 * Give up: shut down the reading side, so that no answer can come from now on;
 * one that is there already counts. The receiver finds out when it answers.
 * The hand-over ends as HANDOVER_TAKEN if the message was taken,
 * HANDOVER_FAILED if it was refused, else as how says.
 */
static void
give_up(struct handover *h, enum handover_state how)
{
	enum handover_verdict missing = h->verdict;

	if (h->state >= HANDOVER_TAKEN)
		return;
	if (h->sock != -1 && h->state != HANDOVER_CONNECT) {
		tell(h, HANDOVER_GIVES_UP);
		shutdown(h->sock, SHUT_RD);
		if (read_answer(h) > 0)
			answered(h);
	}
	if (h->state < HANDOVER_TAKEN) {
		if (h->verdict != VERDICT_NOT_NOW)
			h->verdict = missing;
		end_as(h, how);
	}
}

/*
 * Go on as far as possible without waiting. If it has not ended, the caller
 * then waits for h->events on h->sock, or until handover_wake().
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
	if (h->state < HANDOVER_TAKEN && wait_is_over(h->deadline))
		give_up(h, HANDOVER_TIMEOUT);
	if (h->state < HANDOVER_TAKEN && wait_is_over(h->notice)) {
		h->notice = -1;
		tell(h, HANDOVER_WAITS);
	}
	return h->state;
}

/* When handover_step() is due even if the socket is not ready. */
int64_t
handover_wake(const struct handover *h)
{
	return wait_earlier(wait_earlier(h->again, h->deadline), h->notice);
}

/*
 * Go on to the end, or until a signal asks this command to end. In a program
 * that uses the library, any signal that interrupts the wait ends it.
 */
enum handover_state
handover_run(struct handover *h)
{
	struct pollfd p;
	int r;

	while (handover_step(h) < HANDOVER_TAKEN) {
		p.fd = h->events != 0 ? h->sock : -1;
		p.events = h->events;
		r = wait_poll(&p, 1, handover_wake(h));
		if (wait_ending() != 0 ||
		    (r == -1 && wait_mask() == NULL && errno == EINTR))
			give_up(h, HANDOVER_INTERRUPTED);
	}
	return h->state;
}

/* The errno of a hand-over that has failed. */
static int
error_of(const struct handover *h)
{
	if (h->state == HANDOVER_INTERRUPTED)
		return EINTR;
	switch (h->verdict) {
	case VERDICT_NOT_SOCKET:
		return ENOTSOCK;
	case VERDICT_NOT_NOW:
		return EAGAIN;
	case VERDICT_UNREAD:
	case VERDICT_CUT:
		return ECONNRESET;
	case VERDICT_REFUSED:
		return ECONNABORTED;
	case VERDICT_GREETED:
		return EPROTO;
	default:
		return h->error;
	}
}

int
fdpass_hand_over(const char *name, const void *payload, size_t length,
    const int *fds, size_t count, int flags)
{
	struct handover h;
	struct target t;
	struct failure f = {0};

	if (length == 0 || length > FDPASS_MAX_PAYLOAD ||
	    count > FDPASS_MAX_FDS) {
		errno = EINVAL;
		return -1;
	}
	t.name = name;
	t.type = SOCK_STREAM;
	t.flags = HANDOVER_TELL | (flags & FDPASS_WAIT ? HANDOVER_WAIT : 0);
	t.watch = NULL;
	if (name_address(name, &t.address, &t.length, &f) == -1)
		return -1;
	/* If there is no room for the socket now, a step makes it later. */
	handover_begin(&h, &t, -1);
	handover_message(&h, payload, length, fds, count);
	if (handover_run(&h) == HANDOVER_TAKEN)
		return 0;
	errno = error_of(&h);
	return -1;
}
