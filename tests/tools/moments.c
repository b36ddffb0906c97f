/* SPDX-License-Identifier: ISC */
/*
 * moments - end a pipeline by a signal, at random moments, over and over.
 *
 *	moments [-kp] [-a PATH] [-d MICROSECONDS] [-g STAGE] [-n ROUNDS]
 *	        [-S SEED] [-w NUMBER] -m MODE -s SIGNAL
 *	        COMMAND [ARG...] ['||' COMMAND [ARG...]]...
 *
 * Each round starts the commands, with ordinary pipes between them, gives the
 * first one work, and sends SIGNAL (a name without SIG) to command number
 * STAGE (default 1, the first; 0: to all), with -p to all their descendants
 * too, after 0 to MICROSECONDS (default 20000), counted from the beginning, or
 * from when NUMBER connections were served. All must end. Work is connections,
 * each with some bytes on it and then the end; whoever takes one must send the
 * bytes back. MODE says how they come:
 *
 *	listen  clients of a listening UNIX socket, the command's descriptor 3
 *	name    handed over to the UNIX socket PATH
 *	stream  sent to standard input, a pair of UNIX sockets
 *	none    nothing comes
 *
 * What was taken, and did not come back, is lost: on a name, what was answered
 * by NUL or an end of file; on a stream and a listening socket, what is not in
 * the queue any more. twice: a hand-over that looked failed, but was served.
 * wrong: an exit status that is not promised: death by SIGNAL, but with -k and
 * SIGTERM, 0. (Before it has taken anything, SIGTERM may find the command still
 * without its handler: early. If all get it, the end of a neighbour may come
 * first.) left: PATH is there after the end, or something in TMPDIR. hung: not
 * ended within 10 s, and killed.
 *
 * Prints one line; exit status 0 if nothing was lost, twice, wrong, left or
 * hung.
 */
#define _GNU_SOURCE
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STAGES 4
#define AT_ONCE 8
#define MOST 4096 /* connections in one round */
#define WAIT 10.0 /* s */

enum mode { NONE, LISTEN, NAME, STREAM };

enum state { CONNECT, SEND, SHUT, ANSWER, TAKEN, QUEUED, REFUSED };

struct work {
	enum state state;
	int mine; /* our end of the connection */
	int yours;
	int sock; /* of the hand-over */
	char bytes[16];
	size_t length;
	size_t payload;
	size_t got;
	int served;
	int ended;
};

static struct {
	enum mode mode;
	int keep;
	int group;
	int signal;
	long delay;
	long least;
	long rounds;
	int target;
	const char *path;
	char **commands[STAGES];
	int stages;
} option;

static struct {
	long rounds, messages, taken, lost, twice, wrong, left, hung, early;
} sum;

static struct work works[MOST];
static size_t n_works;
static pid_t pids[STAGES];
static int statuses[STAGES];
static int listener = -1, stream[2] = {-1, -1};
static char listen_path[64];
static int complaints;

static void
die(const char *what)
{
	fprintf(stderr, "moments: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void
usage(void)
{
	fprintf(stderr, "usage: moments -m MODE -s SIGNAL COMMAND...\n");
	exit(2);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The first few that went wrong are told. */
static int
tell(void)
{
	if (complaints++ >= 10)
		return 0;
	fprintf(stderr, "moments: round %ld: ", sum.rounds);
	return 1;
}

static socklen_t
address(struct sockaddr_un *sun, const char *path)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sun->sun_path))
		usage();
	strcpy(sun->sun_path, path);
	return (socklen_t)sizeof(*sun);
}

/* --- the commands */

static void
become(int stage, int in, int out)
{
	sigset_t none;

	if (option.group)
		setpgid(0, stage == 0 ? 0 : pids[0]);

	/* Nothing is left behind, whatever becomes of us. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* The shell has its background jobs ignore it. */
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	/* All of them are above 3, see main(). */
	if ((in != -1 && dup2(in, STDIN_FILENO) == -1) ||
	    (out != -1 && dup2(out, STDOUT_FILENO) == -1))
		_exit(125);
	if (stage == 0 && option.mode == LISTEN && dup2(listener, 3) == -1)
		_exit(125);
	execvp(option.commands[stage][0], option.commands[stage]);
	_exit(127);
}

