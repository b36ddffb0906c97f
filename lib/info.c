/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "info.h"

#include "address.h"
#include "descriptors.h"
#include "say.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef SYS_LINUX
#include <sys/sysmacros.h>
#endif

/*
 * A descriptor to describe: one of ours, on which any call works, or one that
 * only /proc knows.
 */
struct subject {
	int fd;        /* the number here; -1: not within reach */
	char proc[32]; /* its process in /proc; empty: unknown */
	int number;    /* the number there */
	int cloexec;   /* -1: unknown */
	struct stat st;
	char link[4096]; /* its link in /proc; empty: unknown */
};

static const struct flag {
	int bits;
	const char *name;
} status_flags[] = {
    {O_APPEND, "append"},
    {O_NONBLOCK, "nonblock"},
#ifdef O_ASYNC
    {O_ASYNC, "async"},
#endif
#ifdef O_DIRECT
    {O_DIRECT, "direct"},
#endif
#ifdef O_NOATIME
    {O_NOATIME, "noatime"},
#endif
#ifdef O_PATH
    {O_PATH, "path"},
#endif
    /* On Linux it includes the bit of O_DSYNC, so it comes first. */
    {O_SYNC, "sync"},
#ifdef O_DSYNC
    {O_DSYNC, "dsync"},
#endif
};

/* Add a word to the details. */
static void
add_word(struct text *t, const char *word)
{
	text_add(t, "%s%s", t->length > 0 ? " " : "", word);
}

static void
add_number(struct text *t, const char *name, long long value)
{
	add_word(t, name);
	text_add(t, "=%lld", value);
}

static void
add_bytes(struct text *t, const char *name, const char *bytes, size_t n)
{
	add_word(t, name);
	text_add(t, "=");
	text_add_word(t, bytes, n);
}

static void
add_string(struct text *t, const char *name, const char *value)
{
	add_bytes(t, name, value, strlen(value));
}

/* The names of the bits that are set, joined by commas. */
static void
add_flags(struct text *t, int value, const struct flag *flags, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if ((value & flags[i].bits) != flags[i].bits)
			continue;
		text_add(t, "%s%s", t->length > 0 ? "," : "", flags[i].name);
		value &= ~flags[i].bits;
	}
}

#ifdef SYS_LINUX
static FILE *
open_proc(const char *path)
{
	FILE *f;
	int fd;

	/* fopen() has no portable way to ask for close-on-exec. */
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return NULL;
	f = fdopen(fd, "r");
	if (f == NULL)
		close(fd);
	return f;
}

/*
 * Read a file of /proc: returns how many lines begin with key; value gets what
 * follows key in the first of them.
 */
static long
look_up(const char *path, const char *key, char *value, size_t size)
{
	char line[512];
	const char *at;
	size_t n = strlen(key);
	long found = 0;
	FILE *f;

	value[0] = '\0';
	f = open_proc(path);
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof line, f) != NULL) {
		if (strncmp(line, key, n) != 0 || found++ > 0)
			continue;
		at = line + n + strspn(line + n, " \t");
		snprintf(value, size, "%.*s", (int)strcspn(at, "\n"), at);
	}
	fclose(f);
	return found;
}

static long
look_up_fdinfo(
    const struct subject *s, const char *key, char *value, size_t size)
{
	char path[64];

	snprintf(path, sizeof path, "%s/fdinfo/%d", s->proc, s->number);
	return look_up(path, key, value, size);
}
#endif

/* The process ID, and the name of the process that has it now. */
static void
add_process(struct text *t, long pid)
{
	add_number(t, "pid", pid);
#ifdef SYS_LINUX
	{
		char path[40], name[64];

		snprintf(path, sizeof path, "/proc/%ld/comm", pid);
		if (look_up(path, "", name, sizeof name) > 0)
			add_string(t, "command", name);
	}
#endif
}

static void
set_type(struct info *info, const char *type)
{
	snprintf(info->type, sizeof info->type, "%s", type);
}

