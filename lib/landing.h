/* SPDX-License-Identifier: ISC */
/*
 * Where received descriptors go in COMMAND.
 */
#ifndef LANDING_H
#define LANDING_H

#include "child.h"
#include "fdpass.h"

#define LANDING_FIRST 3 /* what LISTEN_FDS announces begins here */

int landing_message(
    struct landing *, const struct fdpass_message *, const int *, size_t, int);
int landing_is_connection(int);

#endif
