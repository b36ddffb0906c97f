/* SPDX-License-Identifier: ISC */
/*
 * The trace: a line for each system call of a hand-over, labelled with its
 * step. FDTRACE=step:FIFO holds each call back until a byte is read there.
 */
#ifndef TRACE_H
#define TRACE_H

extern int trace_on;

int trace_init(int);
int trace_has_room(void);
void trace_before(const char *, const char *, ...);
void trace(const char *, const char *, ...);
void trace_call(const char *, const char *, ...);

#endif
