/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdrecv-landing.h"

#include "descriptors.h"
#include "info.h"
#include "say.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/*
 * Is this the reading end of a pipe of ksh93? Those are UNIX sockets, with one
 * direction shut down and the permission to write removed. Sending nothing
 * shows whether the direction is shut down, which does no harm on a stream. A
 * peer that has hung up looks the same; then nothing can be sent either.
 */
static int
is_reading_end(int fd, const struct stat *st)
{
	return (st->st_mode & 0222) == 0 &&
	    descriptor_unix_type(fd) == SOCK_STREAM &&
	    send(fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) == -1 &&
	    errno == EPIPE;
}

static int
land_one(struct landing *l, int fd, int is_connection)
{
	char type[INFO_TEXT];
	struct stat st;
	int mode;

	if (fstat(fd, &st) == -1)
		return failed("fstat");
	if (S_ISSOCK(st.st_mode) && is_connection) {
		landing_add(l, fd, STDIN_FILENO);
		if (!is_reading_end(fd, &st))
			landing_add(l, fd, STDOUT_FILENO);
		return 0;
	}
	mode = fcntl(fd, F_GETFL);
	if (mode == -1)
		return failed("fcntl");
	if ((mode & SYS_O_PATH) == 0 &&
	    (S_ISFIFO(st.st_mode) || S_ISREG(st.st_mode) ||
		S_ISCHR(st.st_mode))) {
		landing_add(l, fd,
		    (mode & O_ACCMODE) == O_WRONLY ? STDOUT_FILENO :
						     STDIN_FILENO);
		return 0;
	}
	info_type(type, sizeof type, fd);
	return failed_because(
	    EINVAL, "refused a descriptor: %s; name its number with -f", type);
}

/*
 * Fill l from a message: its descriptors go to the count numbers in targets.
 * With count 0, one descriptor goes to standard input, standard output or both,
 * by its kind; or if all is set, all of them go to the numbers from 3 up.
 * Returns 0; or -1 and the failure if the message has another number or kind of
 * descriptors.
 */
int
landing_message(struct landing *l, const struct fdpass_message *m,
    int is_connection, const int *targets, size_t count, int all)
{
	size_t i, wanted = count > 0 ? count : 1;

	l->count = 0;
	if (!all && m->count != wanted)
		return failed_because(EINVAL,
		    "refused a message of %zu %s, expected %zu", m->count,
		    m->count == 1 ? "descriptor" : "descriptors", wanted);
	if (count == 0 && !all)
		return land_one(l, m->fds[0], is_connection);
	for (i = 0; i < m->count; i++)
		landing_add(
		    l, m->fds[i], all ? LANDING_FIRST + (int)i : targets[i]);
	return 0;
}
