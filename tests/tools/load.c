/* SPDX-License-Identifier: ISC */
/*
 * load: many clients of an echo server at once, in one process.
 *
 * Each connection sends random bytes, different from those of every other
 * connection, shuts down its writing side, reads until end of file, and
 * compares. It counts as one of: ok; wrong (other bytes, or more than were
 * sent); short (end of file too early); refused; reset; timeout.
 */
#define _XOPEN_SOURCE 700

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * All payloads are cut from one ring of random bytes, each connection from a
 * place of its own. Its length is a prime, so that steps of STEP visit every
 * place before one comes again.
 */
#define RING 1048573
#define STEP 7919
#define CHUNK 262144

/* How a connection ended. The first is the one that is hoped for. */
enum result { OK, WRONG, SHORT, REFUSED, RESET, TIMEOUT, RESULTS };

enum state { FREE, RETRY, OPEN };

struct conn {
	enum state state;
	int held; /* stays open after the first echo */
	int shut;
	size_t start; /* of its payload in the ring */
	uint64_t size;
	uint64_t sent;
	uint64_t got;
	uint64_t began;
};

struct run {
	size_t concurrency;
	size_t held;
	uint64_t connections;
	uint64_t size;
	uint64_t count[RESULTS];
	uint64_t bytes;
	uint64_t deadline;
	uint64_t serial;
	uint64_t *latency;
	size_t latencies;
	size_t room;
	uint64_t last;       /* when a connection ended well */
	uint64_t pause;      /* the longest time between two that did */
	struct conn *conn;   /* concurrency of them */
	struct pollfd *poll; /* beside them; fd is -1 or ~fd where not polled */
	size_t busy;
	size_t retrying;
	int *parked;
	size_t *parked_start;
	size_t nparked;
};

static union {
	struct sockaddr any;
	struct sockaddr_un un;
	struct sockaddr_storage storage;
} address;
static socklen_t address_len;

static unsigned char ring[RING + CHUNK];
static unsigned char buffer[CHUNK];
static int quiet;

static void
usage(void)
{
	fprintf(stderr,
	    "usage: load [-q] [-c concurrency] [-n connections] [-s bytes]\n"
	    "            [-t seconds] [-i held] [-d seconds] address\n");
	exit(2);
}

static void
die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void *
allocate(size_t n, size_t size)
{
	void *p = calloc(n != 0 ? n : 1, size);

	if (p == NULL)
		die("memory");
	return p;
}

static uint64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static uint64_t
parse_count(const char *s)
{
	static const char units[] = "KMG";
	const char *unit;
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(s, &end, 10);
	if (end == s || *s == '-' || errno != 0)
		usage();
	if (*end != '\0') {
		unit = strchr(units, *end);
		if (unit == NULL || end[1] != '\0')
			usage();
		n <<= 10 * (unit - units + 1);
	}
	return n;
}

static uint64_t
parse_seconds(const char *s)
{
	char *end;
	double d = strtod(s, &end);

	if (end == s || *end != '\0' || !(d >= 0 && d <= 1e9))
		usage();
	return (uint64_t)(d * 1e9);
}

static void
parse_unix(const char *s)
{
	size_t len = strlen(s);

	if (len >= sizeof(address.un.sun_path)) {
		fprintf(stderr, "load: %s: name too long\n", s);
		exit(2);
	}
	address.un.sun_family = AF_UNIX;
	memcpy(address.un.sun_path, s, len);
	if (s[0] == '@')
		address.un.sun_path[0] = '\0';
	else
		len++;
	address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static void
parse_address(const char *s)
{
	struct addrinfo hints, *info;
	const char *colon = strrchr(s, ':');
	char host[128];
	size_t len;
	int error;

	if (s[0] == '@' || strchr(s, '/') != NULL) {
		parse_unix(s);
		return;
	}
	if (colon == NULL)
		usage();
	len = (size_t)(colon - s);
	if (len >= 2 && s[0] == '[' && s[len - 1] == ']') {
		s++;
		len -= 2;
	}
	if (len >= sizeof(host))
		usage();
	memcpy(host, s, len);
	host[len] = '\0';
	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	error = getaddrinfo(
	    len != 0 ? host : "127.0.0.1", colon + 1, &hints, &info);
	if (error != 0) {
		fprintf(stderr, "load: %s: %s\n", s, gai_strerror(error));
		exit(2);
	}
	memcpy(&address.storage, info->ai_addr, info->ai_addrlen);
	address_len = info->ai_addrlen;
	freeaddrinfo(info);
}

static void
fill_ring(void)
{
	struct timespec t;
	uint64_t x;
	size_t i;

	clock_gettime(CLOCK_REALTIME, &t);
	x = (uint64_t)t.tv_nsec << 32 ^ (uint64_t)t.tv_sec << 16 ^
	    (uint64_t)getpid() ^ 0x9e3779b97f4a7c15U;
	for (i = 0; i < RING; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		/* No NUL: a shell can be an echo server, too. */
		ring[i] = (unsigned char)((x >> 32) % 255 + 1);
	}
	memcpy(ring + RING, ring, CHUNK);
}

static void
raise_descriptor_limit(size_t wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		die("descriptor limit");
	if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted) {
		limit.rlim_cur = limit.rlim_max;
		if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur > wanted)
			limit.rlim_cur = wanted;
		if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
			die("descriptor limit");
	}
	if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted) {
		fprintf(stderr, "load: needs %lu descriptors, may have %lu\n",
		    (unsigned long)wanted, (unsigned long)limit.rlim_cur);
		exit(2);
	}
}

