/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "echo.h"

#include "diag.h"
#include "landing.h"
#include "loop.h"
#include "message.h"
#include "show.h"
#include "signals.h"
#include "trace.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER (256 * 1024)    /* measured: twice as fast as 64 KiB */
#define SLOW_CHUNK (16 * 1024) /* of a connection that has been slow */
#define INCOMING_MOST 64       /* connections that may still bring a message */
#define KEPT 8                 /* descriptors for ourselves */
#define RETRY_RESOURCES 100    /* ms */
#define MOST_TRIES 20          /* the others wait meanwhile */
#define BATCH 32               /* connections that memory is had for at once */

static char buffer[BUFFER];

/* Wait until a descriptor that somebody made non-blocking is ready. */
static void
wait_ready(int fd, short events)
{
	struct pollfd p;

	p.fd = fd;
	p.events = events;
	p.revents = 0;
	signals_wait(&p, 1, -1);
	if ((p.revents & POLLERR) != 0)
		sys_drain_errors(fd);
}

static int
write_all(int fd, const char *bytes, size_t n)
{
	ssize_t w;

	while (n > 0) {
		trace_call("W3", "send(%d, %zu bytes)", fd, n);
		w = write(fd, bytes, n);
		if (w == -1 && (sys_would_block(errno)))
			wait_ready(fd, POLLOUT);
		else if (w == -1 && errno != EINTR)
			return -1;
		if (w <= 0)
			continue;
		bytes += w;
		n -= (size_t)w;
	}
	return 0;
}

/*
 * Copy from in to out until end of file. Nothing is shut down: both may be
 * shared. Returns 0, or -1 and what failed.
 */
int
echo_copy(int in, int out, struct failure *f)
{
	ssize_t n;

	for (;;) {
		trace_before("W2", "recv(%d)", in);
		n = read(in, buffer, sizeof buffer);
		if (n == -1 && (sys_would_block(errno))) {
			wait_ready(in, POLLIN);
			continue;
		}
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return failure_errno(f, "read");
		trace("W2", "recv(%d) = %zd bytes", in, n);
		if (n == 0)
			break;
		if (write_all(out, buffer, (size_t)n) == -1)
			return failure_errno(f, "write");
	}
	/* The end of the process closes it. */
	trace_call("W4", "close(%d)", in);
	return 0;
}

/* A connection: on its way in, or one that we echo on. */
struct connection {
	int fd;
	int is_waiting;            /* it is in the loop */
	struct incoming *incoming; /* NULL: we echo on it */
	struct connection *next;   /* of those on their way in, or new */
	char *rest;                /* what a slow reader has not taken yet */
	size_t length;
	size_t sent;
	size_t chunk; /* to read at once */
};

/* Their memory, which stays: of those in the loop only the kernel knows. */
struct batch {
	struct batch *next;
	struct connection connections[BATCH];
};

struct server {
	struct loop loop;
	struct receiver *receiver;
	long max;
	long count;               /* of connections that we echo on */
	long incoming;            /* of connections that may bring a message */
	long room;                /* descriptors that we may hold, all in all */
	struct connection *first; /* of those on their way in */
	struct connection *fresh; /* those that are not in the loop yet */
	struct connection *spare; /* memory for the next ones */
	struct batch *batches;    /* all memory for them */
	int is_listening;         /* the receiver is in the loop */
	int has_ended;
	int64_t again; /* when to try after running out; -1 not */
};

static void
release(struct server *s, struct connection *c)
{
	c->next = s->spare;
	s->spare = c;
}

static void
drop(struct server *s, struct connection *c)
{
	if (c->is_waiting)
		loop_remove(&s->loop, c->fd);
	trace_call("W4", "close(%d)", c->fd);
	message_close_fd(c->fd);
	free(c->rest);
	release(s, c);
	s->count--;
}

/* Of a message that is read in parts the rest is lost. */
static int
keeps_messages(int fd)
{
	int type = SOCK_STREAM;
	socklen_t length = sizeof type;

	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length);
	return type != SOCK_STREAM;
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
	/* Who reads slowly shall not cost more memory than it must. */
	if (!keeps_messages(c->fd))
		c->chunk = SLOW_CHUNK;
	c->rest = rest;
	return c->is_waiting ? loop_change(&s->loop, c->fd, LOOP_WRITE, c) : 0;
}

