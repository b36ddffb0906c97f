/* SPDX-License-Identifier: ISC */
/*
 * A mistake: a protocol begins with a line of text, and then comes a
 * descriptor. The program reads the line with stdio, whose read() takes as much
 * as there is, including the byte that the descriptor came with. With an
 * argument it reads one byte at a time.
 */
#include "pass.h"

#include <stdio.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	char line[80];
	int fd;

	(void)argv;
	if (argc > 1 && setvbuf(stdin, NULL, _IONBF, 0) != 0)
		return 1;
	if (fgets(line, sizeof line, stdin) == NULL)
		return 1;
	fputs(line, stdout);
	fd = recv_fd(STDIN_FILENO, 0);
	if (fd == -1)
		puts("and no descriptor");
	else
		printf("and descriptor %d\n", fd);
	return fd == -1;
}
