#!/usr/bin/python3
"""nestorctl apply: what a file says is what Kea then runs, as after a reload, and HA goes on."""
import copy
import json
import os
import random

from harness import compare, keaconf
from harness.case import SystemTest, main
from harness.random_change import RandomChange
from harness.random_config import RandomConfig
from harness.waiting import wait_until

_RANDOM = int(os.environ.get("NESTOR_FILES", "40"))
_SEED = int(os.environ.get("NESTOR_SEED", "0"))


def _own(kea):
    return {name: value for name, value in kea.config[kea.root].items()
            if name in compare.SERVER_SPECIFIC}


def _give(kea, members):
    kea.config = {kea.root: {**_own(kea), **members}}


def _file(pair, members, name="wanted.conf"):
    """A file with `members` and the primary's own parts."""
    kea = pair.kea("a")
    return _write(pair, {kea.root: {**_own(kea), **members}}, name)


def _write(pair, content, name):
    path = f"{pair.folder}/{name}"
    with open(path, "w", encoding="utf-8") as file:
        file.write("// what is wanted\n" + json.dumps(content, indent=1) + "  # the end\n")
    return path


def _mirrored(kea):
    return {name: value for name, value in kea.config[kea.root].items()
            if name not in compare.SERVER_SPECIFIC}


