/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdconnect-copy.h"

#include "calls.h"
#include "descriptors.h"
#include "fdconnect-part.h"
#include "fdconnect-show.h"
#include "say.h"
#include "wait.h"

#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define CHUNK (64 * 1024)
#define AT_ONCE 16 /* parts in one direction before the other's turn */
#define HOLD_OFF 64
#define RETRY_NOTHING 1 /* ms: the socket was readable, but empty */
#define RETRY_SHORT 10  /* ms: a resource has run out */
#ifndef PIPE_BUF
#define PIPE_BUF _POSIX_PIPE_BUF
#endif

/* Which side of a direction has failed; the failure was noted. */
enum { CANNOT_READ = -1, CANNOT_WRITE = -2 };

/* One direction of the conversation. */
struct flow {
	const char *sign; /* in the trace */
	const char *from_name;
	const char *to_name;
	const char *read_name;
	const char *write_name;
	int from;
	int to;
	int to_type;            /* of a socket for parts; -1: copy only bytes */
	int brings_descriptors; /* which cannot be passed on */
	int is_socket;          /* to is a socket: use send() */
	int send_flags;
	size_t most; /* bytes that write() takes without blocking */
	struct source source;
	struct part part;
	int is_readable;     /* poll() says so */
	int hold_off;        /* parts for which to ask poll() first */
	int is_full;         /* there are bytes to write */
	int has_ended;       /* nothing more comes */
	int is_over;         /* and everything that came was written */
	int64_t again;       /* not before this moment; -1: at once */
	int64_t short_since; /* when a resource ran out; -1: it has not */
	int short_was_said;
};

struct copy {
	int connection;
	int keeps_open;
	struct flow there;
	struct flow back;
	int status;
	int is_reset; /* the peer reset the connection while we sent */
};

static char buffers[2][PART_MOST];
static struct copy copy;

static int
has_parts(const struct flow *w)
{
	return w->to_type != -1;
}

/*
 * How much can be written to the output without blocking? poll() promises room
 * for PIPE_BUF bytes in a pipe, not more: a longer write could block, and with
 * it the other direction.
 */
static void
ask_output(struct flow *w)
{
	struct stat st;

	w->most = PIPE_BUF;
	if (fstat(w->to, &st) == -1)
		return;
	w->is_socket = S_ISSOCK(st.st_mode);
	if (S_ISREG(st.st_mode) || w->is_socket)
		w->most = CHUNK;
}

static void
init(struct flow *w, const char *sign, int from, int to, char *bytes)
{
	int type = part_type(from);

	w->sign = sign;
	w->from = from;
	w->to = to;
	w->part.bytes = bytes;
	w->again = w->short_since = -1;
	w->brings_descriptors = type != -1;
	w->to_type = type == -1 ? -1 : part_type(to);
	ask_output(w);
	if (has_parts(w)) {
		w->read_name = "recvmsg";
		w->write_name = "sendmsg";
		part_source(&w->source, from, type,
		    type == w->to_type || type == SOCK_SEQPACKET ? PART_MOST :
								   CHUNK);
	}
}

/* A resource has run out: wait for it, and print a line if that takes long. */
static int
wait_short(struct flow *w, const char *name, const char *operation)
{
	if (w->short_since == -1)
		w->short_since = wait_now();
	w->again = wait_deadline(RETRY_SHORT);
	if (!w->short_was_said &&
	    wait_now() - w->short_since >= WAIT_NOTICE * 1000) {
		say("%s: %s: %s; waiting", name, operation, strerror(errno));
		w->short_was_said = 1;
	}
	return 0;
}

static void
end_short(struct flow *w)
{
	w->short_since = -1;
	w->short_was_said = 0;
}

static int
cannot_read(const struct flow *w)
{
	failed(w->read_name);
	failed_on(w->from_name);
	return CANNOT_READ;
}

static int
cannot_write(const struct flow *w)
{
	failed(w->write_name);
	failed_on(w->to_name);
	return CANNOT_WRITE;
}

static int
fill_plain(struct flow *w)
{
	struct wait_guard guard;
	ssize_t n;

	/*
	 * The kernel closes descriptors that come with the bytes, which may
	 * hang.
	 */
	if (w->brings_descriptors)
		wait_guard_begin(&guard);
	n = call_read("C", w->read_name, w->from, w->part.bytes, CHUNK);
	if (w->brings_descriptors)
		wait_guard_end(&guard);
	if (n == -1 && (sys_would_block(errno) || errno == EINTR))
		return 0;
	if (n == -1)
		return cannot_read(w);
	w->part.length = (size_t)n;
	w->part.sent = 0;
	w->is_full = n > 0;
	w->has_ended = n == 0;
	return 0;
}

