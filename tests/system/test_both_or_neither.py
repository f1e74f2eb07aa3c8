#!/usr/bin/python3
"""Whatever fails while a relationship is created, edited or removed: both servers have it, or neither.

Each round breaks one thing at one step. NESTOR_BREAKS rounds of each service, all kinds in turn; five
unless told, others for each service.
"""
import itertools
import os

from harness.case import SystemTest, main
from harness.pair import NAMES
from harness.processes import Process
from harness.standalone import TIMERS, Standalone, serving_otherwise
from harness.waiting import wait_until

_ROUNDS = int(os.environ.get("NESTOR_BREAKS", "5"))

# What nestorctl says when a step begins.
STEPS = {"create": ("testing both", "changing kea-b", "changing kea-a", "waiting for HA", "writing both"),
         "edit": ("changing kea-b", "changing kea-a", "waiting for HA", "writing both"),
         "remove": ("changing kea-a", "changing kea-b", "writing both")}
FAULTS = ("agent a dies", "agent b dies", "Kea b dies", "Kea a dies", "nestorctl dies", "the link is cut",
          "agents and Keas die")


def rounds():
    """(verb, step, fault): each pair of a fault and a step of each verb once in a while, evenly mixed."""
    queues = {verb: itertools.cycle(itertools.product(FAULTS, steps)) for verb, steps in STEPS.items()}
    for number in itertools.count():
        for verb, queue in queues.items():
            # A stride that is coprime to each length, so that faults and steps change each time.
            for _ in range(11 if number else 1):
                fault, step = next(queue)
            yield verb, step, fault


class BothOrNeitherCase:
    """The same for both services."""

    service = None
    first = 0  # of the rounds

    def test_what_fails_in_the_middle(self):
        pair = self.own(Standalone(
            self.service, disturbable=True,
            secondary_mirrored={self.service: serving_otherwise(self.service)})).start()
        pair.first = {host: (pair.mirrored(host), pair.file_text(host)) for host in "ab"}
        with_ha = False
        for number, (verb, step, fault) in enumerate(rounds()):
            if number < self.first:
                continue
            if number >= self.first + _ROUNDS:
                break
            if (verb == "create") == with_ha:
                with_ha = self.prepare(pair, verb)
            with self.subTest(round=number, verb=verb, step=step, fault=fault):
                print(f"  {number}: {verb}, {step}: {fault}", flush=True)
                with_ha = self.round(pair, verb, step, fault)

    def prepare(self, pair, verb):
        """Creates or removes, undisturbed, so that `verb` can be."""
        if verb == "create":
            pair.verb("remove", pair.relationship(), "--secondary-scopes", "keep")
            return False
        pair.create("hot-standby")
        return True

    def arguments(self, pair, verb):
        if verb == "create":
            return ("create", pair.relationship(), "--service", self.service, "--mode", "hot-standby",
                    "--secondary", NAMES["b"], *TIMERS, "--timeout", "20", "--yes")
        if verb == "remove":
            return ("remove", pair.relationship(), "--secondary-scopes", "keep", "--yes")
        delay = 1500 if pair.ha_parameters("a")["heartbeat-delay"] == 1000 else 1000
        return ("edit", pair.relationship(), "--heartbeat-delay", str(delay), "--timeout", "20", "--yes")

    def round(self, pair, verb, step, fault):
        """Whether the two are a pair in the end."""
        before = self.look(pair)
        files = {host: pair.file_text(host) for host in "ab"}
        ctl = Process(
            "nestorctl", pair.primary.ctl_argv("relationship", *self.arguments(pair, verb), as_json=False),
            f"{pair.folder}/nestorctl.log")
        self.addCleanup(ctl.end)
        if os.path.exists(f"{pair.folder}/nestorctl.log"):
            os.remove(f"{pair.folder}/nestorctl.log")
        ctl.start()
        wait_until(lambda: step in ctl.log_text() or not ctl.alive(), 40,
                   lambda: f"{step}: {ctl.log_text()}", poll_s=0.01)
        self.breaks(pair, fault, ctl)
        self.mend(pair, fault)
        self.settled(pair)
        ctl.end()
        return self.check(pair, before, files, verb, ctl.log_text())

    def breaks(self, pair, fault, ctl):
        if fault in ("agent a dies", "agents and Keas die"):
            pair.agents["a"].kill()
        if fault in ("agent b dies", "agents and Keas die"):
            pair.agents["b"].kill()
        if fault in ("Kea a dies", "agents and Keas die"):
            pair.kea("a").kill()
        if fault in ("Kea b dies", "agents and Keas die"):
            pair.kea("b").kill()
        if fault == "nestorctl dies":
            ctl.kill()
        if fault == "the link is cut":
            pair.network.cut()
            wait_until(lambda: not ctl.alive(), 100, lambda: f"nestorctl answers: {ctl.log_text()}")

    def mend(self, pair, fault):
        if fault == "the link is cut":
            pair.network.heal()
        for host in "ab":
            if not pair.kea(host).process.alive():
                pair.kea(host).restart()
        for host in "ab":
            if not pair.agents[host].process.alive():
                pair.agents[host].start()

    def settled(self, pair):
        """Waits until nothing is being changed any more, and HA, where it is, is normal."""
        def quiet():
            report = pair.primary.ctl_json("status", expect=(0, 1, 2)).get("relationships", [])
            if any("it is being" in reason for one in report for reason in one.get("reasons", [])):
                return False
            return (self.known(pair.primary) == self.known(pair.secondary)
                    and pair.states() in (["", ""], ["hot-standby", "hot-standby"]))
        wait_until(quiet, 90, lambda: f"nothing goes on: {pair.primary.ctl('status')} {pair.states()}")

    def known(self, agent):
        """The relationships that an agent has."""
        return {one["name"] for one in agent.ctl_json("relationship", "list").get("relationships", [])
                if one["name"]}

    def look(self, pair):
        return {host: pair.ha_parameters(host) for host in "ab"}

    def check(self, pair, before, files, verb, said):
        after = self.look(pair)
        changed = [after[host] != before[host] for host in "ab"]
        self.assertEqual(changed[0], changed[1], f"one was changed and the other not: {said}\n{after}")
        known = self.known(pair.primary)
        with_ha = after["a"] is not None
        self.assertEqual(known, {pair.relationship()} if with_ha else set(), said)
        if "Done:" in said:
            self.assertTrue(changed[0], said)
        if "as they were before" in said:
            self.assertFalse(changed[0], said)
        for host in "ab":
            # Its file, after a restart, is what it runs.
            self.assertEqual(pair.kea(host).test({pair.kea(host).root: pair.file_config(host)}), None)
            its = [one for one in pair.file_config(host).get("hooks-libraries", [])
                   if one["library"].endswith("libdhcp_ha.so")]
            self.assertEqual(len(its), 1 if with_ha else 0, f"{host}'s file; {said}")
            if not changed[0]:
                self.assertEqual(pair.file_text(host), files[host], f"{host}'s file; {said}")
        if with_ha:
            pair.settle(deadline_s=40)
            pair.assert_same()
        else:
            self.assertEqual(pair.mirrored("a"), pair.first["a"][0])
        pair.assert_served()
        return with_ha


class BothOrNeitherV4Test(BothOrNeitherCase, SystemTest):
    service = "dhcp4"


class BothOrNeitherV6Test(BothOrNeitherCase, SystemTest):
    service = "dhcp6"
    first = 9


if __name__ == "__main__":
    main(580 if _ROUNDS <= 5 else 30000)
