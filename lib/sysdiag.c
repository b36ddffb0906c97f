/* SPDX-License-Identifier: ISC */
/*
 * What only the kernel's table of sockets tells (Linux): the other end of a
 * UNIX socket. sock_diag(7).
 */
#include "sys.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#ifdef SYS_LINUX
/*
 * The layout of the messages, which is the kernel's and stays: musl comes
 * without linux/netlink.h and linux/unix_diag.h.
 */
enum {
	PROTOCOL = 4,   /* NETLINK_SOCK_DIAG */
	BY_FAMILY = 20, /* SOCK_DIAG_BY_FAMILY */
	REQUEST = 1,    /* NLM_F_REQUEST */
	SHOW_PEER = 4,  /* UDIAG_SHOW_PEER */
	PEER = 2        /* UNIX_DIAG_PEER */
};

struct header {
	uint32_t length;
	uint16_t type;
	uint16_t flags;
	uint32_t sequence;
	uint32_t port;
};

struct request {
	struct header header;
	uint8_t family;
	uint8_t protocol;
	uint16_t pad;
	uint32_t states;
	uint32_t inode;
	uint32_t show;
	uint32_t cookie[2];
};

struct answer {
	struct header header;
	uint8_t family;
	uint8_t type;
	uint8_t state;
	uint8_t pad;
	uint32_t inode;
	uint32_t cookie[2];
};

struct attribute {
	uint16_t length;
	uint16_t type;
	uint32_t value;
};

/* The peer's inode in an answer of n bytes about this inode, or 0. */
static unsigned long
peer_in(const char *bytes, size_t n, uint32_t inode)
{
	struct attribute attribute;
	struct answer answer;
	size_t at = sizeof answer;

	if (n < sizeof answer)
		return 0;
	memcpy(&answer, bytes, sizeof answer);
	if (answer.header.type != BY_FAMILY || answer.inode != inode)
		return 0;
	while (n - at >= sizeof attribute) {
		memcpy(&attribute, bytes + at, sizeof attribute);
		if (attribute.type == PEER &&
		    attribute.length == sizeof attribute)
			return attribute.value;
		/* Each begins at a multiple of four. */
		if (attribute.length < 4 || attribute.length > n - at)
			return 0;
		at += (attribute.length + 3u) & ~3u;
		if (at > n)
			return 0;
	}
	return 0;
}

/* The answer is there when send() returns: the kernel does not put it off. */
static unsigned long
ask(int s, uint32_t inode)
{
	struct request request;
	char answer[512];
	ssize_t n;

	memset(&request, 0, sizeof request);
	request.header.length = sizeof request;
	request.header.type = BY_FAMILY;
	request.header.flags = REQUEST;
	request.family = AF_UNIX;
	request.states = UINT32_MAX;
	request.inode = inode;
	request.show = SHOW_PEER;
	request.cookie[0] = request.cookie[1] = UINT32_MAX; /* any */
	if (send(s, &request, sizeof request, MSG_NOSIGNAL) == -1)
		return 0;
	n = recv(s, answer, sizeof answer, MSG_DONTWAIT);
	return n == -1 ? 0 : peer_in(answer, (size_t)n, inode);
}
#endif

/*
 * The inode of the UNIX socket that the one with this inode is connected to; 0
 * if there is none, or if the system does not tell, as of a socket in another
 * network namespace. Keeps errno.
 */
unsigned long
sys_peer_inode(ino_t inode)
{
#ifdef SYS_LINUX
	unsigned long peer;
	int s, saved = errno;

	if (inode == 0 || (uintmax_t)inode > UINT32_MAX)
		return 0;
	s = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, PROTOCOL);
	if (s == -1) {
		errno = saved;
		return 0;
	}
	peer = ask(s, (uint32_t)inode);
	close(s);
	errno = saved;
	return peer;
#else
	(void)inode;
	return 0;
#endif
}