static int
fill(struct flow *w)
{
	enum part_result r;

	if (!has_parts(w))
		return fill_plain(w);
	tell_before("C", w->read_name, w->from);
	r = part_take(&w->part, &w->source);
	w->is_full = r == PART_TAKEN;
	w->has_ended = r == PART_END;
	if (r != PART_ERROR)
		end_short(w);
	if (r != PART_ERROR || errno == EINTR)
		return 0;
	if (sys_would_block(errno)) {
		if (w->is_readable && !part_drop_urgent(w->from))
			w->again = wait_deadline(RETRY_NOTHING);
		return 0;
	}
	if (wait_is_waited_out(errno))
		return wait_short(w, w->from_name, w->read_name);
	if (errno == EBADMSG) {
		failed_because(errno, "descriptors were lost");
		failed_on(w->from_name);
		return CANNOT_READ;
	}
	return cannot_read(w);
}

/* Write to a socket with send(), which can be told not to block. */
static int
drain_plain(struct flow *w)
{
	struct part *p = &w->part;
	size_t left = p->length - p->sent;
	ssize_t n;

	if (left > w->most)
		left = w->most;
	n = call_write("C", w->write_name, w->to, p->bytes + p->sent, left,
	    w->is_socket ? MSG_DONTWAIT | w->send_flags : -1);
	if (n == -1 && (sys_would_block(errno) || errno == EINTR))
		return 0;
	if (n == -1)
		return cannot_write(w);
	p->sent += (size_t)n;
	w->is_full = p->sent < p->length;
	return 0;
}

static int
drain(struct flow *w)
{
	struct part *p = &w->part;

	if (!has_parts(w))
		return drain_plain(w);
	tell_before("C", w->write_name, w->to);
	if (part_send(p, w->to, w->to_type) == -1) {
		if (sys_would_block(errno) || errno == EINTR)
			return 0;
		if (wait_is_waited_out(errno))
			return wait_short(w, w->to_name, w->write_name);
		return cannot_write(w);
	}
	end_short(w);
	if (p->sent < p->length)
		return 0;
	w->is_full = 0;
	show_part(w->sign, p);
	part_close(p);
	return 0;
}

/*
 * Pass on what there is. If more parts were waiting the last time, try to take
 * one without asking poll() first, but only a few times: the other direction
 * has to have its turn.
 */
static int
move(struct flow *w)
{
	int n, r = 0;

	w->is_readable = !w->is_full;
	for (n = 0; n < AT_ONCE; n++) {
		if (!w->is_full)
			r = fill(w);
		if (r != 0)
			return r;
		if (!w->is_full && n > 0)
			w->hold_off = HOLD_OFF;
		if (!w->is_full)
			return 0;
		w->is_readable = 0;
		r = drain(w);
		if (r != 0)
			return r;
		if (w->is_full || !has_parts(w))
			return 0;
		if (w->hold_off > 0) {
			w->hold_off--;
			return 0;
		}
	}
	return 0;
}

/* End this direction: nothing more is written. */
static void
end(struct flow *w)
{
	w->has_ended = 1;
	w->is_full = 0;
	w->again = -1;
	if (has_parts(w))
		part_close(&w->part);
}

/*
 * The other side reads no more: tell the sender, as if it were connected
 * directly, by shutting down our reading side. Discard what has come
 * nevertheless, for it would keep the sender waiting for room.
 */
static int
end_refused(struct flow *w)
{
	end(w);
	if (!has_parts(w))
		return 0;
	shutdown(w->from, SHUT_RD);
	while (part_take(&w->part, &w->source) == PART_TAKEN)
		part_close(&w->part);
	return 0;
}

static int
is_gone(int error)
{
	return error == EPIPE || error == ECONNRESET;
}

/*
 * Pass on standard input to the connection. A peer that reads no more only ends
 * this direction. A peer that has reset the connection may have answered
 * before: read that, but then end with a failure. If the client goes away, that
 * is not a failure.
 */
static int
move_there(struct copy *c)
{
	struct flow *w = &c->there;
	int r = move(w);

	if (r == CANNOT_WRITE && is_gone(failure.error)) {
		if (failure.error == ECONNRESET)
			c->is_reset = 1;
		return end_refused(w);
	}
	if (r == CANNOT_READ && has_parts(w) && failure.error == ECONNRESET) {
		c->status = EXIT_WRONG;
		show_end(w->sign, "reset");
		end(w);
		return 0;
	}
	return r;
}

