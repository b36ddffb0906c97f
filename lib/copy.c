#include "sys.h"

#include "copy.h"

#include "trace.h"
#include "wait.h"

#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define BUFFER (64 * 1024)
#ifndef PIPE_BUF
#define PIPE_BUF _POSIX_PIPE_BUF
#endif

/* One direction. */
struct flow {
	int from;
	int to;
	const char *read_name;
	const char *write_name;
	size_t most; /* bytes that write() takes without blocking */
	char *bytes;
	size_t length;
	size_t sent;
	int has_ended; /* nothing more comes */
	int is_over;   /* and all that came is written */
};

static char buffers[2][BUFFER];

/*
 * poll() promises room for PIPE_BUF bytes in a pipe, no more: a longer write
 * could block, and the other direction with it.
 */
static size_t
most(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return BUFFER;
	return PIPE_BUF;
}

static void
init(struct flow *w, int from, int to, char *bytes)
{
	memset(w, 0, sizeof *w);
	w->from = from;
	w->to = to;
	w->bytes = bytes;
}

static int
again(void)
{
	return sys_would_block(errno) || errno == EINTR;
}

static int
fill(struct flow *w, struct failure *f)
{
	ssize_t n;

	trace_before("C", "%s(%d)", w->read_name, w->from);
	n = read(w->from, w->bytes, BUFFER);
	if (n == -1)
		return again() ? 0 : failure_errno(f, w->read_name);
	if (trace_on)
		trace("C", "%s(%d) = %zd byte%s", w->read_name, w->from, n,
		    n == 1 ? "" : "s");
	w->length = (size_t)n;
	w->sent = 0;
	if (n == 0)
		w->has_ended = 1;
	return 0;
}

/* To the connection with send(), which needs not block at all. */
static int
drain(struct flow *w, struct failure *f)
{
	size_t left = w->length - w->sent;
	ssize_t n;

	if (w->most > 0 && left > w->most)
		left = w->most;
	trace_call("C", "%s(%d, %zu byte%s)", w->write_name, w->to, left,
	    left == 1 ? "" : "s");
	if (w->most == 0)
		n = send(w->to, w->bytes + w->sent, left,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		n = write(w->to, w->bytes + w->sent, left);
	if (n == -1)
		return again() ? 0 : failure_errno(f, w->write_name);
	w->sent += (size_t)n;
	if (w->sent == w->length)
		w->length = 0;
	return 0;
}

/* What to wait for: data, or room for it. */
static void
prepare(const struct flow *w, struct pollfd *p)
{
	p->revents = 0;
	p->fd = -1;
	if (w->is_over)
		return;
	p->fd = w->length > 0 ? w->to : w->from;
	p->events = w->length > 0 ? POLLOUT : POLLIN;
}

static int
move(struct flow *w, const struct pollfd *p, struct failure *f)
{
	if (w->is_over || p->revents == 0)
		return 0;
	if (w->length == 0 && fill(w, f) == -1)
		return -1;
	if (w->length > 0 && drain(w, f) == -1)
		return -1;
	return 0;
}

static void
end(struct flow *w)
{
	w->has_ended = 1;
	w->length = 0;
}

/*
 * One turn to the connection. A peer that wants no more of it just ends this
 * direction. One that has reset the connection may have answered before; that
 * is worth reading, but then it is a failure.
 */
static int
move_there(struct flow *w, const struct pollfd *p, struct failure *reset,
    struct failure *f)
{
	if (move(w, p, f) == 0)
		return 0;
	if (f->operation != w->write_name ||
	    (f->error != EPIPE && f->error != ECONNRESET))
		return -1;
	if (f->error == ECONNRESET)
		*reset = *f;
	end(w);
	return 0;
}

/*
 * Copy from in to the connection, and from the connection to out, until both
 * have ended. The end of in is passed on by shutting down the writing side.
 */
int
copy_both(int connection, int in, int out, struct failure *f)
{
	struct flow there, back;
	struct failure reset;
	struct pollfd p[3];

	reset.error = 0;
	init(&there, in, connection, buffers[0]);
	there.read_name = "read";
	there.write_name = "send";
	init(&back, connection, out, buffers[1]);
	back.read_name = "recv";
	back.write_name = "write";
	back.most = most(out);
	while (!there.is_over || !back.is_over) {
		prepare(&there, &p[0]);
		prepare(&back, &p[1]);
		/* The peer may go, while there is nothing to send to it. */
		p[2].fd = back.is_over ? connection : -1;
		p[2].events = p[2].revents = 0;
		if (wait_poll(p, 3, -1) == -1) {
			if (errno == EINTR)
				continue;
			return failure_errno(f, "poll");
		}
		if (move_there(&there, &p[0], &reset, f) == -1)
			return -1;
		if ((p[2].revents & (POLLERR | POLLHUP)) != 0)
			end(&there);
		if (move(&back, &p[1], f) == -1)
			return -1;
		if (there.has_ended && there.length == 0 && !there.is_over) {
			trace_call("C", "shutdown(%d, SHUT_WR)", connection);
			shutdown(connection, SHUT_WR);
			there.is_over = 1;
		}
		if (back.has_ended && back.length == 0)
			back.is_over = 1;
	}
	trace_call("C", "close(%d)", connection);
	close(connection);
	if (reset.error == 0)
		return 0;
	*f = reset;
	return -1;
}
