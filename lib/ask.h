/* SPDX-License-Identifier: ISC */
/*
 * What is asked about a descriptor before something is done with it.
 */
#ifndef ASK_H
#define ASK_H

#include "sys.h"

/* Who is at the other end of a connection. */
struct peer {
	struct sockaddr_storage address;
	socklen_t length; /* 0: not known any more */
	int type;         /* of the socket; -1: it was not asked */
};

int ask_option(int fd, int level, int name);
int ask_type(int fd);
int ask_unix_type(int fd);
int ask_is_pipe(int fd);
int ask_is_listening(int fd);
int ask_is_connected(int fd);
int ask_is_connection(int fd, struct peer *peer);

#endif
