/* SPDX-License-Identifier: ISC */
/*
 * The result of a hand-over, in words: its trace, and why it has failed.
 */
#ifndef FDSEND_VERDICT_H
#define FDSEND_VERDICT_H

#include "failure.h"
#include "fdpass/handover.h"

int target_init(struct target *target, const char *operand, int flags);
void verdict_failure(const struct handover *h, struct failure *f);

#endif
