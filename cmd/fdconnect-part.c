/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdconnect-part.h"

#include "descriptors.h"
#include "fdpass/message.h"
#include "wait.h"

#include <sys/uio.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define FLOOD 8192           /* this much in the queue is worth a look */
#define SPARE_DESCRIPTORS 16 /* besides those of two parts */

/* Room for credentials, and for nothing else. */
union credentials {
	struct cmsghdr align;
	char bytes[SYS_CREDS_SPACE + 1];
};

/*
 * Read-only memory: the kernel fails with EFAULT when it tries to write here.
 */
static const char unwritable = 'x';

/*
 * The last close() of a foreign descriptor may take as long as its owner has
 * asked for with SO_LINGER; so may that of a socket with such sockets in its
 * queue. Nothing but a socket can linger, so the guard is spared for others.
 */
static void
close_foreign(int fd)
{
	if (descriptor_type(fd) == -1)
		close(fd);
	else
		wait_close(fd);
}

static void
close_fds(const int *fds, size_t count)
{
	int saved = errno;
	size_t i;

	for (i = 0; i < count; i++)
		close_foreign(fds[i]);
	errno = saved;
}

void
part_close(struct part *p)
{
	close_fds(p->fds, p->count);
	p->length = p->sent = p->count = 0;
}

int
part_type(int fd)
{
	int type = descriptor_unix_type(fd);

	return type == SOCK_STREAM || type == SOCK_SEQPACKET ? type : -1;
}

void
part_source(struct source *s, int fd, int type, size_t most)
{
	memset(s, 0, sizeof *s);
	s->fd = fd;
	s->type = type;
	s->most = most;
	s->has_creds = sys_has_creds(fd);
	s->room = ROOM_UNKNOWN;
}

/* Add the descriptors of all control messages to those in fds. */
static void
collect(struct msghdr *m, int fds[FDPASS_MAX_FDS], size_t *count)
{
	struct sys_peer ignored;
	struct cmsghdr *h;
	size_t i, n;
	int fd;

	for (h = CMSG_FIRSTHDR(m); h != NULL; h = CMSG_NXTHDR(m, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) {
			sys_get_creds(h, &ignored);
			continue;
		}
		n = (h->cmsg_len - CMSG_LEN(0)) / sizeof fd;
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
			if (!SYS_HAS_CMSG_CLOEXEC)
				sys_cloexec(fd);
			if (*count < FDPASS_MAX_FDS)
				fds[(*count)++] = fd;
			else
				close_fds(&fd, 1);
		}
	}
}

static void
header(struct msghdr *m, struct iovec *iov, unsigned short n, void *control,
    size_t room)
{
	memset(m, 0, sizeof *m);
	m->msg_iov = iov;
	m->msg_iovlen = n;
	if (room > 0)
		m->msg_control = control;
	m->msg_controllen = (socklen_t)room;
}

/*
 * Look at what waits, without room for descriptors: *has_fds tells whether
 * there are any. On a stream, the bytes returned end with the part that the
 * descriptors belong to, or earlier if they fill iov. If the owner of the
 * socket has asked for credentials, they need room, for if they were cut, that
 * would look like descriptors.
 */
static ssize_t
peek(struct source *s, struct iovec *iov, unsigned short n_iov, int *has_fds)
{
	int fds[FDPASS_MAX_FDS];
	union credentials control;
	struct msghdr m;
	size_t count = 0;
	ssize_t n;

	header(
	    &m, iov, n_iov, control.bytes, s->has_creds ? SYS_CREDS_SPACE : 0);
	n = recvmsg(s->fd, &m, MSG_PEEK | MSG_DONTWAIT | SYS_CMSG_CLOEXEC);
	if (n == -1)
		return -1;
	*has_fds = (m.msg_flags & MSG_CTRUNC) != 0;
	if (m.msg_controllen == 0)
		return n;
	/*
	 * The owner has stopped asking for credentials, so descriptors came in
	 * their room.
	 */
	collect(&m, fds, &count);
	if (count > 0) {
		close_fds(fds, count);
		s->has_creds = sys_has_creds(s->fd);
		*has_fds = 1;
	}
	return n;
}

