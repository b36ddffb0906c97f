/* SPDX-License-Identifier: ISC */
/*
 * The numbers of options: what is taken is what was written, and in its limits.
 * What is not ends the command, which comes back here instead.
 */
#include "options.h"

#include "fuzz.h"

#include <limits.h>
#include <setjmp.h>

static jmp_buf refused;
static int is_trying; /* else it is libFuzzer that ends */

void __real_exit(int status);
void __wrap_exit(int status);
void __wrap_say(const char *format, ...);

/* The linker puts these in the place of exit() and say(). */
void
__wrap_exit(int status)
{
	if (!is_trying)
		__real_exit(status);
	must(status == 1 || status == 2);
	longjmp(refused, 1);
}

void
__wrap_say(const char *format, ...)
{
	must(format != NULL);
}

static void
numbers(const char *text, long least, long most)
{
	long n;

	if (setjmp(refused) != 0)
		return;
	n = options_number('n', text, least, most);
	must(n >= least && n <= most);
	must(strspn(text, "0123456789") == strlen(text));
	must(strtoll(text, NULL, 10) == n);
}

static void
descriptors(const char *text)
{
	int fd;

	if (setjmp(refused) != 0)
		return;
	fd = options_descriptor(text);
	must(fd >= 0 && strtoll(text, NULL, 10) == fd);
}

/* Rounded up to milliseconds. */
static void
seconds(const char *text)
{
	double expected;
	int64_t ms;

	if (setjmp(refused) != 0)
		return;
	ms = options_seconds('t', text);
	expected = strtod(text, NULL) * 1000;
	must(ms >= 0 && (double)ms > expected - 0.001);
	must((double)ms < expected + 1.001);
}

static void
modes(const char *text)
{
	mode_t mode;

	if (setjmp(refused) != 0)
		return;
	mode = options_mode('m', text);
	must(mode <= 0777 && (mode_t)strtol(text, NULL, 8) == mode);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const long most[] = {1, 4096, 1000000, INT_MAX};
	char *text;

	if (size == 0)
		return 0;
	text = string_of(data + 1, size - 1);
	is_trying = 1;
	numbers(text, data[0] & 1, most[data[0] >> 1 & 3]);
	descriptors(text);
	seconds(text);
	modes(text);
	is_trying = 0;
	free(text);
	return 0;
}
