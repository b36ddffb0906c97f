/* SPDX-License-Identifier: ISC */
/*
 * The sender's side of a hand-over: connect, send one message, wait for the
 * answer.
 *
 * It is made in steps that never block, so that many can be under way at once.
 */
#ifndef HANDOVER_H
#define HANDOVER_H

#include "sys.h"

#include <stdint.h>
#include <sys/un.h>

#define HANDOVER_WAIT 1 /* -w: wait until the receiver is there */
#define HANDOVER_DROP 2 /* -d: do not wait for the answer */
#define HANDOVER_TELL 4 /* let the receiver see that we may give up */

struct handover;

/* What happens now, for a caller that traces it. */
enum handover_event {
	HANDOVER_CONNECTS,
	HANDOVER_IS_REFUSED, /* connect() has failed; it is tried again */
	HANDOVER_CONNECTED,  /* after failed tries */
	HANDOVER_SENDS,
	HANDOVER_SHUTS_DOWN,
	HANDOVER_AWAITS,
	HANDOVER_ANSWERED,
	HANDOVER_ENDED,  /* end of file instead of an answer */
	HANDOVER_UNREAD, /* the receiver has closed the connection unread */
	HANDOVER_GIVES_UP,
	HANDOVER_WAITS /* HANDOVER_WAIT: it has waited three seconds */
};

/* Where hand-overs go. The type, once found out, serves all of them. */
struct target {
	const char *name; /* a path, or @ and an abstract name */
	struct sockaddr_un address;
	socklen_t length;
	int type; /* of its socket */
	int flags;
	/* NULL, or called at each event */
	void (*watch)(const struct handover *h, enum handover_event event);
};

enum handover_state {
	HANDOVER_CONNECT,
	HANDOVER_SEND,
	HANDOVER_ANSWER,
	/* The ways to end: */
	HANDOVER_TAKEN,
	HANDOVER_FAILED,
	HANDOVER_TIMEOUT,
	HANDOVER_INTERRUPTED
};

/* Why a hand-over has failed, or what was missing at the deadline. */
enum handover_verdict {
	VERDICT_NONE,
	VERDICT_ERRNO,      /* see operation and error */
	VERDICT_NOT_SOCKET, /* the name is a file of another kind */
	VERDICT_REFUSED,    /* the receiver refused for good */
	VERDICT_NOT_NOW,    /* the receiver has no room, or is about to end */
	VERDICT_UNREAD,     /* the receiver closed the connection unread */
	VERDICT_CUT,        /* the receiver may have read a part */
	VERDICT_GREETED,    /* something came that is not an answer */
	VERDICT_NO_ANSWER   /* no answer yet */
};

#define HANDOVER_GREETING 64 /* bytes to keep of what is not an answer */

struct handover {
	struct target *target;
	enum handover_state state;
	int sock;         /* -1 between two tries */
	int type;         /* of sock */
	short events;     /* poll() events on sock; 0: only wait until again */
	int64_t again;    /* when to try again; -1: when sock is ready */
	int64_t deadline; /* -1: none */
	int64_t starting; /* until when ECONNREFUSED is retried; -1: not seen */
	int64_t not_now;  /* until when "not now" is retried; -1: not seen */
	int64_t notice;   /* when to report the wait; -1: never, or done */
	unsigned tries;   /* failed ones */
	enum { UNTOLD, TOLD, TOLD_ENOUGH } told; /* in the trace: connect() */
	const char *payload;
	size_t length;
	size_t sent;
	const int *fds; /* the caller's, who keeps them open until the end */
	size_t count;
	size_t unsent; /* descriptors not sent yet: all, or none */
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
enum handover_state handover_run(struct handover *h);
void handover_end(struct handover *h);

#endif
