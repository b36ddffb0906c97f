/* SPDX-License-Identifier: ISC */
#include "named.h"

#include "signals.h"

#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOCK_WAIT 5000 /* ms that somebody may hold the directory's lock */

enum probe { FREE, STALE, LIVE, NOT_A_SOCKET, UNKNOWN };

/* The socket address of PATH or @NAME. */
int
address_unix(const char *path, struct sockaddr_un *sun, socklen_t *length,
    struct failure *f)
{
	size_t n = strlen(path), limit = sizeof sun->sun_path;

	memset(sun, 0, sizeof *sun);
	sun->sun_family = AF_UNIX;
	/* A path ends with a NUL; an abstract name begins with one. */
	if (path[0] != '@')
		limit--;
	if (n == 0)
		return failure_reason(f, EINVAL, "the name is empty");
	if (path[0] == '@' && !sys_has_abstract())
		return failure_reason(f, EINVAL,
		    "this build has no abstract sockets; for a path write "
		    "./%.80s",
		    path);
	if (path[0] == '@' && n == 1)
		return failure_reason(f, EINVAL, "the abstract name is empty");
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

/* A file of this name that is no socket refuses a connection too. */
int
address_is_no_socket(const char *path)
{
	struct stat st;

	return path[0] != '@' && stat(path, &st) == 0 && !S_ISSOCK(st.st_mode);
}

/*
 * Is somebody bound to this name? A connection of the wrong type finds out
 * without the server noticing: EPROTOTYPE comes before it would be queued.
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
	if (connect(s, (const struct sockaddr *)sun, length) == 0 ||
	    errno == EPROTOTYPE || errno == EPERM || errno == EACCES)
		answer = LIVE;
	else if (errno == ECONNREFUSED)
		answer = STALE;
	else if (errno == ENOENT)
		answer = FREE;
	close(s);
	return answer;
}

/* Open and lock the directory of a path, so that only one replaces it. */
static int
lock_directory(const char *path, struct failure *f)
{
	char directory[sizeof(((struct sockaddr_un *)0)->sun_path) + 2];
	int64_t deadline = signals_deadline(LOCK_WAIT);
	size_t n;
	int fd;

	snprintf(directory, sizeof directory, "%s", path);
	n = strlen(directory);
	while (n > 0 && directory[n - 1] != '/')
		n--;
	if (n == 0)
		directory[n++] = '.';
	directory[n] = '\0';
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return failure_errno(f, "open its directory");
	while (sys_lock_directory(fd) == -1) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK || signals_now() >= deadline ||
		    (signals_pause(10) == -1 && signals_ending() != 0)) {
			failure_errno(f, "lock its directory");
			close(fd);
			return -1;
		}
	}
	return fd;
}

/* bind() that gives the file its mode from the first instant. */
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

/* The name is taken: if nobody listens there any more, replace it. */
static int
replace(int s, const struct sockaddr_un *sun, socklen_t length, int type,
    mode_t mode, struct failure *f)
{
	int lock, r = -1, saved;

	lock = lock_directory(sun->sun_path, f);
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
		if (unlink(sun->sun_path) == -1 && errno != ENOENT) {
			failure_errno(f, "remove the stale socket");
			break;
		}
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
 * Listen on a name (PATH or @NAME) with a socket of this type. Returns the
 * listening socket, or -1 and what failed. path must outlive name.
 */
int
named_listen(const char *path, int type, mode_t mode, struct named *name,
    struct failure *f)
{
	struct sockaddr_un sun;
	socklen_t length = 0;
	int s, abstract = path[0] == '@';

	name->path = NULL;
	if (address_unix(path, &sun, &length, f) == -1)
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
	if (listen(s, SYS_BACKLOG) == -1) {
		failure_errno(f, "listen");
		named_remove(name);
		close(s);
		return -1;
	}
	return s;
}

/*
 * Remove the name, if this process made it and it is still the same file. To
 * be called before the listening socket is closed: until then nobody takes
 * the name for a stale one and puts another in its place.
 */
void
named_remove(struct named *name)
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
