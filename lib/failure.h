/* SPDX-License-Identifier: ISC */
/*
 * What went wrong, for functions that make several calls: the operation that
 * failed, and its errno, or a reason where errno would mislead.
 */
#ifndef FAILURE_H
#define FAILURE_H

#include <stddef.h>

struct failure {
	const char *operation; /* NULL: the reason says it all */
	int error;
	char reason[160]; /* empty: strerror(error) */
};

int failure_errno(struct failure *, const char *);
int failure_reason(struct failure *, int, const char *, ...);

void failure_words(char *text, size_t size, const struct failure *f);

#endif
