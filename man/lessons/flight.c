/* SPDX-License-Identifier: ISC */
/*
 * Descriptors in flight are counted for each user, not for each process. It
 * sends until the limit of open files, here 20, is passed; then another process
 * of the same user cannot send its first one. (The limit does not bind root,
 * who becomes user 65534 here.)
 */
#define _POSIX_C_SOURCE 200809L
#include "pass.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <stdio.h>
#include <unistd.h>

/* Send descriptor 0 at most so many times; nobody receives it. */
static void
send_some(const char *who, int most)
{
	int pair[2], n;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1) {
		perror(who);
		return;
	}
	for (n = 0; n < most; n++)
		if (send_fd(pair[0], STDIN_FILENO) == -1) {
			fflush(stdout);
			perror(who);
			return;
		}
	printf("%s: sent all\n", who);
	fflush(stdout);
}

int
main(void)
{
	struct rlimit limit;
	pid_t child;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return 1;
	limit.rlim_cur = 20;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1 ||
	    (geteuid() == 0 && setuid(65534) == -1))
		return 1;
	send_some("one process", 100);
	child = fork();
	if (child == -1)
		return 1;
	if (child == 0) {
		send_some("another one", 1);
		_exit(0);
	}
	return waitpid(child, NULL, 0) == -1;
}
