/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdecho-connections.h"

#include "calls.h"
#include "descriptors.h"
#include "say.h"
#include "wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER (256 * 1024)         /* measured: twice as fast as 64 KiB */
#define SLOW_CHUNK (16 * 1024)      /* for a connection that has been slow */
#define KEPT_MOST (4 * 1024 * 1024) /* bytes for slow readers, about */
#define BATCH 32                    /* connections to allocate at once */

/* Waiting for one connection alone: */
#define ALONE_MOST 10000 /* us; timers of less than 5 ms cost more */
#define ALONE_LONG 25    /* us; a longer wait may have held up others */
#define ALONE_TURNS 4    /* times that one connection is waited for */

/* Memory for connections. It never moves, for the loop holds pointers to it. */
struct batch {
	struct batch *next;
	struct connection connections[BATCH];
};

static char buffer[BUFFER];

/* Give the memory of a connection back. */
void
connections_release(struct connections *cs, struct connection *c)
{
	c->rest = NULL;
	c->next = cs->spare;
	cs->spare = c;
}

static void
drop(struct connections *cs, struct connection *c)
{
	if (c->is_waiting)
		loop_remove(&cs->loop, c->fd);
	call_close("W4", c->fd);
	if (c->rest != NULL)
		cs->kept -= c->length;
	free(c->rest);
	connections_release(cs, c);
	cs->count--;
}

/* Does this socket drop the rest of a message that is read in part? */
static int
keeps_messages(int fd)
{
	return descriptor_type(fd) != SOCK_STREAM;
}

/* Keep what could not be sent, and send it before anything else is read. */
static int
keep_rest(
    struct connections *cs, struct connection *c, const char *bytes, size_t n)
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
	cs->kept += n;
	return c->is_waiting ? loop_change(&cs->loop, c->fd, LOOP_WRITE, c) : 0;
}

/* Report that a connection was lost, unless its peer just went away. */
static void
say_lost(const struct connections *cs, const char *operation)
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
	say_offence("%s: connection lost: %s: %s", cs->operand, operation,
	    strerror(errno));
}

static int
is_connection(int fd)
{
	struct peer unused;

	return descriptor_is_connection(fd, &unused);
}

/* Send as much as possible: returns how much, or -1 if the peer is gone. */
static ssize_t
send_some(const struct connections *cs, int fd, const char *bytes, size_t n)
{
	ssize_t sent = call_send("W3", fd, bytes, n);

	if (sent == -1)
		say_lost(cs, "send");
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
receive_some(const struct connections *cs, int fd, size_t size)
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
		say_lost(cs, "recv");
	return n;
}

/* How much to read: little if much is kept for slow readers. */
static size_t
chunk_of(const struct connections *cs, const struct connection *c)
{
	if (cs->kept > KEPT_MOST && c->chunk > SLOW_CHUNK &&
	    !keeps_messages(c->fd))
		return SLOW_CHUNK;
	return c->chunk;
}

/*
 * Send back the n bytes in buffer. Returns 0, or -1 if the connection is over.
 */
static int
echo_read(struct connections *cs, struct connection *c, size_t n)
{
	ssize_t sent = send_some(cs, c->fd, buffer, n);

	if (sent == -1)
		return -1;
	if ((size_t)sent < n)
		return keep_rest(cs, c, buffer + sent, n - (size_t)sent);
	if (n == c->chunk && c->chunk < BUFFER)
		c->chunk *= 4;
	return 0;
}

/*
 * One turn of a connection: returns -1 at its end of file, or if its peer is
 * gone.
 */
static int
echo_turn(struct connections *cs, struct connection *c, int ready)
{
	ssize_t n;

	/*
	 * An error ends the connection, unless it was only in the error queue.
	 */
	if ((ready & LOOP_ERROR) != 0 && sys_drain_errors(c->fd) > 0)
		return 0;

	if (c->rest != NULL) {
		n = send_some(
		    cs, c->fd, c->rest + c->sent, c->length - c->sent);
		if (n == -1)
			return -1;
		c->sent += (size_t)n;
		if (c->sent < c->length)
			return 0;
		free(c->rest);
		c->rest = NULL;
		cs->kept -= c->length;
		return loop_change(&cs->loop, c->fd, LOOP_READ, c);
	}
	n = receive_some(cs, c->fd, chunk_of(cs, c));
	if (n > 0 && echo_read(cs, c, (size_t)n) == 0)
		return 0;
	if (n == -1 && sys_would_block(errno) && (ready & LOOP_ERROR) == 0)
		return 0;
	return -1;
}

