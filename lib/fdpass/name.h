/* SPDX-License-Identifier: ISC */
/*
 * UNIX sockets with a name: make one, replace a stale one, remove it again.
 *
 * The file has its mode from the first instant; a live name is never replaced;
 * only the process that made the name removes it.
 */
#ifndef NAME_H
#define NAME_H

#include "sys.h"

#include "failure.h"

#include <sys/un.h>
#include <time.h>

struct named {
	const char *path; /* NULL: nothing to remove */
	pid_t maker;
	dev_t device;
	ino_t inode;
	struct timespec made; /* inode numbers are reused */
};

int name_address(const char *path, struct sockaddr_un *sun, socklen_t *length,
    struct failure *f);
int name_is_no_socket(const char *path);
int name_listen(const char *path, int type, mode_t mode, struct named *name,
    struct failure *f);
void name_remove(struct named *name);
int name_check_socket(const char *operand, struct failure *f);
int name_was_accepted_on(int sock);
int name_is_abstract(int fd);
int name_allows(int sock);

#endif