static ssize_t
peek_at(struct source *s, char *bytes, size_t size, int *has_fds)
{
	struct iovec iov;

	iov.iov_base = bytes;
	iov.iov_len = size;
	return peek(s, &iov, 1, has_fds);
}

/*
 * The n bytes that wait end with a part that has descriptors: how many bytes
 * come before that part? The kernel copies part by part, and it cannot copy the
 * last part, whose last byte has nowhere to go. Returns 0 if there are none, or
 * the system does not tell.
 */
static size_t
plain_before(struct source *s, char *scratch, size_t n)
{
	struct iovec iov[2];
	int has_fds;
	ssize_t r;

	if (n < 2)
		return 0;
	iov[0].iov_base = scratch;
	iov[0].iov_len = n - 1;
	iov[1].iov_base = (void *)(size_t)&unwritable;
	iov[1].iov_len = 1;
	r = peek(s, iov, 2, &has_fds);
	return r > 0 && (size_t)r < n ? (size_t)r : 0;
}

/*
 * Receive up to n more bytes, and their descriptors. Returns 1 if something
 * came; 0 at the end of file and for an empty message; -1 with errno. There is
 * always room for the control messages, so what is cut is lost: EBADMSG.
 */
static int
receive(struct part *p, struct source *s, size_t n)
{
	union message_control control;
	struct msghdr m;
	struct iovec iov;
	ssize_t r;

	iov.iov_base = p->bytes + p->length;
	iov.iov_len = n;
	header(&m, &iov, 1, control.bytes, sizeof control.bytes);
	r = recvmsg(s->fd, &m, MSG_DONTWAIT | SYS_CMSG_CLOEXEC);
	if (r == -1)
		return -1;
	p->length += (size_t)r;
	if (m.msg_controllen > 0)
		collect(&m, p->fds, &p->count);
	if ((m.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0) {
		errno = m.msg_flags & MSG_CTRUNC ? EBADMSG : EMSGSIZE;
		return -1;
	}
	return r > 0 || p->count > 0;
}

/* Does the table have room for the descriptors of two parts? */
static int
has_plenty(int fd)
{
	int fds[2 * FDPASS_MAX_FDS + SPARE_DESCRIPTORS];
	size_t i, n = 0;

	while (n < sizeof fds / sizeof fds[0]) {
		fds[n] = sys_dup_above(fd, 0);
		if (fds[n] == -1)
			break;
		n++;
	}
	for (i = 0; i < n; i++)
		close(fds[i]);
	return n == sizeof fds / sizeof fds[0];
}

/*
 * Is there room for the next descriptors? If the table is nearly full, find out
 * by receiving them with MSG_PEEK.
 */
static int
has_room(struct source *s)
{
	int fds[FDPASS_MAX_FDS];
	union message_control control;
	struct msghdr m;
	struct iovec iov;
	size_t count = 0;
	char byte;
	ssize_t n;

	if (s->room == ROOM_UNKNOWN)
		s->room = has_plenty(s->fd) ? ROOM_PLENTY : ROOM_TIGHT;
	if (s->room == ROOM_PLENTY)
		return 1;
	iov.iov_base = &byte;
	iov.iov_len = 1;
	header(&m, &iov, 1, control.bytes, sizeof control.bytes);
	n = recvmsg(s->fd, &m, MSG_PEEK | MSG_DONTWAIT | SYS_CMSG_CLOEXEC);
	if (n == -1)
		return 1; /* the next call gets the error */
	collect(&m, fds, &count);
	close_fds(fds, count);
	return (m.msg_flags & MSG_CTRUNC) == 0;
}

/*
 * The n bytes that wait end with a part that has descriptors. Receive the bytes
 * before that part, or that part alone. The first byte shows which it is: it
 * brings the descriptors if it belongs to that part.
 */
static int
take_with_descriptors(struct part *p, struct source *s, size_t n)
{
	size_t rest = n - 1;
	int r;

	if (!has_room(s)) {
		/* The bytes before that part need none. */
		rest = plain_before(s, p->bytes, n);
		if (rest > 0)
			return receive(p, s, rest);
		errno = EMFILE;
		return -1;
	}
	r = receive(p, s, 1);
	if (r != 1)
		return r;
	if (p->count == 0)
		rest = plain_before(s, p->bytes + 1, rest);
	/* What has come already is passed on, even if this fails. */
	if (rest > 0)
		receive(p, s, rest);
	if (p->count == 0 && p->length == n)
		s->has_creds = sys_has_creds(s->fd);
	return 1;
}

/*
 * If much is queued, ask how much, and whether there are any descriptors: on
 * Linux, a look at one byte shows that. Returns how many bytes can be received
 * without another look, 0 if none.
 */
static ssize_t
all_plain(struct part *p, struct source *s)
{
	int queued = sys_queued(s->fd), has_fds;
	ssize_t n;

	if (queued < FLOOD) {
		s->is_flood = 0;
		return 0;
	}
	n = peek_at(s, p->bytes, 1, &has_fds);
	return n == 1 && !has_fds ? queued : 0;
}

static int
take_from_stream(struct part *p, struct source *s)
{
	int has_fds;
	ssize_t n;

	if (s->is_flood && (n = all_plain(p, s)) > 0)
		return receive(p, s, (size_t)n < s->most ? (size_t)n : s->most);
	n = peek_at(s, p->bytes, s->most, &has_fds);
	if (n <= 0)
		return (int)n;
	s->is_flood = n >= FLOOD;
	return has_fds ? take_with_descriptors(p, s, (size_t)n) :
			 receive(p, s, (size_t)n);
}

static int
take_message(struct part *p, struct source *s)
{
	int r;

	if (!has_room(s)) {
		errno = EMFILE;
		return -1;
	}
	r = receive(p, s, s->most);
	return r == 0 ? !message_is_end(s->fd) : r;
}

int
part_drop_urgent(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_OOB | MSG_DONTWAIT) == 1;
}

