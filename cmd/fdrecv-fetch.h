/* SPDX-License-Identifier: ISC */
/*
 * -c: connect to the name of a socket, to fetch descriptors from a process that
 * may not be there yet.
 */
#ifndef FDRECV_FETCH_H
#define FDRECV_FETCH_H

#include "sys.h"

#include <stdint.h>

struct source {
	const char *name;
	int type;         /* of its socket */
	int waits;        /* wait until somebody is there */
	int64_t notice;   /* when to report the wait; -1: done */
	int64_t starting; /* until when ECONNREFUSED is retried; -1: not seen */
	unsigned tries;   /* failed ones */
};

int source_check(const char *name);
void source_init(struct source *source, const char *name, int waits);
int source_connect(struct source *source, int64_t deadline);
void source_wait(struct source *source, int64_t deadline);

#endif
