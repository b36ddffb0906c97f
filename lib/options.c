/* SPDX-License-Identifier: ISC */
#include "options.h"

#include "calls.h"
#include "descriptors.h"
#include "fdpass.h"
#include "say.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Print what is wrong, refer to --help, and end. */
void
options_wrong(const char *format, ...)
{
	char text[600];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	say("%s (see %s --help)", text, say_program);
	exit(EXIT_USAGE);
}

/*
 * The first thing a command does: fill the standard descriptors that are
 * closed, and answer --help and --version.
 */
void
options_init(int argc, char *argv[], const char *program, const char *synopsis,
    const char *help)
{
	say_program = program;
	if (descriptors_init() == -1) {
		say_errno("/dev/null", "open");
		exit(EXIT_WRONG);
	}
	if (argc < 2)
		return;
	if (strcmp(argv[1], "--help") == 0)
		printf("usage: %s\n%s\nSee %s(1) and fdpass(7).\n", synopsis,
		    help, program);
	else if (strcmp(argv[1], "--version") == 0)
		printf("%s (fdpass) %s\n", program, FDPASS_VERSION);
	else
		return;
	if (fflush(stdout) == EOF || ferror(stdout)) {
		say_errno("standard output", "write");
		exit(EXIT_WRONG);
	}
	exit(0);
}

/*
 * getopt() that stops at the first operand with every libc. letters begins with
 * "+:": without the +, glibc would permute the operands.
 */
int
options_get(int argc, char *argv[], const char *letters)
{
	int c;

	opterr = 0;
	c = getopt(argc, argv, letters);
	if (c == ':')
		options_wrong("option -%c needs an argument", optopt);
	if (c == '?' && optopt == '-' && optind < argc)
		options_wrong("unknown option %s", argv[optind]);
	if (c == '?' || c == '+')
		options_wrong("unknown option -%c", optopt != 0 ? optopt : c);
	return c;
}

/* A decimal number; -1 if it is not one, or has more digits than we need. */
static long long
number(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 18 || text[digits] != '\0')
		return -1;
	return atoll(text);
}

/* A decimal whole number from least to most. */
long
options_number(int option, const char *text, long least, long most)
{
	/* A long may have only 32 bits. */
	long long n = number(text);

	if (n < least || n > most)
		options_wrong("-%c %s: not a whole number from %ld to %ld",
		    option, text, least, most);
	return (long)n;
}

/* An operand that is a descriptor number, open or not. */
int
options_descriptor(const char *text)
{
	long long fd = number(text);

	if (fd < 0 || fd > INT_MAX)
		options_wrong("%s: not a descriptor number", text);
	return (int)fd;
}

/* Seconds, with or without decimals, as milliseconds, rounded up. */
int64_t
options_seconds(int option, const char *text)
{
	const char *p = text;
	int64_t ms = 0, unit = 100;
	int more = 0;

	if (text[strspn(text, "0123456789.")] != '\0' ||
	    strpbrk(text, "0123456789") == NULL)
		goto wrong;
	for (; *p >= '0' && *p <= '9'; p++)
		if ((ms = ms * 10 + (*p - '0')) > 1000000000)
			goto wrong;
	ms *= 1000;
	if (*p == '.')
		p++;
	for (; *p >= '0' && *p <= '9'; p++, unit /= 10) {
		ms += (*p - '0') * unit;
		if (unit == 0 && *p > '0')
			more = 1;
	}
	if (*p == '\0')
		return ms + more;
wrong:
	options_wrong("-%c %s: not a number of seconds", option, text);
	return -1;
}

/* The file mode of a socket, in octal. */
mode_t
options_mode(int option, const char *text)
{
	char *end;
	long mode;

	mode = strspn(text, "01234567") == strlen(text) ?
	    strtol(text, &end, 8) :
	    -1;
	if (*text == '\0' || mode < 0 || mode > 0777)
		options_wrong("-%c %s: not a file mode, in octal from 0 to 777",
		    option, text);
	return (mode_t)mode;
}

/*
 * A descriptor number that the command is to use: it must fit into the table.
 */
int
options_target(int option, const char *text)
{
	int fd = (int)options_number(option, text, 0, INT_MAX);

	if (fd >= descriptors_limit()) {
		say("descriptor %d: the table has room for %d", fd,
		    descriptors_limit());
		exit(EXIT_WRONG);
	}
	return fd;
}

/* End if this standard descriptor, which the command needs, is closed. */
void
options_need(int fd)
{
	if (descriptors_is_open(fd))
		return;
	say(fd == STDIN_FILENO ? "standard input: not open" :
				 "standard output: not open");
	exit(EXIT_WRONG);
}

/*
 * Another -f FD: OPTIONS_OPEN for one that must be open here, OPTIONS_TARGET
 * for a number to be used here, OPTIONS_FOREIGN for one of another process.
 */
void
options_fd(struct options_fds *list, const char *text, enum options_use use)
{
	int fd = use == OPTIONS_TARGET ?
	    options_target('f', text) :
	    (int)options_number('f', text, 0, INT_MAX);

	if (list->count == OPTIONS_MAX_FDS)
		options_wrong("-f: at most %d descriptors fit in one message",
		    OPTIONS_MAX_FDS);
	if (use == OPTIONS_OPEN && !descriptors_is_open(fd)) {
		say("descriptor %d: not open", fd);
		exit(EXIT_WRONG);
	}
	list->fds[list->count++] = fd;
}

/* Switch the trace on, by -v or by FDTRACE in the environment. */
void
options_trace(int verbose)
{
	static char object[600];

	if (trace_init(verbose) == 0)
		return;
	snprintf(object, sizeof object, "FDTRACE=%s", getenv("FDTRACE"));
	failed_on(object);
	exit(ending(-1, 0, -1));
}
