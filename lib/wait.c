/* SPDX-License-Identifier: ISC */
/*
 * A signal that comes between the check of a flag and a blocking call is lost
 * on the call. There are two ways round it, and a third rule for what may hang:
 *
 * wait_poll() keeps the signals blocked except while it is in ppoll(), and
 * what ppoll() announced is taken with a call that cannot block. ppoll() lets
 * no signal in when something is ready at once, so under load wait_look()
 * does.
 *
 * Where many processes share a socket, poll() would wake them all and a
 * blocking call is better: the kernel wakes one. wait_block_begin() lets the
 * signals in and counts on their handler: from then on a timer ticks, and
 * interrupts the call if it had not begun yet.
 *
 * What is foreign may hang a call that never waits by itself: a descriptor
 * that is closed may linger as long as its sender likes, alone or in the
 * queue of another. That wait ends with a signal; wait_guard_begin() sees to
 * it that one comes, by the same timer. It is set once for many calls: the
 * handler stops it when it finds nobody who needs it.
 */
#include "wait.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <unistd.h>

#define TWICE 500        /* ms between two signals that are meant as two */
#define FIRST_RETRY 250  /* us */
#define LAST_RETRY 20000 /* us */
#define LOOK_EVERY 10000 /* us between two looks at signals under load */
#define FIRST_TICK                                                           \
	10000            /* us that a call may take before it is interrupted \
			  */
#define TICK 1000        /* us, and again */
#define BLOCK_TICK 10000 /* us, for a call that is to end */

static const int ending_signals[] = {SIGTERM, SIGINT, SIGHUP};
#define N_ENDING (sizeof ending_signals / sizeof ending_signals[0])

enum timer { OFF, FAR, TICKING };

static volatile sig_atomic_t ending;
static volatile sig_atomic_t endings;
static volatile sig_atomic_t timer; /* an enum timer */
static volatile sig_atomic_t guards;
static volatile sig_atomic_t is_blocking;
static int64_t block_deadline;
static struct sigaction callers_alarm;
static sigset_t caught; /* what we block, and let in while we wait */
static sigset_t callers_mask, waiting_mask;
static int64_t looked; /* when wait_look() has looked at last */
static int initialized;
static int has_alarm; /* SIGALRM is ours */

/* setitimer() is one system call, and safe in a handler, on every system. */
static void
set_timer(enum timer state, int64_t first, int64_t interval)
{
	struct itimerval t;

	timer = (sig_atomic_t)state;
	t.it_value.tv_sec = (time_t)(first / 1000000);
	t.it_value.tv_usec = (suseconds_t)(first % 1000000);
	t.it_interval.tv_sec = (time_t)(interval / 1000000);
	t.it_interval.tv_usec = (suseconds_t)(interval % 1000000);
	setitimer(ITIMER_REAL, &t, NULL);
}

/* Until the blocking call is to end. */
static void
set_far(void)
{
	int64_t left = block_deadline - wait_now();

	set_timer(FAR, left > 0 ? left : 1, BLOCK_TICK);
}

/* Stop the timer when no call needs it. */
static void
on_alarm(void)
{
	if (guards > 0)
		return;
	if (!is_blocking)
		set_timer(OFF, 0, 0);
	else if (ending != 0 || wait_is_over(block_deadline))
		return;
	else if (block_deadline >= 0)
		set_far();
	else
		set_timer(OFF, 0, 0);
}

/*
 * Whoever ends a whole process group, or a pipeline, may well reach us twice
 * at once: that counts as one.
 */
static void
note_ending(int sig)
{
	static int64_t next;

	if (ending == 0)
		ending = sig;
	if (endings > 0 && (wait_now() < next || endings > 100))
		return;
	endings++;
	next = wait_deadline(TWICE);
}

static void
on_signal(int sig)
{
	int saved = errno;

	if (sig == SIGALRM) {
		on_alarm();
	} else if (sig != SIGCHLD) {
		note_ending(sig);
		if (is_blocking)
			set_timer(TICKING, BLOCK_TICK, BLOCK_TICK);
	}
	sys_ppoll_wake();
	errno = saved;
}

