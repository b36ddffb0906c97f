/* SPDX-License-Identifier: ISC */
/*
 * Operands that name an address, and socket addresses as the system gives them.
 */
#include "address.h"
#include "say.h"

#include "fuzz.h"

static void
parse(const uint8_t *data, size_t size)
{
	char *operand = string_of(data, size);
	struct address a;
	int fd = -1;

	if (address_parse(&a, operand) == 0) {
		must(a.kind != ADDRESS_TCP || a.port[0] != '\0');
		must(strlen(a.host) < sizeof a.host);
		must(strlen(a.port) < sizeof a.port);
		must(a.kind != ADDRESS_FD || a.fd >= 0);
	} else {
		must(failure.error != 0 && failure.reason[0] != '\0');
	}
	if (address_fd_operand(operand, &fd) == 1)
		must(fd >= 0 && strtoll(operand + 3, NULL, 10) == fd);
	free(operand);
}

/* A socket address of any family and length, to be shown as one word. */
static void
format(const uint8_t *data, size_t size)
{
	char text[ADDRESS_TEXT], operand[ADDRESS_TEXT], host[64], port[8];
	struct sockaddr_storage ss;
	const struct sockaddr *sa = (const struct sockaddr *)&ss;
	socklen_t length;

	memset(&ss, 0, sizeof ss);
	length = (socklen_t)(size < sizeof ss ? size : sizeof ss);
	if (length > 0)
		memcpy(&ss, data, length);
	/* One of the families that matter, as a rule. */
	switch (ss.ss_family % 4) {
	case 0:
		ss.ss_family = AF_UNIX;
		break;
	case 1:
		ss.ss_family = AF_INET;
		break;
	case 2:
		ss.ss_family = AF_INET6;
		break;
	}
	address_format(text, sizeof text, sa, length);
	must(is_printable(text));
	must(text[0] != '\0' && strchr(text, ' ') == NULL);
	address_operand(operand, sizeof operand, sa, length);
	if (address_split(sa, host, sizeof host, port, sizeof port) == 0) {
		must(is_printable(host) && is_printable(port));
		must(
		    length < sizeof(sa_family_t) || strcmp(text, operand) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] & 1)
		parse(data + 1, size - 1);
	else
		format(data + 1, size - 1);
	return 0;
}
