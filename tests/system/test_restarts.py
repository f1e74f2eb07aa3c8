#!/usr/bin/python3
"""kill -9 and restart of agents and Keas at random moments under streams of changes, one for
DHCPv4 and one for DHCPv6, which one pair of agents carries.

NESTOR_ROUNDS (20) kills, NESTOR_SEED: the seed that is printed repeats the choices, not the timing.
"""
import os
import random
import re
import threading
import time

from harness import keaconf
from harness.case import SystemTest, main
from harness.waiting import wait_until

_ROUNDS = int(os.environ.get("NESTOR_ROUNDS", "20"))
_SEED = int(os.environ.get("NESTOR_SEED", str(random.randrange(1 << 32))))
_SERVICES = ("dhcp4", "dhcp6")
_AGENTS = ("agent a", "agent b")
_KEAS = tuple(f"{host} {service}" for host in "ab" for service in _SERVICES)
# Of the agents' logs.
_APPLIED = r'APPLIED relationship={} .*change=\d+/(\d+) sent=true'
_TRANSFER = (r"FOLLOWER_WELCOMED relationship={0} .*position=\d+/(?P<position>\d+)"
             r"|SNAPSHOT_SENT relationship={0} .*label=(?P<label>\d+)")


def _deck(chance):
    """All victims in some order, the agents twice, and again, and again."""
    victims = 2 * _AGENTS + _KEAS
    while True:
        yield from chance.sample(victims, len(victims))


class ChangeStream:
    """Changes of the primary from a thread: a counter in a user-context and a reservation that
    moves, about five a second. The file comes first, so that a killed Kea comes back with it."""

    def __init__(self, kea):
        self.made = 0
        self._kea = kea
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._ends.wait(0.2):
            self.made += 1
            members = self._kea.config[self._kea.root]
            members["user-context"] = {"counter": self.made}
            members[keaconf.subnets(self._kea.service)][0]["reservations"] = [self._reservation()]
            self._kea.write_file()
            try:
                self._kea.ask("config-reload", timeout_s=5)
            except (OSError, ValueError):
                continue  # it was just killed; it starts with the file

    def _reservation(self):
        mac = f"02:00:00:00:{self.made >> 8 & 255:02x}:{self.made & 255:02x}"
        if self._kea.service == "dhcp4":
            return {"hw-address": mac, "ip-address": "10.0.200.1"}
        return {"hw-address": mac, "ip-addresses": ["2001:db8:1::ff:1"]}

    def stop(self):
        self._ends.set()
        self._thread.join()


class Sampler:
    """Looks at the secondary all the while: its counter goes back only where Kea itself starts from
    a file that is older. Values are (process id, counter)."""

    def __init__(self, kea):
        self.values = []
        self._kea = kea
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._ends.wait(0.03):
            try:
                before = self._pid()
                context = self._kea.running(timeout_s=5).get("user-context", {})
                after = self._pid()
            except (OSError, ValueError, AssertionError):
                continue
            if before == after:
                self.values.append((before, context.get("counter", 0)))

    def _pid(self):
        return self._kea.command("status-get", timeout_s=5)["pid"]

    def went_back(self):
        """Pairs of a value and an older one that the same process reported after it."""
        return [(one, other) for one, other in zip(self.values, self.values[1:])
                if one[0] == other[0] and one[1] > other[1]]

    def stop(self):
        self._ends.set()
        self._thread.join()


