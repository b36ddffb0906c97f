/* SPDX-License-Identifier: ISC */
/*
 * The messages that come on SOCKET, one after another: wait for the next.
 */
#ifndef FDRECV_INBOX_H
#define FDRECV_INBOX_H

#include "sys.h"

#include "fdpass/receiver.h"
#include "loop.h"
#include "receive.h"

#include <stdint.h>

/* A received message, and the connection where its sender waits. */
struct received {
	int sock; /* -1: the message came on a stream, nobody waits */
	struct fdpass_message message;
};

struct inbox {
	struct receiver receiver; /* SOCKET */
	struct arrivals arrivals; /* connections without a message yet */
	struct loop loop; /* to wait for them, and for new connections */
	int has_loop;
	int is_watched; /* the listening socket is in the loop */
};

int inbox_open(struct inbox *b, const char *operand, mode_t mode, int flags,
    int64_t deadline);
void inbox_adopt(
    struct inbox *b, const char *operand, int fd, int type, int flags);
int inbox_next(struct inbox *b, struct received *received, int64_t deadline);
void inbox_dismiss(struct inbox *b);
void inbox_stop(struct inbox *b);
void inbox_close(struct inbox *b);

int received_init(struct received *received);
int received_answer(struct received *received, char answer);

#endif
