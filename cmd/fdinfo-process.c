/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdinfo-process.h"

#include "descriptors.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Is this process a zombie? It has no descriptors left, and its directory in
 * /proc belongs to root.
 */
static int
has_ended(long pid)
{
	char path[40], state[32];

	snprintf(path, sizeof path, "/proc/%ld/status", pid);
	return sys_look_up(path, "State:", state, sizeof state) > 0 &&
	    (state[0] == 'Z' || state[0] == 'X');
}

/*
 * Without permission to duplicate the descriptor, /proc may tell: that takes
 * only the permission to look, not to trace.
 */
static int
get_from_proc(struct info *info, long pid, int fd)
{
#ifdef SYS_LINUX
	struct subject s;
	char path[64];

	snprintf(s.proc, sizeof s.proc, "/proc/%ld", pid);
	snprintf(path, sizeof path, "%s/fd", s.proc);
	if (stat(path, &s.st) == -1)
		return -1;
	snprintf(path, sizeof path, "%s/fd/%d", s.proc, fd);
	if (stat(path, &s.st) == -1) {
		if (errno == ENOENT)
			errno = EBADF;
		return -1;
	}
	s.fd = s.cloexec = -1;
	s.number = fd;
	info_fill(info, &s);
	return 0;
#else
	(void)info;
	(void)pid;
	(void)fd;
	errno = ENOSYS;
	return -1;
#endif
}

/*
 * Whether the original is close-on-exec; our duplicate always is. -1: unknown.
 */
static int
cloexec_of(long pid, int fd)
{
	char path[64], value[32];

	snprintf(path, sizeof path, "/proc/%ld/fdinfo/%d", pid, fd);
	if (sys_look_up(path, "flags:", value, sizeof value) > 0)
		return (strtol(value, NULL, 8) & O_CLOEXEC) != 0;
	return -1;
}

int
process_info(struct info *info, long pid, int fd)
{
	int copy, saved, r;

	if (pid == 0) {
		r = fcntl(fd, F_GETFD);
		return r == -1 ? -1 :
				 info_fill_own(info, fd, (r & FD_CLOEXEC) != 0);
	}
	copy = sys_fd_of_process(pid, fd);
	if (copy == -1) {
		saved = errno;
		if (saved == EBADF || saved == ESRCH)
			return -1;
		if (get_from_proc(info, pid, fd) == 0)
			return 0;
		if (errno != EBADF)
			errno = has_ended(pid) ? ESRCH : saved;
		return -1;
	}
	r = info_fill_own(info, copy, cloexec_of(pid, fd));
	saved = errno;
	close(copy);
	errno = saved;
	return r;
}

struct list {
	int *fds;
	size_t count;
	size_t room;
};

/*
 * Make room for one more. An empty list gets memory too, for NULL is a failure.
 */
static int
grow(struct list *l)
{
	int *more;

	if (l->count < l->room)
		return 0;
	more = realloc(l->fds, (2 * l->room + 64) * sizeof *more);
	if (more == NULL)
		return -1;
	l->fds = more;
	l->room = 2 * l->room + 64;
	return 0;
}

#ifdef SYS_LINUX
static int
by_number(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

/*
 * Add the numbers that are names in this directory; if own, without the
 * descriptor that reads the directory.
 */
static int
list_directory(struct list *l, const char *path, int own)
{
	struct dirent *entry;
	int fd, failed;
	DIR *d;

	d = opendir(path);
	if (d == NULL)
		return -1;
	failed = grow(l);
	while (failed == 0 && (entry = readdir(d)) != NULL) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		fd = atoi(entry->d_name);
		if (own && fd == dirfd(d))
			continue;
		l->fds[l->count++] = fd;
		failed = grow(l);
	}
	closedir(d);
	if (failed == 0)
		qsort(l->fds, l->count, sizeof *l->fds, by_number);
	return failed;
}
#endif

static int
list_own(struct list *l)
{
	size_t i, n = 0;
	int fd = -1, r;

#ifdef SYS_LINUX
	r = list_directory(l, "/proc/self/fd", 1);
#else
	r = -1;
#endif
	if (r == -1) {
		l->count = 0;
		while (
		    (r = grow(l)) == 0 && (fd = descriptors_next(fd + 1)) != -1)
			l->fds[l->count++] = fd;
	}
	/* The placeholders for closed descriptors are not the caller's. */
	for (i = 0; r == 0 && i < l->count; i++)
		if (descriptors_is_open(l->fds[i]))
			l->fds[n++] = l->fds[i];
	l->count = n;
	return r;
}

int *
process_list(long pid, size_t *count)
{
	struct list l = {NULL, 0, 0};
	int r, saved;

	if (pid == 0) {
		r = list_own(&l);
	} else {
#ifdef SYS_LINUX
		char path[40];

		snprintf(path, sizeof path, "/proc/%ld/fd", pid);
		r = list_directory(&l, path, 0);
		if (r == -1 && has_ended(pid))
			r = grow(&l);
#else
		errno = ENOSYS;
		r = -1;
#endif
	}
	*count = l.count;
	if (r == 0)
		return l.fds;
	saved = errno;
	free(l.fds);
	errno = saved;
	return NULL;
}

/*
 * Find the open file description of fd among the n in sorted, which have the
 * kernel's order: *at is its place, or where it belongs. Returns 1 if it is
 * there, 0 if not, -1 if the system does not tell.
 */
static int
find(long pid, const int *sorted, size_t n, int fd, size_t *at)
{
	size_t low = 0, high = n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		switch (sys_same_description(pid, fd, pid, sorted[middle])) {
		case 0:
			*at = middle;
			return 1;
		case 1:
			high = middle;
			break;
		case 2:
			low = middle + 1;
			break;
		default:
			return -1;
		}
	}
	*at = low;
	return 0;
}

int
process_groups(long pid, const int *fds, size_t n, int *groups)
{
	size_t i, at, known = 0;
	int *sorted;

	if (pid == 0)
		pid = (long)getpid();
	sorted = malloc((n + 1) * sizeof *sorted);
	if (sorted == NULL)
		return -1;
	for (i = 0; i < n; i++) {
		groups[i] = fds[i];
		switch (find(pid, sorted, known, fds[i], &at)) {
		case 1:
			groups[i] = sorted[at];
			break;
		case 0:
			memmove(sorted + at + 1, sorted + at,
			    (known - at) * sizeof *sorted);
			sorted[at] = fds[i];
			known++;
			break;
		}
	}
	free(sorted);
	return 0;
}
