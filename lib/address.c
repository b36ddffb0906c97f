/* SPDX-License-Identifier: ISC */
#include "address.h"

#include "descriptors.h"
#include "diag.h"
#include "text.h"
#include "trace.h"
#include "wait.h"

#include <sys/stat.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Parse fd:N. Returns 1 and the number, 0 if it is something else, -1 if
 * it begins so but names no descriptor.
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

/* HOST:PORT, split at the last colon; the host may stand in brackets. */
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

/* What is no ADDRESS gets a hint at what was probably meant. */
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
		return address_unix(operand, &sun, &length, &failure);
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

/* Parse ADDRESS; -1 and the failure if it is none. */
int
address_parse(struct address *a, const char *operand)
{
	return parse(a, operand) == 0 ? 0 : failed_on(operand);
}

/* Show an IPv4-mapped address as IPv4. */
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

/* The host and the port as numbers; 0 if it is an Internet address. */
int
address_split(const struct sockaddr *sa, socklen_t length, char *host,
    size_t host_size, char *port, size_t port_size)
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
	(void)length;
	snprintf(port, port_size, "%u", number);
	return 0;
}

/*
 * What a socket is called: the name of a UNIX socket, up to a NUL behind a
 * path, and what an operand has in front of it.
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

/* HOST:PORT or [HOST]:PORT, or a word for what has no address. */
static void
format_other(
    char *text, size_t size, const struct sockaddr *sa, socklen_t length)
{
	char host[INET6_ADDRSTRLEN + 16], port[8];

	if (length >= sizeof(sa_family_t) &&
	    address_split(sa, length, host, sizeof host, port, sizeof port) ==
		0)
		snprintf(text, size,
		    strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host,
		    port);
	else if (length < sizeof(sa_family_t) || sa->sa_family != AF_UNIX)
		snprintf(text, size, "unknown");
	else
		snprintf(text, size, "unnamed");
}

/*
 * HOST:PORT, [HOST]:PORT, PATH or @NAME; "unnamed" for a socket without. To be
 * shown: one word, whatever bytes the name has that a peer has chosen.
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

/* The same as an operand, to be connected to: the bytes as they are. */
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

/* The socket's own address, as it can be connected to. */
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

/* Look the host up, but for numbers, which must not wait for a server. */
static int
look_up(const struct address *a, int passive, struct addrinfo **list)
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

static int
listen_on(const struct addrinfo *ai, int both)
{
	char text[ADDRESS_TEXT];
	int s, on = 1, off = 0;

	address_format(text, sizeof text, ai->ai_addr, ai->ai_addrlen);
	trace_before("S1", "socket()");
	s = sys_socket(ai->ai_family, ai->ai_socktype);
	if (s == -1)
		return failed("socket");
	trace("S1", "socket() = %d", s);
	/* Whoever binds a second datagram socket would take all that comes. */
	if (ai->ai_socktype != SOCK_DGRAM)
		setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (both)
		setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	trace_before("S2", "bind(%d, %s)", s, text);
	if (bind(s, ai->ai_addr, ai->ai_addrlen) == -1) {
		failed("bind");
		goto bad;
	}
	trace("S2", "bind(%d, %s)", s, text);
	if (ai->ai_socktype == SOCK_DGRAM)
		return s;
	trace_before("S3", "listen(%d)", s);
	if (listen(s, SYS_BACKLOG) == -1) {
		failed("listen");
		goto bad;
	}
	trace("S3", "listen(%d)", s);
	return s;
bad:
	close(s);
	errno = failure.error;
	return -1;
}

