/* SPDX-License-Identifier: ISC */
/*
 * The connections of fdecho: echo on many at once.
 */
#ifndef FDECHO_CONNECTIONS_H
#define FDECHO_CONNECTIONS_H

#include "sys.h"

#include "fdpass.h"
#include "loop.h"

#include <stdint.h>

struct arrival;
struct batch;

/* A connection: one that may bring a message, or one on which we echo. */
struct connection {
	int fd;
	int is_waiting;          /* it is in the loop */
	int is_silent;           /* it is new, and nothing has come */
	struct arrival *arrival; /* NULL: we echo on this connection */
	struct connection *next; /* in a list: of new, parked or spare ones */
	char *rest;              /* what a slow reader has not taken yet */
	size_t length;
	size_t sent;
	size_t chunk; /* bytes to read at once */
};

struct connections {
	struct loop loop;    /* for its owner, too */
	const char *operand; /* what they come from */
	long max;
	long count;               /* of connections on which we echo */
	int shared;               /* the stream of our pool; -1: not shared */
	int64_t abstain;          /* messages until we wait for one alone */
	size_t kept;              /* bytes kept for slow readers */
	struct connection *fresh; /* connections that are not in the loop yet */
	struct connection *parked;  /* connections over the limit, for now */
	struct connection **newest; /* the end of the parked ones */
	struct connection *spare;   /* unused memory for connections */
	struct batch *batches;      /* all memory for connections */
};

int connections_init(
    struct connections *cs, const char *operand, long max, int shared);
int connections_come_with(const struct fdpass_message *m);
void connections_start(struct connections *cs, struct fdpass_message *m);
void connections_start_parked(struct connections *cs);
int connections_is_full(const struct connections *cs);
void connections_turn(struct connections *cs, struct connection *c, int ready);
void connections_end(struct connections *cs);

struct connection *connections_new(struct connections *cs, int fd);
int connections_wait(struct connections *cs, struct connection *c);
void connections_release(struct connections *cs, struct connection *c);

#endif
