/* SPDX-License-Identifier: ISC */
/*
 * Addresses to listen on and to connect to: parsed, looked up, and shown.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include "sys.h"

enum address_kind { ADDRESS_TCP, ADDRESS_UNIX, ADDRESS_FD };

#define ADDRESS_TEXT 480 /* room for any address, escaped */

struct address {
	enum address_kind kind;
	int type; /* SOCK_STREAM, or SOCK_DGRAM (to listen on) */
	const char *operand;
	char host[256]; /* empty: every interface */
	char port[64];
	int fd;
};

struct addrinfo;

int address_parse(struct address *a, const char *operand);
int address_fd_operand(const char *operand, int *fd);
int address_look_up(
    const struct address *a, int passive, struct addrinfo **list);
void address_format(
    char *text, size_t size, const struct sockaddr *sa, socklen_t length);
void address_operand(
    char *text, size_t size, const struct sockaddr *sa, socklen_t length);
void address_of_socket(char *text, size_t size, int fd);
int address_is_bound(int fd);
int address_split(const struct sockaddr *sa, char *host, size_t host_size,
    char *port, size_t port_size);

#endif
