/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdrecv-inbox.h"

#include "calls.h"
#include "fdpass/message.h"
#include "say.h"
#include "wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT_ONCE 5 /* ms within which a message has usually come */

/* Stop waiting for connections. */
static void
end_loop(struct inbox *b)
{
	if (b->has_loop)
		loop_end(&b->loop);
	b->has_loop = b->is_watched = 0;
}

static void
remove_arrival(struct inbox *b, struct arrival *a)
{
	loop_remove(&b->loop, a->sock);
	arrivals_remove(&b->arrivals, a);
}

static void
send_away(struct inbox *b, struct arrival *a, char answer)
{
	remove_arrival(b, a);
	call_refuse(a, answer);
	free(a);
}

/*
 * Take no more for now: answer "try again" to the senders whose message has not
 * come yet. (Closing without an answer would mean that the message was taken.)
 */
void
inbox_dismiss(struct inbox *b)
{
	while (b->arrivals.first != NULL)
		send_away(b, b->arrivals.first, FDPASS_RETRY);
	end_loop(b);
}

/* As receiver_open(). */
int
inbox_open(struct inbox *b, const char *operand, mode_t mode, int flags,
    int64_t deadline)
{
	if (receiver_open(&b->receiver, operand, mode, flags, deadline) == -1)
		return -1;
	arrivals_init(&b->arrivals, receiver_most_arrivals(&b->receiver));
	b->has_loop = b->is_watched = 0;
	return 0;
}

/* As receiver_adopt(): a stream, to which nobody connects. */
void
inbox_adopt(struct inbox *b, const char *operand, int fd, int type, int flags)
{
	receiver_adopt(&b->receiver, operand, fd, type, flags);
	arrivals_init(&b->arrivals, 0);
	b->has_loop = b->is_watched = 0;
}

/*
 * Before SOCKET is closed: remove its name first, so that a sender that is told
 * to try again does not come back here.
 */
static void
clear(struct inbox *b)
{
	name_remove(&b->receiver.name);
	inbox_dismiss(b);
}

/* As receiver_stop(). */
void
inbox_stop(struct inbox *b)
{
	clear(b);
	receiver_stop(&b->receiver);
}

/* As receiver_close(). */
void
inbox_close(struct inbox *b)
{
	clear(b);
	receiver_close(&b->receiver);
}

/* Make room for the payloads of messages. -1 with errno if there is none. */
int
received_init(struct received *received)
{
	received->sock = -1;
	fdpass_buffer(&received->message, malloc(FDPASS_MAX_PAYLOAD + 1),
	    FDPASS_MAX_PAYLOAD + 1);
	return received->message.payload == NULL ? -1 : 0;
}

/*
 * Answer, if the sender waits for that, and close the connection. -1 if the
 * answer was FDPASS_TAKEN but the sender has given up: then the message must
 * not be used.
 */
int
received_answer(struct received *received, char answer)
{
	int r;

	if (received->sock == -1)
		return 0;
	r = call_answer(received->sock, answer);
	received->sock = -1;
	return answer == FDPASS_TAKEN ? r : 0;
}

/* Wait for a connection; -1 with EINTR or ETIMEDOUT when we have to end. */
static int
wait_connection(struct inbox *b, int64_t deadline)
{
	int s, error;

	tell_before("W1", "accept", b->receiver.fd);
	while (!wait_must_end(deadline)) {
		s = receiver_accept_before(&b->receiver, deadline);
		if (s != -1)
			return s;
		error = errno;
		if (wait_is_waited_out(error)) {
			say_offence("%s: accept: %s; trying again",
			    b->receiver.operand, strerror(error));
			wait_out(error, deadline);
		} else if (sys_would_block(error)) {
			/* Its owner has made it non-blocking. */
			wait_readable(b->receiver.fd, deadline);
		} else if (error != EINTR && error != ECONNABORTED) {
			errno = error;
			break;
		}
	}
	return failed("accept");
}

/* Add this connection to the loop. */
static int
watch(struct inbox *b, struct arrival *a)
{
	if (!b->has_loop && loop_init(&b->loop) == -1)
		return -1;
	b->has_loop = 1;
	if (!b->is_watched) {
		if (loop_add(&b->loop, b->receiver.fd, LOOP_READ | LOOP_SHARED,
			b) == -1)
			return -1;
		b->is_watched = 1;
	}
	return loop_add(&b->loop, a->sock, LOOP_READ, a);
}

