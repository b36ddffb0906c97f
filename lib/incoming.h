/* SPDX-License-Identifier: ISC */
/*
 * A message on its way in on a connection to a named socket.
 */
#ifndef INCOMING_H
#define INCOMING_H

#include "sys.h"

#include "fdpass.h"

#include <stdint.h>

#define INCOMING_WAIT 5000 /* ms that a connection may take to bring it */

struct incoming {
	int sock; /* -1: none, a stream needs no answer */
	int64_t deadline;
	struct fdpass_message message;
};

int incoming_init(struct incoming *);
void incoming_begin(struct incoming *, int);
int incoming_step(struct incoming *);
char incoming_refusal(int);
void incoming_ask_sender(struct incoming *);
int incoming_append(struct fdpass_message *, struct fdpass_message *);

#endif