/* One turn of a connection that is ready for something. */
void
connections_turn(struct connections *cs, struct connection *c, int ready)
{
	if (echo_turn(cs, c, ready) == -1)
		drop(cs, c);
}

static int
more_memory(struct connections *cs)
{
	struct batch *b = malloc(sizeof *b);
	size_t i;

	if (b == NULL)
		return -1;
	b->next = cs->batches;
	cs->batches = b;
	for (i = 0; i < BATCH; i++)
		connections_release(cs, &b->connections[i]);
	return 0;
}

/* Memory for a connection, which is not in the loop yet; NULL if there is none.
 */
struct connection *
connections_new(struct connections *cs, int fd)
{
	struct connection *c;

	if (cs->spare == NULL && more_memory(cs) == -1)
		return NULL;
	c = cs->spare;
	cs->spare = c->next;
	memset(c, 0, sizeof *c);
	c->fd = fd;
	c->chunk = BUFFER;
	return c;
}

/* Add a connection to the loop. -1 with errno if that fails. */
int
connections_wait(struct connections *cs, struct connection *c)
{
	int want = c->rest == NULL ? LOOP_READ : LOOP_WRITE;

	c->is_waiting = loop_add(&cs->loop, c->fd, want, c) == 0;
	return c->is_waiting ? 0 : -1;
}

/* The same, trying for a while; after that, drop the connection. */
static void
keep(struct connections *cs, struct connection *c)
{
	int tries = 0;

	while (connections_wait(cs, c) == -1 && tries++ < WAIT_TRIES)
		wait_pause(WAIT_SHORT);
	if (!c->is_waiting) {
		say_offence(
		    "%s: connection lost: %s", cs->operand, strerror(errno));
		drop(cs, c);
	}
}

/*
 * May we wait for our only connection alone? A short one ends soon, and then it
 * never has to be in the loop. Meanwhile the other processes of the pool take
 * what comes.
 */
static int
may_wait_alone(const struct connections *cs)
{
	return cs->count == 1 && cs->shared != -1 && cs->abstain == 0;
}

/* Has a message come that no other process of our pool has taken? */
static int
is_awaited(const struct connections *cs)
{
	struct pollfd p;

	p.fd = cs->shared;
	p.events = POLLIN;
	return wait_poll_at_once(&p) == 1;
}

/*
 * Wait for one connection alone: can it be read? If a message waits afterwards,
 * no other process was free to take it, and this wait has held it up. Then do
 * not wait alone again for as many messages as it took microseconds, so that on
 * average it costs each of them one microsecond.
 */
static int
wait_alone(struct connections *cs, int fd)
{
	int64_t begin = wait_now(), spent;
	int r = wait_readable(fd, begin + ALONE_MOST);

	spent = wait_now() - begin;
	if (spent > ALONE_LONG && is_awaited(cs))
		cs->abstain = spent < ALONE_MOST ? spent : ALONE_MOST;
	return r == 1;
}

/* Wait for our only connection some times, and echo: -1 if it is over. */
static int
echo_alone(struct connections *cs, struct connection *c)
{
	int turns;

	for (turns = 0; turns < ALONE_TURNS; turns++) {
		if (c->rest != NULL || !may_wait_alone(cs) ||
		    !wait_alone(cs, c->fd))
			break;
		if (echo_turn(cs, c, 0) == -1)
			return -1;
	}
	return 0;
}

/*
 * Before a new connection is added to the loop, see whether it is soon over: -1
 * if it is. (Not with a trace, which would show calls that usually find
 * nothing.)
 */
static int
try_at_once(struct connections *cs, struct connection *c)
{
	if (c->rest != NULL || trace_on)
		return 0;
	/* A short connection has often ended already. */
	if (!c->is_silent && echo_turn(cs, c, 0) == -1)
		return -1;
	return echo_alone(cs, c);
}

/* Add new connections to the loop, now that their sender has its answer. */
static void
admit(struct connections *cs)
{
	struct connection *c;

	while ((c = cs->fresh) != NULL) {
		cs->fresh = c->next;
		if (try_at_once(cs, c) == 0)
			keep(cs, c);
		else
			drop(cs, c);
	}
}

