/* SPDX-License-Identifier: ISC */
/*
 * The receiver's side of SOCKET: a name that we listen on, a listening socket
 * that we were given, or a descriptor stream.
 */
#ifndef RECEIVE_H
#define RECEIVE_H

#include "sys.h"

#include "failure.h"
#include "fdpass.h"
#include "incoming.h"
#include "named.h"

#include <stdint.h>

#define RECEIVER_CREDS 1 /* tell who sent each message */
#define RECEIVER_DRAIN 2 /* when we are to end, take what is queued */

enum receiver_kind { RECEIVER_LISTENING, RECEIVER_STREAM };

struct receiver {
	const char *operand;
	enum receiver_kind kind;
	int flags;
	int fd;      /* the listening socket, or the stream; -1: it has ended */
	int waiting; /* what accept() blocks on, a signal destroys it */
	int type;    /* of the socket */
	int is_own;  /* nobody else holds the listening socket */
	int is_abstract;
	int is_private; /* nobody else reads the stream */
	int has_asked;  /* for credentials, on a stream of others */
	pid_t opener;
	int64_t stuck; /* when a message that does not fit is given up */
	int64_t until; /* when to give up what is queued; 0: not ending */
	int64_t quiet; /* or when nothing has come for a while */
	struct sys_peer peer; /* who has connected to a name, else unknown */
	struct named name;
	size_t partial; /* bytes of a message whose descriptors are to come */
	int limit;      /* of the descriptor table */
	int highest;    /* descriptor that was ever in use */
};

int receiver_open(
    struct receiver *, const char *, mode_t, int, int64_t, struct failure *);
int receiver_next(struct receiver *, struct incoming *, struct failure *);
int receiver_try(struct receiver *, struct fdpass_message *);
int receiver_accept(struct receiver *, int);
int receiver_has_room(struct receiver *, int);
void receiver_offence(const struct receiver *, int);
int receiver_is_over(struct receiver *);
int64_t receiver_wake(struct receiver *);
void receiver_stop(struct receiver *);
void receiver_restore(struct receiver *);
void receiver_close(struct receiver *);

void incoming_answer(struct incoming *, char);

#endif
