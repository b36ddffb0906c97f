# SPDX-License-Identifier: ISC
"""A program that stands between two sides of a conversation.

a, b, p = tap(): the two sides, as sockets, and the process in between, which
is fdconnect. slow: each of its recvmsg() takes so many microseconds longer.
"""
import array
import os
import select
import socket
import subprocess
import sys
import time

STREAM = socket.SOCK_STREAM
SEQPACKET = socket.SOCK_SEQPACKET
LIMIT = 20

# Nothing else shall get the number that fdconnect is told.
null = os.open("/dev/null", os.O_RDWR)
os.dup2(null, 9, inheritable=False)


def tap(*options, type=STREAM, slow=0, **more):
    a, left = socket.socketpair(socket.AF_UNIX, type)
    b, right = socket.socketpair(socket.AF_UNIX, type)
    os.dup2(right.fileno(), 9)
    command = ["fdconnect", *options, "fd:9"]
    if slow:
        command = ["strace", "-o", "/dev/null", "-e", "trace=recvmsg", "-e",
                   "inject=recvmsg:delay_exit=%d" % slow] + command
    p = subprocess.Popen(command, stdin=left, stdout=left, pass_fds=[9],
                         **more)
    os.dup2(null, 9, inheritable=False)
    left.close()
    right.close()
    a.settimeout(LIMIT)
    b.settimeout(LIMIT)
    return a, b, p


def give(s, data, fds, flags=0):
    s.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                        array.array("i", fds))], flags)


def take(s, size=65536):
    """The bytes, and the descriptors that came with them."""
    fds = array.array("i")
    data, control, flags, _ = s.recvmsg(size, socket.CMSG_SPACE(4 * 253))
    for level, kind, value in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(value[:len(value) - len(value) % 4])
    assert not flags & socket.MSG_CTRUNC
    return data, list(fds)


def take_all(s, size):
    data = b""
    while len(data) < size:
        more = s.recv(size - len(data))
        assert more, "the end after %d bytes" % len(data)
        data += more
    return data


def same_file(fd, other):
    one, two = os.fstat(fd), os.fstat(other)
    return (one.st_dev, one.st_ino) == (two.st_dev, two.st_ino)


def wait_for(condition):
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.01)


def readable(s):
    return bool(select.select([s], [], [], 0)[0])


def flood(s):
    """Send until nobody takes any more; returns how many bytes went."""
    n, quiet = 0, 0
    s.setblocking(False)
    while quiet < 20:
        try:
            n += s.send(b"x" * 65536)
            quiet = 0
        except BlockingIOError:
            quiet += 1
            time.sleep(0.01)
    s.settimeout(LIMIT)
    return n


def open_fds(p):
    return len(os.listdir("/proc/%d/fd" % p.pid))


def cpu(p):
    fields = open("/proc/%d/stat" % p.pid).read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def asleep(p):
    """Whether it waits for something; where that is not told, it may."""
    try:
        stat = open("/proc/%d/stat" % p.pid).read()
    except OSError:
        return True
    return stat.rsplit(")", 1)[1].split()[0] == "S"


def ends(p, status=0):
    got = p.wait(LIMIT)
    assert got == status, "status %d, not %d" % (got, status)
