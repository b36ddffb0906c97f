/* SPDX-License-Identifier: ISC */
#include "calls.h"

#include "address.h"
#include "info.h"
#include "say.h"
#include "trace.h"
#include "wait.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define TRACED 256 /* bytes of a payload in one line */

static const char *
plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static int
made_socket(const char *step, int s)
{
	if (s != -1)
		trace(step, "socket() = %d", s);
	return s;
}

int
call_socket(const char *step, int domain, int type)
{
	trace_before(step, "socket()");
	return made_socket(step, sys_socket(domain, type));
}

int
call_socket_nonblock(const char *step, int domain, int type)
{
	trace_before(step, "socket()");
	return made_socket(step, sys_socket_nonblock(domain, type));
}

int
call_bind(const char *step, int s, const struct sockaddr *sa, socklen_t length)
{
	char text[ADDRESS_TEXT];
	int r;

	if (!trace_on)
		return bind(s, sa, length);
	address_format(text, sizeof text, sa, length);
	trace_before(step, "bind(%d, %s)", s, text);
	r = bind(s, sa, length);
	if (r == 0)
		trace(step, "bind(%d, %s)", s, text);
	return r;
}

int
call_listen(const char *step, int s)
{
	int r;

	trace_before(step, "listen(%d)", s);
	r = listen(s, SYS_BACKLOG);
	if (r == 0)
		trace(step, "listen(%d)", s);
	return r;
}

/*
 * socket(), bind() and listen() of a UNIX socket: one function, for a stale
 * name is replaced between them. -1 and the failure.
 */
int
call_named_listen(const char *const steps[3], const char *path, int type,
    mode_t mode, struct named *name)
{
	int s;

	trace_before(steps[0], "socket() bind(%s)%s", path,
	    type == SOCK_DGRAM ? "" : " listen()");
	s = named_listen(path, type, mode, name, &failure);
	if (s == -1)
		return -1;
	trace(steps[0], "socket() = %d", s);
	trace(steps[1], "bind(%d, %s)", s, path);
	if (type != SOCK_DGRAM)
		trace(steps[2], "listen(%d)", s);
	return s;
}

/*
 * accept(). The caller calls tell_before() before it waits for the connection.
 */
int
call_accept(
    const char *step, int listener, struct sockaddr *peer, socklen_t *length)
{
	char text[ADDRESS_TEXT];
	int s = sys_accept(listener, peer, length);

	if (s == -1 || !trace_on)
		return s;
	if (peer == NULL) {
		trace(step, "accept(%d) = %d", listener, s);
		return s;
	}
	address_format(text, sizeof text, peer, *length);
	trace(step, "accept(%d) = %d from %s", listener, s, text);
	return s;
}

/*
 * A pair of sockets that keep messages apart, if the system has such sockets.
 */
int
call_socketpair(const char *step, int pair[2])
{
	trace_before(step, "socketpair()");
	if (sys_socketpair(SOCK_SEQPACKET, pair) == -1 &&
	    sys_socketpair(SOCK_STREAM, pair) == -1)
		return -1;
	trace(step, "socketpair() = %d, %d", pair[0], pair[1]);
	return 0;
}

int
call_dup2(const char *step, int from, int to)
{
	int r = dup2(from, to);

	if (r != -1)
		trace(step, "dup2(%d, %d)", from, to);
	return r;
}

/* Tell the peer that we send no more. */
void
call_shutdown(const char *step, int s)
{
	trace_call(step, "shutdown(%d, SHUT_WR)", s);
	shutdown(s, SHUT_WR);
}

/* close() that does not wait for a socket that lingers. Keeps errno. */
void
call_close(const char *step, int fd)
{
	tell_close(step, fd);
	wait_close(fd);
}

/* Trace a close() that is made elsewhere. */
void
tell_close(const char *step, int fd)
{
	trace_call(step, "close(%d)", fd);
}