/* A peer that goes away is no failure; anything else is said. */
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
	case EDESTADDRREQ: /* it is none, see start_echo() */
		return;
	}
	diag_offence("connection lost: %s: %s", operation, strerror(errno));
}

/* Send what is possible: how much, or -1 if the peer is gone. */
static ssize_t
send_some(int fd, const char *bytes, size_t n)
{
	size_t sent = 0;
	ssize_t w;

	trace_call("W3", "send(%d, %zu bytes)", fd, n);
	while (sent < n) {
		w = send(
		    fd, bytes + sent, n - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (w >= 0)
			sent += (size_t)w;
		else if (sys_would_block(errno))
			break;
		else if (errno == ENOBUFS || errno == ENOMEM)
			break;
		else if (errno != EINTR) {
			say_lost("send");
			return -1;
		}
	}
	return (ssize_t)sent;
}

static int
is_no_connection(int error)
{
	return error == ENOTSOCK || error == ENOTCONN || error == EINVAL ||
	    error == EOPNOTSUPP || error == EBADF; /* opened with O_PATH */
}

static ssize_t
receive_some(int fd, size_t size)
{
	ssize_t n;

	trace_before("W2", "recv(%d)", fd);
	while ((n = recv(fd, buffer, size, MSG_DONTWAIT)) == -1) {
		if (sys_is_short(errno))
			signals_pause(RETRY_RESOURCES);
		else if (errno != EINTR)
			break;
	}
	if (n == -1 && !sys_would_block(errno) && !is_no_connection(errno))
		say_lost("recv");
	if (trace_on && n >= 0)
		trace("W2", "recv(%d) = %zd bytes", fd, n);
	return n;
}

/* n bytes were read into buffer: send them back. 0, or -1 if it is over. */
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

/* One turn of a connection: -1 at its end of file, or if its peer is gone. */
static int
echo_turn(struct server *s, struct connection *c, int ready)
{
	ssize_t n;

	/* With an error there is nothing to wait for, but one: see there. */
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
		return loop_change(&s->loop, c->fd, LOOP_READ, c);
	}
	n = receive_some(c->fd, c->chunk);
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

/* Have it in the loop. */
static int
wait_for(struct server *s, struct connection *c)
{
	int want = c->rest == NULL ? LOOP_READ : LOOP_WRITE;

	c->is_waiting = loop_add(&s->loop, c->fd, want, c) == 0;
	return c->is_waiting ? 0 : -1;
}

/* The same; what the loop has no room for after a while is lost. */
static void
keep(struct server *s, struct connection *c)
{
	int tries = 0;

	while (wait_for(s, c) == -1 && tries++ < MOST_TRIES)
		signals_pause(RETRY_RESOURCES);
	if (!c->is_waiting) {
		diag_offence("connection lost: %s", strerror(errno));
		drop(s, c);
	}
}

/*
 * The sender of those that are new has its answer: they may wait for more now.
 * The end of a short one is mostly there already, it needs no loop. (A trace
 * would only show one more call, which comes to nothing where it is not.)
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
 * Take over one received descriptor. Its data is often there already, so try
 * before waiting; that also tells whether it is a connection at all. Returns
 * -1 if it is none.
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
	/* An unconnected datagram socket would just never have anything. */
	if (n == -1 && sys_would_block(errno) && !landing_is_connection(fd))
		return -1;
	if (n == 0 || (n == -1 && !sys_would_block(errno))) {
		trace_call("W4", "close(%d)", fd);
		message_close_fd(fd);
		return 0;
	}
	while ((c = new_connection(s, fd)) == NULL && tries++ < MOST_TRIES)
		signals_pause(RETRY_RESOURCES);
	if (c == NULL) {
		diag_offence("connection lost: %s", strerror(errno));
		message_close_fd(fd);
		return 0;
	}
	s->count++;
	if (n == -1) {
		keep(s, c);
	} else if (echo_read(s, c, (size_t)n) == 0) {
		c->next = s->fresh;
		s->fresh = c;
	} else if (errno == EDESTADDRREQ) {
		/* A datagram had come to a socket that has no peer. */
		s->count--;
		release(s, c);
		return -1;
	} else {
		drop(s, c);
	}
	return 0;
}

