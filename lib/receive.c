/* SPDX-License-Identifier: ISC */
#include "receive.h"

#include "address.h"
#include "calls.h"
#include "descriptors.h"
#include "fdpass/invite.h"
#include "fdpass/message.h"
#include "say.h"
#include "wait.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DRAIN 2000 /* ms to take what is queued when told to end */
#define QUIET 250  /* ms without a message after which no more come */
#define AT_ONCE 5  /* ms within which a message has usually come */

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
	r->in.peer.pid = r->in.peer.uid = r->in.peer.gid = -1;
	if (r->kind == RECEIVER_STREAM && name_was_accepted_on(r->in.fd))
		sys_peer_of(r->in.fd, &r->in.peer);
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

	if (!name_is_abstract(r->in.fd) || name_allows(r->in.fd))
		return 0;
	memset(&sun, 0, sizeof sun);
	if (getpeername(r->in.fd, (struct sockaddr *)&sun, &length) == 0 &&
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
	struct pollfd p;

	if (error != EAGAIN)
		return wait_out(EAGAIN, deadline);
	p.fd = fd;
	p.events = POLLIN;
	/* A signal may have come during the last step. */
	if (wait_ending() == 0 && wait_poll(&p, 1, deadline) == 0 &&
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
	int pipe_fd = r->in.fd;

	r->in.fd = connect_invited(pipe_fd, deadline);
	close(pipe_fd);
	r->is_private = 1;
	if (r->in.fd == -1)
		return failure.error == ENOTCONN ? 0 : -1;
	r->in.type = descriptor_type(r->in.fd);
	return 0;
}

/* Receive from a socket or a pipe that was open already. */
static int
open_inherited(struct receiver *r, int fd, int64_t deadline)
{
	int result;

	if (!descriptors_is_open(fd))
		return failed_because(EBADF, "descriptor %d is not open", fd);
	r->in.type = descriptor_unix_type(fd);
	if (r->in.type == -1 && !descriptor_is_pipe(fd))
		return failed_usage(
		    "not a UNIX socket or a pipe, so no descriptors come from "
		    "it");
	r->in.fd = inherit(fd, r->flags);
	if (r->in.fd == -1)
		return -1;
	r->kind = RECEIVER_STREAM;
	if (r->in.type == -1) {
		result = follow_invitation(r, deadline);
		if (r->in.fd == -1)
			return result;
	} else if (descriptor_is_listening(r->in.fd) == 1) {
		r->kind = RECEIVER_LISTENING;
	}
	ask_peer(r);
	if (r->kind == RECEIVER_STREAM)
		return check_abstract(r);
	r->is_abstract = name_is_abstract(r->in.fd);
	return 0;
}

static void
begin(struct receiver *r, const char *operand, int flags)
{
	memset(r, 0, sizeof *r);
	r->in.fd = -1;
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
	r->in.type = SOCK_STREAM;
	r->is_own = 1;
	r->is_abstract = operand[0] == '@';
	r->in.fd =
	    call_named_listen(steps, operand, SOCK_STREAM, mode, &r->name);
	return r->in.fd == -1 ? -1 : 0;
}

/*
 * How many unfinished connections to keep: fewer if the descriptor table is
 * small.
 */
static size_t
most_arrivals(const struct receiver *r)
{
	int room = (r->in.limit - r->in.highest) / 4;

	return room < 1          ? 1 :
	    room > ARRIVALS_MOST ? ARRIVALS_MOST :
				   (size_t)room;
}

/* Find out what the descriptor table has room for. */
static void
measure(struct receiver *r)
{
	intake_measure(&r->in);
	arrivals_init(&r->arrivals, most_arrivals(r));
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
	if (r->in.fd == -1)
		return 0;
	if (flags & RECEIVER_CREDS && (r->is_own || r->kind == RECEIVER_STREAM))
		r->has_asked = sys_want_creds(r->in.fd, 1) == 1 && !r->is_own;
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
	r->in.peer.pid = r->in.peer.uid = r->in.peer.gid = -1;
	r->in.fd = fd;
	r->in.type = type;
	measure(r);
}

/*
 * After receiver_stop(), is the stream to be read until its end? Its sender
 * sees that we want no more, sends what it holds, and closes.
 */
static int
has_told_sender(const struct receiver *r)
{
	return r->is_private && (r->flags & RECEIVER_DRAIN) != 0;
}

/* When to stop taking messages that are on their way. */
static int64_t
last_moment(const struct receiver *r)
{
	/* The sender of a shared stream is not told to stop; it may go on. */
	return has_told_sender(r) ? r->until : wait_earlier(r->until, r->quiet);
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
	return !has_told_sender(r) && r->until != 0 &&
	    wait_is_over(last_moment(r));
}

/* When to ask receiver_is_over() again; -1: never. */
int64_t
receiver_wake(struct receiver *r)
{
	return r->until == 0 || has_told_sender(r) ? -1 : last_moment(r);
}

/* Close a socket, and with it what waits in its queue. */
static void
close_fd(int *fd)
{
	if (*fd != -1)
		wait_close(*fd);
	*fd = -1;
}

/* Stop waiting for connections. */
static void
end_loop(struct receiver *r)
{
	if (r->has_loop)
		loop_end(&r->loop);
	r->has_loop = r->is_watched = 0;
}

static void
remove_arrival(struct receiver *r, struct arrival *a)
{
	loop_remove(&r->loop, a->sock);
	arrivals_remove(&r->arrivals, a);
}

static void
send_away(struct receiver *r, struct arrival *a, char answer)
{
	remove_arrival(r, a);
	call_refuse(a, answer);
	free(a);
}

/*
 * Take no more for now: answer "try again" to the senders whose message has not
 * come yet. (Closing without an answer would mean that the message was taken.)
 */
void
receiver_dismiss(struct receiver *r)
{
	while (r->arrivals.first != NULL)
		send_away(r, r->arrivals.first, FDPASS_RETRY);
	end_loop(r);
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
	if (r->kind == RECEIVER_LISTENING) {
		receiver_dismiss(r);
		close_fd(&r->in.fd);
	} else if (has_told_sender(r) && r->opener == getpid()) {
		shutdown(r->in.fd, SHUT_WR);
	}
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
	if (r->kind == RECEIVER_LISTENING)
		receiver_dismiss(r);
	end_loop(r);
	if (r->has_asked && r->in.fd != -1 && r->opener == getpid())
		sys_want_creds(r->in.fd, 0);
	r->has_asked = 0;
	close_fd(&r->in.fd);
}

int
received_init(struct received *received)
{
	received->sock = -1;
	fdpass_buffer(&received->message, malloc(FDPASS_MAX_PAYLOAD + 1),
	    FDPASS_MAX_PAYLOAD + 1);
	return received->message.payload == NULL ? -1 : 0;
}

/*
 * Answer, if the sender waits for that, and close the connection. -1 if the
 * answer was FDPASS_TAKEN but the sender has given up: then the message must
 * not be used.
 */
int
receiver_answer(struct received *received, char answer)
{
	int r;

	if (received->sock == -1)
		return 0;
	r = call_answer(received->sock, answer);
	received->sock = -1;
	return answer == FDPASS_TAKEN ? r : 0;
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
	if (s > r->in.highest)
		r->in.highest = s;
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
	s = call_accept("W1", r->in.fd, NULL, NULL);
	wait_guard_end(&guard);
	return s == -1 ? -1 : admit(r, s);
}

/*
 * accept() that blocks until a signal or the deadline, for the socket may be
 * shared.
 */
static int
accept_blocking(struct receiver *r, int64_t deadline)
{
	int s;

	wait_block_begin(deadline);
	s = call_accept("W1", r->in.fd, NULL, NULL);
	wait_block_end();
	return s == -1 ? -1 : admit(r, s);
}

/* Wait for a connection; -1 with EINTR or ETIMEDOUT when we have to end. */
static int
wait_connection(struct receiver *r, int64_t deadline)
{
	struct pollfd p;
	int s, error;

	tell_before("W1", "accept", r->in.fd);
	while (!wait_must_end(deadline)) {
		s = accept_blocking(r, deadline);
		if (s != -1)
			return s;
		error = errno;
		if (wait_is_waited_out(error)) {
			say_offence("%s: accept: %s; trying again", r->operand,
			    strerror(error));
			wait_out(error, deadline);
		} else if (sys_would_block(error)) {
			/* Its owner has made it non-blocking. */
			p.fd = r->in.fd;
			p.events = POLLIN;
			wait_poll(&p, 1, deadline);
		} else if (error != EINTR && error != ECONNABORTED) {
			errno = error;
			break;
		}
	}
	return failed("accept");
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

/* Add this connection to the loop. */
static int
watch(struct receiver *r, struct arrival *a)
{
	if (!r->has_loop && loop_init(&r->loop) == -1)
		return -1;
	r->has_loop = 1;
	if (!r->is_watched) {
		if (loop_add(&r->loop, r->in.fd, LOOP_READ | LOOP_SHARED, r) ==
		    -1)
			return -1;
		r->is_watched = 1;
	}
	return loop_add(&r->loop, a->sock, LOOP_READ, a);
}

/*
 * Keep a connection whose message has not come yet. If there are too many, the
 * oldest gives way.
 */
static void
keep_arrival(struct receiver *r, struct arrival *fresh)
{
	struct arrival *surplus, *a = malloc(sizeof *a);

	if (a == NULL) {
		arrival_drop(fresh, FDPASS_RETRY);
		return;
	}
	surplus = arrivals_surplus(&r->arrivals, fresh->sock);
	if (surplus != NULL)
		send_away(r, surplus, FDPASS_RETRY);
	*a = *fresh;
	arrivals_add(&r->arrivals, a);
	if (watch(r, a) == -1)
		send_away(r, a, FDPASS_RETRY);
}

/* A connection has brought its message, which receiver_next() returns. */
static int
deliver(struct received *received, const struct arrival *a)
{
	received->sock = a->sock;
	received->message = a->message;
	message_ask_sender(&received->message, a->sock);
	return 1;
}

/*
 * A connection has brought no message that we can take: report why, and tell
 * its sender. If the descriptors do not fit although we hold no others and the
 * table is not full, they never will: refuse for good.
 */
static void
refuse(struct receiver *r, struct arrival *a, int error)
{
	char answer = arrival_refusal(error);

	if (error == EMFILE && r->arrivals.count == 0 &&
	    descriptors_have_room())
		answer = FDPASS_REFUSED;
	a->message.length = 0;
	message_ask_sender(&a->message, a->sock);
	receiver_offence(r, error, &a->message);
	call_refuse(a, answer);
}

/*
 * Take a new connection: returns 1 if its message has come. If no other
 * connection is waiting, give it a moment for that; if that does not suffice,
 * keep it.
 */
static int
take_fresh(struct receiver *r, int s, struct received *received)
{
	struct fdpass_message *m = &received->message;
	struct arrival fresh;
	struct pollfd p;
	int result;

	arrival_begin(&fresh, s, r->in.type);
	tell_before("W1", "recvmsg", s);
	result = arrival_step(&fresh, m->payload, m->size);
	if (result == 0 && r->arrivals.count == 0) {
		p.fd = s;
		p.events = POLLIN;
		if (wait_poll(&p, 1, wait_deadline(AT_ONCE)) == 1)
			result = arrival_step(&fresh, m->payload, m->size);
	}
	if (result == 0)
		keep_arrival(r, &fresh);
	else if (result == -1)
		refuse(r, &fresh, errno);
	return result == 1 ? deliver(received, &fresh) : 0;
}

/*
 * Another step of a connection that was kept: returns 1 if its message has
 * come.
 */
static int
take_kept(struct receiver *r, struct arrival *a, struct received *received)
{
	struct fdpass_message *m = &received->message;
	int result = arrival_step(a, m->payload, m->size), error = errno;

	if (result == 0)
		return 0;
	remove_arrival(r, a);
	if (result == -1)
		refuse(r, a, error);
	else
		deliver(received, a);
	free(a->kept);
	free(a);
	return result == 1;
}

/* Wait once, for connections that were kept and for new ones. */
static int
turn(struct receiver *r, struct received *received, int64_t deadline)
{
	struct loop_event events[LOOP_EVENTS];
	struct arrival *a;
	int n, s;

	deadline = wait_earlier(deadline, arrivals_deadline(&r->arrivals));
	/* Take one event at a time: the others stay ready. */
	n = loop_wait(&r->loop, events, 1, deadline);
	if (n == 1 && events[0].data != r)
		return take_kept(r, events[0].data, received);
	if (n == 1 && (s = receiver_accept(r)) != -1)
		return take_fresh(r, s, received);
	if (n == 1 && wait_is_waited_out(errno))
		wait_out(errno, deadline);
	while ((a = arrivals_due(&r->arrivals)) != NULL)
		if (take_kept(r, a, received) == 1)
			return 1;
	return 0;
}

/* Take connections until one has brought a message. */
static int
next_connection(struct receiver *r, struct received *received, int64_t deadline)
{
	int s, result = 0;

	while (result == 0) {
		if (wait_must_end(deadline))
			return failed("accept");
		if (r->arrivals.count > 0) {
			result = turn(r, received, deadline);
			continue;
		}
		end_loop(r);
		s = wait_connection(r, deadline);
		if (s == -1)
			return -1;
		result = take_fresh(r, s, received);
	}
	return result;
}

/* Take a message from the stream, as intake_take(). */
static int
take(struct receiver *r, struct fdpass_message *m, int flags)
{
	int result = intake_take(&r->in, m, flags), error = errno;

	if (r->until == 0 || (result == -1 && sys_would_block(error)))
		return result;
	if (result == 1)
		r->quiet = wait_deadline(QUIET);
	/* Its sender was told to stop, but goes on. */
	if (has_told_sender(r) && wait_is_over(r->until))
		shutdown(r->in.fd, SHUT_RD);
	errno = error;
	return result;
}

/* For an event loop: take a message if there is one. */
int
receiver_try(struct receiver *r, struct fdpass_message *m)
{
	return take(r, m, FDPASS_NOWAIT);
}

/*
 * Wait for a message and take it. recvmsg() may block if messages are kept
 * apart and any message fits: then it has nothing to drop, which could hang.
 */
static int
take_waiting(struct receiver *r, struct fdpass_message *m, int64_t deadline)
{
	struct pollfd p;
	int result;

	if (r->in.type != SOCK_STREAM && !intake_is_tight(&r->in)) {
		wait_block_begin(deadline);
		result = take(r, m, 0);
		wait_block_end();
		return result;
	}
	p.fd = r->in.fd;
	p.events = POLLIN;
	if (wait_poll(&p, 1, deadline) != 1) {
		errno = EINTR;
		return -1;
	}
	if (!intake_has_room(&r->in, 1)) {
		wait_out(EMFILE, deadline);
		errno = EINTR;
		return -1;
	}
	return take(r, m, FDPASS_NOWAIT);
}

/* Wait with poll(), if the owner of the socket has made it non-blocking. */
static void
wait_readable(const struct receiver *r, int64_t deadline)
{
	struct pollfd p;

	p.fd = r->in.fd;
	p.events = POLLIN;
	wait_poll(&p, 1, deadline);
}

/* recvmsg() has failed. Returns 0 to try again, -1 and the failure if not. */
static int
try_again(struct receiver *r, const struct fdpass_message *m, int error,
    int64_t deadline)
{
	if (error == EMFILE || error == EMSGSIZE) {
		receiver_offence(r, error, m);
		if (!(r->flags & RECEIVER_DRAIN))
			return failed_because(error, "the message was lost");
	} else if (wait_is_waited_out(error)) {
		wait_out(error, deadline);
	} else if (sys_would_block(error)) {
		wait_readable(r, deadline);
	} else if (error != EINTR) {
		errno = error;
		return failed("recvmsg");
	}
	return 0;
}

/*
 * We have to end, but what was sent must not be lost: take what is queued, up
 * to the end of the stream if that comes. A worker that alone is told to end
 * leaves the rest to the other workers after a while. EINTR when there is no
 * more.
 */
static int
drain(struct receiver *r, struct fdpass_message *m)
{
	struct pollfd p;
	int is_owner = has_told_sender(r) && r->opener == getpid();
	int result;

	receiver_stop(r);
	p.fd = r->in.fd;
	p.events = POLLIN;
	while (r->flags & RECEIVER_DRAIN && wait_endings() < 2) {
		/* While messages are there at once no signal is let in. */
		wait_look();
		/* Another process may keep sending into a shared stream. */
		if (!has_told_sender(r) && wait_is_over(r->until))
			break;
		result = receiver_try(r, m);
		if (result == 1)
			return 1;
		if (result == 0)
			break;
		if (!sys_would_block(errno)) {
			/* One that is lost is not the last. */
			if (try_again(r, m, errno, -1) == -1)
				break;
			continue;
		}
		if (!is_owner && wait_is_over(last_moment(r)))
			break;
		wait_poll(&p, 1, is_owner ? -1 : last_moment(r));
	}
	errno = EINTR;
	return failed("recvmsg");
}

static int
next_message(struct receiver *r, struct fdpass_message *m, int64_t deadline)
{
	int result;

	tell_before("W1", "recvmsg", r->in.fd);
	for (;;) {
		if (wait_ending() != 0)
			return drain(r, m);
		if (wait_must_end(deadline))
			return failed("recvmsg");
		result = take_waiting(r, m, deadline);
		if (result >= 0)
			return result;
		if (errno == ECONNRESET)
			return 0;
		if (try_again(r, m, errno, deadline) == -1)
			return -1;
	}
}

/*
 * Wait for the next message until the deadline. Returns 1 and the message, to
 * be answered with receiver_answer(), whose descriptors are the caller's; 0 at
 * the end of the stream; -1 and the failure: EINTR when wait_ending() says why,
 * or ETIMEDOUT.
 */
int
receiver_next(struct receiver *r, struct received *received, int64_t deadline)
{
	int result;

	received->sock = -1;
	received->message.count = 0;
	if (r->in.fd == -1)
		return 0;
	result = r->kind == RECEIVER_STREAM ?
	    next_message(r, &received->message, deadline) :
	    next_connection(r, received, deadline);
	if (result == 1)
		tell_received("W1",
		    received->sock != -1 ? received->sock : r->in.fd,
		    &received->message);
	if (result == -1 && failure.error == ETIMEDOUT)
		failed_late("no message");
	return result == -1 ? failed_on(r->operand) : result;
}
