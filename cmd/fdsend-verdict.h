/* SPDX-License-Identifier: ISC */
/*
 * The result of a hand-over, in words: its trace, and why it has failed.
 */
#ifndef FDSEND_VERDICT_H
#define FDSEND_VERDICT_H

#include "failure.h"
#include "fdpass/handover.h"

void verdict_failure(const struct handover *h, struct failure *f);
void verdict_watch(const struct handover *h, enum handover_event event);

#endif
