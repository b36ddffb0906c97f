/* SPDX-License-Identifier: ISC */
/*
 * A signal that comes between the check of a flag and a blocking call is lost
 * on the call. Two ways round it:
 *
 * signals_wait() keeps the signals blocked but while it is in ppoll(), and
 * what ppoll() announced is taken with a call that cannot block.
 *
 * Where many processes share a socket, poll() would wake them all and a
 * blocking call is better: the kernel wakes one. signals_guard() names the
 * descriptor that the call blocks on, and lets the signals in. Their handler
 * puts /dev/null in the descriptor's place. So a call under way is
 * interrupted, a later one fails at once with ENOTSOCK, and one that had
 * already succeeded keeps its result.
 */
#include "signals.h"

#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <unistd.h>

#define TWICE 500        /* ms between two signals that are meant as two */
#define FIRST_RETRY 250  /* us */
#define LAST_RETRY 20000 /* us */

static const int ending_signals[] = {SIGTERM, SIGINT, SIGHUP};
#define N_ENDING (sizeof ending_signals / sizeof ending_signals[0])

static volatile sig_atomic_t ending;
static volatile sig_atomic_t endings;
static volatile sig_atomic_t timed_out;
static volatile sig_atomic_t guarded = -1;
static int null_fd = -1;
static sigset_t caught; /* what we block, and let in while we wait */
static sigset_t callers_mask, waiting_mask;
static int initialized;

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
	if (endings > 0 && (signals_now() < next || endings > 100))
		return;
	endings++;
	next = signals_deadline(TWICE);
}

static void
on_signal(int sig)
{
	int saved = errno;

	if (sig == SIGALRM)
		timed_out = 1;
	else if (sig != SIGCHLD)
		note_ending(sig);
	if (sig != SIGCHLD && guarded >= 0)
		dup2(null_fd, (int)guarded);
	sys_ppoll_wake();
	errno = saved;
}

static void
catch_signal(int sig)
{
	struct sigaction sa;

	/* No SA_RESTART: a blocking call has to come back. */
	sa.sa_handler = on_signal;
	sa.sa_flags = 0;
	sigfillset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
}

static void
set_disposition(int sig, void (*handler)(int))
{
	struct sigaction sa;

	sa.sa_handler = handler;
	sa.sa_flags = 0;
	sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
}

