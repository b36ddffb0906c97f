/* SPDX-License-Identifier: ISC */
/*
 * The sender's side of a descriptor stream, and the invitation that turns a
 * pipe into one.
 */
#ifndef STREAM_H
#define STREAM_H

#include "sys.h"

#include <stdint.h>

struct stream {
	const char *operand;
	int fd;
	int type;  /* SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM */
	int tells; /* attach our credentials, self, to each message */
	struct sys_peer self;
	int most; /* short messages that fit when poll() says "writable" */
	int room; /* how many of them still fit, as far as we know */
	int64_t known_until; /* from then on, others may have filled it */
	int holds; /* we hold the only copy: a first signal does not drop it */
	int gives_back; /* ETOOMANYREFS: return, the caller makes room */
	short end;      /* poll() event: the reader wants no more */
};

int stream_check(const char *operand, int fd);
int stream_open(
    struct stream *s, const char *operand, int fd, int64_t deadline);
int stream_wait(struct stream *s, int fd, int64_t deadline);
int stream_send(struct stream *s, const char *payload, size_t length,
    const int *fds, size_t count, int64_t deadline);
int stream_failed(const struct stream *s, const char *operation);

#endif
