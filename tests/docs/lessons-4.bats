# SPDX-License-Identifier: ISC
# The course, part IV: what fdpass-lessons-4(7) shows on the screen is what
# happens when its commands are typed, one after the other.

load ../lib/helpers
load ../lib/examples
load ../lib/lessons

setup()
{
	common_setup
	common_lessons
}

@test "18. who sent it" {
	learn 18
}

@test "19. epoll and closed descriptors" {
	learn 19
}

@test "20. locks" {
	learn 20
}

@test "21. a sealed buffer" {
	learn 21
}

@test "22. a directory as a capability" {
	learn 22
}

@test "part IV in one directory, with bash" {
	long_trial
	need bash
	course bash 18 19 20 21 22
}

@test "part IV in one directory, with zsh" {
	long_trial
	need zsh
	course zsh 18 19 20 21 22
}
