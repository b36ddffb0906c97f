/* SPDX-License-Identifier: ISC */
/*
 * A UNIX socket with a name: made with the mode it shall have, in place of a
 * stale one but never of a live one, and removed by its maker alone.
 */
#ifndef NAMED_H
#define NAMED_H

#include "sys.h"

#include "failure.h"

#include <sys/un.h>
#include <time.h>

struct named {
	const char *path; /* NULL: nothing to remove */
	pid_t maker;
	dev_t device;
	ino_t inode;
	struct timespec made; /* inode numbers are used again */
};

int address_unix(const char *path, struct sockaddr_un *sun, socklen_t *length,
    struct failure *f);
int address_is_no_socket(const char *path);
int named_listen(const char *path, int type, mode_t mode, struct named *name,
    struct failure *f);
void named_remove(struct named *name);
int name_check_socket(const char *operand, struct failure *f);
int name_is_abstract(int fd);
int name_allows(int sock);

#endif