/*
 * Keep a connection whose message has not come yet. If there are too many, the
 * oldest gives way.
 */
static void
keep_arrival(struct inbox *b, struct arrival *fresh)
{
	struct arrival *surplus, *a = malloc(sizeof *a);

	if (a == NULL) {
		arrival_drop(fresh, FDPASS_RETRY);
		return;
	}
	surplus = arrivals_surplus(&b->arrivals, fresh->sock);
	if (surplus != NULL)
		send_away(b, surplus, FDPASS_RETRY);
	*a = *fresh;
	arrivals_add(&b->arrivals, a);
	if (watch(b, a) == -1)
		send_away(b, a, FDPASS_RETRY);
}

/* A connection has brought its message, which inbox_next() returns. */
static int
deliver(struct received *received, const struct arrival *a)
{
	received->sock = a->sock;
	received->message = a->message;
	message_ask_sender(&received->message, a->sock);
	return 1;
}

/*
 * A connection has brought no message that we can take: report why, and tell
 * its sender.
 */
static void
refuse(struct inbox *b, struct arrival *a, int error)
{
	char answer = receiver_refusal(error, b->arrivals.count == 0);

	a->message.length = 0;
	message_ask_sender(&a->message, a->sock);
	receiver_offence(&b->receiver, error, &a->message);
	call_refuse(a, answer);
}

/*
 * Take a new connection: returns 1 if its message has come. If no other
 * connection is waiting, give it a moment for that; if that does not suffice,
 * keep it.
 */
static int
take_fresh(struct inbox *b, int s, struct received *received)
{
	struct fdpass_message *m = &received->message;
	struct arrival fresh;
	int result;

	arrival_begin(&fresh, s, b->receiver.type);
	tell_before("W1", "recvmsg", s);
	result = arrival_step(&fresh, m->payload, m->size);
	if (result == 0 && b->arrivals.count == 0 &&
	    wait_readable(s, wait_deadline(AT_ONCE)) == 1)
		result = arrival_step(&fresh, m->payload, m->size);
	if (result == 0)
		keep_arrival(b, &fresh);
	else if (result == -1)
		refuse(b, &fresh, errno);
	return result == 1 ? deliver(received, &fresh) : 0;
}

/*
 * Another step of a connection that was kept: returns 1 if its message has
 * come.
 */
static int
take_kept(struct inbox *b, struct arrival *a, struct received *received)
{
	struct fdpass_message *m = &received->message;
	int result = arrival_step(a, m->payload, m->size), error = errno;

	if (result == 0)
		return 0;
	remove_arrival(b, a);
	if (result == -1)
		refuse(b, a, error);
	else
		deliver(received, a);
	free(a->kept);
	free(a);
	return result == 1;
}

/* Wait once, for connections that were kept and for new ones. */
static int
turn(struct inbox *b, struct received *received, int64_t deadline)
{
	struct loop_event events[LOOP_EVENTS];
	struct arrival *a;
	int n, s;

	deadline = wait_earlier(deadline, arrivals_deadline(&b->arrivals));
	/* Take one event at a time: the others stay ready. */
	n = loop_wait(&b->loop, events, 1, deadline);
	if (n == 1 && events[0].data != b)
		return take_kept(b, events[0].data, received);
	if (n == 1 && (s = receiver_accept(&b->receiver)) != -1)
		return take_fresh(b, s, received);
	if (n == 1 && wait_is_waited_out(errno))
		wait_out(errno, deadline);
	while ((a = arrivals_due(&b->arrivals)) != NULL)
		if (take_kept(b, a, received) == 1)
			return 1;
	return 0;
}

/* Take connections until one has brought a message. */
static int
next_connection(struct inbox *b, struct received *received, int64_t deadline)
{
	int s, result = 0;

	while (result == 0) {
		if (wait_must_end(deadline))
			return failed("accept");
		if (b->arrivals.count > 0) {
			result = turn(b, received, deadline);
			continue;
		}
		end_loop(b);
		s = wait_connection(b, deadline);
		if (s == -1)
			return -1;
		result = take_fresh(b, s, received);
	}
	return result;
}