/* Take over all descriptors of a message; those that are none are closed. */
static int
start_message(struct server *s, struct fdpass_message *m)
{
	size_t i, started = 0;

	for (i = 0; i < m->count; i++)
		if (start_echo(s, m->fds[i]) == 0)
			started++;
		else
			message_close_fd(m->fds[i]);
	if (m->count == 0)
		diag_offence("%s: refused a message without descriptors",
		    s->receiver->operand);
	else if (started < m->count)
		diag_offence("%s: refused a descriptor that is not a connected "
			     "socket",
		    s->receiver->operand);
	m->count = 0;
	return started > 0 ? 0 : -1;
}

/* It has brought its message, or never will. */
static void
end_incoming(struct server *s, struct connection *c)
{
	struct connection **p;

	for (p = &s->first; *p != c; p = &(*p)->next)
		continue;
	*p = c->next;
	free(c->incoming);
	release(s, c);
	s->incoming--;
}

/* What came of it, once incoming_step() has returned r: 1 or -1 and errno. */
static void
settle(struct server *s, struct incoming *in, int r)
{
	char answer;

	if (r == 1 && trace_on) {
		incoming_ask_sender(in);
		show_trace("W1", in->sock, &in->message);
	}
	if (r == 1)
		incoming_answer(in,
		    start_message(s, &in->message) == 0 ? FDPASS_TAKEN :
							  FDPASS_REFUSED);
	else {
		answer = incoming_refusal(errno);
		if (errno != EMFILE)
			receiver_offence(s->receiver, errno);
		incoming_answer(in, answer);
	}
	admit(s);
}

static void
step_incoming(struct server *s, struct connection *c)
{
	int r = incoming_step(c->incoming), saved = errno;

	if (r == 0)
		return;
	loop_remove(&s->loop, c->fd);
	errno = saved;
	settle(s, c->incoming, r);
	end_incoming(s, c);
}

static void
start_incoming(struct server *s, int fd)
{
	static char payload[FDPASS_MAX_PAYLOAD + 1]; /* nobody reads it */
	struct incoming now, *in;
	struct connection *c;
	int r;

	fdpass_buffer(&now.message, payload, sizeof payload);
	incoming_begin(&now, fd);
	/* Mostly the message is there already. */
	r = incoming_step(&now);
	if (r != 0) {
		settle(s, &now, r);
		return;
	}
	in = malloc(sizeof *in);
	if (in == NULL) {
		fdpass_close(&now.message);
		incoming_answer(&now, FDPASS_RETRY);
		return;
	}
	*in = now;
	c = new_connection(s, fd);
	if (c == NULL || wait_for(s, c) == -1) {
		if (c != NULL)
			release(s, c);
		fdpass_close(&in->message);
		incoming_answer(in, FDPASS_RETRY);
		free(in);
		return;
	}
	c->incoming = in;
	c->next = s->first;
	s->first = c;
	s->incoming++;
}

