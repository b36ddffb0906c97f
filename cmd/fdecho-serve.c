/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdecho-serve.h"

#include "calls.h"
#include "descriptors.h"
#include "fdpass/message.h"
#include "loop.h"
#include "say.h"
#include "wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER (256 * 1024)         /* measured: twice as fast as 64 KiB */
#define SLOW_CHUNK (16 * 1024)      /* for a connection that has been slow */
#define KEPT_MOST (4 * 1024 * 1024) /* bytes for slow readers, about */
#define KEPT 8                      /* descriptors to keep free for ourselves */
#define BATCH 32                    /* connections to allocate at once */

static char buffer[BUFFER];

/* A connection: one that may bring a message, or one on which we echo. */
struct connection {
	int fd;
	int is_waiting;          /* it is in the loop */
	struct arrival *arrival; /* NULL: we echo on this connection */
	struct connection *next; /* in a list: of new, parked or spare ones */
	char *rest;              /* what a slow reader has not taken yet */
	size_t length;
	size_t sent;
	size_t chunk; /* bytes to read at once */
};

/* Memory for connections. It never moves, for the loop holds pointers to it. */
struct batch {
	struct batch *next;
	struct connection connections[BATCH];
};

struct server {
	struct loop loop;
	struct receiver *receiver;
	long max;
	long count;               /* of connections on which we echo */
	long room;                /* descriptors that we may hold in all */
	size_t kept;              /* bytes kept for slow readers */
	struct arrivals arrivals; /* connections that may bring a message */
	struct connection *fresh; /* connections that are not in the loop yet */
	struct connection *parked;  /* connections over the limit, for now */
	struct connection **newest; /* the end of the parked ones */
	struct connection *spare;   /* unused memory for connections */
	struct batch *batches;      /* all memory for connections */
	int is_listening;           /* the receiver is in the loop */
	int is_exclusive;           /* and no other process is woken with us */
	int has_paused;             /* some arrivals are out of the loop */
	int has_ended;
	int64_t again; /* when to try after running out; -1: now */
};

static void
release(struct server *s, struct connection *c)
{
	c->rest = NULL;
	c->next = s->spare;
	s->spare = c;
}

static void
drop(struct server *s, struct connection *c)
{
	if (c->is_waiting)
		loop_remove(&s->loop, c->fd);
	call_close("W4", c->fd);
	if (c->rest != NULL)
		s->kept -= c->length;
	free(c->rest);
	release(s, c);
	s->count--;
}

/* Does this socket drop the rest of a message that is read in part? */
static int
keeps_messages(int fd)
{
	return descriptor_type(fd) != SOCK_STREAM;
}

/* Keep what could not be sent, and send it before anything else is read. */
static int
keep_rest(struct server *s, struct connection *c, const char *bytes, size_t n)
{
	char *rest = malloc(n);

	if (rest == NULL)
		return -1;
	memcpy(rest, bytes, n);
	c->length = n;
	c->sent = 0;
	/* Limit the memory that a slow reader costs. */
	if (!keeps_messages(c->fd))
		c->chunk = SLOW_CHUNK;
	c->rest = rest;
	s->kept += n;
	return c->is_waiting ? loop_change(&s->loop, c->fd, LOOP_WRITE, c) : 0;
}

/* Report that a connection was lost, unless its peer just went away. */
static void
say_lost(const char *operation)
{
	switch (errno) {
	case ECONNRESET:
	case EPIPE:
	case ETIMEDOUT:
	case ECONNABORTED:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
	case EDESTADDRREQ: /* not a connection, see start_echo() */
		return;
	}
	say_offence("connection lost: %s: %s", operation, strerror(errno));
}

static int
is_connection(int fd)
{
	struct peer unused;

	return descriptor_is_connection(fd, &unused);
}

/* Send as much as possible: returns how much, or -1 if the peer is gone. */
static ssize_t
send_some(int fd, const char *bytes, size_t n)
{
	ssize_t sent = call_send("W3", fd, bytes, n);

	if (sent == -1)
		say_lost("send");
	return sent;
}

static int
is_no_connection(int error)
{
	return error == ENOTSOCK || error == ENOTCONN || error == EINVAL ||
	    error == EOPNOTSUPP || error == EBADF; /* opened with O_PATH */
}