static void
set_action(int sig, void (*handler)(int), struct sigaction *old)
{
	struct sigaction sa;

	/* No SA_RESTART: a blocking call has to come back. */
	sa.sa_handler = handler;
	sa.sa_flags = 0;
	if (handler == on_signal)
		sigfillset(&sa.sa_mask);
	else
		sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, old);
}

/* SIGALRM is taken only by those who need the timer. */
static void
need_alarm(void)
{
	sigset_t alarm;

	if (has_alarm)
		return;
	has_alarm = 1;
	set_action(SIGALRM, on_signal, &callers_alarm);
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &alarm, NULL);
}

/* Catch it, unless the caller ignores it (nohup, a background job's SIGINT). */
static void
catch_ending(int sig)
{
	struct sigaction old;

	set_action(sig, on_signal, &old);
	if (old.sa_handler != SIG_IGN)
		return;
	sigaction(sig, &old, NULL);
	sigdelset(&caught, sig);
}

/*
 * Block and catch SIGTERM, SIGINT and SIGHUP, and SIGCHLD if asked. To be
 * called again in a process that was forked.
 */
void
wait_init(int flags)
{
	sigset_t before;
	size_t i;

	if (initialized && timer != OFF)
		set_timer(OFF, 0, 0);
	guards = is_blocking = 0;
	sigemptyset(&caught);
	for (i = 0; i < N_ENDING; i++)
		sigaddset(&caught, ending_signals[i]);
	if (flags & WAIT_CHILD)
		sigaddset(&caught, SIGCHLD);
	sigprocmask(SIG_BLOCK, &caught, &before);
	if (!initialized)
		callers_mask = before;
	initialized = 1;
	waiting_mask = callers_mask;
	sigdelset(&waiting_mask, SIGALRM);
	for (i = 0; i < N_ENDING; i++)
		catch_ending(ending_signals[i]);
	if (flags & WAIT_CHILD) {
		/* An inherited SIG_IGN would make waitpid() fail. */
		set_action(SIGCHLD, on_signal, NULL);
		sigdelset(&waiting_mask, SIGCHLD);
	}
	/* Writing into a closed pipe fails like any other call: there may be
	 * files to remove. */
	set_action(SIGPIPE, SIG_IGN, NULL);
}

/* The signal that asked us to end, or 0. */
int
wait_ending(void)
{
	return (int)ending;
}

/* How often: who asks a second time does not want to wait any longer. */
int
wait_endings(void)
{
	return (int)endings;
}

/*
 * As COMMAND expects it: SIGPIPE and SIGCHLD at their defaults, no handler of
 * ours, the caller's signal mask. Safe between vfork() and exec.
 */
void
wait_restore(void)
{
	size_t i;

	set_action(SIGPIPE, SIG_DFL, NULL);
	set_action(SIGCHLD, SIG_DFL, NULL);
	if (!initialized)
		return;
	for (i = 0; i < N_ENDING; i++)
		if (sigismember(&caught, ending_signals[i]))
			set_action(ending_signals[i], SIG_DFL, NULL);
	if (has_alarm)
		sigaction(SIGALRM, &callers_alarm, NULL);
	sigprocmask(SIG_SETMASK, &callers_mask, NULL);
}

/*
 * Stop the timer, before this process becomes COMMAND: it would go on, and
 * end COMMAND.
 */
void
wait_disarm(void)
{
	if (timer != OFF)
		set_timer(OFF, 0, 0);
}

/* End by this signal, so that whoever waits for us sees it. */
void
wait_die(int sig)
{
	sigset_t only;

	set_action(sig, SIG_DFL, NULL);
	sigemptyset(&only);
	sigaddset(&only, sig);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	raise(sig);
	_exit(128 + sig);
}

/* Microseconds of a clock that nobody sets. */
int64_t
wait_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The moment after so many milliseconds; -1, never, stays -1. */
int64_t
wait_deadline(int64_t ms)
{
	return ms < 0 ? -1 : wait_now() + ms * 1000;
}

/* The earlier of two deadlines. */
int64_t
wait_earlier(int64_t a, int64_t b)
{
	if (a == -1 || b == -1)
		return a == -1 ? b : a;
	return a < b ? a : b;
}

