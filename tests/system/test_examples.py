#!/usr/bin/python3
"""deploy/examples: what they print of a living pair, with which right, and across restarts."""
import os
import re
import shutil
import signal

from harness.case import SystemTest, main
from harness.pair import Pair
from harness.processes import Process, run
from harness.requirements import ROOT, program
from harness.waiting import wait_until

EXAMPLES = os.path.join(ROOT, "deploy/examples")
_COMMAND = '#!/bin/sh\necho "$@" >>"$(dirname "$0")/called"\n'


class ExamplesTest(SystemTest):
    """One pair for all tests. The examples are on host b, and connect to a's agent with keys."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pair = cls.own_for_class(Pair(ha="hot-standby"))
        cls.pair.start()
        # As the package has them: proto/ is beside the examples.
        cls.folder = f"{cls.pair.folder}/examples"
        shutil.copytree(EXAMPLES, cls.folder)
        shutil.copytree(os.path.join(ROOT, "proto"), f"{cls.folder}/proto")
        cls.keys = {name: cls.pair.make_key(name) for name in ("monitor", "stranger", "late")}
        cls.allow("monitor", "subscribe")
        cls.allow("stranger", "replicate")
        cls.number = 0

    @classmethod
    def allow(cls, name, rights):
        """The key has these rights from now on."""
        cls.pair.authorize("a", cls.keys[name][1], rights)
        agent = cls.pair.primary.process
        before = agent.log_text().count("RELOADED")
        agent.signal(signal.SIGHUP)
        wait_until(lambda: agent.log_text().count("RELOADED") > before, 5, "the keys are read anew")

    # ------------------------------------------------------------------ the programs

    def subscriber(self, key, *options):
        server = f"{self.pair.host_folder('b')}/keys/kea-a.public"
        return [f"{self.folder}/subscriber.py", "tcp://10.77.0.1:5570", "--key", key, "--server-key", server,
                *options]

    def make_modules(self):
        """By the command that the subscriber says."""
        if os.path.exists(f"{self.folder}/nestor"):
            return
        code, out, err = run(self.subscriber(self.keys["monitor"][0]), check=False)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("the modules made of Nestor's proto/", err)
        run(["bash", "-c", err.splitlines()[1]])

    def start(self, name, argv, env=None):
        log = f"{self.pair.folder}/{self._testMethodName}.{name}.log"
        process = Process(name, argv, log, self.pair.network["b"], env)
        self.addCleanup(process.end)
        return process.start()

    def subscribe(self, name, *options):
        self.make_modules()
        return self.start(f"{name}-subscriber", self.subscriber(self.keys[name][0], *options))

    def watch(self, name):
        command = f"{self.folder}/command"
        with open(command, "w", encoding="ascii") as file:
            file.write(_COMMAND)
        os.chmod(command, 0o755)
        nestorctl = (f"{program('nestorctl')} --agent tcp://10.77.0.1:5571 --key {self.keys[name][0]} "
                     f"--server-key {self.pair.host_folder('b')}/keys/kea-a.public")
        memory = f"{self.folder}/{self._testMethodName}.memory"
        return self.start(f"{name}-watch", [f"{self.folder}/watch-changes", "east4", memory, command],
                          {"NESTORCTL": nestorctl, "PATIENCE": "2"})

    # ------------------------------------------------------------------ what they are to print

    def change(self, **options):
        """A subnet more, and another global."""
        type(self).number += 1

        def mutate(members):
            members["user-context"] = {"number": self.number}
            members["subnet4"] = members["subnet4"][:1] + [
                {"id": 100 + self.number, "subnet": f"172.16.{self.number}.0/24"}]
        self.pair.change(mutate, **options)

    def recorded(self, sequence):
        """Term, origin, set and removed objects, by the primary's history."""
        entry = self.pair.primary.ctl_json("history", "east4", str(sequence))["entries"][0]
        objects = [[f"{one['kind']} {one['key']}" for one in entry.get(which, [])]
                   for which in ("upserted", "removed")]
        return entry["term"], entry["origin"], *objects

    def wait_for(self, process, text, deadline_s=10):
        wait_until(lambda: text in process.log_text(), deadline_s,
                   lambda: f"{process.name} says {text!r}: {process.tail()}")

    @staticmethod
    def written(process):
        """The numbers of the changes in the lines of watch-changes."""
        return [int(one) for one in re.findall(r"^\S+ east4 change \d+/(\d+) by", process.log_text(), re.M)]

    def wait_until_written(self, process):
        """The numbers up to the primary's head."""
        head = self.pair.head()
        wait_until(lambda: self.written(process)[-1:] == [head], 15,
                   lambda: f"{head} is written: {process.tail()}")
        return self.written(process)

    # ------------------------------------------------------------------ tests

    def test_both_print_a_change(self):
        subscriber, everything = self.subscribe("monitor", "--relationship", "east4"), self.watch("monitor")
        term = self.pair.status()["mirror"]["term"]
        self.wait_for(subscriber, f"east4 is at {term}/{self.pair.head()}")
        self.wait_for(everything, "east4 state unknown -> ")
        self.change()
        self.change()
        head = self.pair.head()
        self.wait_for(subscriber, f"change {term}/{head} ")
        self.wait_until_written(everything)
        for sequence in (head - 1, head):
            term, origin, placed, removed = self.recorded(sequence)
            self.assertIn("global user-context", placed)
            one = "".join(f"  {word} {what}\n" for word, which in (("set", placed), ("removed", removed))
                          for what in which)
            self.assertRegex(subscriber.log_text(), rf"(?m)^\d{{4}}-\S+Z east4 change {term}/{sequence} "
                             rf"origin={origin} objects={len(placed + removed)}\n{re.escape(one)}")
            line = "".join(f"; {word} {', '.join(which)}" for word, which in (("set", placed), ("removed", removed))
                           if which)
            self.assertRegex(everything.log_text(), rf"(?m)^\d{{4}}-\S+Z east4 change {term}/{sequence} by {origin}"
                             rf"{re.escape(line)}$")
        self.assertTrue(removed)
        self.assertNotIn("missed", subscriber.log_text())

    def test_a_key_without_the_right_is_told_and_gets_nothing(self):
        subscriber, late = self.subscribe("stranger"), self.subscribe("late")
        watch = self.watch("stranger")
        wait_until(lambda: not watch.alive(), 10, lambda: f"it ends: {watch.tail()}")
        self.assertEqual(watch.exit_code(), 65, watch.tail())
        self.assertIn("subscribe", watch.log_text())
        self.change()
        self.wait_for(subscriber, "nothing is heard from tcp://10.77.0.1:5570")
        self.wait_for(late, "the right subscribe")
        for one in (subscriber, late, watch):
            self.assertNotIn("east4", one.log_text())
        self.allow("late", "subscribe")
        self.wait_for(late, "east4 is at ")
        self.assertNotIn("east4", subscriber.log_text())

    def test_keys_that_are_none(self):
        self.make_modules()
        empty = f"{self.folder}/empty.secret"
        with open(empty, "w", encoding="ascii") as file:
            file.write("# Nestor secret key of nobody\n")
        for key, words in ((f"{self.folder}/nowhere.secret", "nestorctl keygen"), (empty, "holds no key")):
            code, out, err = run(self.subscriber(key), check=False, timeout_s=10)
            self.assertEqual((code, out), (1, ""))
            self.assertIn(words, err)
            self.assertIn(key, err)
            self.assertNotIn("Traceback", err)

    def test_restarts_lose_and_repeat_nothing(self):
        subscriber, watch = self.subscribe("monitor"), self.watch("monitor")
        self.wait_for(subscriber, "east4 is at ")
        self.wait_for(watch, "east4 state unknown -> ")
        first = self.pair.head() + 1
        self.change()
        self.wait_until_written(watch)
        self.pair.primary.kill()
        self.change(settle=False)
        self.pair.primary.start()
        self.change()
        self.wait_until_written(watch)
        watch.kill()
        self.change()
        watch.start()
        written = self.wait_until_written(watch)
        self.assertEqual(written, list(range(first, self.pair.head() + 1)))
        self.assertNotIn("journal", watch.log_text())
        # The subscriber has nothing to go on from: it says what it missed.
        wait_until(lambda: self.told(subscriber)[-1:] == [self.pair.head()], 10, subscriber.tail)
        self.assertEqual(self.told(subscriber), list(range(first, self.pair.head() + 1)))

    def test_another_journal_is_numbered_anew(self):
        watch = self.watch("monitor")
        self.wait_for(watch, "east4 state unknown -> ")
        self.pair.primary.stop()
        shutil.rmtree(self.pair.primary.state)
        os.mkdir(self.pair.primary.state, mode=0o700)
        self.pair.primary.start()
        wait_until(lambda: not watch.alive(), 15, lambda: f"it ends: {watch.tail()}")
        self.assertEqual(watch.exit_code(), 65)
        self.assertIn("kea-a has no relationship east4", watch.log_text())
        self.pair.adopt()
        watch.start()
        self.wait_for(watch, "east4 journal: a new one, numbered from 1")
        self.change()
        self.assertEqual(self.wait_until_written(watch), list(range(1, self.pair.head() + 1)))

    def told(self, subscriber):
        """The numbers of the changes that it printed, or called missed."""
        numbers = []
        for change, first, last in re.findall(r"east4 (?:change \d+/(\d+)|missed (\d+) to (\d+))", subscriber.log_text()):
            numbers += range(int(first), int(last) + 1) if first else [int(change)]
        return numbers

    def test_transitions_are_written_and_the_command_is_called(self):
        watch = self.watch("monitor")
        self.wait_for(watch, "-> OK", 20)
        called = f"{self.folder}/called"
        if os.path.exists(called):
            os.remove(called)
        self.pair.secondary.kill()
        self.wait_for(watch, "east4 state OK -> IMPAIRED: ", 20)
        wait_until(lambda: os.path.exists(called) and os.path.getsize(called), 5, "the command is called")
        with open(called, encoding="utf-8") as file:
            self.assertRegex(file.read(), r"^east4 IMPAIRED .*kea-b.*\n$")
        self.pair.secondary.start()
        self.wait_for(watch, "east4 state IMPAIRED -> OK", 20)
        # Once, and for no passing trouble: HA began anew with the reload.
        with open(called, encoding="utf-8") as file:
            self.assertEqual(len(file.readlines()), 1)


if __name__ == "__main__":
    main(limit_s=80)