static void
add_device(struct text *t, dev_t device)
{
#ifdef SYS_LINUX
	add_word(t, "device");
	text_add(t, "=%u:%u", major(device), minor(device));
#else
	add_number(t, "device", (long long)device);
#endif
}

/*
 * The position, from lseek() if the descriptor is within reach, else from
 * /proc.
 */
static void
add_position(struct text *t, const struct subject *s)
{
	off_t position = -1;

	if (s->fd != -1) {
		position = lseek(s->fd, 0, SEEK_CUR);
	} else {
#ifdef SYS_LINUX
		char value[32];

		if (look_up_fdinfo(s, "pos:", value, sizeof value) > 0)
			position = (off_t)strtoll(value, NULL, 10);
#endif
	}
	if (position != -1)
		add_number(t, "pos", (long long)position);
}

/*
 * Has the name been removed? Then the link ends with " (deleted)", but so may
 * the name of a file that is there. *length is without that mark.
 */
static int
is_deleted(const struct subject *s, size_t *length)
{
	static const char mark[] = " (deleted)";
	struct stat st;

	*length = strlen(s->link);
	if (*length < sizeof mark ||
	    strcmp(s->link + *length - (sizeof mark - 1), mark) != 0)
		return s->st.st_nlink == 0;
	if (s->st.st_nlink > 0 && stat(s->link, &st) == 0 &&
	    st.st_dev == s->st.st_dev && st.st_ino == s->st.st_ino)
		return 0;
	*length -= sizeof mark - 1;
	return 1;
}

static void
add_path(struct text *t, const struct subject *s)
{
	int deleted;
	size_t n;

	deleted = is_deleted(s, &n);
	if (s->link[0] == '/')
		add_bytes(t, "path", s->link, n);
	else if (s->fd != -1 && isatty(s->fd) && ttyname(s->fd) != NULL)
		add_string(t, "path", ttyname(s->fd));
	if (deleted)
		add_word(t, "deleted");
}

static void
add_address(struct text *t, const char *name, const struct sockaddr_storage *ss,
    socklen_t length)
{
	char text[ADDRESS_TEXT];
	const struct sockaddr *sa = (const struct sockaddr *)ss;

	/* The kernel reports the full length, even if the address was cut. */
	if (length > sizeof *ss)
		length = sizeof *ss;
	switch (ss->ss_family) {
	case AF_UNIX:
	case AF_INET:
	case AF_INET6:
		address_format(text, sizeof text, sa, length);
		add_word(t, name);
		text_add(t, "=%s", text);
		break;
	}
}

static const char *
socket_type(int type)
{
	switch (type) {
	case SOCK_STREAM:
		return "stream";
	case SOCK_DGRAM:
		return "dgram";
	case SOCK_SEQPACKET:
		return "seqpacket";
	default:
		return "raw";
	}
}

/*
 * The protocol of a socket; derived from its type if the system does not tell.
 */
static int
protocol_of(int fd, int type)
{
#if defined(SYS_LINUX) && defined(SO_PROTOCOL)
	(void)type;
	return descriptor_option(fd, SOL_SOCKET, SO_PROTOCOL);
#else
	(void)fd;
	return type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
#endif
}

static void
name_internet(struct info *info, int fd, int family, int type)
{
	static const struct {
		int protocol;
		const char *name;
	} names[] = {
	    {IPPROTO_TCP, "tcp"},
	    {IPPROTO_UDP, "udp"},
	    {IPPROTO_ICMP, "icmp"},
#ifdef IPPROTO_ICMPV6
	    {IPPROTO_ICMPV6, "icmp"},
#endif
#ifdef IPPROTO_SCTP
	    {IPPROTO_SCTP, "sctp"},
#endif
#ifdef IPPROTO_MPTCP
	    {IPPROTO_MPTCP, "mptcp"},
#endif
	};
	const char *name = "inet";
	int protocol = protocol_of(fd, type);
	size_t i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].protocol == protocol)
			name = names[i].name;
	if (type == SOCK_RAW)
		name = "raw";
	snprintf(info->type, sizeof info->type, "%s%s", name,
	    family == AF_INET6 ? "6" : "");
}

