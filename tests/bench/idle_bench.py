#!/usr/bin/python3
"""What the agents of a pair cost while nothing changes: processor time and memory.

Goals: less than 0.5 % of a core and 30 MiB for each. NESTOR_IDLE_SECONDS (30) is how long they are
looked at. Fails only where something could not be measured.
"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))

from harness import requirements  # noqa: E402
from harness.pair import Pair  # noqa: E402
from journey import figures, sizes  # noqa: E402
from journey.ways import Ways  # noqa: E402

_SECONDS = int(os.environ.get("NESTOR_IDLE_SECONDS", "30"))


def measure(services, mirrored, ways_of):
    """Rows of the table for one idle pair."""
    pair = Pair(services=services, mirrored=mirrored)
    try:
        pair.start()
        if ways_of:
            Ways(pair, ways_of, 60).wait_for_calm()
        before = {agent.name: agent.process.cpu_seconds() for agent in pair.agents.values()}
        began = time.monotonic()
        time.sleep(_SECONDS)  # nothing is waited for: this is the time that is measured
        elapsed = time.monotonic() - began
        for agent in pair.agents.values():
            assert agent.process.alive(), pair.tails()
            used = agent.process.cpu_seconds() - before[agent.name]
            yield [f"{agent.role}, {' and '.join(services)}", f"{used / elapsed:.2%}",
                   f"{agent.process.rss_kib() / 1024:.1f} MiB"]
    finally:
        pair.close()


def main():
    requirements.check()
    os.environ.setdefault("NESTOR_LOG_LEVEL", "info")
    rows = []
    for services in (("dhcp4",), ("dhcp4", "dhcp6")):
        print(f"== {' and '.join(services)}, {_SECONDS} s", flush=True)
        rows += measure(services, None, sizes.ALL[0])
    figures.print_table(["idle agent", "of a core", "resident"], rows)


if __name__ == "__main__":
    main()
