/* SPDX-License-Identifier: ISC */
#include "receive.h"

#include "accept.h"
#include "address.h"
#include "descriptors.h"
#include "diag.h"
#include "message.h"
#include "signals.h"
#include "stream.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETRY_RESOURCES 100 /* ms */
#define DRAIN 2000          /* ms for what is queued when we are to end */
#define QUIET 250           /* ms without a message: there are no more */
#define STUCK 1000          /* ms for others to take what does not fit */
#define OWN_LATER 8         /* descriptors that we open after a look at all */

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
		r->has_asked = sys_want_creds(r->fd, 1) == 1 && !r->is_own;
	r->limit = descriptors_limit();
	r->highest = descriptors_highest();
	return 0;
}

/*
 * Is the stream to be read after receiver_stop(), until its end? Its sender
 * sees that we want no more, sends what it has in hand, and closes.
 */
static int
has_told_sender(const struct receiver *r)
{
	return r->is_private && (r->flags & RECEIVER_DRAIN) != 0;
}

/* Until when to take what is on its way; the first call fixes it. */
static int64_t
last_moment(struct receiver *r)
{
	if (r->until == 0) {
		r->until = signals_deadline(DRAIN);
		r->quiet = signals_deadline(QUIET);
	}
	/* The sender of a shared stream does not know; others may go on. */
	return has_told_sender(r) ? r->until :
				    signals_earlier(r->until, r->quiet);
}

/*
 * For an event loop that is to end: may it stop taking messages? Not before the
 * end of a stream that is ours alone. Of a shared one we take what is queued,
 * and what comes in a moment, for its sender may just be ending too.
 */
int
receiver_is_over(struct receiver *r)
{
	if (r->kind == RECEIVER_LISTENING)
		return 1;
	return !has_told_sender(r) && signals_now() >= last_moment(r);
}

/* When receiver_is_over() is to be asked again; -1: it need not. */
int64_t
receiver_wake(struct receiver *r)
{
	return r->until == 0 || has_told_sender(r) ? -1 : last_moment(r);
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
 * alone, by shutting down our writing side, which nobody uses.
 */
void
receiver_stop(struct receiver *r)
{
	named_remove(&r->name);
	if (r->kind == RECEIVER_LISTENING) {
		close_fd(&r->fd);
		close_fd(&r->waiting);
	} else if (has_told_sender(r) && r->opener == getpid()) {
		shutdown(r->fd, SHUT_WR);
	}
}

/*
 * Leave an inherited stream as it was: who reads from it next may have no room
 * for credentials.
 */
void
receiver_restore(struct receiver *r)
{
	if (r->has_asked && r->fd != -1 && r->opener == getpid())
		sys_want_creds(r->fd, 0);
	r->has_asked = 0;
}

/* In the process that made it, remove the name first. */
void
receiver_close(struct receiver *r)
{
	named_remove(&r->name);
	receiver_restore(r);
	close_fd(&r->fd);
	close_fd(&r->waiting);
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
	if (answer == FDPASS_TAKEN)
		close(in->sock);
	else
		message_close_unread(in->sock);
	in->sock = -1;
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
	message_close_unread(s);
	diag_offence("%s: refused a sender of another user", r->operand);
	errno = ECONNABORTED;
	return -1;
}

/* What a signal has destroyed is of no use any more. */
static void
unguard(struct receiver *r)
{
	signals_unguard();
	if (signals_ending() != 0 || signals_timed_out())
		close_fd(&r->waiting);
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
	unguard(r);
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
		s = -1;
		if (signals_ending() == 0 && !signals_timed_out())
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
		    r->operand, INCOMING_WAIT / 1000);
	else
		diag_offence("%s: recvmsg: %s", r->operand, strerror(error));
}

/* Connections until one has brought a message. */
static int
next_connection(struct receiver *r, struct incoming *in, struct failure *f)
{
	struct pollfd p;
	int s, done;
	char answer;

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
			fdpass_close(&in->message);
			incoming_answer(in, FDPASS_RETRY);
			errno = EINTR;
			return failure_errno(f, "recvmsg");
		}
		if (done == 1) {
			incoming_ask_sender(in);
			return 1;
		}
		answer = incoming_refusal(errno);
		receiver_offence(r, errno);
		incoming_answer(in, answer);
	}
}

/*
 * May the descriptors of the largest message not fit any more? The kernel
 * hands out the lowest numbers, so what was never in use is free.
 */
