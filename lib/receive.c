#include "receive.h"

#include "accept.h"
#include "address.h"
#include "descriptors.h"
#include "diag.h"
#include "signals.h"
#include "stream.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_WAIT 5000   /* ms that a connection may take to bring it */
#define SILENCE 1000        /* ms after which it is taken for complete */
#define RETRY_RESOURCES 100 /* ms */

#ifndef POLLRDHUP
#define POLLRDHUP 0
#endif

/* Out of the way of COMMAND: neither it nor its duplicates shall get there. */
static int
inherit(int fd, struct failure *f)
{
	if (!descriptors_is_open(fd)) {
		errno = EBADF;
		return failure_reason(f, EBADF, "not open");
	}
	if (fd <= 2) {
		fd = descriptors_take_standard(
		    fd, fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
		if (fd == -1)
			return failure_errno(f, "dup");
	} else if (sys_cloexec(fd) == -1) {
		return failure_errno(f, "fcntl");
	}
	descriptors_hide_duplicates(fd);
	return fd;
}

/*
 * Who is at the other end, for senders that attach no credentials: only where
 * somebody has connected to a name and we hold the accepted end. Of a
 * socketpair the system names who made it.
 */
static void
ask_peer(struct receiver *r)
{
	struct sockaddr_storage ss;
	socklen_t length = sizeof ss;

	r->peer.pid = r->peer.uid = r->peer.gid = -1;
	if (r->kind == RECEIVER_STREAM &&
	    getsockname(r->fd, (struct sockaddr *)&ss, &length) == 0 &&
	    length > sizeof(sa_family_t))
		sys_peer_of(r->fd, &r->peer);
}

static int
is_listening(int fd)
{
	int on = 0;
	socklen_t length = sizeof on;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &length) == 0 &&
	    on;
}

/* A socket or a pipe that was open already. */
static int
open_inherited(struct receiver *r, int fd, int64_t deadline, struct failure *f)
{
	int pipe_fd;

	if (!descriptors_is_open(fd))
		return failure_reason(
		    f, EBADF, "descriptor %d is not open", fd);
	if (stream_type(fd) == -1 && !stream_is_pipe(fd))
		return failure_reason(f, EINVAL,
		    "not a UNIX socket or a pipe, so no descriptors come from "
		    "it");
	r->fd = inherit(fd, f);
	if (r->fd == -1)
		return -1;
	r->kind = RECEIVER_STREAM;
	if (stream_is_pipe(r->fd)) {
		pipe_fd = r->fd;
		r->fd = stream_accept_invitation(pipe_fd, deadline, f);
		close(pipe_fd);
		r->is_private = 1;
		if (r->fd == -1)
			return f->error == ENOENT && f->operation == NULL ? 0 :
									    -1;
	} else if (is_listening(r->fd)) {
		r->kind = RECEIVER_LISTENING;
	}
	r->type = stream_type(r->fd);
	ask_peer(r);
	return 0;
}

static int
open_named(
    struct receiver *r, const char *operand, mode_t mode, struct failure *f)
{
	r->kind = RECEIVER_LISTENING;
	r->type = SOCK_STREAM;
	r->is_own = 1;
	r->is_abstract = operand[0] == '@';
	trace_before("W1", "socket() bind(%s) listen()", operand);
	r->fd = named_listen(operand, SOCK_STREAM, mode, &r->name, f);
	if (r->fd == -1)
		return -1;
	trace("W1", "socket() = %d", r->fd);
	trace("W1", "bind(%d, %s)", r->fd, operand);
	trace("W1", "listen(%d)", r->fd);
	return 0;
}

/*
 * Open SOCKET for receiving; an invitation has to come before the deadline.
 * Returns 0, or -1 with EINVAL if it is no socket
 * that descriptors could come from, and what else can fail.
 */
