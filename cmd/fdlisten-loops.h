/* SPDX-License-Identifier: ISC */
/*
 * Several processes that accept from one listening socket and run COMMAND:
 * where one stands still until its child has been scheduled, another goes on.
 */
#ifndef FDLISTEN_LOOPS_H
#define FDLISTEN_LOOPS_H

#include "command.h"

#include <stdint.h>

struct loops {
	size_t most;  /* processes, the first included; 0: not in use */
	size_t share; /* COMMANDs at once of each that is added */
	struct children *commands; /* of this process */
	struct children others;    /* in the first: those that it has added */
	size_t known;              /* of the others; fewer may be left */
	int64_t *newest; /* arrival of all, in shared memory; or NULL */
	int is_added;    /* this is one of them */
};

int loops_init(
    struct loops *l, struct children *commands, size_t max, int64_t timeout);
int loops_grow(struct loops *l, int listener);
void loops_arrived(struct loops *l);
int loops_is_idle(const struct loops *l, int64_t timeout, int64_t *deadline);
int loops_wait(struct loops *l);
void loops_start(struct loops *l, const struct command *c,
    const struct landing *landing, struct environment *e);
void loops_end(struct loops *l);

#endif
