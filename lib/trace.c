/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "trace.h"

#include "say.h"
#include "wait.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HIGH_FD 10 /* above the numbers that people use in a shell */
#define LINE 4096
#define END 8 /* of them reserved for how the line ends */

int trace_on;

static const char *step_path; /* NULL: no steps */
static int step_fifo = -1;
static const char *file_path; /* NULL: standard error */

/*
 * Only a FIFO can hold a call back: anything else gives bytes without end, or
 * is at its end at once.
 */
static int
check_fifo(void)
{
	struct stat st;

	if (stat(step_path, &st) == -1)
		return failed("open");
	if (!S_ISFIFO(st.st_mode))
		return failed_because(ENXIO, "not a FIFO");
	if (access(step_path, R_OK | W_OK) == -1)
		return failed("open");
	return 0;
}

/*
 * Open the file of the trace: all commands append to it, and none waits for a
 * reader.
 */
static int
open_file(void)
{
	return open(file_path,
	    O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
	    0666);
}

static int
check_file(void)
{
	int fd = open_file();

	if (fd == -1)
		return failed("open");
	close(fd);
	return 0;
}

/*
 * Switch the trace on if -v (verbose) or FDTRACE asks for it. Returns 0; or -1
 * and the failure: FDTRACE has no meaning, or its file or FIFO cannot be used.
 */
int
trace_init(int verbose)
{
	const char *value = getenv("FDTRACE");

	trace_on = verbose;
	if (value == NULL || value[0] == '\0' || strcmp(value, "0") == 0)
		return 0;
	trace_on = 1;
	if (strcmp(value, "1") == 0)
		return 0;
	if (strncmp(value, "file:", 5) == 0 && value[5] != '\0') {
		file_path = value + 5;
		return check_file();
	}
	if (strncmp(value, "step:", 5) != 0 || value[5] == '\0')
		return failed_usage("neither 0, 1, file:PATH nor step:FIFO");
	step_path = value + 5;
	return check_fifo();
}

/*
 * Open the FIFO at the first step and not earlier, for its descriptor might be
 * taken for one that an operand names (fd:N). Open it for writing too, so that
 * open() does not wait and read() does not find an end of file. Check it again,
 * for another file may have taken its place.
 */
static void
open_fifo(void)
{
	struct stat st;
	int fd = open(step_path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return;
	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
		step_fifo = sys_dup_above(fd, HIGH_FD);
	close(fd);
}

/*
 * Can a line be written without waiting for a reader? A pipe that polls
 * writable has room for it, unless nobody has its reading end.
 */
int
trace_has_room(void)
{
	struct pollfd p;

	if (file_path != NULL)
		return 1;
	p.fd = STDERR_FILENO;
	p.events = POLLOUT;
	p.revents = 0;
	return poll(&p, 1, 0) == 1 && p.revents == POLLOUT;
}

/*
 * A file is opened for each line, so that no descriptor of ours is in the way
 * of those of COMMAND, and the file may be renamed.
 */
static void
put(const char *line, size_t n)
{
	int fd = file_path == NULL ? STDERR_FILENO : open_file();
	ssize_t w;

	if (fd == -1)
		return;
	do
		w = write(fd, line, n);
	while (w == -1 && errno == EINTR);
	if (file_path != NULL)
		close(fd);
}

/* The time, in a file: its commands may run for days. */
static void
add_time(struct text *t)
{
	char date[32];
	struct timespec now;
	struct tm local;

	clock_gettime(CLOCK_REALTIME, &now);
	if (localtime_r(&now.tv_sec, &local) == NULL ||
	    strftime(date, sizeof date, "%H:%M:%S", &local) == 0)
		return;
	text_add(t, "%s.%06ld ", date, now.tv_nsec / 1000);
}

/* Write one line with one write(), with foreign bytes escaped. Keeps errno. */
static void
line(const char *step, const char *format, va_list arguments, const char *end)
{
	char call[LINE], line[LINE];
	int saved = errno;
	struct text t;

	vsnprintf(call, sizeof call, format, arguments);
	text_init(&t, line, sizeof line - END);
	if (file_path != NULL)
		add_time(&t);
	text_add(&t, "%-2s %s[%ld]: ", step, say_program, (long)getpid());
	text_add_line(&t, call);
	t.size += END;
	text_add(&t, "%s\n", end);
	put(line, t.length);
	errno = saved;
}

/* Wait for the byte that lets us go on. */
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
	while (wait_ending() == 0 && read(step_fifo, &byte, 1) != 1)
		wait_poll(&p, 1, -1);
}

/*
 * With FDTRACE=step, show which call comes next, and wait until we may go on.
 */
void
trace_before(const char *step, const char *format, ...)
{
	va_list arguments;
	int saved = errno;

	if (step_path == NULL)
		return;
	va_start(arguments, format);
	line(step, format, arguments, " ...");
	va_end(arguments);
	wait_step();
	errno = saved;
}

/* Show a call and its result, after it was made. */
void
trace(const char *step, const char *format, ...)
{
	va_list arguments;

	if (!trace_on)
		return;
	va_start(arguments, format);
	line(step, format, arguments, "");
	va_end(arguments);
}

/*
 * Show a call before it is made, if it wakes another process and has no result
 * to show: so causes come before their effects.
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
		line(step, format, arguments, " ...");
		va_end(arguments);
		wait_step();
	}
	va_start(arguments, format);
	line(step, format, arguments, "");
	va_end(arguments);
	errno = saved;
}
