/* SPDX-License-Identifier: ISC */
/*
 * A library to be preloaded: one call of a command's own fails.
 *
 *	LD_PRELOAD=./fail.so FAIL_LOG=FILE COMMAND [ARG...]
 *	LD_PRELOAD=./fail.so FAIL_CALL=NAME:N:ERRNO COMMAND [ARG...]
 *
 * The first writes a line into FILE for each call that it knows; the second
 * lets the Nth call of NAME fail with that errno, a number. It is about the
 * first process whose name begins with "fd", and about what that does before it
 * becomes another; its children and what it runs are left alone.
 */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pid_t victim;
static char log_file[512];
static char failing[32];
static long when;
static int failure;

__attribute__((constructor)) static void
begin(void)
{
	const char *text;

	if (strncmp(program_invocation_short_name, "fd", 2) != 0)
		return;
	victim = getpid();
	text = getenv("FAIL_LOG");
	if (text != NULL)
		snprintf(log_file, sizeof log_file, "%s", text);
	text = getenv("FAIL_CALL");
	if (text != NULL)
		sscanf(text, "%31[^:]:%ld:%d", failing, &when, &failure);
	unsetenv("LD_PRELOAD");
	unsetenv("FAIL_LOG");
	unsetenv("FAIL_CALL");
}

/* By bare system calls: those of the libc are what is counted. */
static void
write_log(const char *name)
{
	long fd;

	fd = syscall(SYS_openat, AT_FDCWD, log_file,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	syscall(SYS_write, fd, name, strlen(name));
	syscall(SYS_write, fd, "\n", (size_t)1);
	syscall(SYS_close, fd);
}

/* Is it this one that shall fail? */
static int
fails(const char *name)
{
	int saved = errno;

	if (victim == 0 || syscall(SYS_getpid) != victim)
		return 0;
	if (log_file[0] != '\0')
		write_log(name);
	errno = saved;
	if (strcmp(name, failing) != 0 || --when != 0)
		return 0;
	errno = failure;
	return 1;
}

/* The function that this library stands before. */
static void
find(const char *name, void *function)
{
	void *next = dlsym(RTLD_NEXT, name);

	memcpy(function, &next, sizeof next);
}

#define STAND_BEFORE(type, bad, name, parameters, arguments) \
	type name parameters                                 \
	{                                                    \
		static type(*next) parameters;               \
                                                             \
		if (fails(#name))                            \
			return bad;                          \
		if (next == NULL)                            \
			find(#name, &next);                  \
		return next arguments;                       \
	}

STAND_BEFORE(int, -1, accept4,
    (int fd, __SOCKADDR_ARG sa, socklen_t *n, int flags), (fd, sa, n, flags))
STAND_BEFORE(
    int, -1, bind, (int fd, __CONST_SOCKADDR_ARG sa, socklen_t n), (fd, sa, n))
STAND_BEFORE(int, -1, connect, (int fd, __CONST_SOCKADDR_ARG sa, socklen_t n),
    (fd, sa, n))
STAND_BEFORE(int, -1, dup2, (int from, int to), (from, to))
STAND_BEFORE(int, -1, epoll_create1, (int flags), (flags))
STAND_BEFORE(int, -1, epoll_ctl,
    (int epoll, int operation, int fd, struct epoll_event *e),
    (epoll, operation, fd, e))
STAND_BEFORE(int, -1, epoll_pwait,
    (int epoll, struct epoll_event *e, int n, int timeout, const sigset_t *set),
    (epoll, e, n, timeout, set))
STAND_BEFORE(int, -1, fchmod, (int fd, mode_t mode), (fd, mode))
STAND_BEFORE(int, -1, flock, (int fd, int operation), (fd, operation))
STAND_BEFORE(pid_t, -1, fork, (void), ())
STAND_BEFORE(int, -1, fstat, (int fd, struct stat *st), (fd, st))
STAND_BEFORE(int, -1, getsockopt,
    (int fd, int level, int option, void *value, socklen_t *n),
    (fd, level, option, value, n))
STAND_BEFORE(int, -1, listen, (int fd, int backlog), (fd, backlog))
STAND_BEFORE(int, -1, lstat, (const char *path, struct stat *st), (path, st))
STAND_BEFORE(char *, NULL, mkdtemp, (char *path), (path))
STAND_BEFORE(int, -1, mkstemp, (char *path), (path))
STAND_BEFORE(DIR *, NULL, opendir, (const char *path), (path))
STAND_BEFORE(int, -1, pipe2, (int ends[2], int flags), (ends, flags))
STAND_BEFORE(int, -1, poll, (struct pollfd * fds, nfds_t n, int timeout),
    (fds, n, timeout))
STAND_BEFORE(int, -1, ppoll,
    (struct pollfd * fds, nfds_t n, const struct timespec *t,
	const sigset_t *set),
    (fds, n, t, set))
STAND_BEFORE(ssize_t, -1, read, (int fd, void *bytes, size_t n), (fd, bytes, n))
STAND_BEFORE(ssize_t, -1, recv, (int fd, void *bytes, size_t n, int flags),
    (fd, bytes, n, flags))
STAND_BEFORE(
    ssize_t, -1, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags))
STAND_BEFORE(int, -1, rename, (const char *from, const char *to), (from, to))
STAND_BEFORE(int, -1, rmdir, (const char *path), (path))
STAND_BEFORE(ssize_t, -1, send,
    (int fd, const void *bytes, size_t n, int flags), (fd, bytes, n, flags))
STAND_BEFORE(ssize_t, -1, sendmsg, (int fd, const struct msghdr *m, int flags),
    (fd, m, flags))
STAND_BEFORE(int, -1, setsockopt,
    (int fd, int level, int option, const void *value, socklen_t n),
    (fd, level, option, value, n))
STAND_BEFORE(int, -1, socket, (int domain, int type, int protocol),
    (domain, type, protocol))
STAND_BEFORE(int, -1, socketpair,
    (int domain, int type, int protocol, int pair[2]),
    (domain, type, protocol, pair))
STAND_BEFORE(int, -1, stat, (const char *path, struct stat *st), (path, st))
STAND_BEFORE(int, -1, unlink, (const char *path), (path))
STAND_BEFORE(pid_t, -1, waitpid, (pid_t pid, int *status, int options),
    (pid, status, options))
STAND_BEFORE(
    ssize_t, -1, write, (int fd, const void *bytes, size_t n), (fd, bytes, n))

/* Nothing can stand before it, for it returns twice: fork() does the same. */
pid_t
vfork(void)
{
	static pid_t (*next)(void);

	if (fails("vfork"))
		return -1;
	if (next == NULL)
		find("fork", &next);
	return next();
}

/* One more argument, of whatever type, or none. */
static long
last_argument(va_list arguments)
{
	return va_arg(arguments, long);
}

int
fcntl(int fd, int command, ...)
{
	static int (*next)(int, int, ...);
	va_list arguments;
	long argument;

	/* Whether 0 to 2 are open is asked first of all. */
	if (command == F_GETFD && fd <= 2 ? 0 : fails("fcntl"))
		return -1;
	if (next == NULL)
		find("fcntl", &next);
	va_start(arguments, command);
	argument = last_argument(arguments);
	va_end(arguments);
	return next(fd, command, argument);
}

int
open(const char *path, int flags, ...)
{
	static int (*next)(const char *, int, ...);
	va_list arguments;
	long mode;

	if (fails("open"))
		return -1;
	if (next == NULL)
		find("open", &next);
	va_start(arguments, flags);
	mode = last_argument(arguments);
	va_end(arguments);
	return next(path, flags, (mode_t)mode);
}
