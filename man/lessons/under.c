/* SPDX-License-Identifier: ISC */
/*
 * under NAME: show the file NAME of the directory that is descriptor 3. The
 * mistake is to believe that openat() stays in that directory.
 * under -b NAME: the same, but a name that leads out of it is refused. (Linux
 * 5.6)
 */
#define _GNU_SOURCE
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int
open_beneath(int directory, const char *name)
{
	struct open_how how = {0};

	how.flags = O_RDONLY | O_CLOEXEC;
	how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
	return (int)syscall(SYS_openat2, directory, name, &how, sizeof how);
}

int
main(int argc, char *argv[])
{
	const char *name = argv[argc - 1];
	char bytes[4096];
	ssize_t n;
	int fd;

	if (argc == 3 && strcmp(argv[1], "-b") == 0)
		fd = open_beneath(3, name);
	else
		fd = openat(3, name, O_RDONLY | O_CLOEXEC);
	if (fd == -1) {
		perror(name);
		return 1;
	}
	while ((n = read(fd, bytes, sizeof bytes)) > 0)
		if (write(STDOUT_FILENO, bytes, (size_t)n) != n)
			return 1;
	return n == -1;
}
