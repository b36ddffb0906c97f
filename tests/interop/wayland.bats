# SPDX-License-Identifier: ISC
# Wayland: a client hands its buffers to the compositor, through fdconnect.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

setup()
{
	common_setup
	need weston weston-simple-shm
	need_linux
	mkdir -m 700 run
	export XDG_RUNTIME_DIR=$PWD/run
	unset WAYLAND_DISPLAY WAYLAND_SOCKET DISPLAY
}

@test "weston shows a client's buffer that came through fdconnect" {
	# A shell of its own would start helpers that outlive the test.
	start weston weston --backend=headless-backend.so --socket=real \
		--shell=kiosk-shell.so --no-config --idle-time=0
	up run/real
	start tap fdlisten -k run/front fdconnect -v run/real
	up run/front
	start client env WAYLAND_DISPLAY=front weston-simple-shm
	# The buffer, and after that the compositor and the client talk on.
	wait_for grep -q '^C .*> .*, 1 descriptor$' tap.err
	wait_for grep -q '^C .*> .* memfd rw - name=' tap.err
	wait_for talks_on
	running client
	running weston
	stop client
	stop tap
	stop weston
	rm -f run/*
}

talks_on()
{
	awk '/ memfd / { buffer = 1 } buffer && /: < / { answer = 1 }
		answer && /: > / { found = 1 } END { exit !found }' tap.err
}