static ssize_t
got(const char *step, const char *name, int fd, ssize_t n)
{
	if (n != -1 && trace_on)
		trace(step, "%s(%d) = %zd byte%s", name, fd, n,
		    plural((size_t)n));
	return n;
}

/* read(); name is what the trace calls it. */
ssize_t
call_read(const char *step, const char *name, int fd, char *bytes, size_t n)
{
	trace_before(step, "%s(%d)", name, fd);
	return got(step, name, fd, read(fd, bytes, n));
}

/* recv() without waiting. */
ssize_t
call_recv(const char *step, int s, char *bytes, size_t n)
{
	trace_before(step, "recv(%d)", s);
	return got(step, "recv", s, recv(s, bytes, n, MSG_DONTWAIT));
}

static void
tell_write(const char *step, const char *name, int fd, size_t n)
{
	if (trace_on)
		trace_call(step, "%s(%d, %zu byte%s)", name, fd, n, plural(n));
}

/* write(), or send() if flags >= 0; name is what the trace calls it. */
ssize_t
call_write(const char *step, const char *name, int fd, const char *bytes,
    size_t n, int flags)
{
	tell_write(step, name, fd, n);
	return flags >= 0 ? send(fd, bytes, n, flags) : write(fd, bytes, n);
}

/*
 * send(), without waiting, until the socket takes no more. Returns how much was
 * sent, or -1 for any failure but lack of room.
 */
