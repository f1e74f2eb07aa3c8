#!/usr/bin/python3
"""A relationship is edited in place, taken over from whoever set its HA up, and worked on by hand."""
from harness import keaconf, perfdhcp
from harness.case import SystemTest, main
from harness.pair import NAMES
from harness.standalone import Standalone
from harness.waiting import wait_until


class EditCase:
    """The same for both services."""

    service = None

    def created(self, mode, *options, **pair_options):
        pair = self.own(Standalone(self.service, **pair_options)).start()
        pair.create(mode, *options)
        pair.settle()
        return pair

    def normal(self, pair, mode):
        wait_until(lambda: pair.states() == [mode, mode], 30, lambda: f"{mode}: {pair.states()}")

    def test_mode_and_timers_there_and_back(self):
        pair = self.created("hot-standby")
        name = pair.relationship()
        mirrored = pair.mirrored("a")
        pair.verb("edit", name, "--mode", "load-balancing", "--split-pools")
        self.normal(pair, "load-balancing")
        pair.settle()
        pair.assert_same()
        split = pair.kea("b").running()[keaconf.subnets(self.service)][0]["pools"]
        self.assertEqual([pool["client-class"] for pool in split], ["HA_kea-a", "HA_kea-b"])
        self.assertEqual(perfdhcp.leases(pair.network, self.service, count=20).lost, 0)
        # Back, and the pools are what they were.
        pair.verb("edit", name, "--mode", "hot-standby")
        self.normal(pair, "hot-standby")
        pair.settle()
        self.assertEqual([pair.mirrored(host) for host in "ab"], [mirrored, mirrored])
        for option, parameter, value in (("--heartbeat-delay", "heartbeat-delay", 700),
                                         ("--max-response-delay", "max-response-delay", 4100),
                                         ("--max-ack-delay", "max-ack-delay", 1200),
                                         ("--max-unacked-clients", "max-unacked-clients", 3)):
            with self.subTest(option=option):
                others = {host: pair.ha_parameters(host) for host in "ab"}
                pair.verb("edit", name, option, str(value))
                for host in "ab":
                    self.assertEqual(pair.ha_parameters(host), {**others[host], parameter: value})
                    self.assertEqual(pair.states(), ["hot-standby", "hot-standby"])
        wait_until(lambda: pair.status()["state"] == "OK", 15, lambda: f"OK: {pair.status()}")
        for host in "ab":
            pair.kea(host).stop()
            pair.kea(host).restart()
            self.assertEqual(pair.ha_parameters(host)["max-unacked-clients"], 3)

    def test_what_is_edited_is_shown(self):
        pair = self.created("hot-standby")
        name = pair.relationship()
        pair.verb("edit", name, "--hold-percent", "33", "--observe")
        view = pair.primary.ctl_json("relationship", "show", name)["relationships"][0]
        self.assertEqual((view["hold_percent"], view["observe"]), (33, True))
        self.assertEqual(view["ha"]["primary_url"], keaconf.ha_url(self.service, "a"))
        pair.verb("edit", name, "--mirror")
        pair.change(lambda members: members.update({"valid-lifetime": 777}))

    def test_a_refused_edit_changes_nothing(self):
        pair = self.created("hot-standby")
        before = pair.snapshot()
        for options, words in (
                (("--primary-url", "http://127.0.0.1.example.org:8000/"), "address"),
                (("--mode", "load-balancing", "--secondary-url", keaconf.ha_url(self.service, "a")),
                 "both servers would have")):
            with self.subTest(options=options):
                code, report, err = pair.verb("edit", pair.relationship(), *options, expect=(64, 65))
                self.assertIn(words, err + str(report))
        self.assertEqual(pair.snapshot(), before)

    def test_ha_that_somebody_set_up_is_found_adopted_and_edited(self):
        pair = self.own(Standalone(self.service, with_ha="hot-standby"))
        pair.start_keas().start_agents().introduced()
        found = pair.primary.ctl_json("relationship", "list")["relationships"]
        self.assertEqual([(one["state"], one["service"], one["mode"], one["primary"], one["secondary"])
                          for one in found],
                         [("DETECTED", self.service, "hot-standby", "kea-a", "kea-b")])
        pair.primary.ctl_json("relationship", "adopt", pair.relationship())
        pair.settle()
        pair.assert_same()
        listed = pair.primary.ctl_json("relationship", "list")["relationships"]
        self.assertEqual([one["name"] for one in listed], [pair.relationship()])
        pages = pair.ha_parameters("a")["sync-page-limit"]
        pair.verb("edit", pair.relationship(), "--heartbeat-delay", "800")
        for host in "ab":
            its = pair.ha_parameters(host)
            self.assertEqual((its["heartbeat-delay"], its["sync-page-limit"]), (800, pages))
        self.normal(pair, "hot-standby")

    def test_by_hand(self):
        pair = self.created("hot-standby")
        name = pair.relationship()

        def ha(*arguments, expect=0):
            code, out, err = pair.primary.ctl("ha", name, *arguments, "--yes")
            self.assertEqual(code, expect, out + err)
            return out + err
        ha("maintenance-start", NAMES["b"])
        wait_until(lambda: pair.states() == ["partner-in-maintenance", "in-maintenance"], 15,
                   lambda: f"maintenance: {pair.states()}")
        ha("maintenance-cancel", NAMES["b"])
        self.normal(pair, "hot-standby")
        ha("sync", NAMES["b"])
        ha("reset", NAMES["b"])
        self.normal(pair, "hot-standby")
        self.assertIn("none of its servers", ha("reset", "kea-c", expect=64))
        code, out, err = pair.primary.ctl("ha", name, "reset", NAMES["b"], as_json=False)
        self.assertEqual(code, 64)
        self.assertIn("answers no client until", out)

    def test_servers(self):
        pair = self.own(Standalone(self.service)).start()
        servers = {one["server"]: one for one in pair.primary.ctl_json("servers")["servers"]}
        self.assertEqual(set(servers), {"kea-a", "kea-b"})
        for server in servers.values():
            self.assertEqual([(kea["service"], kea["version"]) for kea in server["keas"]],
                             [(self.service, "2.2.0")])


class EditV4Test(EditCase, SystemTest):
    service = "dhcp4"


class EditV6Test(EditCase, SystemTest):
    service = "dhcp6"


if __name__ == "__main__":
    main(560)
