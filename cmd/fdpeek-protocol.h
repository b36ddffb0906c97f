/* SPDX-License-Identifier: ISC */
/*
 * What a client is, by the first bytes that it has sent. The function makes no
 * system call, has no memory but the caller's, and believes no length in the
 * bytes.
 */
#ifndef FDPEEK_PROTOCOL_H
#define FDPEEK_PROTOCOL_H

#include <stddef.h>

#define PROTOCOL_HOST 255  /* bytes of a host name, and of a file name */
#define PROTOCOL_LINE 8192 /* bytes of a first line */

struct protocol {
	const char *name; /* "tls", "http", "ssh", "proxy", or "" */
	char host[PROTOCOL_HOST + 1];
	char line[PROTOCOL_LINE + 1];
};

/*
 * Fill p with what these first n bytes tell. Returns 1 if no byte that follows
 * can change that, 0 if it is worth waiting for more.
 */
int protocol_look(struct protocol *p, const unsigned char *bytes, size_t n);

#endif
