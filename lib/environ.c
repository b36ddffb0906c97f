/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "environ.h"

#include "address.h"
#include "say.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OURS 12            /* variables that we may set at once */
#define TEXT 192           /* bytes of one; the longest has a UNIX name */
#define NAME 20            /* bytes of the name of one and the =, at most */
#define DIGITS 24          /* bytes of a number */
#define LONGEST 255        /* bytes of a name, the limit of systemd */
#define NAMELESS "unknown" /* systemd's word for a socket without a name */

extern char **environ;

/*
 * The caller's strings come first and stay; ours follow, in buffers that are
 * made once, so that a connection needs no new memory.
 */
struct environment {
	char **strings;
	size_t callers;
	size_t ours;
	char text[OURS][TEXT];
	char listen_pid[NAME + DIGITS];
	char *payload;
	char *names;
};

/* Only these variables are ours, not all that begin like them. */
static const char *const ours[] = {"PROTO", "TCPLOCALIP", "TCPLOCALPORT",
    "TCPLOCALHOST", "TCPREMOTEIP", "TCPREMOTEPORT", "TCPREMOTEHOST",
    "TCPREMOTEINFO", "UNIXLOCALPATH", "UNIXLOCALUID", "UNIXLOCALGID",
    "UNIXLOCALPID", "UNIXREMOTEPATH", "UNIXREMOTEPID", "UNIXREMOTEEUID",
    "UNIXREMOTEEGID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"};

static int
is_stale(const char *s)
{
	size_t i, n = strcspn(s, "=");

	if (strncmp(s, "FDRECV_", 7) == 0 || strncmp(s, "FDPEEK_", 7) == 0)
		return 1;
	for (i = 0; i < sizeof ours / sizeof ours[0]; i++)
		if (strlen(ours[i]) == n && strncmp(s, ours[i], n) == 0)
			return 1;
	return 0;
}

static struct environment *
allocate(size_t callers)
{
	struct environment *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	e->strings = calloc(callers + OURS + 3, sizeof *e->strings);
	if (e->strings != NULL)
		return e;
	free(e);
	return NULL;
}

/*
 * The caller's environment without the variables that are ours. command is for
 * the message of a failure: NULL then, if there is no memory.
 */
struct environment *
environ_new(const char *command)
{
	struct environment *e;
	size_t i, n = 0;

	while (environ[n] != NULL)
		n++;
	e = allocate(n);
	if (e == NULL) {
		failed("environment");
		failed_on(command);
		return NULL;
	}
	for (i = 0; i < n; i++)
		if (!is_stale(environ[i]))
			e->strings[e->callers++] = environ[i];
	return e;
}

char **
environ_strings(struct environment *e)
{
	return e->strings;
}

/* Remove what was set for the last connection or message. */
void
environ_clear(struct environment *e)
{
	e->ours = 0;
	e->strings[e->callers] = NULL;
}

static void
append(struct environment *e, char *string)
{
	e->strings[e->callers + e->ours++] = string;
	e->strings[e->callers + e->ours] = NULL;
}

/* Write name, = and n bytes of value; there is room. Safe after vfork(). */
static void
put(char *text, const char *name, const char *value, size_t n)
{
	size_t length = strlen(name);

	memcpy(text, name, length);
	text[length] = '=';
	memcpy(text + length + 1, value, n);
	text[length + 1 + n] = '\0';
}

/* The name of a variable is shorter than NAME; what is too long is cut off. */
static void
set(struct environment *e, const char *name, const char *value)
{
	char *text = e->text[e->ours];
	size_t n = strlen(value);

	put(text, name, value, n < TEXT - NAME ? n : TEXT - NAME);
	append(e, text);
}

/* As set(), for any number of bytes, in memory that *kept holds. */
static int
set_long(struct environment *e, char **kept, const char *name,
    const char *value, size_t n)
{
	free(*kept);
	*kept = malloc(strlen(name) + n + 2);
	if (*kept == NULL)
		return -1;
	put(*kept, name, value, n);
	append(e, *kept);
	return 0;
}

/* The digits of a number, which end at end. Safe after vfork(). */
static const char *
digits(char *end, unsigned long n)
{
	*--end = '\0';
	do
		*--end = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	return end;
}

static void
set_number(struct environment *e, const char *name, long value)
{
	char text[DIGITS];

	if (value >= 0)
		set(e, name, digits(text + sizeof text, (unsigned long)value));
}

static void
set_unix(struct environment *e, int fd, const char *path)
{
	struct sys_peer who;

	set(e, "PROTO", "UNIX");
	if (path != NULL)
		set(e, "UNIXLOCALPATH", path);
	sys_peer_of(fd, &who);
	set_number(e, "UNIXREMOTEPID", who.pid);
	set_number(e, "UNIXREMOTEEUID", who.uid);
	set_number(e, "UNIXREMOTEEGID", who.gid);
}

