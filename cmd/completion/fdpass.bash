# shellcheck shell=bash
# Completion of the fdpass commands for bash.

# The words up to the cursor, as the command will see them: bash takes
# 127.0.0.1:7000 and fd:3 for three words each. The last of the array words is
# the one at the cursor.
_fdpass_words()
{
	local i word glue=0

	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $word == : || $glue == 1 ]] && ((${#words[@]} > 1)); then
			words[${#words[@]} - 1]+=$word
		else
			words+=("$word")
		fi
		[[ $word == *: ]] && glue=1 || glue=0
	done
}

# Propose those of the lines read that begin with the word at the cursor.
_fdpass_propose()
{
	local line prefix=

	# Of a word with a colon bash replaces what is behind the colon.
	[[ $current != *:* ]] || prefix=${current%"${current##*:}"}
	while IFS= read -r line; do
		[[ $line == "$current"* ]] && COMPREPLY+=("${line#"$prefix"}")
	done
}

_fdpass_open_descriptors()
{
	local file

	for file in "/proc/$$/fd"/*; do
		file=${file##*/}
		[[ $file != 255 ]] && echo "$file"
	done
}

# UNIX sockets, and directories on the way there. A bare word is no ADDRESS.
_fdpass_sockets()
{
	local file begin=$current

	[[ $1 == SOCKET || $current == */* ]] || begin=./$current
	while IFS= read -r file; do
		if [[ -S $file ]]; then
			echo "$file"
		elif [[ -d $file ]]; then
			echo "$file/"
		fi
	done < <(compgen -f -- "$begin")
	if [[ $current == @* && -r /proc/net/unix ]]; then
		while IFS= read -r file; do
			[[ $file == *\ @* ]] && echo "@${file#* @}"
		done </proc/net/unix
	fi
}

_fdpass_operand()
{
	local first

	compopt -o nospace 2>/dev/null
	case $1 in
	ADDRESS)
		[[ -z $current ]] && COMPREPLY+=(127.0.0.1:)
		[[ $current == fd:* ]] && _fdpass_propose < <(
			_fdpass_open_descriptors | sed 's/^/fd:/')
		;;
	SOCKET)
		_fdpass_propose <<<-
		_fdpass_propose < <(_fdpass_open_descriptors | sed 's/^/fd:/')
		;;
	esac
	if [[ $current == ./* || $current == /* || $1 == SOCKET ]]; then
		_fdpass_propose < <(_fdpass_sockets "$1")
	else
		while IFS= read -r first; do
			COMPREPLY+=("$first")
		done < <(_fdpass_sockets "$1")
	fi
}

# What follows is a command line of its own, from the word with this index.
_fdpass_command()
{
	local index

	compopt +o nospace 2>/dev/null
	if (($1 == ${#words[@]} - 1)); then
		mapfile -t COMPREPLY < <(compgen -c -- "$current")
		return
	fi
	# Its index in bash's own words, which are not glued.
	index=$1
	if declare -F _command_offset >/dev/null; then
		local i n=0
		for ((i = 0; i < COMP_CWORD; i++)); do
			[[ $i -gt 0 && (${COMP_WORDS[i]} == : ||
				${COMP_WORDS[i - 1]} == *:) ]] && continue
			((n++ == $1)) && index=$i
		done
		_command_offset "$index"
		return
	fi
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$current")
}

# Options with a value, options without, what the first operand is, and whether
# a command follows.
_fdpass()
{
	local with='' without='' operand='' command=0
	local words current previous i

	case $1 in
	*fdlisten)  with=imnot without=kluv operand=ADDRESS command=1 ;;
	*fdconnect) with=t without=vw operand=ADDRESS command=1 ;;
	*fdsend)    with=fpsSt without=drvw operand=SOCKET ;;
	*fdrecv)    with=fmnSt without=ackvw operand=SOCKET command=1 ;;
	*fdecho)    with=n without=v operand=SOCKET ;;
	*fdpipe)    with=n without=v command=1 ;;
	*fdinfo)    with=p operand=FD ;;
	esac
	COMPREPLY=()
	_fdpass_words
	current=${words[${#words[@]} - 1]}
	previous=${words[${#words[@]} - 2]}

	# Where do the operands begin?
	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		[[ ${words[i]} == -?* ]] || break
		[[ ${words[i]} != -- ]] || { ((i++)); break; }
		[[ ${words[i]} != -*["$with"] ]] || ((i++))
	done
	if ((i > ${#words[@]} - 1)); then
		_fdpass_value "${previous: -1}" "$operand$command"
	elif ((i == ${#words[@]} - 1)) && [[ $current == -* ]]; then
		_fdpass_propose < <(fold -w 1 <<<"$with$without" | sed 's/^/-/'
			printf '%s\n' --help --version)
	elif [[ $operand == FD ]]; then
		_fdpass_propose < <(_fdpass_open_descriptors)
	elif [[ -z $operand ]]; then
		# fdpipe: each bar begins another command.
		local bar
		for ((bar = i; bar < ${#words[@]} - 1; bar++)); do
			[[ ${words[bar]} != *\|* ]] || i=$((bar + 1))
		done
		_fdpass_command "$i"
	elif ((i == ${#words[@]} - 1)); then
		_fdpass_operand "$operand"
		[[ $command == 0 || -n $current ]] || return 0
	elif [[ $command == 1 ]]; then
		_fdpass_command "$((i + 1))"
	fi
}

# The value of option $1 of a command that takes the operand, and a command or
# not, $2.
_fdpass_value()
{
	case $1$2 in
	SSOCKET0)
		_fdpass_propose <<<-
		compopt -o filenames 2>/dev/null
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(
			compgen -f -- "$current")
		return
		;;
	fSOCKET0) _fdpass_propose <<<- ;;
	esac
	case $1 in
	f) _fdpass_propose < <(_fdpass_open_descriptors) ;;
	m) _fdpass_propose < <(printf '%s\n' 0600 0660 0666) ;;
	o)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		;;
	p) _fdpass_propose < <(ps -A -o pid= | tr -d ' ') ;;
	esac
}

complete -F _fdpass fdlisten fdconnect fdsend fdrecv fdecho fdpipe fdinfo
