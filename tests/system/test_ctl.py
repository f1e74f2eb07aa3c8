#!/usr/bin/python3
"""Every verb of nestorctl and its exit codes against a living pair; the HTTP endpoint."""
import json
import os
import re
import signal
import stat

from harness.agent import Watch
from harness.case import SystemTest, main
from harness.pair import Pair
from harness.processes import run
from harness.requirements import program
from harness.waiting import wait_until

_ISO_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class LivingPairTest(SystemTest):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pair = cls.own_for_class(Pair(services=("dhcp4", "dhcp6"), ha="hot-standby"))
        cls.pair.start()
        cls._number = 0

    def _change(self, service="dhcp4", **options):
        type(self)._number += 1

        def mutate(members):
            members["user-context"] = {"number": self._number}
        self.pair.change(mutate, service, **options)

    def setUp(self):
        super().setUp()
        for service in self.pair.services:
            wait_until(lambda: self.pair.status(service)["state"] == "OK", 30,
                       lambda: f"OK: {self.pair.status(service)}")

    @staticmethod
    def _at_rest(agent, name):
        """OK, and what was applied is also in Kea's file, which the secondary writes a while later."""
        status = agent.status(name)
        mirror = status["mirror"]
        return (status["state"] == "OK" and mirror["follower_state"] == "FOLLOW"
                and mirror["persisted"] == mirror["head"])

    def test_status_has_everything_that_is_promised(self):
        for agent in (self.pair.primary, self.pair.secondary):
            report = agent.ctl_json("status", expect=(0, 1))
            self.assertEqual({r["name"] for r in report["relationships"]}, {"east4", "east6"})
            for name, service in (("east4", "dhcp4"), ("east6", "dhcp6")):
                wait_until(lambda: self._at_rest(agent, name), 20,
                           lambda: f"{agent.name} OK: {agent.status(name)}")
                status = agent.status(name)
                self.assertEqual((status["service"], status["mode"], status["state"],
                                  status["exit"]), (service, "hot-standby", "OK", 0))
                self.assertEqual(status["reasons"], [])
                for side, server in (("primary", "kea-a"), ("secondary", "kea-b")):
                    self.assertEqual(status[side]["server"], server)
                    self.assertTrue(status[side]["reachable"])
                    self.assertRegex(status[side]["as_of"], _ISO_UTC)
                    # What Kea itself says of the other server is the primary's agent's to know.
                    if agent is self.pair.primary or side == "secondary":
                        self.assertEqual(status[side]["kea_version"], "2.2.0")
                        self.assertEqual(status[side]["ha_state"], "hot-standby")
                mirror = status["mirror"]
                self.assertEqual(mirror["follower_state"], "FOLLOW")
                self.assertEqual(mirror["primary_digest"], mirror["secondary_digest"])
                self.assertRegex(mirror["primary_digest"], "^[0-9a-f]{64}$")
                self.assertRegex(mirror["stream_id"], "^[0-9a-f]{32}$")
                self.assertEqual(mirror["apply_by"], "hook" if self.pair.hook else "config-set")
                self.assertEqual(mirror["head"], mirror["applied"])
                self.assertEqual(mirror["head"], mirror["received"])
                self.assertEqual(mirror["head"], mirror["persisted"])

    def test_status_for_people(self):
        code, out, err = self.pair.primary.ctl("status", as_json=False)
        self.assertEqual(code, 0, out + err)
        for word in ("east4", "east6", "kea-a", "kea-b", "OK", "hot-standby"):
            self.assertIn(word, out)
        self.assertEqual(self.pair.primary.ctl("status", "east4", as_json=False)[0], 0)

    def test_status_of_one_that_is_not_there(self):
        code, out, err = self.pair.primary.ctl("status", "nowhere")
        self.assertEqual(code, 65, out + err)
        self.assertIn("nowhere", out + err)

    def test_watch_prints_one_object_a_line(self):
        watch = self.pair.beside(Watch(self.pair.primary, "east4"))
        watch.wait_for(lambda e: e["kind"] == "heartbeat", 5, "a heartbeat")
        self._change()
        head = self.pair.head()
        change = watch.wait_for(lambda e: e["kind"] == "change" and int(e["sequence"]) == head, 5,
                                "the change")
        self.assertEqual(change["topic"], "nestor.v1.east4.dhcp4.change")
        self.assertEqual((change["relationship"], change["service"]), ("east4", "dhcp4"))
        self.assertRegex(change["time"], _ISO_UTC)
        upserted = change["change"]["upserted"]
        self.assertEqual([(o["kind"], o["key"]) for o in upserted], [("global", "user-context")])
        self.assertIn(str(self._number), str(upserted[0]["object"]))
        self.assertEqual(change["change"]["origin"], "reload")
        watch.wait_for(lambda e: e["kind"] == "ack" and str(head) in json.dumps(e), 5, "its ack")
        self.assertEqual([e for e in watch.events() if e["relationship"] != "east4"], [])

    def test_watch_from_a_sequence_and_of_some_kinds(self):
        self._change()
        watch = self.pair.beside(Watch(self.pair.primary, "east4", "--from", "1", "--kind",
                                       "change,ack"))
        head = self.pair.head()
        watch.wait_for(lambda e: e["kind"] == "change" and int(e["sequence"]) == head, 5, "the head")
        self.assertEqual({e["kind"] for e in watch.events()} - {"change", "ack"}, set())
        sequences = [int(e["sequence"]) for e in watch.events() if e["kind"] == "change"]
        self.assertEqual(sequences, list(range(1, head + 1)))
        watch.process.signal(signal.SIGINT)
        wait_until(lambda: not watch.process.alive(), 5, "it ends when interrupted")

    def test_watch_from_a_sequence_that_is_not_there_yet(self):
        head = self.pair.head()
        watch = self.pair.beside(Watch(self.pair.primary, "east4", "--from", str(head + 2),
                                       "--kind", "change"))
        wait_until(lambda: f"is at change {head}" in watch.process.log_text(), 5, "it is told")
        self._change()
        self._change()
        watch.wait_for(lambda e: int(e["sequence"]) == head + 2, 5, "the change it asked for")
        self.assertEqual(len(watch.events()), 1)

    def test_resync(self):
        before = self.pair.kea("b", "dhcp4").commands_received("config-set")
        code, out, err = self.pair.primary.ctl("resync", "east4", "--wait")
        self.assertEqual(code, 0, out + err)
        self.assertEqual(self.pair.kea("b", "dhcp4").commands_received("config-set"), before,
                         "nothing differed: nothing was to be sent")
        self.assertEqual(self.pair.primary.ctl("resync", "east6")[0], 0)
        self.assertEqual(self.pair.primary.ctl("resync", "nowhere")[0], 65)
        entries = self.pair.primary.history("east4")
        self.assertTrue(any(e["what"] == "resync" for e in entries), entries)

    def test_diff_of_equals(self):
        for agent in (self.pair.primary, self.pair.secondary):
            code, out, err = agent.ctl("diff", "east4")
            self.assertEqual(code, 0, out + err)
            self.assertTrue(json.loads(out)["same"])
        self.assertEqual(self.pair.primary.ctl("diff", "nowhere")[0], 65)

    def test_history_tells_who_when_how(self):
        self._change()
        head = self.pair.head()
        entries = self.pair.primary.history("east4", 1000)
        changes = [e for e in entries if e["what"] == "change"]
        self.assertEqual([e["sequence"] for e in changes], list(range(1, head + 1)))
        last = changes[-1]
        self.assertEqual((last["outcome"], last["origin"], last["upserted_count"],
                          last["removed_count"]), ("applied", "reload", 1, 0))
        self.assertRegex(last["time"], _ISO_UTC)
        self.assertLessEqual(len(self.pair.primary.history("east4", 1)), 1)
        whole = self.pair.primary.ctl_json("history", "east4", str(head))["entries"][0]
        self.assertEqual([(o["kind"], o["key"]) for o in whole["upserted"]],
                         [("global", "user-context")])
        self.assertIn(str(self._number), whole["upserted"][0]["object"])
        self.assertIn(f"{self._number - 1}" if self._number > 1 else "", json.dumps(whole))
        code, out, err = self.pair.primary.ctl("history", "east4", "99999")
        self.assertEqual(code, 65, out + err)

    def test_relationships_are_listed_and_shown(self):
        listed = self.pair.primary.ctl_json("relationship", "list")["relationships"]
        self.assertEqual({r["name"] for r in listed}, {"east4", "east6"})
        shown = self.pair.primary.ctl_json("relationship", "show", "east4")["relationships"]
        self.assertEqual((shown[0]["primary"], shown[0]["secondary"], shown[0]["service"]),
                         ("kea-a", "kea-b", "dhcp4"))
        self.assertEqual(self.pair.primary.ctl("relationship", "show", "nowhere")[0], 65)

    def test_adopting_what_cannot_be(self):
        for arguments, expected, word in (
                (("east4", "--service", "dhcp4", "--secondary", "kea-b"), 65, "east4"),
                (("again", "--service", "dhcp4", "--secondary", "kea-b"), 65, "east4"),
                (("again", "--service", "dhcp4", "--secondary", "kea-a"), 64, "secondary"),
                (("Not A Name", "--service", "dhcp4", "--secondary", "kea-c"), 64, "name")):
            code, out, err = self.pair.primary.ctl("relationship", "adopt", *arguments)
            self.assertEqual(code, expected, out + err)
            self.assertIn(word, out + err)

    def test_usage_errors_are_64(self):
        for verb in (("no-such-verb",), ("status", "--no-such-option"), ("resync",),
                     ("relationship", "adopt"), ("approve", "east4", "not-a-number"),
                     ("relationship", "adopt", "x", "--service", "dhcp5", "--secondary", "b")):
            code, out, err = self.pair.primary.ctl(*verb)
            self.assertEqual(code, 64, f"{verb}: {out}{err}")
            self.assertTrue(err.strip())

    def test_an_agent_that_is_not_there_is_69(self):
        code, out, err = run([program("nestorctl"), "--agent",
                              f"ipc://{self.pair.folder}/nobody.sock", "status"], check=False)
        self.assertEqual(code, 69, out + err)

    def test_metrics_are_prometheus_text(self):
        self._change()
        line = re.compile(r'^[a-z_:][a-z0-9_:]*(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? \S+$',
                          re.IGNORECASE)
        for agent in self.pair.agents.values():
            code, text = agent.http_get("/metrics")
            self.assertEqual(code, 200)
            series = [one for one in text.splitlines() if one and not one.startswith("#")]
            self.assertGreater(len(series), 5)
            for one in series:
                self.assertRegex(one, line)
                self.assertTrue(one.startswith("nestor_"), one)
            types = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)
            self.assertEqual(len(types), len(set(types)))
            self.assertIn("east4", text)
            self.assertEqual(agent.http_get("/healthz")[0], 200)
            self.assertEqual(agent.http_get("/readyz")[0], 200)
            self.assertEqual(agent.http_get("/nothing-here")[0], 404)

    def test_ha_is_disturbed_for_no_more_than_a_heartbeat(self):
        """A change on a hot-standby pair leaves both in hot-standby."""
        self._change()
        self.pair.wait_for_ha(15)
        self._change("dhcp6", how="set")
        self.pair.wait_for_ha(15)


class KeygenTest(SystemTest):

    def test_keygen(self):
        pair = self.make_pair()
        secret, public = pair.make_key("someone")
        self.assertEqual(stat.S_IMODE(os.stat(secret).st_mode), 0o600)
        with open(secret, encoding="ascii") as one, open(public, encoding="ascii") as other:
            texts = [one.read(), other.read()]
        for text in texts:
            keys = [line for line in text.splitlines() if line and not line.startswith("#")]
            self.assertEqual([len(key) for key in keys], [40])
        self.assertNotEqual(*texts)
        with self.assertRaises(AssertionError):
            pair.make_key("someone")  # a key is never overwritten


if __name__ == "__main__":
    main(limit_s=160)
