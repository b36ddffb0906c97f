/* SPDX-License-Identifier: ISC */
/*
 * -n: a pool of worker processes.
 */
#ifndef FDRECV_POOL_H
#define FDRECV_POOL_H

#include <stddef.h>
#include <stdint.h>

#define POOL_MOST 4096 /* workers */

struct pool;

int pool_run(size_t size, int64_t idle, int (*work)(struct pool *, void *),
    void (*stop)(void *), void *argument);
void pool_busy(struct pool *p, int is_busy);

#endif
