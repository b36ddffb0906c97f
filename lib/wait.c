/* SPDX-License-Identifier: ISC */
/*
 * A signal that comes after a flag was checked and before a call blocks does
 * not interrupt that call. This file has two ways to avoid that, and a third
 * for calls that may hang:
 *
 * wait_poll() keeps the signals blocked except while it is in ppoll(); the
 * caller then takes what ppoll() announced with a call that cannot block.
 * ppoll() lets no signal in if something is ready at once, so under load
 * wait_look() does.
 *
 * If many processes share a socket, poll() would wake them all. A blocking call
 * is better: the kernel wakes only one. wait_block_begin() lets the signals in
 * and relies on their handler: it starts a timer, which interrupts the call if
 * that had not begun yet when the signal came.
 *
 * Closing a foreign descriptor may hang: a socket may linger as long as its
 * sender likes, alone or in the queue of another socket. A signal ends that
 * wait; wait_guard_begin() makes sure that one comes, by the same timer. The
 * timer is set once for many calls: the handler stops it when no call needs it
 * any longer.
 */
#include "wait.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

#define TWICE 500        /* ms between two signals that count as two */
#define FIRST_RETRY 250  /* us */
#define LAST_RETRY 20000 /* us */
#define LOOK_EVERY 10000 /* us between two looks at signals under load */
#define FIRST_TICK 10000 /* us until a call is interrupted */
#define TICK 1000        /* us until it is interrupted again */
#define BLOCK_TICK 10000 /* us, while a blocking call has to end */

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
static sigset_t caught; /* the signals that we block except while we wait */
static sigset_t callers_mask, waiting_mask;
static int64_t looked; /* when wait_look() last looked */
static int initialized;
static int has_alarm; /* we have taken SIGALRM */

/*
 * setitimer() is a single system call, so it is safe in a handler, on every
 * system.
 */
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

/* Set the timer for the deadline of the blocking call. */
static void
set_far(void)
{
	int64_t left = block_deadline - wait_now();

	set_timer(FAR, left > 0 ? left : 1, BLOCK_TICK);
}

/* Stop the timer if no call needs it. */
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
 * Note a signal that asks us to end. If somebody ends a whole process group, or
 * a pipeline, we may get two signals at once: they count as one.
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

	/* No SA_RESTART: a signal has to interrupt a blocking call. */
	sa.sa_handler = handler;
	sa.sa_flags = 0;
	if (handler == on_signal)
		sigfillset(&sa.sa_mask);
	else
		sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, old);
}

/* Take SIGALRM, which only commands that need the timer do. */
static void
need_alarm(void)
{
	sigset_t alarm;

	if (has_alarm)
		return;
	has_alarm = 1;
	set_action(SIGALRM, on_signal, &callers_alarm);
	if (!sigismember(&callers_mask, SIGALRM))
		return;
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &alarm, NULL);
	sigdelset(&waiting_mask, SIGALRM);
}

/*
 * Catch a signal, unless the caller ignores it (nohup, a background job's
 * SIGINT).
 */
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
 * Block and catch SIGTERM, SIGINT and SIGHUP, and with WAIT_CHILD SIGCHLD;
 * ignore SIGPIPE. Call it again in a forked process, and to change flags.
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
	/* If the caller has blocked SIGALRM, only need_alarm() unblocks it. */
	if (has_alarm)
		sigdelset(&waiting_mask, SIGALRM);
	for (i = 0; i < N_ENDING; i++)
		catch_ending(ending_signals[i]);
	/* An inherited SIG_IGN would make waitpid() fail. */
	if (flags & WAIT_REAP)
		set_action(SIGCHLD, SIG_DFL, NULL);
	if (flags & WAIT_CHILD) {
		set_action(SIGCHLD, on_signal, NULL);
		sigdelset(&waiting_mask, SIGCHLD);
	}
	/*
	 * Writing into a closed pipe is to fail like any other call, for we may
	 * have files to remove.
	 */
	set_action(SIGPIPE, SIG_IGN, NULL);
}

/* The signal that asked us to end, or 0. */
int
wait_ending(void)
{
	return (int)ending;
}

/* How many signals have asked us to end: at a second one, stop at once. */
int
wait_endings(void)
{
	return (int)endings;
}

/*
 * Restore signals as COMMAND expects them: SIGPIPE and SIGCHLD at their
 * defaults, no handler of ours, the caller's signal mask. Safe between vfork()
 * and exec.
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
 * Stop the timer before this process becomes COMMAND: it would go on, and
 * SIGALRM would end COMMAND.
 */
void
wait_disarm(void)
{
	if (timer != OFF)
		set_timer(OFF, 0, 0);
}

/* The time in microseconds, of a clock that is never set. */
int64_t
wait_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The deadline that is ms milliseconds from now; -1, never, stays -1. */
int64_t
wait_deadline(int64_t ms)
{
	return ms < 0 ? -1 : wait_now() + ms * 1000;
}

/* The earlier of two deadlines; -1 is never. */
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

