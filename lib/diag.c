/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "diag.h"
#include "text.h"
#include "wait.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE 2048 /* bytes on standard error, at most */
#define OFFENCES_A_SECOND 3
#define PATIENCE 1000 /* ms for a last word */

const char *diag_program = "fdpass";
struct failure failure;

static int64_t offence_window; /* until when */
static int offences;
static unsigned long offences_silent;

/* A pipe that polls writable has room for a line. */
static int
has_room(int ms)
{
	struct pollfd p;

	p.fd = STDERR_FILENO;
	p.events = POLLOUT;
	return poll(&p, 1, ms) == 1;
}

/*
 * One line, in one write, whatever is in it. Where nobody reads standard error
 * it is given up after ms milliseconds: nothing must stop for that.
 */
static int
say(const char *text, int ms)
{
	char line[LINE + 1];
	struct text t;
	ssize_t w;

	text_init(&t, line, LINE);
	text_add(&t, "%s: ", diag_program);
	text_add_line(&t, text);
	line[t.length++] = '\n';
	if (!has_room(ms))
		return -1;
	do
		w = write(STDERR_FILENO, line, t.length);
	while (w == -1 && errno == EINTR);
	return 0;
}

void
diag(const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	say(text, PATIENCE);
}

/* "fdsend: ./pool: connect: Connection refused" */
void
diag_errno(const char *object, const char *operation)
{
	int saved = errno;

	diag("%s: %s: %s", object, operation, strerror(saved));
	errno = saved;
}

/* Note that this operation failed with errno; always returns -1. */
int
failed(const char *operation)
{
	return failure_errno(&failure, operation);
}

/* Note a reason in words; always returns -1, with errno set to error. */
int
failed_because(int error, const char *format, ...)
{
	char reason[sizeof failure.reason];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, sizeof reason, format, arguments);
	va_end(arguments);
	return failure_reason(&failure, error, "%s", reason);
}

/* Note that an operand is wrong, and why. */
int
failed_usage(const char *format, ...)
{
	char reason[sizeof failure.reason];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, sizeof reason, format, arguments);
	va_end(arguments);
	return failure_usage(&failure, "%s", reason);
}

/* Note that the time is over, and what is missing. */
int
failed_late(const char *missing)
{
	return failure_late(&failure, missing);
}

/* Say of what was just noted with which object it was, unless that is known. */
int
failed_on(const char *object)
{
	if (failure.object == NULL)
		failure.object = object;
	return -1;
}

/*
 * How every command ends, once its own files are removed. result is what has
 * become of it: a status, or -1 for what was noted as the failure. What goes on
 * until it is told to end does so in good order by SIGTERM; any other signal,
 * and for a command that makes one step all of them, are died of. timeout is
 * the limit of -t, for the line that says that it is over.
 */
int
ending(int result, int goes_on, int64_t timeout)
{
	int sig = wait_ending();
	char text[1024];

	diag_flush();
	if (sig != 0 && (goes_on ? sig != SIGTERM : result == -1))
		wait_die(sig);
	if (result != -1)
		return result;
	if (sig != 0 && failure.error == EINTR)
		return 0;
	if (failure.status > EXIT_BY_SIGNAL)
		wait_die(failure.status - EXIT_BY_SIGNAL);
	failure_text(text, sizeof text, &failure, timeout);
	say(text, PATIENCE);
	return failure.status;
}

/* May this line be said now? What is not said is counted. */
static int
offence_allowed(void)
{
	if (wait_now() >= offence_window) {
		diag_flush();
		offence_window = wait_deadline(1000);
		offences = 0;
	}
	if (offences < OFFENCES_A_SECOND) {
		offences++;
		return 1;
	}
	offences_silent++;
	return 0;
}

static void
say_offence(const char *text)
{
	if (say(text, 0) == -1)
		offences_silent++;
}

/*
 * For what others do wrong, which may be a lot: only a few lines a second, the
 * rest is counted.
 */
void
diag_offence(const char *format, ...)
{
	char text[1024];
	va_list arguments;

	if (!offence_allowed())
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	say_offence(text);
}

void
diag_offence_failure(const struct failure *f, int64_t timeout)
{
	char text[1024];

	if (!offence_allowed())
		return;
	failure_text(text, sizeof text, f, timeout);
	say_offence(text);
}

/* Say how many lines were not said. */
void
diag_flush(void)
{
	char text[64];

	if (offences_silent == 0)
		return;
	snprintf(text, sizeof text, "%lu more %s", offences_silent,
	    offences_silent == 1 ? "message like this" : "messages like these");
	if (say(text, 0) == 0)
		offences_silent = 0;
}
