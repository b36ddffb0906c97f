/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "say.h"
#include "wait.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REFUSED 32 /* bytes of a refused payload */
#define LINE 2048  /* most bytes in a line on standard error */
#define OFFENCES_A_SECOND 3
#define PATIENCE 1000 /* ms to wait for room on standard error */

const char *say_program = "fdpass";
struct failure failure;

static int64_t offence_window; /* its end */
static int offences;
static unsigned long offences_silent;

void
text_init(struct text *t, char *buffer, size_t size)
{
	t->start = buffer;
	t->size = size;
	t->length = 0;
	buffer[0] = '\0';
}

void
text_add(struct text *t, const char *format, ...)
{
	size_t room = t->size - t->length;
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(t->start + t->length, room, format, arguments);
	va_end(arguments);
	if (n < 0)
		return;
	t->length += (size_t)n < room ? (size_t)n : room - 1;
}

/* Escape the bytes as in a C string, so that they stay on one line. */
void
text_add_escaped(struct text *t, const char *bytes, size_t n)
{
	static const char named[] = "\a\b\t\n\v\f\r\"\\";
	static const char names[] = "abtnvfr\"\\";
	const char *at;
	size_t i;

	for (i = 0; i < n && t->length + 1 < t->size; i++) {
		unsigned char c = (unsigned char)bytes[i];
		int digit =
		    i + 1 < n && bytes[i + 1] >= '0' && bytes[i + 1] <= '7';

		if (c == '\0' && !digit)
			text_add(t, "\\0");
		else if (c != '\0' && (at = strchr(named, c)) != NULL)
			text_add(t, "\\%c", names[at - named]);
		else if (c < ' ' || c >= 127)
			text_add(t, "\\%03o", c);
		else
			text_add(t, "%c", c);
	}
}

/* The same for one word: escape blanks too. */
void
text_add_word(struct text *t, const char *bytes, size_t n)
{
	size_t i, start = 0;

	for (i = 0; i < n; i++) {
		if (bytes[i] != ' ')
			continue;
		text_add_escaped(t, bytes + start, i - start);
		text_add(t, "\\040");
		start = i + 1;
	}
	text_add_escaped(t, bytes + start, n - start);
}

/*
 * Add a line that may contain foreign bytes: escape those that do not print.
 * What was escaped before stays as it is.
 */
void
text_add_line(struct text *t, const char *line)
{
	unsigned char c;

	for (; *line != '\0' && t->length + 1 < t->size; line++) {
		c = (unsigned char)*line;
		text_add(t, c < ' ' || c >= 127 ? "\\%03o" : "%c", c);
	}
}

static void
add_sender(struct text *t, const struct fdpass_message *m)
{
	if (m->uid == -1)
		text_add(t, "from an unknown sender");
	else if (m->pid == -1)
		text_add(t, "from uid %ld gid %ld", m->uid, m->gid);
	else
		text_add(
		    t, "from pid %ld uid %ld gid %ld", m->pid, m->uid, m->gid);
}

/*
 * Add who sent a message, at most most bytes of its payload, and how many
 * descriptors.
 */
void
text_add_message(struct text *t, const struct fdpass_message *m, size_t most)
{
	size_t n = m->length < most ? m->length : most;

	add_sender(t, m);
	text_add(t, ", payload \"");
	text_add_escaped(t, m->payload, n);
	text_add(t, n < m->length ? "\"...," : "\",");
	text_add(t, " %zu descriptor%s", m->count, m->count == 1 ? "" : "s");
}

/*
 * Who sent a message (NULL: unknown) and how its payload begins, for a line
 * that says that it is refused.
 */
void
say_sender(char *line, size_t size, const struct fdpass_message *m)
{
	struct text t;
	size_t n;

	text_init(&t, line, size);
	if (m == NULL) {
		text_add(&t, "from an unknown sender");
		return;
	}
	add_sender(&t, m);
	if (m->length == 0)
		return;
	n = m->length < REFUSED ? m->length : REFUSED;
	text_add(&t, ", payload \"");
	text_add_escaped(&t, m->payload, n);
	text_add(&t, n < m->length ? "\"..." : "\"");
}

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
 * Write one line with one write(). If nobody reads standard error, give up
 * after ms milliseconds, for nothing must stop because of that.
 */
