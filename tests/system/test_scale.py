#!/usr/bin/python3
"""10,000 subnets and 100,000 reservations: one reservation changed reaches the secondary.

NESTOR_SUBNETS and NESTOR_RESERVATIONS change the size.
"""
import json
import os
import threading
import time

from harness import compare
from harness.case import SystemTest, main
from harness.pair import Pair
from harness.waiting import wait_until

_SUBNETS = int(os.environ.get("NESTOR_SUBNETS", "10000"))
_RESERVATIONS = int(os.environ.get("NESTOR_RESERVATIONS", "100000"))
_MOST_KIB = 400 * 1024


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


class StatusWatch:
    """Asks for status all the while; keeps the longest silence and each age of the news."""

    def __init__(self, pair):
        self.longest = 0.0
        self.asked = 0
        self.wrong = []
        self._pair = pair
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._ends.wait(0.1):
            for agent in self._pair.agents.values():
                began = time.monotonic()
                status = agent.status(self._pair.relationship())
                self.longest = max(self.longest, time.monotonic() - began)
                self.asked += 1
                if status is None:
                    self.wrong.append(f"{agent.name} has no status")
                elif status["state"] == "DOWN" or any("heartbeat" in r.lower()
                                                      for r in status["reasons"]):
                    self.wrong.append(f"{agent.name}: {status['state']} {status['reasons']}")

    def stop(self):
        self._ends.set()
        self._thread.join()


class ScaleTest(SystemTest):

    def test_one_of_a_hundred_thousand(self):
        content = {"dhcp4": _configuration()}
        pair = self.own(Pair(mirrored=content, secondary_mirrored=content))
        for kea in pair.keas.values():
            kea.start(deadline_s=90)
        pair.start_agents().adopt(settle=False)
        pair.settle(deadline_s=90)
        watch = StatusWatch(pair)
        try:
            self._change_one(pair)
        finally:
            watch.stop()
        for agent in pair.agents.values():
            print(f"{agent.name}: at most {agent.process.peak_rss_kib() // 1024} MiB", flush=True)
            self.assertLess(agent.process.peak_rss_kib(), _MOST_KIB)
        print(f"status: {watch.asked} times, at most {watch.longest:.2f} s", flush=True)
        self.assertGreater(watch.asked, 10)
        self.assertLess(watch.longest, 2.0)
        self.assertEqual(watch.wrong, [])

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
    main(limit_s=290)
