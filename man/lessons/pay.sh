#!/bin/sh
# SPDX-License-Identifier: ISC
# What the receiver of lesson 15 runs for each message: something that must
# happen once.
echo "paid $FDRECV_PAYLOAD"
