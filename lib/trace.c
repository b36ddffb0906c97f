/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "trace.h"

#include "diag.h"
#include "signals.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HIGH_FD 10 /* out of the way of what a shell numbers */

int trace_on;

static const char *step_path; /* NULL: no steps */
static int step_fifo = -1;

/*
 * Switch the trace on if asked by -v or by FDTRACE. Returns -1 with errno if
 * its FIFO may not be used.
 */
int
trace_init(int verbose)
{
	const char *value = getenv("FDTRACE");
	struct stat st;

	trace_on = verbose;
	if (value == NULL || value[0] == '\0' || strcmp(value, "0") == 0)
		return 0;
	trace_on = 1;
	if (strncmp(value, "step:", 5) != 0)
		return 0;
	step_path = value + 5;
	if (stat(step_path, &st) == 0 && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	return access(step_path, R_OK | W_OK);
}

/*
 * At the first step, when it is known which numbers the operands mean. For
 * writing too: otherwise open() and end of file get in the way.
 */
static void
open_fifo(void)
{
	int fd = open(step_path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return;
	step_fifo = sys_dup_above(fd, HIGH_FD);
	close(fd);
}

static void
say(const char *step, const char *format, va_list arguments, const char *end)
{
	char line[4096];
	int saved = errno;
	size_t n;
	ssize_t w;

	n = (size_t)snprintf(line, sizeof line, "%-2s %s[%ld]: ", step,
	    diag_program, (long)getpid());
	n += (size_t)vsnprintf(line + n, sizeof line - n, format, arguments);
	if (n > sizeof line - 8)
		n = sizeof line - 8;
	n += (size_t)snprintf(line + n, sizeof line - n, "%s\n", end);
	do
		w = write(STDERR_FILENO, line, n);
	while (w == -1 && errno == EINTR);
	errno = saved;
}

/* Wait for the byte that lets us on. */
static void
wait_step(void)
{
	struct pollfd p;
	char byte;

	if (step_fifo == -1)
		open_fifo();
	if (step_fifo == -1)
		return;
	p.fd = step_fifo;
	p.events = POLLIN;
	/* A signal may have come at an earlier step. */
	while (signals_ending() == 0 && read(step_fifo, &byte, 1) != 1)
		signals_wait(&p, 1, -1);
}

/* If stepping, say which call comes next and wait to be let on. */
void
trace_before(const char *step, const char *format, ...)
{
	va_list arguments;
	int saved = errno;

	if (step_path == NULL)
		return;
	va_start(arguments, format);
	say(step, format, arguments, " ...");
	va_end(arguments);
	wait_step();
	errno = saved;
}

/* Say what was called, and what came of it. */
void
trace(const char *step, const char *format, ...)
{
	va_list arguments;

	if (!trace_on)
		return;
	va_start(arguments, format);
	say(step, format, arguments, "");
	va_end(arguments);
}

/*
 * A call that sets another process going, and whose result says nothing, is
 * traced before it is made: so causes come before what they lead to.
 */
void
trace_call(const char *step, const char *format, ...)
{
	va_list arguments;
	int saved = errno;

	if (!trace_on)
		return;
	if (step_path != NULL) {
		va_start(arguments, format);
		say(step, format, arguments, " ...");
		va_end(arguments);
		wait_step();
	}
	va_start(arguments, format);
	say(step, format, arguments, "");
	va_end(arguments);
	errno = saved;
}
