/* SPDX-License-Identifier: ISC */
/*
 * A UNIX socket with a name: made with the mode it shall have, in place of a
 * stale one but never of a live one, and removed by its maker alone.
 */
#ifndef NAMED_H
#define NAMED_H

#include "sys.h"

#include "failure.h"

#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

struct named {
	const char *path; /* NULL: nothing to remove */
	pid_t maker;
	dev_t device;
	ino_t inode;
	struct timespec made; /* inode numbers are used again */
};

int address_unix(
    const char *, struct sockaddr_un *, socklen_t *, struct failure *);
int address_is_no_socket(const char *);
int named_listen(const char *, int, mode_t, struct named *, struct failure *);
void named_remove(struct named *);
int name_check_socket(const char *operand, struct failure *f);
int name_is_abstract(int fd);
int name_allows(int sock);

#endif
