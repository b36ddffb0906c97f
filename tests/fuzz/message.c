/* SPDX-License-Identifier: ISC */
/*
 * The parts of a message on a connection, put together. The input says how it
 * was cut, how many descriptors came with each part, and where the receiver
 * looked in between. Whatever comes of it, no descriptor is left, and of what
 * was received the bytes are those that were sent.
 *
 * All that this knows of the receiver is in begin(), step() and end().
 */
#include "fdpass/receiver.h"

#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define MOST_FDS 300

static struct arrival in;
static char buffer[FDPASS_MAX_PAYLOAD + 1];

static void
begin(int sock, int type)
{
	arrival_begin(&in, sock, type);
}

/* 1: a message is complete; 0: there may come more; -1: nothing comes of it. */
static int
step(int is_late)
{
	if (is_late)
		in.deadline = 0;
	return arrival_step(&in, buffer, sizeof buffer);
}

static const struct fdpass_message *
received(void)
{
	return &in.message;
}

static void
end(void)
{
	fdpass_close(&in.message);
	free(in.kept);
}

/* One part: so many bytes, so many descriptors, in one or in two messages. */
static int
send_part(int s, const uint8_t *bytes, size_t n, size_t count, int twice)
{
	static int fds[MOST_FDS];
	union {
		struct cmsghdr align;
		char bytes[2 * CMSG_SPACE(sizeof fds)];
	} control;
	struct msghdr m;
	struct iovec iov;
	struct cmsghdr h;
	size_t used = 0, half = twice ? count / 2 : 0;

	memset(&control, 0, sizeof control);
	memset(&m, 0, sizeof m);
	memset(&h, 0, sizeof h);
	iov.iov_base = (void *)(size_t)bytes;
	iov.iov_len = n;
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	h.cmsg_level = SOL_SOCKET;
	h.cmsg_type = SCM_RIGHTS;
	for (; count > 0; count -= half, half = count) {
		if (half == 0)
			half = count;
		h.cmsg_len = CMSG_LEN(half * sizeof(int));
		memcpy(control.bytes + used, &h, sizeof h);
		memcpy(control.bytes + used + CMSG_LEN(0), fds,
		    half * sizeof(int));
		used += CMSG_SPACE(half * sizeof(int));
	}
	if (used > 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = used;
	}
	return sendmsg(s, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n;
}

/* How many descriptors are open: poll() says of the others that they are not.
 */
static int
count_open(void)
{
	static struct pollfd table[1024];
	size_t i;

	for (i = 0; i < 1024; i++)
		table[i].fd = (int)i;
	i = (size_t)poll(table, 1024, 0);
	must(i <= 1024);
	return 1024 - (int)i;
}

/*
 * Each part: a byte of flags, one for the length, one for the descriptors, and
 * the bytes themselves.
 */
static int
play(int type, const uint8_t *data, size_t size)
{
	static uint8_t sent[1 << 20];
	size_t total = 0, n;
	int s[2], r = 0;

	must(socketpair(AF_UNIX, type, 0, s) == 0);
	begin(s[0], type);
	while (r == 0 && size >= 3 && total + 65536 < sizeof sent) {
		n = data[1];
		if (n > size - 3)
			n = size - 3;
		if (data[0] & 1) /* a long one */
			n *= 257;
		memset(sent + total, data[0], n);
		memcpy(sent + total, data + 3, n < size - 3 ? n : 0);
		if (!send_part(s[1], sent + total, n,
			(data[0] & 2) != 0 ? data[2] : data[2] % 4,
			data[0] & 4))
			break;
		total += n;
		if (data[0] & 8)
			r = step(0);
		n = 3 + (data[0] & 1 ? n / 257 : n);
		data += n;
		size -= n;
	}
	if (size > 0 && (data[0] & 16) != 0)
		shutdown(s[1], SHUT_WR);
	if (r == 0)
		r = step(1);
	must(r != 0);
	if (r == 1) {
		must(received()->length <= total);
		must(received()->count <= FDPASS_MAX_FDS);
		must(
		    memcmp(received()->payload, sent, received()->length) == 0);
	} else {
		must(received()->count == 0);
	}
	end();
	close(s[0]);
	close(s[1]);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int was = count_open();

	if (size > 0)
		play(data[0] & 1 ? SOCK_SEQPACKET : SOCK_STREAM, data + 1,
		    size - 1);
	must(count_open() == was);
	return 0;
}
