/* SPDX-License-Identifier: ISC */
/*
 * The parser of fdpeek, for bytes from strangers. Whatever it tells of a client
 * is checked byte by byte before it is kept. If servers may understand a
 * message in more than one way, there is no host name.
 */
#include "fdpeek-protocol.h"

#include <string.h>

#define TLS_HANDSHAKE 22 /* the type of a record */
#define TLS_HEADER 5
#define TLS_MOST 16384 /* bytes in a record */
#define CLIENT_HELLO 1 /* the type of a handshake message */
#define SERVER_NAME 0  /* the type of an extension */
#define HOST_NAME 0    /* the type of a server name */

#define VERSION_LENGTH (sizeof " HTTP/1.1" - 1)

/* ctype.h depends on the locale. */
static int
is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static unsigned char
lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

static int
is_letter(unsigned char c)
{
	return lower(c) >= 'a' && lower(c) <= 'z';
}

/* May this character be in an HTTP method, or in the name of a header? */
static int
is_token(unsigned char c)
{
	return is_letter(c) || is_digit(c) ||
	    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static size_t
token_length(const unsigned char *b, size_t n)
{
	size_t i = 0;

	while (i < n && is_token(b[i]))
		i++;
	return i;
}

static int
begins(const unsigned char *b, size_t n, const char *with)
{
	size_t length = strlen(with);

	return n >= length && memcmp(b, with, length) == 0;
}

/* The same, but ignore case; with is in small letters. */
static int
begins_anyhow(const unsigned char *b, size_t n, const char *with)
{
	size_t i;

	for (i = 0; with[i] != '\0'; i++)
		if (i == n || lower(b[i]) != (unsigned char)with[i])
			return 0;
	return 1;
}

/*
 * Put a host name into host, in small letters and without a final dot; an empty
 * one if it is not safe as the name of a file.
 */
static void
set_host(char host[PROTOCOL_HOST + 1], const unsigned char *b, size_t n)
{
	size_t i;

	host[0] = '\0';
	if (n > 0 && b[n - 1] == '.')
		n--;
	if (n == 0 || n > PROTOCOL_HOST || b[0] == '-')
		return;
	for (i = 0; i < n; i++) {
		if (b[i] == '.' && (i == 0 || i + 1 == n || b[i + 1] == '.'))
			return;
		if (!is_letter(b[i]) && !is_digit(b[i]) && b[i] != '-' &&
		    b[i] != '.' && b[i] != '_')
			return;
	}
	for (i = 0; i < n; i++)
		host[i] = (char)lower(b[i]);
	host[n] = '\0';
}

/*
 * A client hello. Records may cut the message anywhere. Reading stops when
 * there are no more bytes (MORE), or when they are not a hello (WRONG); after
 * that, everything reads as 0.
 */
struct hello {
	const unsigned char *bytes;
	size_t n;
	size_t at;
	size_t record; /* bytes left in the record */
	size_t left;   /* bytes left in what is being read */
	enum { READING, MORE, WRONG } state;
};

/* Begin the next record. Check as much of its header as has come. */
static void
next_record(struct hello *h)
{
	const unsigned char *b = h->bytes + h->at;
	size_t n = h->n - h->at;

	if ((n > 0 && b[0] != TLS_HANDSHAKE) || (n > 1 && b[1] != 3)) {
		h->state = WRONG;
		return;
	}
	if (n < TLS_HEADER) {
		h->state = MORE;
		return;
	}
	h->record = (size_t)b[3] << 8 | b[4];
	h->at += TLS_HEADER;
	if (h->record == 0 || h->record > TLS_MOST)
		h->state = WRONG;
}

static unsigned
byte(struct hello *h)
{
	if (h->state == READING && h->left == 0)
		h->state = WRONG;
	if (h->state == READING && h->record == 0)
		next_record(h);
	if (h->state == READING && h->at == h->n)
		h->state = MORE;
	if (h->state != READING)
		return 0;
	h->record--;
	h->left--;
	return h->bytes[h->at++];
}

/* A number of width bytes. */
static size_t
number(struct hello *h, int width)
{
	size_t value = 0;

	while (width-- > 0)
		value = value << 8 | byte(h);
	return value;
}

/* The length of what follows, which must not exceed what contains it. */
static size_t
length_of(struct hello *h, int width)
{
	size_t length = number(h, width);

	if (length > h->left && h->state == READING)
		h->state = WRONG;
	return length;
}

static void
skip(struct hello *h, size_t n)
{
	while (n-- > 0 && h->state == READING)
		byte(h);
}

/* A list of names. Only one type of name was ever defined. */
static void
read_server_name(struct hello *h, struct protocol *p)
{
	unsigned char name[PROTOCOL_HOST + 1]; /* with room for a final dot */
	size_t i, length, type;

	h->left = length_of(h, 2);
	while (h->left > 0 && h->state == READING) {
		type = byte(h);
		length = length_of(h, 2);
		if (type != HOST_NAME) {
			skip(h, length);
			continue;
		}
		if (length > sizeof name)
			return;
		for (i = 0; i < length; i++)
			name[i] = (unsigned char)byte(h);
		if (h->state == READING)
			set_host(p->host, name, length);
		return;
	}
}

/* Read the body of the message, up to the server's name. */
static void
read_hello(struct hello *h, struct protocol *p)
{
	size_t length, type;

	skip(h, 2 + 32);          /* version, random */
	skip(h, length_of(h, 1)); /* session */
	skip(h, length_of(h, 2)); /* cipher suites */
	skip(h, length_of(h, 1)); /* compression methods */
	if (h->left == 0)
		return;
	h->left = length_of(h, 2);
	while (h->left > 0 && h->state == READING) {
		type = number(h, 2);
		length = length_of(h, 2);
		if (type == SERVER_NAME) {
			h->left = length;
			read_server_name(h, p);
			return;
		}
		skip(h, length);
	}
}

static int
look_tls(struct protocol *p, const unsigned char *b, size_t n)
{
	struct hello h;
	unsigned type;

	memset(&h, 0, sizeof h);
	h.bytes = b;
	h.n = n;
	h.left = 4;
	type = byte(&h);
	if (h.state != READING || type != CLIENT_HELLO)
		return h.state != MORE;
	p->name = "tls";
	h.left = number(&h, 3);
	read_hello(&h, p);
	return h.state != MORE;
}

/* The binary header of HAProxy. */
static int
look_proxy(struct protocol *p, const unsigned char *b, size_t n)
{
	static const unsigned char signature[] = {
	    '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};
	size_t length = n < sizeof signature ? n : sizeof signature;

	if (memcmp(b, signature, length) != 0)
		return 1;
	if (length < sizeof signature)
		return 0;
	p->name = "proxy";
	return 1;
}

/*
 * Find one line, up to LF or CR LF. Bytes above 127 are left to the caller; a
 * control character other than a tab makes it NO_LINE.
 */
enum line { UNFINISHED, LINE, NO_LINE };

static enum line
find_line(const unsigned char *b, size_t n, size_t *length,
    const unsigned char **next)
{
	size_t i = 0;

	while (i < n && (b[i] == '\t' || (b[i] >= ' ' && b[i] != 127)))
		i++;
	*length = i;
	if (i < n && b[i] == '\r')
		i++;
	if (i == n)
		return UNFINISHED;
	*next = b + i + 1;
	return b[i] == '\n' ? LINE : NO_LINE;
}

static int
is_ascii(const unsigned char *b, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (b[i] > 127)
			return 0;
	return 1;
}

/*
 * Note a host that a request is for, HOST or HOST:PORT. If a request has two,
 * servers differ in which one they believe: returns 0 if they are not the same.
 */
static int
add_host(struct protocol *p, int *seen, const unsigned char *b, size_t n)
{
	char host[PROTOCOL_HOST + 1];
	size_t i = 0, digits;

	while (i < n && b[i] != ':')
		i++;
	digits = i < n ? i + 1 : i;
	while (digits < n && is_digit(b[digits]))
		digits++;
	set_host(host, b, digits == n ? i : 0);
	if (!*seen)
		memcpy(p->host, host, sizeof host);
	*seen = 1;
	return strcmp(p->host, host) == 0;
}

/*
 * Note the host of a request target that contains one, as requests to a proxy
 * do.
 */
static int
add_target(struct protocol *p, int *seen, const unsigned char *b, size_t method,
    size_t length)
{
	const unsigned char *target = b + method + 1;
	size_t i = 0, n = length - method - 1 - VERSION_LENGTH, end;

	if (begins(b, length, "CONNECT "))
		return add_host(p, seen, target, n);
	while (i < n && (is_letter(target[i]) || is_digit(target[i])))
		i++;
	if (i == 0 || !begins(target + i, n - i, "://"))
		return 1;
	i += 3;
	for (end = i; end < n; end++)
		if (strchr("/?#", target[end]) != NULL)
			break;
	return add_host(p, seen, target + i, end - i);
}

/*
 * Read one header. Returns 0 if servers may differ in how they understand it.
 */
static int
add_header(struct protocol *p, int *seen, const unsigned char *b, size_t n)
{
	size_t name = token_length(b, n), i = name + 1;

	/* This catches a header that goes on in a second line. */
	if (name == 0 || name == n || b[name] != ':')
		return 0;
	if (name != 4 || !begins_anyhow(b, n, "host"))
		return 1;
	while (i < n && (b[i] == ' ' || b[i] == '\t'))
		i++;
	while (n > i && (b[n - 1] == ' ' || b[n - 1] == '\t'))
		n--;
	return add_host(p, seen, b + i, n - i);
}

/*
 * Read what follows the request line, to its end, for a second host may be
 * there.
 */
static int
look_headers(struct protocol *p, int seen, const unsigned char *b,
    const unsigned char *end)
{
	const unsigned char *next = b;
	enum line line;
	size_t length;

	for (;; b = next) {
		line = find_line(b, (size_t)(end - b), &length, &next);
		if (line == UNFINISHED)
			return 0;
		if (line == LINE && length == 0)
			return 1;
		if (line == NO_LINE || !add_header(p, &seen, b, length)) {
			p->host[0] = '\0';
			return 1;
		}
	}
}

/*
 * In METHOD TARGET HTTP/N.N, the length of METHOD; 0 if it is not such a line.
 */
static size_t
request_method(const unsigned char *b, size_t n)
{
	size_t method = token_length(b, n);
	const unsigned char *version;

	if (method == 0 || n < method + 2 + VERSION_LENGTH || b[method] != ' ')
		return 0;
	version = b + n - VERSION_LENGTH;
	if (!begins(version, VERSION_LENGTH, " HTTP/") ||
	    !is_digit(version[6]) || version[7] != '.' || !is_digit(version[8]))
		return 0;
	return method;
}

static int
look_http(struct protocol *p, const unsigned char *b, size_t length,
    const unsigned char *next, const unsigned char *end)
{
	int seen = 0;

	p->name = "http";
	/* HTTP/2 has its host in compressed headers. */
	if (b[length - 3] != '1')
		return 1;
	if (!add_target(p, &seen, b, request_method(b, length), length))
		return 1;
	return look_headers(p, seen, next, end);
}

/* Look at what does not begin as TLS or a binary header does. */
static int
look_text(struct protocol *p, const unsigned char *b, size_t n)
{
	const unsigned char *next = b;
	size_t length, method;
	enum line line = find_line(b, n, &length, &next);
	int is_text = is_ascii(b, length) && length <= PROTOCOL_LINE;

	if (begins(b, length, "SSH-"))
		p->name = "ssh";
	else if (begins(b, length, "PROXY TCP4 ") ||
	    begins(b, length, "PROXY TCP6 ") ||
	    begins(b, length, "PROXY UNKNOWN"))
		p->name = "proxy";
	if (line == LINE && is_text) {
		memcpy(p->line, b, length);
		p->line[length] = '\0';
	}
	if (line == NO_LINE || p->name[0] != '\0')
		return line != UNFINISHED || !is_text;
	if (line == LINE)
		return request_method(b, length) == 0 ||
		    look_http(p, b, length, next, b + n);
	/*
	 * It can still become a line of text, or a request that is not all
	 * ASCII.
	 */
	method = token_length(b, length);
	return !is_text && method < length && (method == 0 || b[method] != ' ');
}

int
protocol_look(struct protocol *p, const unsigned char *bytes, size_t n)
{
	p->name = "";
	p->host[0] = '\0';
	p->line[0] = '\0';
	if (n == 0)
		return 0;
	if (bytes[0] == TLS_HANDSHAKE)
		return look_tls(p, bytes, n);
	if (bytes[0] == '\r')
		return look_proxy(p, bytes, n);
	return look_text(p, bytes, n);
}
