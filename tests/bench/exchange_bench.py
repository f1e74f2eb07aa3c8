#!/usr/bin/python3
"""What the hook library and its lease notices add to a DHCP exchange.

Two kea-dhcp4 that differ in nothing but the library are asked in turns, while the other's cable is
out. The library's notices are taken by a listener and counted. Half of the turns it is the one
host's Kea that has the library, half of them the other's. Held against: the delays without the
library; goal: 1.03 of them at most, and as few drops. NESTOR_TURNS (16) turns of 5 s each. Fails
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

_TURNS = int(os.environ.get("NESTOR_TURNS", "16"))
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
    """That of the host `loaded` with the library, the other without."""

    def __init__(self, loaded):
        self.loaded = loaded
        self.folder = tempfile.mkdtemp(prefix="nestor-bench-")
        self.network = Network()
        self.keas = {}
        for host in "ab":
            folder = f"{self.folder}/{host}"
            os.mkdir(folder)
            parts = keaconf.own_parts("dhcp4", f"kea-{host}", host, folder, hook=host == loaded)
            parts["loggers"][0]["severity"] = "WARN"
            members = {**parts, **keaconf.serving("dhcp4")}
            self.keas[host] = Kea("dhcp4", f"kea-{host}", folder, self.network[host],
                                  {"Dhcp4": members})
        self.listener = Listener(keaconf.hook_socket("dhcp4", f"{self.folder}/{loaded}"))
        for kea in self.keas.values():
            kea.start()

    def ask(self, library):
        """As _ask(), with the library or without."""
        return self._ask(self.loaded if library else {"a": "b", "b": "a"}[self.loaded])

    def _ask(self, host):
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
    (with_ms, with_lost), (without_ms, without_lost) = asked[True], asked[False]
    print(f"   turn {turn + 1}: with {with_ms:.3f} ms, {with_lost} lost; "
          f"without {without_ms:.3f} ms, {without_lost} lost", flush=True)


def measure(loaded, count):
    """(turns, notices taken), where the host `loaded` has the library."""
    print(f"the library is on host {loaded}:", flush=True)
    servers, turns = TwoServers(loaded), []
    try:
        for library in (True, False):  # its lease file grows, its memory is allocated
            servers.ask(library)
        for turn in range(count):
            order = (True, False) if turn % 2 else (False, True)
            turns.append({library: servers.ask(library) for library in order})
            tell(turn, turns[-1])
    finally:
        servers.close()
    return turns, servers.listener.leases


def main():
    requirements.check()
    halves = {loaded: measure(loaded, _TURNS // 2) for loaded in "ab"}
    turns = [turn for half, _ in halves.values() for turn in half]
    ratios = {loaded: figures.median([turn[True][0] / turn[False][0] for turn in half])
              for loaded, (half, _) in halves.items()}
    # What the hosts differ in multiplies the one and divides the other.
    ratio = (ratios["a"] * ratios["b"]) ** 0.5
    print(f"Milliseconds, medians of {len(turns)} turns at {_RATE} exchanges a second; "
          f"{sum(leases for _, leases in halves.values())} notices of leases were taken. By host: "
          f"{ratios['a']:.3f} and {ratios['b']:.3f}.\n")
    delays = {library: [turn[library][0] for turn in turns] for library in (True, False)}
    figures.print_table(["two answers", "with", "without", "ratio", "lost with", "lost without"],
                        [["DISCOVER, REQUEST", f"{figures.median(delays[True]):.3f}",
                          f"{figures.median(delays[False]):.3f}", f"{ratio:.3f}",
                          *(str(sum(turn[library][1] for turn in turns)) for library in (True, False))]])


if __name__ == "__main__":
    main()
