# SPDX-License-Identifier: ISC
# The checks that these are known not to need: words split on purpose, and
# $ that a shell started by a test expands.
# shellcheck disable=SC2016,SC2086
# Descriptors whose close() waits for an hour, wherever a message can carry
# them: nobody waits for that, and COMMAND gets them as they were sent.

load ../lib/helpers
load ../lib/trials
load opponents

program=$(cat <<'END'
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <fdpass.h>

static volatile sig_atomic_t ending;

static void
on_signal(int sig)
{
	ending = sig;
}

int
main(int argc, char *argv[])
{
	static char payload[FDPASS_MAX_PAYLOAD + 1];
	struct fdpass_message m;
	struct sigaction sa;
	int c, s;

	memset(&sa, 0, sizeof sa);
	sa.sa_handler = on_signal;
	sigaction(SIGTERM, &sa, NULL);
	s = fdpass_listen(argv[argc - 1], 0600);
	while (s != -1 && !ending) {
		fdpass_buffer(&m, payload, sizeof payload);
		c = fdpass_accept(s, &m);
		if (c == -1 && errno == EINTR)
			continue;
		if (c == -1)
			break;
		fdpass_answer(c, FDPASS_TAKEN);
		close(c);
		fdpass_close(&m);
	}
	unlink(argv[argc - 1]);
	return !ending;
}
END
)

setup_file()
{
	export installed=$BATS_FILE_TMPDIR/fdpass

	command -v "${CC:-cc}" >/dev/null || return 0
	env -u MAKEFLAGS -u MAKELEVEL make -C "${BATS_TEST_DIRNAME:?}/../.." \
		install DESTDIR= PREFIX="$installed" \
		>"$BATS_FILE_TMPDIR/log" 2>&1 ||
		{ cat "$BATS_FILE_TMPDIR/log" >&2; return 1; }
}

setup()
{
	common_setup
	need_proc
	need_linux
}

name_is_gone()
{
	[ ! -e ./s ]
}

# bears COMMAND KIND...: each of them; the next sender is served, and signals
# arrive. COMMAND is a string and makes ./s.
bears()
{
	local row=$1 kind options pids process signs

	shift
	for kind; do
		cell="$row x $kind"
		times=
		options=
		signs=(name_is_gone)
		for process in $(all_but_opponents); do
			fault "left before: $(ps -o args= -p "$process")"
		done
		if [ "$kind" = rest ]; then
			start victim with -l 20 $row
		else
			start victim $row
		fi
		case $row in
		*fd:3*) keeps_name=yes; signs=(gone_process "$pid") ;;
		*"-n 2"*) wait_for has 2 children "$pid" ;;
		esac
		pids=$pid
		up ./s
		for process in $(all_but_opponents); do
			options+=" -s $process"
		done
		start opponent opponent give $options "$kind" ./s
		within 8000 test -s opponent.out || fault "no answer at all"
		times=" $(tail -n 1 opponent.out)"
		case $row in
		*fdecho*) probed -e ;;
		*) probed ;;
		esac
		ends_in_time "$pids" "${signs[@]}"
		clear_away
		tell_times
	done
}

everywhere="linger negative nested deep two second oob rest longer"

@test "fdrecv -k ./s COMMAND: it waits for nobody's close" {
	bears "fdrecv -k ./s true" $everywhere
	no_faults
}

@test "fdrecv -n ./s COMMAND: it waits for nobody's close" {
	bears "fdrecv -n 2 ./s true" $everywhere
	no_faults
}

@test "fdrecv -k ./s that shows: it waits for nobody's close" {
	bears "fdrecv -k ./s" $everywhere
	no_faults
}

# Its timer is what interrupts such a close.
@test "fdrecv -k ./s with SIGALRM blocked: it waits for nobody's close" {
	bears "with -b ALRM fdrecv -k ./s" linger negative
	no_faults
}

@test "fdrecv -k fd:3, listening: it waits for nobody's close" {
	bears "fdlisten -l ./s fdrecv -k fd:3 true" linger negative nested rest
	no_faults
}

@test "fdecho ./s: it waits for nobody's close" {
	bears "fdecho ./s" $everywhere inside insideoob insidenested
	no_faults
}

