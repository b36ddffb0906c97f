/* SPDX-License-Identifier: ISC */
/*
 * race - start COUNT copies of COMMAND at the same moment.
 *
 *	race COUNT COMMAND [ARG...]
 *
 * Waits until all copies but one have ended, prints how many ended with
 * which status ("status 1: 19") and which one is left ("left PID"), waits
 * for that one too.
 */
#define _POSIX_C_SOURCE 200809L
#include <sys/types.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST 100

int
main(int argc, char *argv[])
{
	int ended[256], gate[2], count, i, n, status;
	pid_t pids[MOST], pid;
	char byte;

	if (argc < 3 || (count = atoi(argv[1])) < 2 || count > MOST) {
		fprintf(stderr, "usage: race COUNT COMMAND [ARG...]\n");
		return 2;
	}
	if (pipe(gate) == -1) {
		perror("race: pipe");
		return 1;
	}
	fcntl(gate[0], F_SETFD, FD_CLOEXEC);
	fcntl(gate[1], F_SETFD, FD_CLOEXEC);
	for (i = 0; i < count; i++) {
		pids[i] = fork();
		if (pids[i] == -1) {
			perror("race: fork");
			return 1;
		}
		if (pids[i] == 0) {
			/* End of file opens the gate for all. */
			close(gate[1]);
			if (read(gate[0], &byte, 1) == -1)
				_exit(127);
			execvp(argv[2], argv + 2);
			_exit(127);
		}
	}
	close(gate[0]);
	close(gate[1]);
	memset(ended, 0, sizeof(ended));
	for (n = 0; n < count - 1; n++) {
		pid = wait(&status);
		if (pid == -1) {
			perror("race: wait");
			return 1;
		}
		ended[WIFEXITED(status) ? WEXITSTATUS(status) :
					  128 + WTERMSIG(status)]++;
		for (i = 0; i < count; i++)
			if (pids[i] == pid)
				pids[i] = 0;
	}
	for (i = 0; i < 256; i++)
		if (ended[i] > 0)
			printf("status %d: %d\n", i, ended[i]);
	for (i = 0; i < count; i++)
		if (pids[i] != 0)
			printf("left %ld\n", (long)pids[i]);
	fflush(stdout);
	wait(NULL);
	return 0;
}
