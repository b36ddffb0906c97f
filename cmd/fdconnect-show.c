/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdconnect-show.h"

#include "calls.h"
#include "info.h"
#include "say.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COLUMNS 80
#define FEWEST 16 /* least columns for bytes */

static unsigned long left_out; /* lines since the last one shown */

static void
show(const char *line)
{
	if (left_out > 0 && trace_has_room()) {
		trace("C", "(%lu lines left out: nobody read them)", left_out);
		left_out = 0;
	}
	if (left_out == 0 && trace_has_room())
		trace("C", "%s", line);
	else
		left_out++;
}

/* How many characters the escaped byte that begins here has. */
static size_t
width(const char *escaped)
{
	size_t digits;

	if (escaped[0] != '\\')
		return 1;
	digits = strspn(escaped + 1, "01234567");
	if (digits == 0)
		return 2;
	return escaped[1] == '0' && digits < 3 ? 2 : 4;
}

/* Add the first bytes of a part, as many as fit. */
static void
add_bytes(struct text *t, const struct part *p, size_t columns)
{
	char escaped[4 * COLUMNS + 1];
	size_t shown = 0, used = 0, w;
	struct text e;

	text_init(&e, escaped, sizeof escaped);
	text_add_escaped(
	    &e, p->bytes, p->length < COLUMNS ? p->length : COLUMNS);
	while (shown < p->length && used < e.length) {
		w = width(escaped + used);
		if (used + w > columns)
			break;
		used += w;
		shown++;
	}
	text_add(t, " \"%.*s\"%s", (int)used, escaped,
	    shown < p->length ? "..." : "");
}

void
show_part(const char *direction, const struct part *p)
{
	char line[INFO_TEXT], what[INFO_TEXT - 64], end[32] = "", name[64];
	struct text t;
	size_t i, rest;

	if (!trace_on)
		return;
	rest = (size_t)snprintf(
	    name, sizeof name, "C  fdconnect[%ld]: ", (long)getpid());
	if (p->count > 0)
		rest += (size_t)snprintf(end, sizeof end, ", %zu descriptor%s",
		    p->count, p->count == 1 ? "" : "s");
	text_init(&t, line, sizeof line);
	text_add(&t, "%s %zu byte%s", direction, p->length,
	    p->length == 1 ? "" : "s");
	rest += t.length + strlen(" \"\"...");
	add_bytes(&t, p, rest + FEWEST < COLUMNS ? COLUMNS - rest : FEWEST);
	text_add(&t, "%s", end);
	show(line);
	for (i = 0; i < p->count; i++) {
		info_describe(what, sizeof what, p->fds[i]);
		snprintf(line, sizeof line, "%s %4zu %s", direction, i, what);
		show(line);
	}
}

void
show_close(int fd)
{
	if (trace_has_room())
		tell_close("C", fd);
}

void
show_end(const char *direction, const char *how)
{
	char line[64];

	if (!trace_on)
		return;
	snprintf(line, sizeof line, "%s %s", direction, how);
	show(line);
}
