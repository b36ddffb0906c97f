#!/bin/sh
# SPDX-License-Identifier: ISC
# The worker of lesson 23, which asks what it has received before it reads it.
case $(fdinfo 0) in
"0 file r "*) wc -l ;;
*) echo "not a file: refused" ;;
esac