class ApplyCase:
    """Mixed into a SystemTest per service."""

    def _pair(self, **options):
        return self.make_pair(services=(self.service,), **options).start()

    def _apply(self, pair, path, *options, expect=0):
        code, out, err = pair.primary.ctl("apply", pair.relationship(), path, *options)
        self.assertEqual(code, expect, f"{out}\n{err}")
        return json.loads(out.splitlines()[-1]) if expect == 0 else err

    def _assert_untouched(self, pair, before):
        self.assertEqual(compare.differences(before, pair.kea("a").running()), [])

    def _with_news(self, kea):
        """The configuration with one object more of each kind, in a person's spelling."""
        members = copy.deepcopy(_mirrored(kea))
        subnets = members[keaconf.subnets(self.service)]
        v4 = self.service == "dhcp4"
        subnets[0].setdefault("reservations", []).append(
            {"hw-address": "1A:2:3B:4C:5D:6E", "ip-address": "10.0.160.9", "comment": "a printer"}
            if v4 else {"duid": "000300011A2B", "ip-addresses": ["2001:db8:1::ff:9"]})
        subnets.append({"id": 4711, "subnet": "198.51.100.0/24",
                        "pools": [{"pool": "198.51.100.10 - 198.51.100.99"}]} if v4 else
                       {"id": 4711, "subnet": "2001:db8:4711::/64", "comment": "f\u00fcr G\u00e4ste",
                        "pools": [{"pool": "2001:db8:4711::/80"}]})
        members["shared-networks"] = [{"name": "floor", keaconf.subnets(self.service): [subnets.pop()]}]
        members.setdefault("client-classes", []).append({"name": "phones"})
        members.setdefault("option-def", []).append(
            {"name": "mine", "code": 222 if v4 else 2222, "type": "string"})
        members.setdefault("option-data", []).extend([
            {"name": "domain-name-servers", "data": "192.0.2.1"} if v4 else
            {"name": "dns-servers", "data": "2001:db8::1"}, {"name": "mine", "data": "x"}])
        members["valid-lifetime"] = 1234
        return members

    def test_one_of_each_kind(self):
        pair = self._pair(ha="hot-standby")
        kea = pair.kea("a")
        before, head = kea.running(), pair.head()
        instance = kea.command("nestor-status")["revision"].split(":")[0]
        self.assertEqual(self._apply(pair, _file(pair, _mirrored(kea)))["state"], "SAME")

        wanted = self._with_news(kea)
        path = _file(pair, wanted)
        dry = self._apply(pair, path, "--dry-run")
        self.assertEqual(dry["state"], "WOULD_CHANGE")
        self._assert_untouched(pair, before)
        self.assertEqual(pair.head(), head)

        done = self._apply(pair, path, "--wait")
        self.assertEqual(done["state"], "VERIFIED")
        self.assertEqual(done["changes"], dry["changes"])
        self.assertEqual(pair.status()["mirror"]["applied"], done["sequence"])
        pair.assert_same()
        entry = pair.primary.history(pair.relationship())[0]
        self.assertIn("nestorctl apply", json.dumps(pair.primary.history(pair.relationship())), entry)
        self.assertEqual(self._apply(pair, path)["state"], "SAME")
        self.assertEqual(kea.command("nestor-status")["revision"].split(":")[0], instance)
        for host in "ab":
            self.assertEqual(pair.kea(host).ha_state(), "hot-standby")

        running = compare.mirrored(kea.running())
        _give(kea, wanted)
        kea.apply_by_reload()
        self.assertEqual(compare.differences(running, compare.mirrored(kea.running())), [])

    def test_random_files_do_what_a_config_set_does(self):
        # Some of the changes remove most of what there is.
        pair = self.make_pair(services=(self.service,)).start_keas().start_agents()
        pair.adopt("--hold-percent", "100")
        kea = pair.kea("a")
        frozen = kea.command("nestor-status")["needs-config-set"]
        rng = random.Random(f"{self.service} {_SEED}")
        members = RandomConfig(self.service, rng).configuration()
        _give(kea, members)
        kea.apply_by_set()
        changed = 0
        for turn in range(_RANDOM):
            members, names = RandomChange(self.service, rng).changed(members, frozen)
            path = _file(pair, members)
            said = self._apply(pair, path)
            changed += said["state"] == "APPLIED"
            running = compare.mirrored(kea.running())
            _give(kea, members)
            kea.apply_by_set()
            reloaded = compare.mirrored(kea.running())
            self.assertEqual(compare.differences(running, reloaded), [],
                             f"seed {_SEED}, turn {turn}: {names}")
            self.assertEqual(self._apply(pair, path)["state"], "SAME", names)
        self.assertGreater(changed, _RANDOM / 2)
        pair.settle()
        pair.assert_same()

    def test_a_fragment_adds_and_removes_nothing(self):
        pair = self._pair()
        kea = pair.kea("a")
        subnets = keaconf.subnets(self.service)
        count = len(kea.running()[subnets])
        first = kea.running()[subnets][0]
        reservation = ({"hw-address": "0a:0a:0a:0a:0a:0a", "hostname": "merged"}
                       if self.service == "dhcp4" else {"duid": "0a:0b", "hostname": "merged"})
        path = _write(pair, {kea.root: {subnets: [{"id": first["id"],
                                                   "reservations": [reservation]}]}}, "part.conf")
        self.assertEqual(self._apply(pair, path, "--merge", "--wait")["state"], "VERIFIED")
        self.assertEqual(len(kea.running()[subnets]), count)
        pools = kea.running()[subnets][0]["pools"]
        self.assertEqual(pools, first["pools"])
        self.assertIn("merged", json.dumps(pair.kea("b").running()))

    def test_what_is_wrong_is_named_and_changes_nothing(self):
        pair = self._pair()
        kea = pair.kea("a")
        before, head = kea.running(), pair.head()
        wrong = self._with_news(kea)
        wrong["shared-networks"][0][keaconf.subnets(self.service)][0]["poolz"] = []
        err = self._apply(pair, _file(pair, wrong), "--wait", expect=65)
        self.assertIn("4711", err)
        self.assertIn("poolz", err)
        err = self._apply(pair, _write(pair, {"Dhcp": {}}, "other.conf"), expect=65)
        self.assertIn(kea.root, err)
        with open(f"{pair.folder}/broken.conf", "w", encoding="utf-8") as file:
            file.write("{\n  oops }")
        self.assertIn("line 2", self._apply(pair, f"{pair.folder}/broken.conf", expect=65))
        self._apply(pair, f"{pair.folder}/none.conf", expect=64)
        reload_only = {**_mirrored(kea), "expired-leases-processing": {"max-reclaim-time": 77}}
        self.assertIn("only a reload", self._apply(pair, _file(pair, reload_only), expect=65))
        self._assert_untouched(pair, before)
        self.assertEqual(pair.head(), head)

    def test_own_parts_are_named_and_left_alone(self):
        pair = self._pair()
        kea = pair.kea("a")
        content = copy.deepcopy(kea.config)
        content[kea.root]["interfaces-config"]["interfaces"] = ["other0"]
        said = self._apply(pair, _write(pair, content, "own.conf"))
        self.assertEqual((said["state"], said["left_alone"]), ("SAME", ["interfaces-config"]))
        self.assertEqual(kea.running()["interfaces-config"]["interfaces"],
                         kea.config[kea.root]["interfaces-config"]["interfaces"])


    def test_a_kea_that_dies_before_its_file_is_written_is_brought_forward(self):
        pair = self._pair()
        kea = pair.kea("a")

        def lifetime():
            return kea.running()["valid-lifetime"]

        def in_file(wanted):
            with open(kea.file, encoding="utf-8") as file:
                return f'"valid-lifetime": {wanted}' in file.read()

        def change_and_kill(first):
            """Two changes, of which the file has at most the first when Kea is killed."""
            for wanted in (first, first + 1):
                self._apply(pair, _write(pair, {kea.root: {"valid-lifetime": wanted}}, "part.conf"), "--merge")
            kea.kill()
            self.assertFalse(in_file(first + 1))

        change_and_kill(1501)
        head = pair.head()
        kea.restart()
        wait_until(lambda: lifetime() == 1502, 10, "the running agent brings Kea forward")
        wait_until(lambda: in_file(1502), 10, "the file has it")
        self.assertEqual(pair.head(), head)

        change_and_kill(1601)
        head = pair.head()
        pair.primary.kill()
        kea.restart()
        self.assertNotEqual(lifetime(), 1602)
        pair.primary.restart()
        wait_until(lambda: lifetime() == 1602, 15, "the agent's start brings Kea forward")
        wait_until(lambda: in_file(1602), 10, "the file has it")
        pair.settle()
        self.assertEqual(pair.head(), head)
        pair.assert_same()
        self.assertIn("KEA_BROUGHT_FORWARD", pair.primary.process.log_text())


class ApplyDhcp4(ApplyCase, SystemTest):
    service = "dhcp4"

    def test_without_the_library_it_says_that_a_reload_is_needed(self):
        pair = self._pair(hook=False)
        before = pair.kea("a").running()
        err = self._apply(pair, _file(pair, self._with_news(pair.kea("a"))), expect=65)
        self.assertIn("reload", err)
        self.assertIn("libdhcp_nestor.so", err)
        self._assert_untouched(pair, before)


class ApplyDhcp6(ApplyCase, SystemTest):
    service = "dhcp6"


if __name__ == "__main__":
    main(280)
