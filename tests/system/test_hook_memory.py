#!/usr/bin/python3
"""The hook library neither errs in memory nor loses any, whatever changes, and keeps no more of it over time.

NESTOR_CHANGES changes of each service. Up to 10,000 Kea runs under valgrind's memcheck. More than that are
a long run without it, whose memory is looked at instead: NESTOR_CHANGES=1000000. NESTOR_SEED makes others.
"""
import collections
import os
import re
import signal
import socket
import threading
import time
import xml.etree.ElementTree

from harness import bad_objects, packed, perfdhcp
from harness.case import SystemTest, main
from harness.change_ring import ChangeRing
from harness.two_keas import TwoKeas
from harness.waiting import wait_until

_CHANGES = int(os.environ.get("NESTOR_CHANGES", "150"))
_SEED = int(os.environ.get("NESTOR_SEED", "0"))
_LONG = _CHANGES > 10_000
_OURS = re.compile(r"nestor|libdhcp_nestor")
# How often, in changes.
_DRY, _BAD, _PAGES, _SINCE, _PACKED = 5, 7, 25, 10, 3


class Listener:
    """Takes the library's notices, as the agent would, and counts them by their kind."""

    def __init__(self, path):
        self.counts = collections.Counter()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        self._socket.settimeout(0.2)
        self._ends = False
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self):
        while not self._ends:
            try:
                self.counts[b'"lease"' in self._socket.recv(65536)] += 1
            except TimeoutError:
                pass

    def close(self):
        self._ends = True
        self._thread.join()
        self._socket.close()

    def tails(self):
        return f"notices: {dict(self.counts)}"


