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

/* As a string of C has it: one line, whatever the bytes are. */
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
