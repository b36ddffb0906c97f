/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdecho-serve.h"

#include "calls.h"
#include "fdecho-connections.h"
#include "fdpass/message.h"
#include "fdpass/receiver.h"
#include "say.h"
#include "wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 8 /* descriptors to keep free for ourselves */

struct server {
	struct connections connections;
	struct receiver *receiver;
	long room;                /* descriptors that we may hold in all */
	struct arrivals arrivals; /* connections that may bring a message */
	int is_listening;         /* the receiver is in the loop */
	int is_exclusive;         /* and no other process is woken with us */
	int has_paused;           /* some arrivals are out of the loop */
	int has_ended;
	int64_t again; /* when to try after running out; -1: now */
};

/*
 * A message has come: answer first, for the sender may be gone, and only then
 * echo.
 */
static void
settle(struct server *s, struct arrival *a)
{
	struct fdpass_message *m = &a->message;
	int r, is_good = connections_come_with(m);

	if (trace_on)
		message_ask_sender(m, a->sock);
	tell_received("W1", a->sock, m);
	r = call_answer(a->sock, is_good ? FDPASS_TAKEN : FDPASS_REFUSED);
	/* A sender that has given up keeps what it has sent. */
	if (r == 0 || !is_good)
		connections_start(&s->connections, m);
	fdpass_close(m);
}

/*
 * A connection has brought no message that we can take: report why, and tell
 * its sender. That there is no room now is nothing to report.
 */
static void
refuse(struct server *s, struct arrival *a, int error)
{
	char answer = receiver_refusal(
	    error, s->connections.count == 0 && s->arrivals.count == 0);

	a->message.length = 0;
	message_ask_sender(&a->message, a->sock);
	if (error != EMFILE || answer == FDPASS_REFUSED)
		receiver_offence(s->receiver, error, &a->message);
	call_refuse(a, answer);
}

/* Stop waiting for the message of this connection. */
static void
remove_arrival(struct server *s, struct arrival *a)
{
	struct connection *c = a->owner;

	loop_remove(&s->connections.loop, a->sock);
	arrivals_remove(&s->arrivals, a);
	connections_release(&s->connections, c);
}

static void
send_away(struct server *s, struct arrival *a)
{
	remove_arrival(s, a);
	arrival_drop(a, FDPASS_RETRY);
	free(a);
}

static char payload[FDPASS_MAX_PAYLOAD + 1]; /* it is not used */

/* While we have enough connections, leave the message in its queue. */
static void
pause_arrival(struct server *s, struct connection *c)
{
	loop_remove(&s->connections.loop, c->fd);
	c->is_waiting = 0;
	s->has_paused = 1;
}

static void
resume_arrivals(struct server *s)
{
	struct arrival *a;
	struct connection *c;

	if (!s->has_paused || connections_is_full(&s->connections))
		return;
	s->has_paused = 0;
	for (a = s->arrivals.first; a != NULL; a = a->next) {
		c = a->owner;
		if (!c->is_waiting &&
		    connections_wait(&s->connections, c) == -1)
			s->has_paused = 1;
	}
}

static void
step_arrival(struct server *s, struct arrival *a)
{
	int r, error;

	if (connections_is_full(&s->connections)) {
		pause_arrival(s, a->owner);
		return;
	}
	r = arrival_step(a, payload, sizeof payload);
	error = errno;
	if (r == 0)
		return;
	remove_arrival(s, a);
	if (r == 1)
		settle(s, a);
	else
		refuse(s, a, error);
	free(a->kept);
	free(a);
}

/*
 * Keep a connection whose message has not come yet. If there are too many, the
 * oldest gives way.
 */
