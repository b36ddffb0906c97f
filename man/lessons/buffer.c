/* SPDX-License-Identifier: ISC */
/*
 * A buffer in memory is passed, and the receiver maps it; then the sender makes
 * it shorter. The mistake is to map it without looking at its seals.
 *
 * buffer [seal] [look]: the sender seals it; the receiver looks, and refuses
 * what is not sealed. (Linux)
 */
#define _GNU_SOURCE
#include "pass.h"

#include <sys/mman.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int
receiver(int sock, int look)
{
	int fd = recv_fd(sock, 0);
	char byte, *text;

	if (fd == -1)
		return 1;
	if (look && (fcntl(fd, F_GET_SEALS) & SEALS) != SEALS) {
		puts("receiver: not sealed, refused");
		return 1;
	}
	text = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (text == MAP_FAILED)
		return 1;
	/* Say that it is mapped; then wait until the sender has tried. */
	if (write(sock, "", 1) != 1 || read(sock, &byte, 1) != 1)
		return 1;
	printf("receiver: %s\n", text);
	return 0;
}

int
main(int argc, char *argv[])
{
	int seal = 0, look = 0, fd, pair[2], status;
	char byte;
	pid_t child;

	while (--argc > 0) {
		seal |= argv[argc][0] == 's';
		look |= argv[argc][0] == 'l';
	}
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1 ||
	    (child = fork()) == -1)
		return 1;
	if (child == 0) {
		close(pair[0]);
		status = receiver(pair[1], look);
		fflush(stdout);
		_exit(status);
	}
	close(pair[1]);
	fd = memfd_create("buffer", MFD_ALLOW_SEALING);
	if (fd == -1 || ftruncate(fd, 4096) == -1 ||
	    write(fd, "hello", 5) != 5 ||
	    (seal && fcntl(fd, F_ADD_SEALS, SEALS) == -1) ||
	    send_fd(pair[0], fd) == -1)
		return 1;
	if (read(pair[0], &byte, 1) == 1) {
		if (ftruncate(fd, 0) == -1)
			perror("sender: ftruncate");
		if (write(pair[0], "", 1) != 1)
			return 1;
	}
	if (waitpid(child, &status, 0) == -1)
		return 1;
	if (WIFSIGNALED(status))
		printf("receiver: ended by %s\n",
		    WTERMSIG(status) == SIGBUS ? "SIGBUS" : "a signal");
	return status != 0;
}
