/* SPDX-License-Identifier: ISC */
#include "child.h"

#include "descriptors.h"
#include "diag.h"
#include "trace.h"
#include "wait.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* 0 if it can be run, else an errno. */
static int
cannot_run(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	if (!S_ISREG(st.st_mode))
		return EACCES;
	return access(path, X_OK) == -1 ? errno : 0;
}

/* As execvp() searches; what is found but can't be run decides the errno. */
static int
search(char *found, size_t size, const char *name)
{
	const char *path = getenv("PATH"), *end;
	int error, worst = ENOENT;

	if (path == NULL)
		path = "/bin:/usr/bin";
	for (;; path = end + 1) {
		end = strchr(path, ':');
		if (end == NULL)
			end = path + strlen(path);
		if ((size_t)snprintf(found, size, "%.*s%s%s", (int)(end - path),
			path, end > path ? "/" : "", name) < size) {
			error = cannot_run(found);
			if (error == 0)
				return 0;
			/* A directory that we may not search has none. */
			if (access(found, F_OK) == 0)
				worst = error;
		}
		if (*end == '\0')
			return worst;
	}
}

static int
cannot(const char *name, int error)
{
	failed_because(error, "cannot be run: %s", strerror(error));
	failure.status = EXIT_CANNOT_RUN;
	return failed_on(name);
}

/* Find COMMAND, argv[0]. -1 and the failure, with status 126 or 127. */
int
command_find(struct command *c, char *argv[])
{
	char found[PATH_MAX];
	size_t i, n = 0;
	int error;

	c->argv = argv;
	if (strchr(argv[0], '/') != NULL) {
		c->path = argv[0];
		error = cannot_run(argv[0]);
	} else {
		c->path = found;
		error = *argv[0] == '\0' ? ENOENT :
					   search(found, sizeof found, argv[0]);
	}
	if (error == ENOENT || error == ENOTDIR) {
		failed_because(error, "command not found");
		failure.status = EXIT_NOT_FOUND;
		return failed_on(argv[0]);
	}
	if (error != 0)
		return cannot(argv[0], error);
	while (argv[n] != NULL)
		n++;
	c->script = calloc(n + 2, sizeof *c->script);
	c->path = strdup(c->path);
	if (c->script == NULL || c->path == NULL)
		return cannot(argv[0], errno);
	c->script[0] = (char *)(size_t) "sh";
	c->script[1] = (char *)(size_t)c->path;
	for (i = 1; i < n; i++)
		c->script[i + 1] = argv[i];
	return 0;
}

void
landing_add(struct landing *l, int fd, int target)
{
	l->fds[l->count] = fd;
	l->targets[l->count] = target;
	l->count++;
}

/*
 * Put the descriptors in place and exec, with the caller's environment if e is
 * NULL. Safe after vfork(): of the parent's it changes only l and errno.
 * Returns the status to end with.
 */
static int
become(const struct command *c, const char *step, struct landing *l,
    struct environment *e)
{
	char **env = e != NULL ? environ_strings(e) : environ;

	if (e != NULL)
		environ_listen_pid(e, getpid());
	/* Before descriptors move: one may land where the trace reads. */
	trace_before(step, "exec(%s)", c->path);
	if (descriptors_land(step, l->fds, l->targets, l->count) == -1) {
		diag_errno("descriptors for COMMAND", "dup2");
		return EXIT_CANNOT_RUN;
	}
	trace(step, "exec(%s)", c->path);
	wait_restore();
	execve(c->path, c->argv, env);
	if (errno == ENOEXEC)
		execve("/bin/sh", c->script, env);
	diag_errno(c->path, "exec");
	return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
}

/* Become COMMAND. Comes back only with the status to end with. */
int
command_become(const struct command *c, const char *step,
    const struct landing *l, struct environment *e)
{
	struct landing own = *l;

	wait_disarm();
	return become(c, step, &own, e);
}

/*
 * Start COMMAND in a child. The parent keeps its copies of the descriptors.
 * The parent waits for the exec: with vfork() nothing of it is copied. A trace
 * in between takes its time, so that is not done while the parent stands still.
 */
pid_t
child_start(const struct command *c, const char *step, const struct landing *l,
    struct environment *e)
{
	struct landing own;
	pid_t pid;

	own.count = l->count;
	memcpy(own.fds, l->fds, sizeof own.fds[0] * l->count);
	memcpy(own.targets, l->targets, sizeof own.targets[0] * l->count);
	trace_before(step, "fork()");
	pid = trace_on ? fork() : SYS_VFORK();
	if (pid == 0)
		_exit(become(c, step, &own, e));
	if (pid > 0)
		trace(step, "fork() = %ld", (long)pid);
	return pid;
}

/*
 * The same, waiting out a full process table until so many signals have asked
 * us to end: one, or two for who holds what must not be lost. -1 then. Children
 * that have ended still count there, so they are collected.
 */
pid_t
child_start_patient(const struct command *c, const char *step,
    const struct landing *l, struct environment *e, struct children *others,
    int signals)
{
	pid_t pid;

	for (;;) {
		pid = child_start(c, step, l, e);
		if (pid != -1 || wait_endings() >= signals)
			return pid;
		diag_offence("fork: %s; trying again", strerror(errno));
		wait_pause(WAIT_FORK);
		if (others != NULL)
			children_reap(others);
	}
}

/* Collect this child if it has ended; true too if there is no such child. */
int
child_has_ended(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) != 0;
}

int
children_init(struct children *c, size_t limit)
{
	c->count = 0;
	c->others = NULL;
	c->limit = limit;
	c->pids = calloc(limit, sizeof *c->pids);
	return c->pids == NULL ? -1 : 0;
}

void
children_add(struct children *c, pid_t pid)
{
	c->pids[c->count++] = pid;
}

/* One has ended. */
static void
forget(struct children *c, pid_t pid)
{
	size_t i;

	for (i = 0; i < c->count; i++)
		if (c->pids[i] == pid) {
			c->pids[i] = c->pids[--c->count];
			return;
		}
}

/*
 * Collect those that have ended. Children that somebody else started before we
 * became this process are collected too, but do not count.
 */
void
children_reap(struct children *c)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		forget(c, pid);
		if (c->others != NULL)
			forget(c->others, pid);
	}
}
