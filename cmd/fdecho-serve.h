/* SPDX-License-Identifier: ISC */
/*
 * The server: receive connections, and echo on many of them at once.
 */
#ifndef FDECHO_SERVE_H
#define FDECHO_SERVE_H

#include "receive.h"

int serve_socket(struct receiver *r, long max);

#endif