static int
listen_tcp(const struct address *a)
{
	struct address any4 = *a;
	struct addrinfo *list, *ai;
	int s = -1, both = a->host[0] == '\0';

	if (look_up(a, 1, &list) == -1)
		return -1;
	for (ai = list; ai != NULL && s == -1; ai = ai->ai_next) {
		s = listen_on(ai, both && ai->ai_family == AF_INET6);
		if (s == -1 && errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT)
			break;
	}
	freeaddrinfo(list);
	if (s == -1 && both &&
	    (failure.error == EAFNOSUPPORT || failure.error == EADDRNOTAVAIL)) {
		/* No IPv6 here. */
		memcpy(any4.host, "0.0.0.0", sizeof "0.0.0.0");
		return listen_tcp(&any4);
	}
	return s;
}

/* Has a socket an address that others can send to? */
static int
is_bound(int fd)
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
	return address_split(
		   sa, length, host, sizeof host, port, sizeof port) == 0 &&
	    strcmp(port, "0") != 0;
}

static int
check_datagram(int fd)
{
	int type = SOCK_STREAM;
	socklen_t length = sizeof type;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == -1)
		return failed("datagram socket");
	if (type != SOCK_DGRAM)
		return failed_because(
		    EINVAL, "the descriptor is not a datagram socket");
	if (!is_bound(fd))
		return failed_because(
		    EINVAL, "the datagram socket has no address");
	return 0;
}

static int
check_listening(int fd)
{
	int on = 0;
	socklen_t length = sizeof on;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &length) == -1)
		return failed("listening socket");
	if (!on)
		return failed_because(
		    EINVAL, "the descriptor is not a listening socket");
	return 0;
}

