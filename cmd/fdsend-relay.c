/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdsend-relay.h"

#include "calls.h"
#include "fdpass.h"
#include "fdsend-verdict.h"
#include "say.h"
#include "wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 64 /* hand-overs under way at once */
#define HELD 8   /* most messages that a relay to a stream holds */

/* A message that we hold, and its hand-over. */
struct slot {
	struct handover handover;
	struct fdpass_message message;
	int is_ready; /* it has its socket, and can take a message */
	int is_busy;
};

struct relay {
	struct receiver *receiver;
	struct target *target;
	int64_t timeout; /* ms for each hand-over; -1: none */
	struct slot slots[SLOTS];
	size_t busy;
	int has_ended; /* no more messages come */
	int has_failed;
	int64_t again; /* when to try after running out; -1: now */
};

/* Note a failure of standard input, where the messages come from. */
static int
failed_to_receive(const char *operation)
{
	failed(operation);
	return failed_on("standard input");
}

static int
message_buffer(struct fdpass_message *m)
{
	fdpass_buffer(
	    m, malloc(FDPASS_MAX_PAYLOAD + 1), FDPASS_MAX_PAYLOAD + 1);
	return m->payload == NULL ? -1 : 0;
}

/*
 * A slot that can take a message. Its socket is made before the message is
 * taken, so that the message need not wait for that. NULL if there is no slot,
 * or no room for a socket.
 */
static struct slot *
free_slot(struct relay *r)
{
	struct slot *s = NULL;
	size_t i;

	for (i = 0; i < SLOTS; i++) {
		if (r->slots[i].is_busy)
			continue;
		if (r->slots[i].is_ready)
			return &r->slots[i];
		if (s == NULL)
			s = &r->slots[i];
	}
	if (s == NULL)
		return NULL;
	if (s->message.payload == NULL && message_buffer(&s->message) == -1)
		return NULL;
	if (handover_begin(&s->handover, r->target, -1) == -1)
		return NULL;
	s->is_ready = 1;
	return s;
}

static void
wait_resources(struct relay *r, const char *what)
{
	say_offence("%s: %s; trying again", what, strerror(errno));
	r->again = wait_deadline(WAIT_SHORT);
}

/*
 * Take a message: returns as receiver_take(). Report a message that cannot be
 * taken, and set *has_failed.
 */
static int
take(struct receiver *receiver, struct fdpass_message *m, int *has_failed)
{
	int r;

	tell_before("W1", "recvmsg", receiver->fd);
	r = receiver_take(receiver, m, FDPASS_NOWAIT);
	if (r == 1)
		tell_received("W1", receiver->fd, m);
	if (r == 1 && m->length == 0) {
		/*
		 * SOCK_SEQPACKET can carry an empty message, SOCK_STREAM
		 * cannot.
		 */
		m->payload[0] = '\0';
		m->length = 1;
	}
	if (r == -1 && errno == ECONNRESET)
		return 0;
	if (r == -1 && (errno == EMFILE || errno == EMSGSIZE)) {
		*has_failed = 1;
		receiver_offence(receiver, errno, m);
	}
	return r;
}

static void
finish(struct relay *r, struct slot *s)
{
	fdpass_close(&s->message);
	s->is_busy = s->is_ready = 0;
	r->busy--;
}

static void
step(struct relay *r, struct slot *s)
{
	struct failure f = {0};

	if (handover_step(&s->handover) < HANDOVER_TAKEN)
		return;
	if (s->handover.state != HANDOVER_TAKEN) {
		verdict_failure(&s->handover, &f);
		say_offence_failure(&f, r->timeout);
		r->has_failed = 1;
	}
	finish(r, s);
}

/* Take messages while there are any, and slots for them. */
static int
take_some(struct relay *r)
{
	struct slot *s;
	int result = 1;

	while (result == 1 && (s = free_slot(r)) != NULL) {
		if (!receiver_has_room(r->receiver, r->busy == 0)) {
			errno = EMFILE;
			wait_resources(r, r->receiver->operand);
			return 0;
		}
		result = take(r->receiver, &s->message, &r->has_failed);
		if (result != 1)
			break;
		s->handover.deadline = wait_deadline(r->timeout);
		handover_message(&s->handover, s->message.payload,
		    s->message.length, s->message.fds, s->message.count);
		s->is_busy = 1;
		r->busy++;
		step(r, s);
	}
	if (result == 0)
		r->has_ended = 1;
	if (result == -1 && !sys_would_block(errno) && errno != EINTR &&
	    errno != EMFILE && errno != EMSGSIZE)
		return failed_to_receive("recvmsg");
	return 0;
}

