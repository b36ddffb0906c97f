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
	char *bytes; /* the caller's, PART_MOST of them */
	size_t length;
	size_t sent;
	int fds[FDPASS_MAX_FDS]; /* of the first byte; part_close() closes */
	size_t count;
};

/* A UNIX socket that parts come from. */
struct source {
	int fd;
	int type;
	size_t most;   /* bytes in one part, at most */
	int has_creds; /* each message comes with credentials */
	int is_flood;  /* much was in the queue the last time */
	enum { ROOM_UNKNOWN, ROOM_PLENTY, ROOM_TIGHT } room;
};

enum part_result { PART_ERROR = -1, PART_END, PART_TAKEN };

/* The type of a connected UNIX socket that can carry a conversation, or -1. */
int part_type(int fd);

void part_source(struct source *source, int fd, int type, size_t most);

/*
 * Take the next part from source into an empty part, without blocking.
 * PART_ERROR with errno: EAGAIN if there is none; EMFILE if the descriptor
 * table has no room for its descriptors, and then it stays in the queue;
 * EBADMSG if descriptors were lost.
 */
enum part_result part_take(struct part *part, struct source *source);

/*
 * Drop an urgent byte (MSG_OOB), which would poll as readable without end
 * although there is nothing to read. Returns whether there was one.
 */
int part_drop_urgent(int fd);

/*
 * Send what is left of a part, without blocking. Returns 0 if all or some of it
 * was sent; -1 with errno if nothing was.
 */
int part_send(struct part *part, int fd, int type);

/* Close the descriptors of a part, and empty it. */
void part_close(struct part *part);

#endif
