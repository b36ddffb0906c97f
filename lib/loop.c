/* SPDX-License-Identifier: ISC */
#include "loop.h"

#include "wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef SYS_LINUX
#include <sys/epoll.h>

#include <unistd.h>

int
loop_init(struct loop *l)
{
	l->fd = epoll_create1(EPOLL_CLOEXEC);
	return l->fd == -1 ? -1 : 0;
}

static int
control(struct loop *l, int operation, int fd, int events, void *data)
{
	struct epoll_event e;

	memset(&e, 0, sizeof e);
	if (events & LOOP_READ)
		e.events |= EPOLLIN;
	if (events & LOOP_WRITE)
		e.events |= EPOLLOUT;
	if (events & LOOP_SHARED)
		e.events |= EPOLLEXCLUSIVE;
	e.data.ptr = data;
	return epoll_ctl(l->fd, operation, fd, &e);
}

int
loop_add(struct loop *l, int fd, int events, void *data)
{
	return control(l, EPOLL_CTL_ADD, fd, events, data);
}

int
loop_change(struct loop *l, int fd, int events, void *data)
{
	return control(l, EPOLL_CTL_MOD, fd, events, data);
}

/*
 * Call it before the descriptor is closed: if another process keeps it open,
 * close() alone does not remove it.
 */
void
loop_remove(struct loop *l, int fd)
{
	control(l, EPOLL_CTL_DEL, fd, 0, NULL);
}

void
loop_end(struct loop *l)
{
	close(l->fd);
}

/*
 * As wait_poll(): returns the number of events, most or LOOP_EVENTS at most, 0
 * at the deadline, -1 for a signal.
 */
int
loop_wait(struct loop *l, struct loop_event *events, int most, int64_t deadline)
{
	struct epoll_event e[LOOP_EVENTS];
	const uint32_t bad = EPOLLHUP | EPOLLERR;
	int i, n;

	n = epoll_pwait(l->fd, e, most, wait_timeout(deadline), wait_mask());
	if (n > 0 && wait_look()) {
		errno = EINTR;
		return -1;
	}
	for (i = 0; i < n; i++) {
		events[i].data = e[i].data.ptr;
		events[i].ready = 0;
		if (e[i].events & (EPOLLIN | bad))
			events[i].ready |= LOOP_READ;
		if (e[i].events & (EPOLLOUT | bad))
			events[i].ready |= LOOP_WRITE;
		if (e[i].events & EPOLLERR)
			events[i].ready |= LOOP_ERROR;
	}
	return n;
}

#else

int
loop_init(struct loop *l)
{
	memset(l, 0, sizeof *l);
	return 0;
}

static short
poll_events(int events)
{
	return (short)((events & LOOP_READ ? POLLIN : 0) |
	    (events & LOOP_WRITE ? POLLOUT : 0));
}

int
loop_add(struct loop *l, int fd, int events, void *data)
{
	size_t room = l->room == 0 ? 64 : l->room * 2;
	struct pollfd *fds;
	void **more;

	if (l->count == l->room) {
		fds = realloc(l->fds, room * sizeof *fds);
		if (fds == NULL)
			return -1;
		l->fds = fds;
		more = realloc(l->data, room * sizeof *more);
		if (more == NULL)
			return -1;
		l->data = more;
		l->room = room;
	}
	l->fds[l->count].fd = fd;
	l->fds[l->count].events = poll_events(events);
	l->fds[l->count].revents = 0;
	l->data[l->count] = data;
	l->count++;
	return 0;
}

static size_t
find(const struct loop *l, int fd)
{
	size_t i = 0;

	while (i < l->count && l->fds[i].fd != fd)
		i++;
	return i;
}

int
loop_change(struct loop *l, int fd, int events, void *data)
{
	size_t i = find(l, fd);

	if (i == l->count) {
		errno = ENOENT;
		return -1;
	}
	l->fds[i].events = poll_events(events);
	l->data[i] = data;
	return 0;
}

void
loop_remove(struct loop *l, int fd)
{
	size_t i = find(l, fd);

	if (i == l->count)
		return;
	l->count--;
	l->fds[i] = l->fds[l->count];
	l->data[i] = l->data[l->count];
}

void
loop_end(struct loop *l)
{
	free(l->fds);
	free(l->data);
	memset(l, 0, sizeof *l);
}

int
loop_wait(struct loop *l, struct loop_event *events, int most, int64_t deadline)
{
	const short bad = POLLHUP | POLLERR | POLLNVAL;
	size_t i, at;
	int n = 0, r;

	r = wait_poll(l->fds, l->count, deadline);
	if (r <= 0)
		return r;
	for (i = 0; i < l->count && n < most; i++) {
		at = (l->next + i) % l->count;
		if (l->fds[at].revents == 0)
			continue;
		events[n].data = l->data[at];
		events[n].ready = 0;
		if (l->fds[at].revents & (POLLIN | bad))
			events[n].ready |= LOOP_READ;
		if (l->fds[at].revents & (POLLOUT | bad))
			events[n].ready |= LOOP_WRITE;
		if (l->fds[at].revents & POLLERR)
			events[n].ready |= LOOP_ERROR;
		n++;
	}
	l->next = l->count > 0 ? (l->next + i) % l->count : 0;
	return n;
}
#endif
