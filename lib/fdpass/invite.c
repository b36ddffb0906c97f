/* SPDX-License-Identifier: ISC */
#include "fdpass/invite.h"

#include "fdpass/name.h"
#include "wait.h"

#include <sys/un.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The length of the shortest possible invitation, with its end of line. */
#define SHORTEST (sizeof INVITATION_GREETING "/fdpass-XXXXXX/s")

/*
 * Another reader may have taken what poll() announced: the guard ends the wait
 * for more.
 */
static ssize_t
read_now(int fd, char *bytes, size_t n)
{
	struct wait_guard guard;
	struct pollfd p;
	ssize_t r;

	p.fd = fd;
	p.events = POLLIN;
	p.revents = 0;
	r = wait_poll_at_once(&p);
	if (r == 0)
		errno = EAGAIN;
	if (r <= 0)
		return -1;
	wait_guard_begin(&guard);
	r = read(fd, bytes, n);
	wait_guard_end(&guard);
	return r;
}

/*
 * Read one line, and nothing after it: the next line may be the invitation of
 * another sender, for the next process that reads from the pipe. The first read
 * takes as many bytes as the shortest line has, so that few are left to be read
 * one by one. Returns 1 when there is a line, or bytes that are not one; 0 at
 * the end of file before any byte.
 */
static int
read_line(int fd, struct fdpass_invitation *i)
{
	size_t most;
	ssize_t r;

	while (i->length < sizeof i->line - 1 &&
	    memchr(i->line, '\n', i->length) == NULL) {
		most = i->length < SHORTEST ? SHORTEST - i->length : 1;
		r = read_now(fd, i->line + i->length, most);
		if (r == -1) {
			if (errno == EINTR || sys_would_block(errno))
				errno = EAGAIN;
			return -1;
		}
		if (r == 0)
			break;
		i->length += (size_t)r;
	}
	return i->length > 0;
}

/* Is it "fdpass /PATH", an end of line, and nothing else? */
static int
is_invitation(const struct fdpass_invitation *i)
{
	const size_t n = sizeof INVITATION_GREETING "/" - 1;

	return i->length > n &&
	    memcmp(i->line, INVITATION_GREETING "/", n) == 0 &&
	    memchr(i->line, '\n', i->length) == i->line + i->length - 1 &&
	    memchr(i->line, '\0', i->length) == NULL;
}

/* Does the process at the other end of this socket belong to our user? */
int
invitation_is_ours(int s)
{
	struct sys_peer peer;

	/* If the system does not tell: the directory lets no other user in. */
	if (sys_peer_of(s, &peer) == -1 || peer.uid == -1)
		return 1;
	return peer.uid == (long)geteuid();
}

static int
try_connect(const struct sockaddr_un *sun, socklen_t length, int type,
    struct failure *f)
{
	int s = sys_socket_nonblock(AF_UNIX, type);

	if (s == -1)
		return failure_errno(f, "socket");
	if (connect(s, (const struct sockaddr *)sun, length) == 0)
		return s;
	failure_errno(f, "connect");
	close(s);
	errno = f->error;
	return -1;
}

/*
 * Connect to the private socket, which is SOCK_SEQPACKET, or SOCK_STREAM on
 * systems without that.
 */
static int
connect_private(const char *path, struct failure *f)
{
	struct sockaddr_un sun;
	socklen_t length = 0;
	int s;

	if (name_address(path, &sun, &length, f) == -1)
		return -1;
	s = try_connect(&sun, length, SOCK_SEQPACKET, f);
	if (s == -1 && (errno == EPROTOTYPE || errno == EPROTONOSUPPORT))
		s = try_connect(&sun, length, SOCK_STREAM, f);
	if (s == -1)
		return -1;
	if (!invitation_is_ours(s))
		failure_reason(f, EPERM, "the invitation is from another user");
	else if (sys_nonblock(s, 0) == -1)
		failure_errno(f, "fcntl");
	else
		return s;
	wait_close(s);
	errno = f->error;
	return -1;
}

/* The name of the socket, after a connection to it was made. */
const char *
invitation_path(const struct fdpass_invitation *i)
{
	return i->line + sizeof INVITATION_GREETING - 1;
}

/* No operation has failed: nothing was sent. */
static int
has_ended(struct failure *f)
{
	errno = ENOTCONN;
	return failure_errno(f, NULL);
}

/* As fdpass_follow(), and notes in f what has failed. */
int
invitation_follow(int pipe_fd, struct fdpass_invitation *i, struct failure *f)
{
	char path[sizeof i->line];
	int r, s;

	r = read_line(pipe_fd, i);
	if (r == -1)
		return failure_errno(f, "read");
	if (r == 0)
		return has_ended(f);
	if (!is_invitation(i))
		return failure_reason(f, EPROTO,
		    "bytes instead of descriptors; what writes into this pipe "
		    "must be fdlisten or fdsend -");
	memcpy(path, i->line, i->length);
	path[i->length - 1] = '\0';
	s = connect_private(path + sizeof INVITATION_GREETING - 1, f);
	if (s != -1)
		i->line[i->length - 1] = '\0';
	/* The inviter has exited; treat that as end of file. */
	else if (errno == ENOENT || errno == ECONNREFUSED)
		return has_ended(f);
	/* Its queue is full, and no event says when it is not. */
	else if (sys_would_block(errno)) {
		errno = EBUSY;
		return failure_errno(f, "connect");
	}
	return s;
}

int
fdpass_follow(int pipe_fd, struct fdpass_invitation *invitation)
{
	struct failure f = {0};

	return invitation_follow(pipe_fd, invitation, &f);
}
