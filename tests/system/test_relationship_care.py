#!/usr/bin/python3
"""What becomes of a relationship over time: HA changed by hand, pools that come later, a lost secondary."""
import datetime

from harness import keaconf
from harness.case import SystemTest, main
from harness.standalone import Standalone
from harness.waiting import wait_until


def _ha_of(members):
    return next(library["parameters"]["high-availability"][0]
                for library in members["hooks-libraries"]
                if library["library"].endswith("libdhcp_ha.so"))


class CareCase:
    """The same for both services."""

    service = None

    def test_care(self):
        pair = self.own(Standalone(self.service)).start()
        pair.create("load-balancing", "--split-pools")
        pair.settle()
        self.until(pair, "OK")
        self.listed(pair)
        self.changed_by_hand(pair)
        self.pools_that_come_later(pair)
        self.secondary_lost(pair)

    # ------------------------------------------------------------------ parts of it, in order

    def listed(self, pair):
        for agent in (pair.primary, pair.secondary):
            def complete(agent=agent):
                views = agent.ctl_json("relationship", "list")["relationships"]
                return views if all(view.get(f"{role}_ha_state") == "load-balancing"
                                    for view in views for role in ("primary", "secondary")) else None
            view, = wait_until(complete, 10, lambda agent=agent: str(agent.ctl("relationship", "list")))
            self.assertEqual(
                {name: view[name] for name in ("name", "service", "primary", "secondary", "mode", "state")},
                {"name": pair.relationship(), "service": self.service, "primary": "kea-a",
                 "secondary": "kea-b", "mode": "load-balancing", "state": "NORMAL"})
            for since in ("since", "state_since"):
                age = datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.fromisoformat(view[since])
                self.assertLess(abs(age.total_seconds()), 120, view)
            shown = agent.ctl_json("relationship", "show", pair.relationship())["relationships"]
            self.assertEqual([one["name"] for one in shown], [view["name"]])

    def changed_by_hand(self, pair):
        """Somebody changes HA on one server only; an edit gives both the same again."""
        name = pair.relationship()
        for host, change in (("b", {"heartbeat-delay": 777}), ("a", {"sync-page-limit": 555})):
            with self.subTest(host=host):
                (parameter, value), = change.items()
                self.set(pair, host, lambda members, change=change: _ha_of(members).update(change))
                for agent in (pair.primary, pair.secondary):
                    self.until_reason(agent, name, parameter)
                code, out, _ = pair.primary.ctl("diff", name, as_json=False)
                self.assertEqual(code, 1, out)
                self.assertIn(f"ha-parameter {parameter}", out)
                report = pair.primary.ctl_json("diff", name, expect=(1,))
                found, = [one for one in report["different"] if one["kind"] == "ha-parameter"]
                self.assertEqual(found["key"], parameter)
                self.assertEqual(found[{"a": "primary", "b": "secondary"}[host]], value)
                pair.verb("edit", name)
                self.assertEqual(*[pair.ha_parameters(one)[parameter] for one in "ab"])
                self.until(pair, "OK")
                self.assertEqual(pair.primary.ctl("diff", name)[0], 0)
        self.assertEqual(pair.ha_parameters("b")["sync-page-limit"], 555)

    def pools_that_come_later(self, pair):
        name = pair.relationship()
        subnet, pool = {"dhcp4": ("198.51.100.0/24", "198.51.100.10 - 198.51.100.19"),
                        "dhcp6": ("2001:db8:99::/64", "2001:db8:99::10 - 2001:db8:99::19")}[self.service]
        self.set(pair, "a", lambda members: members[keaconf.subnets(self.service)].append(
            {"id": 99, "subnet": subnet, "pools": [{"pool": pool}]}))

        def warned():
            return pair.status().get("warnings")
        warning, = wait_until(warned, 15, lambda: f"a warning: {pair.status()}")
        self.assertIn(subnet, warning)
        self.assertIn(f"nestorctl relationship split-pools {name}", warning)
        self.until(pair, "OK")
        self.assertIn("WARNING", pair.primary.ctl("status", as_json=False)[1])
        pair.verb("split-pools", name)
        wait_until(lambda: not warned(), 15, lambda: f"no warning: {pair.status()}")
        pair.settle()
        self.until(pair, "OK")

    def secondary_lost(self, pair):
        name = pair.relationship()
        code, report, err = pair.verb("remove", name, "--without-secondary", expect=(65,))
        self.assertEqual((code, report["state"]), (65, "REFUSED"), err)
        pair.secondary.kill()
        pair.kea("b").kill()

        def removed():
            _, report, _ = pair.verb("remove", name, "--without-secondary", expect=(0, 65))
            return report if report["state"] == "DONE" else None
        report = wait_until(removed, 20, "it is removed without kea-b")
        self.assertEqual(report["without"], "kea-b")
        self.assertIsNone(pair.ha_parameters("a"))
        self.assertNotIn("libdhcp_ha.so", pair.file_text("a"))
        self.assertEqual(pair.primary.ctl_json("relationship", "list").get("relationships", []), [])
        # It returns, as a partner of before, and does not stay one.
        pair.kea("b").restart()
        self.assertIsNotNone(pair.ha_parameters("b"))
        pair.secondary.start()
        subnets = keaconf.subnets(self.service)

        def harmless():
            members = pair.kea("b").running()
            return pair.ha_parameters("b") is None and all(
                subnet.get("client-class") == "nestor-disabled" for subnet in members[subnets])
        wait_until(harmless, 30, lambda: f"kea-b is harmless: {pair.kea('b').running()}")
        wait_until(lambda: "libdhcp_ha.so" not in pair.file_text("b")
                   and "nestor-disabled" in pair.file_text("b"), 15, "kea-b's file says so too")
        wait_until(lambda: not pair.secondary.ctl_json("relationship", "list").get("relationships"), 15,
                   lambda: f"none on kea-b: {pair.secondary.ctl('status')}")
        self.assertIn("ENDED_ALONE", pair.secondary.process.log_text())
        pair.create("hot-standby")
        self.until(pair, "OK")

    # ------------------------------------------------------------------ shorthands

    def set(self, pair, host, mutate):
        """config-set of what runs on `host`, changed."""
        kea = pair.kea(host)
        members = kea.running()
        mutate(members)
        kea.command("config-set", {kea.root: members}, timeout_s=60)

    def until(self, pair, state):
        wait_until(lambda: pair.status()["state"] == state, 40, lambda: f"{state}: {pair.status()}")

    def until_reason(self, agent, name, words):
        def told():
            status = agent.status(name)
            return status["state"] == "IMPAIRED" and any(words in one for one in status["reasons"])
        wait_until(told, 20, lambda: f"{words} is a reason: {agent.status(name)}")


class CareV4Test(CareCase, SystemTest):
    service = "dhcp4"


class CareV6Test(CareCase, SystemTest):
    service = "dhcp6"


if __name__ == "__main__":
    main(280)
