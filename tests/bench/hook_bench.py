#!/usr/bin/python3
"""What a change by the hook library costs Kea: sent on the control socket until answered.

hook_bench.py [SIZE...]     sizes: 1 1k 10k 100k; without one, all

One object: held against version-get on the same socket, in turns; goal: at most 1 ms more, at each
size. 1,000 subnets in one change: held against config-set of the same configuration; goal: 0.5 of it
at most. The whole read in slices, as the audit reads it: how long one keeps the thread that serves; goal:
5 ms at most. Fails only where something could not be measured.
"""
import os
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))

from harness import keaconf, packed, requirements  # noqa: E402
from harness.kea import Kea  # noqa: E402
from harness.network import Network  # noqa: E402
from hook import channel  # noqa: E402
from journey import figures, sizes  # noqa: E402

_TURNS = 300
_LARGE_TURNS = 7
_READINGS = 4
_LARGE_SUBNETS = 1000
_DEADLINE_S = 180


class Served:
    """One kea-dhcp4 with the library loaded that has `members` besides its own parts."""

    def __init__(self, members):
        self._folder = tempfile.mkdtemp(prefix="nestor-bench-")
        self._network = Network()
        self.own = keaconf.own_parts("dhcp4", "kea-a", "a", self._folder, hook=True)
        self.kea = Kea("dhcp4", "kea-a", self._folder, self._network["a"],
                       {"Dhcp4": {**self.own, **members}})

    def __enter__(self):
        self.kea.start(deadline_s=_DEADLINE_S)
        return self

    def __exit__(self, *_):
        self.kea.stop()
        self._network.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def subnet(number):
    """One that none of the sizes has."""
    return {"id": 50000 + number, "subnet": f"172.{16 + number // 256}.{number % 256}.0/24",
            "pools": [{"pool": f"172.{16 + number // 256}.{number % 256}.10 - "
                               f"172.{16 + number // 256}.{number % 256}.99"}]}


def changes(members):
    """{what: request(turn)}, each another change in each turn."""
    first = members["subnet4"][len(members["subnet4"]) // 2]
    plain = {name: value for name, value in first.items() if name != "reservations"}
    new = subnet(0)

    def add_or_remove(turn):
        if turn % 2:
            return channel.apply_request(removed=[("subnet", str(new["id"]))])
        return channel.apply_request([("subnet", str(new["id"]), new)])
    return {
        "subnet changed": lambda turn: channel.apply_request(
            [("subnet", str(first["id"]), {**plain, "valid-lifetime": 1000 + turn})]),
        "subnet added, removed": add_or_remove,
        "reservation": lambda turn: channel.apply_request(
            [("reservation", f"{first['id']}/hw-address/02:ff:00:00:00:01",
              {"hw-address": "02:ff:00:00:00:01", "hostname": f"changed-{turn}"})]),
        "class": lambda turn: channel.apply_request(
            [("client-class", "bench", {"name": "bench", "test": f"option[60].text == '{turn}'"})]),
    }


def rows_of(size):
    members = size.mirrored()
    with Served(members) as served:
        for what, request in changes(members).items():
            requests = [request(turn) for turn in range(_TURNS)]
            change, limit = [], []
            for asked in requests:
                change.append(channel.seconds(served.kea, asked))
                limit.append(channel.seconds(served.kea, channel.VERSION_GET))
            more = [1e3 * (one - other) for one, other in zip(change, limit)]
            yield [f"{size.title}: {what}", f"{1e3 * figures.median(change):.3f}",
                   f"{1e3 * figures.median(limit):.3f}", f"{figures.median(more):+.3f}",
                   f"{sorted(more)[len(more) * 99 // 100]:+.3f}"]


def large(size):
    """The row of 1,000 subnets more than `size` has, at once, as the agents send them: as Kea has
    them, packed."""
    few = size.mirrored()
    ids = [("subnet", str(subnet(number)["id"])) for number in range(_LARGE_SUBNETS)]
    remove = channel.apply_request(removed=ids)
    with Served(few) as served:
        channel.seconds(served.kea, channel.apply_request(
            [(*one, subnet(number)) for number, one in enumerate(ids)]))
        names = [{"kind": kind, "key": key} for kind, key in ids]
        added = [one["object"] for one in served.kea.command("nestor-get", {"objects": names})["objects"]]
        channel.seconds(served.kea, remove)
        upserted = [dict(name, object=value) for name, value in zip(names, added)]
        add = channel.request("nestor-apply", packed.of({"upserted": upserted, "brief": True}))
        many = {**few, "subnet4": few["subnet4"] + added}
        to_few, to_many = (channel.request("config-set", {"Dhcp4": {**served.own, **members}})
                           for members in (few, many))
        hook, whole = [], []
        for _ in range(_LARGE_TURNS):
            hook.append(channel.seconds(served.kea, add))
            channel.seconds(served.kea, remove)
            whole.append(channel.seconds(served.kea, to_many))
            channel.seconds(served.kea, to_few)
    ratio = figures.median([one / other for one, other in zip(hook, whole)])
    return [f"{_LARGE_SUBNETS} subnets added to {size.title}", f"{1e3 * figures.median(hook):.1f}",
            f"{1e3 * figures.median(whole):.1f}", f"{ratio:.2f}"]


def main_thread_s(process):
    """Seconds that the process's first thread ran."""
    with open(f"/proc/{process.pid}/task/{process.pid}/schedstat", encoding="ascii") as numbers:
        return int(numbers.read().split()[0]) / 1e9


def slices(size):
    """The row of reading all of `size` in slices."""
    with Served(size.mirrored()) as served:
        lasted, worked = [], []
        cursors = [""] * _READINGS  # of readings to begin
        while cursors:
            before, began = main_thread_s(served.kea.process), time.monotonic()
            answer = served.kea.command("nestor-get", {"after": cursors.pop()})
            lasted.append(time.monotonic() - began)
            worked.append(main_thread_s(served.kea.process) - before)
            if "next" in answer:
                cursors.append(answer["next"])
    return [size.title, str(len(lasted) // _READINGS), f"{1e3 * figures.median(lasted):.2f}",
            f"{1e3 * figures.median(worked):.2f}", f"{1e3 * max(worked):.2f}"]


def main(names):
    requirements.check()
    chosen = [size for size in sizes.ALL if not names or size.name in names]
    if not chosen or len(chosen) < len(set(names)):
        sys.exit(__doc__)
    print("Milliseconds, medians of turns; 'more' is the median of the turns' differences, then the "
          "99th of 100.\n")
    figures.print_table(["one object", "nestor-apply", "version-get", "more", "p99"],
                        [row for size in chosen for row in rows_of(size)])
    print()
    figures.print_table(["one change", "nestor-apply", "config-set", "ratio"],
                        [large(sizes.ALL[0]), large(sizes.ALL[2])])
    print()
    figures.print_table(["the whole, in slices", "slices", "asked till answered", "Kea's own", "at most"],
                        [slices(size) for size in chosen])


if __name__ == "__main__":
    main(sys.argv[1:])
