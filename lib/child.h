/* SPDX-License-Identifier: ISC */
/*
 * COMMAND: found once, started or become many times.
 */
#ifndef CHILD_H
#define CHILD_H

#include "sys.h"

#include "environ.h"

#define LANDING_MOST (FDPASS_MAX_FDS + 1) /* of a message, and its payload */

struct command {
	char **argv;
	const char *path;
	char **script; /* for a script without #!: sh PATH ARG... */
};

/* What COMMAND shall find where: fds[i] as descriptor targets[i]. */
struct landing {
	int fds[LANDING_MOST];
	int targets[LANDING_MOST];
	size_t count;
};

/* The children that were started and did not end yet. */
struct children {
	pid_t *pids;
	size_t count;
	size_t limit;
	struct children *others; /* of another kind, collected too; or NULL */
};

int command_find(struct command *, char *[]);
void landing_add(struct landing *, int, int);
int command_become(const struct command *, const char *, const struct landing *,
    struct environment *);
pid_t child_start(const struct command *, const char *, const struct landing *,
    struct environment *);
pid_t child_start_patient(const struct command *, const char *,
    const struct landing *, struct environment *, struct children *, int);
int child_has_ended(pid_t);

int children_init(struct children *, size_t);
void children_add(struct children *, pid_t);
void children_reap(struct children *);

#endif
