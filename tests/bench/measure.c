/* SPDX-License-Identifier: ISC */
/*
 * measure: run COMMAND and tell what it and all its descendants cost.
 *
 * usage: measure [-s] file command [argument...]
 *
 * It runs in a session of its own. When COMMAND has ended, on SIGTERM, SIGINT
 * or SIGHUP, or after 30 seconds, which is a failure, every descendant that is
 * left is ended, and only those. Then one line is written to FILE:
 *
 *   wall_us=N cpu_us=N all_kb=N one_kb=N
 *
 * cpu_us is the processor time of all of them. all_kb is the most memory that
 * they had together (the sum of their proportional set sizes), one_kb the
 * largest resident set of one of them, both as seen just before the end, and
 * with -s every 50 ms, which takes its time; 0 where the system does not tell.
 */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE

#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#define LIMIT 30000  /* ms that COMMAND may take */
#define SAMPLE 50    /* ms between two looks at the memory */
#define PATIENCE 400 /* ms after SIGTERM before SIGKILL */
#define MOST 4096    /* descendants */

static pid_t family[MOST];
static size_t n_family;
static long all_kb, one_kb;

static long
microseconds(struct timeval t)
{
	return (long)t.tv_sec * 1000000 + (long)t.tv_usec;
}

static long
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Wait for a signal, so many milliseconds at most: which one, or -1. */
static int
wait_signal(const sigset_t *set, long ms)
{
	struct timespec t;

	t.tv_sec = 0;
	t.tv_nsec = ms * 1000000;
	return sigtimedwait(set, NULL, &t);
}

/* The children of a process, and theirs, and so on, into family[]. */
static void
find_family(pid_t parent)
{
	char path[64];
	size_t i = n_family, end;
	long pid;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)parent,
	    (long)parent);
	f = fopen(path, "r");
	if (f == NULL)
		return;
	while (n_family < MOST && fscanf(f, "%ld", &pid) == 1)
		family[n_family++] = (pid_t)pid;
	fclose(f);
	for (end = n_family; i < end; i++)
		find_family(family[i]);
}

static void
sample_memory(void)
{
	char path[64], line[128];
	long pss, rss, sum = 0;
	size_t i;
	FILE *f;

	n_family = 0;
	find_family(getpid());
	for (i = 0; i < n_family; i++) {
		snprintf(path, sizeof path, "/proc/%ld/smaps_rollup",
		    (long)family[i]);
		f = fopen(path, "r");
		if (f == NULL)
			continue;
		while (fgets(line, sizeof line, f) != NULL) {
			if (sscanf(line, "Rss: %ld", &rss) == 1 && rss > one_kb)
				one_kb = rss;
			if (sscanf(line, "Pss: %ld", &pss) == 1)
				sum += pss;
		}
		fclose(f);
	}
	if (sum > all_kb)
		all_kb = sum;
}

static void
end_family(int sig)
{
	size_t i;

	n_family = 0;
	find_family(getpid());
	for (i = 0; i < n_family; i++)
		kill(family[i], sig);
}

/* Collect those that have ended: 0 when there are no more. */
static int
collect(pid_t child, int *has_ended)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		if (pid == child)
			*has_ended = 1;
	return pid == 0;
}

static pid_t
start(char *argv[], const sigset_t *mask)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	/* As a service is: some kernels share processors out by session. */
	setsid();
	signal(SIGINT, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	fprintf(stderr, "measure: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

int
main(int argc, char *argv[])
{
	struct rusage used;
	sigset_t ours, callers;
	long began, ended, sampled;
	int has_ended = 0, sampling, sig = 0;
	pid_t child;
	FILE *f;

	sampling = argc > 1 && strcmp(argv[1], "-s") == 0;
	argc -= sampling;
	argv += sampling;
	if (argc < 3) {
		fprintf(
		    stderr, "usage: measure [-s] file command [argument...]\n");
		return 2;
	}
	f = fopen(argv[1], "w");
	if (f == NULL) {
		perror(argv[1]);
		return 1;
	}
	sigemptyset(&ours);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGHUP);
	sigaddset(&ours, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ours, &callers);
#ifdef __linux__
	/* Those that lose their parent become ours; we end with our own. */
	prctl(PR_SET_CHILD_SUBREAPER, 1L);
	prctl(PR_SET_PDEATHSIG, (long)SIGTERM);
#endif
	began = sampled = now_us();
	child = start(argv + 2, &callers);
	if (child == -1) {
		perror("fork");
		fclose(f);
		return 1;
	}
	while (!has_ended && (sig == 0 || sig == SIGCHLD || sig == -1) &&
	    now_us() - began < LIMIT * 1000L) {
		sig = wait_signal(&ours, SAMPLE);
		collect(child, &has_ended);
		if (sampling && !has_ended &&
		    now_us() - sampled >= SAMPLE * 1000) {
			sample_memory();
			sampled = now_us();
		}
	}
	ended = now_us();
	sample_memory();
	end_family(SIGTERM);
	while (collect(child, &has_ended)) {
		if (now_us() - ended >= PATIENCE * 1000)
			end_family(SIGKILL);
		wait_signal(&ours, 10);
	}
	getrusage(RUSAGE_CHILDREN, &used);
	fprintf(f, "wall_us=%ld cpu_us=%ld all_kb=%ld one_kb=%ld\n",
	    ended - began,
	    microseconds(used.ru_utime) + microseconds(used.ru_stime), all_kb,
	    one_kb);
	return fclose(f) == EOF || ended - began >= LIMIT * 1000L;
}
