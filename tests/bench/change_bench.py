#!/usr/bin/python3
"""From a change in the primary's Kea to the secondary's, with the hook library in both.

change_bench.py [SIZE...]     sizes: 1 1k 10k 100k; without one, 10k and 100k

One subnet or reservation is changed by nestor-apply on the primary. From its answer until the ack is
on the bus that says: verified on the secondary. Held against the sum of one version-get on each
side, one commit and one message's way, measured in turns and after the same pause, since who was
asked a moment ago answers in half of the time. Goals: half of the changes in 3 times that at most,
99 of 100 in 20 ms. Fails only where something could not be measured.
"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))

from harness import network, requirements  # noqa: E402
from harness.agent import CONTROL_PORT, EVENTS_PORT  # noqa: E402
from harness.bus_peer import BusPeer  # noqa: E402
from harness.pair import Pair  # noqa: E402
from hook import channel, limit  # noqa: E402
from journey import figures, sizes  # noqa: E402

_CHANGES = int(os.environ.get("NESTOR_CHANGES", "300"))
_DEADLINE_S = 180
_ACK_S = 30
_PACE_S = 0.15  # acks that follow one another more closely are gathered


class Mirrored:
    """A pair that mirrors `size`, and a monitor that hears its events."""

    def __init__(self, size):
        content = {"dhcp4": size.mirrored()}
        self._members = content["dhcp4"]
        self._size = size
        self._count = 0
        self.pair = Pair(mirrored=content, secondary_mirrored=content)
        for kea in self.pair.keas.values():
            kea.start(deadline_s=_DEADLINE_S)
        self.pair.make_keys()
        key = self.pair.make_key("monitor")
        self.pair.authorize("a", key[1], "subscribe")
        self.pair.start_agents_again()
        self.pair.adopt(settle=False)
        self.pair.settle(deadline_s=_DEADLINE_S)
        self._peer = self.pair.beside(BusPeer(
            self.pair.network["b"], f"tcp://{network.LINK['a']}:{CONTROL_PORT}",
            f"tcp://{network.LINK['a']}:{EVENTS_PORT}",
            f"{self.pair.host_folder('b')}/keys/kea-a.public", *key))
        self._until(lambda event: event.HasField("heartbeat"))

    def _until(self, matches):
        deadline = time.monotonic() + _ACK_S
        while time.monotonic() < deadline:
            event = self._peer.event(1)
            if event and matches(event[1]):
                return event[1]
        raise AssertionError("no such event came\n" + self.pair.tails())

    def change(self):
        """Seconds from Kea's answer until the change was published, and until it was verified."""
        self._count += 1
        subnet = self._members["subnet4"][len(self._members["subnet4"]) // 2]
        if reservations := subnet.get("reservations"):
            one = dict(reservations[-1], hostname=f"changed-{self._count}")
            key = f"{subnet['id']}/hw-address/{one['hw-address']}"
            asked = channel.apply_request([("reservation", key, one)])
        else:
            one = dict(subnet, **{"valid-lifetime": 1000 + self._count})
            del one["reservations"]
            asked = channel.apply_request([("subnet", str(one["id"]), one)])
        channel.seconds(self.pair.kea("a"), asked)
        began = time.perf_counter()
        sequence = self._until(lambda event: event.HasField("change")).sequence
        published = self._peer.arrived
        self._until(lambda event: event.ack_event.ack.applied >= sequence)
        return published - began, self._peer.arrived - began


def measure(size):
    mirrored = Mirrored(size)
    pair = mirrored.pair
    try:
        bare = pair.beside(limit.Limit([pair.kea("a"), pair.kea("b")], pair.folder))
        turns = []
        for _ in range(_CHANGES):
            # Nothing is waited for: the pauses are the pace of the changes, and the limit's like theirs.
            time.sleep(_PACE_S)
            changed = mirrored.change()
            time.sleep(_PACE_S)
            turns.append((*changed, *bare.seconds(), sum(bare.seconds())))
        pair.settle(deadline_s=_DEADLINE_S)
        pair.assert_same()
        return turns
    finally:
        pair.close()


def row(size, turns):
    def text(values):
        return f"{1e3 * figures.median(values):.2f}"
    published, verified, *parts, at_once = zip(*turns)
    least = [sum(turn[2:-1]) for turn in turns]
    p99 = sorted(verified)[len(verified) * 99 // 100]

    def ratio(limit):
        return f"{figures.median(verified) / figures.median(limit):.2f}"
    return [size.title, text(published), text(verified), f"{1e3 * p99:.2f}", text(least),
            " + ".join(text(part) for part in parts), ratio(least), text(at_once), ratio(at_once)]


def main(names):
    requirements.check()
    os.environ.setdefault("NESTOR_LOG_LEVEL", "info")
    names = names or ["10k", "100k"]
    chosen = [size for size in sizes.ALL if size.name in names]
    if len(chosen) < len(set(names)):
        sys.exit(__doc__)
    rows = [row(size, measure(size)) for size in chosen]
    print(f"Milliseconds; {_CHANGES} changes. The least is the sum of version-get on each side, a "
          "commit and a message's way; then the same once more without a pause.\n")
    figures.print_table(["one change", "published", "verified", "p99", "least", "of which", "ratio",
                         "at once", "ratio"], rows)


if __name__ == "__main__":
    main(sys.argv[1:])