static int
is_ignored(int sig)
{
	struct sigaction sa;

	return sigaction(sig, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN;
}

/*
 * Block and catch SIGTERM, SIGINT and SIGHUP, but for those that the caller
 * ignores (nohup, a background job's SIGINT), and SIGCHLD if asked.
 */
void
signals_init(int flags)
{
	size_t i;

	if (!initialized)
		sigprocmask(SIG_SETMASK, NULL, &callers_mask);
	initialized = 1;
	waiting_mask = callers_mask;
	sigemptyset(&caught);
	for (i = 0; i < N_ENDING; i++) {
		if (is_ignored(ending_signals[i]))
			continue;
		sigaddset(&caught, ending_signals[i]);
	}
	/* An inherited SIG_IGN would make waitpid() fail. */
	set_disposition(SIGCHLD, SIG_DFL);
	if (flags & SIGNALS_CHILD) {
		sigaddset(&caught, SIGCHLD);
		sigdelset(&waiting_mask, SIGCHLD);
	}
	/* A closed pipe is an error like others, there may be files to remove.
	 */
	set_disposition(SIGPIPE, SIG_IGN);
	sigaddset(&caught, SIGALRM);
	sigdelset(&waiting_mask, SIGALRM);
	sigprocmask(SIG_BLOCK, &caught, NULL);
	for (i = 0; i < N_ENDING; i++)
		if (sigismember(&caught, ending_signals[i]))
			catch_signal(ending_signals[i]);
	catch_signal(SIGALRM);
	if (flags & SIGNALS_CHILD)
		catch_signal(SIGCHLD);
}

/* The signal that asked us to end, or 0. */
int
signals_ending(void)
{
	return (int)ending;
}

/* How often: who asks a second time does not want to wait any more. */
int
signals_count(void)
{
	return (int)endings;
}

/* signals_timer() ran out. */
int
signals_timed_out(void)
{
	return (int)timed_out;
}

/* Let the signals in; the ending ones replace fd, if any, by /dev/null. */
void
signals_guard(int fd)
{
	if (null_fd == -1 && fd != -1)
		null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	guarded = fd;
	sigprocmask(SIG_SETMASK, &waiting_mask, NULL);
}

void
signals_unguard(void)
{
	sigprocmask(SIG_BLOCK, &caught, NULL);
	guarded = -1;
}

/* SIGALRM after so many milliseconds; 0 stops it. */
void
signals_timer(int64_t ms)
{
	struct itimerval t = {{0, 0}, {0, 0}};

	timed_out = 0;
	t.it_value.tv_sec = (time_t)(ms / 1000);
	t.it_value.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	/* Should the handler have run just before the call, it runs again. */
	t.it_interval.tv_usec = ms > 0 ? 50000 : 0;
	setitimer(ITIMER_REAL, &t, NULL);
	/* One that has come, but was not let in, must not kill COMMAND. */
	if (ms == 0) {
		set_disposition(SIGALRM, SIG_IGN);
		catch_signal(SIGALRM);
		timed_out = 0;
	}
}

/*
 * As COMMAND expects it: SIGPIPE and SIGCHLD at their defaults, no handler of
 * ours, the caller's signal mask. Safe between vfork() and exec.
 */
void
signals_restore(void)
{
	size_t i;

	set_disposition(SIGPIPE, SIG_DFL);
	set_disposition(SIGCHLD, SIG_DFL);
	if (!initialized)
		return;
	for (i = 0; i < N_ENDING; i++)
		if (sigismember(&caught, ending_signals[i]))
			set_disposition(ending_signals[i], SIG_DFL);
	set_disposition(SIGALRM, SIG_DFL);
	sigprocmask(SIG_SETMASK, &callers_mask, NULL);
}

/* End by this signal, so that whoever waits for us sees it. */
void
signals_die(int sig)
{
	sigset_t only;

	set_disposition(sig, SIG_DFL);
	sigemptyset(&only);
	sigaddset(&only, sig);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	raise(sig);
	_exit(128 + sig);
}

/* Microseconds of a clock that nobody sets. */
int64_t
signals_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The moment after so many milliseconds; -1, never, stays -1. */
int64_t
signals_deadline(int64_t ms)
{
	return ms < 0 ? -1 : signals_now() + ms * 1000;
}

/* The earlier of two deadlines. */
int64_t
signals_earlier(int64_t a, int64_t b)
{
	if (a == -1 || b == -1)
		return a == -1 ? b : a;
	return a < b ? a : b;
}

/*
 * ppoll() until the deadline (-1: for ever). Returns the number of ready
 * descriptors, 0 when the time is over, -1 with EINTR for a signal.
 */
int
signals_wait(struct pollfd *fds, nfds_t n, int64_t deadline)
{
	struct timespec t;
	int64_t left;

	if (deadline < 0)
		return sys_ppoll(
		    fds, n, NULL, initialized ? &waiting_mask : NULL);
	left = deadline - signals_now();
	if (left < 0)
		left = 0;
	t.tv_sec = (time_t)(left / 1000000);
	t.tv_nsec = (long)(left % 1000000 * 1000);
	return sys_ppoll(fds, n, &t, initialized ? &waiting_mask : NULL);
}

/* Wait so many milliseconds, less if a signal comes: -1 then. */
int
signals_pause(int64_t ms)
{
	return signals_wait(NULL, 0, signals_deadline(ms));
}

/*
 * The moment of the next try, after so many in vain: who is about to start is
 * found at once, and to wait long for somebody costs next to nothing.
 */
int64_t
signals_backoff(unsigned tries)
{
	int64_t us = LAST_RETRY;

	if (tries < 6 && (FIRST_RETRY << tries) < LAST_RETRY)
		us = FIRST_RETRY << tries;
	return signals_now() + us;
}

/* Milliseconds until the deadline, for poll(); -1 for ever. */
int
signals_timeout(int64_t deadline)
{
	int64_t left;

	if (deadline < 0)
		return -1;
	left = (deadline - signals_now() + 999) / 1000;
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* The signal mask while waiting. */
const sigset_t *
signals_mask(void)
{
	return initialized ? &waiting_mask : NULL;
}
