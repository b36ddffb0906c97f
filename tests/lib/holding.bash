# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# What the tests of fdrecv -c load beside the helpers.

# holder NAME ARG...: a holder of /etc/passwd at ./keep, sent with these ARG.
holder()
{
	local name=$1

	shift
	start "$name" sh -c 'exec fdlisten -k ./keep fdsend -f 9 "$@" - \
		9</etc/passwd' sh "$@"
	up ./keep
}
