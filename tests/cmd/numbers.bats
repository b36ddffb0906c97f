# SPDX-License-Identifier: ISC
# Numbers beyond what fits are refused, whatever size a long has.

load ../lib/helpers

# Just beyond an int, where a number of 32 bits begins again, and far beyond.
too_large="2147483648 4294967295 4294967296 4294967299 9999999999
	99999999999999 99999999999999999999"

@test "descriptor numbers" {
	local n

	for n in $too_large; do
		refuses "fdsend: -f $n: not a whole number from 0 to *" \
			fdsend -f "$n" ./s
		refuses "fdrecv: -f $n: not a whole number from 0 to *" \
			fdrecv -t 1 -f "$n" ./s true
		refuses "fdinfo: $n: not a descriptor number*" fdinfo "$n"
		refuses "fdconnect: fd:$n: no descriptor number after fd:*" \
			fdconnect "fd:$n"
		refuses "fdlisten: fd:$n: no descriptor number after fd:*" \
			fdlisten "fd:$n" true
		refuses "fdsend: fd:$n: no descriptor number after fd:*" \
			fdsend "fd:$n"
		refuses "fdrecv: fd:$n: no descriptor number after fd:*" \
			fdrecv "fd:$n"
	done
}

@test "process numbers" {
	local n

	for n in $too_large; do
		refuses "fdsend: -p $n: not a whole number from 1 to *" \
			fdsend -p "$n" ./s
		refuses "fdinfo: -p $n: not a whole number from 1 to *" \
			fdinfo -p "$n"
	done
}

@test "how many at once" {
	local n

	for n in $too_large; do
		refuses "fdecho: -n $n: not a whole number from 1 to *" \
			fdecho -n "$n" ./s
		refuses "fdlisten: -n $n: not a whole number from 1 to *" \
			fdlisten -k -n "$n" ./a true
		refuses "fdrecv: -n $n: not a whole number from 1 to *" \
			fdrecv -n "$n" ./s true
		refuses "fdpipe: -n $n: not a whole number from 1 to *" \
			fdpipe -n "$n" true '|' true
	done
}

@test "ports, modes" {
	local n

	for n in $too_large 65536; do
		refuses "fdconnect: 127.0.0.1:$n: ports go from 0 to 65535" \
			fdconnect "127.0.0.1:$n"
		refuses "fdlisten: $n: ports go from 0 to 65535" \
			fdlisten "$n" true
	done
	for n in 1000 20000000000 40000000000 40000000600; do
		refuses "fdlisten: -m $n: not a file mode*" \
			fdlisten -m "$n" ./a true
	done
}

@test "a file that is larger than 4 GiB, and what stands far in it" {
	head -c 1 /dev/zero | dd of=large bs=1 seek=5000000000 status=none
	run_apart sh -c 'tail -c 1 >/dev/null; exec fdinfo 0' <large
	is_status 0
	like "$output" "0 *file *pos=5000000001 size=5000000001 *"
	start receiver fdrecv ./s wc -c
	up ./s
	limited fdsend ./s <large
	ended receiver
	is_status 0
	same "$(tr -d ' ' <receiver.out)" 5000000001
}
