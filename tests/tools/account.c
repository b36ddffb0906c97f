/* SPDX-License-Identifier: ISC */
/*
 * account - note in FILE who runs COMMAND, then become COMMAND.
 *
 *	account FILE COMMAND [ARG...]
 *
 * Appends a line with the process id of the parent.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	char line[32];
	int fd, n;

	if (argc < 3) {
		fprintf(stderr, "usage: account FILE COMMAND [ARG...]\n");
		return 2;
	}
	fd = open(argv[1], O_WRONLY | O_APPEND | O_CREAT, 0666);
	n = snprintf(line, sizeof(line), "%ld\n", (long)getppid());
	if (fd == -1 || write(fd, line, (size_t)n) != n) {
		fprintf(stderr, "account: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	close(fd);
	execvp(argv[2], argv + 2);
	fprintf(stderr, "account: %s: %s\n", argv[2], strerror(errno));
	return 127;
}