/* UCSPI has no names for datagrams. */
static void
set_tcp(struct environment *e, int fd, const struct sockaddr *local,
    const struct peer *peer)
{
	int type = peer->type != -1 ? peer->type : descriptor_type(fd);
	char host[INET6_ADDRSTRLEN + 16], port[8];

	if (type == SOCK_DGRAM ||
	    address_split(local, host, sizeof host, port, sizeof port) == -1)
		return;
	set(e, "PROTO", "TCP");
	set(e, "TCPLOCALIP", host);
	set(e, "TCPLOCALPORT", port);
	if (peer->length == 0 ||
	    address_split((const struct sockaddr *)&peer->address, host,
		sizeof host, port, sizeof port) == -1)
		return;
	set(e, "TCPREMOTEIP", host);
	set(e, "TCPREMOTEPORT", port);
}

/*
 * UCSPI's variables for a connected socket. unix_path is the name that we
 * listen on; NULL: ask the socket.
 */
void
environ_connection(struct environment *e, int fd, const struct peer *peer,
    const char *unix_path)
{
	char path[ADDRESS_TEXT];
	struct sockaddr_storage ss;
	struct sockaddr *local = (struct sockaddr *)&ss;
	socklen_t length = sizeof ss;

	if (unix_path != NULL) {
		set_unix(e, fd, unix_path);
		return;
	}
	ss.ss_family = AF_UNSPEC;
	if (getsockname(fd, local, &length) == -1)
		return;
	if (local->sa_family != AF_UNIX) {
		set_tcp(e, fd, local, peer);
		return;
	}
	address_operand(path, sizeof path, local, length);
	set_unix(e, fd, length > sizeof(sa_family_t) ? path : NULL);
}

/*
 * FDRECV_*: the payload, empty if it contains a NUL, and the sender. -1 if
 * there is no memory.
 */
int
environ_message(struct environment *e, const struct fdpass_message *m)
{
	size_t n = m->length;

	if (n > 0 && memchr(m->payload, '\0', n) != NULL)
		n = 0;
	if (set_long(e, &e->payload, "FDRECV_PAYLOAD", m->payload, n) == -1)
		return -1;
	set_number(e, "FDRECV_PID", m->pid);
	set_number(e, "FDRECV_UID", m->uid);
	set_number(e, "FDRECV_GID", m->gid);
	return 0;
}

/*
 * Can this be a name in LISTEN_FDNAMES? A colon would end it, and libsystemd
 * drops a backslash.
 */
int
environ_is_name(const char *name, size_t length)
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

/* Are these bytes exactly count names, with colons between them? */
static int
is_list(const char *list, size_t length, size_t count)
{
	const char *colon, *p = list, *end = list + length;

	for (; count > 1; count--) {
		colon = memchr(p, ':', (size_t)(end - p));
		if (colon == NULL || !environ_is_name(p, (size_t)(colon - p)))
			return 0;
		p = colon + 1;
	}
	return count == 1 && environ_is_name(p, (size_t)(end - p));
}

/* How many names are in a list that another program made; they may be empty. */
static size_t
fields(const char *list)
{
	size_t n = 1;

	for (; *list != '\0'; list++)
		n += *list == ':';
	return n;
}

/*
 * A list of count names, and name after them, to be freed. If list is NULL, or
 * has another number of names, all of them are NAMELESS; so is a name that is
 * NULL. Returns NULL if there is no memory.
 */
static char *
append_name(const char *list, size_t count, const char *name)
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

static void
set_listen(struct environment *e, size_t count)
{
	set_number(e, "LISTEN_FDS", (long)count);
	append(e, e->listen_pid);
	environ_listen_pid(e, getpid());
}

static int
set_names(struct environment *e, const char *names, size_t length)
{
	return set_long(e, &e->names, "LISTEN_FDNAMES", names, length);
}

/*
 * Announce count descriptors from 3 up, as sd_listen_fds(3) finds them. For no
 * descriptors, announce nothing: libsystemd takes LISTEN_FDS=0 for an error. If
 * names, of length bytes, is a list of count names, they become the names. -1
 * if there is no memory.
 */
int
environ_listen(
    struct environment *e, size_t count, const char *names, size_t length)
{
	if (count == 0)
		return 0;
	set_listen(e, count);
	if (!is_list(names, length, count))
		return 0;
	return set_names(e, names, length);
}

/*
 * Announce one descriptor after the count that are announced to this process
 * already, keeping their names; name is NULL if it has none. -1 if there is no
 * memory.
 */
int
environ_listen_more(struct environment *e, size_t count, const char *name)
{
	const char *names = count > 0 ? getenv("LISTEN_FDNAMES") : NULL;
	char *list;
	int r;

	set_listen(e, count + 1);
	if (names == NULL && name == NULL)
		return 0;
	list = append_name(names, count, name);
	if (list == NULL)
		return -1;
	r = set_names(e, list, strlen(list));
	free(list);
	return r;
}

/* Set the process that will exec. Safe after vfork(). */
void
environ_listen_pid(struct environment *e, pid_t pid)
{
	char text[DIGITS];
	const char *number = digits(text + sizeof text, (unsigned long)pid);

	put(e->listen_pid, "LISTEN_PID", number, strlen(number));
}
