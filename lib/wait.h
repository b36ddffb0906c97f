/* SPDX-License-Identifier: ISC */
/*
 * Waiting: the clock, deadlines, signals, and which errors are waited out.
 *
 * A deadline is a moment of wait_now(), in microseconds; -1 is never. Durations
 * are in milliseconds.
 */
#ifndef WAIT_H
#define WAIT_H

#include "sys.h"

#include <sys/time.h>

#include <stdint.h>

#define WAIT_CHILD 1 /* SIGCHLD interrupts a wait, too */
#define WAIT_REAP 2  /* SIGCHLD does nothing, and waitpid() can be called */

/* Milliseconds until the next try. */
#define WAIT_SHORT 50 /* a resource has run out; somebody may free it */
#define WAIT_QUEUE 5  /* a queue is full, and no event says when it is not */
#define WAIT_FORK 100 /* the process table is full */
#define WAIT_LOOK 20  /* no event says when it is worth trying again */
#define WAIT_TRIES 40 /* the most tries, for what is given up at all */

#define WAIT_LISTEN 100  /* ms from bind() to listen(): a new socket refuses */
#define WAIT_NOTICE 3000 /* ms until a line says what a long wait is for */

/* State that wait_guard_begin() saves for wait_guard_end(). */
struct wait_guard {
	int is_borrowed;  /* the timer and the handler belong to the program */
	int is_signalled; /* set at the end: a signal of the program has come */
	struct itimerval timer;
	struct sigaction action;
	sigset_t mask;
};

void wait_init(int flags);
int wait_ending(void);
int wait_endings(void);
void wait_restore(void);
void wait_disarm(void);

int64_t wait_now(void);
int64_t wait_deadline(int64_t ms);
int64_t wait_earlier(int64_t a, int64_t b);
int wait_is_over(int64_t deadline);
int wait_must_end(int64_t deadline);
int wait_timeout(int64_t deadline);

int wait_poll(struct pollfd *fds, nfds_t n, int64_t deadline);
int wait_poll_at_once(struct pollfd *p);
int wait_readable(int fd, int64_t deadline);
int wait_writable(int fd, int64_t deadline);
int wait_write(int fd, const char *bytes, size_t n);
int wait_pause(int64_t ms);
int wait_out(int error, int64_t deadline);
int wait_is_waited_out(int error);
int64_t wait_again(int error);
int64_t wait_backoff(unsigned tries);
int wait_look(void);
const sigset_t *wait_mask(void);

void wait_block_begin(int64_t deadline);
void wait_block_end(void);
void wait_guard_begin(struct wait_guard *guard);
void wait_guard_end(struct wait_guard *guard);
void wait_close(int fd);

#endif
