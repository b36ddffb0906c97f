/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdlisten-loops.h"

#include "calls.h"
#include "say.h"
#include "trace.h"
#include "wait.h"

#include <sys/mman.h>

#include <unistd.h>

#define MOST 4 /* processes: measured, more gain nothing on few processors */

/* Memory that is shared with those that are forked; NULL if there is none. */
static int64_t *
shared_memory(void)
{
#ifdef SYS_LINUX
	void *p = mmap(NULL, sizeof(int64_t), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
#else
	return NULL;
#endif
}

/* Only where a process can be made to end with its parent, and untraced. */
static size_t
most_processes(size_t max)
{
	if (trace_on || !sys_ends_with_parent())
		return 1;
	return max < MOST ? max : MOST;
}

/*
 * At most max COMMANDs at once, in all. With a time limit, -1 if there is
 * none, it is the newest arrival of all that counts. -1 without memory.
 */
int
loops_init(
    struct loops *l, struct children *commands, size_t max, int64_t timeout)
{
	l->most = most_processes(max);
	l->share = max / l->most;
	l->commands = commands;
	l->newest = NULL;
	l->known = 0;
	l->is_added = 0;
	if (timeout >= 0 && l->most > 1) {
		l->newest = shared_memory();
		if (l->newest == NULL)
			l->most = 1;
	}
	if (children_init(commands, max) == -1 ||
	    children_init(&l->others, l->most) == -1)
		return -1;
	commands->others = &l->others;
	return 0;
}

/* Does another connection wait, though we have just taken one? */
static int
is_crowded(int listener)
{
	struct pollfd p;

	p.fd = listener;
	p.events = POLLIN;
	return poll(&p, 1, 0) == 1;
}

/*
 * Add a process if connections wait, and there is a share of COMMANDs left for
 * it. Returns 1 in the one that was added.
 */
int
loops_grow(struct loops *l, int listener)
{
	struct children *c = l->commands;
	pid_t pid, first;

	if (l->most < 2 || l->is_added || l->others.count + 1 >= l->most ||
	    c->limit <= l->share || c->limit - c->count < l->share ||
	    !is_crowded(listener))
		return 0;
	first = getpid();
	pid = call_fork("S5");
	if (pid == -1)
		return 0;
	if (pid > 0) {
		c->limit -= l->share;
		children_add(&l->others, pid);
		l->known++;
		return 0;
	}
	wait_init(WAIT_CHILD);
	sys_end_with_parent(first);
	l->is_added = 1;
	l->others.count = l->known = c->count = 0;
	c->limit = l->share;
	return 1;
}

void
loops_arrived(struct loops *l)
{
	if (l->newest != NULL)
		*l->newest = wait_now();
}

/*
 * The time of this process is over: is it that of all? Else until when, in
 * *deadline.
 */
int
loops_is_idle(const struct loops *l, int64_t timeout, int64_t *deadline)
{
	if (l->newest == NULL || *l->newest == 0)
		return 1;
	*deadline = *l->newest + timeout * 1000;
	return wait_is_over(*deadline);
}

/* Collect COMMANDs, and what has become of the other processes. */
static void
reap(struct loops *l)
{
	children_reap(l->commands);
	l->commands->limit += (l->known - l->others.count) * l->share;
	l->known = l->others.count;
}

/* Wait until another COMMAND may be run. 1 if that was not so at once. */
int
loops_wait(struct loops *l)
{
	int has_waited = 0;

	while (wait_ending() == 0) {
		reap(l);
		if (l->commands->count < l->commands->limit)
			break;
		has_waited = 1;
		wait_pause(-1);
	}
	return has_waited;
}

/* Run COMMAND in a child; not if that takes long and we are to end. */
void
loops_start(struct loops *l, const struct command *c,
    const struct landing *landing, struct environment *e)
{
	pid_t pid = command_start(
	    c, "S6", landing, e, l->commands, COMMAND_UNTIL_PRESSED);

	if (pid != -1)
		children_add(l->commands, pid);
}

/*
 * There are no more connections. One that was added has done its work; the
 * first ends the others, and waits until nobody accepts any more.
 */
void
loops_end(struct loops *l)
{
	size_t i;
	int signals = -1;

	if (l->is_added) {
		say_flush();
		_exit(0);
	}
	while (l->others.count > 0) {
		if (wait_endings() > signals) {
			signals = wait_endings();
			for (i = 0; i < l->others.count; i++)
				kill(l->others.pids[i], SIGTERM);
		}
		wait_pause(-1);
		children_reap(l->commands);
	}
}
