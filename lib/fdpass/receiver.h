/* SPDX-License-Identifier: ISC */
/*
 * The receiver's side of a hand-over: accept, receive one message, answer.
 *
 * An arrival is an accepted connection whose message has not come, or not all
 * of it; what has come of a message on a stream is incoming. The receiver of
 * programs that use the library, see fdpass.h, waits for arrivals, or for the
 * messages of a descriptor stream.
 */
#ifndef RECEIVER_H
#define RECEIVER_H

#include "sys.h"

#include "fdpass.h"

#include <stdint.h>

#define ARRIVAL_WAIT 5000     /* ms until a connection must bring a message */
#define ARRIVALS_OF_A_USER 64 /* unfinished connections, at most */
#define ARRIVALS_MOST 256     /* those of all users together, at most */

struct arrival {
	int sock;
	int type;         /* of the socket */
	long uid;         /* who has connected, once asked for */
	int64_t deadline; /* when to give up */
	void *owner;      /* for the caller to use */
	struct arrival *next;
	char *kept; /* bytes of an incomplete payload */
	size_t room;
	struct fdpass_message message;
};

/* A message of a descriptor stream that has come in part. */
struct incoming {
	int is_skipping; /* drop the rest of a message that was too large */
	size_t length;   /* bytes before its descriptors */
};

/* The unfinished connections, oldest first. */
struct arrivals {
	struct arrival *first;
	struct arrival *last;
	size_t count;
	size_t most;
};

void arrival_begin(struct arrival *arrival, int sock, int type);
int arrival_step(struct arrival *arrival, char *buffer, size_t size);
void arrival_drop(struct arrival *arrival, char answer);
char arrival_refusal(int error);

int incoming_step(struct incoming *incoming, int sock, int type,
    struct fdpass_message *message, int flags);

void arrivals_init(struct arrivals *set, size_t most);
void arrivals_add(struct arrivals *set, struct arrival *arrival);
void arrivals_remove(struct arrivals *set, struct arrival *arrival);
struct arrival *arrivals_surplus(struct arrivals *set, int sock);
struct arrival *arrivals_due(const struct arrivals *set);
int64_t arrivals_deadline(const struct arrivals *set);

#endif