static int
keep_arrival(struct server *s, const struct arrival *fresh)
{
	struct arrival *surplus, *a;
	struct connection *c;

	surplus = arrivals_surplus(&s->arrivals, fresh->sock);
	if (surplus != NULL)
		send_away(s, surplus);
	a = malloc(sizeof *a);
	if (a == NULL)
		return -1;
	c = connections_new(&s->connections, fresh->sock);
	if (c == NULL || connections_wait(&s->connections, c) == -1) {
		if (c != NULL)
			connections_release(&s->connections, c);
		free(a);
		return -1;
	}
	*a = *fresh;
	a->owner = c;
	c->arrival = a;
	arrivals_add(&s->arrivals, a);
	return 0;
}

static void
start_arrival(struct server *s, int fd)
{
	struct arrival fresh;
	int r;

	arrival_begin(&fresh, fd, s->receiver->type);
	/* Usually the message is there already. */
	r = arrival_step(&fresh, payload, sizeof payload);
	if (r == 1)
		settle(s, &fresh);
	else if (r == -1)
		refuse(s, &fresh, errno);
	else if (keep_arrival(s, &fresh) == -1)
		arrival_drop(&fresh, FDPASS_RETRY);
}

/*
 * Take one connection or message from the receiver: returns 1, 0 if there is
 * none, -1 with errno.
 */
static int
take_one(struct server *s)
{
	struct receiver *r = s->receiver;
	struct fdpass_message m;
	int result;

	if (r->kind == RECEIVER_LISTENING) {
		result = receiver_accept(r);
		if (result == -1)
			return -1;
		start_arrival(s, result);
		return 1;
	}
	fdpass_buffer(&m, payload, sizeof payload);
	if (!receiver_has_room(r, s->connections.count == 0)) {
		errno = EMFILE;
		return -1;
	}
	tell_before("W1", "recvmsg", r->fd);
	result = receiver_take(r, &m, FDPASS_NOWAIT);
	if (result == 1) {
		tell_received("W1", r->fd, &m);
		connections_start(&s->connections, &m);
	} else if (result == 0) {
		s->has_ended = 1;
	}
	return result;
}

static int
has_room(const struct server *s)
{
	return !connections_is_full(&s->connections) &&
	    s->connections.count + (long)s->arrivals.count + 2 < s->room;
}

/* A resource has run out: report it, and wait a moment. */
static void
say_short(struct server *s)
{
	say_offence("%s: %s; waiting for some to end", s->receiver->operand,
	    strerror(errno));
	s->again = wait_deadline(WAIT_FORK);
}

/*
 * Take only one, so that our connections have their turn, and so that a process
 * that is not busy takes the next from a stream that we share. -1 and the
 * failure if that is over.
 */
static int
take(struct server *s)
{
	if (!has_room(s) || take_one(s) != -1)
		return 0;
	if (sys_would_block(errno) || errno == EINTR || errno == ECONNABORTED)
		return 0;
	if (errno == EMSGSIZE) {
		receiver_offence(s->receiver, errno, NULL);
		return 0;
	}
	if (errno == ECONNRESET) {
		s->has_ended = 1;
		return 0;
	}
	if (!wait_is_waited_out(errno))
		return failed("receive");
	say_short(s);
	return 0;
}

static void
stop_listening(struct server *s)
{
	if (s->is_listening)
		loop_remove(&s->connections.loop, s->receiver->fd);
	s->is_listening = 0;
}

/*
 * Add the receiver to the loop. If the kernel wakes only one of the processes
 * that share it, that one must have room for the message.
 */
static int
start_listening(struct server *s)
{
	s->is_exclusive = !receiver_is_tight(s->receiver);
	s->is_listening =
	    loop_add(&s->connections.loop, s->receiver->fd,
		LOOP_READ | (s->is_exclusive ? LOOP_SHARED : 0), s) == 0;
	return s->is_listening ? 0 : -1;
}

/* Listen to the receiver only while there is room for what it brings. */
static int
listen_or_not(struct server *s)
{
	int want = !s->has_ended && has_room(s);

	if (s->again != -1) {
		if (!wait_is_over(s->again))
			want = 0;
		else
			s->again = -1;
	}
	if (s->is_listening && s->is_exclusive &&
	    receiver_is_tight(s->receiver))
		stop_listening(s);
	if (want == s->is_listening)
		return 0;
	if (!want) {
		stop_listening(s);
		return 0;
	}
	if (start_listening(s) == 0)
		return 0;
	if (!wait_is_waited_out(errno) && errno != ENOSPC)
		return -1;
	say_short(s);
	return 0;
}