/*
 * Wait for a message and take it. recvmsg() may block if messages are kept
 * apart and any message fits: then it has nothing to drop, which could hang.
 */
static int
take_waiting(struct receiver *r, struct fdpass_message *m, int64_t deadline)
{
	int result;

	if (r->type != SOCK_STREAM && !receiver_is_tight(r)) {
		wait_block_begin(deadline);
		result = receiver_take(r, m, 0);
		wait_block_end();
		return result;
	}
	if (wait_readable(r->fd, deadline) != 1) {
		errno = EINTR;
		return -1;
	}
	if (!receiver_has_room(r, 1)) {
		wait_out(EMFILE, deadline);
		errno = EINTR;
		return -1;
	}
	return receiver_take(r, m, FDPASS_NOWAIT);
}

/* recvmsg() has failed. Returns 0 to try again, -1 and the failure if not. */
static int
try_again(struct receiver *r, const struct fdpass_message *m, int error,
    int64_t deadline)
{
	if (error == EMFILE || error == EMSGSIZE) {
		receiver_offence(r, error, m);
		if (!(r->flags & RECEIVER_DRAIN))
			return failed_because(error, "the message was lost");
	} else if (wait_is_waited_out(error)) {
		wait_out(error, deadline);
	} else if (sys_would_block(error)) {
		/* Its owner has made it non-blocking. */
		wait_readable(r->fd, deadline);
	} else if (error != EINTR) {
		errno = error;
		return failed("recvmsg");
	}
	return 0;
}

/*
 * We have to end, but what was sent must not be lost: take what is queued, up
 * to the end of the stream if that comes. A worker that alone is told to end
 * leaves the rest to the other workers after a while. EINTR when there is no
 * more.
 */
static int
drain(struct receiver *r, struct fdpass_message *m)
{
	int is_owner = receiver_has_told_sender(r) && r->opener == getpid();
	int result;

	receiver_stop(r);
	while (r->flags & RECEIVER_DRAIN && wait_endings() < 2) {
		/* While messages are there at once no signal is let in. */
		wait_look();
		/* Another process may keep sending into a shared stream. */
		if (!receiver_has_told_sender(r) && wait_is_over(r->until))
			break;
		result = receiver_take(r, m, FDPASS_NOWAIT);
		if (result == 1)
			return 1;
		if (result == 0)
			break;
		if (!sys_would_block(errno)) {
			/* One that is lost is not the last. */
			if (try_again(r, m, errno, -1) == -1)
				break;
			continue;
		}
		if (!is_owner && wait_is_over(receiver_last_moment(r)))
			break;
		wait_readable(r->fd, is_owner ? -1 : receiver_last_moment(r));
	}
	errno = EINTR;
	return failed("recvmsg");
}

static int
next_message(struct receiver *r, struct fdpass_message *m, int64_t deadline)
{
	int result;

	tell_before("W1", "recvmsg", r->fd);
	for (;;) {
		if (wait_ending() != 0)
			return drain(r, m);
		if (wait_must_end(deadline))
			return failed("recvmsg");
		result = take_waiting(r, m, deadline);
		if (result >= 0)
			return result;
		if (errno == ECONNRESET)
			return 0;
		if (try_again(r, m, errno, deadline) == -1)
			return -1;
	}
}

/*
 * Wait for the next message until the deadline. Returns 1 and the message, to
 * be answered with received_answer(), whose descriptors are the caller's; 0 at
 * the end of the stream; -1 and the failure: EINTR when wait_ending() says why,
 * or ETIMEDOUT.
 */
int
inbox_next(struct inbox *b, struct received *received, int64_t deadline)
{
	struct receiver *r = &b->receiver;
	int result;

	received->sock = -1;
	received->message.count = 0;
	if (r->fd == -1)
		return 0;
	result = r->kind == RECEIVER_STREAM ?
	    next_message(r, &received->message, deadline) :
	    next_connection(b, received, deadline);
	if (result == 1)
		tell_received("W1",
		    received->sock != -1 ? received->sock : r->fd,
		    &received->message);
	if (result == -1 && failure.error == ETIMEDOUT)
		failed_late("no message");
	return result == -1 ? failed_on(r->operand) : result;
}
