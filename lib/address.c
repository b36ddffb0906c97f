/* SPDX-License-Identifier: ISC */
#include "address.h"

#include "descriptors.h"
#include "fdpass/name.h"
#include "say.h"

#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Parse fd:N. Returns 1 and the number; 0 if the operand is something else; -1
 * if it begins with fd: but names no descriptor.
 */
int
address_fd_operand(const char *operand, int *fd)
{
	const char *p = operand + 3;
	long long n = 0;

	if (strncmp(operand, "fd:", 3) != 0)
		return 0;
	if (*p == '\0')
		return -1;
	for (; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return -1;
		n = n * 10 + (*p - '0');
		if (n > INT_MAX)
			return -1;
	}
	*fd = (int)n;
	return 1;
}

static int
all_digits(const char *s)
{
	return *s != '\0' && s[strspn(s, "0123456789")] == '\0';
}

static int
parse_port(struct address *a, const char *port)
{
	size_t n = strlen(port);

	if (n == 0)
		return failed_usage("the port is missing");
	if (all_digits(port) &&
	    (n > strspn(port, "0") + 5 || strtol(port, NULL, 10) > 65535))
		return failed_usage("ports go from 0 to 65535");
	if (n >= sizeof a->port)
		return failed_usage("the port's name is too long");
	memcpy(a->port, port, n + 1);
	return 0;
}

/* HOST:PORT, split at the last colon; the host may be in brackets. */
static int
parse_tcp(struct address *a, const char *operand)
{
	const char *colon = strrchr(operand, ':'), *host = operand;
	struct in6_addr in6;
	size_t n = (size_t)(colon - operand);

	if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
		host++;
		n -= 2;
		if (n == 0)
			return failed_usage("the host is missing in []");
	}
	if (n >= sizeof a->host)
		return failed_usage("the host's name is too long");
	memcpy(a->host, host, n);
	a->host[n] = '\0';
	if (inet_pton(AF_INET6, operand, &in6) == 1 &&
	    (strchr(a->host, ':') == NULL ||
		inet_pton(AF_INET6, a->host, &in6) != 1))
		return failed_usage(
		    "no port; for an IPv6 address write [%s]:PORT", operand);
	if (strpbrk(a->host, "[]") != NULL)
		return failed_usage("for an IPv6 address write [HOST]:PORT");
	return parse_port(a, colon + 1);
}

/* Parse ADDRESS; for what is not one, hint at what was probably meant. */
static int
parse(struct address *a, const char *operand)
{
	struct sockaddr_un sun;
	socklen_t length;

	memset(a, 0, sizeof *a);
	a->operand = operand;
	a->type = SOCK_STREAM;
	if (*operand == '\0')
		return failed_usage("the address is empty");
	if (strchr(operand, '/') != NULL || operand[0] == '@') {
		a->kind = ADDRESS_UNIX;
		return name_address(operand, &sun, &length, &failure);
	}
	switch (address_fd_operand(operand, &a->fd)) {
	case 1:
		a->kind = ADDRESS_FD;
		if (descriptors_is_open(a->fd))
			return 0;
		return failed_because(
		    EBADF, "descriptor %d is not open", a->fd);
	case -1:
		return failed_usage("no descriptor number after fd:");
	}
	a->kind = ADDRESS_TCP;
	if (all_digits(operand)) {
		memcpy(a->host, "127.0.0.1", sizeof "127.0.0.1");
		return parse_port(a, operand);
	}
	if (strchr(operand, ':') != NULL)
		return parse_tcp(a, operand);
	if (strcmp(operand, "-") == 0)
		return failed_usage(
		    "- is no ADDRESS; for an open socket write fd:N");
	return failed_usage(
	    "not an ADDRESS; for a UNIX socket write ./%.60s, for TCP "
	    "HOST:PORT",
	    operand);
}

/*
 * Parse ADDRESS into *a, which keeps a pointer to operand. Returns 0, or -1 and
 * the failure.
 */
int
address_parse(struct address *a, const char *operand)
{
	return parse(a, operand) == 0 ? 0 : failed_on(operand);
}

/*
 * Show an IPv4-mapped address as IPv4: returns 1 and the address if it is one.
 */
static int
unmap(const struct sockaddr *sa, struct sockaddr_in *in)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;

	if (sa->sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return 0;
	memset(in, 0, sizeof *in);
	in->sin_family = AF_INET;
	in->sin_port = in6->sin6_port;
	memcpy(&in->sin_addr, in6->sin6_addr.s6_addr + 12, 4);
	return 1;
}

/*
 * The host and the port as numbers. Returns 0, or -1 for what is not an
 * Internet address.
 */
