#!/bin/bash
# SPDX-License-Identifier: ISC
# The worker of lesson 25: one bash for all messages, which come from the
# listening socket that is descriptor 3. With an argument, the mistake: what was
# received stays open.
enable -f fdpass recvfd || exit
while recvfd file fd:3; do
	read -r line <&"$file"
	echo "$((++n)). $line as descriptor $file"
	[ $# -gt 0 ] || exec {file}<&-
done
