/* SPDX-License-Identifier: ISC */
/*
 * A mistake: a process forks another that writes to it through a pair of
 * sockets, and keeps a copy of the other's end. So it waits for an end of file
 * that cannot come while it holds that copy. With an argument it closes that
 * copy.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <stdio.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	char bytes[64];
	int pair[2];
	pid_t child;
	ssize_t n;

	(void)argv;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1 ||
	    (child = fork()) == -1)
		return 1;
	if (child == 0) {
		close(pair[0]);
		n = write(pair[1], "hello\n", 6);
		return n != 6; /* ending closes its copy of pair[1] */
	}
	waitpid(child, NULL, 0);
	if (argc > 1)
		close(pair[1]); /* this must not be forgotten */
	while ((n = read(pair[0], bytes, sizeof bytes)) > 0) {
		printf("%ld bytes\n", (long)n);
		fflush(stdout);
	}
	puts("end of file");
	return 0;
}
