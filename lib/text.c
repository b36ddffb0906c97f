/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

/* Escape the bytes as in a string of C: one line, whatever they are. */
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

/* The same for a word: a blank in it would look like its end. */
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
 * Add a line in which foreign bytes may stand: those that do not print are
 * escaped, and what was escaped before stays as it is.
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
