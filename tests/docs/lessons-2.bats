# SPDX-License-Identifier: ISC
# The course, part II: what fdpass-lessons-2(7) shows on the screen is what
# happens when its commands are typed, one after the other.

load ../lib/helpers
load ../lib/examples
load ../lib/lessons

setup()
{
	common_setup
	common_lessons
}

@test "7. a byte is needed" {
	learn 7
}

@test "8. read() loses descriptors" {
	learn 8
}

@test "9. room for control messages" {
	learn 9
}

@test "10. 253, and the full table" {
	learn 10
}

@test "11. stream, seqpacket, datagram" {
	learn 11
}

@test "12. peek and choose" {
	learn 12
}

@test "part II in one directory, with bash" {
	long_trial
	need bash
	course bash 7 8 9 10 11 12
}

@test "part II in one directory, with zsh" {
	long_trial
	need zsh
	course zsh 7 8 9 10 11 12
}
