#!/usr/bin/python3
"""Lost events, a compacted, lost or restored journal: replay, snapshot, new stream, fencing."""
import glob
import os
import shutil
import sqlite3

from harness.agent import Watch
from harness.case import SystemTest, main
from harness.event_proxy import EventProxy
from harness.pair import Pair
from harness.waiting import holds_for, wait_until


class GapsTest(SystemTest):

    def make(self):
        """A pair whose events pass through a proxy of the test."""
        pair = self.own(Pair(bus="ipc"))
        downstream = f"ipc://{pair.folder}/events-proxied"
        pair.secondary.config["primary"]["events"] = downstream
        self.proxy = pair.beside(EventProxy(f"ipc://{pair.folder}/events", downstream))
        pair.start()
        return pair

    @staticmethod
    def _number(pair, value, **options):
        def mutate(members):
            members["user-context"] = {"number": value}
        pair.change(mutate, **options)

    @staticmethod
    def _number_at(pair, host):
        return pair.kea(host).running().get("user-context", {}).get("number")

    def _numbers(self, pair, values):
        """Changes, each seen and journaled by the primary before the next is made."""
        for value in values:
            head = pair.head()
            self._number(pair, value, settle=False)
            wait_until(lambda: pair.head() > head, 10, "the primary journals the change")

    def _transfers(self, pair):
        """(replays, snapshots) the primary has served since its start, by its metrics."""
        return (pair.primary.metric("nestor_replays_total"),
                pair.primary.metric("nestor_snapshots_total"))

    def test_lost_changes_are_replayed_without_a_snapshot(self):
        pair = self.make()
        replays, snapshots = self._transfers(pair)
        first = pair.head() + 1
        self.proxy.lose_changes(range(first, first + 3))
        self._numbers(pair, (1, 2, 3))
        # The fourth passes: its gap is noticed at once.
        self._numbers(pair, (4,))
        pair.settle()
        pair.assert_same()
        self.assertEqual([s for kind, s in self.proxy.lost if kind == "change"],
                         [first, first + 1, first + 2])
        self.assertEqual(self._transfers(pair)[1], snapshots)
        self.assertGreater(self._transfers(pair)[0], replays)
        entries = pair.secondary.history(pair.relationship())
        sequences = {e["sequence"]: e["outcome"] for e in entries if e["what"] == "change"}
        for sequence in range(first, first + 4):
            self.assertIn(sequences.get(sequence), ("applied", "superseded"))

    def test_a_lost_tail_is_found_by_the_heartbeat(self):
        pair = self.make()
        snapshots = self._transfers(pair)[1]
        head = pair.head()
        self.proxy.lose_changes(range(head + 1, head + 100))
        self._number(pair, 7, settle=False)
        # Three heartbeats, and the time to replay and to apply.
        wait_until(lambda: self._number_at(pair, "b") == 7, 8, "the lost tail arrives")
        pair.settle()
        self.assertEqual(self._transfers(pair)[1], snapshots)

    def test_events_twice_are_applied_once(self):
        pair = self.make()
        self.proxy.decide = lambda envelope: 3
        command = "nestor-apply" if pair.hook else "config-set"
        sets = pair.kea("b").commands_received(command)
        for value in range(3):
            self._number(pair, value)
        self.assertEqual(pair.kea("b").commands_received(command), sets + 3)

    def test_silence_of_events_is_said(self):
        pair = self.make()
        self.proxy.lose_everything()
        wait_until(lambda: pair.secondary.status(pair.relationship())["state"] != "OK", 6,
                   "the secondary misses heartbeats")
        self._number(pair, 9, settle=False)
        self.proxy.pass_everything()
        wait_until(lambda: self._number_at(pair, "b") == 9, 15, "the change arrives")
        wait_until(lambda: pair.status()["state"] == "OK", 15, lambda: f"OK: {pair.status()}")

    def test_compacted_beyond_the_position_a_snapshot_comes(self):
        pair = self.make()
        pair.secondary.stop()
        self._numbers(pair, range(1, 5))
        head = pair.head()
        pair.primary.stop()
        self._forget_changes_below(pair, head)
        pair.primary.start()
        self._number(pair, 6, settle=False)
        pair.secondary.start()
        wait_until(lambda: self._number_at(pair, "b") == 6, 20, "the newest arrives")
        pair.settle()
        pair.assert_same()
        self.assertGreater(self._transfers(pair)[1], 0, "by a snapshot")

    @staticmethod
    def _forget_changes_below(pair, sequence):
        """As compaction would have left the journal."""
        files = glob.glob(f"{pair.primary.state}/*.db")
        assert files, os.listdir(pair.primary.state)
        for path in files:
            with sqlite3.connect(path) as journal:
                low = (1 << 40) - 1
                journal.execute("DELETE FROM change WHERE (id & ?) < ?", (low, sequence))
                journal.execute("DELETE FROM outcome WHERE (id & ?) < ?", (low, sequence))
            journal.close()

    def test_agents_that_stood_still_for_a_minute_are_in_step_again(self):
        """First the secondary's alone, then both, then the primary's alone; the primary's Kea is changed in each."""
        pair = self.own(Pair()).start()
        still_s, alone_s = 60, 20
        snapshots = self._transfers(pair)[1]
        pair.secondary.process.suspend()
        self._numbers(pair, (1,))
        wait_until(lambda: self._says(pair.primary, pair, "kea-b has been silent"), 6, "the primary's agent says it")
        holds_for(lambda: pair.status()["state"] == "IMPAIRED", alone_s, lambda: f"IMPAIRED: {pair.status()}")
        pair.primary.process.suspend()
        self._number(pair, 2, settle=False)
        holds_for(lambda: self._number_at(pair, "b") is None, still_s - alone_s, "nobody applies")
        pair.secondary.process.resume()
        wait_until(lambda: self._says(pair.secondary, pair, "kea-a has been silent"), 10,
                   lambda: f"the secondary's agent says it: {pair.secondary.status(pair.relationship())}")
        self._number(pair, 3, settle=False)
        holds_for(lambda: pair.secondary.status(pair.relationship())["state"] == "IMPAIRED", alone_s,
                  lambda: f"IMPAIRED: {pair.secondary.status(pair.relationship())}")
        pair.primary.process.resume()
        wait_until(lambda: self._number_at(pair, "b") == 3, 15, "the newest arrives")
        pair.settle()
        pair.assert_same()
        wait_until(lambda: pair.status()["state"] == "OK", 15, lambda: f"OK: {pair.status()}")
        self.assertEqual(self._transfers(pair)[1], snapshots, "what was missed is replayed")

    @staticmethod
    def _says(agent, pair, reason):
        return any(reason in text for text in agent.status(pair.relationship())["reasons"])

    def test_a_lost_journal_begins_a_new_stream(self):
        pair = self.make()
        self._number(pair, 1)
        before = pair.status()["mirror"]
        pair.primary.stop()
        shutil.rmtree(pair.primary.state)
        os.mkdir(pair.primary.state, 0o700)
        self._number(pair, 2, settle=False)
        pair.primary.start()
        pair.adopt()
        after = pair.status()["mirror"]
        self.assertNotEqual(before["stream_id"], after["stream_id"])
        self.assertGreater(after["term"], before["term"])
        self.assertEqual(self._number_at(pair, "b"), 2)
        self._number(pair, 3)

    def test_a_restored_old_journal_is_fenced_and_nothing_goes_back(self):
        pair = self.make()
        self._number(pair, 1)
        self._copy_journal(pair)
        self._number(pair, 2)
        pair.primary.stop()
        pair.primary.start()
        self._number(pair, 3)
        # The Kea, too, comes from the old backup.
        watch = self._start_from_the_copy(pair, 1)
        self._assert_fenced(pair, watch, 3)
        # An agent with an old term is none to the secondary.
        self._wait_says(pair.secondary, pair)
        self._resync_makes_it_the_truth(pair, 1)

    def test_a_restored_journal_that_goes_on_otherwise_is_fenced(self):
        """The same term and sequence stand for two different changes."""
        pair = self.make()
        self._number(pair, 1)
        self._copy_journal(pair)
        self._number(pair, 2)
        before = pair.status()["mirror"]
        watch = self._start_from_the_copy(pair, 5)
        self._assert_fenced(pair, watch, 2)
        self._wait_says(pair.secondary, pair, "FENCED")
        after = pair.status()["mirror"]
        for name in ("stream_id", "term", "head"):
            self.assertEqual(after[name], before[name])
        self.assertNotEqual(after["primary_digest"], before["primary_digest"])
        self._resync_makes_it_the_truth(pair, 5)

    @staticmethod
    def _copy_journal(pair):
        pair.primary.stop()
        shutil.copytree(pair.primary.state, f"{pair.folder}/old-state")
        pair.primary.start()

    def _start_from_the_copy(self, pair, number):
        """The primary with its old journal and with `number`; a watch that was there before the
        secondary heard of it."""
        pair.primary.stop()
        shutil.rmtree(pair.primary.state)
        shutil.copytree(f"{pair.folder}/old-state", pair.primary.state)
        self._number(pair, number, settle=False)
        self.proxy.lose_everything()
        pair.primary.start()
        watch = pair.beside(Watch(pair.primary, pair.relationship(), "--kind", "state,heartbeat"))
        watch.wait_for(lambda e: e["kind"] == "heartbeat"
                       and e["heartbeat"]["publisher_state"] == "SERVE", 10, "it serves")
        self.proxy.pass_everything()
        return watch

    def _assert_fenced(self, pair, watch, number):
        """The primary and an event say so, and the secondary keeps its `number`."""
        self._wait_says(pair.primary, pair, "FENCED")
        self.assertEqual(pair.status()["mirror"]["publisher_state"], "FENCED")
        event = watch.wait_for(lambda e: e.get("state", {}).get("what") == "fenced", 5,
                               "an event tells of it")
        self.assertEqual(event["state"]["to"], "FENCED")
        self.assertTrue(event["state"]["reason"])
        holds_for(lambda: self._number_at(pair, "b") == number, 3, "nothing is applied backwards")

    @staticmethod
    def _wait_says(agent, pair, text=""):
        """The agent's status is not OK, for a reason with `text`."""
        def says():
            status = agent.status(pair.relationship())
            return status and status["state"] != "OK" and any(text in r for r in status["reasons"])
        wait_until(says, 15, lambda: f"{agent.name} says {text}: {agent.ctl('status')[1]}")

    def _resync_makes_it_the_truth(self, pair, number):
        stream = pair.status()["mirror"]["stream_id"]
        code, out, err = pair.primary.ctl("resync", pair.relationship(), "--wait")
        self.assertEqual(code, 0, out + err)
        self.assertEqual(self._number_at(pair, "b"), number)
        for agent in pair.agents.values():
            wait_until(lambda: agent.status(pair.relationship())["state"] == "OK", 15,
                       lambda: f"{agent.name} says OK: {agent.status(pair.relationship())}")
        self.assertNotEqual(pair.settle()["mirror"]["stream_id"], stream)
        self._number(pair, number + 10)

    def test_a_watcher_sees_the_changes_in_order(self):
        pair = self.make()
        watch = pair.beside(Watch(pair.primary, pair.relationship(), "--from", "1", "--kind",
                                  "change"))
        for value in range(3):
            self._number(pair, value)
        head = pair.head()
        watch.wait_for(lambda event: int(event["sequence"]) == head, 5, "the head's event")
        seen = [int(event["sequence"]) for event in watch.events()]
        self.assertEqual(seen, list(range(1, head + 1)))


if __name__ == "__main__":
    main(limit_s=310)
