/* SPDX-License-Identifier: ISC */
#include "fdpass/name.h"

#include "fdpass.h"
#include "wait.h"

#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOCK_WAIT 1000 /* ms that another process may lock the directory */
#define LOCK_AGAIN 10  /* ms between two tries to lock it */

enum probe { FREE, STALE, LIVE, NOT_A_SOCKET, UNKNOWN };

/* The socket address of PATH or @NAME. */
int
name_address(const char *path, struct sockaddr_un *sun, socklen_t *length,
    struct failure *f)
{
	size_t n = strlen(path), limit = sizeof sun->sun_path;

	memset(sun, 0, sizeof *sun);
	sun->sun_family = AF_UNIX;
	/* A path ends with a NUL; an abstract name begins with one. */
	if (path[0] != '@')
		limit--;
	if (n == 0)
		return failure_usage(f, "the name is empty");
	if (path[0] == '@' && !sys_has_abstract())
		return failure_usage(f,
		    "this build has no abstract sockets; for a path write "
		    "./%.80s",
		    path);
	if (path[0] == '@' && n == 1)
		return failure_usage(f, "the abstract name is empty");
	if (n > limit)
		return failure_reason(f, ENAMETOOLONG,
		    "the name of a socket has at most %zu bytes, this one %zu",
		    limit, n);
	memcpy(sun->sun_path, path, n);
	if (path[0] == '@')
		sun->sun_path[0] = '\0';
	else
		n++;
	*length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return 0;
}

/*
 * A SOCKET that looks like HOST:PORT or a port is probably not meant as the
 * name of a file.
 */
int
name_check_socket(const char *operand, struct failure *f)
{
	const char *colon = strrchr(operand, ':');
	const char *port = colon != NULL ? colon + 1 : operand;

	if (operand[0] == '@' || strchr(operand, '/') != NULL ||
	    *port == '\0' || port[strspn(port, "0123456789")] != '\0')
		return 0;
	return failure_usage(f,
	    "descriptors cannot leave this machine; for a file of that name "
	    "write ./%.60s",
	    operand);
}

/* Is the name a file that is not a socket? That refuses a connection too. */
int
name_is_no_socket(const char *path)
{
	struct stat st;

	return path[0] != '@' && stat(path, &st) == 0 && !S_ISSOCK(st.st_mode);
}

/*
 * Connect with a socket of the other type, for probe(). If the mode of our own
 * file shuts out even us (-m 0), the mode is changed for that moment.
 */
static int
try_connect(int s, const struct sockaddr_un *sun, socklen_t length,
    const struct stat *st)
{
	int r, saved;

	r = connect(s, (const struct sockaddr *)sun, length);
	if (r == 0 || errno != EACCES || st->st_uid != geteuid() ||
	    (st->st_mode & S_IWUSR) != 0 ||
	    chmod(sun->sun_path, (st->st_mode & 0777) | S_IWUSR) == -1)
		return r;
	r = connect(s, (const struct sockaddr *)sun, length);
	saved = errno;
	chmod(sun->sun_path, st->st_mode & 0777);
	errno = saved;
	return r;
}

/*
 * Is a socket bound to this name? A connection of the wrong type finds out
 * without the server noticing: it fails with EPROTOTYPE before it would be
 * queued.
 */
static enum probe
probe(const struct sockaddr_un *sun, socklen_t length, int type)
{
	struct stat st;
	enum probe answer = UNKNOWN;
	int s, other = type == SOCK_DGRAM ? SOCK_STREAM : SOCK_DGRAM;

	if (lstat(sun->sun_path, &st) == -1)
		return errno == ENOENT ? FREE : UNKNOWN;
	if (!S_ISSOCK(st.st_mode))
		return NOT_A_SOCKET;
	s = sys_socket(AF_UNIX, other);
	if (s == -1)
		return UNKNOWN;
	if (try_connect(s, sun, length, &st) == 0 || errno == EPROTOTYPE ||
	    errno == EPERM || errno == EACCES)
		answer = LIVE;
	else if (errno == ECONNREFUSED)
		answer = STALE;
	else if (errno == ENOENT)
		answer = FREE;
	close(s);
	return answer;
}

/* The directory of a path, with its slash; "./" for a path without one. */
static size_t
directory_of(char *directory, size_t size, const char *path)
{
	size_t n = strlen(path);

	while (n > 0 && path[n - 1] != '/')
		n--;
	if (n == 0)
		return (size_t)snprintf(directory, size, "./");
	return (size_t)snprintf(directory, size, "%.*s", (int)n, path);
}

