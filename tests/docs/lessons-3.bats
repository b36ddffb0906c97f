# SPDX-License-Identifier: ISC
# The course, part III: what fdpass-lessons-3(7) shows on the screen is what
# happens when its commands are typed, one after the other.

load ../lib/helpers
load ../lib/examples
load ../lib/lessons

setup()
{
	common_setup
	common_lessons
}

@test "13. in flight" {
	learn 13
}

@test "14. cycles and the collector" {
	learn 14
}

@test "15. giving up" {
	learn 15
}

@test "16. many workers" {
	learn 16
}

@test "17. a worker dies; stale names" {
	learn 17
}

@test "part III in one directory, with bash" {
	long_trial
	need bash
	course bash 13 14 15 16 17
}

@test "part III in one directory, with zsh" {
	long_trial
	need zsh
	course zsh 13 14 15 16 17
}
