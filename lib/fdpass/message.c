/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdpass/message.h"

#include "fdpass.h"
#include "wait.h"

#include <sys/uio.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define KEPT_TOGETHER 16384 /* bytes that Linux keeps in one piece */
#define NOBODY 65534L       /* the user of a sender that Linux does not know */

/* Write the control message for these descriptors; returns its size. */
size_t
message_put_rights(char *control, const int *fds, size_t count)
{
	struct cmsghdr h;

	/*
	 * The padding after an odd number of descriptors must not show what was
	 * on the stack.
	 */
	memset(control, 0, CMSG_SPACE(sizeof(int) * count));
	memset(&h, 0, sizeof h);
	h.cmsg_len = (socklen_t)CMSG_LEN(sizeof(int) * count);
	h.cmsg_level = SOL_SOCKET;
	h.cmsg_type = SCM_RIGHTS;
	memcpy(control, &h, sizeof h);
	if (count > 0)
		memcpy(control + CMSG_LEN(0), fds, sizeof(int) * count);
	return CMSG_SPACE(sizeof(int) * count);
}

static ssize_t
send_once(int sock, const void *payload, size_t length, const int *fds,
    size_t count, const struct sys_peer *self, int flags)
{
	union message_control control;
	struct msghdr m;
	struct iovec iov;
	size_t used = 0;
	ssize_t n;

	memset(&m, 0, sizeof m);
	iov.iov_base = (void *)(size_t)payload;
	iov.iov_len = length;
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	if (self != NULL)
		used = sys_put_creds(control.bytes, sizeof control.bytes, self);
	if (count > 0)
		used += message_put_rights(control.bytes + used, fds, count);
	if (used > 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = (socklen_t)used;
	}
	do
		n = sys_sendmsg(sock, &m, MSG_NOSIGNAL | flags);
	while (n == -1 && errno == EINTR);
	return n;
}

/*
 * Send one message, with the credentials of self if that is not NULL. In a user
 * namespace that has no number for our user, the kernel takes none from us; to
 * a receiver that asks, it tells them by itself.
 */
static ssize_t
send_message(int sock, const void *payload, size_t length, const int *fds,
    size_t count, const struct sys_peer *self, int flags)
{
	ssize_t n;

	if (length == 0 || length > FDPASS_MAX_PAYLOAD ||
	    count > FDPASS_MAX_FDS) {
		errno = EINVAL;
		return -1;
	}
	n = send_once(sock, payload, length, fds, count, self, flags);
	if (n == -1 && errno == EINVAL && self != NULL)
		n = send_once(sock, payload, length, fds, count, NULL, flags);
	return n;
}

ssize_t
fdpass_send(int sock, const void *payload, size_t length, const int *fds,
    size_t count, int flags)
{
	struct sys_peer self;

	if (flags & FDPASS_CREDS)
		sys_self(&self);
	return send_message(sock, payload, length, fds, count,
	    flags & FDPASS_CREDS ? &self : NULL,
	    flags & FDPASS_NOWAIT ? MSG_DONTWAIT : 0);
}

/*
 * Send as much of a message as goes without waiting: returns the number of
 * bytes, or -1 as fdpass_send(). On SOCK_STREAM, the kernel keeps only
 * KEPT_TOGETHER bytes in one piece with their descriptors. The last part of a
 * longer payload has the descriptors, for they end the message for a process
 * that reads it from a stream. *count is 0 once the descriptors are sent. self,
 * if not NULL, are our credentials, to be attached.
 */
