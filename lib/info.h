/* SPDX-License-Identifier: ISC */
/*
 * Descriptions of descriptors, for people: type, access mode, flags, details.
 */
#ifndef INFO_H
#define INFO_H

#include "sys.h"

#define INFO_TEXT 3072 /* room for any description without a long path */

#define INFO_TYPE 40
#define INFO_FLAGS 128
#define INFO_DETAILS 20480 /* room for an escaped path of any length */
#define INFO_LINE (INFO_DETAILS + 256)

/* The columns of fdinfo. None is empty; only details may contain blanks. */
struct info {
	char type[INFO_TYPE];
	char access[4]; /* r, w, rw or - */
	char flags[INFO_FLAGS];
	char details[INFO_DETAILS];
};

/*
 * What kind of thing a descriptor is, in words that fit "refused: a directory":
 * "socket", "listening socket", "pipe", "regular file", "directory", "character
 * device", "block device", "terminal", "eventfd", "epoll" ...
 */
void info_type(char *text, size_t size, int fd);

/*
 * A descriptor in one line: type, access mode, flags and details, as fdinfo
 * shows them after the number. Close-on-exec is left out: it belongs to the
 * number, not to what a message carried. Keeps errno.
 */
void info_describe(char *text, size_t size, int fd);

/*
 * The columns for descriptor fd of process pid, or of this process if pid is 0.
 * Returns -1 with EBADF if it is not open; ESRCH, EPERM and so on for another
 * process.
 */
int info_get(struct info *info, long pid, int fd);

/*
 * The numbers of the open descriptors of process pid, or of this process if pid
 * is 0, in ascending order; the caller frees them. Returns NULL with errno if
 * they cannot be found out.
 */
int *info_list(long pid, size_t *count);

/*
 * Which of these descriptors of process pid, given in ascending order, share
 * one open file description: groups[i] is the lowest descriptor that shares the
 * one of fds[i], or fds[i] itself if none does or the system does not tell. -1
 * if there is no memory.
 */
int info_groups(long pid, const int *fds, size_t n, int *groups);

#endif
