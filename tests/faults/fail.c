/* SPDX-License-Identifier: ISC */
/*
 * A library to be preloaded: calls of a command's own fail.
 *
 *	LD_PRELOAD=./fail.so FAIL_LOG=FILE COMMAND [ARG...]
 *	LD_PRELOAD=./fail.so FAIL_CALL=NAME:N:ERRNO[,...] COMMAND [ARG...]
 *
 * The first writes a line into FILE for each system call that it knows; the
 * second lets the Nth call of NAME fail with that errno, a number. N+ is that
 * one and all after it, 0 each, and a sendmsg() that fails with 0 sends the
 * first byte alone. With FAIL_SPEED=N time runs N times as fast. It is about
 * the first process whose name begins with "fd", and about what that does
 * before it becomes another; its children and what it runs are left alone. With
 * FAIL_CODE=END memory is missing for a library whose file name ends so, in
 * place of the program.
 */
#define _GNU_SOURCE
/* As the commands: in glibc these calls have names that end in 64 then. */
#define _FILE_OFFSET_BITS 64
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pid_t victim;
static char log_file[512];
static char library[128]; /* whose memory is missing; empty: the program's */

static struct failing {
	char name[32];
	long when;   /* the calls until then, this one too */
	int is_each; /* and all after it */
	int error;
} failing[8];
static size_t n_failing;
static long speed = 1;

static long (*bare)(long number, ...); /* the libc's syscall() */

/* The function that this library stands before. */
static void
find(const char *name, void *function)
{
	char large[32];
	void *next;

	snprintf(large, sizeof large, "%s64", name);
	next = dlsym(RTLD_NEXT, large);
	if (next == NULL)
		next = dlsym(RTLD_NEXT, name);
	memcpy(function, &next, sizeof next);
}

static void
parse(const char *text)
{
	struct failing *f = failing;
	int n;

	while (n_failing < sizeof failing / sizeof failing[0] &&
	    sscanf(text, "%31[^:]:%ld%n", f->name, &f->when, &n) == 2) {
		f->is_each = text[n] == '+' || f->when == 0;
		text += n;
		f->error = atoi(text + strcspn(text, ":") + 1);
		text += strcspn(text, ",");
		text += *text == ',';
		f++;
		n_failing++;
	}
}

__attribute__((constructor)) static void
begin(void)
{
	const char *text;

	find("syscall", &bare);
	if (strncmp(program_invocation_short_name, "fd", 2) != 0)
		return;
	victim = getpid();
	text = getenv("FAIL_LOG");
	if (text != NULL)
		snprintf(log_file, sizeof log_file, "%s", text);
	text = getenv("FAIL_CALL");
	if (text != NULL)
		parse(text);
	text = getenv("FAIL_SPEED");
	if (text != NULL)
		speed = atol(text);
	text = getenv("FAIL_CODE");
	if (text != NULL)
		snprintf(library, sizeof library, "%s", text);
	unsetenv("LD_PRELOAD");
	unsetenv("FAIL_LOG");
	unsetenv("FAIL_CALL");
	unsetenv("FAIL_SPEED");
	unsetenv("FAIL_CODE");
}

/* By bare system calls: those of the libc are what is counted. */
static void
write_log(const char *name)
{
	long fd;

	fd = bare(SYS_openat, AT_FDCWD, log_file,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	bare(SYS_write, fd, name, strlen(name));
	bare(SYS_write, fd, "\n", (size_t)1);
	bare(SYS_close, fd);
}

static int
is_victim(void)
{
	return victim != 0 && bare(SYS_getpid) == victim;
}

/* Is it this one that shall fail? */
static int
is_failing(const char *name)
{
	struct failing *f;
	int is = 0;

	for (f = failing; f < failing + n_failing; f++) {
		if (strcmp(name, f->name) != 0)
			continue;
		if (--f->when == 0 || (f->when < 0 && f->is_each)) {
			errno = f->error;
			is = 1;
		}
	}
	return is;
}

static int
fails(const char *name)
{
	int saved = errno;

	if (!is_victim())
		return 0;
	if (log_file[0] != '\0')
		write_log(name);
	errno = saved;
	return is_failing(name);
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
STAND_BEFORE(int, -1, fchmod, (int fd, mode_t mode), (fd, mode))
STAND_BEFORE(int, -1, flock, (int fd, int operation), (fd, operation))
STAND_BEFORE(pid_t, -1, fork, (void), ())
STAND_BEFORE(int, -1, fstat, (int fd, struct stat *st), (fd, st))
STAND_BEFORE(int, -1, getsockopt,
    (int fd, int level, int option, void *value, socklen_t *n),
    (fd, level, option, value, n))
STAND_BEFORE(int, -1, link, (const char *from, const char *to), (from, to))
STAND_BEFORE(int, -1, listen, (int fd, int backlog), (fd, backlog))
STAND_BEFORE(
    off_t, -1, lseek, (int fd, off_t offset, int whence), (fd, offset, whence))
STAND_BEFORE(int, -1, lstat, (const char *path, struct stat *st), (path, st))
STAND_BEFORE(char *, NULL, mkdtemp, (char *path), (path))
STAND_BEFORE(int, -1, mkstemp, (char *path), (path))
STAND_BEFORE(DIR *, NULL, opendir, (const char *path), (path))
STAND_BEFORE(int, -1, pipe2, (int ends[2], int flags), (ends, flags))
STAND_BEFORE(int, -1, poll, (struct pollfd * fds, nfds_t n, int timeout),
    (fds, n, timeout))
STAND_BEFORE(ssize_t, -1, read, (int fd, void *bytes, size_t n), (fd, bytes, n))
STAND_BEFORE(ssize_t, -1, recv, (int fd, void *bytes, size_t n, int flags),
    (fd, bytes, n, flags))
STAND_BEFORE(
    ssize_t, -1, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags))
STAND_BEFORE(int, -1, rename, (const char *from, const char *to), (from, to))
STAND_BEFORE(int, -1, rmdir, (const char *path), (path))
STAND_BEFORE(ssize_t, -1, send,
    (int fd, const void *bytes, size_t n, int flags), (fd, bytes, n, flags))
STAND_BEFORE(int, -1, setenv,
    (const char *name, const char *value, int overwrite),
    (name, value, overwrite))
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

ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	static ssize_t (*next)(int, const struct msghdr *, int);
	struct msghdr part = *m;
	struct iovec first;
	int is_short = fails("sendmsg");

	if (is_short && errno != 0)
		return -1;
	if (next == NULL)
		find("sendmsg", &next);
	if (is_short) {
		first = m->msg_iov[0];
		first.iov_len = 1;
		part.msg_iov = &first;
		part.msg_iovlen = 1;
	}
	return next(fd, &part, flags);
}