/*
 * Open and lock the directory of a path, so that only one process at a time
 * replaces the name. *is_locked is 0 if another process, which may belong to
 * another user, holds the lock for too long.
 */
static int
lock_directory(const char *path, int *is_locked, struct failure *f)
{
	char directory[sizeof(((struct sockaddr_un *)0)->sun_path) + 2];
	int64_t deadline = wait_deadline(LOCK_WAIT);
	int fd;

	directory_of(directory, sizeof directory, path);
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return failure_errno(f, "open its directory");
	*is_locked = 0;
	while (sys_lock_directory(fd) == -1) {
		if (errno == EINTR)
			continue;
		if (errno == EWOULDBLOCK && wait_is_over(deadline))
			return fd;
		if (errno != EWOULDBLOCK ||
		    (wait_pause(LOCK_AGAIN) == -1 && wait_ending() != 0)) {
			failure_errno(f, "lock its directory");
			close(fd);
			return -1;
		}
	}
	*is_locked = 1;
	return fd;
}

/*
 * Remove a stale name without the lock. Another process may be putting a live
 * one in its place at this moment, so rename it away, probe it once more, and
 * put it back if it is not stale; then -1 with EADDRINUSE.
 */
static int
remove_unlocked(const struct sockaddr_un *sun, int type, struct failure *f)
{
	struct sockaddr_un aside = *sun;
	const size_t size = sizeof aside.sun_path;
	size_t n;
	int is_stale;

	n = directory_of(aside.sun_path, size, sun->sun_path);
	if (n >= size ||
	    (size_t)snprintf(aside.sun_path + n, size - n, ".fdpass-%ld",
		(long)getpid()) >= size - n) {
		errno = ENAMETOOLONG;
		return failure_errno(f, "lock its directory");
	}
	if (rename(sun->sun_path, aside.sun_path) == -1)
		return errno == ENOENT ? 0 : failure_errno(f, "rename");
	is_stale = probe(&aside, (socklen_t)sizeof aside, type) == STALE;
	/*
	 * Put back a name that is in use. link() does not replace one that was
	 * bound in the meantime; without hard links, rename() has to do.
	 */
	if (is_stale || link(aside.sun_path, sun->sun_path) == 0 ||
	    errno == EEXIST || rename(aside.sun_path, sun->sun_path) == -1)
		unlink(aside.sun_path);
	if (is_stale)
		return 0;
	errno = EADDRINUSE;
	return failure_errno(f, "bind");
}

static int
remove_stale(
    const struct sockaddr_un *sun, int type, int is_locked, struct failure *f)
{
	if (!is_locked)
		return remove_unlocked(sun, type, f);
	if (unlink(sun->sun_path) == -1 && errno != ENOENT)
		return failure_errno(f, "remove the stale socket");
	return 0;
}

/* bind(), such that the file has its mode from the first instant. */
static int
bind_mode(int s, const struct sockaddr_un *sun, socklen_t length, mode_t mode)
{
	mode_t old = umask(0777 & ~mode);
	int r, saved;

	r = bind(s, (const struct sockaddr *)sun, length);
	saved = errno;
	umask(old);
	errno = saved;
	return r;
}

/* The name is in use: if it is stale, replace it. */
static int
replace(int s, const struct sockaddr_un *sun, socklen_t length, int type,
    mode_t mode, struct failure *f)
{
	int lock, is_locked = 0, r = -1, saved;

	lock = lock_directory(sun->sun_path, &is_locked, f);
	if (lock == -1)
		return -1;
	switch (probe(sun, length, type)) {
	case NOT_A_SOCKET:
		failure_reason(f, ENOTSOCK, "exists and is not a socket");
		break;
	case LIVE:
		errno = EADDRINUSE;
		failure_errno(f, "bind");
		break;
	case UNKNOWN:
		failure_errno(f, "probe");
		break;
	case STALE:
		if (remove_stale(sun, type, is_locked, f) == -1)
			break;
		/* FALLTHROUGH */
	case FREE:
		r = bind_mode(s, sun, length, mode);
		if (r == -1)
			failure_errno(f, "bind");
		break;
	}
	saved = errno;
	close(lock);
	errno = saved;
	return r;
}