/* One more from the receiver: 1, 0 if there is none now, -1 if it failed. */
static int
take_one(struct server *s)
{
	struct receiver *r = s->receiver;
	struct fdpass_message m;
	static char payload[FDPASS_MAX_PAYLOAD + 1];
	int result;

	if (r->kind == RECEIVER_LISTENING) {
		result = receiver_accept(r, r->fd);
		if (result == -1)
			return -1;
		start_incoming(s, result);
		return 1;
	}
	fdpass_buffer(&m, payload, sizeof payload);
	if (!receiver_has_room(r, s->count == 0)) {
		errno = EMFILE;
		return -1;
	}
	trace_before("W1", "recvmsg(%d)", r->fd);
	result = receiver_try(r, &m);
	if (result == 1) {
		if (trace_on)
			show_trace("W1", r->fd, &m);
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
	return s->count + s->incoming < s->max &&
	    s->count + s->incoming * 2 < s->room && s->incoming < INCOMING_MOST;
}

/* There is no room for another one now. */
static void
say_short(struct server *s)
{
	diag_offence("%s: %s; waiting for some to end", s->receiver->operand,
	    strerror(errno));
	s->again = signals_deadline(RETRY_RESOURCES);
}

/*
 * Take one, and let others have their turn, here and in the processes that
 * share the stream: who is not busy takes the next. -1 when it cannot go on.
 */
static int
take(struct server *s, struct failure *f)
{
	if (!has_room(s) || take_one(s) != -1)
		return 0;
	if (sys_would_block(errno) || errno == EINTR || errno == ECONNABORTED)
		return 0;
	if (errno == EMSGSIZE) {
		receiver_offence(s->receiver, errno);
		return 0;
	}
	if (errno == ECONNRESET) {
		s->has_ended = 1;
		return 0;
	}
	if (!sys_is_short(errno))
		return failure_errno(f, "receive");
	say_short(s);
	return 0;
}

/* Have the receiver in the loop if we can take what it brings. */
static int
listen_or_not(struct server *s)
{
	int want = !s->has_ended && has_room(s);

	if (s->again != -1) {
		if (signals_now() < s->again)
			want = 0;
		else
			s->again = -1;
	}
	if (want == s->is_listening)
		return 0;
	if (!want) {
		loop_remove(&s->loop, s->receiver->fd);
		s->is_listening = 0;
		return 0;
	}
	s->is_listening = loop_add(&s->loop, s->receiver->fd,
			      LOOP_READ | LOOP_SHARED, s) == 0;
	if (s->is_listening)
		return 0;
	if (!sys_is_short(errno) && errno != ENOSPC)
		return -1;
	say_short(s);
	return 0;
}

/* Those that took too long, or all of them when we end. */
static void
expire(struct server *s, int all)
{
	struct connection *c, *next;

	for (c = s->first; c != NULL; c = next) {
		next = c->next;
		if (all) {
			loop_remove(&s->loop, c->fd);
			fdpass_close(&c->incoming->message);
			incoming_answer(c->incoming, FDPASS_RETRY);
			end_incoming(s, c);
		} else if (signals_now() >= c->incoming->deadline) {
			step_incoming(s, c);
		}
	}
}

static int64_t
next_deadline(const struct server *s)
{
	int64_t deadline = s->again;
	struct connection *c;

	if (!s->has_ended)
		deadline =
		    signals_earlier(deadline, receiver_wake(s->receiver));
	for (c = s->first; c != NULL; c = c->next)
		deadline = signals_earlier(deadline, c->incoming->deadline);
	return deadline;
}

static int
turn(struct server *s, struct failure *f)
{
	struct loop_event events[LOOP_EVENTS];
	struct connection *c;
	int i, n, taken = 0;

	n = loop_wait(&s->loop, events, next_deadline(s));
	if (n == -1 && errno != EINTR)
		return failure_errno(f, "wait");
	for (i = 0; i < n; i++) {
		c = events[i].data;
		if (events[i].data == s)
			taken = 1;
		else if (c->incoming != NULL)
			step_incoming(s, c);
		else if (echo_turn(s, c, events[i].ready) == -1)
			drop(s, c);
	}
	if (s->first != NULL)
		expire(s, 0);
	/* Those that are here come first. */
	return taken ? take(s, f) : 0;
}

/*
 * Receive connections, at most max at once, and echo on each of them, until
 * the end of the stream or a signal. Then finish those in hand, unless a second
 * signal comes. Returns 0, or -1 and what failed.
 */
int
echo_serve(struct receiver *r, long max, struct failure *f)
{
	static struct server s;

	s.receiver = r;
	s.max = max;
	s.again = -1;
	if (r->fd == -1)
		return 0;
	if (loop_init(&s.loop) == -1)
		return failure_errno(f, "epoll_create");
	if (r->is_own && sys_nonblock(r->fd, 1) == -1)
		r->is_own = 0; /* it may block, as one that others share */
	s.room = (long)r->limit - r->highest - KEPT;
	if (s.room < 1)
		s.room = 1;
	for (;;) {
		if (signals_ending() != 0)
			s.has_ended |= receiver_is_over(r);
		if (listen_or_not(&s) == -1)
			return failure_errno(f, "wait");
		if (signals_ending() != 0) {
			receiver_stop(r);
			expire(&s, 1);
		}
		if (s.count == 0 && s.incoming == 0 && s.has_ended)
			return 0;
		if (signals_count() > 1)
			return 0;
		if (turn(&s, f) == -1)
			return -1;
	}
}
