/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "descriptors.h"

#include "trace.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static unsigned held; /* bits: the caller had closed these of 0, 1, 2 */

/*
 * Hold closed standard descriptors, so that nothing we open lands there. The
 * placeholders are gone after exec.
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

/* Did the caller have it open? */
int
descriptors_is_open(int fd)
{
	if (fd >= 0 && fd <= 2 && (held & 1u << fd) != 0)
		return 0;
	return fcntl(fd, F_GETFD) != -1;
}

/* The lowest open descriptor from this number up, -1 if there is none. */
int
descriptors_next(int from)
{
	int limit = descriptors_limit();

	/* No table has been that long, whatever the limit allows. */
	if (limit > 65536)
		limit = 65536;
	for (; from < limit; from++)
		if (fcntl(from, F_GETFD) != -1)
			return from;
	return -1;
}

/* Visit all that are open, from 3 up. */
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

static void
hide_duplicate(int fd, void *socket)
{
	const struct stat *mine = socket;
	struct stat other;

	if (fstat(fd, &other) == 0 && other.st_dev == mine->st_dev &&
	    other.st_ino == mine->st_ino)
		sys_cloexec(fd);
}

/* From 3 up, COMMAND shall not find any duplicate of this socket. */
void
descriptors_hide_duplicates(int sock)
{
	struct stat mine;

	if (fstat(sock, &mine) == 0)
		visit(hide_duplicate, &mine);
}

/*
 * Move a standard descriptor out of the way: returns a close-on-exec duplicate
 * from 3 up, and leaves /dev/null, open for flags, in its place.
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

/* One of the descriptors that are still to be moved is there. */
static int
is_among(int fd, const int *fds, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (fds[i] == fd)
			return 1;
	return 0;
}

/* Out of the way: those that are still to be moved and are at this number. */
static int
move_away(int fd, int *fds, size_t n)
{
	int moved = sys_dup_above(fd, 3);
	size_t i;

	if (moved == -1)
		return -1;
	for (i = 0; i < n; i++)
		if (fds[i] == fd)
			fds[i] = moved;
	return 0;
}

/*
 * Put fds[i] at number targets[i], open across exec. fds[] are ours, and each
 * is closed as soon as it has been moved, so that one free number is enough:
 * who has taken a message must not fail for want of more. dup2() onto itself
 * would keep close-on-exec. Safe between vfork() and exec, where fds[] is
 * written to.
 */
int
descriptors_land(const char *step, int *fds, const int *targets, size_t n)
{
	size_t i;
	int from;

	for (i = 0; i < n; i++) {
		from = fds[i];
		if (from == targets[i]) {
			if (fcntl(from, F_SETFD, 0) == -1)
				return -1;
			continue;
		}
		if (is_among(targets[i], fds + i + 1, n - i - 1) &&
		    move_away(targets[i], fds + i + 1, n - i - 1) == -1)
			return -1;
		if (dup2(from, targets[i]) == -1)
			return -1;
		if (trace_on)
			trace(step, "dup2(%d, %d)", from, targets[i]);
		if (!is_among(from, fds + i + 1, n - i - 1))
			close(from);
	}
	return 0;
}
