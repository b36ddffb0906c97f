/* SPDX-License-Identifier: ISC */
/*
 * What is this descriptor?
 */
#ifndef INFO_H
#define INFO_H

#include "sys.h"

#define INFO_TEXT 3072 /* room for any description, but for a long path */

#define INFO_TYPE 40
#define INFO_FLAGS 128
#define INFO_DETAILS 20480 /* room for an escaped path of any length */
#define INFO_LINE (INFO_DETAILS + 256)

/* The columns of fdinfo. None is empty, none but details has a blank. */
struct info {
	char type[INFO_TYPE];
	char access[4]; /* r, w, rw or - */
	char flags[INFO_FLAGS];
	char details[INFO_DETAILS];
};

/*
 * What kind of thing it is, in words that fit "refused: a directory":
 * "socket", "listening socket", "pipe", "regular file", "directory",
 * "character device", "block device", "terminal", "eventfd", "epoll" ...
 */
void info_type(char *text, size_t size, int fd);

/*
 * One line: type, access mode, flags and what it is, without the number, as
 * fdinfo shows it behind the number. Close-on-exec is left out: it belongs to
 * the number, not to what a message carried. Keeps errno.
 */
void info_describe(char *text, size_t size, int fd);

/*
 * The columns of a descriptor of process pid, 0 for this one. Returns -1 with
 * EBADF if it is not open, and ESRCH, EPERM and so on for another process.
 */
int info_get(struct info *info, long pid, int fd);

/*
 * The numbers of the open descriptors of process pid, 0 for this one, in
 * order; to be freed. Returns NULL with errno if it cannot tell.
 */
int *info_list(long pid, size_t *count);

/*
 * Which of these descriptors of process pid, in the order of their numbers,
 * share one open file description: groups[i] is the lowest that shares
 * fds[i]'s, or fds[i] if none does or the system does not tell. -1 for lack of
 * memory.
 */
int info_groups(long pid, const int *fds, size_t n, int *groups);

#endif