/*
 * Receive what is there. (Descriptors that come with the bytes are closed by
 * the kernel, and may linger.) If a resource has run out, try again some times.
 */
static ssize_t
receive_some(int fd, size_t size)
{
	struct wait_guard guard;
	int tries = 0;
	ssize_t n;

	wait_guard_begin(&guard);
	while ((n = call_recv("W2", fd, buffer, size)) == -1) {
		if (wait_is_waited_out(errno) && tries++ < WAIT_TRIES &&
		    wait_endings() < 2)
			wait_pause(WAIT_QUEUE);
		else if (errno != EINTR)
			break;
	}
	wait_guard_end(&guard);
	if (n == -1 && !sys_would_block(errno) && !is_no_connection(errno))
		say_lost("recv");
	return n;
}

/* How much to read: little if much is kept for slow readers. */
static size_t
chunk_of(const struct server *s, const struct connection *c)
{
	if (s->kept > KEPT_MOST && c->chunk > SLOW_CHUNK &&
	    !keeps_messages(c->fd))
		return SLOW_CHUNK;
	return c->chunk;
}

/*
 * Send back the n bytes in buffer. Returns 0, or -1 if the connection is over.
 */
static int
echo_read(struct server *s, struct connection *c, size_t n)
{
	ssize_t sent = send_some(c->fd, buffer, n);

	if (sent == -1)
		return -1;
	if ((size_t)sent < n)
		return keep_rest(s, c, buffer + sent, n - (size_t)sent);
	if (n == c->chunk && c->chunk < BUFFER)
		c->chunk *= 4;
	return 0;
}

/*
 * One turn of a connection: returns -1 at its end of file, or if its peer is
 * gone.
 */
static int
echo_turn(struct server *s, struct connection *c, int ready)
{
	ssize_t n;

	/*
	 * An error ends the connection, unless it was only in the error queue.
	 */
	if ((ready & LOOP_ERROR) != 0 && sys_drain_errors(c->fd) > 0)
		return 0;

	if (c->rest != NULL) {
		n = send_some(c->fd, c->rest + c->sent, c->length - c->sent);
		if (n == -1)
			return -1;
		c->sent += (size_t)n;
		if (c->sent < c->length)
			return 0;
		free(c->rest);
		c->rest = NULL;
		s->kept -= c->length;
		return loop_change(&s->loop, c->fd, LOOP_READ, c);
	}
	n = receive_some(c->fd, chunk_of(s, c));
	if (n > 0 && echo_read(s, c, (size_t)n) == 0)
		return 0;
	if (n == -1 && sys_would_block(errno) && (ready & LOOP_ERROR) == 0)
		return 0;
	return -1;
}

static int
more_memory(struct server *s)
{
	struct batch *b = malloc(sizeof *b);
	size_t i;

	if (b == NULL)
		return -1;
	b->next = s->batches;
	s->batches = b;
	for (i = 0; i < BATCH; i++)
		release(s, &b->connections[i]);
	return 0;
}

static struct connection *
new_connection(struct server *s, int fd)
{
	struct connection *c;

	if (s->spare == NULL && more_memory(s) == -1)
		return NULL;
	c = s->spare;
	s->spare = c->next;
	memset(c, 0, sizeof *c);
	c->fd = fd;
	c->chunk = BUFFER;
	return c;
}

/* Add a connection to the loop. */
static int
wait_for(struct server *s, struct connection *c)
{
	int want = c->rest == NULL ? LOOP_READ : LOOP_WRITE;

	c->is_waiting = loop_add(&s->loop, c->fd, want, c) == 0;
	return c->is_waiting ? 0 : -1;
}

/* The same, trying for a while; after that, drop the connection. */
static void
keep(struct server *s, struct connection *c)
{
	int tries = 0;

	while (wait_for(s, c) == -1 && tries++ < WAIT_TRIES)
		wait_pause(WAIT_SHORT);
	if (!c->is_waiting) {
		say_offence("connection lost: %s", strerror(errno));
		drop(s, c);
	}
}

/*
 * Add new connections to the loop, now that their sender has its answer. A
 * short connection has often ended already: one more turn finds that out and
 * spares the loop. (Not with a trace, which would show a call that usually
 * finds nothing.)
 */