/*
 * Has a hand-over to make its socket again? If the table is nearly full,
 * another message would take the room for that.
 */
static int
lacks_socket(const struct relay *r)
{
	size_t i;

	for (i = 0; i < SLOTS; i++)
		if (r->slots[i].is_busy && r->slots[i].handover.sock == -1)
			return 1;
	return 0;
}

/* May we take another message now? */
static int
wants_more(struct relay *r)
{
	if (r->has_ended || r->busy == SLOTS || lacks_socket(r))
		return 0;
	if (r->again != -1 && wait_now() < r->again)
		return 0;
	r->again = -1;
	if (free_slot(r) != NULL)
		return 1;
	wait_resources(r, r->target->name);
	return 0;
}

/*
 * Collect what to wait for: only open sockets, for poll() takes no more entries
 * than the descriptor table has. which[] gets the slot of each entry.
 */
static nfds_t
collect(struct relay *r, struct pollfd *p, size_t *which, int64_t *deadline)
{
	struct handover *h;
	nfds_t n = 0;
	size_t i;

	for (i = 0; i < SLOTS; i++) {
		h = &r->slots[i].handover;
		if (!r->slots[i].is_busy)
			continue;
		*deadline = wait_earlier(*deadline, handover_wake(h));
		if (h->events == 0)
			continue;
		p[n].fd = h->sock;
		p[n].events = h->events;
		p[n].revents = 0;
		which[n++] = i;
	}
	return n;
}

/* Wait until something is due, and do it. */
static int
turn(struct relay *r)
{
	struct pollfd p[SLOTS + 1];
	size_t which[SLOTS], i;
	int64_t deadline, now;
	int more = wants_more(r);
	nfds_t n;

	deadline = wait_earlier(r->again, receiver_wake(r->receiver));
	n = collect(r, p, which, &deadline);
	p[n].fd = r->receiver->fd;
	p[n].events = POLLIN;
	p[n].revents = 0;
	if (wait_poll(p, more ? n + 1 : n, deadline) == -1) {
		if (errno != EINTR)
			return failed_to_receive("poll");
		return 0;
	}
	for (i = 0; i < n; i++)
		if (p[i].revents != 0)
			step(r, &r->slots[which[i]]);
	now = wait_now();
	for (i = 0; i < SLOTS; i++) {
		deadline = handover_wake(&r->slots[i].handover);
		if (r->slots[i].is_busy && deadline != -1 && now >= deadline)
			step(r, &r->slots[i]);
	}
	return more && p[n].revents != 0 ? take_some(r) : 0;
}

/*
 * Pass on each message to a named socket, with many hand-overs at once, until
 * the end of the stream or a signal; then finish those under way, unless a
 * second signal comes. timeout is in milliseconds, for each hand-over. Returns
 * 0; 1 if some failed, each of which was reported; or -1 and the failure.
 */
int
relay_to_name(struct receiver *receiver, struct target *target, int64_t timeout)
{
	static struct relay r; /* large */
	size_t i;

	memset(&r, 0, sizeof r);
	r.receiver = receiver;
	r.target = target;
	r.timeout = timeout;
	r.again = -1;
	if (receiver->fd == -1)
		r.has_ended = 1;
	while (r.busy > 0 || !r.has_ended) {
		if (wait_endings() > 1)
			break;
		if (wait_ending() != 0) {
			receiver_stop(receiver);
			r.has_ended |= receiver_is_over(receiver);
			if (r.busy == 0 && r.has_ended)
				break;
		}
		if (turn(&r) == -1)
			return -1;
	}
	for (i = 0; i < SLOTS; i++) {
		if (r.slots[i].is_busy) {
			r.has_failed = 1;
			fdpass_close(&r.slots[i].message);
		}
		if (r.slots[i].is_ready)
			handover_end(&r.slots[i].handover);
		free(r.slots[i].message.payload);
	}
	return r.has_failed;
}

/*
 * Messages on their way to a stream. There is more than one only when too many
 * descriptors are in flight.
 */
struct passage {
	struct receiver *in;
	struct stream out;
	int64_t timeout;
	struct fdpass_message held[HELD];
	size_t first;
	size_t count;
	int has_ended;
	int has_failed;
};

