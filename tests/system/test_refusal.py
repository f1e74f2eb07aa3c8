#!/usr/bin/python3
"""What the secondary's Kea refuses, or does not answer, is said, harms nobody, and is got over."""
import os
import socket

from harness import keaconf, network, perfdhcp
from harness.agent import Watch
from harness.case import SystemTest, main
from harness.kea_proxy import KeaProxy
from harness.pair import Pair
from harness.processes import run
from harness.waiting import holds_for, wait_until

_HANG_S = float(os.environ.get("NESTOR_HANG_S", "60"))
_RATE, _LOAD_S = 50, 10


class RefusalTest(SystemTest):
    service = "dhcp4"

    def make(self, proxied=False):
        """A pair whose secondary alone answers the clients; proxied: by way of a KeaProxy."""
        pair = self.own(Pair(services=(self.service,), hook=False))
        if proxied:
            path = f"{pair.folder}/b/proxy.sock"
            self.kea_proxy = pair.beside(KeaProxy(path, pair.kea("b").socket))
            pair.secondary.config["services"][self.service]["control-socket"] = path
        pair.start()
        pair.network.client_side("a", up=False)
        return pair

    def _assert_serves(self, pair):
        served = perfdhcp.leases(pair.network, self.service, count=10)
        self.assertEqual(served.leases, 10, served.text)

    def _start_load(self, pair):
        """Clients that go on asking; returns when the secondary has given them leases."""
        load = pair.beside(perfdhcp.Load(pair.network, pair.folder, self.service, _RATE,
                                         _LOAD_S))

        def leases():
            with open(pair.kea("b").leases, encoding="ascii") as file:
                return len(file.readlines()) > 1
        wait_until(leases, 5, "the clients get leases")
        return load

    def _assert_served_all_the_while(self, load, most_lost=0):
        self.assertTrue(load.running(), "the load had ended before the refusal was told")
        served = load.result()
        print(f"{served.leases} leases, {served.lost} packets lost", flush=True)
        self.assertGreater(served.leases, _RATE * _LOAD_S // 2, served.text)
        self.assertLessEqual(served.lost, most_lost, served.text)

    @staticmethod
    def _number(pair, value, **options):
        def mutate(members):
            members["user-context"] = {"number": value}
        pair.change(mutate, **options)

    @staticmethod
    def _number_at_secondary(pair):
        return pair.kea("b").running().get("user-context", {}).get("number")

    def _wait_refused(self, pair, watch, *words):
        """Event, status, history and log tell of the refusal with all of the words, on both sides.
        The nack."""
        name = pair.relationship()

        def told(agent):
            status = agent.status(name)
            return (status["state"] != "OK" and status["reasons"]
                    and all(word in status["mirror"].get("last_error", "") for word in words))

        def in_history(agent, head):
            entry = next((e for e in agent.history(name)
                          if e["sequence"] == head and e["what"] == "change"), {})
            return entry.get("outcome") == "refused" and all(w in entry["detail"] for w in words)
        for agent in pair.agents.values():
            wait_until(lambda: told(agent), 15,
                       lambda: f"{agent.name} tells of {words}: {agent.status(name)}")
        mirror = pair.status()["mirror"]
        self.assertLess(mirror["applied"], mirror["head"])
        self.assertFalse(mirror["digest_equal"])
        for agent in pair.agents.values():
            wait_until(lambda: in_history(agent, mirror["head"]), 5,
                       lambda: f"{agent.name}'s history: {agent.history(name)}")
            for word in words:
                self.assertIn(word, agent.process.log_text())
        event = watch.wait_for(lambda e: "nack" in e.get("ack", {}), 5, "the nack is an event")
        self.assertEqual((event["sequence"], event["ack"]["server"]),
                         (mirror["head"], "kea-b"))
        nack = event["ack"]["nack"]
        for word in words:
            self.assertIn(word, nack["text"])
        return nack

    @staticmethod
    def _watch_acks(pair):
        return pair.beside(Watch(pair.primary, pair.relationship(), "--kind",
                                 "ack,heartbeat")).listens()

    def _ok(self, pair, deadline_s=20):
        wait_until(lambda: pair.status()["state"] == "OK", deadline_s,
                   lambda: f"OK again: {pair.status()}")


class RefusalOfDhcp4(RefusalTest):

    def test_a_subnet_that_kea_refuses_is_named_and_the_next_good_change_applies(self):
        pair = self.make()
        run(["ip", "link", "add", "only-a", "type", "veth", "peer", "name", "only-a-end"],
            pair.network["a"])
        pair.kea("a").stop()  # Kea looks for interfaces when it starts
        pair.kea("a").start()
        pair.settle()
        sets = pair.kea("b").commands_received("config-set")
        watch = self._watch_acks(pair)
        load = self._start_load(pair)
        prefix = {"dhcp4": "10.9.0.0/24", "dhcp6": "2001:db8:9::/64"}[self.service]
        subnets = keaconf.subnets(self.service)
        bad = {"id": 9, "subnet": prefix, "interface": "only-a"}
        pair.change(lambda members: members[subnets].append(bad), settle=False)
        nack = self._wait_refused(pair, watch, prefix, "is not present in the system")
        self.assertEqual(nack["nack_class"], "REJECTED_CONFIG")
        self.assertEqual(nack["object"], {"kind": "subnet", "key": "9"})
        self.assertIn("is not present in the system", nack["kea_text"])
        self._assert_served_all_the_while(load)
        self.assertEqual(pair.kea("b").commands_received("config-set"), sets,
                         "config-test refused it: no config-set was due")
        # The same is not tried again and again.
        tests = pair.kea("b").commands_received("config-test")
        holds_for(lambda: pair.kea("b").commands_received("config-test") <= tests + 1, 3,
                  "a refused change is tried again by itself")
        pair.change(lambda members: members[subnets].pop())
        self._number(pair, 1)
        self._ok(pair)

    def test_a_config_set_that_fails_after_a_good_config_test_is_undone(self):
        """Kea 2.2 serves nobody after a failed config-set, and says nothing of it."""
        pair = self.make()
        with network.inside(pair.network["b"]):
            taken = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            taken.bind(("::1", {"dhcp4": 7001, "dhcp6": 7000}[self.service]))
        self.addCleanup(taken.close)
        watch = self._watch_acks(pair)
        load = self._start_load(pair)
        pair.change(lambda members: members.update({"dhcp4o6-port": 7000}), settle=False)
        nack = self._wait_refused(pair, watch, "DHCP4o6")
        self.assertEqual(nack["nack_class"], "REJECTED_CONFIG")
        self.assertIn("DHCP4o6", nack["kea_text"])
        # Its sockets were closed until the last good configuration was put back.
        self._assert_served_all_the_while(load, most_lost=_RATE)
        self._assert_serves(pair)
        self.assertEqual(pair.kea("b").running()["dhcp4o6-port"], 0)
        taken.close()
        self._number(pair, 2, deadline_s=40)
        self._ok(pair)


class RefusalOfDhcp6(RefusalOfDhcp4):
    service = "dhcp6"


class SilenceTest(RefusalTest):

    def test_a_hanging_kea_gets_no_ack_and_catches_up(self):
        pair = self.make()
        kea = pair.kea("b").process
        kea.suspend()
        try:
            self._number(pair, 3, settle=False)
            wait_until(lambda: pair.status()["state"] != "OK" and pair.status()["reasons"], 15,
                       lambda: f"status says that it hangs: {pair.status()}")
            head = pair.head()
            holds_for(lambda: pair.status()["mirror"]["applied"] < head, _HANG_S,
                      "a hanging Kea's change is acknowledged")
        finally:
            kea.resume()
        wait_until(lambda: self._number_at_secondary(pair) == 3, 60, "the change arrives")
        self._ok(pair, 60)
        pair.settle()
        pair.assert_same()
        self._assert_serves(pair)

    def test_kea_dying_in_config_set(self):
        pair = self.make(proxied=True)

        def dies(request, pass_on):
            pair.kea("b").kill()
            return b""
        self.kea_proxy.misbehave(dies, "config-set")
        self._number(pair, 4, settle=False)
        wait_until(lambda: not pair.kea("b").process.alive(), 10, "Kea died")
        wait_until(lambda: pair.status()["state"] != "OK", 10, "it is said")
        self.assertLess(pair.status()["mirror"]["applied"], pair.head())
        self.kea_proxy.behave()
        pair.kea("b").restart()
        wait_until(lambda: self._number_at_secondary(pair) == 4, 90, "the change arrives")
        self._ok(pair, 60)
        self._assert_serves(pair)

    def test_kea_dying_after_config_set_before_its_answer(self):
        pair = self.make(proxied=True)

        def dies(request, pass_on):
            answer = pass_on(request)
            pair.kea("b").kill()
            return answer[:7]
        self.kea_proxy.misbehave(dies, "config-set")
        self._number(pair, 5, settle=False)
        wait_until(lambda: not pair.kea("b").process.alive(), 10, "Kea died")
        self.kea_proxy.behave()
        pair.kea("b").restart()
        wait_until(lambda: self._number_at_secondary(pair) == 5, 90, "the change arrives")
        self._ok(pair, 60)
        pair.settle()
        # It is in Kea's own file too.
        wait_until(lambda: pair.status()["mirror"]["persisted"] == pair.head(), 10, "persisted")
        pair.kea("b").kill()
        pair.kea("b").restart()
        self.assertEqual(self._number_at_secondary(pair), 5)
        self._assert_serves(pair)

    def test_half_answers_are_never_believed(self):
        for command in ("config-get", "config-set", "config-test", "config-write", "status-get"):
            with self.subTest(command=command):
                self._half_answers(command)

    def _half_answers(self, command):
        pair = self.make(proxied=True)
        before = pair.status()["mirror"]
        seen = self.kea_proxy.count(command)
        self.kea_proxy.misbehave("half", command)
        self._number(pair, 6, settle=False)
        wait_until(lambda: pair.head() > before["head"], 10, "the change is journaled")
        wait_until(lambda: self.kea_proxy.count(command) > seen, 10, f"{command} is asked")
        holds_for(lambda: self._truthful(pair, command), 3, "an ack of what nobody knows")
        self.kea_proxy.behave()
        wait_until(lambda: self._number_at_secondary(pair) == 6, 90, "the change arrives")
        wait_until(lambda: pair.status()["mirror"]["persisted"] > before["persisted"], 60,
                   lambda: f"persisted: {pair.status()}")
        self._ok(pair, 60)
        pair.assert_same()
        self._assert_serves(pair)
        for made in list(self._mine):
            made.close()
            self._mine.remove(made)

    def _truthful(self, pair, command):
        """Acknowledged is only what was read back; persisted only what config-write confirmed."""
        mirror = pair.status()["mirror"]
        if command == "config-write":
            return mirror["persisted"] < mirror["head"]
        if command in ("config-get", "config-test"):
            return mirror["applied"] < mirror["head"]
        return mirror["applied"] < mirror["head"] or self._number_at_secondary(pair) == 6

    def test_a_primary_read_by_half_wipes_nothing(self):
        pair = self.own(Pair(hook=False))
        path = f"{pair.folder}/a/proxy.sock"
        proxy = pair.beside(KeaProxy(path, pair.kea("a").socket))
        pair.primary.config["services"]["dhcp4"]["control-socket"] = path
        pair.start()
        for how in ("half", "closed", "lost"):
            proxy.misbehave(how, "config-get")
            head = pair.head()
            self._number(pair, how, settle=False)
            wait_until(lambda: pair.status()["state"] != "OK" and pair.status()["reasons"], 45,
                       lambda: f"status says that the primary's Kea cannot be read: {pair.status()}")
            self.assertEqual(pair.head(), head)
            proxy.behave()
            wait_until(lambda: self._number_at_secondary(pair) == how, 60, "the change arrives")
            self._ok(pair, 30)
            pair.assert_same()


if __name__ == "__main__":
    main(limit_s=350 + int(_HANG_S))