ssize_t
message_send_part(int sock, int type, const struct sys_peer *self,
    const char *bytes, size_t n, const int *fds, size_t *count)
{
	ssize_t r;

	if (type == SOCK_STREAM && n > KEPT_TOGETHER && *count > 0)
		return send(sock, bytes, n - KEPT_TOGETHER,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
	r = send_message(sock, bytes, n, fds, *count, self, MSG_DONTWAIT);
	if (r >= 0)
		*count = 0;
	return r;
}

void
fdpass_buffer(struct fdpass_message *message, char *payload, size_t size)
{
	message->payload = payload;
	message->size = size;
	message->length = message->count = 0;
	message->pid = message->uid = message->gid = -1;
}

void
fdpass_close(struct fdpass_message *message)
{
	struct wait_guard guard;
	int saved = errno;

	if (message->count == 0)
		return;
	wait_guard_begin(&guard);
	while (message->count > 0)
		close(message->fds[--message->count]);
	wait_guard_end(&guard);
	errno = saved;
}

/*
 * Collect the descriptors of one control message; close those that are too
 * many.
 */
static void
take_rights(struct fdpass_message *message, struct cmsghdr *h)
{
	const unsigned char *data = CMSG_DATA(h);
	size_t i, n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	int fd;

	for (i = 0; i < n; i++) {
		memcpy(&fd, data + i * sizeof fd, sizeof fd);
		if (message->count == FDPASS_MAX_FDS) {
			close(fd);
			continue;
		}
		if (!SYS_HAS_CMSG_CLOEXEC)
			sys_cloexec(fd);
		message->fds[message->count++] = fd;
	}
}

/*
 * recvmsg(), which can hang in close() inside the kernel, when it drops a
 * descriptor that the table has no room for or that came out of band. A call
 * that waits for a message cannot be guarded, for the guard would end its wait.
 */
static ssize_t
receive_guarded(int sock, struct msghdr *m, int flags)
{
	struct wait_guard guard;
	ssize_t n;

	if (!(flags & MSG_DONTWAIT))
		return recvmsg(sock, m, flags);
	wait_guard_begin(&guard);
	n = recvmsg(sock, m, flags);
	wait_guard_end(&guard);
	return n;
}

/*
 * Forget the sender of a message that was sent before its receiver asked for
 * credentials: Linux reports an unknown user.
 */
static void
forget_nobody(struct fdpass_message *m)
{
	if (m->pid == -1 && m->uid == NOBODY && m->gid == NOBODY)
		m->uid = m->gid = -1;
}

static void
take_control(struct fdpass_message *message, struct msghdr *m)
{
	struct sys_peer sender = {-1, -1, -1};
	struct cmsghdr *h;

	for (h = CMSG_FIRSTHDR(m); h != NULL; h = CMSG_NXTHDR(m, h))
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
			take_rights(message, h);
		else
			sys_get_creds(h, &sender);
	message->pid = sender.pid;
	message->uid = sender.uid;
	message->gid = sender.gid;
	forget_nobody(message);
}

int
fdpass_recv(int sock, struct fdpass_message *message, int flags)
{
	union message_control control;
	struct msghdr m;
	struct iovec iov;
	ssize_t n;

	memset(&m, 0, sizeof m);
	iov.iov_base = message->payload;
	iov.iov_len = message->size;
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_control = control.bytes;
	m.msg_controllen = sizeof control.bytes;
	message->count = message->length = 0;
	n = receive_guarded(sock, &m,
	    SYS_CMSG_CLOEXEC | (flags & FDPASS_NOWAIT ? MSG_DONTWAIT : 0) |
		(flags & FDPASS_PEEK ? MSG_PEEK : 0));
	if (n == -1)
		return -1;
	take_control(message, &m);
	message->length = (size_t)n;
	/*
	 * There is always room for the control messages, so MSG_CTRUNC means
	 * that the descriptor table was full.
	 */
	if (m.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) {
		fdpass_close(message);
		errno = m.msg_flags & MSG_CTRUNC ? EMFILE : EMSGSIZE;
		return -1;
	}
	return n > 0 || message->count > 0;
}

/*
 * Does the next message of a SOCK_SEQPACKET bring something without a byte?
 * Without room for them, descriptors (or credentials, if this end has asked for
 * them) are cut; the end brings none. After a failure, which is reported once,
 * there is something to receive, too.
 */
static int
brings_control(int sock)
{
	struct msghdr m;
	struct iovec iov;
	char byte;

	memset(&m, 0, sizeof m);
	iov.iov_base = &byte;
	iov.iov_len = 1;
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	return recvmsg(sock, &m, MSG_PEEK | MSG_DONTWAIT) == -1 ||
	    (m.msg_flags & MSG_CTRUNC) != 0;
}

/*
 * Nothing was received: has the stream ended? An empty message looks like the
 * end, but with one there is no hang-up, or something is still in the queue.
 */
int
message_is_end(int sock)
{
	struct pollfd p;

	/* On this system nothing tells them apart. */
	if (SYS_POLLRDHUP == 0)
		return 1;
	p.fd = sock;
	p.events = POLLIN | SYS_POLLRDHUP;
	p.revents = 0;
	return wait_poll_at_once(&p) == -1 ||
	    ((p.revents & (POLLHUP | SYS_POLLRDHUP)) != 0 &&
		sys_queued(sock) == 0 && !brings_control(sock));
}

/* If the message does not tell who sent it, ask who has connected. */
void
message_ask_sender(struct fdpass_message *m, int sock)
{
	struct sys_peer peer;

	if (m->uid != -1)
		return;
	sys_peer_of(sock, &peer);
	m->pid = peer.pid;
	m->uid = peer.uid;
	m->gid = peer.gid;
}

/* Add a part to the message; -1 if it is too much. */
int
message_append(struct fdpass_message *m, struct fdpass_message *part)
{
	m->length += part->length;
	if (m->count + part->count > FDPASS_MAX_FDS ||
	    m->length > FDPASS_MAX_PAYLOAD) {
		fdpass_close(part);
		errno = EMSGSIZE;
		return -1;
	}
	/*
	 * The sender is the process that sent the descriptors; another one may
	 * have added bytes after them.
	 */
	if (part->uid != -1 && (part->count > 0 || m->count == 0)) {
		m->pid = part->pid;
		m->uid = part->uid;
		m->gid = part->gid;
	}
	memcpy(m->fds + m->count, part->fds, part->count * sizeof m->fds[0]);
	m->count += part->count;
	return 0;
}