static void
name_family(struct info *info, struct text *t, int family, int type)
{
	switch (family) {
	case AF_UNIX:
		set_type(info, "unix");
		break;
#ifdef SYS_LINUX
	case AF_NETLINK:
		set_type(info, "netlink");
		break;
	case AF_PACKET:
		set_type(info, "packet");
		break;
#ifdef AF_VSOCK
	case AF_VSOCK:
		set_type(info, "vsock");
		break;
#endif
#endif
	default:
		set_type(info, "socket");
		add_number(t, "family", family);
	}
	add_string(t, "type", socket_type(type));
}

static void
describe_socket(struct info *info, struct text *t, const struct subject *s)
{
	struct sockaddr_storage ss;
	struct sys_peer peer;
	socklen_t length = sizeof ss;
	int family, type;

	set_type(info, "socket");
	/*
	 * The file of a UNIX socket, opened with O_PATH, is not itself a
	 * socket.
	 */
	if (s->link[0] == '/') {
		add_path(t, s);
		return;
	}
	/* If the socket is not within reach, only its inode is known. */
	if (s->fd == -1)
		return;
	memset(&ss, 0, sizeof ss);
	type = descriptor_type(s->fd);
	if (type == -1 ||
	    getsockname(s->fd, (struct sockaddr *)&ss, &length) == -1)
		return;
	family = ss.ss_family;
	if (family == AF_INET || family == AF_INET6)
		name_internet(info, s->fd, family, type);
	else
		name_family(info, t, family, type);
	add_address(t, "local", &ss, length);
	if (descriptor_is_listening(s->fd) > 0)
		add_word(t, "listening");
	if (family == AF_INET6 &&
	    descriptor_option(s->fd, IPPROTO_IPV6, IPV6_V6ONLY) > 0)
		add_word(t, "v6only");
	length = sizeof ss;
	memset(&ss, 0, sizeof ss);
	if (getpeername(s->fd, (struct sockaddr *)&ss, &length) == 0)
		add_address(t, "peer", &ss, length);
	if (family != AF_UNIX || sys_peer_of(s->fd, &peer) == -1)
		return;
	if (peer.pid != -1)
		add_process(t, peer.pid);
	if (peer.uid != -1)
		add_number(t, "uid", peer.uid);
	if (peer.gid != -1)
		add_number(t, "gid", peer.gid);
}

#ifdef SYS_LINUX
static void
describe_memfd(struct info *info, struct text *t, const struct subject *s)
{
#ifdef F_GET_SEALS
	static const struct flag seals[] = {
	    {F_SEAL_SEAL, "seal"},
	    {F_SEAL_SHRINK, "shrink"},
	    {F_SEAL_GROW, "grow"},
	    {F_SEAL_WRITE, "write"},
#ifdef F_SEAL_FUTURE_WRITE
	    {F_SEAL_FUTURE_WRITE, "future-write"},
#endif
#ifdef F_SEAL_EXEC
	    {F_SEAL_EXEC, "exec"},
#endif
	};
	char names[64];
	struct text list;
	int set = s->fd != -1 ? fcntl(s->fd, F_GET_SEALS) : -1;
#endif
	size_t n, prefix = strlen("/memfd:");

	set_type(info, "memfd");
	is_deleted(s, &n);
	add_bytes(t, "name", s->link + prefix, n - prefix);
	add_position(t, s);
	add_number(t, "size", (long long)s->st.st_size);
#ifdef F_GET_SEALS
	if (set > 0) {
		text_init(&list, names, sizeof names);
		add_flags(&list, set, seals, sizeof seals / sizeof seals[0]);
		add_string(t, "seals", names);
	}
#endif
}

static void
describe_pidfd(struct text *t, const struct subject *s)
{
	char value[32];
	long pid;

	if (look_up_fdinfo(s, "Pid:", value, sizeof value) == 0)
		return;
	pid = strtol(value, NULL, 10);
	if (pid > 0)
		add_process(t, pid);
	else if (pid == -1)
		add_word(t, "ended");
}

