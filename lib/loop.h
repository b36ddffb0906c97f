/* SPDX-License-Identifier: ISC */
/*
 * Waiting for many descriptors: epoll if the system has it, else poll().
 */
#ifndef LOOP_H
#define LOOP_H

#include "sys.h"

#include <stdint.h>

#define LOOP_READ 1
#define LOOP_WRITE 2
#define LOOP_SHARED 4 /* other processes wait for it too: wake one */
#define LOOP_ERROR 8  /* reported only, never asked for */

#define LOOP_EVENTS 64

struct loop_event {
	void *data;
	int ready; /* LOOP_READ, LOOP_WRITE; both after a hang-up or error */
};

#ifdef SYS_LINUX
struct loop {
	int fd;
};
#else
struct loop {
	struct pollfd *fds;
	void **data;
	size_t count;
	size_t room;
	size_t next; /* where the next wait begins to look, to be fair */
};
#endif

int loop_init(struct loop *l);
int loop_add(struct loop *l, int fd, int events, void *data);
int loop_change(struct loop *l, int fd, int events, void *data);
void loop_remove(struct loop *l, int fd);
int loop_wait(
    struct loop *l, struct loop_event *events, int most, int64_t deadline);
void loop_end(struct loop *l);

#endif