/*
 * Take over one received descriptor. Its data is often there already, so read
 * before waiting; that also tells whether it is a connection. Returns -1 if it
 * is not, and then the caller closes it.
 */
static int
start_echo(struct connections *cs, int fd)
{
	struct connection *c;
	int tries = 0;
	ssize_t n;

	n = receive_some(cs, fd, BUFFER);
	if (n == -1 && is_no_connection(errno))
		return -1;
	/* An unconnected datagram socket, too, would only have no data yet. */
	if (n == -1 && sys_would_block(errno) && !is_connection(fd))
		return -1;
	if (n == 0 || (n == -1 && !sys_would_block(errno))) {
		call_close("W4", fd);
		return 0;
	}
	while ((c = connections_new(cs, fd)) == NULL && tries++ < WAIT_TRIES)
		wait_pause(WAIT_SHORT);
	if (c == NULL) {
		say_offence(
		    "%s: connection lost: %s", cs->operand, strerror(errno));
		wait_close(fd);
		return 0;
	}
	cs->count++;
	c->is_silent = n == -1;
	if (c->is_silent || echo_read(cs, c, (size_t)n) == 0) {
		c->next = cs->fresh;
		cs->fresh = c;
	} else if (errno == EDESTADDRREQ) {
		/* The socket has no peer to echo the datagram to. */
		cs->count--;
		connections_release(cs, c);
		return -1;
	} else {
		drop(cs, c);
	}
	return 0;
}

/* This connection is one too many: keep it until another has ended. */
static int
park(struct connections *cs, int fd)
{
	struct connection *c;

	if (!is_connection(fd))
		return -1;
	c = connections_new(cs, fd);
	if (c == NULL)
		return -1;
	*cs->newest = c;
	cs->newest = &c->next;
	return 0;
}

/* Start connections that were over the limit, now that others have ended. */
void
connections_start_parked(struct connections *cs)
{
	struct connection *c;
	int fd;

	while ((c = cs->parked) != NULL && cs->count < cs->max) {
		cs->parked = c->next;
		if (cs->parked == NULL)
			cs->newest = &cs->parked;
		fd = c->fd;
		connections_release(cs, c);
		if (start_echo(cs, fd) == -1)
			wait_close(fd);
		admit(cs);
	}
}

/*
 * Take over the connections of a message, and close its other descriptors.
 */
void
connections_start(struct connections *cs, struct fdpass_message *m)
{
	size_t i, started = 0;
	int r;

	if (cs->abstain > 0)
		cs->abstain--;
	for (i = 0; i < m->count; i++) {
		r = cs->count < cs->max ? start_echo(cs, m->fds[i]) :
					  park(cs, m->fds[i]);
		if (r == 0)
			started++;
		else
			wait_close(m->fds[i]);
	}
	if (m->count == 0)
		say_offence(
		    "%s: refused a message without descriptors", cs->operand);
	else if (started < m->count)
		say_offence("%s: refused a descriptor that is not a connected "
			    "socket",
		    cs->operand);
	m->count = 0;
	admit(cs);
	/* If some have ended already, no event tells that there is room. */
	connections_start_parked(cs);
}

/* Does the message bring a connection? */
int
connections_come_with(const struct fdpass_message *m)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (is_connection(m->fds[i]))
			return 1;
	return 0;
}

/* Have we as many connections as we may? */
int
connections_is_full(const struct connections *cs)
{
	return cs->count >= cs->max || cs->parked != NULL;
}

/*
 * Begin without connections; max is the most to echo on at once; shared is the
 * stream from which others may take what comes meanwhile, or -1.
 */
int
connections_init(
    struct connections *cs, const char *operand, long max, int shared)
{
	memset(cs, 0, sizeof *cs);
	cs->operand = operand;
	cs->max = max;
	cs->shared = shared;
	cs->newest = &cs->parked;
	return loop_init(&cs->loop);
}

/* Free all memory; the end of the process closes what is still open. */
void
connections_end(struct connections *cs)
{
	struct batch *b;
	size_t i;

	while ((b = cs->batches) != NULL) {
		cs->batches = b->next;
		for (i = 0; i < BATCH; i++)
			free(b->connections[i].rest);
		free(b);
	}
	loop_end(&cs->loop);
}
