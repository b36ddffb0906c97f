/* SPDX-License-Identifier: ISC */
/*
 * What a command says on standard error, and how it ends.
 */
#ifndef DIAG_H
#define DIAG_H

#include "failure.h"

#include <stdint.h>

extern const char *diag_program;
extern struct failure failure; /* why this command ends */

int failed(const char *operation);
int failed_because(int error, const char *format, ...);
int failed_usage(const char *format, ...);
int failed_late(const char *missing);
int failed_on(const char *object);
int ending(int result, int goes_on, int64_t timeout);

void diag(const char *format, ...);
void diag_errno(const char *object, const char *operation);
void diag_offence(const char *format, ...);
void diag_offence_failure(const struct failure *f, int64_t timeout);
void diag_flush(void);

#endif
