# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# What a command says, compared whole; and how calls of a command are made to
# fail, by the preloaded library faults/fail.c.

# says STATUS LINE COMMAND...: COMMAND ends so, with this line alone.
says()
{
	local expected=$1 line=$2

	shift 2
	run_apart "$@"
	is_status "$expected"
	same "$stderr" "$line"
}

# logs NAME LINE: what was started as NAME has written this line.
logs()
{
	wait_for has_line "$1.err" "${2//[*?[\\]/\\&}" || {
		cat "$1.err"
		return 1
	}
}

# build_failing: what failing needs; for setup_file.
build_failing()
{
	local options=

	export fail_so=$BATS_FILE_TMPDIR/fail.so sanitizer=
	export errnos=$BATS_FILE_TMPDIR/errnos
	# failing CALL:N:ERRNO[,...] COMMAND...: the Nth CALL of COMMAND fails
	# so; with N+ all after it, too, with 0 each. SHORT is no errno: only
	# the first byte is sent. FAIL_SPEED=N lets time run so much faster.
	cat >"$BATS_FILE_TMPDIR/failing" <<-'EOT'
	#!/bin/sh
	plan=$(echo "$1" | tr , '\n' | awk '
		NR == FNR { number[$2] = $3; next }
		{ n = split($0, word, ":"); $0 = word[n] }
		{ printf "%s:%s:%s,", word[1], word[2], number[word[3]] + 0 }
	' "$errnos" -)
	shift
	LD_PRELOAD=$sanitizer$fail_so FAIL_CALL=$plan exec "$@"
	EOT
	# fast COMMAND...: time runs 20 times as fast for it, where it can.
	cat >"$BATS_FILE_TMPDIR/fast" <<-'EOT'
	#!/bin/sh
	[ ! -e "$fail_so" ] || {
		LD_PRELOAD=$sanitizer$fail_so FAIL_SPEED=20
		export LD_PRELOAD FAIL_SPEED
	}
	exec "$@"
	EOT
	chmod +x "$BATS_FILE_TMPDIR/failing" "$BATS_FILE_TMPDIR/fast"
	[ "$(uname -s)" = Linux ] && command -v cc >/dev/null || return 0
	# Memory and the clock are the sanitizer's.
	[ "${FDPASS_VARIANT-}" != sanitized ] || options=-DFAIL_SANITIZED
	# shellcheck disable=SC2086 # none is no word
	cc -shared -fPIC $options -o "$fail_so" \
		"${top_dir:?}/tests/faults/fail.c" -ldl || return
	echo '#include <errno.h>' | cc -dM -E - >"$errnos" || return
	# Its library has to come first.
	if [ "${FDPASS_VARIANT-}" = sanitized ]; then
		sanitizer=$(gcc -print-file-name=libasan.so):
	fi
	can_fail || rm "$fail_so"
}

# can_fail: whether the library can be preloaded; not in a static build, nor in
# one for another machine than cc's.
can_fail()
{
	local log=$BATS_FILE_TMPDIR/calls

	LD_PRELOAD=$sanitizer$fail_so FAIL_LOG=$log fdinfo 0 >"$log.out" 2>&1 ||
		:
	[ -s "$log" ]
}

# need_failing: skip this test where no call can be made to fail.
need_failing()
{
	need cc
	[ -e "$fail_so" ] || skip "nothing can be preloaded into this build"
	PATH=$BATS_FILE_TMPDIR:$PATH
}

# errno_of NAME: its number.
errno_of()
{
	awk -v name="$1" '$2 == name { print $3 }' "$errnos"
}
