/* SPDX-License-Identifier: ISC */
/*
 * -r: pass on every message that arrives on standard input.
 */
#ifndef FDSEND_RELAY_H
#define FDSEND_RELAY_H

#include "fdpass/handover.h"
#include "receive.h"
#include "stream.h"

#include <stdint.h>

int relay_to_name(
    struct receiver *receiver, struct target *target, int64_t timeout);
int relay_to_stream(
    struct receiver *in, const struct stream *out, int64_t timeout);

#endif
