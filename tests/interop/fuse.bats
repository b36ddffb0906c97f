# SPDX-License-Identifier: ISC
# fusermount3: it mounts, and hands over the descriptor of the mount.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load ../lib/helpers

teardown()
{
	if grep -qs " $PWD/mnt " /proc/mounts; then
		fusermount3 -u -z mnt
	fi
	common_teardown
}

@test "fusermount3 mounts, and fdrecv gets the descriptor" {
	need fusermount3
	[ -c /dev/fuse ] || skip "no /dev/fuse here"
	mkdir mnt
	run_limited fdpipe env _FUSE_COMMFD=1 fusermount3 -o ro mnt '|' \
		fdrecv -f 5 - sh -c 'fdinfo 5; grep " $PWD/mnt " /proc/mounts'
	[[ $output != *"ermission"* && $output != *"not permitted"* ]] ||
		skip "no right to mount"
	is_status 0
	like "$output" "*5 *character rw *"
	like "$output" "*/dev/fuse $PWD/mnt fuse ro,*"
}
