/* SPDX-License-Identifier: ISC */
/*
 * What the files of the builtin share: the request, the wait for it, and the
 * variables that receive the result.
 */
#ifndef RECVFD_H
#define RECVFD_H

#include <config.h>

#include <sys/types.h>

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <fdpass.h>

#define FIRST_FD 10 /* bash leaves lower numbers to its user */

/* The options and operands. */
struct request {
	char *name;      /* VAR */
	char *socket;    /* SOCKET, as it was written */
	char *bytes;     /* -S, or NULL */
	char *limit;     /* -t, as it was written, or NULL */
	int64_t timeout; /* the same in milliseconds, or -1 */
	int fd;          /* SOCKET is this descriptor; -1: a name */
	int all;         /* -a */
	int connect;     /* -c */
	int wait;        /* -w */
	char shown[512]; /* SOCKET for messages, escaped */
};

enum result {
	GO_ON, /* nothing yet */
	RECEIVED,
	TAKEN,
	OUT_OF_TIME,
	BROKEN, /* a trap has ended the loop around us */
	GONE,   /* a signal ends the command; the wait is freed */
	ENDED,
	FAILED
};

/* Everything that has to be closed and freed, however the wait ends. */
struct waiting {
	struct request request; /* a copy: bash may jump out of the builtin */
	int sock;    /* the listening socket, or the stream; -1: not yet */
	int is_pipe; /* SOCKET is a pipe, which carries an invitation */
	struct fdpass_invitation invitation;
	int is_own;
	int is_named; /* SOCKET is a file, to be removed */
	dev_t device;
	ino_t inode;
	int64_t deadline; /* -1: none */
	int64_t again;    /* when to connect again */
	int64_t refusing; /* since when ECONNREFUSED is retried; -1: not seen */
	int64_t notice;   /* when to report the wait; -1: never, or done */
	int is_short;     /* a resource has run out, and that was reported */
	int error;        /* errno of connect() */
	int is_received;  /* a message has come that is not answered yet */
	int sender;
	struct fdpass_receiver *receiver;
	struct fdpass_message message;
	char payload[FDPASS_MAX_PAYLOAD + 1];
};

int socket_parse(const char *operand, int *fd);
int socket_is_address(const char *operand);
struct waiting *waiting_begin(const struct request *request);
enum result waiting_step(struct waiting *w);
void waiting_wait(struct waiting *w, int (*has_signals)(void));
void waiting_pause(struct waiting *w);
int waiting_answer(struct waiting *w, char answer);
void waiting_end(void *waiting);

int variables_clear(const struct request *request);
enum result variables_take(struct waiting *w);

#endif
