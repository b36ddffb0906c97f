/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "descriptors.h"

#include "wait.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static unsigned held; /* a bit for each of 0, 1, 2 that the caller had closed */

/* The socket whose duplicates are to be closed. */
struct duplicates {
	int fd;
	struct stat st;
};

/*
 * Fill closed standard descriptors with /dev/null, so that nothing that we open
 * gets their numbers. They are close-on-exec.
 */
int
descriptors_init(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) != -1)
			continue;
		if (open("/dev/null", O_RDWR | O_CLOEXEC) != fd)
			return -1;
		held |= 1u << fd;
	}
	return 0;
}

/* Is this descriptor open, and not just a placeholder of ours? */
int
descriptors_is_open(int fd)
{
	/* Since descriptors_init() all of these have been open. */
	if (fd >= 0 && fd <= 2)
		return (held & 1u << fd) == 0;
	return fcntl(fd, F_GETFD) != -1;
}

/* The lowest open descriptor that is at least from; -1 if there is none. */
int
descriptors_next(int from)
{
	int limit = descriptors_limit();

	/* Trying each number up to a very high limit would take too long. */
	if (limit > 65536)
		limit = 65536;
	for (; from < limit; from++)
		if (fcntl(from, F_GETFD) != -1)
			return from;
	return -1;
}

/* Call f for each open descriptor from 3 up. */
static void
visit(void (*f)(int, void *), void *argument)
{
	struct dirent *entry;
	int fd;
	DIR *d;

	d = sys_open_table();
	if (d == NULL) {
		for (fd = 3; (fd = descriptors_next(fd)) != -1; fd++)
			f(fd, argument);
		return;
	}
	while ((entry = readdir(d)) != NULL) {
		fd = atoi(entry->d_name);
		if (fd >= 3 && fd != dirfd(d))
			f(fd, argument);
	}
	closedir(d);
}

static void
note_highest(int fd, void *highest)
{
	if (fd > *(int *)highest)
		*(int *)highest = fd;
}

int
descriptors_highest(void)
{
	int highest = 2;

	visit(note_highest, &highest);
	return highest;
}

/* How many descriptors the table has room for. */
int
descriptors_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_cur > INT_MAX)
		return INT_MAX;
	return (int)limit.rlim_cur;
}

/*
 * Raise the limit of this process to the hard limit, so that the user need not
 * do it for a command that holds many descriptors. Not for a command that
 * becomes or starts COMMAND, which is to have the caller's limit.
 */
void
descriptors_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 ||
	    limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Is there room for one more descriptor? */
int
descriptors_have_room(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return 0;
	close(fd);
	return 1;
}

static void
close_duplicate(int fd, void *socket)
{
	const struct duplicates *d = socket;
	struct stat other;

	if (fd != d->fd && fstat(fd, &other) == 0 &&
	    other.st_dev == d->st.st_dev && other.st_ino == d->st.st_ino)
		wait_close(fd);
}

/* Close every duplicate of this socket from 3 up. */
void
descriptors_close_duplicates(int fd)
{
	struct duplicates d;

	d.fd = fd;
	if (fstat(fd, &d.st) == 0)
		visit(close_duplicate, &d);
}

/*
 * Move a standard descriptor out of the way: returns a close-on-exec duplicate
 * from 3 up, and puts /dev/null, opened with flags, in its place. -1 with
 * errno.
 */
int
descriptors_take_standard(int fd, int flags)
{
	int copy, null;

	copy = sys_dup_above(fd, 3);
	if (copy == -1)
		return -1;
	null = open("/dev/null", flags | O_CLOEXEC);
	if (null == -1 || dup2(null, fd) == -1) {
		close(copy);
		return -1;
	}
	close(null);
	return copy;
}

/*
 * The value of a socket option; -1 and errno if the descriptor has no such
 * option.
 */
int
descriptor_option(int fd, int level, int name)
{
	int value;
	socklen_t length = sizeof value;

	return getsockopt(fd, level, name, &value, &length) == -1 ? -1 : value;
}

/* The type of a socket; -1 and errno if the descriptor is something else. */
int
descriptor_type(int fd)
{
	return descriptor_option(fd, SOL_SOCKET, SO_TYPE);
}

/* The type of a UNIX socket; -1 and errno if it is something else. */
int
descriptor_unix_type(int fd)
{
	struct sockaddr_storage ss;
	socklen_t length = sizeof ss;

	ss.ss_family = AF_UNSPEC;
	if (getsockname(fd, (struct sockaddr *)&ss, &length) == -1)
		return -1;
	if (ss.ss_family == AF_UNIX)
		return descriptor_type(fd);
	errno = ENOTSOCK;
	return -1;
}

int
descriptor_is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* Is this a listening socket? -1 and errno if it is not a socket. */
int
descriptor_is_listening(int fd)
{
	return descriptor_option(fd, SOL_SOCKET, SO_ACCEPTCONN);
}

/* Is this socket connected now? */
int
descriptor_is_connected(int fd)
{
	struct sockaddr_storage ss;
	socklen_t length = sizeof ss;

	return getpeername(fd, (struct sockaddr *)&ss, &length) == 0;
}

/*
 * Is this a connected socket, and to whom? A socket that its peer has reset in
 * the meantime counts too: it has lost the address of its peer, but it can be
 * read, unlike one that was never connected.
 */
int
descriptor_is_connection(int fd, struct peer *peer)
{
	struct pollfd p;

	peer->type = -1;
	peer->length = sizeof peer->address;
	if (getpeername(fd, (struct sockaddr *)&peer->address, &peer->length) ==
	    0)
		return 1;
	peer->length = 0;
	if (errno != ENOTCONN && errno != EINVAL)
		return 0;
	/*
	 * Datagrams can come to a socket that was never connected, so a
	 * datagram socket that can be read is not one that was reset.
	 */
	if (descriptor_is_listening(fd) != 0)
		return 0;
	peer->type = descriptor_type(fd);
	if (peer->type == SOCK_DGRAM)
		return 0;
	p.fd = fd;
	p.events = POLLIN;
	return wait_poll_at_once(&p) == 1 && (p.revents & POLLIN) != 0;
}
