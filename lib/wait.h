/* SPDX-License-Identifier: ISC */
/*
 * Waiting: the clock, deadlines, the signals that end a command, and which
 * errors are waited out, and how long.
 */
#ifndef WAIT_H
#define WAIT_H

#include "sys.h"

#include <sys/time.h>

#include <stdint.h>

#define WAIT_CHILD 1 /* wait for children too */

/* How long until another try, in milliseconds. */
#define WAIT_SHORT 50 /* something has run out, until somebody lets go */
#define WAIT_QUEUE 5  /* a queue is full, and nothing tells when not */
#define WAIT_FORK 100 /* the process table is full */
#define WAIT_TRIES 40 /* what is given up at all is given up after these */

/* What wait_guard_begin() keeps for wait_guard_end(). */
struct wait_guard {
	int is_borrowed;  /* the timer and the handler are the program's */
	int is_signalled; /* at the end: a signal of the program has come */
	struct itimerval timer;
	struct sigaction action;
	sigset_t mask;
};

void wait_init(int flags);
int wait_ending(void);
int wait_endings(void);
void wait_restore(void);
void wait_disarm(void);
void wait_die(int signal);

int64_t wait_now(void);
int64_t wait_deadline(int64_t ms);
int64_t wait_earlier(int64_t a, int64_t b);
int wait_is_over(int64_t deadline);
int wait_must_end(int64_t deadline);
int wait_timeout(int64_t deadline);

int wait_poll(struct pollfd *fds, nfds_t n, int64_t deadline);
int wait_pause(int64_t ms);
int wait_out(int error, int64_t deadline);
int wait_is_waited_out(int error);
int64_t wait_backoff(unsigned tries);
int wait_look(void);
const sigset_t *wait_mask(void);

void wait_block_begin(int64_t deadline);
void wait_block_end(void);
void wait_guard_begin(struct wait_guard *guard);
void wait_guard_end(struct wait_guard *guard);
void wait_close(int fd);

#endif
