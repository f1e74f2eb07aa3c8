#!/usr/bin/python3
"""What a change costs from the primary's Kea to the secondary's, held against two scripts.

journey_bench.py [SIZE...]     sizes: 1 1k 10k 100k; without one, all

The three ways take turns on one pair: the agents; the same Kea commands from a plain script that
looks into nothing (the limit; goal: 1.1 of it at most); and what a careful administrator runs with
socat and jq (goal: less than that). Fails only where something could not be measured.
"""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))

from harness import requirements  # noqa: E402
from harness.pair import Pair  # noqa: E402
from journey import figures, sizes  # noqa: E402
from journey.ways import Ways  # noqa: E402

_DEADLINE_S = 180


def say(text):
    print(text, flush=True)


def measure(size):
    """[(Journey, seconds of the plain script, seconds of the careful one)...] of `size`."""
    say(f"== {size.title}")
    content = {"dhcp4": size.mirrored()}
    pair = Pair(mirrored=content, secondary_mirrored=content)
    try:
        for kea in pair.keas.values():
            kea.start(deadline_s=_DEADLINE_S)
        pair.start_agents().adopt(settle=False)
        pair.settle(deadline_s=_DEADLINE_S)
        ways = Ways(pair, size, _DEADLINE_S)
        turns = []
        for turn in range(size.rounds):
            journey = ways.nestor()
            ways.stop_agents()
            turns.append((journey, ways.plain(), ways.careful()))
            ways.go_on()
            tell(turn, *turns[-1])
        for agent in pair.agents.values():
            say(f"   {agent.name}: at most {agent.process.peak_rss_kib() // 1024} MiB")
        return turns
    finally:
        pair.close()


def tell(turn, journey, plain, careful):
    say(f"   turn {turn + 1}: nestor {journey.whole:.3f} s (noticed after {journey.noticing:.3f}), "
        f"plain {plain:.3f} s, careful {careful:.3f} s")
    for what, seconds in journey.steps:
        say(f"      {seconds:7.3f} s  {what}")


def row(size, turns):
    whole = [journey.whole for journey, _, _ in turns]
    noticed = [journey.noticed for journey, _, _ in turns]
    plain = [seconds for _, seconds, _ in turns]
    careful = [seconds for _, _, seconds in turns]

    def ratio(measured, limit):
        return f"{figures.median([m / l for m, l in zip(measured, limit)]):.2f}"
    cells = [f"{figures.median(values):.3f} ±{figures.spread(values):.0%}"
             for values in (whole, noticed, plain, careful)]
    return [size.title, *cells, ratio(whole, plain), ratio(noticed, plain), ratio(whole, careful)]


def main(names):
    requirements.check()
    for program in ("socat", "jq"):
        if shutil.which(program) is None:
            sys.exit(f"journey_bench needs {program}")
    os.environ.setdefault("NESTOR_LOG_LEVEL", "info")
    chosen = [size for size in sizes.ALL if not names or size.name in names]
    if not chosen or len(chosen) < len(set(names)):
        sys.exit(__doc__)
    rows = [row(size, measure(size)) for size in chosen]
    say("\nSeconds, medians (± the turn furthest off); ratios are the medians of the turns'. "
        "'noticed' begins\nwhere the primary's agent noticed, up to 250 ms later.\n")
    figures.print_table(["journey", "nestor", "nestor, noticed", "plain script", "careful script",
                         "of plain", "noticed of plain", "of careful"], rows)


if __name__ == "__main__":
    main(sys.argv[1:])
