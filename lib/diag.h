/* SPDX-License-Identifier: ISC */
/*
 * What a command says on standard error, and the statuses it ends with.
 */
#ifndef DIAG_H
#define DIAG_H

#include "failure.h"

#include <stdint.h>

#define EXIT_WRONG 1 /* it failed */
#define EXIT_USAGE 2
#define EXIT_TIMEOUT 124
#define EXIT_CANNOT_RUN 126
#define EXIT_NOT_FOUND 127

extern const char *diag_program;

void diag(const char *, ...);
void diag_errno(const char *, const char *);
void diag_failure(const char *, const struct failure *);
void diag_timeout(const char *object, const char *missing, int64_t ms);
void diag_offence(const char *, ...);
void diag_offence_failure(const char *, const struct failure *);
void diag_flush(void);

#endif
