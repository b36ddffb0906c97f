/* SPDX-License-Identifier: ISC */
/*
 * Descriptors: what one of them is, what there is room for, and what must be
 * kept from COMMAND.
 *
 * The descriptors_* functions concern the table, the descriptor_* functions one
 * descriptor.
 */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include "sys.h"

/* The other end of a connection. */
struct peer {
	struct sockaddr_storage address;
	socklen_t length; /* 0: a peer that has gone, its address is lost */
	int type;         /* of the socket; -1: not asked for */
};

int descriptors_init(void);
int descriptors_is_open(int fd);
int descriptors_next(int from);
int descriptors_highest(void);
int descriptors_limit(void);
void descriptors_close_duplicates(int fd);
void descriptors_raise_limit(void);
int descriptors_have_room(void);
int descriptors_take_standard(int fd, int flags);

int descriptor_option(int fd, int level, int name);
int descriptor_type(int fd);
int descriptor_unix_type(int fd);
int descriptor_is_pipe(int fd);
int descriptor_is_listening(int fd);
int descriptor_is_connected(int fd);
int descriptor_is_connection(int fd, struct peer *peer);

#endif
