/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "info.h"

#include "address.h"
#include "descriptors.h"
#include "say.h"

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

static long
look_up_fdinfo(
    const struct subject *s, const char *key, char *value, size_t size)
{
	char path[64];

	snprintf(path, sizeof path, "%s/fdinfo/%d", s->proc, s->number);
	return sys_look_up(path, key, value, size);
}

/* The process ID, and the name of the process that has it now. */
static void
add_process(struct text *t, long pid)
{
	char path[40], name[64];

	add_number(t, "pid", pid);
	snprintf(path, sizeof path, "/proc/%ld/comm", pid);
	if (sys_look_up(path, "", name, sizeof name) > 0)
		add_string(t, "command", name);
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
	char value[32];

	if (s->fd != -1)
		position = lseek(s->fd, 0, SEEK_CUR);
	else if (look_up_fdinfo(s, "pos:", value, sizeof value) > 0)
		position = (off_t)strtoll(value, NULL, 10);
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
/*
 * The name alone does not tell: a file called memfd: in the root of its file
 * system has the same one when it is deleted.
 */
static int
is_memfd(const struct subject *s)
{
	if (strncmp(s->link, "/memfd:", 7) != 0 || s->st.st_nlink != 0)
		return 0;
#ifdef F_GET_SEALS
	if (s->fd != -1 && fcntl(s->fd, F_GET_SEALS) == -1 && errno == EINVAL)
		return 0;
#endif
	return 1;
}

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
	if (is_memfd(s)) {
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
		if (S_ISDIR(mode))
			set_type(info, "directory");
		else
			set_type(info, S_ISLNK(mode) ? "symlink" : "unknown");
		add_path(t, s);
	}
}

/* Access mode and flags; fcntl() or /proc gives them as one number. */
static void
describe_mode(struct info *info, const struct subject *s)
{
	int flags = -1, cloexec = s->cloexec;
	const char *mode = "-";
	char value[32];
	struct text t;

	if (s->fd != -1) {
		flags = fcntl(s->fd, F_GETFL);
	} else if (look_up_fdinfo(s, "flags:", value, sizeof value) > 0) {
		flags = (int)strtol(value, NULL, 8);
		cloexec = (flags & O_CLOEXEC) != 0;
	}
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
	char value[32];

	if (look_up_fdinfo(s, "scm_fds:", value, sizeof value) > 0 &&
	    strtol(value, NULL, 10) > 0)
		add_number(t, "inflight", strtol(value, NULL, 10));
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

void
info_fill(struct info *info, struct subject *s)
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

/* Describe a descriptor of this process; -1 with errno if it is not open. */
int
info_fill_own(struct info *info, int fd, int cloexec)
{
	struct subject s;

	if (fstat(fd, &s.st) == -1)
		return -1;
	s.fd = s.number = fd;
	s.cloexec = cloexec;
	snprintf(s.proc, sizeof s.proc, "/proc/self");
	info_fill(info, &s);
	return 0;
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
	    {"symlink", "symbolic link"},
	    {"unknown", "thing of unknown type"},
	};
	struct info info;
	struct stat st;
	int saved = errno;
	const char *words = info.type;
	size_t i;

	if (info_fill_own(&info, fd, -1) == -1)
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
	if (info_fill_own(&info, fd, -1) == -1)
		text_add(&t, "closed");
	else
		text_add(&t, "%s %s %s %s", info.type, info.access, info.flags,
		    info.details);
	errno = saved;
}
