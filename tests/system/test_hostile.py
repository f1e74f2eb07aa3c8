#!/usr/bin/python3
"""Connections that are half open, garbage or without a known key; a key that oversteps its rights."""
import contextlib
import os
import socket

import zmq

from harness import network
from harness.agent import CONTROL_PORT, EVENTS_PORT, HTTP_PORT
from harness.bus_peer import BusPeer
from harness.case import SystemTest, main
from harness.processes import run
from harness.schema import envelope_pb2, operator_pb2
from harness.waiting import holds_for, wait_until

_CONTROL = f"tcp://{network.LINK['a']}:{CONTROL_PORT}"
_EVENTS = f"tcp://{network.LINK['a']}:{EVENTS_PORT}"

_GREETING = b"\xff" + b"\0" * 8 + b"\x7f\x03\x00"
# Noise, ZMTP greetings of several kinds, HTTP, halves of frames.
_GARBAGE = (
    os.urandom(300), _GREETING + b"NULL".ljust(20, b"\0") + b"\0" * 32 + os.urandom(99),
    _GREETING + b"CURVE".ljust(20, b"\0") + b"\0" * 32 + b"\x04\xc8\x05HELLO" + os.urandom(200),
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\xff" * 64 * 1024, b"\x01\x00",
    _GREETING + b"PLAIN".ljust(20, b"\0") + b"\0" * 32 + b"\x04\x0a\x05HELLO\x01a\x01b")


def _number(pair, value):
    def mutate(members):
        members["user-context"] = {"number": value}
    pair.change(mutate)


class FloodTest(SystemTest):
    """What is open: 1200 connections and 8 to HTTP without a byte, 1300 with garbage, 500 of
    strangers."""

    def test_three_thousand_connections_at_once_leave_the_agents_serving(self):
        pair = self.make_pair()
        pair.start()
        _number(pair, 0)
        before = {agent: agent.process.rss_kib() for agent in pair.agents.values()}
        with contextlib.ExitStack() as everything:
            peers = self._open_all(pair, everything)
            # Garbage and strangers are thrown out; who says nothing stays for a while.
            wait_until(lambda: pair.primary.process.descriptors() > 1200, 20,
                       lambda: f"only {pair.primary.process.descriptors()} descriptors are open")
            _number(pair, 1)
            self.assertTrue(pair.status()["mirror"]["digest_equal"])
            for agent, rss in before.items():
                grew, peak = (now - rss for now in (agent.process.rss_kib(),
                                                    agent.process.peak_rss_kib()))
                print(f"{agent.name}: {grew} KiB more, {peak} KiB at most", flush=True)
                self.assertLess(peak, 64 * 1024)
                # Those who say nothing are waited for, two at a time, for 2 s.
                self.assertEqual(agent.http_get("/healthz", timeout_s=15)[0], 200)
            self.assertFalse(any(peer.subscriber.poll(0) for peer in peers),
                             "an unknown key was given an event")
            self.assertFalse(any(peer.dealer.poll(0) for peer in peers),
                             "an unknown key was answered")
        _number(pair, 2)
        wait_until(lambda: pair.status()["state"] == "OK", 15, lambda: f"OK: {pair.status()}")
        wait_until(lambda: pair.primary.process.descriptors() < 200, 30,
                   lambda: f"{pair.primary.process.descriptors()} descriptors are open still")

    def _open_all(self, pair, everything):
        """Opens what `everything` closes; the strangers."""
        peers = []
        for _ in range(250):
            peer = BusPeer(pair.network["b"], _CONTROL, _EVENTS,
                           f"{pair.folder}/made-keys/kea-a.public")
            everything.callback(peer.close)
            peers.append(peer)
            with contextlib.suppress(zmq.Again):
                peer.dealer.send(b"let me in", zmq.DONTWAIT)
        for index, connection in enumerate(self._connect(pair, 1300, everything)):
            with contextlib.suppress(OSError):  # thrown out already: as it should be
                connection.sendall(_GARBAGE[index % len(_GARBAGE)])
        self._connect(pair, 1200, everything)
        for host, agent in pair.agents.items():
            with network.inside(pair.network[host]):
                for _ in range(4):
                    everything.enter_context(
                        socket.create_connection(("127.0.0.1", HTTP_PORT[agent.role]), 20))
        return peers

    @staticmethod
    def _connect(pair, number, everything):
        """Connections to both ports by turns, from the secondary's host."""
        with network.inside(pair.network["b"]):
            return [everything.enter_context(socket.create_connection(
                (network.LINK["a"], (EVENTS_PORT, CONTROL_PORT)[index % 2]), 20))
                for index in range(number)]


