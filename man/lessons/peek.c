/* SPDX-License-Identifier: ISC */
/*
 * A mistake: it looks at a message three times with MSG_PEEK before it takes
 * it. Each look has made a duplicate of the descriptor, which the program does
 * not close unless it has an argument. It receives on descriptor 0, and then
 * shows what it has open.
 */
#include "pass.h"

#include <stdio.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	int i, fd;

	(void)argv;
	for (i = 0; i < 3; i++) {
		fd = recv_fd(STDIN_FILENO, MSG_PEEK);
		if (fd == -1)
			return 1;
		if (argc > 1)
			close(fd);
	}
	fd = recv_fd(STDIN_FILENO, 0);
	if (fd == -1)
		return 1;
	printf("received descriptor %d\n", fd);
	fflush(stdout);
	execlp("fdinfo", "fdinfo", "3", "4", "5", "6", (char *)NULL);
	return 1;
}
