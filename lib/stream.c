/* SPDX-License-Identifier: ISC */
#include "stream.h"

#include "descriptors.h"
#include "fdpass.h"
#include "fdpass/handover.h"
#include "fdpass/invite.h"
#include "show.h"
#include "trace.h"
#include "wait.h"

#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef POLLRDHUP
#define POLLRDHUP 0
#endif

/* The type of a UNIX socket, -1 if it is something else. */
int
stream_type(int fd)
{
	struct sockaddr_storage ss;
	socklen_t length = sizeof ss;

	ss.ss_family = AF_UNSPEC;
	if (getsockname(fd, (struct sockaddr *)&ss, &length) == -1 ||
	    ss.ss_family != AF_UNIX)
		return -1;
	return stream_socket_type(fd);
}

/* The type of any socket, -1 if it is something else. */
int
stream_socket_type(int fd)
{
	int type;
	socklen_t length = sizeof type;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == -1)
		return -1;
	return type;
}

int
stream_is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* A private directory, a listening socket in it, and its name. */
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
	/* The socket in it is "/s". */
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

/* A socket that keeps the messages apart, where the system has it. */
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

/* Only our user may enter, whatever the umask; but we must be able to. */
static int
private_directory(struct invitation *i)
{
	const char *parent = getenv("TMPDIR");

	/* (The name is one line of the invitation.) */
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
invitation_listen(struct invitation *i, struct failure *f)
{
	struct sockaddr_un sun;
	mode_t mask = umask(077);
	int r;

	memset(i, 0, sizeof *i);
	i->listener = -1;
	if (private_directory(i) == -1) {
		umask(mask);
		return failure_errno(f, "make a directory in /tmp");
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
		return failure_errno(f, "make a socket in /tmp");
	i->address = sun;
	if (listen(i->listener, 1) == -1)
		return failure_errno(f, "listen");
	if (sys_nonblock(i->listener, 1) == -1)
		return failure_errno(f, "fcntl");
	return 0;
}

/* A pipe that polls writable takes a line without blocking. */
static int
wait_writable(int pipe_fd, int64_t deadline, struct failure *f)
{
	struct pollfd p;
	int r;

	p.fd = pipe_fd;
	p.events = POLLOUT;
	do {
		/* It may have come at a step of the trace. */
		errno = EINTR;
		if (wait_ending() != 0)
			return failure_errno(f, "write");
		r = wait_poll(&p, 1, deadline);
		if (r == -1 && errno != EINTR)
			return failure_errno(f, "write");
	} while (r == -1);
	errno = r == 0 ? ETIMEDOUT : EPIPE;
	if (r == 0 || p.revents & POLLERR)
		return failure_errno(f, "write");
	return 0;
}

/* One line, in one write. */
static int
invitation_write(const struct invitation *i, int pipe_fd, int64_t deadline,
    struct failure *f)
{
	char line[sizeof i->address.sun_path + sizeof INVITATION_GREETING + 1];
	int n;
	ssize_t w;

	n = snprintf(
	    line, sizeof line, INVITATION_GREETING "%s\n", i->address.sun_path);
	trace_call("S4", "write(%d, \"" INVITATION_GREETING "%s\")", pipe_fd,
	    i->address.sun_path);
	do {
		if (wait_writable(pipe_fd, deadline, f) == -1)
			return -1;
		w = write(pipe_fd, line, (size_t)n);
	} while (w == -1 && (errno == EINTR || sys_would_block(errno)));
	return w == -1 ? failure_errno(f, "write") : 0;
}

/*
 * Wait until the one reader has connected; -1 with EPIPE when it went away,
 * with EINTR when we are to end.
 */
static int
invitation_accept(const struct invitation *i, int pipe_fd, int64_t deadline,
    struct failure *f)
{
	struct pollfd p[2];
	int s;

	for (;;) {
		p[0].fd = i->listener;
		p[0].events = POLLIN;
		p[1].fd = pipe_fd;
		p[1].events = 0; /* POLLERR: nobody has the reading end */
		p[0].revents = p[1].revents = 0;
		if (wait_ending() == 0 && wait_poll(p, 2, deadline) == 0)
			errno = ETIMEDOUT;
		else if (wait_ending() != 0)
			errno = EINTR;
		else
			errno = 0;
		if (errno != 0)
			return failure_errno(f, "invite the reader");
		s = sys_accept(i->listener, NULL, NULL);
		if (s != -1 && invitation_is_ours(s)) {
			trace("S4", "accept(%d) = %d from the reader",
			    i->listener, s);
			return s;
		}
		if (s != -1)
			close(s);
		else if (wait_is_waited_out(errno)) {
			if (wait_out(errno, deadline) == -1)
				return failure_errno(f, "invite the reader");
		} else if (errno != EINTR && errno != ECONNABORTED &&
		    p[1].revents & (POLLERR | POLLHUP | POLLNVAL)) {
			/* Who has connected did so before it closed it. */
			errno = EPIPE;
			return failure_errno(f, "invite the reader");
		}
	}
}

/* Turn a pipe into a stream: the descriptor of the private socket. */
static int
invite(int pipe_fd, int64_t deadline, struct failure *f)
{
	struct invitation i;
	int s = -1, saved;

	if (invitation_listen(&i, f) == 0 &&
	    invitation_write(&i, pipe_fd, deadline, f) == 0)
		s = invitation_accept(&i, pipe_fd, deadline, f);
	saved = f->error;
	invitation_remove(&i);
	if (s == -1)
		errno = saved;
	return s;
}

/* What it is, for somebody who meant something else. */
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

/* Can this descriptor be a stream to send on? -1 with EINVAL if not. */
int
stream_check(int fd, struct failure *f)
{
	struct sockaddr_storage ss;
	socklen_t length;

	if (stream_type(fd) != -1) {
		length = sizeof ss;
		if (getpeername(fd, (struct sockaddr *)&ss, &length) == 0)
			return 0;
		return failure_reason(
		    f, EINVAL, "a UNIX socket that is not connected");
	}
	if (!stream_is_pipe(fd))
		return failure_reason(f, EINVAL,
		    "%s, not a UNIX socket or a pipe; write ... | fdrecv -, or "
		    "fdpipe ... '|' ...",
		    kind_of(fd));
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
		return failure_reason(f, EINVAL,
		    "the reading end of a pipe; an invitation needs the "
		    "writing "
		    "end");
	return 0;
}

/*
 * Open descriptor fd as a stream to send on: a UNIX socket as it is, a pipe by
 * an invitation, for which TERM, INT and HUP have to be caught. Returns 0, or
 * -1 with EINVAL if it is neither, EPIPE when the pipe's reader went away, and
 * what else can fail.
 */
int
stream_open(struct stream *s, const char *operand, int fd, int64_t deadline,
    struct failure *f)
{
	s->operand = operand;
	s->fd = fd;
	s->holds = s->gives_back = 0;
	s->end = 0;
	s->type = stream_type(fd);
	if (stream_check(fd, f) == -1)
		return -1;
	if (s->type == -1) {
		s->fd = invite(fd, deadline, f);
		if (s->fd == -1)
			return -1;
		s->type = stream_type(s->fd);
		/* Nobody sends the other way: readable is the end, too. */
		s->end = POLLRDHUP != 0 ? POLLRDHUP : POLLIN;
	}
	/*
	 * The kernel adds our credentials by itself if this end has asked; but
	 * who has given us a socket may want to receive on it.
	 */
	s->flags = FDPASS_CREDS;
	if (s->fd != fd && s->type == SOCK_SEQPACKET &&
	    sys_want_creds(s->fd, 1) != -1)
		s->flags = 0;
	return 0;
}

/*
 * Wait until fd is readable and the stream takes a message; one who is busy
 * finds both at once, and so with one call. Returns 1, or 0 when the time is
 * over; -1 with EPIPE when nobody can read the stream any more, with ESHUTDOWN
 * when its reader wants no more than what is on its way, EINTR for a signal.
 * Without a stream only fd is waited for, with fd -1 only the stream.
 */
int
stream_wait(const struct stream *s, int fd, int64_t deadline)
{
	struct pollfd p[2];
	int r, readable = fd == -1, room = s == NULL;

	while (!readable || !room) {
		p[0].fd = readable ? -1 : fd;
		p[0].events = POLLIN;
		p[0].revents = 0;
		p[1].fd = s != NULL ? s->fd : -1;
		p[1].events = room ? 0 : POLLOUT;
		p[1].revents = 0;
		if (s != NULL && fd != -1)
			p[1].events |= s->end;
		r = wait_poll(p, 2, deadline);
		if (r <= 0)
			return r;
		if (p[1].revents & (POLLHUP | POLLERR | POLLNVAL))
			errno = EPIPE;
		else if (s != NULL && p[1].revents & s->end)
			errno = ESHUTDOWN;
		else
			errno = 0;
		if (errno != 0)
			return -1;
		readable |= p[0].revents != 0;
		room |= (p[1].revents & POLLOUT) != 0;
	}
	return 1;
}

/* May we not wait any more? Sets errno. */
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
wait_and_go_on(const struct stream *s, int error, int64_t deadline)
{
	if (sys_would_block(error)) {
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

/*
 * Send one message, waiting for room as long as it takes. Where the stream
 * holds what it sends, only a second signal ends that. Returns 0, or -1 with
 * EPIPE, ETIMEDOUT, EINTR and what else can fail.
 */
int
stream_send(const struct stream *s, const char *payload, size_t length,
    const int *fds, size_t count, int64_t deadline)
{
	size_t sent = 0, left = count;
	ssize_t n;

	if (trace_on)
		show_sending(s->fd, payload, length, fds, count);
	while (sent < length) {
		n = message_send_part(s->fd, s->type, s->flags, payload + sent,
		    length - sent, fds, &left);
		if (n >= 0)
			sent += (size_t)n;
		else if (errno == ETOOMANYREFS && s->gives_back && sent == 0)
			return -1;
		else if (errno == ECONNRESET || errno == ECONNREFUSED ||
		    errno == ENOTCONN) {
			errno = EPIPE;
			return -1;
		} else if (errno != EINTR &&
		    (wait_and_go_on(s, errno, deadline) == -1 ||
			is_over(s, sent > 0, deadline)))
			return -1;
	}
	return 0;
}

/* Wait until the next step may bring something. */
static int
wait_for_invitation(int fd, int error, int64_t deadline)
{
	struct pollfd p;
	int r;

	if (error != EAGAIN)
		return wait_out(EAGAIN, deadline);
	p.fd = fd;
	p.events = POLLIN;
	r = wait_poll(&p, 1, deadline);
	if (r == 0)
		errno = ETIMEDOUT;
	else if (wait_ending() != 0)
		errno = EINTR;
	else if (r == 1 || errno == EINTR)
		return 0;
	return -1;
}

/*
 * Read an invitation from a pipe and follow it: the connected socket, or -1.
 * At the end of file without an invitation errno is ENOTCONN and f has no
 * operation: whoever should have written it has failed.
 */
int
stream_accept_invitation(int fd, int64_t deadline, struct failure *f)
{
	struct fdpass_invitation i;
	int s;

	i.length = 0;
	trace_before("S4", "read(%d)", fd);
	while ((s = invitation_follow(fd, &i, f)) == -1) {
		if (f->error != EAGAIN && f->error != EBUSY)
			return -1;
		if (wait_for_invitation(fd, f->error, deadline) == -1)
			return failure_errno(f, f->operation);
	}
	trace("S4", "connect(%d, %s)", s, invitation_path(&i));
	return s;
}