static void
start_stages(void)
{
	int i, in = stream[0], next[2];

	for (i = 0; i < option.stages; i++) {
		next[0] = next[1] = -1;
		if (i + 1 < option.stages && pipe2(next, O_CLOEXEC) == -1)
			die("pipe");
		pids[i] = fork();
		if (pids[i] == -1)
			die("fork");
		if (pids[i] == 0)
			become(i, in, next[1]);
		if (option.group)
			setpgid(pids[i], pids[0]);
		if (i > 0)
			close(in);
		close(next[1]);
		in = next[0];
	}
}

/* Collect those that have ended; how many still run. */
static int
reap(void)
{
	int i, running = 0;

	for (i = 0; i < option.stages; i++) {
		if (pids[i] == 0)
			continue;
		if (waitpid(pids[i], &statuses[i], WNOHANG) == pids[i])
			pids[i] = 0;
		else
			running++;
	}
	return running;
}

/* --- the work */

static struct work *
new_work(void)
{
	struct work *w;
	size_t i;

	if (n_works == MOST)
		return NULL;
	w = &works[n_works++];
	memset(w, 0, sizeof(*w));
	w->mine = w->yours = w->sock = -1;
	w->length = 2 + (size_t)random() % (sizeof(w->bytes) - 1);
	/* By the first two it is known: see empty_queue(). */
	w->bytes[0] = (char)(n_works & 0xff);
	w->bytes[1] = (char)(n_works >> 8);
	for (i = 2; i < w->length; i++)
		w->bytes[i] = (char)random();
	w->payload = random() % 2 ? 1 : 1 + (size_t)random() % 20;
	sum.messages++;
	return w;
}

static void
load(struct work *w)
{
	if (send(w->mine, w->bytes, w->length, MSG_NOSIGNAL) !=
	    (ssize_t)w->length)
		w->ended = 1;
	shutdown(w->mine, SHUT_WR);
}

static void
make_pair(struct work *w)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		pair) == -1)
		die("socketpair");
	/* It is to be taken as an ordinary connection. */
	fcntl(pair[1], F_SETFL, fcntl(pair[1], F_GETFL) & ~O_NONBLOCK);
	w->mine = pair[0];
	w->yours = pair[1];
	load(w);
}

