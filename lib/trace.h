/* SPDX-License-Identifier: ISC */
/*
 * The trace: a line for each system call of a hand-over, labelled with its
 * step.
 *
 * With FDTRACE=step:FIFO, each call is held back until a byte is read from the
 * FIFO.
 */
#ifndef TRACE_H
#define TRACE_H

extern int trace_on;

int trace_init(int verbose);
int trace_has_room(void);
void trace_before(const char *step, const char *format, ...);
void trace(const char *step, const char *format, ...);
void trace_call(const char *step, const char *format, ...);

#endif
