/* SPDX-License-Identifier: ISC */
/*
 * Which numbers received descriptors get in COMMAND.
 */
#ifndef FDRECV_LANDING_H
#define FDRECV_LANDING_H

#include "command.h"
#include "fdpass.h"

/* is_connection: the first descriptor is a connected socket. */
int landing_message(struct landing *l, const struct fdpass_message *m,
    int is_connection, const int *targets, size_t count, int all);

#endif
