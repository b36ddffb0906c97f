/* SPDX-License-Identifier: ISC */
/*
 * The connection to an ADDRESS: socket, connect.
 */
#ifndef FDCONNECT_CONNECT_H
#define FDCONNECT_CONNECT_H

#include "address.h"

#include <stdint.h>

int connect_at(const struct address *a, int64_t deadline);

#endif
