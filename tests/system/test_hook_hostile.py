#!/usr/bin/python3
"""Whatever is asked of the hook library, Kea says yes or no to the whole of it, and goes on serving.

NESTOR_ROUNDS (20) times fifty mutated changes of each service, from NESTOR_SEED (0) on.
"""
import json
import os
import random
import socket

from harness import bad_objects, compare, hostile_commands, objects, packed, perfdhcp
from harness.case import SystemTest, main
from harness.change_ring import served_subnet
from harness.random_config import RandomConfig
from harness.two_keas import TwoKeas

_ROUNDS = int(os.environ.get("NESTOR_ROUNDS", "20"))
_SEED = int(os.environ.get("NESTOR_SEED", "0"))
_REASONS = ("malformed", "changed-meanwhile", "needs-config-set", "refused")
# How often the whole configuration is looked at, and clients ask.
_WHOLE, _CLIENTS = 10, 250


def send(path, data, timeout_s=60):
    """The answer to these bytes, whatever they are."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(timeout_s)
        channel.connect(path)
        try:
            channel.sendall(data)
        except BrokenPipeError:
            pass  # Kea has read enough
        pieces = []
        while piece := channel.recv(1 << 20):
            pieces.append(piece)
    return json.loads(b"".join(pieces))


class HostileCase:
    """Mixed into a SystemTest per service: SERVICE is given there."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keas = cls.own_for_class(TwoKeas(cls.SERVICE, threads=True, notices=True)).start()
        cls.keas.relay.close()
        cls.keas.network.client_side("b", False)
        cls.kea = cls.keas.by_hook
        cls.maker = RandomConfig(cls.SERVICE, random.Random(f"{cls.SERVICE} hostile {_SEED}"))
        cls.config = bad_objects.base(cls.maker)
        cls.config[cls.maker.subnets].insert(0, served_subnet(cls.SERVICE))
        # The clients at cl0 are that subnet's.
        for holder in [*cls.config["shared-networks"], *cls.maker.all_subnets()]:
            if holder.get("id") != served_subnet(cls.SERVICE)["id"]:
                holder.pop("interface", None)

    def setUp(self):
        super().setUp()
        self.asked = 0
        said = self.keas.set(self.kea, self.config)
        self.assertIsNone(said)
        self._look()

    def _look(self):
        status = self.keas.status()
        self.revision, self.frozen = status["revision"], status["needs-config-set"]
        self.running = self.kea.running()

    def _serves(self):
        served = perfdhcp.leases(self.keas.network, self.SERVICE, count=3)
        self.assertGreater(served.leases, 0, served.text)

    def _ask(self, name, data):
        """The answer; that nothing is otherwise where it is no."""
        self.asked += 1
        try:
            answer = send(self.kea.socket, data)
        except (OSError, ValueError) as error:
            self.fail(f"{name}: {error!r}, {self.kea.process.tail(5)}\n{data[:3000]}")
        self.assertIn(answer["result"], (0, 1), (name, answer))
        if answer["result"] == 1:
            self.assertTrue(answer["text"], name)
            revision = self.keas.status()["revision"]
            self.assertEqual(revision, self.revision, f"{name}: {answer}\n{data[:3000]}")
            if self.asked % _WHOLE == 0:
                self._whole(name)
        return answer

    def _whole(self, name):
        self.assertEqual(compare.differences(self.running, self.kea.running()), [], name)

    def _refused(self, name, data, parsed=True):
        answer = self._ask(name, data)
        if answer["result"] == 0:
            self._look()
        self.assertEqual(answer["result"], 1, f"{name} was not refused: {str(answer)[:2000]}")
        if parsed:
            self._has_reason(name, answer)

    def _has_reason(self, name, answer):
        self.assertIn(answer.get("arguments", {}).get("reason"), _REASONS, (name, answer))

    # ------------------------------------------------------------------ by hand

    def test_commands_that_are_none(self):
        for name, data in hostile_commands.raw(self.SERVICE):
            with self.subTest(name):
                # Kea's JSON is generous: some of it is a change.
                if self._ask(name, data)["result"] == 0:
                    self._look()
        self._whole("all of them")
        self._serves()

    def test_questions_without_an_answer(self):
        for name, command, arguments in hostile_commands.questions():
            with self.subTest(name):
                self._refused(name, hostile_commands.as_bytes(command, arguments))

    def test_packed_nonsense(self):
        for name, arguments in hostile_commands.packed_nonsense():
            with self.subTest(name):
                self._refused(name, hostile_commands.as_bytes("nestor-apply", arguments))
        self._whole("all of them")

    def test_contradictions(self):
        subnet = {"id": 7777, "subnet": self.maker.prefix(251, 20 if self.maker.v4 else 48)}
        self.kea.command("nestor-apply", {"dry-run": True, "upserted": [
            hostile_commands.upsert("subnet", "7777", subnet)]})
        for name, arguments in hostile_commands.contradictions(self.SERVICE, subnet):
            with self.subTest(name):
                self._refused(name, hostile_commands.as_bytes("nestor-apply", arguments))
        self._whole("all of them")
        self._serves()

    def test_globals_of_another_type(self):
        """Also of those that are not there, whose type the one before does not say."""
        names = [key for kind, key in objects.extract(self.running) if kind == "global"
                 and key not in self.frozen and key not in ("client-class-order", "user-context")]
        for name in names:
            with self.subTest(name):
                self.kea.ask("nestor-apply", {"removed": [{"kind": "global", "key": name}]})
                self._look()
                for value in ([[]], {"x": {}}):
                    self._refused(f"{name} {value}", hostile_commands.as_bytes("nestor-apply", {
                        "upserted": [hostile_commands.upsert("global", name, value)]}))

    # ------------------------------------------------------------------ by chance

    def test_mutated_changes(self):
        taken = refused = 0
        good = bad_objects.good(self.maker)
        for number in range(_ROUNDS * 50):
            rng = random.Random(f"{self.SERVICE} {_SEED} {number}")
            arguments = hostile_commands.Mutator(rng).mutated(self._change(rng, good))
            name = f"NESTOR_SEED={_SEED} mutation {number}"
            sent = packed.of(arguments) if number % 2 else arguments
            answer = self._ask(name, hostile_commands.as_bytes("nestor-apply", sent))
            if answer["result"] == 1:
                refused += 1
                self._has_reason(name, answer)
            else:
                taken += 1
                self._taken(name, arguments)
            if number % _CLIENTS == 0:
                self._with_clients(name, number)
        self._with_clients("the last", _ROUNDS * 50)
        print(f"{self.SERVICE}: {taken} mutated changes taken, {refused} refused", flush=True)
        self.assertGreater(taken, _ROUNDS)
        self.assertGreater(refused, _ROUNDS)

    def _change(self, rng, good):
        """One that Kea would take."""
        there = [(kind, key, value) for (kind, key), value in objects.extract(self.running).items()
                 if key not in self.frozen]
        # The first of them are what the others depend on.
        change = {"before": self.revision, "removed": [], "dry-run": rng.random() < 0.1,
                  "upserted": good[:rng.choice((0, 6, 10, 30))]}
        named = {(one["kind"], one["key"]) for one in change["upserted"]}
        for kind, key, value in rng.sample(there, min(len(there), 4)):
            if (kind, key) not in named:
                change["upserted"].append(hostile_commands.upsert(kind, key, value))
        reservations = [key for kind, key, _ in there if kind == "reservation"]
        if reservations and rng.random() < 0.5:
            key = rng.choice(reservations)
            change["upserted"] = [one for one in change["upserted"] if one["key"] != key]
            change["removed"].append({"kind": "reservation", "key": key})
        return change

    def _taken(self, name, arguments):
        """Pages and config-get agree; it counted as a change, unless nothing was to be done."""
        before, self.revision = self.revision, self.keas.status()["revision"]
        if arguments.get("dry-run"):
            self.assertEqual(before, self.revision, name)
        else:
            self.running = self.kea.running()
        if self.asked % _WHOLE == 0:
            self.assertEqual(objects.disagreements(self.keas.settle_order(self.keas.pages()),
                                                   objects.extract(self.running)), [], name)

    def _with_clients(self, name, number):
        """Answered, once Kea has a configuration that no chance has changed."""
        perfdhcp.leases(self.keas.network, self.SERVICE, count=3)
        self.assertTrue(self.kea.process.alive(), f"{name}: {self.kea.tail()}")
        self.assertIsNone(self.keas.set(self.kea, self.config))
        self._look()
        self._serves()


class HostileV4Test(HostileCase, SystemTest):
    SERVICE = "dhcp4"


class HostileV6Test(HostileCase, SystemTest):
    SERVICE = "dhcp6"


if __name__ == "__main__":
    main(limit_s=35_000 if _ROUNDS > 20 else 170, agents=False)
