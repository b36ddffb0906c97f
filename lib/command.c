/* SPDX-License-Identifier: ISC */
#include "command.h"

#include "calls.h"
#include "environ.h"
#include "say.h"
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

/* Returns 0 if this file can be run, else an errno. */
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

/*
 * Search PATH as execvp() does. Returns 0 and the path found; else an errno,
 * which is that of a file that was found but cannot be run, if there is one.
 */
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
			/*
			 * If we may not search the directory, the file does not
			 * count as found.
			 */
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

/*
 * Find COMMAND, argv[0]. Returns 0; or -1 and the failure, with status 126 or
 * 127. c keeps a pointer to argv.
 */
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

/* Is the descriptor at this number still to be moved? */
static int
is_pending(int fd, const int *fds, const int *targets, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (fds[i] == fd && targets[i] != fd)
			return 1;
	return 0;
}

/* Has a descriptor landed at this number? */
static int
has_landed(int fd, const int *fds, const int *targets, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (fds[i] == fd && targets[i] == fd)
			return 1;
	return 0;
}

/* A descriptor was moved to another number: move it on from there. */
static void
renumber(int from, int to, int *fds, const int *targets, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (fds[i] == from && targets[i] != from)
			fds[i] = to;
}

/*
 * The next descriptor to move: preferably one whose target is not the number of
 * another that is still to be moved. n if all have landed.
 */
static size_t
next_to_land(const int *fds, const int *targets, size_t n)
{
	size_t i, next = n;

	for (i = 0; i < n; i++) {
		if (fds[i] == targets[i])
			continue;
		next = i;
		if (!is_pending(targets[i], fds, targets, n))
			break;
	}
	return next;
}

/*
 * If a descriptor at the target is still to be moved, as in a circle of moves,
 * move it aside first.
 */
static int
make_room(int target, int *fds, const int *targets, size_t n)
{
	int aside;

	if (!is_pending(target, fds, targets, n))
		return 0;
	aside = sys_dup_above(target, 3);
	if (aside == -1)
		return -1;
	renumber(target, aside, fds, targets, n);
	return 0;
}

/*
 * Move fds[i] to number targets[i], open across exec. The fds[] are ours. Each
 * is closed as soon as it was moved, so that one free number is enough, even if
 * that is a target: a command that has taken a message must not fail because
 * more numbers are needed. A descriptor that goes to several numbers is
 * duplicated from the one where it has landed already. One that is at its
 * target is not duplicated, for dup2() onto itself would keep close-on-exec.
 * Safe between vfork() and exec; writes to fds[].
 */
int
command_land(const char *step, int *fds, const int *targets, size_t n)
{
	size_t i;
	int from;

	for (i = 0; i < n; i++)
		if (fds[i] == targets[i] && fcntl(fds[i], F_SETFD, 0) == -1)
			return -1;
	while ((i = next_to_land(fds, targets, n)) < n) {
		if (make_room(targets[i], fds, targets, n) == -1)
			return -1;
		from = fds[i];
		if (call_dup2(step, from, targets[i]) == -1)
			return -1;
		renumber(from, targets[i], fds, targets, n);
		if (!has_landed(from, fds, targets, n))
			close(from);
	}
	return 0;
}

/*
 * Put the descriptors in place and exec, with the caller's environment if e is
 * NULL. Safe after vfork(): in the parent's memory it changes only l, e and
 * errno. Returns the exit status, after a failure.
 */
static int
become(const struct command *c, const char *step, struct landing *l,
    struct environment *e)
{
	char **env = e != NULL ? environ_strings(e) : environ;

	if (e != NULL)
		environ_listen_pid(e, getpid());
	tell_exec(step, c->path);
	if (command_land(step, l->fds, l->targets, l->count) == -1) {
		say_errno("descriptors for COMMAND", "dup2");
		return EXIT_CANNOT_RUN;
	}
	call_exec(step, c->path, c->argv, c->script, env);
	say_errno(c->path, "exec");
	return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
}

/* Become COMMAND. Returns only after a failure, with the exit status. */
int
command_become(const struct command *c, const char *step,
    const struct landing *l, struct environment *e)
{
	struct landing own = *l;

	wait_disarm();
	return become(c, step, &own, e);
}

/*
 * Start COMMAND in a child. The parent keeps its copies of the descriptors, and
 * waits for the exec: vfork() copies nothing of it. With a trace, fork() is
 * used, for the child may be held at a step while the parent goes on.
 */
static pid_t
start(const struct command *c, const char *step, const struct landing *l,
    struct environment *e)
{
	struct landing own;
	pid_t pid;

	own.count = l->count;
	memcpy(own.fds, l->fds, sizeof own.fds[0] * l->count);
	memcpy(own.targets, l->targets, sizeof own.targets[0] * l->count);
	pid = trace_on ? call_fork(step) : SYS_VFORK();
	if (pid == 0)
		_exit(become(c, step, &own, e));
	return pid;
}

/*
 * The same, waiting while the process table is full, until as many signals have
 * asked us to end as patience says: one, or two for a command that holds what
 * must not be lost. Returns -1 then. Children that have ended fill the process
 * table too, so they are reaped.
 */
pid_t
command_start(const struct command *c, const char *step,
    const struct landing *l, struct environment *e, struct children *others,
    enum command_patience patience)
{
	pid_t pid;

	for (;;) {
		pid = start(c, step, l, e);
		if (pid != -1 || wait_endings() >= (int)patience)
			return pid;
		say_offence(
		    "%s: fork: %s; trying again", c->argv[0], strerror(errno));
		wait_pause(WAIT_FORK);
		if (others != NULL)
			children_reap(others);
	}
}

/* Reap this child if it has ended; true also if there is no such child. */
int
command_has_ended(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) != 0;
}

/*
 * Wait until this child has ended: returns 1, also if there is no such child,
 * or 0 if a signal came. Under load this costs less than SIGCHLD and its
 * handler do. Check wait_ending() before you call this.
 */
int
command_wait(pid_t pid)
{
	pid_t r;

	wait_block_begin(-1);
	r = waitpid(pid, NULL, 0);
	wait_block_end();
	return r != -1 || errno != EINTR;
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

/* Remove this child from the set. */
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
 * Reap the children that have ended. A process that became this one by exec may
 * have left children: they are reaped too, but not counted.
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
