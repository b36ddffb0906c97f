/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include <sys/file.h>

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#ifdef SYS_LINUX
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

int
sys_would_block(int error)
{
#if EWOULDBLOCK != EAGAIN
	if (error == EWOULDBLOCK)
		return 1;
#endif
	return error == EAGAIN;
}

int
sys_cloexec(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags == -1)
		return -1;
	return fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

/*
 * Set or clear O_NONBLOCK. Only for descriptors that no other process has: it
 * changes all their duplicates.
 */
int
sys_nonblock(int fd, int on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags == -1)
		return -1;
	if (((flags & O_NONBLOCK) != 0) == (on != 0))
		return 0;
	return fcntl(
	    fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

#ifndef SYS_2024
static int
cloexec_or_close(int fd)
{
	int saved;

	if (fd == -1 || sys_cloexec(fd) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}
#endif

int
sys_socket(int domain, int type)
{
#ifdef SYS_2024
	return socket(domain, type | SOCK_CLOEXEC, 0);
#else
	return cloexec_or_close(socket(domain, type, 0));
#endif
}

int
sys_socket_nonblock(int domain, int type)
{
#ifdef SYS_2024
	return socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
#else
	int s = sys_socket(domain, type), saved;

	if (s == -1 || sys_nonblock(s, 1) == 0)
		return s;
	saved = errno;
	close(s);
	errno = saved;
	return -1;
#endif
}

/* A pair of connected UNIX sockets, close-on-exec. */
int
sys_socketpair(int type, int pair[2])
{
#ifdef SYS_2024
	return socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair);
#else
	if (socketpair(AF_UNIX, type, 0, pair) == -1)
		return -1;
	if (sys_cloexec(pair[0]) == -1 || sys_cloexec(pair[1]) == -1) {
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	return 0;
#endif
}

/* The accepted socket blocks, even if the listening one does not. */
int
sys_accept(int fd, struct sockaddr *address, socklen_t *length)
{
#ifdef SYS_2024
	return accept4(fd, address, length, SOCK_CLOEXEC);
#else
	int s = cloexec_or_close(accept(fd, address, length));

	/* On BSD it inherits O_NONBLOCK from the listening socket. */
	if (s != -1)
		sys_nonblock(s, 0);
	return s;
#endif
}

int
sys_pipe(int ends[2])
{
#ifdef SYS_2024
	return pipe2(ends, O_CLOEXEC);
#else
	if (pipe(ends) == -1)
		return -1;
	if (sys_cloexec(ends[0]) == -1 || sys_cloexec(ends[1]) == -1) {
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	return 0;
#endif
}

/*
 * musl's sendmsg() copies the control messages into a buffer of 1024 bytes, too
 * few for 253 descriptors; it fails with ENOMEM. The kernel takes them if we
 * call it directly: m is zeroed, so its padding needs no copy.
 */
ssize_t
sys_sendmsg(int fd, const struct msghdr *m, int flags)
{
	ssize_t n = sendmsg(fd, m, flags);

#if defined(SYS_LINUX) && defined(SYS_sendmsg)
	if (n == -1 && errno == ENOMEM)
		n = syscall(SYS_sendmsg, fd, m, flags);
#endif
	return n;
}

#ifdef SYS_2024
void
sys_ppoll_wake(void)
{
}

int
sys_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
    const sigset_t *mask)
{
	return ppoll(fds, n, timeout, mask);
}
#else
/*
 * Without ppoll(), a signal can come after it is unblocked and before poll()
 * begins. Its handler notes it, and no poll() takes longer than a slice, so the
 * signal is noticed only a little late.
 */
#define SLICE 100 /* ms */

static volatile sig_atomic_t woken;

void
sys_ppoll_wake(void)
{
	woken = 1;
}

static int
milliseconds(const struct timespec *t)
{
	if (t == NULL)
		return -1;
	if (t->tv_sec > INT_MAX / 1000 - 1)
		return INT_MAX;
	return (int)(t->tv_sec * 1000 + (t->tv_nsec + 999999) / 1000000);
}

int
sys_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
    const sigset_t *mask)
{
	int left = milliseconds(timeout), slice, r, saved;
	sigset_t old;

	if (mask == NULL)
		return poll(fds, n, left);
	woken = 0;
	sigprocmask(SIG_SETMASK, mask, &old);
	do {
		slice = left < 0 || left > SLICE ? SLICE : left;
		r = poll(fds, n, woken ? 0 : slice);
		left -= left < 0 ? 0 : slice;
	} while (r == 0 && left != 0 && !woken);
	saved = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	errno = saved;
	if (!woken)
		return r;
	errno = EINTR;
	return -1;
}
#endif

/* How many bytes wait to be received; 0 if the system does not tell. */
int
sys_queued(int fd)
{
	int n = 0;

#ifdef SYS_LINUX
	if (ioctl(fd, FIONREAD, &n) == -1)
		n = 0;
#else
	(void)fd;
#endif
	return n;
}

/*
 * A close-on-exec descriptor that polls readable once for each arrival at a
 * socket, and once for its end. The socket itself would poll readable as long
 * as data waits there. -1 with errno if the system has no such thing.
 */
int
sys_arrivals(int fd)
{
#ifdef SYS_LINUX
	struct epoll_event e;
	int arrivals = epoll_create1(EPOLL_CLOEXEC), saved;

	if (arrivals == -1)
		return -1;
	memset(&e, 0, sizeof e);
	e.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
	if (epoll_ctl(arrivals, EPOLL_CTL_ADD, fd, &e) == 0)
		return arrivals;
	saved = errno;
	close(arrivals);
	errno = saved;
#else
	(void)fd;
	errno = ENOSYS;
#endif
	return -1;
}

/*
 * Forget what has arrived until now, so that the next arrival polls readable.
 */
void
sys_arrivals_clear(int arrivals)
{
#ifdef SYS_LINUX
	struct epoll_event e;

	epoll_wait(arrivals, &e, 1, 0);
#else
	(void)arrivals;
#endif
}

/*
 * Empty the error queue of a socket, where its owner may have asked for such
 * things as time stamps; until then, poll() reports an error. Returns 0 if it
 * was empty.
 */
int
sys_drain_errors(int fd)
{
	int n = 0;

#if defined(SYS_LINUX) && defined(MSG_ERRQUEUE)
	struct msghdr m;
	int domain = AF_UNIX;
	socklen_t length = sizeof domain;

	/* A UNIX socket has no such queue: the call would receive its data. */
	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length);
	if (domain != AF_INET && domain != AF_INET6)
		return 0;
	memset(&m, 0, sizeof m);
	while (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) != -1)
		n++;
