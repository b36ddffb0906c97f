# SPDX-License-Identifier: ISC
# The course, part I: what fdpass-lessons(7) shows on the screen is what happens
# when its commands are typed, one after the other.

load ../lib/helpers
load ../lib/examples
load ../lib/lessons

setup()
{
	common_setup
	common_lessons
}

@test "1. numbers and open file descriptions" {
	learn 1
}

@test "2. what travels, and what does not" {
	learn 2
}

@test "3. accept, pass, close" {
	learn 3
}

@test "4. the tap" {
	learn 4
}

@test "5. ends that never come" {
	learn 5
}

@test "6. hold a socket across a restart" {
	learn 6
}

@test "part I in one directory, with bash" {
	long_trial
	need bash
	course bash 1 2 3 4 5 6
}

@test "part I in one directory, with zsh" {
	long_trial
	need zsh
	course zsh 1 2 3 4 5 6
}
