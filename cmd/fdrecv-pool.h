/* SPDX-License-Identifier: ISC */
/*
 * A pool of worker processes.
 */
#ifndef FDRECV_POOL_H
#define FDRECV_POOL_H

#include <stddef.h>
#include <stdint.h>

#define POOL_MOST 4096 /* workers */

struct pool;

int pool_run(
    size_t, int64_t, int (*)(struct pool *, void *), void (*)(void *), void *);
void pool_busy(struct pool *, int);

#endif
