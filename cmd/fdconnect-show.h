/* SPDX-License-Identifier: ISC */
/*
 * What passes through fdconnect, as lines of the trace.
 */
#ifndef FDCONNECT_SHOW_H
#define FDCONNECT_SHOW_H

#include "fdconnect-part.h"

/*
 * direction is ">" to the server or "<" from it. Nothing waits for a reader of
 * the trace: lines for which there is no room are left out and counted.
 */
void show_part(const char *direction, const struct part *part);
void show_end(const char *direction, const char *how);
void show_close(int fd);

#endif