static void
describe_signalfd(struct text *t, const struct subject *s)
{
	unsigned long long mask;
	const char *comma = "=";
	char value[64];
	int sig;

	if (look_up_fdinfo(s, "sigmask:", value, sizeof value) == 0)
		return;
	mask = strtoull(value, NULL, 16);
	add_word(t, "signals");
	for (sig = 1; sig <= 64; sig++) {
		if ((mask >> (sig - 1) & 1) == 0)
			continue;
		text_add(t, "%s%d", comma, sig);
		comma = ",";
	}
	if (comma[0] == '=')
		text_add(t, "=-");
}

/*
 * A descriptor of something without a place in a file system, by the kernel's
 * name for it.
 */
static void
describe_anonymous(struct info *info, struct text *t, const struct subject *s)
{
	static const char prefix[] = "anon_inode:";
	const char *name = s->link + sizeof prefix - 1;
	struct text type;
	char value[64];
	size_t n;

	if (strncmp(s->link, prefix, sizeof prefix - 1) != 0) {
		/* Such as net:[4026531840]. */
		set_type(info, "namespace");
		add_string(t, "name", s->link);
		return;
	}
	n = strlen(name);
	if (name[0] == '[' && name[n - 1] == ']') {
		name++;
		n -= 2;
	}
	if (n == strlen("eventpoll") && memcmp(name, "eventpoll", n) == 0) {
		set_type(info, "epoll");
		add_number(t, "watches",
		    look_up_fdinfo(s, "tfd:", value, sizeof value));
		return;
	}
	text_init(&type, info->type, sizeof info->type);
	text_add_word(&type, name, n);
	if (n == 0)
		set_type(info, "anonymous");
	else if (strcmp(info->type, "pidfd") == 0)
		describe_pidfd(t, s);
	else if (strcmp(info->type, "signalfd") == 0)
		describe_signalfd(t, s);
	else if (strcmp(info->type, "inotify") == 0)
		add_number(t, "watches",
		    look_up_fdinfo(s, "inotify ", value, sizeof value));
	else if (strcmp(info->type, "eventfd") == 0 &&
	    look_up_fdinfo(s, "eventfd-count:", value, sizeof value) > 0)
		text_add(t, "count=%llu", strtoull(value, NULL, 16));
}
#endif

static void
describe_file(struct info *info, struct text *t, const struct subject *s)
{
	set_type(info, "file");
	add_path(t, s);
	if (strcmp(info->access, "-") != 0)
		add_position(t, s);
	add_number(t, "size", (long long)s->st.st_size);
}

static int
is_terminal(const struct subject *s)
{
	if (s->fd != -1)
		return isatty(s->fd);
#ifdef SYS_LINUX
	/*
	 * The device numbers of the console, serial lines and pseudo-terminals.
	 */
	switch (major(s->st.st_rdev)) {
	case 4:
	case 5:
		return 1;
	}
	return major(s->st.st_rdev) >= 136 && major(s->st.st_rdev) <= 143;
#else
	return 0;
#endif
}

static void
describe_device(struct info *info, struct text *t, const struct subject *s)
{
	if (S_ISBLK(s->st.st_mode))
		set_type(info, "block");
	else
		set_type(info, is_terminal(s) ? "terminal" : "character");
	add_path(t, s);
	if (S_ISBLK(s->st.st_mode))
		add_position(t, s);
	add_device(t, s->st.st_rdev);
}

static void
describe_pipe(struct info *info, struct text *t, const struct subject *s)
{
	set_type(info, s->link[0] == '/' ? "fifo" : "pipe");
	if (s->link[0] == '/')
		add_path(t, s);
	if (strcmp(info->access, "r") == 0)
		add_string(t, "end", "reading");
	else if (strcmp(info->access, "w") == 0)
		add_string(t, "end", "writing");
}

