/* SPDX-License-Identifier: ISC */
/*
 * The listening socket for an ADDRESS: socket, bind, listen.
 */
#ifndef FDLISTEN_LISTEN_H
#define FDLISTEN_LISTEN_H

#include "address.h"
#include "fdpass/name.h"

int listen_at(const struct address *a, mode_t mode, struct named *name);

#endif