static void
keep_latency(struct run *r, uint64_t ns)
{
	uint64_t t = now();

	if (r->last != 0 && t - r->last > r->pause)
		r->pause = t - r->last;
	r->last = t;
	if (r->latencies == r->room) {
		r->room = r->room != 0 ? 2 * r->room : 4096;
		r->latency = realloc(r->latency, r->room * sizeof(*r->latency));
		if (r->latency == NULL)
			die("memory");
	}
	r->latency[r->latencies++] = ns;
}

static enum result
result_of_errno(int error)
{
	static int told;

	switch (error) {
	case ECONNRESET:
	case EPIPE:
		return RESET;
	case ETIMEDOUT:
		return TIMEOUT;
	case ECONNREFUSED:
	case ENOENT:
		return REFUSED;
	}
	if (!told)
		fprintf(stderr, "load: %s\n", strerror(error));
	told = 1;
	return REFUSED;
}

static void
finish(struct run *r, size_t i, enum result result)
{
	struct conn *c = &r->conn[i];
	int fd = r->poll[i].fd;

	if (fd != -1)
		close(c->state == RETRY ? ~fd : fd);
	if (c->state == RETRY)
		r->retrying--;
	if (!c->held && result == OK) {
		keep_latency(r, now() - c->began);
		r->bytes += c->size;
	}
	if (!c->held || result != OK)
		r->count[result]++;
	c->state = FREE;
	r->poll[i].fd = -1;
	r->busy--;
}

/* Leave the connection open and unwatched until the end of the run. */
static void
park(struct run *r, size_t i)
{
	r->parked[r->nparked] = r->poll[i].fd;
	r->parked_start[r->nparked++] = r->conn[i].start;
	r->conn[i].state = FREE;
	r->poll[i].fd = -1;
	r->busy--;
}

/* Send what the socket takes. Return 0 if the connection is finished. */
static int
send_some(struct run *r, size_t i)
{
	struct conn *c = &r->conn[i];
	uint64_t left;
	ssize_t n;

	while (c->sent < c->size) {
		left = c->size - c->sent;
		n = send(r->poll[i].fd, ring + (c->start + c->sent) % RING,
		    left < CHUNK ? (size_t)left : CHUNK, MSG_NOSIGNAL);
		if (n == -1) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN || errno == EWOULDBLOCK ||
			    errno == ENOTCONN)
				return 1;
			finish(r, i, result_of_errno(errno));
			return 0;
		}
		c->sent += (uint64_t)n;
	}
	r->poll[i].events = POLLIN;
	/* A held connection sends its second byte when it is let go. */
	if (!c->shut && !(c->held && c->size == 1)) {
		shutdown(r->poll[i].fd, SHUT_WR);
		c->shut = 1;
	}
	return 1;
}

/* Take what has come. Return 0 if the connection is finished or parked. */
static int
receive_some(struct run *r, size_t i)
{
	struct conn *c = &r->conn[i];
	ssize_t n;

	do {
		n = recv(r->poll[i].fd, buffer, sizeof(buffer), 0);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 1;
		if (n == -1) {
			finish(r, i, result_of_errno(errno));
			return 0;
		}
		if (n == 0) {
			finish(r, i, c->got == c->size && c->shut ? OK : SHORT);
			return 0;
		}
		if ((uint64_t)n > c->sent - c->got ||
		    memcmp(buffer, ring + (c->start + c->got) % RING,
			(size_t)n) != 0) {
			finish(r, i, WRONG);
			return 0;
		}
		c->got += (uint64_t)n;
		if (c->held && c->size == 1) {
			park(r, i);
			return 0;
		}
	} while ((r->poll[i].revents & (POLLHUP | POLLERR)) != 0 ||
	    (size_t)n == sizeof(buffer));
	return 1;
}