static void
admit(struct server *s)
{
	struct connection *c;

	while ((c = s->fresh) != NULL) {
		s->fresh = c->next;
		if (c->rest != NULL || trace_on || echo_turn(s, c, 0) == 0)
			keep(s, c);
		else
			drop(s, c);
	}
}

/*
 * Take over one received descriptor. Its data is often there already, so read
 * before waiting; that also tells whether it is a connection. Returns -1 if it
 * is not, and then the caller closes it.
 */
static int
start_echo(struct server *s, int fd)
{
	struct connection *c;
	int tries = 0;
	ssize_t n;

	n = receive_some(fd, BUFFER);
	if (n == -1 && is_no_connection(errno))
		return -1;
	/* An unconnected datagram socket, too, would only have no data yet. */
	if (n == -1 && sys_would_block(errno) && !is_connection(fd))
		return -1;
	if (n == 0 || (n == -1 && !sys_would_block(errno))) {
		call_close("W4", fd);
		return 0;
	}
	while ((c = new_connection(s, fd)) == NULL && tries++ < WAIT_TRIES)
		wait_pause(WAIT_SHORT);
	if (c == NULL) {
		say_offence("connection lost: %s", strerror(errno));
		wait_close(fd);
		return 0;
	}
	s->count++;
	if (n == -1) {
		keep(s, c);
	} else if (echo_read(s, c, (size_t)n) == 0) {
		c->next = s->fresh;
		s->fresh = c;
	} else if (errno == EDESTADDRREQ) {
		/* The socket has no peer to echo the datagram to. */
		s->count--;
		release(s, c);
		return -1;
	} else {
		drop(s, c);
	}
	return 0;
}

/* This connection is one too many: keep it until another has ended. */
static int
park(struct server *s, int fd)
{
	struct connection *c;

	if (!is_connection(fd))
		return -1;
	c = new_connection(s, fd);
	if (c == NULL)
		return -1;
	*s->newest = c;
	s->newest = &c->next;
	return 0;
}

static void
start_parked(struct server *s)
{
	struct connection *c;
	int fd;

	while ((c = s->parked) != NULL && s->count < s->max) {
		s->parked = c->next;
		if (s->parked == NULL)
			s->newest = &s->parked;
		fd = c->fd;
		release(s, c);
		if (start_echo(s, fd) == -1)
			wait_close(fd);
	}
}

/*
 * Take over the connections of a message, and close its other descriptors.
 * Returns -1 if there was no connection.
 */
static int
start_message(struct server *s, struct fdpass_message *m)
{
	size_t i, started = 0;
	int r;

	for (i = 0; i < m->count; i++) {
		r = s->count < s->max ? start_echo(s, m->fds[i]) :
					park(s, m->fds[i]);
		if (r == 0)
			started++;
		else
			wait_close(m->fds[i]);
	}
	if (m->count == 0)
		say_offence("%s: refused a message without descriptors",
		    s->receiver->operand);
	else if (started < m->count)
		say_offence("%s: refused a descriptor that is not a connected "
			    "socket",
		    s->receiver->operand);
	m->count = 0;
	return started > 0 ? 0 : -1;
}

/* Does the message bring a connection? */
static int
has_connection(const struct fdpass_message *m)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (is_connection(m->fds[i]))
			return 1;
	return 0;
}

/*
 * A message has come: answer first, for the sender may be gone, and only then
 * echo.
 */
static void
settle(struct server *s, struct arrival *a)
{
	struct fdpass_message *m = &a->message;
	int is_good = has_connection(m);

	if (trace_on)
		message_ask_sender(m, a->sock);
	tell_received("W1", a->sock, m);
	/* A sender that has given up keeps what it sent. */
	if (call_answer(a->sock, is_good ? FDPASS_TAKEN : FDPASS_REFUSED) ==
		0 ||
	    !is_good)
		start_message(s, m);
	fdpass_close(m);
	admit(s);
}

/*
 * A connection has brought no message that we can take: report why, and tell
 * its sender. That there is no room now is nothing to report.
 */
static void
refuse(struct server *s, struct arrival *a, int error)
{
	char answer =
	    receiver_refusal(error, s->count == 0 && s->arrivals.count == 0);

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

	loop_remove(&s->loop, a->sock);
	arrivals_remove(&s->arrivals, a);
	release(s, c);
}

