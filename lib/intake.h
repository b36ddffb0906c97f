/* SPDX-License-Identifier: ISC */
/*
 * Taking messages from a descriptor stream, each whole, and only while there is
 * room for its descriptors.
 */
#ifndef INTAKE_H
#define INTAKE_H

#include "sys.h"

#include "fdpass.h"

#include <stdint.h>

struct intake {
	int fd;               /* -1: the stream has ended */
	int type;             /* of the socket */
	struct sys_peer peer; /* the sender, if a message does not tell */
	size_t partial;       /* bytes of a message before its descriptors */
	int is_skipping; /* drop the rest of a message that was too large */
	int limit;       /* size of the descriptor table */
	int highest;     /* the highest descriptor ever in use */
	int64_t stuck;   /* when to give up a message that does not fit */
};

void intake_measure(struct intake *in);
int intake_is_tight(const struct intake *in);
int intake_has_room(struct intake *in, int is_idle);
int intake_take(struct intake *in, struct fdpass_message *m, int flags);

#endif
