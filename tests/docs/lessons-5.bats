# SPDX-License-Identifier: ISC
# The course, part V: what fdpass-lessons-5(7) shows on the screen is what
# happens when its commands are typed, one after the other.

load ../lib/helpers
load ../lib/examples
load ../lib/lessons
load ../lib/loadable

setup()
{
	common_setup
	common_lessons
}

@test "23. hostile descriptors" {
	learn 23
}

@test "24. a conversation" {
	learn 24
}

@test "25. a worker in bash, and in C" {
	need bash
	need_loadable
	learn 25
}

@test "part V in one directory, with bash" {
	long_trial
	need bash
	need_loadable
	course bash 23 24 25
}

@test "part V in one directory, with zsh" {
	long_trial
	need bash zsh
	need_loadable
	course zsh 23 24 25
}
