# SPDX-License-Identifier: ISC
# fdpass: a command with the directory of ours first on PATH.

# $1 is for the inner shell.
# shellcheck disable=SC2016

load ../lib/helpers

setup()
{
	common_setup
	# Somebody else's, which come first on PATH.
	mkdir theirs
	printf '#!/bin/sh\necho theirs\n' >theirs/fdsend
	cp theirs/fdsend theirs/fdrecv
	chmod 755 theirs/*
	PATH=$PWD/theirs:$PATH
}

# installed: into ./out, with the commands out of the way.
installed()
{
	[ "$FDPASS_BIN" = "$top_dir/bin" ] || skip "only bin/ is installed"
	# Others use these files: nothing is built now.
	make -q -C "$top_dir" all || skip "make all has something to do"
	limited make -s -C "$top_dir" install PREFIX="$PWD/out" \
		LOADABLESDIR="$PWD/out/lib/bash" \
		CMDDIR="$PWD/out/lib/fdpass/bin" >log 2>&1 || {
		cat log
		return 1
	}
	PATH=$PWD/theirs:$PWD/out/bin:/usr/bin:/bin
}

@test "it runs ours where fdsend on PATH is somebody else's" {
	same "$(limited fdsend)" theirs
	like "$(limited fdpass fdsend --version)" "fdsend (fdpass) *"
	same "$(limited fdpass sh -c 'fdsend --version')" \
		"$(limited fdpass fdsend --version)"
}

@test "what COMMAND starts finds ours: a whole composition" {
	start pool fdpass sh -c 'exec fdrecv -k ./pool fdecho'
	start server fdpass fdlisten -k -o address 127.0.0.1:0 fdsend -w ./pool
	same "$(echo hello | limited fdpass fdconnect "$(address_of address)")" \
		hello
	stop server
	is_status 0
	stop pool
	is_status 0
}

@test "its process becomes COMMAND, with every argument and descriptor" {
	start command fdpass sh -c 'echo $$ "$#" "<$2>"; exec cat' x one 'a  b' ''
	ended command
	same "$(<command.out)" "$pid 3 <a  b>"
	same "$(limited fdpass sh -c 'cat <&7' 7<"$top_dir/LICENSE")" \
		"$(cat "$top_dir/LICENSE")"
	run_limited fdpass sh -c 'exit 7'
	is_status 7
	run_limited fdpass sh -c 'kill -TERM $$'
	is_status 143
}

@test "nothing else of the environment is changed" {
	env -u MANPATH sh -c env | grep -v '^_=\|^PATH=\|^SHLVL=' |
		sort >before
	env -u MANPATH fdpass env | grep -v '^_=\|^PATH=\|^SHLVL=' |
		sort >after
	diff before after
	same "$(limited fdpass sh -c 'echo "$PATH"')" "$FDPASS_BIN:$PATH"
}

@test "a COMMAND that is missing, not there or not to be run" {
	refuses "fdpass: COMMAND is missing (see fdpass --help)" fdpass
	refuses "fdpass: COMMAND is missing (see fdpass --help)" fdpass --
	refuses "fdpass: unknown option -Z (see fdpass --help)" fdpass -Z true
	fails 127 "fdpass: nosuch: command not found" fdpass nosuch
	fails 127 "fdpass: ./nosuch: command not found" fdpass ./nosuch
	: >file
	chmod 644 file
	fails 126 "fdpass: ./file: cannot be run: Permission denied" \
		fdpass ./file
	mkdir bin
	: >bin/onpath
	PATH=$PWD/bin:$PATH \
		fails 126 "fdpass: onpath: cannot be run: Permission denied" \
		fdpass onpath
	same "$(limited fdpass -- echo -n x)" "$(echo -n x)"
}

@test "--help has a line for the operand, --version is that of the commands" {
	run_apart fdpass --help
	is_status 0
	like "$output" "usage: fdpass COMMAND*
  COMMAND     *See fdpass(1) and fdpass(7)."
	not grep -nE '.{81}' <<<"$output"
	same "$(limited fdpass --version)" \
		"fdpass $(limited fdlisten --version | sed 's/^[^ ]* //')"
}

@test "every shell can run it" {
	in_each_shell run_by_shell
}

run_by_shell()
{
	# zsh is sh only under that name.
	[ "${shell[0]}" != zsh ] || shell=(zsh --emulate sh)
	same "$(limited "${shell[@]}" "$FDPASS_BIN/fdpass" fdsend --version)" \
		"$(limited "$FDPASS_BIN/fdsend" --version)"
	run_apart "${shell[@]}" "$FDPASS_BIN/fdpass" nosuch
	is_status 127
}

@test "installed with CMDDIR, it finds the commands, and they each other" {
	installed
	like "$(limited fdpass fdsend --version)" "fdsend (fdpass) *"
	same "$(limited fdpass sh -c 'command -v fdlisten')" \
		"$PWD/out/lib/fdpass/bin/fdlisten"
	not command -v fdlisten
	same "$(cd out/bin && echo fd[!s]*)" fdpass
}

@test "without the commands it does not run somebody else's" {
	installed
	rm -r out/lib/fdpass/bin
	fails 127 "fdpass: $PWD/out/lib/fdpass/bin: the commands are not there" \
		fdpass fdsend
}

@test "installed with CMDDIR, man(1) under it shows ours, and then the others" {
	need man
	installed
	[ -x "$(command -v manpath)" ] || skip "not man-db"
	same "$(limited fdpass man -w fdsend)" \
		"$PWD/out/lib/fdpass/man/man1/fdsend.1"
	MANPATH='' same "$(MANPATH='' limited fdpass sh -c 'echo "$MANPATH"')" \
		"$PWD/out/lib/fdpass/man:"
	same "$(MANPATH=/a limited fdpass sh -c 'echo "$MANPATH"')" \
		"$PWD/out/lib/fdpass/man:/a"
	limited fdpass man -w sh
	limited fdpass man -w 7 fdpass
}

@test "installed with CMDDIR, nothing of ours has a name of somebody else's" {
	installed
	same "$(cd out/bin && find . -type f | sort | tr '\n' ' ')" \
		"./fdpass ./fdstep "
	same "$(find out/share -name '*fdsend*' -o -name '*fdrecv*')" ""
	head -n 1 out/share/zsh/site-functions/_fdpass >compdef
	like "$(<compdef)" "#compdef fdpass*"
	not grep -E 'fdsend|fdrecv' compdef
	cat >script <<-'EOT'
	. ./out/share/bash-completion/completions/fdpass
	complete -p fdpass >/dev/null && ! complete -p fdsend
	EOT
	run_limited bash script
	is_status 0
}
