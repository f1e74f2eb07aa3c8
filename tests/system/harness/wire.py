"""A link between two namespaces that loses, delays, repeats and reorders frames as told.

Two TAP interfaces with this process between them: tc's netem needs a kernel module that not every
machine has.
"""
import fcntl
import heapq
import itertools
import os
import random
import select
import struct
import threading
import time

_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_FRAME = 65536


def open_tap(name):
    """A descriptor for the new TAP interface `name` of the calling thread's namespace."""
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH14x", name.encode(), _IFF_TAP | _IFF_NO_PI))
    except OSError:
        os.close(tap)
        raise
    return tap


class Wire:
    """Carries frames between two TAP descriptors, which it closes in the end.

    disturb() sets shares from 0 to 1: `loss` of frames vanish, `repeat` come twice, each is late by
    delay_s and up to spread_s more, which also reorders them.
    """

    def __init__(self, one, other):
        self._ends = (one, other)
        self._random = random.Random(1)
        self._fault = {}
        self._late = []
        self._order = itertools.count()
        self._wake, self._woken = os.pipe()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def disturb(self, loss=0.0, repeat=0.0, delay_s=0.0, spread_s=0.0):
        self._fault = {"loss": loss, "repeat": repeat, "delay_s": delay_s, "spread_s": spread_s}

    def calm(self):
        self._fault = {}

    def close(self):
        os.write(self._woken, b"x")
        self._thread.join()
        for descriptor in (*self._ends, self._wake, self._woken):
            os.close(descriptor)

    def _carry(self):
        while True:
            wait_s = max(0.0, self._late[0][0] - time.monotonic()) if self._late else None
            ready = select.select([*self._ends, self._wake], [], [], wait_s)[0]
            if self._wake in ready:
                return
            for end in ready:
                self._take(end, self._ends[1] if end == self._ends[0] else self._ends[0])
            while self._late and self._late[0][0] <= time.monotonic():
                _, _, target, frame = heapq.heappop(self._late)
                self._put(target, frame)

    def _take(self, source, target):
        for _ in range(64):
            try:
                frame = os.read(source, _FRAME)
            except (BlockingIOError, OSError):
                return
            fault = self._fault
            if not fault:
                self._put(target, frame)
                continue
            if self._random.random() < fault["loss"]:
                continue
            for _ in range(1 + (self._random.random() < fault["repeat"])):
                due = time.monotonic() + fault["delay_s"] + self._random.random() * fault["spread_s"]
                heapq.heappush(self._late, (due, next(self._order), target, frame))

    @staticmethod
    def _put(target, frame):
        try:
            os.write(target, frame)
        except OSError:
            pass  # the interface is down, or its queue is full: a frame is lost
