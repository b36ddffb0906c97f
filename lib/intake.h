/* SPDX-License-Identifier: ISC */
/*
 * The messages of a descriptor stream, each taken whole, where there is room
 * for its descriptors.
 */
#ifndef INTAKE_H
#define INTAKE_H

#include "sys.h"

#include "fdpass.h"

#include <stdint.h>

struct intake {
	int fd;               /* -1: it has ended */
	int type;             /* of the socket */
	struct sys_peer peer; /* who has connected to a name, else unknown */
	size_t partial;  /* bytes of a message whose descriptors are to come */
	int is_skipping; /* the rest of a message that was too large */
	int limit;       /* of the descriptor table */
	int highest;     /* descriptor that was ever in use */
	int64_t stuck;   /* when a message that does not fit is given up */
};

void intake_measure(struct intake *in);
int intake_is_tight(const struct intake *in);
int intake_has_room(struct intake *in, int is_idle);
int intake_take(struct intake *in, struct fdpass_message *m, int flags);

#endif