int
address_split(const struct sockaddr *sa, char *host, size_t host_size,
    char *port, size_t port_size)
{
	struct sockaddr_in mapped;
	unsigned number;
	size_t n;

	if (unmap(sa, &mapped))
		sa = (const struct sockaddr *)&mapped;
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)sa;

		inet_ntop(AF_INET, &in->sin_addr, host, (socklen_t)host_size);
		number = ntohs(in->sin_port);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 =
		    (const struct sockaddr_in6 *)sa;

		inet_ntop(
		    AF_INET6, &in6->sin6_addr, host, (socklen_t)host_size);
		n = strlen(host);
		if (in6->sin6_scope_id != 0)
			snprintf(host + n, host_size - n, "%%%u",
			    (unsigned)in6->sin6_scope_id);
		number = ntohs(in6->sin6_port);
	} else {
		return -1;
	}
	snprintf(port, port_size, "%u", number);
	return 0;
}

/*
 * The name of a UNIX socket: *name and the length that is returned, without the
 * NUL after a path; *front is what an operand has before it.
 */
static size_t
unix_name(const struct sockaddr *sa, socklen_t length, const char **front,
    const char **name)
{
	size_t n = length - offsetof(struct sockaddr_un, sun_path);

	*name = ((const struct sockaddr_un *)sa)->sun_path;
	if (**name == '\0') {
		*front = "@";
		++*name;
		return n - 1;
	}
	n = strnlen(*name, n);
	*front = memchr(*name, '/', n) != NULL ? "" : "./";
	return n;
}

static int
has_unix_name(const struct sockaddr *sa, socklen_t length)
{
	return length > offsetof(struct sockaddr_un, sun_path) &&
	    sa->sa_family == AF_UNIX;
}

/* HOST:PORT or [HOST]:PORT; "unnamed" or "unknown" for what has no address. */
static void
format_other(
    char *text, size_t size, const struct sockaddr *sa, socklen_t length)
{
	char host[INET6_ADDRSTRLEN + 16], port[8];

	if (length >= sizeof(sa_family_t) &&
	    address_split(sa, host, sizeof host, port, sizeof port) == 0)
		snprintf(text, size,
		    strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host,
		    port);
	else if (length < sizeof(sa_family_t) || sa->sa_family != AF_UNIX)
		snprintf(text, size, "unknown");
	else
		snprintf(text, size, "unnamed");
}

/*
 * HOST:PORT, [HOST]:PORT, PATH or @NAME, for people: escaped into one word,
 * whatever bytes a peer has chosen for its name. "unnamed" if there is none.
 */
void
address_format(
    char *text, size_t size, const struct sockaddr *sa, socklen_t length)
{
	const char *front, *name;
	struct text t;
	size_t n;

	if (!has_unix_name(sa, length)) {
		format_other(text, size, sa, length);
		return;
	}
	n = unix_name(sa, length, &front, &name);
	text_init(&t, text, size);
	text_add(&t, "%s", front);
	text_add_word(&t, name, n);
}

/* The same for programs, as an operand to connect to: not escaped. */
void
address_operand(
    char *text, size_t size, const struct sockaddr *sa, socklen_t length)
{
	const char *front, *name;
	size_t n;

	if (!has_unix_name(sa, length)) {
		format_other(text, size, sa, length);
		return;
	}
	n = unix_name(sa, length, &front, &name);
	snprintf(text, size, "%s%.*s", front, (int)n, name);
}

/* The socket's own address, as an operand to connect to. */
void
address_of_socket(char *text, size_t size, int fd)
{
	struct sockaddr_storage ss;
	socklen_t length = sizeof ss;

	ss.ss_family = AF_UNSPEC;
	if (getsockname(fd, (struct sockaddr *)&ss, &length) == -1)
		length = 0;
	address_operand(text, size, (struct sockaddr *)&ss, length);
}

/* Does this socket have an address that others can send to? */
int
address_is_bound(int fd)
{
	char host[INET6_ADDRSTRLEN + 16], port[8];
	struct sockaddr_storage ss;
	struct sockaddr *sa = (struct sockaddr *)&ss;
	socklen_t length = sizeof ss;

	ss.ss_family = AF_UNSPEC;
	if (getsockname(fd, sa, &length) == -1)
		return 0;
	if (sa->sa_family == AF_UNIX)
		return has_unix_name(sa, length);
	return address_split(sa, host, sizeof host, port, sizeof port) == 0 &&
	    strcmp(port, "0") != 0;
}

/*
 * Look up the host; a numeric one does not wait for a server. *list is to be
 * freed by freeaddrinfo(); its addresses are for listening if passive. Returns
 * 0, or -1 and the failure.
 */
int
address_look_up(const struct address *a, int passive, struct addrinfo **list)
{
	struct addrinfo hints;
	int r;

	memset(&hints, 0, sizeof hints);
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = a->type;
	hints.ai_flags = passive ? AI_PASSIVE : 0;
	if (a->host[0] == '\0' && passive)
		hints.ai_family = AF_INET6;
	r = getaddrinfo(
	    a->host[0] != '\0' ? a->host : NULL, a->port, &hints, list);
	if (r != 0 && a->host[0] == '\0' && passive) {
		hints.ai_family = AF_INET;
		r = getaddrinfo(NULL, a->port, &hints, list);
	}
	if (r == 0)
		return 0;
	return failed_because(r == EAI_SYSTEM ? errno : ENOENT, "look-up: %s",
	    r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
}
