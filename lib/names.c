/* SPDX-License-Identifier: ISC */
#include "names.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST 255        /* bytes of a name, as systemd has it */
#define NAMELESS "unknown" /* how systemd calls a socket without a name */

/*
 * Can a list hold this name, so that who reads the list finds it? A colon would
 * end it, and libsystemd drops a backslash.
 */
int
names_is_name(const char *name, size_t length)
{
	size_t i;

	if (length == 0 || length > LONGEST)
		return 0;
	for (i = 0; i < length; i++)
		if (name[i] < ' ' || name[i] > '~' || name[i] == ':' ||
		    name[i] == '\\')
			return 0;
	return 1;
}

/* Are these bytes exactly so many names, with colons between them? */
int
names_is_list(const char *list, size_t length, size_t count)
{
	const char *colon, *p = list, *end = list + length;

	for (; count > 1; count--) {
		colon = memchr(p, ':', (size_t)(end - p));
		if (colon == NULL || !names_is_name(p, (size_t)(colon - p)))
			return 0;
		p = colon + 1;
	}
	return count == 1 && names_is_name(p, (size_t)(end - p));
}

/* How many names others have put into a list; they may be empty. */
static size_t
fields(const char *list)
{
	size_t n = 1;

	for (; *list != '\0'; list++)
		n += *list == ':';
	return n;
}

/*
 * The list of count names with one more behind it, to be freed. A list that is
 * NULL, or has another number of names, names nobody, nor does a name that is
 * NULL. NULL without memory.
 */
char *
names_append(const char *list, size_t count, const char *name)
{
	char *text;
	size_t i, n;

	if (list != NULL && fields(list) != count)
		list = NULL;
	if (name == NULL)
		name = NAMELESS;
	n = list != NULL ? strlen(list) + 1 : count * sizeof NAMELESS;
	text = malloc(n + strlen(name) + 1);
	if (text == NULL)
		return NULL;
	text[0] = '\0';
	if (list != NULL) {
		memcpy(text, list, n - 1);
		text[n - 1] = ':';
	} else {
		for (i = 0; i < count; i++)
			memcpy(text + i * sizeof NAMELESS, NAMELESS ":",
			    sizeof NAMELESS);
	}
	strcpy(text + n, name);
	return text;
}
