/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "landing.h"

#include "diag.h"
#include "info.h"
#include "stream.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/*
 * A connected socket, also one whose peer has reset it in the meantime: that
 * has lost its peer's name, but can be read, which one never connected cannot.
 */
int
landing_is_connection(int fd)
{
	struct sockaddr_storage ss;
	socklen_t length = sizeof ss;
	struct pollfd p;
	int listening = 0;

	if (getpeername(fd, (struct sockaddr *)&ss, &length) == 0)
		return 1;
	if (errno != ENOTCONN && errno != EINVAL)
		return 0;
	length = sizeof listening;
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) ==
		-1 ||
	    listening)
		return 0;
	/* A datagram may have come to one that was never connected. */
	if (stream_socket_type(fd) == SOCK_DGRAM)
		return 0;
	p.fd = fd;
	p.events = POLLIN;
	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0;
}

/*
 * ksh93 makes its pipes of UNIX sockets: it shuts one direction down and takes
 * the right to write away. Sending nothing tells, on a stream, where it does no
 * harm; but to a peer that has hung up nothing can be sent either.
 */
static int
is_reading_end(int fd, const struct stat *st)
{
	return (st->st_mode & 0222) == 0 && stream_type(fd) == SOCK_STREAM &&
	    send(fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) == -1 &&
	    errno == EPIPE;
}

static int
land_one(struct landing *l, int fd)
{
	char type[INFO_TEXT];
	struct stat st;
	int mode;

	if (fstat(fd, &st) == -1)
		return failed("fstat");
	if (S_ISSOCK(st.st_mode) && landing_is_connection(fd)) {
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
 * Fill l from a message: the count descriptors go to targets[]; without any,
 * one descriptor goes where it fits, or with all each from 3 up, if there are
 * any. -1 and the reason if that many or that kind were not asked for.
 */
int
landing_message(struct landing *l, const struct fdpass_message *m,
    const int *targets, size_t count, int all)
{
	size_t i, wanted = count > 0 ? count : 1;

	l->count = 0;
	if (!all && m->count != wanted)
		return failed_because(EINVAL,
		    "refused a message of %zu %s, expected %zu", m->count,
		    m->count == 1 ? "descriptor" : "descriptors", wanted);
	if (count == 0 && !all)
		return land_one(l, m->fds[0]);
	for (i = 0; i < m->count; i++)
		landing_add(
		    l, m->fds[i], all ? LANDING_FIRST + (int)i : targets[i]);
	return 0;
}