static ssize_t
send_rights(int s, const char *bytes, size_t n, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov;
	struct msghdr m;
	struct cmsghdr *h;

	memset(&m, 0, sizeof(m));
	memset(&control, 0, sizeof(control));
	iov.iov_base = (void *)(size_t)bytes;
	iov.iov_len = n;
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_control = control.bytes;
	m.msg_controllen = sizeof(control.bytes);
	h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	return sendmsg(s, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* One step of a hand-over to a name. */
static void
step_name(struct work *w)
{
	static const char zeros[32], text[] = "a payload of some bytes";
	struct sockaddr_un sun;
	socklen_t length = address(&sun, option.path);
	char answer;
	ssize_t n;

	if (w->state == CONNECT) {
		if (connect(w->sock, (struct sockaddr *)&sun, length) == -1) {
			w->state = REFUSED;
			return;
		}
		w->state = SEND;
	}
	if (w->state == SEND) {
		if (send_rights(w->sock, w->payload == 1 ? zeros : text,
			w->payload, w->yours) == -1) {
			w->state = REFUSED;
			return;
		}
		close(w->yours);
		w->yours = -1;
		w->state = SHUT;
		/* Sometimes a while between the two. */
		if (random() % 2)
			return;
	}
	if (w->state == SHUT) {
		shutdown(w->sock, SHUT_WR);
		w->state = ANSWER;
	}
	n = recv(w->sock, &answer, 1, MSG_DONTWAIT);
	if (n == 0 || (n == 1 && answer == '\0'))
		w->state = TAKEN;
	else if (n == 1 || errno != EAGAIN)
		w->state = REFUSED;
}

static void
end_handover(struct work *w)
{
	if (w->state < TAKEN)
		return;
	if (w->sock != -1)
		close(w->sock);
	if (w->yours != -1)
		close(w->yours);
	w->sock = w->yours = -1;
}

static int
begin(struct work *w)
{
	struct sockaddr_un sun;
	socklen_t length;

	switch (option.mode) {
	case LISTEN:
		w->mine = socket(
		    AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		length = address(&sun, listen_path);
		if (w->mine == -1 ||
		    connect(w->mine, (struct sockaddr *)&sun, length) == -1)
			die(listen_path);
		load(w);
		w->state = QUEUED;
		break;
	case STREAM:
		make_pair(w);
		/* Which of them it is, if it stays in the queue. */
		if (send_rights(stream[1], (char *)&w, sizeof(w), w->yours) ==
		    -1) {
			close(w->yours);
			close(w->mine);
			n_works--;
			sum.messages--;
			return -1;
		}
		close(w->yours);
		w->yours = -1;
		w->state = QUEUED;
		break;
	case NAME:
		make_pair(w);
		w->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (w->sock == -1)
			die("socket");
		step_name(w);
		end_handover(w);
		/* Nobody is there yet, or any more: not worth counting. */
		if (w->state == REFUSED) {
			close(w->mine);
			n_works--;
			sum.messages--;
			return -1;
		}
		break;
	case NONE:
		return -1;
	}
	return 0;
}

/* What has come back? */
static void
collect(struct work *w)
{
	char bytes[64];
	ssize_t n;

	while (!w->ended) {
		n = recv(w->mine, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n == -1 && errno == EAGAIN)
			return;
		if (n > 0 && w->got + (size_t)n <= w->length &&
		    memcmp(bytes, w->bytes + w->got, (size_t)n) == 0) {
			w->got += (size_t)n;
			continue;
		}
		w->ended = 1;
		w->served = n == 0 && w->got == w->length;
	}
}

/* Whether it needs no more attention. */
static int
is_over(const struct work *w)
{
	return w->ended && w->state >= TAKEN;
}

static size_t
step_all(void)
{
	size_t i, open = 0;

	for (i = 0; i < n_works; i++) {
		struct work *w = &works[i];

		if (w->state < TAKEN) {
			step_name(w);
			end_handover(w);
		}
		collect(w);
		open += !is_over(w);
	}
	return open;
}

/* --- a round */

static void
open_work(void)
{
	struct sockaddr_un sun;
	socklen_t length;

	n_works = 0;
	if (option.mode == STREAM &&
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, stream) == -1)
		die("socketpair");
	if (option.mode != LISTEN)
		return;
	snprintf(
	    listen_path, sizeof(listen_path), "./moments.%ld", (long)getpid());
	unlink(listen_path);
	length = address(&sun, listen_path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener == -1 ||
	    bind(listener, (struct sockaddr *)&sun, length) == -1 ||
	    listen(listener, MOST) == -1)
		die(listen_path);
}

/* What is left in the queue was not taken. */
static void
empty_queue(void)
{
	struct sockaddr_un sun;
	struct work *w;
	socklen_t length;
	size_t i;
	char bytes[16];
	int s;

	for (;;) {
		if (option.mode == STREAM) {
			/* Without a control message, its descriptor goes. */
			if (recv(stream[0], &w, sizeof(w), MSG_DONTWAIT) !=
			    (ssize_t)sizeof(w))
				return;
			w->state = REFUSED;
			continue;
		}
		if (option.mode != LISTEN)
			return;
		fcntl(listener, F_SETFL, O_NONBLOCK);
		length = sizeof(sun);
		s = accept(listener, (struct sockaddr *)&sun, &length);
		if (s == -1)
			return;
		/* Who of them it is, nobody tells but its bytes. */
		memset(bytes, 0, sizeof(bytes));
		length = (socklen_t)recv(s, bytes, sizeof(bytes), MSG_DONTWAIT);
		for (i = 0; i < n_works; i++) {
			w = &works[i];
			if (w->state == QUEUED && !w->ended &&
			    w->length == (size_t)length &&
			    memcmp(bytes, w->bytes, w->length) == 0) {
				w->state = REFUSED;
				break;
			}
		}
		close(s);
	}
}

static void
account(void)
{
	size_t i;

	for (i = 0; i < n_works; i++) {
		struct work *w = &works[i];

		if (w->state == QUEUED)
			w->state = TAKEN;
		sum.taken += w->state == TAKEN;
		if (w->state == TAKEN && !w->served) {
			sum.lost++;
			if (tell())
				fprintf(stderr,
				    "number %zu of %zu was taken and %s, "
				    "payload %zu\n",
				    i + 1, n_works,
				    w->ended ? "dropped" : "not served",
				    w->payload);
		}
		if (w->state == REFUSED && w->served) {
			sum.twice++;
			if (tell())
				fprintf(stderr,
				    "number %zu of %zu was not taken, but "
				    "served\n",
				    i + 1, n_works);
		}
		if (w->state < TAKEN && tell())
			fprintf(stderr, "number %zu has no answer\n", i + 1);
		close(w->mine);
		if (w->sock != -1)
			close(w->sock);
		if (w->yours != -1)
			close(w->yours);
	}
}

static void
check_status(int stage)
{
	int status = statuses[stage];
	int orderly = option.keep && option.signal == SIGTERM;
	size_t i, taken = 0;

	if (WIFSIGNALED(status) && WTERMSIG(status) == option.signal) {
		for (i = 0; i < n_works; i++)
			taken += works[i].state == TAKEN;
		if (!orderly)
			return;
		if (taken == 0) {
			sum.early++;
			return;
		}
	}
	if (orderly && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	/* Its neighbours may have ended before its own signal came. */
	if (option.target == -1 &&
	    ((WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
		(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE)))
		return;
	sum.wrong++;
	if (tell())
		fprintf(stderr, "%s: %s %d\n", option.commands[stage][0],
		    WIFEXITED(status) ? "exit status" : "died by signal",
		    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static void
check_left(void)
{
	const char *tmp = getenv("TMPDIR");
	struct dirent *entry;
	struct stat st;
	DIR *d;

	if (option.path != NULL && lstat(option.path, &st) == 0) {
		sum.left++;
		if (tell())
			fprintf(stderr, "%s is still there\n", option.path);
		unlink(option.path);
	}
	d = tmp != NULL ? opendir(tmp) : NULL;
	while (d != NULL && (entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.') {
			sum.left++;
			if (tell())
				fprintf(stderr, "%s/%s is still there\n", tmp,
				    entry->d_name);
		}
	if (d != NULL)
		closedir(d);
}

static void
play(void)
{
	double begun = now(), last = begun, at, deadline, t;
	size_t open = 0, n;
	long served = 0;
	int i, sent = 0;
	pid_t group;

	open_work();
	start_stages();
	group = pids[0];
	at = begun + (double)(random() % (option.delay + 1)) / 1e6;
	deadline = begun + WAIT;
	while (reap() > 0) {
		t = now();
		if (served < option.least) {
			for (served = 0, n = 0; n < n_works; n++)
				served += works[n].served;
			at += t - last;
		}
		last = t;
		if (!sent && served >= option.least && now() >= at) {
			if (option.group)
				kill(-group, option.signal);
			for (i = 0; i < option.stages && !option.group; i++)
				if (pids[i] != 0 &&
				    (option.target == -1 || option.target == i))
					kill(pids[i], option.signal);
			sent = 1;
			if (stream[1] != -1)
				close(stream[1]);
			stream[1] = -1;
		}
		/* Work comes on for a while after the signal. */
		while (option.mode != NONE && open < AT_ONCE &&
		    now() < at + 0.002 && (!sent || option.mode != STREAM)) {
			struct work *w = new_work();

			if (w == NULL || begin(w) == -1)
				break;
			open++;
		}
		open = step_all();
		if (now() >= deadline) {
			sum.hung++;
			if (tell())
				fprintf(stderr, "hung\n");
			if (option.group)
				kill(-group, SIGKILL);
			for (i = 0; i < option.stages; i++)
				if (pids[i] != 0)
					kill(pids[i], SIGKILL);
			deadline += WAIT;
		}
		poll(NULL, 0, sent ? 1 : 0);
	}
	empty_queue();
	/* A COMMAND may still be at work. */
	deadline = now() + WAIT;
	while (now() < deadline) {
		size_t left = 0;

		step_all();
		for (n = 0; n < n_works; n++)
			left += works[n].state != REFUSED && !works[n].ended;
		if (left == 0)
			break;
		poll(NULL, 0, 1);
	}
	account();
	for (i = 0; i < option.stages; i++)
		if (option.target == -1 || option.target == i)
			check_status(i);
	check_left();
	if (listener != -1) {
		close(listener);
		unlink(listen_path);
	}
	for (i = 0; i < 2; i++) {
		if (stream[i] != -1)
			close(stream[i]);
		stream[i] = -1;
	}
	listener = -1;
	sum.rounds++;
}

static int
signal_number(const char *name)
{
	return strcmp(name, "TERM") == 0 ? SIGTERM :
	    strcmp(name, "INT") == 0     ? SIGINT :
	    strcmp(name, "HUP") == 0     ? SIGHUP :
	    strcmp(name, "KILL") == 0    ? SIGKILL :
					   (usage(), 0);
}

static enum mode
mode_number(const char *name)
{
	return strcmp(name, "listen") == 0 ? LISTEN :
	    strcmp(name, "name") == 0      ? NAME :
	    strcmp(name, "stream") == 0    ? STREAM :
	    strcmp(name, "none") == 0      ? NONE :
					     (usage(), NONE);
}

int
main(int argc, char *argv[])
{
	unsigned seed = 1;
	long i;
	int c;

	option.delay = 20000;
	option.rounds = 100;
	while ((c = getopt(argc, argv, "+kpa:d:g:m:n:s:S:w:")) != -1)
		switch (c) {
		case 'k':
			option.keep = 1;
			break;
		case 'p':
			option.group = 1;
			option.target = -1;
			break;
		case 'a':
			option.path = optarg;
			break;
		case 'd':
			option.delay = atol(optarg);
			break;
		case 'g':
			option.target = atoi(optarg) - 1;
			break;
		case 'm':
			option.mode = mode_number(optarg);
			break;
		case 'n':
			option.rounds = atol(optarg);
			break;
		case 's':
			option.signal = signal_number(optarg);
			break;
		case 'S':
			seed = (unsigned)atol(optarg);
			break;
		case 'w':
			option.least = atol(optarg);
			break;
		default:
			usage();
		}
	/* What is opened later shall be above 3. */
	while ((c = open("/dev/null", O_RDWR | O_CLOEXEC)) <= 3)
		if (c == -1)
			die("/dev/null");
		else if (c < 3)
			fcntl(c, F_SETFD, 0);
	close(c);
	for (i = optind; i < argc; i++) {
		if (option.stages == STAGES)
			usage();
		option.commands[option.stages++] = argv + i;
		while (i < argc && strcmp(argv[i], "||") != 0)
			i++;
		argv[i] = NULL;
	}
	if (option.stages == 0 || option.target >= option.stages ||
	    option.signal == 0 || option.delay < 0)
		usage();
	srandom(seed);
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < option.rounds; i++)
		play();
	printf("rounds=%ld messages=%ld taken=%ld lost=%ld twice=%ld "
	       "wrong=%ld left=%ld hung=%ld early=%ld\n",
	    sum.rounds, sum.messages, sum.taken, sum.lost, sum.twice, sum.wrong,
	    sum.left, sum.hung, sum.early);
	return sum.lost + sum.twice + sum.wrong + sum.left + sum.hung == 0 ? 0 :
									     1;
}
