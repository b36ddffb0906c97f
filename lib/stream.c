/* SPDX-License-Identifier: ISC */
#include "stream.h"

#include "calls.h"
#include "descriptors.h"
#include "fdpass.h"
#include "fdpass/invite.h"
#include "fdpass/message.h"
#include "say.h"
#include "wait.h"

#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INVITING "I" /* the step, in the trace */

#define ROOM_ASKED 8   /* messages to send at most between two poll() */
#define ROOM_EACH 4096 /* most bytes of the buffer that a short one takes */
#define ROOM_KNOWN 5   /* ms after poll(); then others may have filled it */

/* A private directory, a listening socket in it, and its address. */
struct invitation {
	char directory[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct sockaddr_un address;
	int listener;
};

static int
make_directory(char *path, size_t size, const char *parent)
{
	int n;

	n = snprintf(path, size, "%s/fdpass-XXXXXX", parent);
	/* Leave room for "/s", the socket. */
	if (n < 0 || (size_t)n + 3 > size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return mkdtemp(path) == NULL ? -1 : 0;
}

static void
invitation_remove(struct invitation *i)
{
	int saved = errno;

	if (i->address.sun_path[0] != '\0')
		unlink(i->address.sun_path);
	if (i->directory[0] != '\0')
		rmdir(i->directory);
	if (i->listener != -1)
		close(i->listener);
	i->listener = -1;
	errno = saved;
}

/* A socket that keeps messages apart, if the system has such sockets. */
static int
private_socket(void)
{
	int s = sys_socket(AF_UNIX, SOCK_SEQPACKET);

	if (s == -1 &&
	    (errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT ||
		errno == EPROTOTYPE))
		s = sys_socket(AF_UNIX, SOCK_STREAM);
	return s;
}

/*
 * Make the directory, which only our user may enter; we must be able to,
 * whatever the umask.
 */
static int
private_directory(struct invitation *i)
{
	const char *parent = getenv("TMPDIR");

	/* An end of line in the name would end the invitation. */
	if (parent != NULL && parent[0] == '/' &&
	    strchr(parent, '\n') == NULL &&
	    make_directory(i->directory, sizeof i->directory, parent) == 0)
		return 0;
	if (make_directory(i->directory, sizeof i->directory, "/tmp") == 0)
		return 0;
	i->directory[0] = '\0';
	return -1;
}

static int
invitation_listen(struct invitation *i)
{
	struct sockaddr_un sun;
	mode_t mask = umask(077);
	int r;

	memset(i, 0, sizeof *i);
	i->listener = -1;
	if (private_directory(i) == -1) {
		umask(mask);
		return failed("make a directory in /tmp");
	}
	memset(&sun, 0, sizeof sun);
	sun.sun_family = AF_UNIX;
	snprintf(sun.sun_path, sizeof sun.sun_path, "%.*s/s",
	    (int)sizeof sun.sun_path - 3, i->directory);
	i->listener = private_socket();
	r = i->listener == -1 ?
	    -1 :
	    bind(i->listener, (struct sockaddr *)&sun, sizeof sun);
	umask(mask);
	if (r == -1)
		return failed("make a socket in /tmp");
	i->address = sun;
	if (listen(i->listener, 1) == -1)
		return failed("listen");
	if (sys_nonblock(i->listener, 1) == -1)
		return failed("fcntl");
	return 0;
}

/* Wait until the pipe polls writable: then it takes a line without blocking. */
static int
wait_for_room(int pipe_fd, int64_t deadline)
{
	int r;

	do {
		/* A signal may have come while the trace waited at a step. */
		errno = EINTR;
		if (wait_ending() != 0)
			return failed("write");
		r = wait_writable(pipe_fd, deadline);
	} while (r == -1 && errno == EINTR);
	if (r == 0)
		errno = ETIMEDOUT;
	return r == 1 ? 0 : failed("write");
}

/* Write the invitation, with one write(). */
static int
invitation_write(const struct invitation *i, int pipe_fd, int64_t deadline)
{
	char line[sizeof i->address.sun_path + sizeof INVITATION_GREETING + 1];
	int n;
	ssize_t w;

	n = snprintf(
	    line, sizeof line, INVITATION_GREETING "%s\n", i->address.sun_path);
	do {
		if (wait_for_room(pipe_fd, deadline) == -1)
			return -1;
		w = call_write_line(INVITING, pipe_fd, line, (size_t)n);
	} while (w == -1 && (errno == EINTR || sys_would_block(errno)));
	return w == -1 ? failed("write") : 0;
}

/*
 * Wait until the reader has connected; -1 with EPIPE if it has closed the pipe,
 * with EINTR when we have to end.
 */
static int
invitation_accept(const struct invitation *i, const char *operand, int pipe_fd,
    int64_t deadline)
{
	struct pollfd p[2];
	int s, error;

	for (;;) {
		p[0].fd = i->listener;
		p[0].events = POLLIN;
		p[1].fd = pipe_fd;
		p[1].events =
		    0; /* POLLERR comes if nobody has the reading end */
		p[0].revents = p[1].revents = 0;
		if (wait_ending() == 0 && wait_poll(p, 2, deadline) == 0)
			errno = ETIMEDOUT;
		else if (wait_ending() != 0)
			errno = EINTR;
		else
			errno = 0;
		if (errno != 0)
			return failed("invite the reader");
		s = call_accept(INVITING, i->listener, NULL, NULL);
		if (s != -1 && invitation_is_ours(s))
			return s;
		if (s != -1) {
			close(s);
			continue;
		}
		if (wait_is_waited_out(errno)) {
			error = errno;
			say_offence("%s: accept: %s; trying again", operand,
			    strerror(error));
			if (wait_out(error, deadline) == -1)
				return failed("invite the reader");
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (!sys_would_block(errno))
			return failed("invite the reader");
		/* A reader connects before it closes the pipe. */
		if (p[1].revents & (POLLERR | POLLHUP | POLLNVAL)) {
			errno = EPIPE;
			return failed("invite the reader");
		}
	}
}

/* Turn a pipe into a stream: returns the private socket. */
static int
invite(const char *operand, int pipe_fd, int64_t deadline)
{
	struct invitation i;
	int s = -1, saved;

	if (invitation_listen(&i) == 0 &&
	    invitation_write(&i, pipe_fd, deadline) == 0)
		s = invitation_accept(&i, operand, pipe_fd, deadline);
	saved = failure.error;
	invitation_remove(&i);
	if (s == -1)
		errno = saved;
	return s;
}

/* What the descriptor is, for the message that it cannot be a stream. */
static const char *
kind_of(int fd)
{
	struct stat st;

	if (!descriptors_is_open(fd) || fstat(fd, &st) == -1)
		return "not open";
	if (isatty(fd))
		return "a terminal";
	if (S_ISREG(st.st_mode))
		return "a file";
	if (S_ISDIR(st.st_mode))
		return "a directory";
	if (S_ISCHR(st.st_mode))
		return "a device";
	if (S_ISSOCK(st.st_mode))
		return "a socket of another kind";
	return "something else";
}

static int
check(int fd)
{
	if (descriptor_unix_type(fd) != -1) {
		if (descriptor_is_connected(fd))
			return 0;
		return failed_usage("a UNIX socket that is not connected");
	}
	if (!descriptor_is_pipe(fd))
		return failed_usage(
		    "%s, not a UNIX socket or a pipe; write ... | fdrecv -, or "
		    "fdpipe ... '|' ...",
		    kind_of(fd));
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
		return failed_usage(
		    "the reading end of a pipe; an invitation needs the "
		    "writing "
		    "end");
	return 0;
}

/*
 * Can descriptor fd, which messages call operand, be a stream to send on?
 * Returns 0, or -1 and the failure, which is wrong usage.
 */
int
stream_check(const char *operand, int fd)
{
	return check(fd) == 0 ? 0 : failed_on(operand);
}

/*
 * Complete the noted failure: it concerns this stream. Keeps errno; returns -1.
 */
static int
note(const struct stream *s)
{
	/*
	 * Die by SIGPIPE, as a program does that writes to a pipe without a
	 * reader.
	 */
	if (failure.error == EPIPE)
		failure.status = EXIT_BY_SIGNAL + SIGPIPE;
	return failed_on(s->operand);
}

/* Note that this operation failed on this stream. Keeps errno; returns -1. */
int
stream_failed(const struct stream *s, const char *operation)
{
	failed(operation);
	if (failure.error == ETIMEDOUT)
		failed_late("not read");
	return note(s);
}

/* How many one-byte messages certainly fit when poll() says "writable". */
static int
most_room(const struct stream *s)
{
	int size, most;
	socklen_t length = sizeof size;

	/* The receiver of SOCK_DGRAM limits the number of messages, too. */
	if (s->type == SOCK_DGRAM ||
	    getsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &size, &length) == -1)
		return 1;
	most = size / 4 * SYS_FREE_QUARTERS / ROOM_EACH;
	return most < 1 ? 1 : most > ROOM_ASKED ? ROOM_ASKED : most;
}

/*
 * Open descriptor fd, which stream_check() has accepted, as a stream to send
 * on: a UNIX socket as it is; a pipe by an invitation, which has to be removed
 * again, so SIGTERM, SIGINT and SIGHUP have to be caught. s keeps a pointer to
 * operand. Returns 0; or -1 and the failure, EPIPE if the reader has closed the
 * pipe.
 */
int
stream_open(struct stream *s, const char *operand, int fd, int64_t deadline)
{
	s->operand = operand;
	s->fd = fd;
	s->holds = s->gives_back = s->room = 0;
	s->end = 0;
	s->type = descriptor_unix_type(fd);
	if (s->type == -1) {
		s->fd = invite(operand, fd, deadline);
		if (s->fd == -1 && failure.error == ETIMEDOUT)
			failed_late("no reader");
		if (s->fd == -1)
			return note(s);
		s->type = descriptor_unix_type(s->fd);
		/*
		 * Nothing comes the other way, so readable means that the
		 * reader wants no more.
		 */
		s->end = SYS_POLLRDHUP != 0 ? SYS_POLLRDHUP : POLLIN;
	}
	/*
	 * If this end has asked for credentials, the kernel adds ours to what
	 * we send: our real user, which has to be the one we act as. But ask
	 * only on a socket that we have made: if we were given it, its owner
	 * may want to receive on it.
	 */
	sys_self(&s->self);
	s->tells = s->fd == fd || s->type != SOCK_SEQPACKET ||
	    s->self.uid != (long)getuid() || s->self.gid != (long)getgid() ||
	    sys_want_creds(s->fd, 1) == -1;
	s->most = most_room(s);
	return 0;
}

/* Is it known, since an earlier poll(), that one more message fits? */
static int
knows_room(const struct stream *s)
{
	return s->room > 0 && !wait_is_over(s->known_until);
}

/*
 * Wait until fd is readable, if it is not -1; and for these events of the
 * stream, if s is not NULL. Returns as stream_wait().
 */
static int
wait_both(const struct stream *s, int fd, int events, int64_t deadline)
{
	struct pollfd p[2];
	int r;

	memset(p, 0, sizeof p);
	p[0].fd = fd;
	p[0].events = POLLIN;
	p[1].fd = s != NULL ? s->fd : -1;
	p[1].events = (short)events;
	r = wait_poll(p, 2, deadline);
	if (r <= 0)
		return r;
	if (p[1].revents & (POLLHUP | POLLERR | POLLNVAL))
		errno = EPIPE;
	else if (s != NULL && p[1].revents & events & s->end)
		errno = ESHUTDOWN;
	else
		return 1;
	return -1;
}

/*
 * Wait until fd is readable, and then until the stream takes a message. Returns
 * 1, or 0 at the deadline; -1 with EPIPE when nobody reads the stream any
 * longer, with ESHUTDOWN when its reader wants no more than what is on its way,
 * with EINTR for a signal. If s is NULL, wait only for fd; if fd is -1, only
 * for the stream.
 */
int
stream_wait(struct stream *s, int fd, int64_t deadline)
{
	int r, end = s != NULL && fd != -1 ? s->end : 0;

	if (fd != -1) {
		r = wait_both(s, fd, end, deadline);
		if (r != 1)
			return r;
	}
	if (s == NULL || knows_room(s))
		return 1;
	r = wait_both(s, -1, POLLOUT | end, deadline);
	if (r == 1) {
		s->room = s->most;
		s->known_until = wait_deadline(ROOM_KNOWN);
	}
	return r;
}

/* Must we stop waiting? If so, errno says why. */
static int
is_over(const struct stream *s, int has_begun, int64_t deadline)
{
	int signals = s->holds || has_begun ? 2 : 1;

	errno = 0;
	if (deadline >= 0 && wait_now() >= deadline)
		errno = ETIMEDOUT;
	if (wait_endings() >= signals)
		errno = EINTR;
	return errno != 0;
}

static int
wait_and_go_on(struct stream *s, int error, int64_t deadline)
{
	if (sys_would_block(error)) {
		s->room = 0;
		if (stream_wait(s, -1, deadline) == -1 && errno == EPIPE)
			return -1;
		return 0;
	}
	if (wait_is_waited_out(error)) {
		wait_out(error, deadline);
		return 0;
	}
	errno = error;
	return -1;
}

/* A part could not be sent: wait. Returns 0 to try again, else 1 with errno. */
static int
cannot_go_on(struct stream *s, int has_begun, int64_t deadline)
{
	if (errno == EINTR)
		return 0;
	if (errno == ETOOMANYREFS && s->gives_back && !has_begun)
		return 1;
	if (errno == ECONNRESET || errno == ECONNREFUSED || errno == ENOTCONN)
		errno = EPIPE;
	return wait_and_go_on(s, errno, deadline) == -1 ||
	    is_over(s, has_begun, deadline);
}

/*
 * Send one message, waiting for room until the deadline. On a stream with holds
 * set, only a second signal ends the wait. Returns 0; or -1 and the failure:
 * EPIPE, ETIMEDOUT, EINTR and others.
 */
int
stream_send(struct stream *s, const char *payload, size_t length,
    const int *fds, size_t count, int64_t deadline)
{
	size_t sent = 0, left = count;
	ssize_t n;

	tell_sendmsg(s->fd, payload, length, fds, count);
	s->room = length > 1 || s->room == 0 ? 0 : s->room - 1;
	while (sent < length) {
		n = message_send_part(s->fd, s->type,
		    s->tells ? &s->self : NULL, payload + sent, length - sent,
		    fds, &left);
		if (n >= 0)
			sent += (size_t)n;
		else if (cannot_go_on(s, sent > 0, deadline))
			return stream_failed(s, "sendmsg");
	}
	return 0;
}
