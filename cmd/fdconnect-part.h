/* SPDX-License-Identifier: ISC */
/*
 * Parts of a conversation over UNIX sockets: bytes, and the descriptors that
 * were sent with them.
 */
#ifndef FDCONNECT_PART_H
#define FDCONNECT_PART_H

#include "sys.h"

#include "fdpass.h"

/* More bytes than one part of a stream, or one message, usually has. */
#define PART_MOST (256 * 1024)

struct part {
	char *bytes; /* PART_MOST of them */
	size_t length;
	size_t sent;
	int fds[FDPASS_MAX_FDS]; /* they belong to the first byte not sent */
	size_t count;
};

/* Where parts come from. */
struct source {
	int fd;
	int type;
	size_t most;   /* bytes in one part */
	int has_creds; /* each message comes with credentials */
	int is_flood;  /* much waits in the queue, usually */
	enum { ROOM_UNKNOWN, ROOM_PLENTY, ROOM_TIGHT } room;
};

enum part_result { PART_ERROR = -1, PART_END, PART_TAKEN };

/* The type of a connected UNIX socket that can carry a conversation, or -1. */
int part_type(int fd);

void part_source(struct source *source, int fd, int type, size_t most);

/*
 * Take the next part from source, without blocking, into an empty part. -1
 * with EAGAIN if there is none, and with EMFILE, nothing being lost, if the
 * descriptor table has no room for its descriptors.
 */
enum part_result part_take(struct part *part, struct source *source);

/*
 * An urgent byte (MSG_OOB) polls as readable for ever, though there is nothing
 * to be read. Returns whether there was one; it is not passed on.
 */
int part_drop_urgent(int fd);

/*
 * Send what is left of a part, without blocking. 0 if that is all of it or a
 * beginning; -1 with errno, and then nothing was sent.
 */
int part_send(struct part *part, int fd, int type);

/* The part is done with: close its descriptors. */
void part_close(struct part *part);

#endif
