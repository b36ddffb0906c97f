/* SPDX-License-Identifier: ISC */
/*
 * COMMAND: find it, start it or become it, with its descriptors in place.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include "sys.h"

#include "fdpass.h"

#define LANDING_FIRST 3                   /* where LISTEN_FDS begins */
#define LANDING_MOST (FDPASS_MAX_FDS + 1) /* those of a message, and -S */

struct environment;

struct command {
	char **argv;
	const char *path;
	char **script; /* how to run a script without #!: sh PATH ARG... */
};

/* Descriptors for COMMAND: fds[i] becomes its descriptor targets[i]. */
struct landing {
	int fds[LANDING_MOST];
	int targets[LANDING_MOST];
	size_t count;
};

/* The children that were started and have not ended yet. */
struct children {
	pid_t *pids;
	size_t count;
	size_t limit;
	struct children *others; /* another set, reaped together; or NULL */
};

/* When to give up starting COMMAND: after this many signals. */
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
int command_wait(pid_t pid);

int children_init(struct children *c, size_t limit);
void children_add(struct children *c, pid_t pid);
void children_reap(struct children *c);

#endif