static void
describe_kind(struct info *info, struct text *t, const struct subject *s)
{
	mode_t mode = s->st.st_mode;

#ifdef SYS_LINUX
	/* Some of these have the type of a regular file. */
	if (strncmp(s->link, "/memfd:", 7) == 0 && s->st.st_nlink == 0) {
		describe_memfd(info, t, s);
		return;
	}
	if (s->link[0] != '\0' && s->link[0] != '/' && !S_ISSOCK(mode) &&
	    !S_ISFIFO(mode) && strchr(s->link, ':') != NULL) {
		describe_anonymous(info, t, s);
		return;
	}
#endif
	if (S_ISSOCK(mode)) {
		describe_socket(info, t, s);
	} else if (S_ISFIFO(mode)) {
		describe_pipe(info, t, s);
	} else if (S_ISREG(mode)) {
		describe_file(info, t, s);
	} else if (S_ISCHR(mode) || S_ISBLK(mode)) {
		describe_device(info, t, s);
	} else {
		set_type(info, S_ISDIR(mode) ? "directory" : "unknown");
		add_path(t, s);
	}
}

/* Access mode and flags; fcntl() or /proc gives them as one number. */
static void
describe_mode(struct info *info, const struct subject *s)
{
	int flags = -1, cloexec = s->cloexec;
	const char *mode = "-";
	struct text t;

	if (s->fd != -1)
		flags = fcntl(s->fd, F_GETFL);
#ifdef SYS_LINUX
	if (s->fd == -1) {
		char value[32];

		if (look_up_fdinfo(s, "flags:", value, sizeof value) > 0)
			flags = (int)strtol(value, NULL, 8);
		if (flags != -1)
			cloexec = (flags & O_CLOEXEC) != 0;
	}
#endif
	/* Not O_ACCMODE: musl's includes a bit of O_PATH. */
	switch (flags == -1 ? -1 : flags & (O_RDONLY | O_WRONLY | O_RDWR)) {
	case O_RDONLY:
		mode = "r";
		break;
	case O_WRONLY:
		mode = "w";
		break;
	case O_RDWR:
		mode = "rw";
		break;
	}
#ifdef O_PATH
	if (flags != -1 && (flags & O_PATH) != 0)
		mode = "-";
#endif
	snprintf(info->access, sizeof info->access, "%s", mode);
	text_init(&t, info->flags, sizeof info->flags);
	if (cloexec == 1)
		text_add(&t, "cloexec");
	if (flags != -1)
		add_flags(&t, flags, status_flags,
		    sizeof status_flags / sizeof status_flags[0]);
	if (t.length == 0)
		text_add(&t, "-");
}

/* How many descriptors wait in the queue of a UNIX socket. */
static void
add_inflight(struct text *t, const struct subject *s)
{
#ifdef SYS_LINUX
	char value[32];

	if (look_up_fdinfo(s, "scm_fds:", value, sizeof value) > 0 &&
	    strtol(value, NULL, 10) > 0)
		add_number(t, "inflight", strtol(value, NULL, 10));
#else
	(void)t;
	(void)s;
#endif
}

/* The details that end the line of every type. */
static void
describe_inode(const struct info *info, struct text *t, const struct subject *s)
{
	/* A socket that is not within reach may be a UNIX socket. */
	int is_unix = strcmp(info->type, "unix") == 0 ||
	    (s->fd == -1 && S_ISSOCK(s->st.st_mode));
	unsigned long peer = is_unix ? sys_peer_inode(s->st.st_ino) : 0;

	if (is_unix)
		add_inflight(t, s);
	add_number(t, "inode", (long long)s->st.st_ino);
	if (peer != 0)
		add_number(t, "peer-inode", (long long)peer);
}

static void
describe(struct info *info, struct subject *s)
{
	struct text t;

	s->link[0] = '\0';
#ifdef SYS_LINUX
	{
		char path[64];
		ssize_t n;

		snprintf(path, sizeof path, "%s/fd/%d", s->proc, s->number);
		n = readlink(path, s->link, sizeof s->link - 1);
		s->link[n > 0 ? n : 0] = '\0';
	}
#endif
	text_init(&t, info->details, sizeof info->details);
	describe_mode(info, s);
	describe_kind(info, &t, s);
	describe_inode(info, &t, s);
}

