/* SPDX-License-Identifier: ISC */
/*
 * Lines put together in a buffer of a fixed size. What does not fit is cut.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

struct text {
	char *start;
	size_t size;   /* of the buffer */
	size_t length; /* so far, without the NUL that always ends it */
};

void text_init(struct text *, char *, size_t);
void text_add(struct text *, const char *, ...);
void text_add_escaped(struct text *, const char *, size_t);
void text_add_word(struct text *, const char *, size_t);
void text_add_line(struct text *, const char *);

#endif