#else
	(void)fd;
#endif
	return n;
}

/* A close-on-exec duplicate with a number of at least lowest. */
int
sys_dup_above(int fd, int lowest)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, lowest);
}

int
sys_has_abstract(void)
{
#ifdef SYS_LINUX
	return 1;
#else
	return 0;
#endif
}

/*
 * Ask for the process at the other end: the one that connected, or that
 * listens. (For a socketpair, it is the one that made it.)
 */
int
sys_peer_of(int fd, struct sys_peer *peer)
{
	peer->pid = peer->uid = peer->gid = -1;
#if defined(SYS_LINUX)
	{
		struct ucred c;
		socklen_t length = sizeof c;

		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &length) == -1)
			return -1;
		if (c.pid > 0)
			peer->pid = c.pid;
		if (c.uid != (uid_t)-1)
			peer->uid = (long)c.uid;
		if (c.gid != (gid_t)-1)
			peer->gid = (long)c.gid;
		return 0;
	}
#elif defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) || \
    defined(__APPLE__)
	{
		uid_t uid;
		gid_t gid;

		if (getpeereid(fd, &uid, &gid) == -1)
			return -1;
		peer->uid = (long)uid;
		peer->gid = (long)gid;
		return 0;
	}
#else
	(void)fd;
	errno = ENOSYS;
	return -1;
#endif
}

/*
 * Ask for the sender's credentials with each message, or stop asking. Returns 1
 * if that is a change, 0 if it was so before, -1 with errno if it is not
 * possible.
 */
int
sys_want_creds(int fd, int on)
{
#ifdef SYS_LINUX
	int was = 0;
	socklen_t length = sizeof was;

	if (getsockopt(fd, SOL_SOCKET, SO_PASSCRED, &was, &length) == 0 &&
	    (was != 0) == (on != 0))
		return 0;
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == -1)
		return -1;
	return 1;
#else
	(void)fd;
	(void)on;
	errno = ENOSYS;
	return -1;
#endif
}

/* Does each message on this socket come with its sender's credentials? */
int
sys_has_creds(int fd)
{
#ifdef SYS_LINUX
	int has = 0;
	socklen_t length = sizeof has;

	return getsockopt(fd, SOL_SOCKET, SO_PASSCRED, &has, &length) == 0 &&
	    has != 0;
#else
	(void)fd;
	return 0;
#endif
}

/* Who we are, as a receiver would see it. */
void
sys_self(struct sys_peer *self)
{
	self->pid = (long)getpid();
	self->uid = (long)geteuid();
	self->gid = (long)getegid();
}

/*
 * Write a control message with our credentials, of sys_self(); returns its
 * size. By itself, the kernel adds them only if the receiver has asked before
 * we send.
 */
