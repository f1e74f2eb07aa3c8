#!/usr/bin/python3
"""The secondary's agent writes Kea's file itself: what config-write would, whole, and never in Kea's way."""
import json
import os
import random
import stat

from harness import compare, keaconf
from harness.case import SystemTest, main
from harness.pair import Pair
from harness.processes import run
from harness.random_config import RandomConfig
from harness.waiting import wait_until

_RANDOM = int(os.environ.get("NESTOR_FILES", "12"))
_BURST = 30


def _subnet(number):
    return {"id": number, "subnet": f"10.{number}.0.0/24" if number < 250 else
            f"11.{number % 250}.{number // 250}.0/24"}


def _apply(kea, subnets):
    """Subnets added or changed inside the running Kea, as hooks' commands do it."""
    kea.command("nestor-apply", {"upserted": [
        {"kind": "subnet", "key": str(one["id"]), "object": one} for one in subnets]})


def _content(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def _without_empty(value):
    """Lists and maps with nothing in them mean the same as none."""
    if isinstance(value, list):
        return [_without_empty(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _without_empty(member) for name, member in value.items()
            if member not in ([], {})}


class _Mounted:
    """`folder`, made by a mount of these arguments, until it is closed."""

    def __init__(self, target, *arguments):
        self._target = target
        run(["mount", *arguments, target])

    def close(self):
        run(["umount", self._target])


class FileTest(SystemTest):

    def make(self, file_of=None, **options):
        """A pair with one change made; file_of(pair) prepares the secondary's file before."""
        pair = self.own(Pair(services=("dhcp4",), **options))
        kea = pair.kea("b")
        kea.write_file()
        if file_of:
            file_of(pair)
        kea.start(write=False)
        pair.kea("a").start()
        pair.start_agents().adopt()
        pair.wait_until_persisted()
        return pair

    def _writes(self, pair):
        return pair.secondary.process.log_text().count("FILE_WRITTEN")

    def _config_writes(self, pair):
        return pair.kea("b").commands_received("config-write")

    @staticmethod
    def _assert_loadable(kea):
        run([f"kea-{kea.service}", "-t", kea.file], kea.process.netns)

    def _assert_restarts_with_the_same(self, kea):
        before = kea.running()
        self._assert_loadable(kea)
        kea.kill()
        kea.restart()
        after = kea.running()
        self.assertEqual(compare.differences(compare.mirrored(before), compare.mirrored(after)), [])
        self.assertEqual(compare.server_specific(before), compare.server_specific(after))

    # ------------------------------------------------------------------

    def test_a_burst_is_one_write_that_keeps_owner_and_mode(self):
        def owned(pair):
            os.chown(pair.kea("b").file, 65534, 7)
            os.chmod(pair.kea("b").file, 0o640)
        pair = self.make(owned)
        written, asked = self._writes(pair), self._config_writes(pair)
        self.assertEqual(asked, 0)
        _apply(pair.kea("a"), [_subnet(2)])
        for number in range(3, _BURST):
            _apply(pair.kea("a"), [_subnet(number)])
        wait_until(lambda: not compare.compare(pair.kea("a"), pair.kea("b")), 20, "all arrives")
        pair.wait_until_persisted()
        # Two seconds may end within the burst, on a busy machine.
        self.assertLessEqual(self._writes(pair) - written, 2)
        self.assertGreater(self._writes(pair), written)
        self.assertEqual(self._config_writes(pair), 0)
        found = os.stat(pair.kea("b").file)
        self.assertEqual((found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)),
                         (65534, 7, 0o640))
        self._assert_restarts_with_the_same(pair.kea("b"))
        pair.assert_same()

    def test_a_full_disk_is_said_and_got_over(self):
        def small(pair):
            kea = pair.kea("b")
            etc = f"{pair.folder}/b/etc"
            os.mkdir(etc)
            pair.beside(_Mounted(etc, "-t", "tmpfs", "-o", "size=256k", "tmpfs"))
            os.replace(kea.file, f"{pair.folder}/b/moved")
            with open(f"{pair.folder}/b/moved", encoding="utf-8") as old, \
                    open(f"{etc}/kea.conf", "w", encoding="utf-8") as new:
                new.write(old.read())
            os.symlink(f"{etc}/kea.conf", kea.file)
        pair = self.make(small)
        kea, etc = pair.kea("b"), f"{pair.folder}/b/etc"
        before = _content(kea.file)
        with open(f"{etc}/filler", "wb", buffering=0) as filler:
            try:
                while filler.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        _apply(pair.kea("a"), [_subnet(2)])
        status = wait_until(
            lambda: (lambda one: one if any("No space left" in reason for reason in one["reasons"])
                     else None)(pair.status()), 15,
            lambda: f"status says that the disk is full: {pair.status()}")
        self.assertEqual(status["mirror"]["applied"], status["mirror"]["head"])
        self.assertLess(status["mirror"]["persisted"], status["mirror"]["head"])
        pair.assert_same()
        self.assertEqual(_content(kea.file), before)
        self.assertEqual(sorted(os.listdir(etc)), ["filler", "kea.conf"])
        os.remove(f"{etc}/filler")
        pair.wait_until_persisted(deadline_s=70)
        wait_until(lambda: pair.status()["state"] == "OK", 5, lambda: f"OK again: {pair.status()}")
        self.assertTrue(os.path.islink(kea.file))
        self.assertEqual(os.listdir(etc), ["kea.conf"])
        self.assertEqual(self._config_writes(pair), 0)
        self._assert_restarts_with_the_same(kea)

    def test_what_the_agent_may_not_replace_kea_writes(self):
        def a_mount_itself(pair):
            file = pair.kea("b").file
            pair.beside(_Mounted(file, "--bind", file))
        pair = self.make(a_mount_itself)
        for number in (2, 3):
            before = pair.head()
            _apply(pair.kea("a"), [_subnet(number)])
            pair.settle(above=before)
            pair.wait_until_persisted()
        self.assertEqual(self._writes(pair), 0)
        self.assertGreaterEqual(self._config_writes(pair), 2)
        self.assertEqual(pair.secondary.process.log_text().count("FILE_LEFT_TO_KEA"), 1)
        for agent in (pair.primary, pair.secondary):
            notices = agent.status(pair.relationship()).get("notices", [])
            self.assertTrue(any("held up" in notice for notice in notices), notices)
        self.assertEqual(pair.status()["state"], "OK")

    def test_an_agent_that_ends_writes_at_once(self):
        pair = self.make()
        before = pair.head()
        _apply(pair.kea("a"), [_subnet(2)])
        pair.settle(above=before)
        pair.secondary.stop()
        self._assert_restarts_with_the_same(pair.kea("b"))

    def test_a_kea_that_starts_from_an_older_file_is_brought_forward(self):
        pair = self.make()
        kea = pair.kea("b")
        with open(kea.file, encoding="utf-8") as file:
            old = file.read()

        def put_back():
            with open(kea.file, "w", encoding="utf-8") as file:
                file.write(old)

        def has(number):
            return any(one["id"] == number for one in kea.running()["subnet4"])
        before = pair.head()
        _apply(pair.kea("a"), [_subnet(2)])
        pair.settle(above=before)
        kea.kill()  # before it was written, or the file is put back
        put_back()
        kea.restart()
        wait_until(lambda: has(2), 5, "the running agent brings Kea forward")
        pair.wait_until_persisted()
        # The agent dies between the two; the file is the older one when it is back.
        _apply(pair.kea("a"), [_subnet(3)])
        wait_until(lambda: has(3), 5, "the change arrives")
        pair.secondary.kill()
        kea.kill()
        put_back()
        kea.restart()
        self.assertFalse(has(3))
        pair.secondary.restart()
        wait_until(lambda: has(2) and has(3), 15, "the agent's start brings Kea forward")
        pair.wait_until_persisted()
        self._assert_restarts_with_the_same(kea)
        pair.assert_same()

    def test_the_file_is_what_config_write_would_write(self):
        for service in ("dhcp4", "dhcp6"):
            with self.subTest(service=service):
                self._random_files(service)

    def _random_files(self, service):
        pair = self.own(Pair(services=(service,))).start()
        a, b = pair.kea("a"), pair.kea("b")
        own = keaconf.own_parts(service, "kea-a", "a", pair.host_folder("a"), hook=True)
        for seed in range(_RANDOM):
            members = RandomConfig(service, random.Random(seed)).configuration()
            a.config = {a.root: dict(members, **own)}
            head = pair.head()
            before = compare.mirrored(a.running())
            a.apply_by_set()
            running = a.running()
            if words := a.test({a.root: running}):
                print(f"seed {seed}: Kea refuses what it reports itself: {words}")
                continue
            changed = before != compare.mirrored(running)
            self._settle_approving(pair, head if changed else None)
            pair.wait_until_persisted()
            by_kea = f"{pair.folder}/b/{service}-by-kea.conf"
            b.command("config-write", {"filename": by_kea})
            ours, keas = (_without_empty(_content(path)[b.root]) for path in (b.file, by_kea))
            self.assertEqual(compare.differences(compare.mirrored(keas), compare.mirrored(ours)), [],
                             f"seed {seed}")
            self.assertEqual(compare.server_specific(keas), compare.server_specific(ours))
            self._assert_loadable(b)
        self.assertGreater(self._writes(pair), 0)
        self._assert_restarts_with_the_same(b)

    def _settle_approving(self, pair, above):
        """Random configurations remove nearly all of each other, which a person has to approve."""
        def settled():
            status = pair.status()
            if held := status["mirror"]["held_sequence"]:
                pair.primary.ctl("approve", pair.relationship(), str(held))
            mirror = status["mirror"]
            return (mirror["digest_equal"] and mirror["applied"] == mirror["head"]
                    and (above is None or mirror["head"] > above))
        wait_until(settled, 30, lambda: f"the mirror is equal: {pair.status()}")


if __name__ == "__main__":
    main(limit_s=290)
