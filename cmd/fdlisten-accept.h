/* SPDX-License-Identifier: ISC */
/*
 * The server's side: accepting connections, one after another.
 */
#ifndef FDLISTEN_ACCEPT_H
#define FDLISTEN_ACCEPT_H

#include "sys.h"

#include "descriptors.h"
#include "loop.h"
#include "stream.h"

#include <stdint.h>

struct acceptor {
	const char *operand;
	int fd;
	int is_shared;         /* other processes have it: keep its flags */
	struct stream *stream; /* accept while it has a reader; or NULL */
	struct peer peer;      /* of the newest connection */
	int burst;        /* how many to take before the next look at signals */
	struct loop loop; /* for a shared socket and a stream */
	int is_watched;   /* the listening socket is in the loop */
};

int acceptor_init(struct acceptor *a, const char *operand, int fd,
    int is_shared, struct stream *stream);
int acceptor_next(struct acceptor *a, int64_t deadline);

#endif