@test "fdpass_accept(): it waits for nobody's close" {
	local include

	need "${CC:-cc}"
	include=$installed/include
	printf '%s\n' "$program" >accepts.c
	run_limited "${CC:-cc}" -D_POSIX_C_SOURCE=200809L -I "$include" \
		-o accepts accepts.c "$installed/lib/libfdpass.a"
	is_status 0
	bears "./accepts ./s" linger negative nested rest longer
	no_faults
}

# --- streams

# borne COMMAND KIND...: the same where messages come by standard input; the
# good one behind is served.
borne()
{
	local row=$1 name=$2 kind process

	shift 2
	for kind; do
		cell="$row x $kind"
		times=
		case $row in
		*" ./t") start sink fdecho ./t; up ./t ;;
		esac
		start victim opponent feed "$kind" sh -c "$row"
		if within "$SERVED" is_served; then
			times=" served $took ms;"
		else
			fault "the message behind: not served in $took ms"
		fi
		process=$(ours_named "$name" | sort -n | head -n 1)
		if [ -n "$process" ]; then
			ends_in_time "$process" true
		else
			fault "it has ended"
		fi
		clear_away
		tell_times
	done
}

is_served()
{
	grep -q '^served' victim.err || grep -q 'payload=.*\\0' victim.out ||
		[ "$(grep -c . victim.out)" -ge 2 ]
}

echoing='sh -c "[ \"\$FDRECV_PAYLOAD\" = x ] || exec fdecho"'
streamed="linger negative nested two"

@test "fdrecv -k - COMMAND: it waits for nobody's close" {
	borne "exec fdrecv -k - $echoing" fdrecv $streamed
	no_faults
}

@test "fdrecv -n - COMMAND: it waits for nobody's close" {
	borne "exec fdrecv -n 2 - $echoing" fdrecv $streamed
	no_faults
}

@test "fdrecv -k - that shows: it waits for nobody's close" {
	borne "exec fdrecv -k -" fdrecv $streamed
	no_faults
}

@test "fdecho -: it waits for nobody's close" {
	borne "exec fdecho -" fdecho $streamed
	no_faults
}

@test "fdsend -r to a name: it waits for nobody's close" {
	expendable=fdecho
	borne "exec fdsend -r ./t" fdsend $streamed
	no_faults
}

@test "fdsend -r to a stream: it waits for nobody's close" {
	expendable=fdecho
	borne "fdsend -r - | exec fdecho -" fdsend $streamed
	no_faults
}

# --- what COMMAND gets

# The shell is there to let who started it close its own copy before.
# The connection is its standard output, too.
asks='sleep 0.1; exec opponent linger >>seen'

# arrives COMMAND...: it receives from ./s; COMMAND's COMMAND sees the setting.
arrives()
{
	local setting

	for setting in "linger 1 3600" "negative 1 -*"; do
		cell="$* x ${setting%% *}"
		start victim "$@" sh -c "$asks"
		up ./s
		start opponent opponent give "${setting%% *}" ./s
		saw "${setting#* }"
	done
}

@test "COMMAND gets SO_LINGER as it was sent: fdrecv, fdrecv -k, fdrecv -n" {
	arrives fdrecv ./s
	arrives fdrecv -k ./s
	arrives fdrecv -n 1 ./s
	no_faults
}

# (The kernel shortens a negative time, and tells another one.)
#
# saw SETTING: that is what COMMAND saw first.
saw()
{
	local line=nothing

	within 3000 test -s seen && read -r line <seen
	like "$line" "linger $1" >/dev/null || fault "COMMAND saw: $line"
	term "$(process victim)"
	clear_away
	rm -f seen
}

# handed COMMAND: the same by way of a stream; COMMAND is the shell's.
handed()
{
	local setting

	for setting in "linger 1 3600" "negative 1 -*"; do
		cell="$1 x ${setting%% *}"
		start victim opponent feed "${setting%% *}" sh -c "$1"
		saw "${setting#* }"
	done
}

@test "COMMAND gets SO_LINGER as it was sent: by a stream, and by relays" {
	local receive="fdrecv -k - sh -c '$asks'"

	handed "exec $receive"
	handed "fdsend -r - | exec $receive"
	cell="through a name"
	start sink fdrecv -k ./t sh -c "$asks"
	up ./t
	start victim opponent feed linger fdsend -r ./t
	saw "1 3600"
	no_faults
}
