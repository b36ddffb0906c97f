/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Note that this operation failed with errno; always returns -1. */
int
failure_errno(struct failure *f, const char *operation)
{
	f->operation = operation;
	f->error = errno;
	f->reason[0] = '\0';
	return -1;
}

/* Note a reason in words; always returns -1, with errno set to error. */
int
failure_reason(struct failure *f, int error, const char *format, ...)
{
	va_list arguments;

	f->operation = NULL;
	f->error = error;
	va_start(arguments, format);
	vsnprintf(f->reason, sizeof f->reason, format, arguments);
	va_end(arguments);
	errno = error;
	return -1;
}

/* "connect: Connection refused", or the reason in words. */
void
failure_words(char *text, size_t size, const struct failure *f)
{
	const char *reason =
	    f->reason[0] != '\0' ? f->reason : strerror(f->error);

	if (f->operation != NULL)
		snprintf(text, size, "%s: %s", f->operation, reason);
	else
		snprintf(text, size, "%s", reason);
}
