/* SPDX-License-Identifier: ISC */
/*
 * Several processes that accept from one listening socket and run COMMAND:
 * while one waits for its child to be scheduled, another goes on.
 */
#ifndef FDLISTEN_LOOPS_H
#define FDLISTEN_LOOPS_H

#include "command.h"

#include <stdint.h>

struct loops {
	size_t most;  /* processes, the first included; 0: not in use */
	size_t share; /* COMMANDs at once in each process that is added */
	struct children *commands; /* of this process */
	struct children others;    /* the processes that the first has added */
	size_t known;    /* how many others there were; fewer may be left */
	int64_t *newest; /* shared: the last arrival anywhere; or NULL */
	int is_added;    /* this process was added */
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