static int
move_back(struct copy *c)
{
	struct flow *w = &c->back;
	int r = move(w);

	if (r == CANNOT_WRITE && has_parts(w) && is_gone(failure.error)) {
		if (failure.error == ECONNRESET)
			c->status = EXIT_WRONG;
		return end_refused(w);
	}
	return r;
}

static int
has_hung_up(int fd)
{
	struct pollfd p;

	p.fd = fd;
	p.events = 0;
	return wait_poll_at_once(&p) == 1 &&
	    (p.revents & (POLLERR | POLLHUP)) != 0;
}

/* Standard input has ended; the server can still answer. */
static void
finish_there(struct copy *c)
{
	c->there.is_over = 1;
	show_end(c->there.sign, "end");
	if (c->keeps_open)
		return;
	if (has_parts(&c->there))
		shutdown(c->connection, SHUT_WR);
	else
		call_shutdown("C", c->connection);
}

/*
 * The server has sent everything. Tell a client that still sends, unless the
 * server reads no more either: then closing tells it.
 */
static void
finish_back(struct copy *c)
{
	c->back.is_over = 1;
	show_end(c->back.sign, "end");
	if (c->there.is_over)
		return;
	if (has_hung_up(c->connection))
		end(&c->there);
	else if (c->back.is_socket)
		shutdown(c->back.to, SHUT_WR);
}

/*
 * Prepare the wait for data, or for room for it. Returns when to wake up, -1:
 * never.
 */
static int64_t
prepare(struct flow *w, struct pollfd *p, int64_t now)
{
	p->revents = 0;
	p->fd = -1;
	if (w->is_over)
		return -1;
	if (now < w->again)
		return w->again;
	w->again = -1;
	p->fd = w->is_full ? w->to : w->from;
	p->events = w->is_full ? POLLOUT : POLLIN;
	return -1;
}

/* Notice a side that hangs up while we have nothing to send to it. */
static void
watch(struct pollfd *p, int fd, int is_needed)
{
	p->fd = is_needed ? fd : -1;
	p->events = p->revents = 0;
}

static int
turn(struct copy *c)
{
	struct flow *there = &c->there, *back = &c->back;
	struct pollfd p[4];
	int64_t wake, now = -1;

	if (there->again != -1 || back->again != -1)
		now = wait_now();
	wake = prepare(there, &p[0], now);
	wake = wait_earlier(wake, prepare(back, &p[1], now));
	watch(&p[2], c->connection, back->is_over);
	watch(&p[3], back->to, there->is_over && has_parts(back));
	if (wait_poll(p, 4, wake) == -1) {
		if (errno == EINTR)
			return 0;
		failed("poll");
		return failed_on(there->to_name);
	}
	if (p[0].revents != 0 && move_there(c) != 0)
		return -1;
	if ((p[2].revents & (POLLERR | POLLHUP)) != 0)
		end(there);
	if (p[1].revents != 0 && move_back(c) != 0)
		return -1;
	if ((p[3].revents & (POLLERR | POLLHUP)) != 0)
		end(back);
	if (there->has_ended && !there->is_full && !there->is_over)
		finish_there(c);
	if (back->has_ended && !back->is_full && !back->is_over)
		finish_back(c);
	return 0;
}

static void
prepare_copy(struct copy *c, int connection, const char *name)
{
	c->connection = connection;
	c->there.read_name = "read";
	c->there.write_name = "send";
	c->there.from_name = "standard input";
	c->there.to_name = name;
	c->there.send_flags = MSG_NOSIGNAL;
	init(&c->there, ">", STDIN_FILENO, connection, buffers[0]);
	c->back.read_name = "recv";
	c->back.write_name = "write";
	c->back.from_name = name;
	c->back.to_name = "standard output";
	init(&c->back, "<", connection, STDOUT_FILENO, buffers[1]);
	if (has_parts(&c->there) || has_parts(&c->back))
		/* Descriptors in flight count, and so do those that we hold. */
		descriptors_raise_limit();
}

int
copy_both(int connection, const char *name, int keeps_open)
{
	struct copy *c = &copy;

	prepare_copy(c, connection, name);
	c->keeps_open = keeps_open;
	while (!c->there.is_over || !c->back.is_over)
		if (turn(c) == -1)
			return -1;
	show_close(connection);
	close(connection);
	if (!c->is_reset)
		return c->status;
	errno = ECONNRESET;
	failed(c->there.write_name);
	return failed_on(name);
}