/* The clock of the victim, and its waits. */

#ifndef FAIL_SANITIZED

int
clock_gettime(clockid_t clock, struct timespec *t)
{
	static int (*next)(clockid_t, struct timespec *);
	static struct timespec start;
	int64_t ns;
	int r;

	if (next == NULL)
		find("clock_gettime", &next);
	r = next(clock, t);
	if (r == -1 || speed == 1 || clock != CLOCK_MONOTONIC || !is_victim())
		return r;
	if (start.tv_sec == 0)
		start = *t;
	ns = (int64_t)(t->tv_sec - start.tv_sec) * 1000000000 + t->tv_nsec -
	    start.tv_nsec;
	ns = ns * speed + start.tv_nsec;
	t->tv_sec = start.tv_sec + (time_t)(ns / 1000000000);
	t->tv_nsec = (long)(ns % 1000000000);
	return r;
}

#endif

int
ppoll(
    struct pollfd *fds, nfds_t n, const struct timespec *t, const sigset_t *set)
{
	static int (*next)(
	    struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
	struct timespec less;
	int64_t ns;

	if (fails("ppoll"))
		return -1;
	if (next == NULL)
		find("ppoll", &next);
	if (t != NULL && speed > 1 && is_victim()) {
		ns = ((int64_t)t->tv_sec * 1000000000 + t->tv_nsec) / speed;
		less.tv_sec = (time_t)(ns / 1000000000);
		less.tv_nsec = (long)(ns % 1000000000);
		t = &less;
	}
	return next(fds, n, t, set);
}

int
epoll_pwait(
    int epoll, struct epoll_event *e, int n, int timeout, const sigset_t *set)
{
	static int (*next)(
	    int, struct epoll_event *, int, int, const sigset_t *);

	if (fails("epoll_pwait"))
		return -1;
	if (next == NULL)
		find("epoll_pwait", &next);
	if (timeout > 0 && speed > 1 && is_victim())
		timeout = (int)((timeout + speed - 1) / speed);
	return next(epoll, e, n, timeout, set);
}

/*
 * Of memory only what the command itself asks for is meant, not what libc does
 * on its behalf, and it is in no survey: there is no end of it.
 */
#if defined(__GLIBC__) && !defined(FAIL_SANITIZED)

static uintptr_t first_code, last_code;

static int
ends(const char *text, const char *end)
{
	size_t n = strlen(text), k = strlen(end);

	return n >= k && strcmp(text + n - k, end) == 0;
}

static int
note_code(struct dl_phdr_info *info, size_t size, void *unused)
{
	size_t i;

	(void)size;
	(void)unused;
	if (!ends(info->dlpi_name, library))
		return 0;
	for (i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD &&
		    (info->dlpi_phdr[i].p_flags & PF_X) != 0) {
			first_code =
			    info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
			last_code = first_code + info->dlpi_phdr[i].p_memsz;
		}
	return 1; /* the first of all is the program */
}

static int
has_no_memory(const char *name, const void *caller)
{
	if (n_failing == 0 || !is_victim())
		return 0;
	if (first_code == 0)
		dl_iterate_phdr(note_code, NULL);
	return (uintptr_t)caller >= first_code &&
	    (uintptr_t)caller < last_code && is_failing(name);
}

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

void *
malloc(size_t size)
{
	if (has_no_memory("malloc", __builtin_return_address(0)))
		return NULL;
	return __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	if (has_no_memory("calloc", __builtin_return_address(0)))
		return NULL;
	return __libc_calloc(n, size);
}

void *
realloc(void *memory, size_t size)
{
	if (has_no_memory("realloc", __builtin_return_address(0)))
		return NULL;
	return __libc_realloc(memory, size);
}

#endif

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

/* Calls that libc has no function for, or not for long. */
long
syscall(long number, ...)
{
	va_list arguments;
	long a[6];
	size_t i;

	if ((number == SYS_memfd_create && fails("memfd_create")) ||
	    (number == SYS_pidfd_open && fails("pidfd_open")) ||
	    (number == SYS_pidfd_getfd && fails("pidfd_getfd")) ||
	    (number == SYS_kcmp && fails("kcmp")))
		return -1;
	if (bare == NULL)
		find("syscall", &bare);
	va_start(arguments, number);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(arguments, long);
	va_end(arguments);
	return bare(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