int
receiver_open(struct receiver *r, const char *operand, mode_t mode, int flags,
    int64_t deadline, struct failure *f)
{
	int fd = STDIN_FILENO, given, result;

	memset(r, 0, sizeof *r);
	r->fd = r->waiting = -1;
	r->operand = operand;
	r->flags = flags;
	r->opener = getpid();
	given =
	    strcmp(operand, "-") == 0 ? 1 : address_fd_operand(operand, &fd);
	if (given == -1)
		return failure_reason(
		    f, EINVAL, "no descriptor number after fd:");
	if (given)
		result = open_inherited(r, fd, deadline, f);
	else
		result = open_named(r, operand, mode, f);
	if (result == -1 || r->fd == -1)
		return result;
	if (flags & RECEIVER_CREDS && (r->is_own || r->kind == RECEIVER_STREAM))
		sys_want_creds(r->fd);
	r->limit = descriptors_limit();
	r->highest = descriptors_highest();
	return 0;
}

/* Is what the stream holds still to be taken after receiver_stop()? */
int
receiver_drains(const struct receiver *r)
{
	return r->is_private && (r->flags & RECEIVER_DRAIN) != 0;
}

static void
close_fd(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

/*
 * Let nothing more come: remove the name and close the listening socket, so
 * that nobody waits in its queue; tell the sender of a stream that is ours
 * alone, who would otherwise go on until it is closed. What that holds can
 * still be taken.
 */
void
receiver_stop(struct receiver *r)
{
	named_remove(&r->name);
	if (r->kind == RECEIVER_LISTENING) {
		close_fd(&r->fd);
		close_fd(&r->waiting);
	} else if (receiver_drains(r) && r->opener == getpid()) {
		shutdown(r->fd, SHUT_RDWR);
	}
}

/* In the process that made it, remove the name first. */
void
receiver_close(struct receiver *r)
{
	named_remove(&r->name);
	close_fd(&r->fd);
	close_fd(&r->waiting);
}

/* Memory for the payload. */
int
incoming_init(struct incoming *in)
{
	memset(in, 0, sizeof *in);
	in->sock = -1;
	fdpass_buffer(&in->message, malloc(FDPASS_MAX_PAYLOAD + 1),
	    FDPASS_MAX_PAYLOAD + 1);
	return in->message.payload == NULL ? -1 : 0;
}

/* A connection was accepted: a message shall come, but not too late. */
void
incoming_begin(struct incoming *in, int sock)
{
	struct sys_peer peer;

	in->sock = sock;
	in->deadline = signals_deadline(MESSAGE_WAIT);
	in->message.length = in->message.count = 0;
	sys_peer_of(sock, &peer);
	in->message.pid = peer.pid;
	in->message.uid = peer.uid;
	in->message.gid = peer.gid;
}

/* Answer, if the sender waits for it, and close the connection. */
void
incoming_answer(struct incoming *in, char answer)
{
	if (in->sock == -1)
		return;
	trace_call("W1", "send(%d) = %s", in->sock,
	    answer == FDPASS_TAKEN ? "taken" : "refused");
	fdpass_answer(in->sock, answer);
	trace_call("W1", "close(%d)", in->sock);
	close(in->sock);
	in->sock = -1;
}

/* Add a part to the message; -1 if it is too much. */
static int
append(struct fdpass_message *m, struct fdpass_message *part)
{
	m->length += part->length;
	if (m->count + part->count > FDPASS_MAX_FDS ||
	    m->length > FDPASS_MAX_PAYLOAD) {
		fdpass_close(part);
		errno = EMSGSIZE;
		return -1;
	}
	memcpy(m->fds + m->count, part->fds, part->count * sizeof m->fds[0]);
	m->count += part->count;
	if (part->pid != -1) {
		m->pid = part->pid;
		m->uid = part->uid;
		m->gid = part->gid;
	}
	return 0;
}

/* A lone NUL with descriptors is the usual message: nothing follows it. */
static int
is_complete(const struct fdpass_message *m, int type)
{
	return type == SOCK_SEQPACKET ||
	    (m->count > 0 && m->length == 1 && m->payload[0] == '\0');
}

static int
give_up(struct incoming *in)
{
	fdpass_close(&in->message);
	return -1;
}

/*
 * Take what has come on a connection. Returns 1 when the message is complete,
 * which may have no descriptors; 0 to be called again when more has come, or
 * at the deadline; -1 when nothing comes of it, with errno: 0 if it was
 * closed without a word, ETIMEDOUT, EMFILE, EMSGSIZE or another of recvmsg().
 */
int
incoming_step(struct incoming *in)
{
	struct fdpass_message part, *m = &in->message;
	int r, type = stream_type(in->sock);
	int64_t now;

	for (;;) {
		fdpass_buffer(
		    &part, m->payload + m->length, m->size - m->length);
		r = fdpass_recv(in->sock, &part, FDPASS_NOWAIT);
		if (r == 1 && append(m, &part) == -1)
			return give_up(in);
		if (r == 1 && is_complete(m, type))
			return 1;
		if (r == 0) {
			if (m->length > 0)
				return 1;
			errno = 0;
			return give_up(in);
		}
		if (r == -1 && errno != EINTR)
			break;
	}
	if (!sys_would_block(errno))
		return give_up(in);
	now = signals_now();
	if (now >= in->deadline) {
		if (m->count > 0)
			return 1;
		errno = ETIMEDOUT;
		return give_up(in);
	}
	/* A sender that has sent it all but keeps its side open. */
	if (m->count > 0 && now + SILENCE < in->deadline)
		in->deadline = now + SILENCE;
	return 0;
}

static int
is_allowed(const struct receiver *r, int sock)
{
	struct sys_peer peer;

	if (!r->is_abstract)
		return 1;
	return sys_peer_of(sock, &peer) == 0 &&
	    (peer.uid == 0 || peer.uid == (long)geteuid());
}

/*
 * Accept on fd: the listening socket once poll() has seen a connection, or a
 * guarded duplicate. -1 with EAGAIN or EINTR when it was somebody else's, with
 * ECONNABORTED if it is not to be served.
 */
int
receiver_accept(struct receiver *r, int fd)
{
	int s;

	s = fd == r->fd && !r->is_own ? accept_shared(fd, NULL, NULL) :
					sys_accept(fd, NULL, NULL);
	if (s == -1)
		return -1;
	if (s > r->highest)
		r->highest = s;
	if (is_allowed(r, s))
		return s;
	fdpass_answer(s, FDPASS_REFUSED);
	close(s);
	diag_offence("%s: refused a sender of another user", r->operand);
	errno = ECONNABORTED;
	return -1;
}

/* accept() that blocks, but for a signal; the socket may be shared. */
static int
accept_blocking(struct receiver *r)
{
	int s, error;

	/* A signal destroys the duplicate, never the name's own socket. */
	if (r->waiting == -1)
		r->waiting = sys_dup_above(r->fd, 3);
	if (r->waiting == -1)
		return -1;
	signals_guard(r->waiting);
	s = receiver_accept(r, r->waiting);
	error = errno;
	signals_unguard();
	errno = error;
	return s;
}

/* Wait for a connection; -1 with EINTR when we are to end. */
static int
wait_connection(struct receiver *r, struct failure *f)
{
	struct pollfd p;
	int s, error;

	for (;;) {
		trace_before("W1", "accept(%d)", r->fd);
		s = accept_blocking(r);
		if (s != -1) {
			trace("W1", "accept(%d) = %d", r->fd, s);
			return s;
		}
		error = errno;
		errno = EINTR;
		if (signals_ending() != 0 || signals_timed_out())
			return failure_errno(f, "accept");
		if (sys_is_short(error)) {
			diag_offence("%s: accept: %s; trying again", r->operand,
			    strerror(error));
			signals_pause(RETRY_RESOURCES);
		} else if (sys_would_block(error)) {
			/* Whoever gave it to us wants it so. */
			p.fd = r->fd;
			p.events = POLLIN;
			signals_wait(&p, 1, -1);
		} else if (error != EINTR && error != ECONNABORTED) {
			errno = error;
			return failure_errno(f, "accept");
		}
	}
}

/* Say why something that came was not taken; 0: there is nothing to say. */
void
receiver_offence(const struct receiver *r, int error)
{
	if (error == 0)
		return;
	if (error == EMFILE)
		diag_offence(
		    "%s: refused a message: the descriptor table has no "
		    "room for its descriptors",
		    r->operand);
	else if (error == EMSGSIZE)
		diag_offence("%s: refused a message: more than %d bytes or %d "
			     "descriptors",
		    r->operand, FDPASS_MAX_PAYLOAD, FDPASS_MAX_FDS);
	else if (error == ETIMEDOUT)
		diag_offence(
		    "%s: closed a connection that brought no message in "
		    "%d s",
		    r->operand, MESSAGE_WAIT / 1000);
	else
		diag_offence("%s: recvmsg: %s", r->operand, strerror(error));
}

/* Connections until one has brought a message. */
static int
next_connection(struct receiver *r, struct incoming *in, struct failure *f)
{
	struct pollfd p;
	int s, done;

	for (;;) {
		s = wait_connection(r, f);
		if (s == -1)
			return -1;
		incoming_begin(in, s);
		trace_before("W1", "recvmsg(%d)", s);
		while ((done = incoming_step(in)) == 0) {
			p.fd = s;
			p.events = POLLIN;
			signals_wait(&p, 1, in->deadline);
			if (signals_ending() == 0 && !signals_timed_out())
				continue;
			/* Unread, so that the sender knows it was not taken. */
			fdpass_close(&in->message);
			close(s);
			in->sock = -1;
			errno = EINTR;
			return failure_errno(f, "recvmsg");
		}
		if (done == 1)
			return 1;
		receiver_offence(r, errno);
		incoming_answer(
		    in, errno == EMFILE ? FDPASS_RETRY : FDPASS_REFUSED);
	}
}

/*
 * May the descriptors of the largest message not fit any more? The kernel
 * hands out the lowest numbers, so what was never in use is free.
 */
static int
is_tight(const struct receiver *r)
{
	return r->limit - 1 - r->highest < FDPASS_MAX_FDS;
}

/*
 * Does the next message of the stream fit into the descriptor table? If not,
 * it is better left to others who take from the same stream.
 */
int
receiver_has_room(struct receiver *r)
{
	struct fdpass_message probe;
	char byte;
	int result;

	if (!is_tight(r))
		return 1;
	fdpass_buffer(&probe, &byte, sizeof byte);
	result = fdpass_recv(r->fd, &probe, FDPASS_PEEK | FDPASS_NOWAIT);
	if (result == -1)
		return errno != EMFILE;
	fdpass_close(&probe);
	return 1;
}

/* An empty message looks like the end, but then there is no hang-up. */
static int
has_ended(int fd)
{
	struct pollfd p;

	p.fd = fd;
	p.events = POLLIN | POLLRDHUP;
	return POLLRDHUP == 0 || poll(&p, 1, 0) != 1 ||
	    (p.revents & (POLLHUP | POLLRDHUP)) != 0;
}

static void
note_highest(struct receiver *r, const struct fdpass_message *m)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (m->fds[i] > r->highest)
			r->highest = m->fds[i];
}

