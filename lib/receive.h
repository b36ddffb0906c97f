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
#include "intake.h"
#include "loop.h"

#include <stdint.h>

#define RECEIVER_CREDS 1   /* find out who sent each message */
#define RECEIVER_DRAIN 2   /* when told to end, take what is queued first */
#define RECEIVER_BECOMES 4 /* this process becomes COMMAND */

enum receiver_kind { RECEIVER_LISTENING, RECEIVER_STREAM };

/* A received message, and the connection where its sender waits. */
struct received {
	int sock; /* -1: the message came on a stream, nobody waits */
	struct fdpass_message message;
};

struct receiver {
	const char *operand;
	enum receiver_kind kind;
	int flags;
	struct intake in; /* the stream; or in.fd is the listening socket */
	int is_own;       /* we made the listening socket */
	int is_abstract;
	int is_private; /* only we read the stream, by invitation */
	int has_asked;  /* for credentials, on a stream that others share */
	pid_t opener;
	int64_t until; /* end of taking what is queued; 0: not ending */
	int64_t quiet; /* the same, if nothing comes any more */
	struct named name;
	struct arrivals arrivals; /* connections without a message yet */
	struct loop loop; /* to wait for them, and for new connections */
	int has_loop;
	int is_watched; /* the listening socket is in the loop */
};

int receiver_open(struct receiver *r, const char *operand, mode_t mode,
    int flags, int64_t deadline);
void receiver_adopt(
    struct receiver *r, const char *operand, int fd, int type, int flags);
int receiver_next(
    struct receiver *r, struct received *received, int64_t deadline);
int receiver_answer(struct received *received, char answer);
int receiver_try(struct receiver *r, struct fdpass_message *message);
int receiver_accept(struct receiver *r);
void receiver_offence(
    const struct receiver *r, int error, const struct fdpass_message *m);
int receiver_is_over(struct receiver *r);
int64_t receiver_wake(struct receiver *r);
void receiver_dismiss(struct receiver *r);
void receiver_stop(struct receiver *r);
void receiver_close(struct receiver *r);

int received_init(struct received *received);

#endif