class RightsTest(SystemTest):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        from harness.pair import Pair
        cls.pair = cls.own_for_class(Pair())
        cls.pair.start_keas()
        cls.pair.make_keys()
        cls.key = cls.pair.make_key("monitor")
        cls.pair.authorize("a", cls.key[1], "subscribe")
        cls.pair.primary.start()
        cls.pair.secondary.start()
        cls.pair.adopt()
        # Written two seconds later; what follows must change nothing.
        wait_until(lambda: cls.pair.status()["mirror"]["persisted"] == cls.pair.head(), 10,
                   "the secondary's file has it")

    def setUp(self):
        super().setUp()
        self.peer = BusPeer(self.pair.network["b"], _CONTROL, _EVENTS,
                            f"{self.pair.folder}/made-keys/kea-a.public", *self.key)
        self.addCleanup(self.peer.close)

    def _answer(self):
        """The next answer that the primary gives to this peer."""
        return wait_until(lambda: self._next_answer(), 5, "the primary answers")

    def _next_answer(self):
        answer = self.peer.receive(1)
        return envelope_pb2.Envelope.FromString(answer) if answer else None

    def test_what_this_version_does_not_know_is_answered(self):
        other_major = self.peer.envelope("east4")
        other_major.version_major = 2
        self.peer.send(other_major)
        answer = self._answer()
        self.assertEqual(answer.welcome.join, envelope_pb2.REFUSED)
        self.assertIn("version", answer.welcome.text)
        self.peer.send(self.peer.envelope("east4"))  # without a body
        answer = self._answer()
        self.assertEqual(answer.nack.nack_class, envelope_pb2.NACK_UNSUPPORTED)

    def _lines(self):
        return [line for line in self.pair.primary.process.log_text().splitlines()
                if "monitor" in line]

    def _refused_and_logged(self, message):
        before = self.pair.status()
        lines = len(self._lines())
        self.peer.send(message)
        wait_until(lambda: len(self._lines()) > lines, 5,
                   "the refusal is logged with the key's name")
        holds_for(lambda: self._same(before, self.pair.status()), 1,
                  "the message of a subscriber was taken as true")

    @staticmethod
    def _same(before, now):
        return all(before["mirror"][name] == now["mirror"][name]
                   for name in ("term", "head", "applied", "persisted", "digest_equal"))

    def test_it_sees_events(self):
        wait_until(lambda: self.peer.event(1), 10, "a heartbeat")

    def test_it_may_ask_for_status(self):
        self.peer.send(self.peer.request(status=operator_pb2.StatusRequest()))
        reply = operator_pb2.OperatorReply.FromString(self.peer.receive(5) or b"")
        self.assertEqual(reply.status.relationships[0].name, self.pair.relationship())

    def test_its_acks_are_refused(self):
        ack = self.peer.envelope(self.pair.relationship(), ack=envelope_pb2.Ack(
            received=999, applied=999, persisted=999))
        self._refused_and_logged(ack)

    def test_its_nacks_are_refused(self):
        self._refused_and_logged(self.peer.envelope(self.pair.relationship(), sequence=1,
                                                    nack=envelope_pb2.Nack(text="no")))

    def test_it_gets_no_snapshot(self):
        self._refused_and_logged(self.peer.envelope(
            self.pair.relationship(), sync_request=envelope_pb2.SyncRequest(
                nonce=1, mode=envelope_pb2.SNAPSHOT, credit=8)))

    def test_its_hello_does_not_make_it_the_secondary(self):
        self._refused_and_logged(self.peer.envelope(self.pair.relationship(),
                                                    hello=envelope_pb2.Hello(server="kea-b")))

    def test_its_fencing_is_refused(self):
        self._refused_and_logged(self.peer.envelope(
            self.pair.relationship(), term=1 << 40,
            fenced=envelope_pb2.Fenced(term=1 << 40, text="go away")))

    def test_it_may_not_operate(self):
        for verb in ({"resync": operator_pb2.ResyncRequest(name="east4")},
                     {"remove": operator_pb2.RemoveRequest(name="east4")},
                     {"decision": operator_pb2.DecisionRequest(name="east4", sequence=1)}):
            self._refused_and_logged(self.peer.request(**verb))
            reply = operator_pb2.OperatorReply.FromString(self.peer.receive(5) or b"")
            self.assertEqual(reply.exit_code, 65, reply)
            self.assertTrue(reply.text)

    def test_nestorctl_over_tcp_says_so(self):
        argv = self.pair.primary.ctl_argv("resync", "east4")
        at = argv.index("--agent")
        argv[at + 1] = _CONTROL
        argv[at:at] = ["--key", self.key[0], "--server-key",
                       f"{self.pair.folder}/made-keys/kea-a.public"]
        code, out, err = run(argv, self.pair.network["b"], check=False)
        self.assertEqual(code, 65, out + err)
        self.assertIn("operate", out + err)

    def test_messages_that_are_none_leave_it_serving(self):
        for text in (b"", b"\0", os.urandom(1000), b"\xff" * 60000,
                     self.peer.envelope("no-such").SerializeToString()[:-3],
                     self.peer.envelope("east4", hello=envelope_pb2.Hello(server="x" * 50000))
                     .SerializeToString()):
            self.peer.dealer.send(text)
        self.peer.send(self.peer.request(status=operator_pb2.StatusRequest()))
        wait_until(lambda: self._status_arrives(), 5, "status still answers")
        _number(self.pair, 5)

    def _status_arrives(self):
        reply = self.peer.receive(1)
        if not reply:
            return False
        try:
            return operator_pb2.OperatorReply.FromString(reply).HasField("status")
        except Exception:  # an answer of another kind
            return False


class ConfigurationTest(SystemTest):

    def test_without_security_only_loopback_and_ipc(self):
        pair = self.make_pair()
        pair.primary.config.pop("security")
        pair.primary.write_file()
        code, _, err = run(pair.primary.process.argv + ["--check-config"], check=False)
        self.assertEqual(code, 78, err)
        self.assertIn("security", err)

    def test_what_is_wrong_is_told_with_its_place(self):
        pair = self.make_pair()
        pair.make_keys()
        pair.primary.config["servername"] = "x"
        pair.primary.write_file()
        code, _, err = run(pair.primary.process.argv + ["--check-config"], check=False)
        self.assertEqual(code, 78, err)
        self.assertIn("servername", err)
        self.assertRegex(err, r"line \d+")


if __name__ == "__main__":
    main(limit_s=170)
