/* SPDX-License-Identifier: ISC */
/*
 * COMMAND: found once, started or become many times, with descriptors at the
 * numbers where it looks for them.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include "sys.h"

#include "fdpass.h"

#define LANDING_FIRST 3 /* what LISTEN_FDS announces begins here */
#define LANDING_MOST (FDPASS_MAX_FDS + 1) /* of a message, and its payload */

struct environment;

struct command {
	char **argv;
	const char *path;
	char **script; /* for a script without #!: sh PATH ARG... */
};

/* What COMMAND finds where: fds[i] as descriptor targets[i]. */
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

/* When to give up starting it: the value is a number of signals. */
enum command_patience { COMMAND_UNTIL_ASKED = 1, COMMAND_UNTIL_PRESSED = 2 };

int command_find(struct command *c, char *argv[]);
void landing_add(struct landing *l, int fd, int target);
int command_become(const struct command *c, const char *step,
    const struct landing *l, struct environment *e);
pid_t command_start(const struct command *c, const char *step,
    const struct landing *l, struct environment *e, struct children *others,
    enum command_patience patience);
int command_land(const char *step, int *fds, const int *targets, size_t n);
int command_has_ended(pid_t pid);

int children_init(struct children *c, size_t limit);
void children_add(struct children *c, pid_t pid);
void children_reap(struct children *c);

#endif
