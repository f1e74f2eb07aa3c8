"""Three ways for a change of the primary's Kea to the secondary's, with the seconds each takes.

Every way begins when the primary's Kea has reloaded its file, edited just before: from then on its
config-get shows the change. It ends when the secondary's Kea was seen to report the same, and has written its file.
"""
import json
import os
import socket
import subprocess
import time

from harness import compare
from harness.waiting import wait_until

from . import timeline

_CAREFUL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "careful.sh")


class Ways:
    """The ways on one pair. The agents are stopped (SIGSTOP) while a script works."""

    def __init__(self, pair, size, deadline_s):
        self._pair = pair
        self._size = size
        self._deadline_s = deadline_s
        self._count = 0
        self._kea = {host: pair.kea(host) for host in "ab"}

    def change_primary(self):
        """Returns the wall clock's time at which Kea's config-get shows the change."""
        self._count += 1
        kea = self._kea["a"]
        self._size.change(kea.config[kea.root], self._count)
        kea.apply_by_reload()
        return time.time()

    def nestor(self):
        """(Journey, Journey's steps) of a change that the agents carry."""
        self.wait_for_calm()
        before = timeline.Reading(self._pair)
        shown = self.change_primary()
        return wait_until(lambda: before.journey(shown), self._deadline_s,
                          lambda: "the change is applied\n" + self._pair.tails(), poll_s=0.02)

    def plain(self):
        """Seconds of the bare commands: texts made beforehand, answers read and not looked into."""
        self.change_primary()
        text = json.dumps(self._wanted())
        began = time.monotonic()
        _ask(self._kea["a"], b'{"command": "config-get"}', self._deadline_s)
        for command in ("config-test", "config-set"):
            request = f'{{"command": "{command}", "arguments": {text}}}'.encode()
            _ask(self._kea["b"], request, self._deadline_s)
        _ask(self._kea["b"], b'{"command": "config-get"}', self._deadline_s)
        _ask(self._kea["b"], b'{"command": "config-write"}', self._deadline_s)
        return time.monotonic() - began

    def careful(self):
        """Seconds of what an administrator has to run: careful.sh."""
        self.change_primary()
        began = time.monotonic()
        done = subprocess.run(
            [_CAREFUL, self._kea["a"].socket, self._kea["b"].socket, self._kea["a"].root],
            capture_output=True, text=True, timeout=self._deadline_s, check=False)
        assert done.returncode == 0, f"careful.sh: exit {done.returncode}\n{done.stderr}"
        return time.monotonic() - began

    def stop_agents(self):
        self.wait_for_calm()
        for agent in self._pair.agents.values():
            agent.process.suspend()

    def go_on(self):
        """The primary's agent first, so that the secondary's finds no drift but a change."""
        head = None
        for agent in self._pair.agents.values():
            agent.process.resume()
            head = head or self._pair.head()
        self._pair.settle(deadline_s=self._deadline_s)

    def wait_for_calm(self):
        """Until neither Kea was asked anything but its status for two seconds."""
        seen, since = None, 0.0

        def calm():
            nonlocal seen, since
            now = timeline.Reading(self._pair)
            if seen is None or seen.busier(now) or not self._answer_at_once():
                seen, since = now, time.monotonic()
            return time.monotonic() - since > 2
        wait_until(calm, self._deadline_s, "both Keas are left alone", poll_s=0.2)

    def _answer_at_once(self):
        began = time.monotonic()
        return (all(kea.answers(timeout_s=60) for kea in self._kea.values())
                and time.monotonic() - began < 0.2)

    def _wanted(self):
        """The arguments for the secondary, as complete as what an agent or careful.sh sends."""
        root = self._kea["a"].root
        running = {host: kea.running() for host, kea in self._kea.items()}
        own = {name: value for name, value in running["b"].items()
               if name in compare.SERVER_SPECIFIC and name != "hash"}
        mirrored = {name: value for name, value in running["a"].items()
                    if name not in compare.SERVER_SPECIFIC}
        return {root: {**own, **mirrored}}


def _ask(kea, request, deadline_s):
    """The least a client can do; AssertionError where Kea refuses."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(deadline_s)
        channel.connect(kea.socket)
        channel.sendall(request)
        pieces = []
        while piece := channel.recv(1 << 20):
            pieces.append(piece)
    answer = b"".join(pieces)
    assert b'"result": 0' in answer[:100] + answer[-400:], answer[-400:]