enum part_result
part_take(struct part *p, struct source *s)
{
	int r;

	p->length = p->sent = p->count = 0;
	r = s->type == SOCK_STREAM ? take_from_stream(p, s) :
				     take_message(p, s);
	if (r == 1)
		return PART_TAKEN;
	if (r == 0)
		return PART_END;
	close_fds(p->fds, p->count);
	p->length = p->count = 0;
	return PART_ERROR;
}

/*
 * A message came that is larger than the send buffer of this socket: its sender
 * has a larger one. Make this one large enough for any part.
 */
static void
make_room(int fd)
{
	int size = PART_MOST + PART_MOST / 2;

	/* If it fails, so does the next try to send. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

int
part_send(struct part *p, int fd, int type)
{
	union message_control control;
	struct msghdr m;
	struct iovec iov;
	ssize_t n;

	/* A stream cannot carry descriptors without a byte. */
	if (p->length == 0 && type == SOCK_STREAM) {
		if (p->count == 0)
			return 0;
		p->bytes[0] = '\0';
		p->length = 1;
	}
	iov.iov_base = p->bytes + p->sent;
	iov.iov_len = p->length - p->sent;
	header(&m, &iov, 1, control.bytes,
	    p->sent == 0 && p->count > 0 ?
		message_put_rights(control.bytes, p->fds, p->count) :
		0);
	n = sys_sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == -1 && errno == EMSGSIZE) {
		make_room(fd);
		n = sys_sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	if (n == -1)
		return -1;
	p->sent += (size_t)n;
	return 0;
}