/* A socket that is open already. */
static int
inherit(const struct address *a)
{
	int fd = a->fd;

	if ((a->type == SOCK_DGRAM ? check_datagram(fd) :
				     check_listening(fd)) == -1)
		return -1;
	/* COMMAND gets the connection, not this. */
	if (fd <= STDERR_FILENO) {
		fd = descriptors_take_standard(
		    fd, fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
		return fd == -1 ? failed("dup") : fd;
	}
	if (sys_cloexec(fd) == -1)
		return failed("fcntl");
	return fd;
}

static int
listen_at(const struct address *a, mode_t mode, struct named *name)
{
	int s;

	name->path = NULL;
	switch (a->kind) {
	case ADDRESS_UNIX:
		trace_before("S1", "socket() bind(%s)%s", a->operand,
		    a->type == SOCK_DGRAM ? "" : " listen()");
		s = named_listen(a->operand, a->type, mode, name, &failure);
		if (s != -1) {
			trace("S1", "socket() = %d", s);
			trace("S2", "bind(%d, %s)", s, a->operand);
		}
		if (s != -1 && a->type != SOCK_DGRAM)
			trace("S3", "listen(%d)", s);
		return s;
	case ADDRESS_FD:
		return inherit(a);
	default:
		return listen_tcp(a);
	}
}

/*
 * The listening socket for this address; a datagram socket is bound, which is
 * all that it needs. A UNIX socket's file is noted in name, to be removed;
 * ADDRESS_FD gives the caller's own descriptor.
 */
int
address_listen(const struct address *a, mode_t mode, struct named *name)
{
	int s = listen_at(a, mode, name);

	return s == -1 ? failed_on(a->operand) : s;
}

static int
check_connected(int fd)
{
	struct sockaddr_storage ss;
	socklen_t length = sizeof ss;

	if (getpeername(fd, (struct sockaddr *)&ss, &length) == 0) {
		/* COMMAND gets it under its own numbers. */
		if (fd > STDERR_FILENO && sys_cloexec(fd) == -1)
			return failed("fcntl");
		return fd;
	}
	return failed_because(
	    EINVAL, "the descriptor is not a connected socket");
}

/*
 * Without a server, a client that picks its port by chance may pick the one
 * it calls, and be connected with itself.
 */
static int
is_self(int s)
{
	struct sockaddr_storage here, there;
	socklen_t n = sizeof here, m = sizeof there;

	memset(&here, 0, sizeof here);
	memset(&there, 0, sizeof there);
	return getsockname(s, (struct sockaddr *)&here, &n) == 0 &&
	    getpeername(s, (struct sockaddr *)&there, &m) == 0 && n == m &&
	    here.ss_family != AF_UNIX && memcmp(&here, &there, n) == 0;
}

/* Wait for a connection under way. */
static int
finish_connect(int s, int64_t deadline)
{
	struct pollfd p;
	socklen_t length = sizeof(int);
	int error, r;

	p.fd = s;
	p.events = POLLOUT;
	while ((r = wait_poll(&p, 1, deadline)) == -1)
		if (errno != EINTR || wait_ending() != 0)
			return -1;
	if (r == 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	if (getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &length) == -1)
		return -1;
	errno = error;
	return error == 0 ? 0 : -1;
}

static int
connect_to(const struct sockaddr *sa, socklen_t length, int64_t deadline)
{
	char text[ADDRESS_TEXT];
	int s;

	address_format(text, sizeof text, sa, length);
	trace_before("C", "socket()");
	s = sys_socket_nonblock(sa->sa_family, SOCK_STREAM);
	if (s == -1)
		return failed("socket");
	trace("C", "socket() = %d", s);
	trace_call("C", "connect(%d, %s)", s, text);
	while (connect(s, sa, length) == -1) {
		if (errno == EISCONN)
			break;
		if ((errno == EINPROGRESS || errno == EALREADY ||
			errno == EINTR) &&
		    finish_connect(s, deadline) == 0)
			break;
		/* A UNIX socket's queue is full, and nothing tells when not. */
		if (errno == EAGAIN &&
		    (deadline < 0 || wait_now() < deadline)) {
			if (wait_pause(5) == 0 || wait_ending() == 0)
				continue;
			errno = EINTR;
		} else if (errno == EAGAIN) {
			errno = ETIMEDOUT;
		}
		failed("connect");
		trace("C", "connect(%d) = %s", s, strerror(failure.error));
		close(s);
		errno = failure.error;
		return -1;
	}
	if (is_self(s)) {
		errno = ECONNREFUSED;
		failed("connect");
		close(s);
		errno = failure.error;
		return -1;
	}
	if (sys_nonblock(s, 0) == -1) {
		failed("fcntl");
		close(s);
		return -1;
	}
	return s;
}

static int
connect_tcp(const struct address *a, int64_t deadline)
{
	struct addrinfo *list, *ai;
	struct address local = *a;
	int s = -1;

	if (a->host[0] == '\0')
		memcpy(local.host, "localhost", sizeof "localhost");
	if (look_up(&local, 0, &list) == -1)
		return -1;
	for (ai = list; ai != NULL && s == -1; ai = ai->ai_next) {
		s = connect_to(ai->ai_addr, ai->ai_addrlen, deadline);
		if (s == -1 && wait_ending() != 0)
			break;
	}
	freeaddrinfo(list);
	if (s == -1)
		errno = failure.error;
	return s;
}

static int
connect_at(const struct address *a, int64_t deadline)
{
	struct sockaddr_un sun;
	socklen_t length = 0;
	int s;

	switch (a->kind) {
	case ADDRESS_UNIX:
		if (address_unix(a->operand, &sun, &length, &failure) == -1)
			return -1;
		s = connect_to((const struct sockaddr *)&sun, length, deadline);
		if (s == -1 && errno == ECONNREFUSED &&
		    address_is_no_socket(a->operand))
			return failed_because(ENOTSOCK, "not a socket");
		return s;
	case ADDRESS_FD:
		return check_connected(a->fd);
	default:
		return connect_tcp(a, deadline);
	}
}

/*
 * A connected, blocking socket for this address, before the deadline. Gives
 * ETIMEDOUT when that has passed.
 */
int
address_connect(const struct address *a, int64_t deadline)
{
	int s = connect_at(a, deadline);

	return s == -1 ? failed_on(a->operand) : s;
}
