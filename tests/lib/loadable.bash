# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# What the tests of bash's builtin recvfd load beside the helpers.

# need_loadable: build recvfd, and let bash find it; skip this test where bash's
# headers are missing.
need_loadable()
{
	local top=${top_dir:?}

	# It cannot be loaded into a bash that is not built like it.
	not_sanitized "bash itself has none"
	[ "${FDPASS_VARIANT-}" != 32-bit ] || skip "bash has 64 bits"
	need pkg-config flock
	pkg-config --exists bash || skip "bash's headers are not installed"
	# Another test file may be about to build it, too.
	run flock "$top/Makefile" env -u MAKEFLAGS -u MAKELEVEL make -C "$top" \
		bash
	is_status 0
	export BASH_LOADABLES_PATH=$top/cmd/bash
	unset BASH_ENV
}
