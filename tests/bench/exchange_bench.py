#!/usr/bin/python3
"""What the hook library and its lease notices add to a DHCP exchange.

Two kea-dhcp4 that differ in nothing but the library are asked in turns, while the other's cable is
out. The library's notices are taken by a listener and counted. Held against: the delays without the
library; goal: 1.03 of them at most, and as few drops. NESTOR_TURNS (15) turns of 5 s each. Fails
only where something could not be measured.
"""
import os
import re
import shutil
import socket
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))

from harness import keaconf, perfdhcp, requirements  # noqa: E402
from harness.kea import Kea  # noqa: E402
from harness.network import Network  # noqa: E402
from journey import figures  # noqa: E402

_TURNS = int(os.environ.get("NESTOR_TURNS", "15"))
_RATE = 300
_SECONDS = 5
_DELAY = re.compile(r"avg delay: ([\d.]+) ms")


class Listener:
    """Takes the notices sent to `path`; `leases` is how many were about leases."""

    def __init__(self, path):
        self.leases = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self):
        while notice := self._socket.recv(4096):
            self.leases += b'"lease"' in notice


class TwoServers:
    """a with the library, b without."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="nestor-bench-")
        self.network = Network()
        self.keas = {}
        for host in "ab":
            folder = f"{self.folder}/{host}"
            os.mkdir(folder)
            parts = keaconf.own_parts("dhcp4", f"kea-{host}", host, folder, hook=host == "a")
            parts["loggers"][0]["severity"] = "WARN"
            members = {**parts, **keaconf.serving("dhcp4")}
            self.keas[host] = Kea("dhcp4", f"kea-{host}", folder, self.network[host],
                                  {"Dhcp4": members})
        self.listener = Listener(keaconf.hook_socket("dhcp4", f"{self.folder}/a"))
        for kea in self.keas.values():
            kea.start()

    def ask(self, host):
        """(milliseconds of a DISCOVER's and a REQUEST's answer together, packets lost)."""
        for other in "ab":
            self.network.client_side(other, other == host)
        load = perfdhcp.Load(self.network, tempfile.mkdtemp(dir=self.folder), "dhcp4", _RATE,
                             _SECONDS)
        served = load.result()
        delays = [float(delay) for delay in _DELAY.findall(served.text)]
        assert len(delays) == 2 and served.leases, served.text
        return sum(delays), served.lost

    def close(self):
        for kea in self.keas.values():
            kea.stop()
        self.network.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def tell(turn, asked):
    (with_ms, with_lost), (without_ms, without_lost) = asked["a"], asked["b"]
    print(f"   turn {turn + 1}: with {with_ms:.3f} ms, {with_lost} lost; "
          f"without {without_ms:.3f} ms, {without_lost} lost", flush=True)


def main():
    requirements.check()
    servers = TwoServers()
    try:
        for host in "ab":  # its lease file grows, its memory is allocated
            servers.ask(host)
        turns = []
        for turn in range(_TURNS):
            first, second = "ab" if turn % 2 else "ba"
            turns.append({first: servers.ask(first), second: servers.ask(second)})
            tell(turn, turns[-1])
    finally:
        servers.close()
    delays = {host: [turn[host][0] for turn in turns] for host in "ab"}
    ratio = figures.median([one / other for one, other in zip(delays["a"], delays["b"])])
    print(f"Milliseconds, medians of {_TURNS} turns at {_RATE} exchanges a second; "
          f"{servers.listener.leases} notices of leases were taken.\n")
    figures.print_table(["two answers", "with", "without", "ratio", "lost with", "lost without"],
                        [["DISCOVER, REQUEST", f"{figures.median(delays['a']):.3f}",
                          f"{figures.median(delays['b']):.3f}", f"{ratio:.3f}",
                          *(str(sum(turn[host][1] for turn in turns)) for host in "ab")]])


if __name__ == "__main__":
    main()
