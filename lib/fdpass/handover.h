/* SPDX-License-Identifier: ISC */
/*
 * The sender's side of a hand-over on a named socket: connect, send one
 * message, shut down the writing side, wait for the answer. It is made in
 * steps that never block, so that many can be under way at once.
 */
#ifndef HANDOVER_H
#define HANDOVER_H

#include "sys.h"

#include <stdint.h>
#include <sys/un.h>

#define HANDOVER_WAIT 1 /* -w: until the receiver is there */
#define HANDOVER_DROP 2 /* -d: do not wait for the answer */
#define HANDOVER_TELL 4 /* that it was given up is told, see below */

struct handover;

/* What is done now, for a caller that shows it. */
enum handover_event {
	HANDOVER_CONNECTS,
	HANDOVER_IS_REFUSED, /* connect() has failed, it is tried again */
	HANDOVER_CONNECTED,  /* after some tries in vain */
	HANDOVER_SENDS,
	HANDOVER_SHUTS_DOWN,
	HANDOVER_AWAITS,
	HANDOVER_ANSWERED,
	HANDOVER_ENDED,  /* without an answer */
	HANDOVER_UNREAD, /* the receiver has closed it unread */
	HANDOVER_GIVES_UP,
	HANDOVER_WAITS /* for three seconds now, with HANDOVER_WAIT */
};

/* Where to; what was learned of it serves all hand-overs. */
struct target {
	const char *name; /* a path, or @ and an abstract name */
	struct sockaddr_un address;
	socklen_t length;
	int type; /* of its socket */
	int flags;
	void (*watch)(const struct handover *, enum handover_event); /* or 0 */
};

enum handover_state {
	HANDOVER_CONNECT,
	HANDOVER_SEND,
	HANDOVER_ANSWER,
	/* How it can end: */
	HANDOVER_TAKEN,
	HANDOVER_FAILED,
	HANDOVER_TIMEOUT,
	HANDOVER_INTERRUPTED
};

/* Why it has failed, or what was missing when the time was over. */
enum handover_verdict {
	VERDICT_NONE,
	VERDICT_ERRNO,      /* operation and error say it */
	VERDICT_NOT_SOCKET, /* the name is something else's */
	VERDICT_REFUSED,    /* for good */
	VERDICT_NOT_NOW,    /* no room, or about to end */
	VERDICT_UNREAD,     /* closed, and nothing was read */
	VERDICT_CUT,        /* closed with a part unread */
	VERDICT_GREETED,    /* what came is no answer */
	VERDICT_NO_ANSWER   /* none has come yet */
};

#define HANDOVER_GREETING 64 /* bytes of a foreign answer that are kept */

struct handover {
	struct target *target;
	enum handover_state state;
	int sock;         /* -1 between two tries */
	int type;         /* of sock */
	short events;     /* what to wait for on sock; 0: for again only */
	int64_t again;    /* when to try again, -1: when sock is ready */
	int64_t deadline; /* -1: none */
	int64_t starting; /* until when it may refuse; -1: it did not */
	int64_t not_now;  /* until when "not now" is tried again; -1 */
	int64_t notice;   /* when to say that it waits; -1: said already */
	unsigned tries;   /* of connect() in vain */
	enum { UNTOLD, TOLD, TOLD_ENOUGH } told; /* of its connect() */
	const char *payload;
	size_t length;
	size_t sent;
	const int *fds; /* the caller's; to stay open until the end */
	size_t count;
	size_t unsent; /* of the descriptors: all, or none any more */
	enum handover_verdict verdict;
	const char *operation;
	int error;
	char answer[HANDOVER_GREETING];
	size_t answer_length;
};

int handover_begin(struct handover *h, struct target *target, int64_t deadline);
void handover_message(struct handover *h, const char *payload, size_t length,
    const int *fds, size_t count);
enum handover_state handover_step(struct handover *h);
int64_t handover_wake(const struct handover *h);
enum handover_state handover_give_up(
    struct handover *h, enum handover_state how);
enum handover_state handover_run(struct handover *h);
void handover_end(struct handover *h);

#endif
