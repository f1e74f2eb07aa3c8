#!/usr/bin/python3
"""What happens in the life of a pair: starts and stops in any order, signals, new keys, a large removal, its end."""
import json
import os
import signal

import zmq

from harness import compare, network
from harness.agent import CONTROL_PORT, EVENTS_PORT
from harness.bus_peer import BusPeer
from harness.case import SystemTest, main
from harness.kea_proxy import KeaProxy
from harness.processes import run
from harness.schema import operator_pb2
from harness.waiting import holds_for, wait_until


class LifeTest(SystemTest):

    def test_a_large_removal_waits_for_a_person(self):
        pair = self.make_pair()
        pair.start()

        def many(members):
            members["subnet4"][0]["reservations"] = [
                {"hw-address": f"02:00:00:00:01:{i:02x}", "ip-address": f"10.0.200.{i + 1}"}
                for i in range(20)]

        def few(members):
            del members["subnet4"][0]["reservations"][10:]

        def reserved():
            return len(pair.kea("b").running()["subnet4"][0]["reservations"])
        for verb, expected in (("reject", 20), ("approve", 10)):
            with self.subTest(verb=verb):
                pair.change(many, settle=False)
                wait_until(lambda: pair.status()["state"] == "OK" and reserved() == 20, 15,
                           lambda: f"twenty: {reserved()} {pair.status()}")
                pair.change(few, settle=False)
                held = wait_until(lambda: pair.status()["mirror"]["held_sequence"], 10,
                                  lambda: f"it is held: {pair.status()}")
                self.assertNotEqual(pair.status()["state"], "OK")
                self.assertIn("approv", " ".join(pair.status()["reasons"]).lower())
                holds_for(lambda: reserved() == 20, 1, "it was not held")
                code, out, err = pair.primary.ctl(verb, pair.relationship(), str(held))
                self.assertEqual(code, 0, out + err)
                wait_until(lambda: reserved() == expected, 10,
                           lambda: f"{verb}: {reserved()} reservations")
                if verb == "reject":
                    holds_for(lambda: reserved() == 20, 2, "a rejected change was applied")
        pair.settle()
        pair.assert_same()

    def test_removing_a_relationship_leaves_both_servers_as_they_are(self):
        pair = self.make_pair()
        pair.start()
        before = [compare.mirrored(pair.kea(host).running()) for host in "ab"]
        pair.primary.ctl_json("relationship", "remove", pair.relationship())
        self.assertEqual(pair.primary.ctl_json("relationship", "list").get("relationships", []), [])
        wait_until(lambda: not pair.secondary.ctl_json("relationship", "list")
                   .get("relationships", []), 10, "the secondary knows")
        self.assertEqual(before, [compare.mirrored(pair.kea(host).running()) for host in "ab"])
        pair.change(lambda members: members.update({"valid-lifetime": 601}), settle=False)
        holds_for(lambda: pair.kea("b").running()["valid-lifetime"] == 600, 2,
                  "it is mirrored still")
        # And it can be adopted anew.
        pair.adopt()
        pair.assert_same()

    def test_a_config_backend_is_not_adopted(self):
        pair = self.make_pair()
        path = f"{pair.folder}/faked.sock"
        pair.primary.config["services"]["dhcp4"]["control-socket"] = path

        def with_backend(request, pass_on):
            answer = json.loads(pass_on(request))
            if "Dhcp4" in answer["arguments"]:
                answer["arguments"]["Dhcp4"]["config-control"] = {
                    "config-databases": [{"type": "mysql", "name": "kea", "host": "127.0.0.1"}]}
            else:
                answer["arguments"]["config-backend"] = "mysql"
            return json.dumps(answer).encode()
        # Without the database such a Kea does not start: this one answers as it would.
        proxy = pair.beside(KeaProxy(path, pair.kea("a").socket))
        proxy.misbehave(with_backend, "config-get", "nestor-status")
        pair.start_keas().start_agents()
        code, out, err = pair.primary.ctl("relationship", "adopt", "east4", "--service", "dhcp4",
                                          "--secondary", "kea-b")
        self.assertEqual(code, 65, out + err)
        self.assertIn("onfig", out + err)
        self.assertEqual(pair.primary.ctl_json("relationship", "list").get("relationships", []), [])

    def test_signals_and_exit_codes(self):
        pair = self.make_pair()
        pair.start()
        for agent in pair.agents.values():
            agent.process.signal(signal.SIGHUP)
            agent.process.signal(signal.SIGHUP)
        pair.change(lambda members: members.update({"valid-lifetime": 650}))
        for agent in pair.agents.values():
            self.assertEqual(agent.process.terminate(), 0, agent.process.tail())
        pair.start_agents_again()
        pair.settle()
        # The same state directory and address are taken.
        code, out, err = run(pair.primary.process.argv, pair.network["a"], check=False)
        self.assertEqual(code, 69, out + err)

    def test_sighup_reads_log_level_and_keys_anew(self):
        pair = self.make_pair()
        pair.start_keas().make_keys()
        old, new = pair.make_key("old"), pair.make_key("new")
        revoked = pair.authorize("a", old[1], "subscribe")
        pair.start_agents_again()
        pair.adopt()
        peers = [pair.beside(self._peer(pair, key)) for key in (old, new)]
        self.assertTrue(self._asks_for_status(peers[0]).HasField("status"))
        self.assertIsNone(self._asks_for_status(peers[1]), "a key nobody authorised is answered")

        os.remove(revoked)
        pair.authorize("a", new[1], "subscribe")
        pair.primary.config["log-level"] = "warning"
        pair.primary.write_file()
        log_before = pair.primary.process.log_text()
        pair.primary.process.signal(signal.SIGHUP)
        reply = wait_until(lambda: self._asks_for_status(peers[1]), 15, "the new key has access")
        self.assertTrue(reply.HasField("status"))
        self.assertEqual(self._asks_for_status(peers[0]).exit_code, 65)
        again = pair.beside(self._peer(pair, old))
        self.assertIsNone(self._asks_for_status(again), "a revoked key connects anew")
        wait_until(lambda: peers[1].event(1), 5, "the new key gets events")
        self.assertIsNone(again.event(2), "a revoked key gets events")
        pair.change(lambda members: members.update({"valid-lifetime": 660}))
        log = pair.primary.process.log_text()[len(log_before):]
        self.assertIn("OPERATOR_REFUSED", log)
        self.assertNotIn(" info ", log)

        pair.primary.config["log-level"] = "info"
        pair.primary.write_file()
        pair.primary.process.signal(signal.SIGHUP)
        wait_until(lambda: "RELOADED log_level=info" in pair.primary.process.log_text(), 5,
                   "the log tells of it")

    @staticmethod
    def _peer(pair, key):
        return BusPeer(pair.network["b"], f"tcp://{network.LINK['a']}:{CONTROL_PORT}",
                       f"tcp://{network.LINK['a']}:{EVENTS_PORT}",
                       f"{pair.folder}/made-keys/kea-a.public", *key)

    @staticmethod
    def _asks_for_status(peer):
        """The reply; None: it is not let in."""
        try:
            peer.dealer.send(peer.request(status=operator_pb2.StatusRequest())
                             .SerializeToString(), zmq.DONTWAIT)
        except zmq.Again:
            return None
        reply = peer.receive(3)
        return operator_pb2.OperatorReply.FromString(reply) if reply else None

    def test_status_exit_codes(self):
        pair = self.make_pair()
        pair.start()
        wait_until(lambda: pair.primary.ctl("status")[0] == 0, 10, "OK is 0")
        pair.secondary.stop()
        wait_until(lambda: pair.primary.ctl("status")[0] in (1, 2), 6, "a peer away is 1 or 2")
        pair.secondary.start()
        wait_until(lambda: pair.primary.ctl("status")[0] == 0, 15, "0 again")
        pair.kea("a").stop()
        wait_until(lambda: pair.primary.ctl("status")[0] in (1, 2), 6, "a Kea away is 1 or 2")
        pair.kea("a").restart()
        wait_until(lambda: pair.primary.ctl("status")[0] == 0, 15, "0 again")

    def test_agents_start_before_their_keas_and_in_any_order(self):
        pair = self.make_pair()
        pair.make_keys()
        pair.secondary.start()
        pair.primary.start()
        wait_until(lambda: pair.primary.http_get("/healthz")[0] == 200, 5, "healthy without a Kea")
        pair.start_keas()
        pair.adopt()
        pair.assert_same()


if __name__ == "__main__":
    main(limit_s=160)
