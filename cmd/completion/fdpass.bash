# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# Completion of the fdpass commands for bash.

_fdpass_names="fdlisten fdpeek fdconnect fdsend fdrecv fdecho fdpipe fdinfo"
_fdpass_names+=" fdstep"

# The words up to the cursor, as the command will see them, and at which of
# bash's own words each begins: bash takes 127.0.0.1:7000, fd:3 and @name for
# several. The last of the array words is the one at the cursor.
_fdpass_words()
{
	local i word blank rest=$COMP_LINE

	words=() begins=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		blank=${rest%%[![:space:]]*}
		rest=${rest#"$blank"}
		rest=${rest#"$word"}
		if [[ -n $blank ]] || ((i == 0)); then
			words+=("$word")
			begins+=("$i")
		else
			words[${#words[@]} - 1]+=$word
		fi
	done
}

# Propose those of the lines read that begin with the word at the cursor.
_fdpass_propose()
{
	local line prefix

	# bash replaces what is behind the last character that it breaks at; an
	# @ it keeps.
	prefix=${current%"${current##*["${COMP_WORDBREAKS//@/}"]}"}
	while IFS= read -r line; do
		[[ $line == "$current"* ]] && COMPREPLY+=("${line#"$prefix"}")
	done
}

# The open descriptors of this shell into the array descriptors, each with $1 in
# front. Called in a subshell it would see those of its own plumbing.
_fdpass_open_descriptors()
{
	local number

	descriptors=()
	for number in "/proc/$$/fd"/*; do
		number=${number##*/}
		# The last one is bash's own, and one was open for this list.
		[[ $number == 255 || ! -e /proc/$$/fd/$number ]] ||
			descriptors+=("$1$number")
	done
}

_fdpass_propose_descriptors()
{
	local descriptors

	_fdpass_open_descriptors "$1"
	_fdpass_propose < <(printf '%s\n' "${descriptors[@]}")
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
		done < <(cat /proc/net/unix)
	fi
}

_fdpass_operand()
{
	local first

	compopt -o nospace 2>/dev/null
	case $1 in
	ADDRESS)
		[[ -z $current ]] && COMPREPLY+=(127.0.0.1:)
		[[ $current == fd:* ]] && _fdpass_propose_descriptors fd:
		;;
	SOCKET)
		_fdpass_propose <<<-
		_fdpass_propose_descriptors fd:
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

# What COMMAND can be: programs alone, no functions and no builtins of the shell;
# those that fdpass finds, too.
_fdpass_programs()
{
	local directory file IFS=:

	if [[ $current == */* ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
	fi
	for directory in $PATH; do
		for file in "$directory/$current"*; do
			[[ -f $file && -x $file ]] && COMPREPLY+=("${file##*/}")
		done
	done
	IFS=' '
	for file in $_fdpass_beside; do
		[[ $file == "$current"* ]] && COMPREPLY+=("$file")
	done
}

# What follows is a command line of its own, from the word with this index.
_fdpass_command()
{
	compopt +o nospace 2>/dev/null
	if (($1 == ${#words[@]} - 1)); then
		_fdpass_programs
		return
	fi
	# Ours are known here, whoever has their names on PATH: fdpass runs ours.
	if [[ " fdpass $_fdpass_names " == *" ${words[$1]##*/} "* ]]; then
		_fdpass_inner "${begins[$1]}"
	elif declare -F _command_offset >/dev/null; then
		_command_offset "${begins[$1]}"
	else
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
	fi
}

# One of ours runs another one of ours, whose words begin at this index.
_fdpass_inner()
{
	local i line=$COMP_LINE

	for ((i = 0; i < $1; i++)); do
		line=${line#"${line%%[![:space:]]*}"}
		line=${line#"${COMP_WORDS[i]}"}
	done
	local COMP_LINE=${line#"${line%%[![:space:]]*}"}
	local COMP_CWORD=$((COMP_CWORD - $1))
	local -a COMP_WORDS=("${COMP_WORDS[@]:$1}")

	_fdpass "${COMP_WORDS[0]}"
}

# Options with a value, options without, what the first operand is if it is no
# command, and whether a command follows.
_fdpass()
{
	local with='' without='' operand='' command=0
	local words begins current previous i
	local _fdpass_beside=${_fdpass_beside-}

	case $1 in
	*fdpass)    command=1 _fdpass_beside=$_fdpass_names ;;
	*fdpeek)    with=bt without=v command=1 ;;
	*fdlisten)  with=imnot without=kluv operand=ADDRESS command=1 ;;
	*fdconnect) with=t without=Nvw operand=ADDRESS command=1 ;;
	*fdsend)    with=fpsSt without=drvw operand=SOCKET ;;
	*fdrecv)    with=fmnSt without=ackvw operand=SOCKET command=1 ;;
	*recvfd)    with=St without=acw operand=VAR ;;
	*fdecho)    with=n without=v operand=SOCKET ;;
	*fdpipe)    with=n without=v operand=PIPELINE ;;
	*fdinfo)    with=p operand=FD ;;
	*fdstep)    without=g operand=COMPOSITION ;;
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
		_fdpass_propose < <(fold -w 1 <<<"$with$without" |
				sed -n 's/./-&/p'
			printf '%s\n' --help
			[[ $operand == VAR ]] || echo --version)
	elif [[ $operand == COMPOSITION ]]; then
		: # one word that is quoted
	elif [[ $operand == FD ]]; then
		_fdpass_propose_descriptors
	elif [[ $operand == VAR ]] && ((i == ${#words[@]} - 1)); then
		mapfile -t COMPREPLY < <(compgen -v -- "$current")
	elif [[ $operand == VAR ]]; then
		((i + 1 < ${#words[@]} - 1)) || _fdpass_operand SOCKET
	elif [[ -z $operand ]]; then
		_fdpass_command "$i"
	elif [[ $operand == PIPELINE ]]; then
		# Each bar begins another command.
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
	f) _fdpass_propose_descriptors ;;
	m) _fdpass_propose < <(printf '%s\n' 0600 0660 0666) ;;
	o)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		;;
	S) mapfile -t COMPREPLY < <(compgen -v -- "$current") ;;
	p) _fdpass_propose < <(ps -A -o pid= | tr -d ' ') ;;
	esac
}

# bash does not ask for a word that has been begun right behind the bar of fdpipe:
# it takes it for the name of a command, but not for one of its own line. It asks
# for an empty one there, and for all that follow.
complete -F _fdpass fdpass fdstep recvfd
complete -F _fdpass fdlisten fdpeek fdconnect fdsend fdrecv fdecho fdpipe fdinfo