class RestartsTest(SystemTest):

    def test_equal_after_kills_at_random_moments(self):
        print(f"NESTOR_SEED={_SEED} NESTOR_ROUNDS={_ROUNDS}", flush=True)
        chance = random.Random(_SEED)
        victims = _deck(chance)
        self._started_over = dict.fromkeys(_SERVICES, 0)
        pair = self.make_pair(services=_SERVICES)
        pair.start()
        streams = {service: ChangeStream(pair.kea("a", service)) for service in _SERVICES}
        samplers = {service: Sampler(pair.kea("b", service)) for service in _SERVICES}
        try:
            for number in range(_ROUNDS):
                victim = next(victims)
                self._random_moment(chance, 1.2)
                made = [stream.made for stream in streams.values()]
                print(f"round {number}: kill -9 {victim} at changes {made}", flush=True)
                self._kill_and_restart(pair, victim, chance)
        finally:
            for thread in (*streams.values(), *samplers.values()):
                thread.stop()
        for service in _SERVICES:
            with self.subTest(service):
                self._all_is_well(pair, service, streams[service].made, samplers[service])

    def _all_is_well(self, pair, service, made, sampled):
        # A change whose reload met a dead Kea is made once more.
        pair.kea("a", service).apply_by_reload()
        wait_until(lambda: self._counter(pair, service) == made, 30,
                   lambda: f"the last change {made} arrives: {self._counter(pair, service)}")
        pair.settle(service, deadline_s=30)
        pair.assert_same(service)
        self.assertEqual(sampled.went_back(), [],
                         "the secondary went back to an older configuration")
        self.assertGreater(len({counter for _, counter in sampled.values}), _ROUNDS // 2)
        self._history_is_whole(pair, service)
        self._nothing_is_applied_twice(pair, service)

    @staticmethod
    def _random_moment(chance, most_s):
        """Chooses the moment of a fault; nothing is waited for."""
        time.sleep(chance.uniform(0, most_s))

    @staticmethod
    def _counter(pair, service):
        return pair.kea("b", service).running().get("user-context", {}).get("counter")

    def _kill_and_restart(self, pair, victim, chance):
        is_agent = victim in _AGENTS
        first, second = victim.split()
        process = pair.agents[second] if is_agent else pair.kea(first, second)
        process.kill()
        self._random_moment(chance, 0.6)
        # What was applied within the last two seconds is not in the file yet, and comes again.
        if victim.startswith("b "):
            self._started_over[second] += 1
        process.restart()

    def _history_is_whole(self, pair, service):
        everything = set(range(1, pair.head(service) + 1))
        for agent, expected in ((pair.primary, everything),
                                (pair.secondary, everything - self._jumped_over(pair, service))):
            entries = [e for e in agent.history(pair.relationship(service), limit=100000)
                       if e["what"] == "change"]
            sequences = [e["sequence"] for e in entries]
            self.assertEqual(len(sequences), len(set(sequences)), "a sequence twice")
            self.assertEqual(expected - set(sequences), set(), f"{agent.name} misses changes")
            self.assertEqual(set(sequences) - everything, set(), f"{agent.name} made up changes")
            undecided = {e["sequence"]: e.get("outcome") for e in entries
                         if e.get("outcome") not in ("applied", "superseded")}
            self.assertEqual(undecided, {}, f"{agent.name}: what became of these changes?")

    @staticmethod
    def _jumped_over(pair, service):
        """What the secondary got within snapshots and not as changes."""
        jumped, position = set(), 0
        pattern = _TRANSFER.format(pair.relationship(service))
        for found in re.finditer(pattern, pair.primary.process.log_text()):
            if found["position"]:
                position = int(found["position"])
            else:
                jumped.update(range(position + 1, int(found["label"]) + 1))
        return jumped

    def _nothing_is_applied_twice(self, pair, service):
        """A change that Kea runs and has in its file is not sent to it again: `sent=false` after a
        crash of the agent. Where Kea itself starts from an older file its last change comes again."""
        applied = re.findall(_APPLIED.format(pair.relationship(service)),
                             pair.secondary.process.log_text())
        again = len(applied) - len(set(applied))
        started_over = self._started_over[service]
        print(f"{service}: {len(applied)} applied, {again} again, {started_over} starts of Kea")
        self.assertGreater(len(applied), _ROUNDS // 2)
        self.assertLessEqual(again, started_over, applied)


if __name__ == "__main__":
    main(limit_s=230 + 6 * max(0, _ROUNDS - 20))
