/* SPDX-License-Identifier: ISC */
/*
 * isup - whether somebody is bound to the UNIX socket PATH and listens, or, of
 * datagrams, is bound: status 0 if so. The server does not notice.
 *
 *	isup PATH
 *
 * Linux tells by its socket diagnosis. (So does `ss -xle`, but that asks for
 * the connections that wait, too, and gets no answer where they are many.)
 * Status 0, too, where the system does not tell.
 */
#define _GNU_SOURCE
#ifdef __linux__
#include <sys/socket.h>
#include <sys/stat.h>

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define LISTENING 10 /* TCP_LISTEN in the kernel */
#define NOT_CONNECTED 7

/* The attribute of that type, of a message of n bytes; NULL if it has none. */
static const char *
attribute(const char *message, size_t n, unsigned short type)
{
	size_t at = NLMSG_LENGTH(sizeof(struct unix_diag_msg));
	struct nlattr a;

	while (at + sizeof a <= n) {
		memcpy(&a, message + at, sizeof a);
		if (a.nla_type == type)
			return message + at + sizeof a;
		if (a.nla_len < sizeof a)
			break;
		at += NLMSG_ALIGN((size_t)a.nla_len);
	}
	return NULL;
}

/* Is this it? Of the inode's number the kernel tells 32 bits. */
static int
matches(const struct nlmsghdr *h, const struct stat *st)
{
	struct unix_diag_msg m;
	struct unix_diag_vfs vfs;
	const char *a;

	memcpy(&m, NLMSG_DATA(h), sizeof m);
	if (m.udiag_state != LISTENING &&
	    (m.udiag_state != NOT_CONNECTED || m.udiag_type != SOCK_DGRAM))
		return 0;
	a = attribute((const char *)h, h->nlmsg_len, UNIX_DIAG_VFS);
	if (a == NULL)
		return 0;
	memcpy(&vfs, a, sizeof vfs);
	return vfs.udiag_vfs_ino == (uint32_t)st->st_ino;
}

static int
ask(int s)
{
	struct {
		struct nlmsghdr h;
		struct unix_diag_req r;
	} request;

	memset(&request, 0, sizeof request);
	request.h.nlmsg_len = sizeof request;
	request.h.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	request.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request.r.sdiag_family = AF_UNIX;
	request.r.udiag_states = 1u << LISTENING | 1u << NOT_CONNECTED;
	request.r.udiag_show = UDIAG_SHOW_VFS;
	return send(s, &request, sizeof request, 0) == sizeof request;
}

int
main(int argc, char *argv[])
{
	static union {
		struct nlmsghdr align;
		char bytes[65536];
	} buffer;
	struct nlmsghdr *h;
	struct stat st;
	int s;
	unsigned left;
	ssize_t n;

	if (argc != 2)
		return 2;
	if (stat(argv[1], &st) == -1 || !S_ISSOCK(st.st_mode))
		return 1;
	s = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
	if (s == -1 || !ask(s))
		return 0;
	while ((n = recv(s, &buffer, sizeof buffer, 0)) > 0) {
		left = (unsigned)n;
		for (h = &buffer.align; NLMSG_OK(h, left);
		     h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return 1;
			/* No diagnosis of UNIX sockets in this kernel. */
			if (h->nlmsg_type == NLMSG_ERROR)
				return 0;
			if (matches(h, &st))
				return 0;
		}
	}
	return 1;
}
#else
int
main(void)
{
	return 0;
}
#endif
