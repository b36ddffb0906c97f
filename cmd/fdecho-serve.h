/* SPDX-License-Identifier: ISC */
/*
 * Many connections at once: they are received, and what comes in is sent back.
 */
#ifndef FDECHO_SERVE_H
#define FDECHO_SERVE_H

#include "receive.h"

int echo_serve(struct receiver *r, long max);

#endif
