/* SPDX-License-Identifier: ISC */
/*
 * What the targets have in common: a property that does not hold ends the
 * process, so that libFuzzer keeps the input.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void
must(int holds)
{
	if (!holds)
		abort();
}

/* Whether nothing is in it that a terminal obeys, or that ends a line. */
static inline int
is_printable(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s < ' ' || *s > '~')
			return 0;
	return 1;
}

/* The input as a string that ends at its first NUL; to be freed. */
static inline char *
string_of(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	must(s != NULL);
	if (size > 0)
		memcpy(s, data, size);
	s[size] = '\0';
	return s;
}

#endif