static void
connected(struct run *r, size_t i, int fd)
{
	struct conn *c = &r->conn[i];

	c->state = OPEN;
	r->poll[i].fd = fd;
	r->poll[i].events = POLLIN | POLLOUT;
	/*
	 * On one machine the connection is usually there by now. With nothing
	 * to send, wait until it is: shutdown() would end the attempt.
	 */
	if (c->size > 0)
		send_some(r, i);
}

static void
try_connect(struct run *r, size_t i, int fd)
{
	struct conn *c = &r->conn[i];

	if (connect(fd, &address.any, address_len) == 0 ||
	    errno == EINPROGRESS || errno == EINTR) {
		if (c->state == RETRY)
			r->retrying--;
		connected(r, i, fd);
		return;
	}
	/*
	 * The queue of a UNIX socket is full, or no port is free for a
	 * moment: nothing to poll for.
	 */
	if (errno == EAGAIN || errno == EADDRNOTAVAIL || errno == ENOBUFS) {
		if (c->state != RETRY)
			r->retrying++;
		c->state = RETRY;
		r->poll[i].fd = ~fd;
		return;
	}
	r->poll[i].fd = c->state == RETRY ? ~fd : fd;
	finish(r, i, result_of_errno(errno));
}

static int
new_socket(void)
{
	int fd;

#ifdef SOCK_NONBLOCK
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd == -1)
		die("socket");
#else
	fd = socket(address.any.sa_family, SOCK_STREAM, 0);
	if (fd == -1 || fcntl(fd, F_SETFL, O_NONBLOCK) == -1)
		die("socket");
#endif
	return fd;
}

static void
take_slot(struct run *r, size_t i, int held, size_t start)
{
	struct conn *c = &r->conn[i];

	memset(c, 0, sizeof(*c));
	c->held = held;
	c->start = start;
	r->busy++;
}

static void
start(struct run *r, size_t i, int held)
{
	take_slot(r, i, held, (size_t)(r->serial++ * STEP % RING));
	r->conn[i].size = held ? 1 : r->size;
	r->conn[i].began = now();
	try_connect(r, i, new_socket());
}

/* Take up a held connection again: one more byte, and its end. */
static void
release(struct run *r, size_t i)
{
	struct conn *c = &r->conn[i];

	r->nparked--;
	take_slot(r, i, 1, r->parked_start[r->nparked]);
	c->size = 2;
	c->sent = c->got = 1;
	connected(r, i, r->parked[r->nparked]);
}

static void
serve(struct run *r, size_t i)
{
	struct pollfd *p = &r->poll[i];

	if (r->conn[i].state == RETRY) {
		try_connect(r, i, ~p->fd);
		return;
	}
	if (p->revents == 0)
		return;
	if ((p->revents & POLLOUT) != 0 && !send_some(r, i))
		return;
	if ((p->revents & (POLLIN | POLLHUP | POLLERR)) != 0)
		receive_some(r, i);
}

/* Wait for an event and serve it. Return 0 when the time is over. */
static int
step(struct run *r)
{
	uint64_t t = now();
	int ms;
	size_t i;

	if (t >= r->deadline)
		return 0;
	ms = r->deadline - t > 1000000000U ?
	    1000 :
	    (int)((r->deadline - t) / 1000000) + 1;
	if (r->retrying > 0)
		ms = 1;
	if (poll(r->poll, (nfds_t)r->concurrency, ms) == -1) {
		if (errno != EINTR)
			die("poll");
		return 1;
	}
	for (i = 0; i < r->concurrency; i++)
		if (r->conn[i].state != FREE)
			serve(r, i);
	return 1;
}

static int
open_held(struct run *r)
{
	size_t i, begun = 0;

	while (begun < r->held || r->busy > 0) {
		for (i = 0; i < r->concurrency && begun < r->held; i++)
			if (r->conn[i].state == FREE) {
				start(r, i, 1);
				begun++;
			}
		if (r->busy > 0 && !step(r))
			return 0;
	}
	return 1;
}