ssize_t
call_send(const char *step, int s, const char *bytes, size_t n)
{
	size_t sent = 0;
	ssize_t w;

	tell_write(step, "send", s, n);
	while (sent < n) {
		w = send(
		    s, bytes + sent, n - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (w >= 0)
			sent += (size_t)w;
		else if (sys_would_block(errno) || errno == ENOBUFS ||
		    errno == ENOMEM)
			break;
		else if (errno != EINTR)
			return -1;
	}
	return (ssize_t)sent;
}

/* write() of a whole line, for which there is room. */
ssize_t
call_write_line(const char *step, int fd, const char *line, size_t length)
{
	trace_call(step, "write(%d, \"%.*s\")", fd, (int)(length - 1), line);
	return write(fd, line, length);
}

pid_t
call_fork(const char *step)
{
	pid_t pid;

	trace_before(step, "fork()");
	pid = fork();
	if (pid > 0)
		trace(step, "fork() = %ld", (long)pid);
	return pid;
}

/*
 * exec(), with the signals as COMMAND expects them; a file that is not a
 * program runs as a script. Call tell_exec() first, while the descriptors are
 * still where the trace needs them. Safe after vfork(). Returns only on
 * failure, with errno.
 */
void
call_exec(const char *step, const char *path, char *const *argv,
    char *const *script, char *const *environment)
{
	trace(step, "exec(%s)", path);
	wait_restore();
	execve(path, argv, environment);
	if (errno == ENOEXEC)
		execve("/bin/sh", script, environment);
}

/* What an answer, or what came in its place, is in a trace. */
static const char *
answer_word(const char *answer, size_t length)
{
	if (length == 1 && *answer == FDPASS_TAKEN)
		return "taken";
	if (length == 1 && *answer == FDPASS_RETRY)
		return "not now";
	if (length == 1 &&
	    ((unsigned char)*answer < ' ' || *answer == FDPASS_REFUSED))
		return "refused";
	return "a greeting";
}

static void
tell_answer(int s, char answer)
{
	trace_call("W1", "send(%d) = %s", s, answer_word(&answer, 1));
}

/*
 * Answer the sender, and close the connection. -1 if the sender has given up.
 */
int
call_answer(int s, char answer)
{
	int r;

	tell_answer(s, answer);
	r = fdpass_answer(s, answer);
	if (r == -1)
		trace("W1", "the sender has given up");
	call_close("W1", s);
	return r;
}

/* The same for a connection that has not brought its message. */
void
call_refuse(struct arrival *a, char answer)
{
	tell_answer(a->sock, answer);
	tell_close("W1", a->sock);
	arrival_drop(a, answer);
}

/* Before a call that may wait on this descriptor. */
void
tell_before(const char *step, const char *call, int fd)
{
	trace_before(step, "%s(%d)", call, fd);
}

void
tell_connecting(const char *step, int s, const char *name)
{
	trace_before(step, "connect(%d, %s)", s, name);
}

/* Before connect() is made, for it wakes another process. */
void
tell_connect(const char *step, int s, const char *name)
{
	trace_call(step, "connect(%d, %s)", s, name);
}

void
tell_connected(const char *step, int s, const char *name)
{
	trace(step, "connect(%d, %s)", s, name);
}

void
tell_not_connected(const char *step, int s, int error)
{
	trace(step, "connect(%d) = %s", s, strerror(error));
}

/*
 * Before descriptors move: one may replace standard error or the FIFO of the
 * trace.
 */
void
tell_exec(const char *step, const char *path)
{
	trace_before(step, "exec(%s)", path);
}

/* Before sendmsg(): a line such as sendmsg(4, "\\0", SCM_RIGHTS 5). */
void
tell_sendmsg(
    int s, const char *payload, size_t length, const int *fds, size_t count)
{
	char line[INFO_TEXT];
	struct text t;
	size_t i;

	if (!trace_on)
		return;
	text_init(&t, line, sizeof line);
	text_add(&t, "sendmsg(%d, \"", s);
	text_add_escaped(&t, payload, length < TRACED ? length : TRACED);
	text_add(&t, length <= TRACED ? "\"" : "\"...");
	if (count > 0)
		text_add(&t, ", SCM_RIGHTS");
	for (i = 0; i < count; i++)
		text_add(&t, " %d", fds[i]);
	text_add(&t, ")");
	trace_call("S7", "%s", line);
}

/* After recvmsg(): who sent the message, the payload, each descriptor. */
void
tell_received(const char *step, int s, const struct fdpass_message *m)
{
	char what[INFO_TEXT], line[INFO_TEXT];
	struct text t;
	size_t i;

	if (!trace_on)
		return;
	text_init(&t, line, sizeof line);
	text_add_message(&t, m, TRACED);
	trace(step, "recvmsg(%d) = %s", s, line);
	for (i = 0; i < m->count; i++) {
		info_describe(what, sizeof what, m->fds[i]);
		trace(step, "received descriptor %d: %s", m->fds[i], what);
	}
}

/* Trace what a hand-over does now. */
void
tell_handover(const struct handover *h, enum handover_event event)
{
	const char *name = h->target->name;

	if (!trace_on)
		return;
	switch (event) {
	case HANDOVER_CONNECTS:
		tell_connect("S7", h->sock, name);
		break;
	case HANDOVER_IS_REFUSED:
		tell_not_connected("S7", h->sock, h->error);
		break;
	case HANDOVER_CONNECTED:
		tell_connected("S7", h->sock, name);
		break;
	case HANDOVER_SENDS:
		tell_sendmsg(h->sock, h->payload, h->length, h->fds, h->count);
		break;
	case HANDOVER_SHUTS_DOWN:
		trace_call("S7", "shutdown(%d, SHUT_WR)", h->sock);
		break;
	case HANDOVER_AWAITS:
		tell_before("S7", "recv", h->sock);
		break;
	case HANDOVER_ANSWERED:
		trace("S7", "recv(%d) = %s", h->sock,
		    answer_word(h->answer, h->answer_length));
		break;
	case HANDOVER_ENDED:
		trace("S7", "recv(%d) = end of file", h->sock);
		break;
	case HANDOVER_UNREAD:
		trace("S7", "the receiver has closed %d unread", h->sock);
		break;
	case HANDOVER_GIVES_UP:
		trace_call("S7", "shutdown(%d, SHUT_RD)", h->sock);
		break;
	case HANDOVER_WAITS:
		break;
	}
}