size_t
sys_put_creds(void *control, size_t room, const struct sys_peer *self)
{
#ifdef SYS_LINUX
	struct cmsghdr h;
	struct ucred c;

	if (room < SYS_CREDS_SPACE)
		return 0;
	memset(control, 0, SYS_CREDS_SPACE);
	memset(&h, 0, sizeof h);
	h.cmsg_len = CMSG_LEN(sizeof c);
	h.cmsg_level = SOL_SOCKET;
	h.cmsg_type = SCM_CREDENTIALS;
	c.pid = (pid_t)self->pid;
	c.uid = (uid_t)self->uid;
	c.gid = (gid_t)self->gid;
	memcpy(control, &h, sizeof h);
	memcpy((char *)control + CMSG_LEN(0), &c, sizeof c);
	return SYS_CREDS_SPACE;
#else
	(void)control;
	(void)room;
	(void)self;
	return 0;
#endif
}

/*
 * Read the credentials of the sender from a control message: returns 1 if it
 * had them. A descriptor for the sender's process, which another user of this
 * socket may have asked for, is closed.
 */
int
sys_get_creds(const struct cmsghdr *h, struct sys_peer *peer)
{
#ifdef SYS_LINUX
	const int scm_pidfd = 4; /* SCM_PIDFD, since Linux 6.5 */
	struct ucred c;
	int fd;

	if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == scm_pidfd &&
	    h->cmsg_len >= CMSG_LEN(sizeof fd)) {
		memcpy(&fd, CMSG_DATA(h), sizeof fd);
		if (fd >= 0)
			close(fd);
		return 0;
	}
	if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_CREDENTIALS ||
	    h->cmsg_len < CMSG_LEN(sizeof c))
		return 0;
	memcpy(&c, CMSG_DATA(h), sizeof c);
	/*
	 * A process in another PID namespace has no number here, but it has a
	 * user.
	 */
	peer->pid = c.pid > 0 ? c.pid : -1;
	peer->uid = (long)c.uid;
	peer->gid = (long)c.gid;
	return 1;
#else
	(void)h;
	(void)peer;
	return 0;
#endif
}

/* A duplicate of descriptor fd of process pid, by pidfd_getfd(2). */
int
sys_fd_of_process(long pid, int fd)
{
#if defined(SYS_LINUX) && defined(SYS_pidfd_open) && defined(SYS_pidfd_getfd)
	int process, copy, saved;

	process = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0u);
	if (process == -1)
		return -1;
	copy = (int)syscall(SYS_pidfd_getfd, process, fd, 0u);
	saved = errno;
	close(process);
	errno = saved;
	return copy;
#else
	(void)pid;
	(void)fd;
	errno = ENOSYS;
	return -1;
#endif
}

/*
 * A file in memory, by memfd_create(2); -1 with ENOSYS on systems without it.
 */
int
sys_memory_file(const char *name)
{
#if defined(SYS_LINUX) && defined(SYS_memfd_create)
	const unsigned cloexec = 1; /* MFD_CLOEXEC; not every libc has it */

	return (int)syscall(SYS_memfd_create, name, cloexec);
#else
	(void)name;
	errno = ENOSYS;
	return -1;
#endif
}

/*
 * Compare the open file descriptions of two descriptors, by kcmp(2): returns 0
 * if they are the same, 1 or 2 for less or greater, -1 if the system does not
 * tell.
 */
int
sys_same_description(long pid1, int fd1, long pid2, int fd2)
{
#if defined(SYS_LINUX) && defined(SYS_kcmp)
	const int kcmp_file = 0; /* KCMP_FILE; musl has no linux/kcmp.h */

	return (int)syscall(SYS_kcmp, (pid_t)pid1, (pid_t)pid2, kcmp_file,
	    (unsigned long)fd1, (unsigned long)fd2);
#else
	(void)pid1;
	(void)fd1;
	(void)pid2;
	(void)fd2;
	errno = ENOSYS;
	return -1;
#endif
}

/* Open the directory that lists our open descriptors; NULL if there is none. */
DIR *
sys_open_table(void)
{
#ifdef SYS_LINUX
	return opendir("/proc/self/fd");
#else
	return NULL;
#endif
}

/*
 * Read a file of /proc: returns how many lines begin with key, 0 without such a
 * file; value gets what follows key in the first of them.
 */
long
sys_look_up(const char *path, const char *key, char *value, size_t size)
{
	long found = 0;
#ifdef SYS_LINUX
	char line[512];
	const char *at;
	size_t n = strlen(key);
	/* fopen() has no portable way to ask for close-on-exec. */
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	FILE *f = fd == -1 ? NULL : fdopen(fd, "r");

	if (f == NULL && fd != -1)
		close(fd);
	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		if (strncmp(line, key, n) != 0 || found++ > 0)
			continue;
		at = line + n + strspn(line + n, " \t");
		snprintf(value, size, "%.*s", (int)strcspn(at, "\n"), at);
	}
	if (f != NULL)
		fclose(f);