/*
 * Take one message from a stream, with FDPASS_NOWAIT or without: 1, 0 at the
 * end, or -1 with errno. On SOCK_STREAM the descriptors end the message; what
 * has come of it when we have to stop waiting is kept for the next call.
 */
static int
take(struct receiver *r, int fd, struct fdpass_message *m, int flags)
{
	struct fdpass_message part;
	int result;

	m->length = r->partial;
	m->count = 0;
	m->pid = r->peer.pid;
	m->uid = r->peer.uid;
	m->gid = r->peer.gid;
	r->partial = 0;
	do {
		fdpass_buffer(
		    &part, m->payload + m->length, m->size - m->length);
		result = fdpass_recv(fd, &part, flags);
		if (result == 0 && r->type != SOCK_STREAM && !has_ended(fd))
			continue;
		if (result == 0)
			return m->length > 0;
		if (result == -1) {
			if (errno == EINTR || sys_would_block(errno))
				r->partial = m->length;
			return -1;
		}
		if (append(m, &part) == -1) {
			fdpass_close(m);
			return -1;
		}
	} while (result == 0 || (m->count == 0 && r->type == SOCK_STREAM));
	note_highest(r, m);
	return 1;
}

/* Take a message that may be there: for an event loop. */
int
receiver_try(struct receiver *r, struct fdpass_message *m)
{
	return take(r, r->fd, m, FDPASS_NOWAIT);
}

