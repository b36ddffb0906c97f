/* SPDX-License-Identifier: ISC */
/*
 * No mistake: it opens a file with close-on-exec set, and sends it over
 * standard output. The receiver gets a new number, which does not have that
 * flag unless the receiver asks for it.
 */
#define _POSIX_C_SOURCE 200809L
#include "pass.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int
main(void)
{
	int fd = open("notes", O_RDONLY | O_CLOEXEC);

	if (fd == -1) {
		perror("notes");
		return 1;
	}
	fprintf(stderr, "sender: descriptor %d, close-on-exec is %s\n", fd,
	    fcntl(fd, F_GETFD) & FD_CLOEXEC ? "set" : "not set");
	return send_fd(STDOUT_FILENO, fd) == -1;
}
