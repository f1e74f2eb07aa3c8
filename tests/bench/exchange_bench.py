#!/usr/bin/python3
"""What the hook library and its lease notices add to a DHCP exchange.

As servers run that Nestor joins: two hot-standby pairs that differ in nothing but the library are asked
in turns. And each Kea for itself, without HA: two that differ in nothing but the library, while the
other's cable is out; half of the turns it is the one host's Kea that has the library, half of them the
other's. A Kea that calls no library at all saves more than what the library does, so it is held against
one with an empty library as well. The library's notices are taken by a listener and counted. Held
against: the delays without the library; goal: 1.03 of them at most, and as few drops. NESTOR_TURNS (16)
turns of 5 s of each. Fails only where something could not be measured.
"""
import os
import shutil
import socket
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))

from harness import keaconf, perfdhcp, requirements  # noqa: E402
from harness.kea import Kea  # noqa: E402
from harness.network import Network  # noqa: E402
from harness.pair import Pair  # noqa: E402
from journey import figures  # noqa: E402

_TURNS = int(os.environ.get("NESTOR_TURNS", "16"))
_RATE = 300
_SECONDS = 5


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


def ask(network, folder):
    """(milliseconds of a DISCOVER's and a REQUEST's answer together, packets lost)."""
    served = perfdhcp.Load(network, tempfile.mkdtemp(dir=folder), "dhcp4", _RATE, _SECONDS).result()
    assert len(served.average_ms) == 2 and served.leases, served.text
    return sum(served.average_ms), served.lost


def empty_library():
    path = os.path.join(os.path.dirname(requirements.nestor_hook()), "empty_library.so")
    assert os.path.exists(path), f"{path} is missing: it is built with -DNESTOR_BENCH=ON"
    return path


class TwoServers:
    """That of the host `loaded` with the library, the other without, or with an `empty` one."""

    def __init__(self, loaded, empty):
        self._hosts = {True: loaded, False: {"a": "b", "b": "a"}[loaded]}
        self._folder = tempfile.mkdtemp(prefix="nestor-bench-")
        self._network = Network()
        self._keas = {}
        for host in "ab":
            folder = f"{self._folder}/{host}"
            os.mkdir(folder)
            parts = keaconf.own_parts("dhcp4", f"kea-{host}", host, folder, hook=host == loaded)
            parts["loggers"][0]["severity"] = "WARN"
            if empty and host != loaded:
                parts["hooks-libraries"] = [{"library": empty_library()}]
            members = {**parts, **keaconf.serving("dhcp4")}
            self._keas[host] = Kea("dhcp4", f"kea-{host}", folder, self._network[host],
                                   {"Dhcp4": members})
        self.listeners = [Listener(keaconf.hook_socket("dhcp4", f"{self._folder}/{loaded}"))]
        for kea in self._keas.values():
            kea.start()

    def ask(self, library):
        for host in "ab":
            self._network.client_side(host, host == self._hosts[library])
        return ask(self._network, self._folder)

    def close(self):
        for kea in self._keas.values():
            kea.stop()
        self._network.close()
        shutil.rmtree(self._folder, ignore_errors=True)


class TwoPairs:
    """One with the library in both of its Keas, one without."""

    def __init__(self):
        self._pairs = {}
        quiet = {"loggers": [{"name": "kea-dhcp4", "severity": "WARN", "output_options": [{"output": "stderr"}]}]}
        for library in (True, False):
            content = {"dhcp4": {**keaconf.serving("dhcp4", "hot-standby"), **quiet}}
            self._pairs[library] = Pair(ha="hot-standby", mirrored=content, heartbeat_ms=10_000, hook=library)
        loaded = self._pairs[True]
        self.listeners = [Listener(keaconf.hook_socket("dhcp4", loaded.host_folder(host))) for host in "ab"]
        for pair in self._pairs.values():
            pair.start_keas()

    def ask(self, library):
        return ask(self._pairs[library].network, self._pairs[library].folder)

    def close(self):
        for pair in self._pairs.values():
            pair.close()


def tell(turn, asked):
    (with_ms, with_lost), (without_ms, without_lost) = asked[True], asked[False]
    print(f"   turn {turn + 1}: with {with_ms:.3f} ms, {with_lost} lost; "
          f"without {without_ms:.3f} ms, {without_lost} lost", flush=True)


def measure(title, servers, count):
    """(turns, notices taken)."""
    print(f"{title}:", flush=True)
    turns = []
    try:
        for library in (True, False):  # its lease file grows, its memory is allocated
            servers.ask(library)
        for turn in range(count):
            order = (True, False) if turn % 2 else (False, True)
            turns.append({library: servers.ask(library) for library in order})
            tell(turn, turns[-1])
    finally:
        servers.close()
    return turns, sum(listener.leases for listener in servers.listeners)


def ratio_of(turns):
    return figures.median([turn[True][0] / turn[False][0] for turn in turns])


def row(title, turns, ratio):
    delays = {library: [turn[library][0] for turn in turns] for library in (True, False)}
    return [title, f"{figures.median(delays[True]):.3f}", f"{figures.median(delays[False]):.3f}", f"{ratio:.3f}",
            *(str(sum(turn[library][1] for turn in turns)) for library in (True, False))]


def measure_alone(empty):
    """(turns, their ratio, notices taken) of a Kea alone."""
    what = "an empty one" if empty else "none"
    halves = {loaded: measure(f"a Kea alone; the library is on host {loaded}, on the other {what}",
                              TwoServers(loaded, empty), _TURNS // 2) for loaded in "ab"}
    # What the hosts differ in multiplies the one and divides the other.
    ratios = [ratio_of(turns) for turns, _ in halves.values()]
    print(f"   by host: {ratios[0]:.3f} and {ratios[1]:.3f}")
    return ([turn for turns, _ in halves.values() for turn in turns], (ratios[0] * ratios[1]) ** 0.5,
            sum(taken for _, taken in halves.values()))


def main():
    requirements.check()
    pair, taken = measure("hot-standby pairs", TwoPairs(), _TURNS)
    alone, alone_ratio, alone_taken = measure_alone(empty=False)
    called, called_ratio, called_taken = measure_alone(empty=True)
    print(f"Milliseconds of DISCOVER's and REQUEST's answers together, medians of turns at {_RATE} exchanges a "
          f"second; {taken + alone_taken + called_taken} notices were taken.\n")
    figures.print_table(["two answers", "with", "without", "ratio", "lost with", "lost without"],
                        [row("hot-standby pair", pair, ratio_of(pair)),
                         row("a Kea alone", alone, alone_ratio),
                         row("a Kea alone, without: an empty library", called, called_ratio)])


if __name__ == "__main__":
    main()
