/* SPDX-License-Identifier: ISC */
/*
 * Three kinds of locks on a file called lock. The descriptor is passed to
 * another process and closed here: is the file still locked?
 *
 * With an argument, the mistake: the descriptor stays open, but the same file
 * is opened and closed once more, as any library function may do.
 */
#define _GNU_SOURCE
#include "pass.h"

#include <sys/file.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum kind { FLOCK, POSIX, OFD };
static const char *const names[] = {"flock", "POSIX", "OFD"};

static int
take(enum kind kind, int fd)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (kind == FLOCK)
		return flock(fd, LOCK_EX | LOCK_NB);
	return fcntl(fd, kind == POSIX ? F_SETLK : F_OFD_SETLK, &all);
}

/* Whether another process, which opens the file itself, gets no lock. */
static int
is_locked(enum kind kind)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0)
		_exit(take(kind, open("lock", O_RDWR)) == -1);
	return child != -1 && waitpid(child, &status, 0) == child &&
	    status != 0;
}

/* Send fd to a new process, which keeps it until worker[0] is closed. */
static int
pass_on(int worker[2], int fd)
{
	pid_t child = fork();
	char byte;

	if (child == 0) {
		close(worker[0]);
		close(fd); /* keep only the copy that comes in the message */
		if (recv_fd(worker[1], 0) == -1)
			_exit(1);
		_exit(read(worker[1], &byte, 1) != 0);
	}
	if (child == -1 || send_fd(worker[0], fd) == -1)
		return -1;
	return close(fd);
}

int
main(int argc, char *argv[])
{
	int fd, worker[2];
	enum kind kind;

	(void)argv;
	for (kind = FLOCK; kind <= OFD; kind++) {
		fd = open("lock", O_RDWR | O_CREAT, 0600);
		if (fd == -1 || take(kind, fd) == -1 ||
		    socketpair(AF_UNIX, SOCK_STREAM, 0, worker) == -1)
			return 1;
		if (argc > 1)
			close(open("lock", O_RDONLY));
		else if (pass_on(worker, fd) == -1)
			return 1;
		printf("%-5s %s\n", names[kind],
		    is_locked(kind) ? "locked" : "free");
		fflush(stdout);
		if (argc > 1)
			close(fd);
		close(worker[0]);
		close(worker[1]);
		while (wait(NULL) > 0)
			;
	}
	return unlink("lock");
}