static void
send_away(struct server *s, struct arrival *a)
{
	remove_arrival(s, a);
	arrival_drop(a, FDPASS_RETRY);
	free(a);
}

static char payload[FDPASS_MAX_PAYLOAD + 1]; /* it is not used */

/* Have we as many connections as we may? */
static int
is_full(const struct server *s)
{
	return s->count >= s->max || s->parked != NULL;
}

/* While we have enough connections, leave the message in its queue. */
static void
pause_arrival(struct server *s, struct connection *c)
{
	loop_remove(&s->loop, c->fd);
	c->is_waiting = 0;
	s->has_paused = 1;
}

static void
resume_arrivals(struct server *s)
{
	struct arrival *a;
	struct connection *c;

	if (!s->has_paused || is_full(s))
		return;
	s->has_paused = 0;
	for (a = s->arrivals.first; a != NULL; a = a->next) {
		c = a->owner;
		if (!c->is_waiting && wait_for(s, c) == -1)
			s->has_paused = 1;
	}
}

static void
step_arrival(struct server *s, struct arrival *a)
{
	int r, error;

	if (is_full(s)) {
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
	c = new_connection(s, fresh->sock);
	if (c == NULL || wait_for(s, c) == -1) {
		if (c != NULL)
			release(s, c);
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
	if (!receiver_has_room(r, s->count == 0)) {
		errno = EMFILE;
		return -1;
	}
	tell_before("W1", "recvmsg", r->fd);
	result = receiver_take(r, &m, FDPASS_NOWAIT);
	if (result == 1) {
		tell_received("W1", r->fd, &m);
		start_message(s, &m);
		admit(s);
	} else if (result == 0) {
		s->has_ended = 1;
	}
	return result;
}

static int
has_room(const struct server *s)
{
	return !is_full(s) && s->count + (long)s->arrivals.count + 2 < s->room;
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
		loop_remove(&s->loop, s->receiver->fd);
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
	    loop_add(&s->loop, s->receiver->fd,
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

	if (r->is_own || r->is_private || s->count == 0 || s->has_ended)
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

	n = loop_wait(&s->loop, events, LOOP_EVENTS, next_deadline(s));
	if (n == -1 && errno != EINTR)
		return failed("wait");
	for (i = 0; i < n; i++) {
		c = events[i].data;
		if (events[i].data == s)
			taken = 1;
		else if (c->arrival != NULL)
			step_arrival(s, c->arrival);
		else if (echo_turn(s, c, events[i].ready) == -1)
			drop(s, c);
	}
	while ((a = arrivals_due(&s->arrivals)) != NULL)
		if (is_full(s))
			send_away(s, a);
		else
			step_arrival(s, a);
	start_parked(s);
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

static void
init(struct server *s, struct receiver *r, long max)
{
	memset(s, 0, sizeof *s);
	s->receiver = r;
	s->max = max;
	s->again = -1;
	s->newest = &s->parked;
	s->room = (long)r->limit - r->highest - KEPT;
	if (s->room < 4)
		s->room = 4;
	arrivals_init(&s->arrivals, receiver_most_arrivals(r));
}

/* Free all memory; the end of the process closes what is still open. */
static void
release_all(struct server *s)
{
	struct batch *b;
	size_t i;

	while ((b = s->batches) != NULL) {
		s->batches = b->next;
		for (i = 0; i < BATCH; i++)
			free(b->connections[i].rest);
		free(b);
	}
	loop_end(&s->loop);
}

/*
 * Receive connections and echo on each of them, at most max at once, until the
 * end of the stream or a signal. Then finish those in hand, unless a second
 * signal comes. Returns 0, or -1 and the failure.
 */
int
echo_serve(struct receiver *r, long max)
{
	struct server s;
	int result = 0;

	if (r->fd == -1)
		return 0;
	init(&s, r, max);
	if (loop_init(&s.loop) == -1)
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
		if ((s.count == 0 && s.arrivals.count == 0 &&
			s.parked == NULL && s.has_ended) ||
		    wait_endings() > 1)
			break;
		if (turn(&s) == -1) {
			result = -1;
			break;
		}
	}
	release_all(&s);
	return result;
}
