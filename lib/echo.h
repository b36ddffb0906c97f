/* SPDX-License-Identifier: ISC */
/*
 * Sending back what comes in.
 */
#ifndef ECHO_H
#define ECHO_H

#include "failure.h"
#include "receive.h"

int echo_copy(int, int, struct failure *);
int echo_serve(struct receiver *, long, struct failure *);

#endif
