/* SPDX-License-Identifier: ISC */
/*
 * The sender's side of a named socket: connect, send one message, shut down
 * the writing side, wait for the answer. A hand-over never blocks, unless it
 * may, so that many can be under way at once.
 */
#ifndef HANDOVER_H
#define HANDOVER_H

#include "sys.h"

#include "failure.h"

#include <stdint.h>
#include <sys/un.h>

#define HANDOVER_WAIT 1  /* -w: until the receiver is there */
#define HANDOVER_DROP 2  /* -d: do not wait for the answer */
#define HANDOVER_BLOCK 4 /* it is the only one, and takes any time */

/* Where to; what was learned of it serves all hand-overs. */
struct target {
	const char *operand;
	struct sockaddr_un address;
	socklen_t length;
	int type; /* of its socket */
	int flags;
};

enum handover_state {
	HANDOVER_CONNECT,
	HANDOVER_SEND,
	HANDOVER_ANSWER,
	HANDOVER_TAKEN,
	HANDOVER_FAILED,
	HANDOVER_TIMEOUT
};

struct handover {
	struct target *target;
	enum handover_state state;
	int sock;         /* -1 between two tries */
	int type;         /* of sock */
	short events;     /* what to wait for on sock; 0: for again only */
	int64_t again;    /* when to try again, -1: when sock is ready */
	int64_t deadline; /* -1: none */
	int64_t refused;  /* until when it may; -1: it was not */
	unsigned tries;   /* of connect() in vain */
	int was_traced;   /* its connect() */
	const char *payload;
	size_t length;
	size_t sent;
	const int *fds; /* the caller's; to stay open until the end */
	size_t count;
	size_t unsent; /* of the descriptors: all, or none any more */
	struct failure failure;
};

int target_init(struct target *, const char *, int, struct failure *);
int handover_begin(struct handover *, struct target *, int64_t);
void handover_message(
    struct handover *, const char *, size_t, const int *, size_t);
enum handover_state handover_step(struct handover *);
int64_t handover_wake(const struct handover *);
enum handover_state handover_run(struct handover *);
void handover_end(struct handover *);

#endif
