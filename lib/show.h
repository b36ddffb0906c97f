/* SPDX-License-Identifier: ISC */
/*
 * A message, as a person reads it: who sent it, its payload, and what each of
 * its descriptors is.
 */
#ifndef SHOW_H
#define SHOW_H

#include "fdpass.h"

#define SHOW_SENDER 240

void show_sender(char *text, size_t size, const struct fdpass_message *m);
int show_wait(void);
int show_message(const struct fdpass_message *);
void show_trace(const char *, int, const struct fdpass_message *);
void show_sending(int, const char *, size_t, const int *, size_t);

#endif