static int
put(const char *text, int ms)
{
	char line[LINE + 1];
	struct text t;
	ssize_t w;

	text_init(&t, line, LINE);
	text_add(&t, "%s: ", say_program);
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
say(const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	put(text, PATIENCE);
}

/* Print a line such as "fdsend: ./pool: connect: Connection refused". */
void
say_errno(const char *object, const char *operation)
{
	int saved = errno;

	say("%s: %s: %s", object, operation, strerror(saved));
	errno = saved;
}

/* Note that this operation failed with errno. Always returns -1. */
int
failed(const char *operation)
{
	return failure_errno(&failure, operation);
}

/* Note a reason in words. Always returns -1, with errno set to error. */
int
failed_because(int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	failure_note(&failure, error, EXIT_WRONG, format, arguments);
	va_end(arguments);
	return -1;
}

/* Note that an operand is wrong, and why. Always returns -1. */
int
failed_usage(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	failure_note(&failure, EINVAL, EXIT_USAGE, format, arguments);
	va_end(arguments);
	return -1;
}

/* Note that the deadline has passed, and what is missing. Always returns -1. */
int
failed_late(const char *missing)
{
	return failure_late(&failure, missing);
}

/*
 * Note the object of the failure, unless it is known already. Always returns
 * -1.
 */
int
failed_on(const char *object)
{
	if (failure.object == NULL)
		failure.object = object;
	return -1;
}

/* Die by this signal, so that our parent sees it. */
void
die_by(int sig)
{
	sigset_t only;

	signal(sig, SIG_DFL);
	sigemptyset(&only);
	sigaddset(&only, sig);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	raise(sig);
	_exit(EXIT_BY_SIGNAL + sig);
}

/*
 * How every command ends, after it has removed its files: returns the exit
 * status. result is a status, or -1 for the noted failure. A command that goes
 * on until told to end (goes_on) ends in good order by SIGTERM, and dies by any
 * other signal; a command that takes one step dies by all of them. timeout, in
 * milliseconds, is the limit of -t, for the line that says that it has passed.
 */
int
ending(int result, int goes_on, int64_t timeout)
{
	int sig = wait_ending();
	char text[1024];

	say_flush();
	if (sig != 0 && (goes_on ? sig != SIGTERM : result == -1))
		die_by(sig);
	if (result != -1)
		return result;
	if (sig != 0 && failure.error == EINTR)
		return 0;
	if (failure.status > EXIT_BY_SIGNAL)
		die_by(failure.status - EXIT_BY_SIGNAL);
	failure_text(text, sizeof text, &failure, timeout);
	put(text, PATIENCE);
	return failure.status;
}

/* May this line be printed now? If not, it is counted. */
static int
offence_allowed(void)
{
	if (wait_now() >= offence_window) {
		say_flush();
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
put_offence(const char *text)
{
	if (put(text, 0) == -1)
		offences_silent++;
}

/*
 * Print what others do wrong. That may be much: print only a few lines each
 * second, and count the others.
 */
void
say_offence(const char *format, ...)
{
	char text[1024];
	va_list arguments;

	if (!offence_allowed())
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	put_offence(text);
}

void
say_offence_failure(const struct failure *f, int64_t timeout)
{
	char text[1024];

	if (!offence_allowed())
		return;
	failure_text(text, sizeof text, f, timeout);
	put_offence(text);
}

/* Print how many lines were left out. */
void
say_flush(void)
{
	char text[64];

	if (offences_silent == 0)
		return;
	snprintf(text, sizeof text, "%lu more %s", offences_silent,
	    offences_silent == 1 ? "message like this" : "messages like these");
	if (put(text, 0) == 0)
		offences_silent = 0;
}