#else
	(void)path;
	(void)key;
	(void)size;
#endif
	if (found == 0)
		value[0] = '\0';
	return found;
}

/* Try to lock an open directory; closing it unlocks it. */
int
sys_lock_directory(int fd)
{
#ifdef LOCK_EX
	return flock(fd, LOCK_EX | LOCK_NB);
#else
	(void)fd;
	return 0;
#endif
}

/* Have SIGTERM sent to this process when its parent dies. */
void
sys_end_with_parent(pid_t parent)
{
#ifdef SYS_LINUX
	prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
	/* The parent may have died before that call. */
	if (getppid() != parent)
		raise(SIGTERM);
}

/* Does sys_end_with_parent() work whenever the parent dies? */
int
sys_ends_with_parent(void)
{
#ifdef SYS_LINUX
	return 1;
#else
	return 0;
#endif
}

#ifdef SYS_LINUX
/*
 * sock_diag(7): the kernel's table of sockets. The layout of its messages is
 * declared here, for musl comes without linux/netlink.h and linux/unix_diag.h;
 * it is the kernel's, and does not change.
 */
enum {
	PROTOCOL = 4,   /* NETLINK_SOCK_DIAG */
	BY_FAMILY = 20, /* SOCK_DIAG_BY_FAMILY */
	REQUEST = 1,    /* NLM_F_REQUEST */
	SHOW_PEER = 4,  /* UDIAG_SHOW_PEER */
	PEER = 2        /* UNIX_DIAG_PEER */
};

struct header {
	uint32_t length;
	uint16_t type;
	uint16_t flags;
	uint32_t sequence;
	uint32_t port;
};

struct request {
	struct header header;
	uint8_t family;
	uint8_t protocol;
	uint16_t pad;
	uint32_t states;
	uint32_t inode;
	uint32_t show;
	uint32_t cookie[2];
};

struct answer {
	struct header header;
	uint8_t family;
	uint8_t type;
	uint8_t state;
	uint8_t pad;
	uint32_t inode;
	uint32_t cookie[2];
};

struct attribute {
	uint16_t length;
	uint16_t type;
	uint32_t value;
};

/*
 * The peer's inode in an answer of n bytes about this inode; 0 if there is
 * none.
 */
static unsigned long
peer_in(const char *bytes, size_t n, uint32_t inode)
{
	struct attribute attribute;
	struct answer answer;
	size_t at = sizeof answer;

	if (n < sizeof answer)
		return 0;
	memcpy(&answer, bytes, sizeof answer);
	if (answer.header.type != BY_FAMILY || answer.inode != inode)
		return 0;
	while (n - at >= sizeof attribute) {
		memcpy(&attribute, bytes + at, sizeof attribute);
		if (attribute.type == PEER &&
		    attribute.length == sizeof attribute)
			return attribute.value;
		/* Each attribute begins at a multiple of four. */
		if (attribute.length < 4 || attribute.length > n - at)
			return 0;
		at += (attribute.length + 3u) & ~3u;
		if (at > n)
			return 0;
	}
	return 0;
}

/* Ask the kernel. The answer is there when send() returns. */
static unsigned long
ask(int s, uint32_t inode)
{
	struct request request;
	char answer[512];
	ssize_t n;

	memset(&request, 0, sizeof request);
	request.header.length = sizeof request;
	request.header.type = BY_FAMILY;
	request.header.flags = REQUEST;
	request.family = AF_UNIX;
	request.states = UINT32_MAX;
	request.inode = inode;
	request.show = SHOW_PEER;
	request.cookie[0] = request.cookie[1] = UINT32_MAX; /* any */
	if (send(s, &request, sizeof request, MSG_NOSIGNAL) == -1)
		return 0;
	n = recv(s, answer, sizeof answer, MSG_DONTWAIT);
	return n == -1 ? 0 : peer_in(answer, (size_t)n, inode);
}
#endif

/*
 * The inode of the UNIX socket that the one with this inode is connected to; 0
 * if there is none or the system does not tell, such as for a socket in another
 * network namespace. Keeps errno.
 */
unsigned long
sys_peer_inode(ino_t inode)
{
#ifdef SYS_LINUX
	unsigned long peer;
	int s, saved = errno;

	if (inode == 0 || (uintmax_t)inode > UINT32_MAX)
		return 0;
	s = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, PROTOCOL);
	if (s == -1) {
		errno = saved;
		return 0;
	}
	peer = ask(s, (uint32_t)inode);
	close(s);
	errno = saved;
	return peer;
#else
	(void)inode;
	return 0;
#endif
}
