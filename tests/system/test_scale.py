#!/usr/bin/python3
"""10,000 subnets and 100,000 reservations: all of it reaches an empty secondary, then one change.

NESTOR_SUBNETS and NESTOR_RESERVATIONS change the size.
"""
import itertools
import json
import os
import threading
import time

from harness import compare
from harness.agent import Watch, seconds
from harness.case import SystemTest, main
from harness.pair import Pair
from harness.waiting import wait_until

_SUBNETS = int(os.environ.get("NESTOR_SUBNETS", "10000"))
_RESERVATIONS = int(os.environ.get("NESTOR_RESERVATIONS", "100000"))
_MOST_KIB = 400 * 1024
# A peer is called silent after three heartbeats.
_SILENT_S = 3.0


def _configuration():
    subnets = []
    each, left = divmod(_RESERVATIONS, _SUBNETS)
    for number in range(_SUBNETS):
        high, low = 16 + number // 256, number % 256
        prefix = f"10.{high}.{low}"
        subnets.append({
            "id": number + 1, "subnet": f"{prefix}.0/24",
            "pools": [{"pool": f"{prefix}.100 - {prefix}.199"}],
            "reservations": [
                {"hw-address": f"02:{high:02x}:{low:02x}:00:00:{host:02x}",
                 "ip-address": f"{prefix}.{host + 1}", "hostname": f"h{number}-{host}"}
                for host in range(each + (1 if number < left else 0))]})
    return {"valid-lifetime": 600, "subnet4": subnets}


class Meanwhile:
    """Asks both agents for status and listens to heartbeats and acks all the while.

    Keeps how long an answer took, how old the news of the other agent was, and what was said that
    must not be.
    """

    def __init__(self, pair):
        self.asked = 0
        self.slowest_s = 0.0
        self.oldest_s = 0.0
        self.wrong = []
        self._pair = pair
        self._watch = Watch(pair.primary, pair.relationship(), "--kind", "heartbeat,ack")
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._ends.wait(0.1):
            for agent in self._pair.agents.values():
                self._ask(agent)

    def _ask(self, agent):
        began, wall = time.monotonic(), time.time()
        status = agent.status(self._pair.relationship())
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        self.asked += 1
        if status is None:
            self.wrong.append(f"{agent.name} has no status")
            return
        peer = status["secondary" if agent is self._pair.primary else "primary"]
        for part in (peer, status["mirror"]):
            self.oldest_s = max(self.oldest_s, wall - seconds(part["as_of"]))
        # That a Kea does not answer is true: it reads 22 MB.
        if any("silent" in reason for reason in status["reasons"]):
            self.wrong.append(f"{agent.name}: {status['reasons']}")

    def stop(self):
        self._ends.set()
        self._thread.join()
        self._watch.close()

    def acked(self):
        return [event["ack"]["ack"]["applied"] for event in self._watch.events()
                if event["kind"] == "ack" and "ack" in event["ack"]]

    def longest_without_heartbeat(self):
        times = [seconds(event["time"]) for event in self._watch.events()
                 if event["kind"] == "heartbeat"]
        assert len(times) > 2, f"{len(times)} heartbeats"
        return max(later - earlier for earlier, later in itertools.pairwise(times))


class ScaleTest(SystemTest):

    def test_all_of_it_to_an_empty_secondary_and_one_of_a_hundred_thousand(self):
        pair = self.own(Pair(mirrored={"dhcp4": _configuration()},
                             secondary_mirrored={"dhcp4": {"valid-lifetime": 600}}))
        for kea in pair.keas.values():
            kea.start(deadline_s=90)
        pair.start_agents().adopt(settle=False)
        wait_until(lambda: self._joined(pair), 20, "the agents have met")
        meanwhile = Meanwhile(pair)
        try:
            self._take_all(pair)
            self._change_one(pair)
        finally:
            meanwhile.stop()
        for agent in pair.agents.values():
            print(f"{agent.name}: at most {agent.process.peak_rss_kib() // 1024} MiB", flush=True)
            self.assertLess(agent.process.peak_rss_kib(), _MOST_KIB)
        print(f"status: {meanwhile.asked} times, at most {meanwhile.slowest_s:.2f} s, "
              f"news at most {meanwhile.oldest_s:.2f} s old, "
              f"{meanwhile.longest_without_heartbeat():.2f} s between heartbeats", flush=True)
        self.assertGreater(meanwhile.asked, 20)
        self.assertEqual(meanwhile.wrong, [])
        self.assertLess(meanwhile.slowest_s, _SILENT_S)
        self.assertLess(meanwhile.oldest_s, _SILENT_S)
        self.assertLess(meanwhile.longest_without_heartbeat(), _SILENT_S)
        self.assertIn(pair.head(), meanwhile.acked())

    @staticmethod
    def _joined(pair):
        """Each agent has had news of the other."""
        known = [agent.status(pair.relationship()) for agent in pair.agents.values()]
        return all(known) and "as_of" in known[0]["secondary"] and "as_of" in known[1]["primary"]

    def _take_all(self, pair):
        began = time.monotonic()
        pair.settle(deadline_s=150)
        print(f"snapshot applied and verified after {time.monotonic() - began:.1f} s", flush=True)
        self.assertEqual(pair.primary.metric("nestor_snapshots_total"), 1)
        self.assertEqual(len(pair.kea("b").running()["subnet4"]), _SUBNETS)

    def _change_one(self, pair):
        head = pair.head()
        chosen = pair.kea("a").config["Dhcp4"]["subnet4"][_SUBNETS // 2]["reservations"][0]
        chosen["hostname"] = "changed"
        began = time.monotonic()
        pair.kea("a").apply_by_reload()
        taken = time.monotonic()
        wait_until(lambda: pair.head() > head, 60, "the change is journaled", poll_s=0.2)
        journaled = time.monotonic()
        pair.settle(above=head, deadline_s=120)
        print(f"reload {taken - began:.1f} s, journaled {journaled - taken:.1f} s, "
              f"verified {time.monotonic() - journaled:.1f} s", flush=True)
        entry = [e for e in pair.primary.history(pair.relationship()) if e["what"] == "change"][-1]
        self.assertEqual((entry["upserted_count"], entry["removed_count"]), (1, 0))
        self.assertEqual(compare.compare(pair.kea("a"), pair.kea("b")), [])
        self.assertIn("changed", json.dumps(
            pair.kea("b").running()["subnet4"][_SUBNETS // 2]["reservations"]))


if __name__ == "__main__":
    main(limit_s=420)