/* Wait until a message can be looked at, where taking it might lose it. */
static int
wait_peek(int fd)
{
	struct fdpass_message probe;
	char byte;
	int result;

	fdpass_buffer(&probe, &byte, sizeof byte);
	result = fdpass_recv(fd, &probe, FDPASS_PEEK);
	if (result == 1)
		fdpass_close(&probe);
	if (result == -1 && errno == EMSGSIZE)
		return 1;
	return result;
}

/* recvmsg() that blocks, but for a signal. */
static int
take_blocking(struct receiver *r, struct fdpass_message *m)
{
	int result = 1, error, peek = is_tight(r);

	/* A signal destroys the duplicate. */
	if (r->waiting == -1)
		r->waiting = sys_dup_above(r->fd, 3);
	if (r->waiting == -1)
		return -1;
	signals_guard(r->waiting);
	if (peek)
		result = wait_peek(r->waiting);
	if (result == 1)
		result = take(r, r->waiting, m, peek ? FDPASS_NOWAIT : 0);
	error = errno;
	signals_unguard();
	errno = error;
	return result;
}

/* We are to end: what is queued already, or EINTR. */
static int
drain(struct receiver *r, struct fdpass_message *m, struct failure *f)
{
	receiver_stop(r);
	if (receiver_drains(r) && receiver_try(r, m) == 1)
		return 1;
	errno = EINTR;
	return failure_errno(f, "recvmsg");
}

