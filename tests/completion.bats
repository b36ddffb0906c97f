# What bash and zsh propose while one of the commands is typed.

# Each test runs in a subshell of its own, and $1 is for the inner shell.
# shellcheck disable=SC2016,SC2030,SC2031

load helpers
load examples

setup()
{
	common_setup
	dir="$top_dir/cmd/completion"
	: >./file.txt
	mkdir folder
}

# proposed WORD...: what bash proposes for these words, of which the last is
# at the cursor; split as bash splits them.
proposed()
{
	run_limited bash --norc --noprofile -c '. "$1" || exit
		shift
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		_fdpass "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
		[ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"' \
		bash "$dir/fdpass.bash" "$@"
	is_status 0
}

# has_line LINE...: whether $output has these.
has_line()
{
	local line

	for line; do
		grep -qxF -- "$line" <<<"$output" || {
			printf 'no <%s> in:\n%s\n' "$line" "$output"
			return 1
		}
	done
}

options_of()
{
	limited "$1" --help | grep -oE '(\[|\| )-[a-zA-Z]+' | tr -d '|[ -' |
		fold -w 1 | sed 's/^/-/' | sort
}

@test "bash proposes all options of each command" {
	local command

	need bash
	for command in fdlisten fdconnect fdsend fdrecv fdecho fdpipe fdinfo; do
		proposed "$command" -
		same "$(grep -v -e -- <<<"$output" | sort)" \
			"$(options_of "$command")" "$command"
		has_line --help --version
	done
}

@test "bash proposes sockets for SOCKET and ADDRESS, and no files" {
	need bash
	start receiver fdrecv -k ./pool true
	up ./pool
	proposed fdsend -w po
	same "$output" pool
	proposed fdsend -w ./p
	same "$output" ./pool
	proposed fdsend -w ''
	has_line pool folder/ -
	not grep -F file.txt <<<"$output"
	proposed fdlisten ./
	has_line ./pool ./folder/
	proposed fdconnect ''
	has_line 127.0.0.1: ./pool
	stop receiver
}

@test "bash knows where COMMAND begins, though it splits at colons" {
	need bash
	proposed fdlisten -k -n 3 127.0.0.1 : 7000 fdec
	has_line fdecho
	proposed fdrecv -kf 3 fd : 6 fdlis
	has_line fdlisten
	proposed fdpipe -n 4 fdlisten -k : 7000 '|' fdec
	has_line fdecho
	proposed fdlisten 127.0.0.1 : 7000 cat "fi"
	has_line file.txt
}

@test "bash proposes descriptors, modes and files for the options that want them" {
	need bash
	need_proc
	proposed fdsend -f ''
	has_line 0 1 2
	proposed fdrecv -m ''
	has_line 0600
	proposed fdlisten -o "fi"
	has_line file.txt
	proposed fdlisten fd : ''
	has_line 0 1 2
	proposed fdinfo ''
	has_line 0 1 2
}

# typed LINE: what is on the screen of zsh after LINE and a tab.
typed()
{
	run_limited zsh -f -c '
		zmodload zsh/zpty || exit 77
		zpty terminal "TERM=dumb PS1= zsh -f -i"
		say() { zpty -w terminal "$1" }
		say "stty -echo cols 200; unsetopt zle_bracketed_paste"
		say "fpath=($1 \$fpath); autoload -Uz compinit; compinit -D"
		say "zstyle \":completion:*\" list-prompt \"\"; LISTMAX=1000"
		say "setopt list_rows_first no_beep; print ready"
		zpty -r terminal screen "*ready*ready*" || exit
		zpty -n -w terminal "$2"$'\''\t\t\C-x'\''
		screen=
		integer tries=0
		while ((tries++ < 100)); do
			zpty -rt terminal part && screen+=$part
			[[ $screen == *$~3* ]] && break
			sleep 0.05
		done
		print -r -- "$screen"
		zpty -d terminal' zsh "$dir" "$1" "$2"
}

@test "zsh can load its completion" {
	need zsh
	run_limited zsh -f -c 'fpath=($1 $fpath)
		autoload -Uz compinit && compinit -D
		print $_comps[fdlisten] $_comps[fdinfo]' zsh "$dir"
	is_status 0
	same "$output" "_fdpass _fdpass"
}

@test "zsh proposes all options of a command, and what they mean" {
	need zsh
	typed "fdlisten -" "*-v*trace every*"
	[ "$status" -ne 77 ] || skip "zsh has no zpty"
	like "$output" "*keep accepting*" &&
	like "$output" "*listen only*"
}

@test "zsh knows the options that --help knows" {
	local command

	need zsh
	for command in fdlisten fdconnect fdsend fdrecv fdecho fdpipe fdinfo; do
		awk -v name="$command)" '
		/^\t(mode|seconds|wait_|verbose)=/ { array[substr($1, 1,
			index($1, "=") - 1)] = $0 }
		$1 == name { inside = 1 }
		$1 == ";;" { inside = 0 }
		inside {
			line = $0
			for (a in array)
				if (index(line, "$" a))
					line = line array[a]
			while (match(line, /-[a-zA-Z][+[]/)) {
				print substr(line, RSTART, 2)
				line = substr(line, RSTART + 2)
			}
		}' "$dir/_fdpass" | sort -u >known
		same "$(cat known)" "$(options_of "$command")" "$command"
	done
}