static struct fdpass_message *
held(struct passage *p, size_t i)
{
	return &p->held[(p->first + i) % HELD];
}

/* Take one more message. Returns -1 and the failure. */
static int
hold_one(struct passage *p)
{
	struct fdpass_message *m = held(p, p->count);
	int r;

	if (m->payload == NULL && message_buffer(m) == -1)
		return failed_to_receive("memory for a payload");
	r = take(p->in, m, &p->has_failed);
	if (r == 1)
		p->count++;
	else if (r == 0)
		p->has_ended = 1;
	else if (!sys_would_block(errno) && errno != EINTR &&
	    errno != EMSGSIZE && errno != EMFILE)
		return failed_to_receive("recvmsg");
	return 0;
}

/*
 * Too many descriptors are in flight, which the kernel counts for each user;
 * perhaps all of them are on their way to us. Taking one more message is what
 * makes room.
 */
static int
make_room(struct passage *p)
{
	struct pollfd input;

	input.fd = p->in->fd;
	input.events = POLLIN;
	if (p->count < HELD && !p->has_ended &&
	    wait_poll_at_once(&input) == 1 && receiver_has_room(p->in, 0))
		return hold_one(p);
	wait_pause(WAIT_QUEUE);
	return 0;
}

/* Send what is held, in order. Returns -1 and the failure. */
static int
send_held(struct passage *p)
{
	int64_t deadline = wait_deadline(p->timeout);
	struct fdpass_message *m;

	while (p->count > 0 && wait_endings() < 2) {
		m = held(p, 0);
		if (stream_send(&p->out, m->payload, m->length, m->fds,
			m->count, deadline) == -1) {
			if (errno == ETOOMANYREFS &&
			    (deadline < 0 || wait_now() < deadline)) {
				if (make_room(p) == -1)
					return -1;
				continue;
			}
			if (errno != ETIMEDOUT && errno != ETOOMANYREFS)
				return -1;
			p->has_failed = 1;
			say_offence("%s: not taken within %g s", p->out.operand,
			    (double)p->timeout / 1000);
		}
		fdpass_close(m);
		p->first = (p->first + 1) % HELD;
		p->count--;
		deadline = wait_deadline(p->timeout);
	}
	return 0;
}

/*
 * Take one message, and send it and those that had to be taken with it. Returns
 * -1 and the failure.
 */
static int
pass_on(struct passage *p)
{
	if (!receiver_has_room(p->in, 1)) {
		say_offence(
		    "%s: %s; trying again", p->in->operand, strerror(EMFILE));
		wait_pause(WAIT_SHORT);
		return 0;
	}
	if (hold_one(p) == -1)
		return -1;
	return send_held(p);
}

/*
 * Pass on each message to a stream, one after another, until the end of the
 * input or a signal. timeout is in milliseconds, for each message. Returns 0; 1
 * if some were not passed on, each of which was reported; or -1 and the
 * failure: EPIPE when nobody reads the stream, or when its reader wanted no
 * more than it has received.
 */
int
relay_to_stream(struct receiver *in, const struct stream *out, int64_t timeout)
{
	struct passage p;
	int r = 0, ready, is_last = 0;
	size_t i;

	if (in->fd == -1)
		return 0;
	memset(&p, 0, sizeof p);
	p.in = in;
	p.out = *out;
	p.out.holds = p.out.gives_back = 1;
	p.timeout = timeout;
	while (r == 0 && !p.has_ended && wait_endings() < 2) {
		if (is_last || wait_ending() != 0) {
			receiver_stop(in);
			if (receiver_is_over(in))
				break;
		}
		ready = stream_wait(&p.out, in->fd, receiver_wake(in));
		if (ready == 1) {
			r = pass_on(&p);
		} else if (ready == -1 && errno == ESHUTDOWN) {
			/* Tell our sender, and pass on what is queued. */
			is_last = 1;
			p.out.end = 0;
		} else if (ready == -1 && errno != EINTR) {
			r = stream_failed(&p.out, "poll");
		}
	}
	for (i = 0; i < HELD; i++) {
		fdpass_close(&p.held[i]);
		free(p.held[i].payload);
	}
	if (r == 0 && is_last) {
		errno = EPIPE;
		r = stream_failed(&p.out, "sendmsg");
	}
	return r == 0 ? p.has_failed : r;
}
