/* SPDX-License-Identifier: ISC */
/*
 * peek: any bytes may come from a client. What is said of them is clean, and
 * once it is said that no further byte can change it, none does.
 *
 * Build with -fsanitize=fuzzer,address,undefined and cmd/fdpeek-protocol.c.
 */
#include "../../cmd/fdpeek-protocol.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(int is_so)
{
	if (!is_so)
		abort();
}

/* As the name of a file: no slash, not hidden, not above, no option. */
static void
expect_host(const char *host)
{
	size_t n = strlen(host);

	expect(n <= PROTOCOL_HOST);
	expect(strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-._") == n);
	expect(host[0] != '-' && host[0] != '.');
	expect(n == 0 || host[n - 1] != '.');
	expect(strstr(host, "..") == NULL);
}

static void
expect_line(const char *line, const uint8_t *data)
{
	size_t i, n = strlen(line);

	expect(n <= PROTOCOL_LINE && memcmp(line, data, n) == 0);
	for (i = 0; i < n; i++)
		expect(line[i] == '\t' || (line[i] >= ' ' && line[i] < 127));
}

static void
expect_name(const struct protocol *p)
{
	static const char *const names[] = {"", "tls", "http", "ssh", "proxy"};
	size_t i = 0;

	while (i < 5 && strcmp(p->name, names[i]) != 0)
		i++;
	expect(i < 5);
	expect(p->host[0] == '\0' || i == 1 || i == 2);
}

/* In memory of just that size, so that a look too far is seen. */
static int
look(struct protocol *p, const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);
	int is_decided;

	expect(copy != NULL);
	if (n > 0)
		memcpy(copy, data, n);
	memset(p, 'x', sizeof *p);
	is_decided = protocol_look(p, copy, n);
	free(copy);
	expect_name(p);
	expect_host(p->host);
	expect_line(p->line, data);
	return is_decided;
}

static int
same(const struct protocol *a, const struct protocol *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->host, b->host) == 0 &&
	    strcmp(a->line, b->line) == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct protocol all, part;
	int all_decided = look(&all, data, size);
	size_t n, step = size / 256 + 1;

	for (n = 0; n < size; n += step) {
		if (look(&part, data, n))
			expect(all_decided && same(&part, &all));
		/* What kind of client it is never changes. */
		expect(
		    part.name[0] == '\0' || strcmp(part.name, all.name) == 0);
	}
	return 0;
}
