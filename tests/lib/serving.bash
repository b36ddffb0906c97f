# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# What the tests of servers and workers load beside the helpers.
#
# shellcheck disable=SC2034 # variables for those who load it

# A server that reads one line: "stay" waits for the end of the connection,
# anything else is answered at once.
# shellcheck disable=SC2016
cat_or_answer='read -r word
case $word in
stay) echo staying; exec cat ;;
*)    echo "served $word" ;;
esac'

# hold NAME ADDRESS WORD: a client that sends WORD and keeps its connection
# open, until `stop NAME`.
hold()
{
	mkfifo "$1.in"
	start "$1" sh -c "exec client -v $2 <>$1.in"
	echo "$3" >"$1.in"
}