static int
close_held(struct run *r)
{
	size_t i;

	while (r->nparked > 0 || r->busy > 0) {
		for (i = 0; i < r->concurrency && r->nparked > 0; i++)
			if (r->conn[i].state == FREE)
				release(r, i);
		if (r->busy > 0 && !step(r))
			return 0;
	}
	return 1;
}

/* The run proper: so many connections, or as many as fit in the duration. */
static int
load(struct run *r, uint64_t duration)
{
	uint64_t begun = 0, end = now() + duration;
	size_t i;

	for (;;) {
		for (i = 0; i < r->concurrency; i++) {
			if (r->conn[i].state != FREE)
				continue;
			if (duration != 0 ? now() >= end :
					    begun >= r->connections)
				break;
			start(r, i, 0);
			begun++;
		}
		if (r->busy > 0 && !step(r))
			return 0;
		if (r->busy == 0 &&
		    (duration != 0 ? now() >= end : begun >= r->connections))
			return 1;
	}
}

static int
by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The nearest rank: the smallest that so many percent do not exceed. */
static unsigned long
percentile_us(const struct run *r, size_t percent)
{
	size_t rank;

	if (r->latencies == 0)
		return 0;
	rank = (r->latencies * percent + 99) / 100;
	return (unsigned long)((r->latency[rank - 1] + 500) / 1000);
}

static int
report(struct run *r, uint64_t elapsed, int complete)
{
	double seconds = (double)elapsed / 1e9;
	int good = complete && r->count[OK] > 0;
	int i;

	for (i = OK + 1; i < RESULTS; i++)
		if (r->count[i] != 0)
			good = 0;
	if (seconds <= 0)
		seconds = 1e-9;
	if (r->latencies > 0)
		qsort(r->latency, r->latencies, sizeof(*r->latency), by_size);
	if (!quiet || !good)
		printf("ok=%llu wrong=%llu short=%llu refused=%llu reset=%llu "
		       "timeout=%llu seconds=%.3f rate=%.0f p50_us=%lu "
		       "p99_us=%lu bytes_per_s=%.0f pause_us=%llu\n",
		    (unsigned long long)r->count[OK],
		    (unsigned long long)r->count[WRONG],
		    (unsigned long long)r->count[SHORT],
		    (unsigned long long)r->count[REFUSED],
		    (unsigned long long)r->count[RESET],
		    (unsigned long long)r->count[TIMEOUT], seconds,
		    (double)r->count[OK] / seconds, percentile_us(r, 50),
		    percentile_us(r, 99), (double)r->bytes / seconds,
		    (unsigned long long)r->pause / 1000);
	if (fflush(stdout) == EOF)
		die("standard output");
	return !complete ? 3 : good ? 0 : 1;
}

int
main(int argc, char *argv[])
{
	static struct run r;
	uint64_t duration = 0, limit = 0, began, elapsed = 0;
	size_t i;
	int complete, opt;

	r.concurrency = 1;
	r.connections = 1;
	r.size = 64;
	while ((opt = getopt(argc, argv, "c:n:s:t:i:d:q")) != -1) {
		switch (opt) {
		case 'c':
			r.concurrency = (size_t)parse_count(optarg);
			break;
		case 'n':
			r.connections = parse_count(optarg);
			break;
		case 's':
			r.size = parse_count(optarg);
			break;
		case 't':
			limit = parse_seconds(optarg);
			break;
		case 'i':
			r.held = (size_t)parse_count(optarg);
			break;
		case 'd':
			duration = parse_seconds(optarg);
			break;
		case 'q':
			quiet = 1;
			break;
		default:
			usage();
		}
	}
	if (argc - optind != 1 || r.concurrency == 0 ||
	    r.concurrency > 1000000 || r.held > 1000000)
		usage();
	parse_address(argv[optind]);
	if (limit == 0)
		limit = 60000000000U + duration;
	raise_descriptor_limit(r.concurrency + r.held + 8);
	fill_ring();

	r.conn = allocate(r.concurrency, sizeof(*r.conn));
	r.poll = allocate(r.concurrency, sizeof(*r.poll));
	r.parked = allocate(r.held, sizeof(*r.parked));
	r.parked_start = allocate(r.held, sizeof(*r.parked_start));
	for (i = 0; i < r.concurrency; i++)
		r.poll[i].fd = -1;

	r.deadline = now() + limit;
	complete = open_held(&r);
	if (complete) {
		began = now();
		complete = load(&r, duration);
		elapsed = now() - began;
	}
	complete = complete && close_held(&r);
	if (!complete)
		r.count[TIMEOUT] += r.busy;
	return report(&r, elapsed, complete);
}