static void
remember(struct named *name, const char *path)
{
	struct stat st;

	name->path = NULL;
	if (lstat(path, &st) == -1)
		return;
	name->path = path;
	name->maker = getpid();
	name->device = st.st_dev;
	name->inode = st.st_ino;
	name->made = st.st_mtim;
}

/*
 * Listen on a name (PATH or @NAME) with a socket of this type; a datagram
 * socket is only bound. Returns the socket, or -1 and the failure. path must
 * outlive name.
 */
int
name_listen(const char *path, int type, mode_t mode, struct named *name,
    struct failure *f)
{
	struct sockaddr_un sun;
	socklen_t length = 0;
	int s, abstract = path[0] == '@';

	name->path = NULL;
	if (name_address(path, &sun, &length, f) == -1)
		return -1;
	s = sys_socket(AF_UNIX, type);
	if (s == -1)
		return failure_errno(f, "socket");
	if (bind_mode(s, &sun, length, mode) == -1) {
		if (errno != EADDRINUSE || abstract)
			failure_errno(f, "bind");
		else if (replace(s, &sun, length, type, mode, f) == 0)
			goto bound;
		close(s);
		errno = f->error;
		return -1;
	}
bound:
	if (!abstract)
		remember(name, path);
	if (type != SOCK_DGRAM && listen(s, SYS_BACKLOG) == -1) {
		failure_errno(f, "listen");
		name_remove(name);
		close(s);
		return -1;
	}
	return s;
}

/*
 * Has this end of a connection a name? Then it was accepted on that name, and
 * the system tells who has connected; otherwise it would tell who made the
 * pair, or who listened.
 */
int
name_was_accepted_on(int sock)
{
	struct sockaddr_storage ss;
	socklen_t length = sizeof ss;

	return getsockname(sock, (struct sockaddr *)&ss, &length) == 0 &&
	    length > sizeof(sa_family_t);
}

/* Is this socket bound to an abstract name? */
int
name_is_abstract(int fd)
{
	struct sockaddr_un sun;
	socklen_t length = sizeof sun;

	memset(&sun, 0, sizeof sun);
	return getsockname(fd, (struct sockaddr *)&sun, &length) == 0 &&
	    sun.sun_family == AF_UNIX &&
	    length > offsetof(struct sockaddr_un, sun_path) &&
	    sun.sun_path[0] == '\0';
}

/*
 * An abstract name has no mode to keep others away, so we decide: may the
 * process at the other end of this connection send descriptors? The same user
 * may, and root.
 */
int
name_allows(int sock)
{
	struct sys_peer peer;

	return sys_peer_of(sock, &peer) == 0 &&
	    (peer.uid == 0 || peer.uid == (long)geteuid());
}

/*
 * Remove the name, if this process made it and it is still the same file. Call
 * it before you close the listening socket: a closed one would make the name
 * look stale, and another process might put its own in its place.
 */
void
name_remove(struct named *name)
{
	struct stat st;
	int saved = errno;

	if (name->path == NULL || name->maker != getpid())
		return;
	if (lstat(name->path, &st) == 0 && st.st_dev == name->device &&
	    st.st_ino == name->inode &&
	    st.st_mtim.tv_sec == name->made.tv_sec &&
	    st.st_mtim.tv_nsec == name->made.tv_nsec)
		unlink(name->path);
	name->path = NULL;
	errno = saved;
}

int
fdpass_listen(const char *name, mode_t mode)
{
	struct named unused;
	struct failure f = {0};
	int s;

	s = name_listen(name, SOCK_STREAM, mode, &unused, &f);
	/* With each message, tell who sent it, not only who has connected. */
	if (s != -1)
		sys_want_creds(s, 1);
	return s;
}

/*
 * May we receive from the process that accepted this connection to an abstract
 * name?
 */
static int
may_receive(const char *name, int s)
{
	if (name[0] != '@' || name_allows(s))
		return 0;
	errno = EPERM;
	return -1;
}

int
fdpass_connect(const char *name)
{
	struct sockaddr_un sun;
	socklen_t length = 0;
	struct failure f = {0};
	int s;

	if (name_address(name, &sun, &length, &f) == -1)
		return -1;
	s = sys_socket_nonblock(AF_UNIX, SOCK_STREAM);
	if (s == -1)
		return -1;
	if (connect(s, (struct sockaddr *)&sun, length) == 0 &&
	    may_receive(name, s) == 0 && sys_nonblock(s, 0) == 0)
		return s;
	wait_close(s);
	return -1;
}
