/* SPDX-License-Identifier: ISC */
/*
 * Sending back what comes in.
 */
#ifndef ECHO_H
#define ECHO_H

#include "receive.h"

int echo_copy(int, int);
int echo_serve(struct receiver *, long);

#endif