static int
next_message(struct receiver *r, struct fdpass_message *m, struct failure *f)
{
	struct pollfd p;
	int result, error;

	for (;;) {
		if (signals_ending() != 0)
			return drain(r, m, f);
		trace_before("W1", "recvmsg(%d)", r->fd);
		result = take_blocking(r, m);
		if (result != -1)
			return result;
		error = errno;
		errno = EINTR;
		if (signals_timed_out())
			return failure_errno(f, "recvmsg");
		if (signals_ending() != 0)
			continue;
		if (error == EMFILE || error == EMSGSIZE)
			receiver_offence(r, error);
		if (sys_is_short(error)) {
			signals_pause(RETRY_RESOURCES);
		} else if (error == ECONNRESET) {
			return 0;
		} else if (sys_would_block(error)) {
			/* Whoever gave it to us wants it so. */
			p.fd = r->fd;
			p.events = POLLIN;
			signals_wait(&p, 1, -1);
		} else if (error != EINTR && error != EMSGSIZE) {
			errno = error;
			return failure_errno(f, "recvmsg");
		}
	}
}

/*
 * Wait for the next message. Returns 1 and in->message, whose descriptors are
 * the caller's, to be answered with incoming_answer(); 0 at the end of the
 * stream; -1 and the failure, with EINTR when signals_ending() or
 * signals_timed_out() say why.
 */
int
receiver_next(struct receiver *r, struct incoming *in, struct failure *f)
{
	in->sock = -1;
	in->message.count = 0;
	if (r->fd == -1)
		return 0;
	if (r->kind == RECEIVER_STREAM)
		return next_message(r, &in->message, f);
	return next_connection(r, in, f);
}
