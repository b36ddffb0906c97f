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

/* However long the object is, the reason is there. */
static void
failure_text(
    char *text, size_t size, const char *object, const struct failure *f)
{
	char words[512];

	failure_words(words, sizeof words, f);
	snprintf(text, size, "%.500s: %s", object, words);
}

void
diag_failure(const char *object, const struct failure *f)
{
	char text[1024];

	failure_text(text, sizeof text, object, f);
	say(text, PATIENCE);
}

/* "fdlisten: 127.0.0.1:7000: no connection within 5 s" */
void
diag_timeout(const char *object, const char *missing, int64_t ms)
{
	diag("%s: %s within %g s", object, missing, (double)ms / 1000);
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
diag_offence_failure(const char *object, const struct failure *f)
{
	char text[1024];

	if (!offence_allowed())
		return;
	failure_text(text, sizeof text, object, f);
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
