/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdrecv-pool.h"

#include "calls.h"
#include "say.h"
#include "wait.h"

#include <sys/wait.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPLACE_AFTER 1000 /* ms between two starts of one worker */

struct worker {
	pid_t pid;   /* 0: not running */
	int64_t due; /* when it may be started again */
	int is_busy;
	int is_done; /* it has ended at the end of the stream */
};

/* What a worker tells the pool, if that has a time limit. */
struct note {
	unsigned slot;
	int is_busy;
};

struct pool {
	const char *operand;
	struct worker *workers;
	size_t size;
	int64_t idle;  /* ms; -1: no limit */
	int64_t end;   /* deadline, unless a worker is busy; -1: never */
	int notes[2];  /* a pipe of notes; -1: no time limit */
	unsigned slot; /* in a worker: its own slot */
	int (*work)(struct pool *, void *);
	int (*stop)(void *);
	void *argument;
};

/*
 * In a worker: tell the pool that it has taken a message, or is done with it.
 */
void
pool_busy(struct pool *p, int is_busy)
{
	struct note n;

	if (p == NULL || p->notes[1] == -1)
		return;
	memset(&n, 0, sizeof n);
	n.slot = p->slot;
	n.is_busy = is_busy;
	while (write(p->notes[1], &n, sizeof n) == -1 && errno == EINTR)
		continue;
}

static void
become_worker(struct pool *p, size_t slot, pid_t master)
{
	int status;

	p->slot = (unsigned)slot;
	if (p->notes[0] != -1)
		close(p->notes[0]);
	wait_init(WAIT_REAP);
	sys_end_with_parent(master);
	status = p->work(p, p->argument);
	say_flush();
	_exit(status);
}

static void
start(struct pool *p, size_t slot)
{
	pid_t pid, master = getpid();
	struct worker *w = &p->workers[slot];

	w->due = wait_deadline(REPLACE_AFTER);
	pid = call_fork("S5");
	if (pid == 0)
		become_worker(p, slot, master);
	if (pid == -1) {
		say_offence(
		    "%s: fork: %s; trying again", p->operand, strerror(errno));
		return;
	}
	w->pid = pid;
}

static void
start_due(struct pool *p)
{
	struct worker *w;
	size_t i;

	for (i = 0; i < p->size; i++) {
		w = &p->workers[i];
		if (w->pid == 0 && !w->is_done && wait_now() >= w->due)
			start(p, i);
	}
}

/* When to call start_due() again; -1: no worker is missing. */
static int64_t
next_start(const struct pool *p)
{
	int64_t next = -1;
	size_t i;

	for (i = 0; i < p->size; i++) {
		if (p->workers[i].pid != 0 || p->workers[i].is_done)
			continue;
		next = wait_earlier(next, p->workers[i].due);
	}
	return next;
}

static void
ended(struct pool *p, pid_t pid, int status)
{
	size_t i;

	for (i = 0; i < p->size; i++)
		if (p->workers[i].pid == pid) {
			p->workers[i].pid = 0;
			p->workers[i].is_busy = 0;
			p->workers[i].is_done =
			    WIFEXITED(status) && WEXITSTATUS(status) == 0;
			p->end = wait_deadline(p->idle);
		}
}

/* How many workers are running, busy, done. */
static size_t
running(const struct pool *p)
{
	size_t i, n = 0;

	for (i = 0; i < p->size; i++)
		n += p->workers[i].pid != 0;
	return n;
}

static size_t
busy(const struct pool *p)
{
	size_t i, n = 0;

	for (i = 0; i < p->size; i++)
		n += p->workers[i].is_busy != 0;
	return n;
}

static size_t
done(const struct pool *p)
{
	size_t i, n = 0;

	for (i = 0; i < p->size; i++)
		n += p->workers[i].is_done != 0;
	return n;
}

static void
reap(struct pool *p)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		ended(p, pid, status);
}

static void
read_notes(struct pool *p)
{
	struct note n;

	while (read(p->notes[0], &n, sizeof n) == (ssize_t)sizeof n) {
		p->workers[n.slot].is_busy = n.is_busy;
		p->end = wait_deadline(p->idle);
	}
}

static void
tell_workers(const struct pool *p)
{
	size_t i;

	for (i = 0; i < p->size; i++)
		if (p->workers[i].pid != 0)
			kill(p->workers[i].pid, SIGTERM);
}

/*
 * A signal may come while no worker is running: before the first start, or
 * between two. Start one to take the messages that are on their way; it knows
 * of the signal.
 */
static void
start_last(struct pool *p)
{
	while (wait_ending() != 0 && wait_endings() < 2 && running(p) == 0 &&
	    done(p) == 0) {
		start(p, 0);
		if (p->workers[0].pid == 0)
			wait_pause(WAIT_FORK);
	}
}

/*
 * Tell the workers to end, which they do when they are idle; at a second
 * signal, they end at once.
 */
static void
end_workers(struct pool *p)
{
	int told = 0, has_more;

	/*
	 * Remove the name first: after the sockets are closed it would look
	 * stale.
	 */
	has_more = p->stop(p->argument);
	tell_workers(p);
	if (has_more)
		start_last(p);
	while (running(p) > 0) {
		wait_pause(-1);
		reap(p);
		if (wait_endings() > 1 && !told) {
			told = 1;
			tell_workers(p);
		}
	}
}

/*
 * Run the pool until it has to end: returns 1 if there was no work for the time
 * limit.
 */
static int
supervise(struct pool *p)
{
	struct pollfd poll_notes;
	int64_t idle_until;

	poll_notes.fd = p->notes[0];
	poll_notes.events = POLLIN;
	for (;;) {
		reap(p);
		if (p->notes[0] != -1)
			read_notes(p);
		if (wait_ending() != 0 || done(p) == p->size)
			return 0;
		idle_until = busy(p) > 0 ? -1 : p->end;
		if (idle_until != -1 && wait_now() >= idle_until)
			return 1;
		/* After the end of the stream, no worker is replaced. */
		if (done(p) == 0)
			start_due(p);
		else if (running(p) == 0)
			return 0;
		wait_poll(&poll_notes, 1,
		    wait_earlier(
			idle_until, done(p) == 0 ? next_start(p) : -1));
	}
}

/*
 * Keep size workers of operand running. Each calls work(pool, argument), whose
 * return value is its exit status: 0 at the end of what there is to do. A
 * worker that dies is replaced, at most once a second. On a signal, and after
 * idle milliseconds without work (-1: never), the pool calls stop(argument),
 * which returns whether something is still to be taken, tells the workers to
 * end, and waits for them. Returns 0; or -1 and the failure, without an object.
 */
int
pool_run(const char *operand, size_t size, int64_t idle,
    int (*work)(struct pool *, void *), int (*stop)(void *), void *argument)
{
	struct pool p;
	int is_idle;

	memset(&p, 0, sizeof p);
	p.operand = operand;
	p.size = size;
	p.idle = idle;
	p.work = work;
	p.stop = stop;
	p.argument = argument;
	p.notes[0] = p.notes[1] = -1;
	p.workers = calloc(size, sizeof *p.workers);
	if (p.workers == NULL)
		return failed("start the workers");
	wait_init(WAIT_CHILD);
	if (idle >= 0 &&
	    (sys_pipe(p.notes) == -1 || sys_nonblock(p.notes[0], 1) == -1)) {
		free(p.workers);
		return failed("start the workers");
	}
	p.end = wait_deadline(idle);
	is_idle = supervise(&p);
	end_workers(&p);
	free(p.workers);
	return is_idle ? failed_late("no message") : 0;
}