/* Must we stop waiting? If so, errno is EINTR or ETIMEDOUT. */
int
wait_must_end(int64_t deadline)
{
	errno = wait_ending() != 0 ? EINTR :
	    wait_is_over(deadline) ? ETIMEDOUT :
				     0;
	return errno != 0;
}

/* Milliseconds until the deadline, for poll(); -1 is without end. */
int
wait_timeout(int64_t deadline)
{
	int64_t left;

	if (deadline < 0)
		return -1;
	left = (deadline - wait_now() + 999) / 1000;
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* Let pending signals in. */
static void
let_in(void)
{
	sigset_t mask;

	sigprocmask(SIG_SETMASK, &waiting_mask, &mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

/*
 * Call it after a wait that has found something: if that was ready at once, no
 * signal was let in. Let a pending one in now; to spare system calls under
 * load, look only every 10 ms. Returns 1 if there was one: the wait counts as
 * interrupted then, for the caller may be about to wait for something else.
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

/* The signal mask for waiting, or NULL before wait_init(). */
const sigset_t *
wait_mask(void)
{
	return initialized ? &waiting_mask : NULL;
}

/*
 * ppoll() until the deadline. Returns the number of ready descriptors; 0 at the
 * deadline; -1 with EINTR for a signal, even if something is ready as well.
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
	/* A wait of no time lets no signal in either. */
	if (r != -1 && wait_look()) {
		errno = EINTR;
		return -1;
	}
	return r;
}

/*
 * What poll() says of one descriptor at once. A signal that comes meanwhile
 * does not count: to its caller it would look like "nothing".
 */
int
wait_poll_at_once(struct pollfd *p)
{
	int r;

	do
		r = poll(p, 1, 0);
	while (r == -1 && errno == EINTR);
	return r;
}

/* Wait until this descriptor can be read: returns as wait_poll(). */
int
wait_readable(int fd, int64_t deadline)
{
	struct pollfd p;

	p.fd = fd;
	p.events = POLLIN;
	return wait_poll(&p, 1, deadline);
}

/*
 * Wait until this descriptor takes something: returns as wait_poll(), and -1
 * with EPIPE if nobody reads what it would take.
 */
int
wait_writable(int fd, int64_t deadline)
{
	struct pollfd p;
	int r;

	p.fd = fd;
	p.events = POLLOUT;
	r = wait_poll(&p, 1, deadline);
	if (r != 1 || (p.revents & POLLERR) == 0)
		return r;
	errno = EPIPE;
	return -1;
}

/* write() all bytes, whatever signals come. -1 with errno if that fails. */
int
wait_write(int fd, const char *bytes, size_t n)
{
	ssize_t w;

	while (n > 0) {
		w = write(fd, bytes, n);
		if (w == -1 && errno != EINTR)
			return -1;
		if (w > 0) {
			bytes += w;
			n -= (size_t)w;
		}
	}
	return 0;
}

/* Wait ms milliseconds (-1: without end). -1 if a signal came before that. */
int
wait_pause(int64_t ms)
{
	return wait_poll(NULL, 0, wait_deadline(ms));
}

/* Has something run out that others may free? */
int
wait_is_waited_out(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	    error == ENOMEM || error == ETOOMANYREFS;
}

/*
 * When to try again after this error: one for which wait_is_waited_out() is
 * true, or EAGAIN for a full queue, which no event announces.
 */
int64_t
wait_again(int error)
{
	/* Descriptors in flight arrive soon, and queues soon have room. */
	if (error == ETOOMANYREFS || sys_would_block(error))
		return wait_deadline(WAIT_QUEUE);
	return wait_deadline(WAIT_SHORT);
}

/*
 * Wait until wait_again(). Returns 0; or -1 with EINTR when we have to end,
 * ETIMEDOUT at the deadline.
 */
int
wait_out(int error, int64_t deadline)
{
	wait_poll(NULL, 0, wait_earlier(wait_again(error), deadline));
	if (wait_ending() != 0)
		errno = EINTR;
	else if (wait_is_over(deadline))
		errno = ETIMEDOUT;
	else
		return 0;
	return -1;
}

/*
 * When to try again, after this many failed tries: at first soon, for the other
 * side may be about to start, then less often, so that a long wait costs
 * little.
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
 * Begin a call that blocks, so that the kernel chooses which process to wake.
 * Every signal interrupts it (EINTR), even one that came just before it, and so
 * does the deadline. Check wait_ending() before you call this.
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
	/* A signal that came before does not come again. */
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

/*
 * The timer and the action of SIGALRM belong to the whole process: one thread
 * at a time may borrow them.
 */
static pthread_mutex_t borrowing = PTHREAD_MUTEX_INITIALIZER;
/* Held while a tick is passed on: none may be after the action is restored. */
static pthread_mutex_t passing = PTHREAD_MUTEX_INITIALIZER;
static pthread_t borrower;
static int64_t first_tick; /* a signal before this is not our timer's */
static volatile sig_atomic_t is_lent;
static volatile sig_atomic_t is_passed_on; /* a tick, to the borrower */
static volatile sig_atomic_t is_foreign;   /* SIGALRM came from elsewhere */
/* SIGALRM came from elsewhere, or was a late tick for an earlier borrower. */
static volatile sig_atomic_t is_doubtful;

/*
 * The kernel may give a tick to any thread, but only the borrower may hang. A
 * thread that finds the mutex taken leaves it to the next tick. (It does not
 * hold that mutex itself: only the borrower locks it outside of this handler.)
 */
static void
on_tick(int sig, siginfo_t *info, void *context)
{
	int saved = errno;
	int is_sent = info->si_code == SI_USER || info->si_code == SI_QUEUE;
	int is_borrower = pthread_equal(pthread_self(), borrower);
	int is_early = wait_now() < first_tick;

	(void)context;
	/* Some systems say SI_USER of pthread_kill(), too. */
	if ((is_sent || (is_early && is_borrower)) &&
	    !(is_passed_on && info->si_pid == getpid())) {
		is_foreign = 1;
	} else if (is_early) {
		is_doubtful = 1;
	} else if (!is_borrower && pthread_mutex_trylock(&passing) == 0) {
		if (is_lent) {
			is_passed_on = 1;
			pthread_kill(borrower, sig);
		}
		pthread_mutex_unlock(&passing);
	}
	errno = saved;
}

static int
is_running(const struct itimerval *t)
{
	return t->it_value.tv_sec != 0 || t->it_value.tv_usec != 0;
}

/*
 * In a program that uses the library: borrow its timer and SIGALRM. Its other
 * signals are blocked for that time, so that none is taken for a tick. If
 * SIGALRM comes from elsewhere, it is raised again at the end.
 */
static void
borrow(struct wait_guard *g)
{
	struct itimerval before, ticks = {{0, TICK}, {0, FIRST_TICK}};
	struct sigaction sa;
	sigset_t others;

	sigfillset(&others);
	sigprocmask(SIG_SETMASK, &others, &g->mask);
	pthread_mutex_lock(&borrowing);
	borrower = pthread_self();
	g->is_borrowed = 1;
	is_foreign = is_doubtful = is_passed_on = 0;
	is_lent = 1;
	first_tick = wait_now() + FIRST_TICK;
	sa.sa_sigaction = on_tick;
	/* The stack of the thread that gets a tick may be too small (Go). */
	sa.sa_flags = SA_SIGINFO | SA_ONSTACK;
	sigfillset(&sa.sa_mask);
	sigaction(SIGALRM, &sa, &g->action);
	sigdelset(&others, SIGALRM);
	sigprocmask(SIG_SETMASK, &others, NULL);
	getitimer(ITIMER_REAL, &before);
	setitimer(ITIMER_REAL, &ticks, &g->timer);
	/* It had less than a microsecond left, which reads as stopped. */
	if (!is_running(&g->timer) && is_running(&before) && !is_foreign)
		g->timer.it_value.tv_usec = 1;
	/* It has expired, and begins its next interval. */
	if (!is_running(&g->timer))
		g->timer.it_value = g->timer.it_interval;
}

/*
 * The timer is stopped, but another thread may not have taken its last tick
 * yet: it would meet the action of the caller, and end the process. Give it a
 * moment; what is pending then is discarded by SIG_IGN.
 */
static void
discard_ticks(void)
{
	poll(NULL, 0, 1);
	set_action(SIGALRM, SIG_IGN, NULL);
}

static void
give_back(struct wait_guard *g)
{
	const struct itimerval off = {{0, 0}, {0, 0}};
	sigset_t pending, all;
	int sig, is_sent;

	pthread_mutex_lock(&passing);
	is_lent = 0;
	pthread_mutex_unlock(&passing);
	setitimer(ITIMER_REAL, &off, NULL);
	if (wait_now() >= first_tick)
		discard_ticks();
	sigpending(&pending);
	for (sig = 1; sig <= SIGUSR2 || sig <= SIGTERM; sig++)
		if (sigismember(&pending, sig) == 1 &&
		    sigismember(&g->mask, sig) == 0)
			g->is_signalled = 1;
	sigaction(SIGALRM, &g->action, NULL);
	/* It may expire at once. */
	if (is_running(&g->timer)) {
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		setitimer(ITIMER_REAL, &g->timer, NULL);
	}
	/* In doubt, rather call a handler once too often than end a process. */
	is_sent =
	    is_foreign || (is_doubtful && g->action.sa_handler != SIG_DFL);
	pthread_mutex_unlock(&borrowing);
	sigprocmask(SIG_SETMASK, &g->mask, NULL);
	if (is_sent)
		raise(SIGALRM);
	g->is_signalled |= is_sent;
}

/*
 * Between wait_guard_begin() and wait_guard_end(), a call returns soon that
 * closes something foreign, or lets the kernel close it, or waits for what
 * another process has taken: after 10 ms, or 1 ms each if there are many. Both
 * keep errno.
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
 * Close something foreign: a received descriptor, or a connection in whose
 * queue there may be some. Their sender may have asked that close() wait for an
 * hour until a peer has read everything. We do not wait for that; what is left
 * is sent in any case. Keeps errno.
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
