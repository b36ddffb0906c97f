/* SPDX-License-Identifier: ISC */
/*
 * how - run COMMAND and write to FILE how it ended: "exit 0", "signal 15".
 *
 *	how FILE COMMAND [ARG...]
 *
 * A shell cannot tell an exit status of 143 from a death by SIGTERM. Signals
 * HUP, INT, TERM and USR1 are passed on to COMMAND.
 */
#define _POSIX_C_SOURCE 200809L
#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t child;

static void
pass_on(int number)
{
	if (child > 0)
		kill((pid_t)child, number);
}

int
main(int argc, char *argv[])
{
	static const int passed[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1};
	struct sigaction sa;
	sigset_t block, old;
	FILE *file;
	size_t i;
	pid_t pid;
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: how FILE COMMAND [ARG...]\n");
		return 2;
	}
	sigfillset(&block);
	sigprocmask(SIG_BLOCK, &block, &old);
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = pass_on;
	sigemptyset(&sa.sa_mask);
	pid = fork();
	if (pid == -1) {
		perror("how: fork");
		return 1;
	}
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	child = (sig_atomic_t)pid;
	for (i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		sigaction(passed[i], &sa, NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR) {
			perror("how: waitpid");
			return 1;
		}
	file = fopen(argv[1], "w");
	if (file == NULL) {
		perror(argv[1]);
		return 1;
	}
	if (WIFSIGNALED(status))
		fprintf(file, "signal %d\n", WTERMSIG(status));
	else
		fprintf(file, "exit %d\n", WEXITSTATUS(status));
	return fclose(file) == 0 ? 0 : 1;
}
