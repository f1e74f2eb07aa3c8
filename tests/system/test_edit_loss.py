#!/usr/bin/python3
"""What clients lose while a relationship is edited, beside removing and creating it anew.

NESTOR_HEARTBEAT_MS (1000) is the heartbeat-delay, NESTOR_EDITS=all edits every timer and the mode, there
and back, in both modes; unless told only one timer. What docs/performance.md quotes:
  NESTOR_HEARTBEAT_MS=10000 NESTOR_EDITS=all
"""
import os

from harness import perfdhcp
from harness.case import SystemTest, main
from harness.pair import NAMES
from harness.standalone import Standalone
from harness.waiting import wait_until

_HEARTBEAT_MS = int(os.environ.get("NESTOR_HEARTBEAT_MS", "1000"))
_ALL = os.environ.get("NESTOR_EDITS") == "all"
_RATE = 50
_SECONDS = 6 + 5 * _HEARTBEAT_MS // 1000
_OTHERS = {"hot-standby": "load-balancing", "load-balancing": "hot-standby"}


class EditLossCase:
    """The same for both services."""

    service = None

    def test_an_edit_loses_less_than_removing_and_creating(self):
        self.pair = self.own(Standalone(self.service)).start()
        self.create("hot-standby")
        rows = self.timers("hot-standby")
        if _ALL:
            there = self.lost("load-balancing", "--mode", "load-balancing", "--split-pools")
            rows += self.timers("load-balancing")
            back = self.lost("hot-standby", "--mode", "hot-standby")
            rows += [("--mode load-balancing", there, rows[-1][2]),
                     ("--mode hot-standby", back, rows[0][2])]
        for what, lost, anew in rows:
            print(f"  {self.service}: {what} loses {lost:.1f} s of service, removing and creating "
                  f"{anew:.1f} s", flush=True)
        for what, lost, anew in rows:
            with self.subTest(what=what):
                self.assertLess(lost, anew)

    def timers(self, mode):
        """Rows (what is edited, seconds lost by it, seconds lost by removing and creating)."""
        values = {"--max-ack-delay": 1500}
        if _ALL:
            values |= {"--max-response-delay": 50000, "--max-unacked-clients": 3,
                       "--heartbeat-delay": _HEARTBEAT_MS + 1}
        anew = self.lost(mode)
        return [(f"{mode}, {option}", self.lost(mode, option, str(value)), anew)
                for option, value in values.items()]

    def create(self, mode):
        split = ("--split-pools",) if mode == "load-balancing" else ()
        self.pair.verb("create", self.pair.relationship(), "--service", self.service, "--mode", mode,
                       "--secondary", NAMES["b"], "--heartbeat-delay", str(_HEARTBEAT_MS),
                       "--max-unacked-clients", "0", *split)
        self.normal(mode)

    def anew(self, mode):
        self.pair.verb("remove", self.pair.relationship(), "--secondary-scopes", "disable")
        self.create(mode)

    def normal(self, mode):
        wait_until(lambda: self.pair.states() == [mode, mode], 60,
                   lambda: f"{mode}: {self.pair.states()}")

    def lost(self, mode, *edits):
        """Seconds of the whole service that an edit costs, after which HA is in `mode`; without one
        the relationship is removed and created."""
        self.pair.settle(deadline_s=60)
        load = self.pair.beside(perfdhcp.Load(self.pair.network, self.pair.folder, self.service,
                                              _RATE, _SECONDS))
        wait_until(load.running, 5, "perfdhcp runs")
        if edits:
            self.pair.verb("edit", self.pair.relationship(), *edits)
        else:
            self.anew(mode)
        self.assertTrue(load.running(), "it took longer than the load")
        self.normal(mode)
        served = load.result()
        return (served.sent[0] - served.received[0]) / _RATE


class EditLossV4Test(EditLossCase, SystemTest):
    service = "dhcp4"


class EditLossV6Test(EditLossCase, SystemTest):
    service = "dhcp6"


if __name__ == "__main__":
    main(3000 if _ALL else 200)
