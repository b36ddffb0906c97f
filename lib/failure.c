/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "failure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void
begin(struct failure *f, const char *operation, int error)
{
	f->object = f->missing = NULL;
	f->operation = operation;
	f->error = error;
	f->status = EXIT_WRONG;
	f->reason[0] = '\0';
}

/* Note that this operation failed with errno. Always returns -1. */
int
failure_errno(struct failure *f, const char *operation)
{
	begin(f, operation, errno);
	return -1;
}

/*
 * Note a reason in words, and the status to end with. Always returns -1, with
 * errno set to error.
 */
int
failure_note(struct failure *f, int error, int status, const char *format,
    va_list arguments)
{
	char reason[sizeof f->reason];

	/* The arguments may be what was noted before. */
	vsnprintf(reason, sizeof reason, format, arguments);
	begin(f, NULL, error);
	f->status = status;
	memcpy(f->reason, reason, sizeof reason);
	errno = error;
	return -1;
}

/* Note a reason in words. Always returns -1, with errno set to error. */
int
failure_reason(struct failure *f, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	failure_note(f, error, EXIT_WRONG, format, arguments);
	va_end(arguments);
	return -1;
}

/*
 * Note that an operand is wrong, and why: as failure_reason() with EINVAL, but
 * with the status of wrong usage.
 */
int
failure_usage(struct failure *f, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	failure_note(f, EINVAL, EXIT_USAGE, format, arguments);
	va_end(arguments);
	return -1;
}

/*
 * Note that the deadline has passed, and what is missing: "no connection".
 * Always returns -1, with errno ETIMEDOUT.
 */
int
failure_late(struct failure *f, const char *missing)
{
	begin(f, NULL, ETIMEDOUT);
	f->missing = missing;
	f->status = EXIT_TIMEOUT;
	errno = ETIMEDOUT;
	return -1;
}

/* The same, and keep what was noted before as the reason why it is missing. */
int
failure_still(struct failure *f, const char *missing)
{
	char words[sizeof f->reason];
	const char *object = f->object;

	failure_words(words, sizeof words, f);
	failure_late(f, missing);
	f->object = object;
	memcpy(f->reason, words, sizeof words);
	return -1;
}

/* "connect: Connection refused", or only the reason. */
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

/*
 * The whole line: "./pool: connect: Connection refused", or after a deadline of
 * timeout milliseconds "./pool: no message within 5 s". A long object is cut,
 * so that the reason always fits.
 */
void
failure_text(char *text, size_t size, const struct failure *f, int64_t timeout)
{
	char words[sizeof f->reason + 300], time[64] = "";

	failure_words(words, sizeof words, f);
	if (f->missing != NULL && f->reason[0] == '\0')
		words[0] = '\0';
	if (f->missing != NULL)
		snprintf(time, sizeof time, "%s within %g s%s", f->missing,
		    (double)timeout / 1000, words[0] != '\0' ? ": " : "");
	snprintf(text, size, "%.500s%s%s%s", f->object != NULL ? f->object : "",
	    f->object != NULL ? ": " : "", time, words);
}
