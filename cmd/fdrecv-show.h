/* SPDX-License-Identifier: ISC */
/*
 * Without COMMAND: a message on standard output, that is, who sent it, its
 * payload, and what each of its descriptors is.
 */
#ifndef FDRECV_SHOW_H
#define FDRECV_SHOW_H

#include "fdpass.h"

int show_wait(void);
int show_message(const struct fdpass_message *m);

#endif