class Campaign:
    """Goes round the ring, with everything else that may be asked in between."""

    def __init__(self, test, keas, ring):
        self.test, self.keas, self.ring = test, keas, ring
        self.kea = keas.by_hook
        self.bad = bad_objects.bad(keas.service)
        self.done = collections.Counter()
        self.rss = []

    def run(self, changes, rss_every=0):
        revision = self.keas.status()["revision"]
        for number in range(changes):
            upserted, removed = self.ring.steps[number % len(self.ring.steps)]
            change = {"before": revision, "upserted": upserted, "removed": removed}
            if number % _DRY == 0:
                self.kea.command("nestor-apply", {**change, "dry-run": True}, 60)
                self.done["dry runs"] += 1
            if number % _BAD == 0:
                self._refused(change, self.bad[number // _BAD % len(self.bad)])
            before = revision
            sent = packed.of({**change, "brief": True}) if number % _PACKED == 0 else change
            revision = self.kea.command("nestor-apply", sent, 60)["revision"]
            self.done["changes"] += 1
            if number % _SINCE == 0:
                self.kea.command("nestor-get", {"since": before}, 60)
            if number % _PAGES == 0:
                self.done["objects paged"] += len(self.keas.pages())
            if rss_every and number % rss_every == 0:
                self.rss.append(self.kea.process.rss_kib())

    def _refused(self, change, bad):
        """The change with one thing in it that cannot be, and with one that is no object at all."""
        named = {"kind": bad.kind, "key": bad.key}
        kept = [one for one in change["upserted"] + change["removed"]
                if (one["kind"], one["key"]) != (bad.kind, bad.key)]
        value = bad.value if bad.value is not None else "no map"
        with_bad = {"before": change["before"],
                    "upserted": [one for one in kept if "object" in one] + [{**named, "object": value}],
                    "removed": [one for one in kept if "object" not in one]}
        # Some cannot be in another configuration only.
        if self.kea.ask("nestor-apply", {**with_bad, "dry-run": True}, 60)["result"] == 1:
            self._told_no(with_bad)
        self._told_no({**change, "upserted": change["upserted"] + [5]})

    def _told_no(self, arguments):
        answer = self.kea.ask("nestor-apply", arguments, 60)
        self.done[answer.get("arguments", {}).get("reason")] += 1
        self.test.assertEqual(answer["result"], 1, answer)


class MemoryCase:
    """Mixed into a SystemTest per service: SERVICE is given there."""

    def test_changes_lose_no_memory(self):
        report = None
        under = ()
        if not _LONG:
            report = f"/tmp/nestor-memcheck-{os.getpid()}-{self.SERVICE}.xml"
            self.addCleanup(lambda: os.path.exists(report) and os.remove(report))
            under = ("valgrind", "--tool=memcheck", "--leak-check=full", "--keep-debuginfo=yes",
                     "--num-callers=40", "--xml=yes", f"--xml-file={report}")
        keas = self.own(TwoKeas(self.SERVICE, threads=True, notices=True, under=under))
        listener = self.own(Listener(keas.notices))
        keas.start(deadline_s=120)
        began = time.monotonic()
        ring = ChangeRing(keas, min(_CHANGES, 250), _SEED)
        self.assertEqual({name.split()[0] for name in ring.kinds if name.endswith("removed")},
                         {name.split()[0] for name in ring.kinds}, "a kind is never removed")
        self.assertIsNone(keas.set(keas.by_hook, ring.start))
        keas.network.client_side("b", False)
        made = time.monotonic()
        # perfdhcp wants the port.
        keas.relay.close()
        load = self.own(Load(keas))
        campaign = Campaign(self, keas, ring)
        campaign.run(_CHANGES, rss_every=max(1, _CHANGES // 200) if _LONG else 0)
        took = time.monotonic() - made
        served = load.end()
        status = keas.status()
        print(f"{self.SERVICE}: {dict(campaign.done)} in {took:.0f} s, the ring in {made - began:.0f} s; "
              f"{ring.kinds}; {served} leases given; notices {status['notices']}, leases "
              f"{status['leases']}", flush=True)
        self.assertGreater(served, 5)
        self.assertGreater(status["leases"]["sent"], 5)
        if _LONG:
            self._is_flat(campaign.rss)
        else:
            self.assertEqual(keas.by_hook.process.terminate(120), 0)
            self._is_clean(report)

    def _is_flat(self, rss):
        tenth = len(rss) // 10
        second, last = (sorted(part)[len(part) // 2] for part in (rss[tenth:2 * tenth], rss[-tenth:]))
        print(f"{self.SERVICE}: RSS {second} KiB in the second tenth, {last} KiB in the last; "
              f"from {min(rss)} to {max(rss)} KiB", flush=True)
        self.assertLess(last, second * 1.01)

    def _is_clean(self, report):
        ours, others = [], collections.Counter()
        for error in xml.etree.ElementTree.parse(report).getroot().iter("error"):
            kind = error.findtext("kind")
            if kind in ("Leak_StillReachable", "Leak_PossiblyLost"):
                continue
            stack = [f"{frame.findtext('fn')} {frame.findtext('file')}:{frame.findtext('line')} "
                     f"{frame.findtext('obj')}" for frame in error.iter("frame")]
            if any(_OURS.search(line) for line in stack):
                ours.append(f"{kind}: {error.findtext('xwhat/text') or error.findtext('what')}\n  "
                            + "\n  ".join(stack))
            else:
                others[kind] += 1
        print(f"{self.SERVICE}: of the library {len(ours)} errors; Kea's own {dict(others)}", flush=True)
        self.assertEqual(ours, [], "\n".join(ours))


class Load:
    """Clients that ask, renew and release until end()."""

    def __init__(self, keas):
        self._load = perfdhcp.Load(
            keas.network, keas.folder, keas.service, rate=4, seconds=30_000, clients=200,
            more=("-f", "1", "-F", "1"))

    def end(self):
        """How many leases were given."""
        assert self._load.running(), self._load.process.tail()
        self._load.process.signal(signal.SIGINT)
        wait_until(lambda: not self._load.running(), 20, "perfdhcp ends")
        # Offers, leases, renewals and releases, of which no answer is awaited.
        return int(re.findall(r"received packets: (\d+)", self._load.process.log_text())[1])

    def close(self):
        self._load.close()

    def tails(self):
        return self._load.process.tail()


class MemoryV4Test(MemoryCase, SystemTest):
    SERVICE = "dhcp4"


class MemoryV6Test(MemoryCase, SystemTest):
    SERVICE = "dhcp6"


if __name__ == "__main__":
    main(limit_s=35_000 if _CHANGES > 150 else 280, agents=False)
