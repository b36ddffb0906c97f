/* SPDX-License-Identifier: ISC */
/*
 * The name of a socket that descriptors are fetched from: who holds them there
 * may not have come yet.
 */
#ifndef FDRECV_FETCH_H
#define FDRECV_FETCH_H

#include "sys.h"

#include <stdint.h>

struct source {
	const char *name;
	int type;         /* of its socket */
	int waits;        /* until somebody is there */
	int64_t notice;   /* when to say that it waits; -1: said already */
	int64_t starting; /* until when it may refuse; -1: it did not */
	unsigned tries;   /* in vain */
};

int source_check(const char *name);
void source_init(struct source *source, const char *name, int waits);
int source_connect(struct source *source, int64_t deadline);
void source_wait(struct source *source, int64_t deadline);

#endif
