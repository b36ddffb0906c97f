/* SPDX-License-Identifier: ISC */
/*
 * The descriptors of a process, this one or another: which are open, what each
 * is, and which share an open file description.
 */
#ifndef FDINFO_PROCESS_H
#define FDINFO_PROCESS_H

#include "info.h"

/*
 * The columns for descriptor fd of process pid, or of this process if pid is 0.
 * Returns -1 with EBADF if it is not open; ESRCH, EPERM and so on for another
 * process.
 */
int process_info(struct info *info, long pid, int fd);

/*
 * The numbers of the open descriptors of process pid, or of this process if pid
 * is 0, in ascending order; the caller frees them. Returns NULL with errno if
 * they cannot be found out.
 */
int *process_list(long pid, size_t *count);

/*
 * Which of these descriptors of process pid, given in ascending order, share
 * one open file description: groups[i] is the lowest descriptor that shares the
 * one of fds[i], or fds[i] itself if none does or the system does not tell. -1
 * if there is no memory.
 */
int process_groups(long pid, const int *fds, size_t n, int *groups);

#endif