static int
is_tight(const struct receiver *r)
{
	return r->limit - 1 - r->highest < FDPASS_MAX_FDS + OWN_LATER;
}

/*
 * A message does not fit. That is waited out for others to take it, or to make
 * room; but where nothing is held, there never will be, and it has to go.
 */
static int
is_stuck(struct receiver *r, int is_idle)
{
	if (!is_idle)
		r->stuck = 0;
	else if (r->stuck == 0)
		r->stuck = signals_deadline(STUCK);
	if (r->stuck == 0 || signals_now() < r->stuck)
		return 0;
	r->stuck = 0;
	return 1;
}

/*
 * Does the next message of the stream fit into the descriptor table? If not,
 * it is better left to others who take from the same stream, unless we are
 * idle, and it is clear that nobody takes it.
 */
int
receiver_has_room(struct receiver *r, int is_idle)
{
	struct fdpass_message probe;
	char byte;
	int result;

	if (!is_tight(r))
		return 1;
	fdpass_buffer(&probe, &byte, sizeof byte);
	result = fdpass_recv(r->fd, &probe, FDPASS_PEEK | FDPASS_NOWAIT);
	if (result == -1)
		return errno != EMFILE || is_stuck(r, is_idle);
	fdpass_close(&probe);
	r->stuck = 0;
	return 1;
}

/* An empty message looks like the end, but then there is no hang-up. */
static int
has_ended(int fd)
{
	struct pollfd p;
	int n;

	/* Nothing tells them apart then. */
	if (POLLRDHUP == 0)
		return 1;
	p.fd = fd;
	p.events = POLLIN | POLLRDHUP;
	n = poll(&p, 1, 0);
	return n == -1 ||
	    (n == 1 && (p.revents & (POLLHUP | POLLRDHUP)) != 0 &&
		sys_queued(fd) == 0);
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
		if (incoming_append(m, &part) == -1) {
			fdpass_close(m);
			return -1;
		}
	} while (result == 0 || (m->count == 0 && r->type == SOCK_STREAM));
	note_highest(r, m);
	if (r->until != 0)
		r->quiet = signals_deadline(QUIET);
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

/*
 * recvmsg() that blocks, but for a signal. -2 for a message that is left where
 * it is, for it does not fit.
 */
static int
take_blocking(struct receiver *r, struct fdpass_message *m)
{
	int result = 1, error, peek = is_tight(r);

	/* A signal destroys the duplicate. */
	if (r->waiting == -1)
		r->waiting = sys_dup_above(r->fd, 3);
	if (r->waiting == -1) {
		signals_pause(RETRY_RESOURCES);
		errno = EINTR;
		return -1;
	}
	signals_guard(r->waiting);
	if (peek)
		result = wait_peek(r->waiting);
	if (result == 1)
		r->stuck = 0;
	else if (result == -1 && errno == EMFILE)
		result = is_stuck(r, 1) ? 1 : -2;
	if (result == 1)
		result = take(r, r->waiting, m, peek ? FDPASS_NOWAIT : 0);
	error = result == -2 ? EMFILE : errno;
	unguard(r);
	errno = error;
	return result;
}

/*
 * We are to end, but what was sent shall not be lost: take what is queued, to
 * the end of the stream where that comes. A worker that is ended alone leaves
 * the rest to the others after a while. EINTR when it is over.
 */
static int
drain(struct receiver *r, struct fdpass_message *m, struct failure *f)
{
	struct pollfd p;
	int is_owner = has_told_sender(r) && r->opener == getpid();
	int result;

	receiver_stop(r);
	last_moment(r);
	p.fd = r->fd;
	p.events = POLLIN;
	while (r->flags & RECEIVER_DRAIN && signals_count() < 2) {
		result = receiver_try(r, m);
		if (result == 1)
			return 1;
		if (result == 0 || !sys_would_block(errno))
			break;
		if (!is_owner && signals_now() >= last_moment(r))
			break;
		signals_wait(&p, 1, is_owner ? -1 : last_moment(r));
	}
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
		if (result >= 0)
			return result;
		error = errno;
		errno = EINTR;
		if (signals_timed_out())
			return failure_errno(f, "recvmsg");
		if (signals_ending() != 0)
			continue;
		if (result == -1 && (error == EMFILE || error == EMSGSIZE)) {
			receiver_offence(r, error);
			if (!(r->flags & RECEIVER_DRAIN))
				return failure_reason(
				    f, error, "the message was lost");
			continue;
		}
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
