# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# What the tests of bash's builtin recvfd load beside the helpers.

# build_loadable: build recvfd once for all tests of a file; for its setup_file.
build_loadable()
{
	if type -P pkg-config flock >/dev/null && pkg-config --exists bash &&
		make_loadable; then
		export loadable_built=yes
	fi
}

# Another test file may be about to build it, too.
make_loadable()
{
	flock "${top_dir:?}/Makefile" env -u MAKEFLAGS -u MAKELEVEL \
		make -C "$top_dir" bash
}

# need_loadable: let bash find recvfd, built here where it was not before; skip
# this test where bash's headers are missing.
need_loadable()
{
	# It cannot be loaded into a bash that is not built like it.
	not_sanitized "bash itself has none"
	[ "${FDPASS_VARIANT-}" != 32-bit ] || skip "bash has 64 bits"
	if [ -z "${loadable_built-}" ]; then
		need pkg-config flock
		pkg-config --exists bash || skip "bash's headers are not installed"
		run make_loadable
		is_status 0
	fi
	export BASH_LOADABLES_PATH=$top_dir/cmd/bash
	unset BASH_ENV
}
