/* SPDX-License-Identifier: ISC */
/*
 * Bytes of others in lines that people read. What is escaped is printable, as
 * long as the buffer allows, and says exactly which bytes these were.
 */
#include "say.h"

#include "fuzz.h"

/* One byte of an escaped text, as a compiler of C reads it. */
static unsigned char
read_byte(const char **p)
{
	static const char names[] = "abtnvfr\"\\";
	static const char named[] = "\a\b\t\n\v\f\r\"\\";
	const char *at;
	unsigned value = 0;
	int digits;

	if (**p != '\\')
		return (unsigned char)*(*p)++;
	++*p;
	at = strchr(names, **p);
	if (**p != '\0' && at != NULL) {
		++*p;
		return (unsigned char)named[at - names];
	}
	for (digits = 0; digits < 3 && **p >= '0' && **p <= '7'; digits++)
		value = value * 8 + (unsigned)(*(*p)++ - '0');
	must(digits > 0 && value < 256);
	return (unsigned char)value;
}

static void
must_be(const char *text, const uint8_t *data, size_t size)
{
	size_t i;

	must(is_printable(text));
	for (i = 0; i < size; i++)
		must(*text != '\0' && read_byte(&text) == data[i]);
	must(*text == '\0');
}

/* In a buffer of that size, which cuts it perhaps. */
static void
cut(const uint8_t *data, size_t size, size_t room)
{
	char *buffer = malloc(room), *line = string_of(data, size);
	struct text t;

	must(buffer != NULL);
	text_init(&t, buffer, room);
	text_add_escaped(&t, (const char *)data, size);
	must(is_printable(buffer) && strlen(buffer) == t.length);
	text_init(&t, buffer, room);
	text_add_word(&t, (const char *)data, size);
	must(is_printable(buffer) && strchr(buffer, ' ') == NULL);
	text_init(&t, buffer, room);
	text_add_line(&t, line);
	must(is_printable(buffer) && strlen(buffer) == t.length);
	free(line);
	free(buffer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *buffer;
	struct text t;
	size_t room;

	if (size == 0)
		return 0;
	room = (size_t)data[0] + 1;
	data++;
	size--;
	cut(data, size, room);
	buffer = malloc(4 * size + 1);
	must(buffer != NULL);
	text_init(&t, buffer, 4 * size + 1);
	text_add_escaped(&t, (const char *)data, size);
	must_be(buffer, data, size);
	text_init(&t, buffer, 4 * size + 1);
	text_add_word(&t, (const char *)data, size);
	must_be(buffer, data, size);
	free(buffer);
	return 0;
}
