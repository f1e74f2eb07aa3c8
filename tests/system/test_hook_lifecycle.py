#!/usr/bin/python3
"""The hook library comes and goes, and the agent it tells dies, hangs and returns: clients do not notice.

What perfdhcp measures stands beside a quiet run; the bounds are wide, for machines that are shared.
"""
import copy
import signal

from harness import perfdhcp
from harness.case import SystemTest, main
from harness.change_ring import served_subnet
from harness.pair import Pair
from harness.two_keas import TwoKeas
from harness.waiting import wait_until

_RATE = 100
_QUIET_S = 4
_TURNS = 6
_LONGEST_MS = 3000
_THREADS = {"enable-multi-threading": True, "thread-pool-size": 2, "packet-queue-size": 64}


class LifecycleCase:
    """Mixed into a SystemTest per service: SERVICE is given there."""

    def _load(self, of, seconds):
        return self.own(_Load(of, self.SERVICE, seconds))

    def _compare(self, what, of, load):
        """Prints the load beside one while nothing happens; both within the bounds."""
        served = load.result()
        quiet = self._load(of, _QUIET_S).result()
        print(f"{what}: {served}\n    quiet: {quiet}", flush=True)
        self.assertLess(max(served.longest_ms), _LONGEST_MS)
        self.assertGreater(served.leases, _RATE)
        return served, quiet

    # ------------------------------------------------------------------ the library

    def test_loaded_and_unloaded(self):
        self._load_and_unload(threads=False)

    def test_loaded_and_unloaded_with_threads(self):
        self._load_and_unload(threads=True)

    def _load_and_unload(self, threads):
        keas = self.own(TwoKeas(self.SERVICE, threads=threads, notices=True)).start()
        keas.relay.close()
        keas.network.client_side("b", False)
        members = {f"subnet{self.SERVICE[-1]}": [served_subnet(self.SERVICE)], "valid-lifetime": 600}
        self.assertIsNone(keas.set(keas.by_hook, members))
        load = self._load(keas, 10)
        revisions = set()
        for _ in range(_TURNS):
            self._set(keas, members, hook=False)
            self.assertEqual(keas.by_hook.ask("nestor-status")["result"], 2)
            self._set(keas, members, hook=True)
            revisions.add(keas.status()["revision"])
            keas.by_hook.command("nestor-apply", {"upserted": [
                {"kind": "global", "key": "user-context", "object": {"turn": len(revisions)}}]})
        self.assertTrue(load.running(), "the load ended before the turns did")
        self.assertEqual(len(revisions), _TURNS)
        served, _ = self._compare(f"{self.SERVICE} threads={threads}, {_TURNS} times unloaded and loaded",
                                  keas, load)
        # A config-set opens Kea's sockets anew, and what waits in them is lost: so it is without the library.
        plain = self._load(keas, 10)
        for _ in range(_TURNS):
            self._set(keas, members, hook=False)
            self._set(keas, members, hook=False)
        plain = plain.result()
        print(f"    as many config-sets without it: {plain}", flush=True)
        self.assertLess(served.lost / sum(served.sent), plain.lost / sum(plain.sent) + 0.1)
        self.assertTrue(keas.by_hook.process.alive())

    def _set(self, keas, members, hook):
        kea = keas.by_hook
        own = keas.own_parts("a", kea.folder)
        if not hook:
            own["hooks-libraries"] = own["hooks-libraries"][:1]
        kea.command("config-set", {kea.root: {**copy.deepcopy(members), **own}}, 60)

    # ------------------------------------------------------------------ the agent

    def test_agent_that_dies_hangs_and_returns(self):
        self._disturb_agent(threads=False)

    def test_agent_that_dies_hangs_and_returns_with_threads(self):
        self._disturb_agent(threads=True)

    def _disturb_agent(self, threads):
        pair = self.own(Pair((self.SERVICE,)))
        for kea in pair.keas.values():
            kea.config[kea.root]["multi-threading"] = (
                dict(_THREADS) if threads else {"enable-multi-threading": False})
        pair.start()
        pair.network.client_side("b", False)
        agent = pair.primary
        load = self._load(pair, 40)
        wait_until(lambda: self._told(pair)["leases"]["sent"] > 50, 10, "leases are told of")

        agent.process.suspend()
        before = self._told(pair)
        self._context(pair, "while it hangs")
        # Its socket takes some more first.
        wait_until(lambda: self._dropped(pair, before) > 50, 20,
                   lambda: f"what it has no room for is dropped: {self._told(pair)}")
        self.assertGreater(self._told(pair)["queued"], 0)
        agent.process.resume()
        self._equal(pair)

        agent.kill()
        before = self._told(pair)
        self._context(pair, "while it is dead")
        wait_until(lambda: self._dropped(pair, before) > 50, 10, "nobody takes them")
        self.assertGreater(self._told(pair)["notices"]["dropped"], before["notices"]["dropped"])
        agent.restart()
        self._equal(pair)
        before = self._told(pair)
        wait_until(lambda: self._told(pair)["leases"]["sent"] > before["leases"]["sent"] + 50, 10,
                   "the agent that returned is told")
        self._context(pair, "while it lives")
        self._equal(pair)
        self.assertTrue(load.running(), "the load ended before the agent was done with")
        load.interrupt()
        served, quiet = self._compare(f"{self.SERVICE} threads={threads}, its agent stopped, killed", pair, load)
        # Nothing waits for the agent.
        self.assertLess(served.lost / sum(served.sent), quiet.lost / sum(quiet.sent) + 0.1)

    @staticmethod
    def _told(pair):
        return pair.kea("a").command("nestor-status")

    def _dropped(self, pair, before):
        return self._told(pair)["leases"]["dropped"] - before["leases"]["dropped"]

    @staticmethod
    def _context(pair, text):
        pair.kea("a").command("nestor-apply", {"upserted": [
            {"kind": "global", "key": "user-context", "object": {"said": text}}]})

    def _equal(self, pair):
        """Its agent knows what Kea runs, and the secondary has it."""
        said = pair.kea("a").running()["user-context"]
        wait_until(lambda: pair.kea("b").running().get("user-context") == said, 20,
                   lambda: f"the secondary has {said}")
        wait_until(lambda: (pair.status() or {"mirror": {"digest_equal": False}})["mirror"]["digest_equal"],
                   20, lambda: f"both are equal: {pair.status()}")
        pair.assert_same()


class _Load:
    def __init__(self, of, service, seconds):
        self._load = perfdhcp.Load(of.network, of.folder, service, _RATE, seconds)
        self.running, self.close = self._load.running, self._load.close

    def interrupt(self):
        self._load.process.signal(signal.SIGINT)

    def result(self):
        return self._load.result()

    def tails(self):
        return self._load.process.tail()


class LifecycleV4Test(LifecycleCase, SystemTest):
    SERVICE = "dhcp4"


class LifecycleV6Test(LifecycleCase, SystemTest):
    SERVICE = "dhcp6"


if __name__ == "__main__":
    main(limit_s=390)