/*
 * The kernel wakes the process that is first in its queue, which would always
 * be the same. If we have taken a connection, go to the end of the queue.
 */
static void
queue_up_again(struct server *s)
{
	struct receiver *r = s->receiver;

	if (r->is_own || r->is_private || s->connections.count == 0 ||
	    s->has_ended)
		return;
	stop_listening(s);
}

static int64_t
next_deadline(const struct server *s)
{
	int64_t deadline = s->again;

	if (!s->has_ended)
		deadline = wait_earlier(deadline, receiver_wake(s->receiver));
	return wait_earlier(deadline, arrivals_deadline(&s->arrivals));
}

static int
turn(struct server *s)
{
	struct loop_event events[LOOP_EVENTS];
	struct connection *c;
	struct arrival *a;
	int i, n, taken = 0;

	n = loop_wait(
	    &s->connections.loop, events, LOOP_EVENTS, next_deadline(s));
	if (n == -1 && errno != EINTR)
		return failed("wait");
	for (i = 0; i < n; i++) {
		c = events[i].data;
		if (events[i].data == s)
			taken = 1;
		else if (c->arrival != NULL)
			step_arrival(s, c->arrival);
		else
			connections_turn(&s->connections, c, events[i].ready);
	}
	while ((a = arrivals_due(&s->arrivals)) != NULL)
		if (connections_is_full(&s->connections))
			send_away(s, a);
		else
			step_arrival(s, a);
	connections_start_parked(&s->connections);
	resume_arrivals(s);
	/* Take more only after the connections that we have. */
	if (!taken)
		return 0;
	if (take(s) == -1)
		return -1;
	queue_up_again(s);
	return 0;
}

/* Take no more; tell the senders whose message has not come to try again. */
static void
stop(struct server *s)
{
	/* Remove it before it is closed, for its number may be used again. */
	if (s->receiver->kind == RECEIVER_LISTENING)
		stop_listening(s);
	receiver_stop(s->receiver);
	while (s->arrivals.first != NULL)
		send_away(s, s->arrivals.first);
}

static int
init(struct server *s, struct receiver *r, long max)
{
	memset(s, 0, sizeof *s);
	s->receiver = r;
	s->again = -1;
	s->room = (long)r->limit - r->highest - KEPT;
	if (s->room < 4)
		s->room = 4;
	arrivals_init(&s->arrivals, receiver_most_arrivals(r));
	return connections_init(&s->connections, r->operand, max,
	    r->kind == RECEIVER_STREAM && !r->is_private ? r->fd : -1);
}

/* Is there nothing left to do, or does a second signal leave it undone? */
static int
is_done(const struct server *s)
{
	return wait_endings() > 1 ||
	    (s->has_ended && s->connections.count == 0 &&
		s->connections.parked == NULL && s->arrivals.count == 0);
}

/*
 * Receive connections and echo on each of them, at most max at once, until the
 * end of the stream or a signal. Then finish those in hand, unless a second
 * signal comes. Returns 0, or -1 and the failure.
 */
int
serve_socket(struct receiver *r, long max)
{
	struct server s;
	int result = 0;

	if (r->fd == -1)
		return 0;
	if (init(&s, r, max) == -1)
		return failed("epoll_create");
	for (;;) {
		if (wait_ending() != 0) {
			stop(&s);
			s.has_ended |= receiver_is_over(r);
		}
		if (listen_or_not(&s) == -1) {
			result = failed("wait");
			break;
		}
		if (is_done(&s))
			break;
		if (turn(&s) == -1) {
			result = -1;
			break;
		}
	}
	connections_end(&s.connections);
	return result;
}
