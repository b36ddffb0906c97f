/* SPDX-License-Identifier: ISC */
/*
 * Addresses to listen on and to connect to, as operands and as sockets.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include "sys.h"

#include "fdpass/name.h"

#include <stdint.h>
#include <sys/un.h>

enum address_kind { ADDRESS_TCP, ADDRESS_UNIX, ADDRESS_FD };

#define ADDRESS_TEXT 480 /* room for any address, escaped */

struct address {
	enum address_kind kind;
	int type; /* of the socket: SOCK_STREAM, or SOCK_DGRAM to listen on */
	const char *operand;
	char host[256]; /* empty: every interface */
	char port[64];
	int fd;
};

int address_parse(struct address *, const char *);
int address_listen(const struct address *, mode_t, struct named *);
int address_connect(const struct address *, int64_t);
void address_format(char *, size_t, const struct sockaddr *, socklen_t);
void address_operand(char *, size_t, const struct sockaddr *, socklen_t);
void address_of_socket(char *, size_t, int);
int address_split(
    const struct sockaddr *, socklen_t, char *, size_t, char *, size_t);

int address_fd_operand(const char *, int *);

#endif
