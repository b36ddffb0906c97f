/* SPDX-License-Identifier: ISC */
/*
 * What went wrong: with which object, in which operation, and why.
 *
 * The place that fails notes it; the function that ends because of it prints
 * it.
 */
#ifndef FAILURE_H
#define FAILURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* The exit statuses of the commands. */
#define EXIT_WRONG 1 /* any other failure */
#define EXIT_USAGE 2
#define EXIT_TIMEOUT 124
#define EXIT_CANNOT_RUN 126
#define EXIT_NOT_FOUND 127
#define EXIT_BY_SIGNAL 128 /* plus the number of the signal */

struct failure {
	const char *object;    /* NULL: not known yet */
	const char *operation; /* NULL: only the reason is shown */
	const char *missing;   /* what had not come in time; or NULL */
	int error;
	int status;       /* exit status */
	char reason[160]; /* empty: strerror(error) is the reason */
};

int failure_errno(struct failure *f, const char *operation);
int failure_note(struct failure *f, int error, int status, const char *format,
    va_list arguments);
int failure_reason(struct failure *f, int error, const char *format, ...);
int failure_usage(struct failure *f, const char *format, ...);
int failure_late(struct failure *f, const char *missing);
int failure_still(struct failure *f, const char *missing);

void failure_words(char *text, size_t size, const struct failure *f);
void failure_text(
    char *text, size_t size, const struct failure *f, int64_t timeout);

#endif