/* A descriptor of this process. */
static int
get_own(struct info *info, int fd, int cloexec)
{
	struct subject s;

	if (fstat(fd, &s.st) == -1)
		return -1;
	s.fd = s.number = fd;
	s.cloexec = cloexec;
	snprintf(s.proc, sizeof s.proc, "/proc/self");
	describe(info, &s);
	return 0;
}

/*
 * Is this process a zombie? It has no descriptors left, and its directory in
 * /proc belongs to root.
 */
static int
has_ended(long pid)
{
#ifdef SYS_LINUX
	char path[40], state[32];

	snprintf(path, sizeof path, "/proc/%ld/status", pid);
	return look_up(path, "State:", state, sizeof state) > 0 &&
	    (state[0] == 'Z' || state[0] == 'X');
#else
	(void)pid;
	return 0;
#endif
}

/*
 * Without permission to duplicate the descriptor, /proc may tell: that takes
 * only the permission to look, not to trace.
 */
static int
get_from_proc(struct info *info, long pid, int fd)
{
#ifdef SYS_LINUX
	struct subject s;
	char path[64];

	snprintf(s.proc, sizeof s.proc, "/proc/%ld", pid);
	snprintf(path, sizeof path, "%s/fd", s.proc);
	if (stat(path, &s.st) == -1)
		return -1;
	snprintf(path, sizeof path, "%s/fd/%d", s.proc, fd);
	if (stat(path, &s.st) == -1) {
		if (errno == ENOENT)
			errno = EBADF;
		return -1;
	}
	s.fd = s.cloexec = -1;
	s.number = fd;
	describe(info, &s);
	return 0;
#else
	(void)info;
	(void)pid;
	(void)fd;
	errno = ENOSYS;
	return -1;
#endif
}

/*
 * Whether the original is close-on-exec; our duplicate always is. -1: unknown.
 */
static int
cloexec_of(long pid, int fd)
{
#ifdef SYS_LINUX
	char path[64], value[32];

	snprintf(path, sizeof path, "/proc/%ld/fdinfo/%d", pid, fd);
	if (look_up(path, "flags:", value, sizeof value) > 0)
		return (strtol(value, NULL, 8) & O_CLOEXEC) != 0;
#else
	(void)pid;
	(void)fd;
#endif
	return -1;
}

int
info_get(struct info *info, long pid, int fd)
{
	int copy, saved, r;

	if (pid == 0) {
		r = fcntl(fd, F_GETFD);
		return r == -1 ? -1 : get_own(info, fd, (r & FD_CLOEXEC) != 0);
	}
	copy = sys_fd_of_process(pid, fd);
	if (copy == -1) {
		saved = errno;
		if (saved == EBADF || saved == ESRCH)
			return -1;
		if (get_from_proc(info, pid, fd) == 0)
			return 0;
		if (errno != EBADF)
			errno = has_ended(pid) ? ESRCH : saved;
		return -1;
	}
	r = get_own(info, copy, cloexec_of(pid, fd));
	saved = errno;
	close(copy);
	errno = saved;
	return r;
}

void
info_type(char *text, size_t size, int fd)
{
	static const struct {
		const char *type;
		const char *words;
	} names[] = {
	    {"file", "regular file"},
	    {"character", "character device"},
	    {"block", "block device"},
	    {"unknown", "thing of unknown type"},
	};
	struct info info;
	struct stat st;
	int saved = errno;
	const char *words = info.type;
	size_t i;

	if (get_own(&info, fd, -1) == -1)
		set_type(&info, "closed descriptor");
	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(info.type, names[i].type) == 0)
			words = names[i].words;
	if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
		words = "socket";
	if (words[0] == 's' && descriptor_is_listening(fd) > 0)
		words = "listening socket";
	snprintf(text, size, "%s", words);
	errno = saved;
}

void
info_describe(char *text, size_t size, int fd)
{
	struct info info;
	struct text t;
	int saved = errno;

	text_init(&t, text, size);
	if (get_own(&info, fd, -1) == -1)
		text_add(&t, "closed");
	else
		text_add(&t, "%s %s %s %s", info.type, info.access, info.flags,
		    info.details);
	errno = saved;
}

