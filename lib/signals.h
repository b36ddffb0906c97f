/* SPDX-License-Identifier: ISC */
/*
 * Signals that end a command, and waiting that no signal can slip past.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include "sys.h"

#include <stdint.h>

#define SIGNALS_CHILD 1 /* wait for children too */

void signals_init(int);
int signals_ending(void);
int signals_count(void);
void signals_guard(int);
void signals_unguard(void);
int signals_timed_out(void);
void signals_timer(int64_t);
void signals_restore(void);
void signals_die(int);

int64_t signals_now(void);
int64_t signals_deadline(int64_t);
int64_t signals_earlier(int64_t, int64_t);
int signals_wait(struct pollfd *, nfds_t, int64_t);
int signals_pause(int64_t);
int64_t signals_backoff(unsigned);
int signals_timeout(int64_t);
const sigset_t *signals_mask(void);

#endif
