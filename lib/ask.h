/* SPDX-License-Identifier: ISC */
/*
 * Questions about a descriptor, asked before something is done with it.
 */
#ifndef ASK_H
#define ASK_H

#include "sys.h"

/* The other end of a connection. */
struct peer {
	struct sockaddr_storage address;
	socklen_t length; /* 0: the address is lost, see ask_is_connection() */
	int type;         /* of the socket; -1: not asked for */
};

int ask_option(int fd, int level, int name);
int ask_type(int fd);
int ask_unix_type(int fd);
int ask_is_pipe(int fd);
int ask_is_listening(int fd);
int ask_is_connected(int fd);
int ask_is_connection(int fd, struct peer *peer);

#endif
