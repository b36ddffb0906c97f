/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdlisten-loops.h"

#include "calls.h"
#include "say.h"
#include "wait.h"

#include <sys/mman.h>

#include <unistd.h>

#define MOST 4 /* processes; measured: more are no faster on few processors */

/* Memory that is shared with forked processes; NULL if there is none. */
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

/*
 * How many processes to use: one unless processes can be made to end with their
 * parent, and one if they are traced.
 */
static size_t
most_processes(size_t max)
{
	if (trace_on || !sys_ends_with_parent())
		return 1;
	return max < MOST ? max : MOST;
}

/*
 * At most max COMMANDs run at once, in all. timeout is in milliseconds, -1 for
 * none, and counts from the newest arrival in any process. Returns -1 if there
 * is no memory.
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

/* Does another connection wait, although we have just taken one? */
static int
is_crowded(int listener)
{
	struct pollfd p;

	p.fd = listener;
	p.events = POLLIN;
	return wait_poll_at_once(&p) == 1;
}

/*
 * Add a process if connections wait, and there is a share of COMMANDs left for
 * it. Returns 1 in the process that was added.
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
 * The deadline of this process has passed: is that so for all of them? If not,
 * *deadline is the new one.
 */
int
loops_is_idle(const struct loops *l, int64_t timeout, int64_t *deadline)
{
	if (l->newest == NULL || *l->newest == 0)
		return 1;
	*deadline = *l->newest + timeout * 1000;
	return wait_is_over(*deadline);
}

/*
 * Reap COMMANDs and the other processes; take back the shares of those that
 * ended.
 */
static void
reap(struct loops *l)
{
	children_reap(l->commands);
	l->commands->limit += (l->known - l->others.count) * l->share;
	l->known = l->others.count;
}

/* Wait until another COMMAND may be run. Returns 1 if there was a wait. */
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

/*
 * Run COMMAND in a child; give up if the process table is full and we have to
 * end.
 */
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
 * No more connections are accepted. A process that was added exits here; the
 * first one ends the others, and waits until none of them accepts any longer.
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
