/* SPDX-License-Identifier: ISC */
/*
 * Descriptions of descriptors, for people: type, access mode, flags, details.
 */
#ifndef INFO_H
#define INFO_H

#include "sys.h"

#include <sys/stat.h>

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
 * A descriptor to describe: one of ours, on which any call works, or one that
 * only /proc knows.
 */
struct subject {
	int fd;        /* the number here; -1: not within reach */
	char proc[32]; /* its process in /proc; empty: unknown */
	int number;    /* the number there */
	int cloexec;   /* -1: unknown */
	struct stat st;
	char link[4096]; /* its link in /proc; empty: unknown */
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

/* The columns for a descriptor; s->link is found out first. */
void info_fill(struct info *info, struct subject *s);

/*
 * The same for a descriptor of this process. -1 with EBADF if it is not open.
 * cloexec as in struct subject.
 */
int info_fill_own(struct info *info, int fd, int cloexec);

#endif
