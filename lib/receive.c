/* SPDX-License-Identifier: ISC */
#include "receive.h"

#include "address.h"
#include "calls.h"
#include "descriptors.h"
#include "fdpass/invite.h"
#include "fdpass/message.h"
#include "fdpass/receiver.h"
#include "say.h"
#include "wait.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STUCK 1000  /* ms for others to take what does not fit */
#define OWN_LATER 8 /* descriptors that we may open after a look */
#define DRAIN 2000  /* ms to take what is queued when told to end */
#define QUIET 250   /* ms without a message after which no more come */

/* Keep this socket and its duplicates from COMMAND. */
static int
inherit(int fd, int flags)
{
	if (!descriptors_is_open(fd)) {
		errno = EBADF;
		return failed_because(EBADF, "not open");
	}
	if (fd <= 2) {
		fd = descriptors_take_standard(
		    fd, fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
		if (fd == -1)
			return failed("dup");
	} else if (sys_cloexec(fd) == -1) {
		return failed("fcntl");
	}
	/*
	 * Exec must not close the last duplicate: that could wait for a socket
	 * in its queue that lingers.
	 */
	if (flags & RECEIVER_BECOMES)
		descriptors_close_duplicates(fd);
	return fd;
}

/* Ask who is at the other end, for senders that attach no credentials. */
static void
ask_peer(struct receiver *r)
{
	r->peer.pid = r->peer.uid = r->peer.gid = -1;
	if (r->kind == RECEIVER_STREAM && name_was_accepted_on(r->fd))
		sys_peer_of(r->fd, &r->peer);
}

/*
 * A stream that was accepted on an abstract name: anybody may connect there, so
 * check that the other end may send to us. (If the other end has a path, then
 * our end, which connected, may have an abstract name from the kernel.)
 */
static int
check_abstract(const struct receiver *r)
{
	struct sockaddr_un sun;
	socklen_t length = sizeof sun;

	if (!name_is_abstract(r->fd) || name_allows(r->fd))
		return 0;
	memset(&sun, 0, sizeof sun);
	if (getpeername(r->fd, (struct sockaddr *)&sun, &length) == 0 &&
	    sun.sun_path[0] != '\0')
		return 0;
	return failed_because(EPERM,
	    "its other end is another user's, and an abstract name keeps "
	    "nobody away");
}

/* Wait until the next step of an invitation may get further. */
static int
wait_for_invitation(int fd, int error, int64_t deadline)
{
	if (error != EAGAIN)
		return wait_out(EAGAIN, deadline);
	/* A signal may have come during the last step. */
	if (wait_ending() == 0 && wait_readable(fd, deadline) == 0 &&
	    wait_ending() == 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	errno = EINTR;
	return wait_ending() == 0 ? 0 : -1;
}

/* Read an invitation from a pipe, and connect to the socket that it names. */
static int
connect_invited(int pipe_fd, int64_t deadline)
{
	struct fdpass_invitation i;
	int s;

	i.length = 0;
	tell_before("I", "read", pipe_fd);
	while ((s = invitation_follow(pipe_fd, &i, &failure)) == -1) {
		if (failure.error != EAGAIN && failure.error != EBUSY)
			return -1;
		if (wait_for_invitation(pipe_fd, failure.error, deadline) == 0)
			continue;
		return errno == ETIMEDOUT ? failed_late("no invitation") :
					    failed(failure.operation);
	}
	tell_connected("I", s, invitation_path(&i));
	return s;
}

/*
 * Turn a pipe into a stream that nobody else reads. If the process that should
 * have written the invitation has failed, that is the end of the stream.
 */
static int
follow_invitation(struct receiver *r, int64_t deadline)
{
	int pipe_fd = r->fd;

	r->fd = connect_invited(pipe_fd, deadline);
	close(pipe_fd);
	r->is_private = 1;
	if (r->fd == -1)
		return failure.error == ENOTCONN ? 0 : -1;
	r->type = descriptor_type(r->fd);
	return 0;
}

/* Receive from a socket or a pipe that was open already. */
static int
open_inherited(struct receiver *r, int fd, int64_t deadline)
{
	int result;

	if (!descriptors_is_open(fd))
		return failed_because(EBADF, "descriptor %d is not open", fd);
	r->type = descriptor_unix_type(fd);
	if (r->type == -1 && !descriptor_is_pipe(fd))
		return failed_usage(
		    "not a UNIX socket or a pipe, so no descriptors come from "
		    "it");
	r->fd = inherit(fd, r->flags);
	if (r->fd == -1)
		return -1;
	r->kind = RECEIVER_STREAM;
	if (r->type == -1) {
		result = follow_invitation(r, deadline);
		if (r->fd == -1)
			return result;
	} else if (descriptor_is_listening(r->fd) == 1) {
		r->kind = RECEIVER_LISTENING;
	}
	ask_peer(r);
	if (r->kind == RECEIVER_STREAM)
		return check_abstract(r);
	r->is_abstract = name_is_abstract(r->fd);
	return 0;
}

static void
begin(struct receiver *r, const char *operand, int flags)
{
	memset(r, 0, sizeof *r);
	r->fd = -1;
	r->operand = operand;
	r->flags = flags;
	r->opener = getpid();
}

static int
open_named(struct receiver *r, const char *operand, mode_t mode)
{
	static const char *const steps[3] = {"W1", "W1", "W1"};

	if (name_check_socket(operand, &failure) == -1)
		return -1;
	r->kind = RECEIVER_LISTENING;
	r->type = SOCK_STREAM;
	r->is_own = 1;
	r->is_abstract = operand[0] == '@';
	r->fd = call_named_listen(steps, operand, SOCK_STREAM, mode, &r->name);
	return r->fd == -1 ? -1 : 0;
}

/* Find out what the descriptor table has room for, to begin. */
static void
measure(struct receiver *r)
{
	r->limit = descriptors_limit();
	r->highest = descriptors_highest();
}

/*
 * How many unfinished connections to keep: fewer if the descriptor table is
 * small.
 */
size_t
receiver_most_arrivals(const struct receiver *r)
{
	int room = (r->limit - r->highest) / 4;

	return room < 1          ? 1 :
	    room > ARRIVALS_MOST ? ARRIVALS_MOST :
				   (size_t)room;
}

/* Open SOCKET: a name, or a descriptor that was given. */
static int
open_socket(
    struct receiver *r, const char *operand, mode_t mode, int64_t deadline)
{
	int fd = STDIN_FILENO, given;

	given =
	    strcmp(operand, "-") == 0 ? 1 : address_fd_operand(operand, &fd);
	if (given == -1)
		return failed_usage("no descriptor number after fd:");
	return given ? open_inherited(r, fd, deadline) :
		       open_named(r, operand, mode);
}

/*
 * Open SOCKET for receiving; an invitation has to come before the deadline. r
 * keeps a pointer to operand. Returns 0; or -1 and the failure, which is wrong
 * usage if no descriptors could come from SOCKET.
 */
int
receiver_open(struct receiver *r, const char *operand, mode_t mode, int flags,
    int64_t deadline)
{
	begin(r, operand, flags);
	if (open_socket(r, operand, mode, deadline) == -1)
		return failed_on(operand);
	if (r->fd == -1)
		return 0;
	if (flags & RECEIVER_CREDS && (r->is_own || r->kind == RECEIVER_STREAM))
		r->has_asked = sys_want_creds(r->fd, 1) == 1 && !r->is_own;
	/* COMMAND is to have the caller's limit. */
	if (!(flags & RECEIVER_BECOMES))
		descriptors_raise_limit();
	measure(r);
	return 0;
}

/*
 * Receive from fd, a connection to a name: a stream whose sender only its
 * messages tell.
 */
void
receiver_adopt(
    struct receiver *r, const char *operand, int fd, int type, int flags)
{
	begin(r, operand, flags);
	r->kind = RECEIVER_STREAM;
	r->peer.pid = r->peer.uid = r->peer.gid = -1;
	r->fd = fd;
	r->type = type;
	measure(r);
}

/*
 * After receiver_stop(), is the stream to be read until its end? Its sender
 * sees that we want no more, sends what it holds, and closes.
 */
int
receiver_has_told_sender(const struct receiver *r)
{
	return r->is_private && (r->flags & RECEIVER_DRAIN) != 0;
}

/* When to stop taking messages that are on their way. */
int64_t
receiver_last_moment(const struct receiver *r)
{
	/* The sender of a shared stream is not told to stop; it may go on. */
	return receiver_has_told_sender(r) ? r->until :
					     wait_earlier(r->until, r->quiet);
}

/*
 * For an event loop that is to end: may it stop taking messages? Not before the
 * end of a stream that only we read. From a shared stream, take what is queued
 * and what comes shortly after, for its sender may be ending too.
 */
int
receiver_is_over(struct receiver *r)
{
	if (r->kind == RECEIVER_LISTENING)
		return 1;
	return !receiver_has_told_sender(r) && r->until != 0 &&
	    wait_is_over(receiver_last_moment(r));
}

/* When to ask receiver_is_over() again; -1: never. */
int64_t
receiver_wake(struct receiver *r)
{
	return r->until == 0 || receiver_has_told_sender(r) ?
	    -1 :
	    receiver_last_moment(r);
}

/* Close a socket, and with it what waits in its queue. */
static void
close_fd(int *fd)
{
	if (*fd != -1)
		wait_close(*fd);
	*fd = -1;
}

/*
 * Let nothing more come. Remove the name and close the listening socket, so
 * that nobody waits in its queue. Tell the sender of a stream that only we
 * read, by shutting down our writing side, which is not used otherwise.
 */
void
receiver_stop(struct receiver *r)
{
	if (r->until == 0) {
		r->until = wait_deadline(DRAIN);
		r->quiet = wait_deadline(QUIET);
	}
	name_remove(&r->name);
	if (r->kind == RECEIVER_LISTENING)
		close_fd(&r->fd);
	else if (receiver_has_told_sender(r) && r->opener == getpid())
		shutdown(r->fd, SHUT_WR);
}

/*
 * Remove the name, if this process made it, and close the socket. A stream that
 * was given to us stops adding credentials, as before: the next process that
 * reads from it may have no room for them.
 */
void
receiver_close(struct receiver *r)
{
	name_remove(&r->name);
	if (r->has_asked && r->fd != -1 && r->opener == getpid())
		sys_want_creds(r->fd, 0);
	r->has_asked = 0;
	close_fd(&r->fd);
}

/* Say whose connection is refused before it has sent anything. */
static void
say_stranger(const struct receiver *r, int s)
{
	struct fdpass_message none;
	struct sys_peer peer;
	char sender[SAY_SENDER];

	sys_peer_of(s, &peer);
	fdpass_buffer(&none, NULL, 0);
	none.pid = peer.pid;
	none.uid = peer.uid;
	none.gid = peer.gid;
	say_sender(sender, sizeof sender, &none);
	say_offence(
	    "%s: refused a sender of another user, %s", r->operand, sender);
}

/* A connection was accepted: returns it, or -1 if it may not send. */
static int
admit(struct receiver *r, int s)
{
	if (s > r->highest)
		r->highest = s;
	if (!r->is_abstract || name_allows(s))
		return s;
	say_stranger(r, s);
	fdpass_answer(s, FDPASS_REFUSED);
	wait_close(s);
	errno = ECONNABORTED;
	return -1;
}

/*
 * Accept a connection, after poll() has seen one. -1 with EAGAIN or EINTR if
 * another process was faster, with ECONNABORTED if the connection may not send.
 */
int
receiver_accept(struct receiver *r)
{
	struct wait_guard guard;
	int s;

	wait_guard_begin(&guard);
	s = call_accept("W1", r->fd, NULL, NULL);
	wait_guard_end(&guard);
	return s == -1 ? -1 : admit(r, s);
}

/*
 * accept() that blocks until a signal or the deadline, for the socket may be
 * shared.
 */
int
receiver_accept_before(struct receiver *r, int64_t deadline)
{
	int s;

	wait_block_begin(deadline);
	s = call_accept("W1", r->fd, NULL, NULL);
	wait_block_end();
	return s == -1 ? -1 : admit(r, s);
}

/*
 * The answer to a connection that has brought no message we can take. If the
 * descriptors do not fit although we are idle, and hold no others, and the
 * table is not full, they never will: refuse for good.
 */
char
receiver_refusal(int error, int is_idle)
{
	if (error == EMFILE && is_idle && descriptors_have_room())
		return FDPASS_REFUSED;
	return arrival_refusal(error);
}

/*
 * Report why a message was not taken; with error 0 there is nothing to report.
 */
void
receiver_offence(
    const struct receiver *r, int error, const struct fdpass_message *m)
{
	char sender[SAY_SENDER];

	if (error == 0)
		return;
	say_sender(sender, sizeof sender, m);
	if (error == EMFILE)
		say_offence(
		    "%s: refused a message: the descriptor table has no "
		    "room for its descriptors, %s",
		    r->operand, sender);
	else if (error == EMSGSIZE)
		say_offence("%s: refused a message: more than %d bytes or %d "
			    "descriptors, %s",
		    r->operand, FDPASS_MAX_PAYLOAD, FDPASS_MAX_FDS, sender);
	else if (error == ETIMEDOUT)
		say_offence(
		    "%s: closed a connection that brought no message in "
		    "%d s, %s",
		    r->operand, ARRIVAL_WAIT / 1000, sender);
	else
		say_offence("%s: recvmsg: %s", r->operand, strerror(error));
}

/*
 * Is it possible that the descriptors of the largest message do not fit? The
 * kernel hands out the lowest free numbers, so all above the highest that was
 * ever in use are free.
 */
int
receiver_is_tight(const struct receiver *r)
{
	return r->limit - 1 - r->highest < FDPASS_MAX_FDS + OWN_LATER;
}

/*
 * A message does not fit. Wait for others to take it, or for us to close
 * something. But if we are idle there is nothing to close, so after a while the
 * message has to be dropped: returns 1 then.
 */
static int
is_stuck(struct receiver *r, int is_idle)
{
	if (!is_idle)
		r->stuck = 0;
	else if (r->stuck == 0)
		r->stuck = wait_deadline(STUCK);
	if (r->stuck == 0 || wait_now() < r->stuck)
		return 0;
	r->stuck = 0;
	return 1;
}

/*
 * Does the next message of the stream fit into the descriptor table? If not,
 * leave it to the other readers of the stream, unless we are idle and it is
 * clear that nobody takes it.
 */
int
receiver_has_room(struct receiver *r, int is_idle)
{
	struct fdpass_message probe;
	char byte;
	int result;

	if (!receiver_is_tight(r))
		return 1;
	fdpass_buffer(&probe, &byte, sizeof byte);
	result = fdpass_recv(r->fd, &probe, FDPASS_PEEK | FDPASS_NOWAIT);
	if (result == -1)
		return errno != EMFILE || is_stuck(r, is_idle);
	fdpass_close(&probe);
	r->stuck = 0;
	return 1;
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
 * Take one message from a stream, with FDPASS_NOWAIT in flags or without:
 * returns 1, 0 at the end, or -1 with errno. On SOCK_STREAM, the descriptors
 * end a message; if we have to stop waiting before they come, the bytes so far
 * are kept for the next call.
 */
int
receiver_take(struct receiver *r, struct fdpass_message *m, int flags)
{
	int result, error;

	m->count = 0;
	m->pid = r->peer.pid;
	m->uid = r->peer.uid;
	m->gid = r->peer.gid;
	result = incoming_step(&r->incoming, r->fd, r->type, m, flags);
	error = errno;
	if (result == 1)
		note_highest(r, m);
	if (r->until == 0 || (result == -1 && sys_would_block(error)))
		return result;
	if (result == 1)
		r->quiet = wait_deadline(QUIET);
	/* Its sender was told to stop, but goes on. */
	if (receiver_has_told_sender(r) && wait_is_over(r->until))
		shutdown(r->fd, SHUT_RD);
	errno = error;
	return result;
}
