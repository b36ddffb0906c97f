/* SPDX-License-Identifier: ISC */
/*
 * The receiver's side of SOCKET: a name to listen on, a listening socket that
 * was given, or a descriptor stream.
 */
#ifndef RECEIVE_H
#define RECEIVE_H

#include "sys.h"

#include "fdpass.h"
#include "fdpass/name.h"
#include "fdpass/receiver.h"

#include <stdint.h>

#define RECEIVER_CREDS 1   /* find out who sent each message */
#define RECEIVER_DRAIN 2   /* when told to end, take what is queued first */
#define RECEIVER_BECOMES 4 /* this process becomes COMMAND */

enum receiver_kind { RECEIVER_LISTENING, RECEIVER_STREAM };

struct receiver {
	const char *operand;
	enum receiver_kind kind;
	int flags;
	int fd;     /* the socket; -1: the stream has ended */
	int type;   /* of the socket */
	int is_own; /* we made the listening socket */
	int is_abstract;
	int is_private; /* only we read the stream, by invitation */
	int has_asked;  /* for credentials, on a stream that others share */
	pid_t opener;
	int64_t until; /* end of taking what is queued; 0: not ending */
	int64_t quiet; /* the same, if nothing comes any more */
	struct named name;
	int limit;   /* size of the descriptor table */
	int highest; /* the highest descriptor ever in use */
	/* Of a stream: */
	struct sys_peer peer; /* the sender, if a message does not tell */
	struct incoming incoming;
	int64_t stuck; /* when to give up a message that does not fit */
};

int receiver_open(struct receiver *r, const char *operand, mode_t mode,
    int flags, int64_t deadline);
void receiver_adopt(
    struct receiver *r, const char *operand, int fd, int type, int flags);
size_t receiver_most_arrivals(const struct receiver *r);
int receiver_accept(struct receiver *r);
int receiver_accept_before(struct receiver *r, int64_t deadline);
int receiver_is_tight(const struct receiver *r);
int receiver_has_room(struct receiver *r, int is_idle);
int receiver_take(struct receiver *r, struct fdpass_message *m, int flags);
char receiver_refusal(int error, int is_idle);
void receiver_offence(
    const struct receiver *r, int error, const struct fdpass_message *m);
int receiver_is_over(struct receiver *r);
int64_t receiver_wake(struct receiver *r);
int receiver_has_told_sender(const struct receiver *r);
int64_t receiver_last_moment(const struct receiver *r);
void receiver_stop(struct receiver *r);
void receiver_close(struct receiver *r);

#endif