/* Has the deadline passed? */
int
wait_is_over(int64_t deadline)
{
	return deadline >= 0 && wait_now() >= deadline;
}

/* Why not to wait any longer, in errno; 0 if there is no reason. */
int
wait_must_end(int64_t deadline)
{
	errno = wait_ending() != 0 ? EINTR :
	    wait_is_over(deadline) ? ETIMEDOUT :
				     0;
	return errno != 0;
}

/* Milliseconds until the deadline, for poll(); -1 for ever. */
int
wait_timeout(int64_t deadline)
{
	int64_t left;

	if (deadline < 0)
		return -1;
	left = (deadline - wait_now() + 999) / 1000;
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* Let the signals in that wait. */
static void
let_in(void)
{
	sigset_t mask;

	sigprocmask(SIG_SETMASK, &waiting_mask, &mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

/*
 * After a wait that has found something: if it was ready at once, no signal
 * was let in. One that waits is let in now; under load the kernel is asked
 * every 10 ms. Returns 1 if there was one: the wait counts as interrupted
 * then, for its caller may be about to wait for something else.
 */
int
wait_look(void)
{
	int64_t now;
	sigset_t pending;
	size_t i;
	int has_come = 0;

	if (!initialized)
		return 0;
	now = wait_now();
	if (now - looked < LOOK_EVERY)
		return 0;
	looked = now;
	if (sigpending(&pending) == -1)
		return 0;
	for (i = 0; i < N_ENDING; i++)
		has_come |= sigismember(&pending, ending_signals[i]) &&
		    sigismember(&caught, ending_signals[i]);
	has_come |=
	    sigismember(&pending, SIGCHLD) && sigismember(&caught, SIGCHLD);
	if (has_come)
		let_in();
	return has_come;
}

/* The signal mask while waiting. */
const sigset_t *
wait_mask(void)
{
	return initialized ? &waiting_mask : NULL;
}

/*
 * ppoll() until the deadline (-1: for ever). Returns the number of ready
 * descriptors, 0 when the time is over, -1 with EINTR for a signal, also where
 * something is ready besides.
 */
int
wait_poll(struct pollfd *fds, nfds_t n, int64_t deadline)
{
	struct timespec t;
	int64_t left;
	int r;

	if (deadline < 0) {
		r = sys_ppoll(fds, n, NULL, wait_mask());
	} else {
		left = deadline - wait_now();
		if (left < 0)
			left = 0;
		t.tv_sec = (time_t)(left / 1000000);
		t.tv_nsec = (long)(left % 1000000 * 1000);
		r = sys_ppoll(fds, n, &t, wait_mask());
	}
	/* With no time to wait no signal was let in either. */
	if (r != -1 && wait_look()) {
		errno = EINTR;
		return -1;
	}
	return r;
}

/* Wait so many milliseconds, less if a signal comes: -1 then. */
int
wait_pause(int64_t ms)
{
	return wait_poll(NULL, 0, wait_deadline(ms));
}

/* Has something run out that others may give back? */
int
wait_is_waited_out(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	    error == ENOMEM || error == ETOOMANYREFS;
}

/*
 * Wait until it is worth trying again after this error, one of those that are
 * waited out, or EAGAIN of a queue that nothing announces. Returns 0, or -1
 * with EINTR when a signal wants us to end, ETIMEDOUT at the deadline.
 */
int
wait_out(int error, int64_t deadline)
{
	int64_t ms = WAIT_SHORT;

	/* Descriptors in flight arrive any moment; so does room in a queue. */
	if (error == ETOOMANYREFS || sys_would_block(error))
		ms = WAIT_QUEUE;
	wait_poll(NULL, 0, wait_earlier(wait_deadline(ms), deadline));
	if (wait_ending() != 0)
		errno = EINTR;
	else if (wait_is_over(deadline))
		errno = ETIMEDOUT;
	else
		return 0;
	return -1;
}

/*
 * The moment of the next try, after so many in vain: who is about to start is
 * found at once, and to wait long for somebody costs next to nothing.
 */
int64_t
wait_backoff(unsigned tries)
{
	int64_t us = LAST_RETRY;

	if (tries < 6 && (FIRST_RETRY << tries) < LAST_RETRY)
		us = FIRST_RETRY << tries;
	return wait_now() + us;
}

/*
 * A call that blocks comes now, for it is better left to the kernel whom to
 * wake. It is interrupted (EINTR) by every signal, also by one that comes just
 * before it, and at the deadline (-1: none). Look at wait_ending() first.
 */
void
wait_block_begin(int64_t deadline)
{
	need_alarm();
	block_deadline = deadline;
	is_blocking = 1;
	if (deadline >= 0)
		set_far();
	sigprocmask(SIG_SETMASK, &waiting_mask, NULL);
	/* One that had come before does not come again. */
	if (ending != 0 && timer != TICKING)
		set_timer(TICKING, BLOCK_TICK, BLOCK_TICK);
}

void
wait_block_end(void)
{
	int saved = errno;

	sigprocmask(SIG_BLOCK, &caught, NULL);
	is_blocking = 0;
	errno = saved;
}

static volatile sig_atomic_t is_foreign; /* a SIGALRM that is no tick */

static void
on_tick(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	if (info->si_code == SI_USER || info->si_code == SI_QUEUE)
		is_foreign = 1;
}

/*
 * In a program of others: borrow its timer, and SIGALRM. Its own signals wait
 * meanwhile, so that none is taken for a tick; a SIGALRM that somebody has
 * sent is sent again.
 */
static void
borrow(struct wait_guard *g)
{
	struct itimerval ticks = {{0, TICK}, {0, FIRST_TICK}};
	struct sigaction sa;
	sigset_t others;

	g->is_borrowed = 1;
	is_foreign = 0;
	sa.sa_sigaction = on_tick;
	sa.sa_flags = SA_SIGINFO;
	sigfillset(&sa.sa_mask);
	sigaction(SIGALRM, &sa, &g->action);
	sigfillset(&others);
	sigdelset(&others, SIGALRM);
	sigprocmask(SIG_SETMASK, &others, &g->mask);
	setitimer(ITIMER_REAL, &ticks, &g->timer);
}

static void
give_back(struct wait_guard *g)
{
	sigset_t pending;
	int sig, is_sent;

	setitimer(ITIMER_REAL, &g->timer, NULL);
	sigpending(&pending);
	for (sig = 1; sig <= SIGUSR2 || sig <= SIGTERM; sig++)
		if (sigismember(&pending, sig) == 1 &&
		    sigismember(&g->mask, sig) == 0)
			g->is_signalled = 1;
	sigaction(SIGALRM, &g->action, NULL);
	is_sent = is_foreign;
	sigprocmask(SIG_SETMASK, &g->mask, NULL);
	if (is_sent)
		raise(SIGALRM);
	g->is_signalled |= is_sent;
}

/*
 * Between these two a call that closes what is foreign, or lets the kernel
 * close it, or waits for what somebody else has taken, returns soon: after
 * 10 ms, or 1 ms each if there are many. Both keep errno.
 */
void
wait_guard_begin(struct wait_guard *g)
{
	int saved = errno;

	g->is_borrowed = g->is_signalled = 0;
	if (!initialized) {
		borrow(g);
	} else {
		need_alarm();
		guards++;
		if (timer != TICKING)
			set_timer(TICKING, FIRST_TICK, TICK);
	}
	errno = saved;
}

void
wait_guard_end(struct wait_guard *g)
{
	int saved = errno;

	if (g->is_borrowed)
		give_back(g);
	else
		guards--;
	errno = saved;
}

/*
 * Close what is foreign: a received descriptor, or a connection in whose queue
 * there may be some. Their sender may have asked that close() waits for an
 * hour until a peer has read all; that is not for us to wait for, and what is
 * left is sent all the same. Keeps errno.
 */
void
wait_close(int fd)
{
	struct wait_guard guard;
	int saved = errno;

	wait_guard_begin(&guard);
	close(fd);
	wait_guard_end(&guard);
	errno = saved;
}