struct list {
	int *fds;
	size_t count;
	size_t room;
};

/*
 * Make room for one more. An empty list gets memory too, for NULL is a failure.
 */
static int
grow(struct list *l)
{
	int *more;

	if (l->count < l->room)
		return 0;
	more = realloc(l->fds, (2 * l->room + 64) * sizeof *more);
	if (more == NULL)
		return -1;
	l->fds = more;
	l->room = 2 * l->room + 64;
	return 0;
}

#ifdef SYS_LINUX
static int
by_number(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

/*
 * Add the numbers that are names in this directory; if own, without the
 * descriptor that reads the directory.
 */
static int
list_directory(struct list *l, const char *path, int own)
{
	struct dirent *entry;
	int fd, failed;
	DIR *d;

	d = opendir(path);
	if (d == NULL)
		return -1;
	failed = grow(l);
	while (failed == 0 && (entry = readdir(d)) != NULL) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		fd = atoi(entry->d_name);
		if (own && fd == dirfd(d))
			continue;
		l->fds[l->count++] = fd;
		failed = grow(l);
	}
	closedir(d);
	if (failed == 0)
		qsort(l->fds, l->count, sizeof *l->fds, by_number);
	return failed;
}
#endif

static int
list_own(struct list *l)
{
	size_t i, n = 0;
	int fd = -1, r;

#ifdef SYS_LINUX
	r = list_directory(l, "/proc/self/fd", 1);
#else
	r = -1;
#endif
	if (r == -1) {
		l->count = 0;
		while (
		    (r = grow(l)) == 0 && (fd = descriptors_next(fd + 1)) != -1)
			l->fds[l->count++] = fd;
	}
	/* The placeholders for closed descriptors are not the caller's. */
	for (i = 0; r == 0 && i < l->count; i++)
		if (descriptors_is_open(l->fds[i]))
			l->fds[n++] = l->fds[i];
	l->count = n;
	return r;
}

int *
info_list(long pid, size_t *count)
{
	struct list l = {NULL, 0, 0};
	int r, saved;

	if (pid == 0) {
		r = list_own(&l);
	} else {
#ifdef SYS_LINUX
		char path[40];

		snprintf(path, sizeof path, "/proc/%ld/fd", pid);
		r = list_directory(&l, path, 0);
		if (r == -1 && has_ended(pid))
			r = grow(&l);
#else
		errno = ENOSYS;
		r = -1;
#endif
	}
	*count = l.count;
	if (r == 0)
		return l.fds;
	saved = errno;
	free(l.fds);
	errno = saved;
	return NULL;
}

/*
 * Find the open file description of fd among the n in sorted, which have the
 * kernel's order: *at is its place, or where it belongs. Returns 1 if it is
 * there, 0 if not, -1 if the system does not tell.
 */
static int
find(long pid, const int *sorted, size_t n, int fd, size_t *at)
{
	size_t low = 0, high = n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		switch (sys_same_description(pid, fd, pid, sorted[middle])) {
		case 0:
			*at = middle;
			return 1;
		case 1:
			high = middle;
			break;
		case 2:
			low = middle + 1;
			break;
		default:
			return -1;
		}
	}
	*at = low;
	return 0;
}

int
info_groups(long pid, const int *fds, size_t n, int *groups)
{
	size_t i, at, known = 0;
	int *sorted;

	if (pid == 0)
		pid = (long)getpid();
	sorted = malloc((n + 1) * sizeof *sorted);
	if (sorted == NULL)
		return -1;
	for (i = 0; i < n; i++) {
		groups[i] = fds[i];
		switch (find(pid, sorted, known, fds[i], &at)) {
		case 1:
			groups[i] = sorted[at];
			break;
		case 0:
			memmove(sorted + at + 1, sorted + at,
			    (known - at) * sizeof *sorted);
			sorted[at] = fds[i];
			known++;
			break;
		}
	}
	free(sorted);
	return 0;
}
