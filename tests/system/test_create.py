#!/usr/bin/python3
"""Two standalone Keas become a failover pair by one command, and are two standalone Keas again."""
import time

from harness import keaconf, perfdhcp
from harness.case import SystemTest, main
from harness.pair import RELATIONSHIP
from harness.processes import Process
from harness.standalone import HEARTBEAT_MS, TIMERS, Standalone
from harness.waiting import wait_until


class CreateCase:
    """The same for both services."""

    service = None

    def standalone(self, **options):
        return self.own(Standalone(self.service, **options)).start()

    def check_pair(self, pair, mode):
        self.assertEqual(pair.states(), [mode, mode])
        pair.settle()
        pair.assert_same()
        for host, name in (("a", "kea-a"), ("b", "kea-b")):
            self.assertEqual(pair.ha_parameters(host)["this-server-name"], name)
        wait_until(lambda: pair.status()["state"] == "OK", 15, lambda: f"OK: {pair.status()}")

    def check_serves(self, pair):
        """Leases reach both servers, and a client is served when either is dead."""
        served = perfdhcp.leases(pair.network, self.service, count=20)
        self.assertEqual(served.lost, 0, served.text)

        def replicated():
            on = [pair.lease_addresses(host) for host in "ab"]
            return len(on[0]) >= 20 and on[0] == on[1]
        wait_until(replicated, 10, lambda: f"leases on both: "
                   f"{[len(pair.lease_addresses(host)) for host in 'ab']}")
        for dead, alive in (("a", "b"), ("b", "a")):
            pair.kea(dead).kill()

            def taken_over(alive=alive):
                perfdhcp.leases(pair.network, self.service, count=5)
                return pair.kea(alive).ha_state() == "partner-down"
            wait_until(taken_over, 40, lambda alive=alive: f"kea-{alive} takes over: {pair.kea(alive).ha_state()}")
            served = perfdhcp.leases(pair.network, self.service, count=10)
            self.assertEqual(served.lost, 0, f"kea-{dead} dead: {served.text}")
            pair.kea(dead).restart()
            mode = pair.ha_parameters("a")["mode"]
            wait_until(lambda mode=mode: pair.states() == [mode, mode], 40,
                       lambda: f"normal again: {pair.states()}")

    def create_in_time(self, pair, mode, *options):
        """From when nestorctl says that the first Kea is being changed, one heartbeat-delay and 5 s are
        enough for both Keas to say that they are in `mode`. nestorctl says that it is done then."""
        ctl = Process("nestorctl", pair.primary.ctl_argv(
            "relationship", "create", pair.relationship(), "--service", self.service, "--mode", mode,
            "--secondary", "kea-b", *TIMERS, *options, "--yes", as_json=False),
            f"{pair.folder}/nestorctl.log")
        self.addCleanup(ctl.end)
        ctl.start()
        wait_until(lambda: "changing kea-b" in ctl.log_text(), 30, ctl.log_text, poll_s=0.01)
        began = time.monotonic()
        wait_until(lambda: pair.states() == [mode, mode], HEARTBEAT_MS / 1000 + 5,
                   lambda: f"both are in {mode}: {pair.states()}")
        print(f"  both in {mode} after {time.monotonic() - began:.1f} s", flush=True)
        wait_until(lambda: not ctl.alive(), 30, lambda: f"nestorctl ends: {ctl.log_text()}")
        self.assertEqual(ctl.exit_code(), 0, ctl.log_text())
        self.assertIn("Done: both servers have it", ctl.log_text())

    def test_create_hot_standby(self):
        pair = self.standalone()
        self.create_in_time(pair, "hot-standby")
        self.check_pair(pair, "hot-standby")
        self.check_serves(pair)

    def test_create_load_balancing_with_pools_split(self):
        pair = self.standalone()
        pools = pair.kea("a").running()[keaconf.subnets(self.service)][0]["pools"]
        self.create_in_time(pair, "load-balancing", "--split-pools")
        self.check_pair(pair, "load-balancing")
        split = pair.kea("b").running()[keaconf.subnets(self.service)][0]["pools"]
        self.assertEqual([pool["client-class"] for pool in split], ["HA_kea-a", "HA_kea-b"])
        self.check_serves(pair)
        pair.verb("remove", pair.relationship(), "--secondary-scopes", "keep")
        for host in "ab":
            self.assertEqual(pair.kea(host).running()[keaconf.subnets(self.service)][0]["pools"], pools)

    def test_files_that_were_written_load_in_a_new_kea(self):
        pair = self.standalone()
        pair.create("hot-standby")
        for host in "ab":
            running = pair.kea(host).running()
            pair.kea(host).stop()
            pair.kea(host).restart()
            self.assertEqual(pair.kea(host).running(), running)
        wait_until(lambda: pair.states() == ["hot-standby"] * 2, 30, lambda: str(pair.states()))
        pair.settle()
        pair.assert_same()

    def test_a_dry_run_shows_all_and_changes_nothing(self):
        pair = self.standalone()
        before = pair.snapshot()
        _, report, _ = pair.create("hot-standby", "--dry-run", "--diff")
        self.assertEqual(report["state"], "CHECKED")
        self.assertEqual({check["verdict"] for check in report["checks"]} - {"PASSED", "WARNED"}, set())
        self.assertEqual([site["server"] for site in report["sites"]], ["kea-a", "kea-b"])
        for site in report["sites"]:
            ha = site["tested"]["ha"]["high-availability"][0]
            self.assertEqual((ha["mode"], ha["heartbeat-delay"]), ("hot-standby", HEARTBEAT_MS))
            self.assertEqual(ha["this-server-name"], site["server"])
        replaced = report["sites"][1]["tested"]
        self.assertGreater(replaced["removed"], 0)
        self.assertIn(("subnet", "77"), [(one["kind"], one["key"]) for one in replaced["changes"]])
        self.assertEqual(pair.snapshot(), before)
        self.assertEqual(pair.states(), ["", ""])

    def test_a_script_without_yes_is_refused(self):
        pair = self.standalone()
        before = pair.snapshot()
        code, out, err = pair.primary.ctl(
            "relationship", "create", RELATIONSHIP[self.service], "--service", self.service, "--mode",
            "hot-standby", "--secondary", "kea-b")
        self.assertEqual((code, out), (64, ""), err)
        self.assertIn("--yes", err)
        self.assertEqual(pair.snapshot(), before)

    def test_remove_with_each_choice_then_create_again(self):
        pair = self.standalone()
        name = pair.relationship()
        for choice in ("keep", "disable", "delete"):
            with self.subTest(choice=choice):
                pair.create("hot-standby")
                pair.settle()
                mirrored = pair.mirrored("a")
                _, report, _ = pair.verb("remove", name, "--secondary-scopes", choice)
                self.assertEqual(report["state"], "DONE")
                self.assertEqual(pair.states(), ["", ""])
                self.assertEqual(pair.mirrored("a"), mirrored)
                self.assertIsNone(pair.status())
                self.check_scopes(pair, choice, mirrored)
                for host in "ab":
                    self.assertIsNone(pair.ha_parameters(host))
                    self.assertEqual(pair.kea(host).test({pair.kea(host).root: pair.file_config(host)}),
                                     None)
        pair.create("hot-standby")
        self.check_pair(pair, "hot-standby")

    def check_scopes(self, pair, choice, mirrored):
        subnets = keaconf.subnets(self.service)
        if choice == "keep":
            self.assertEqual(pair.mirrored("b"), mirrored)
        elif choice == "delete":
            self.assertEqual(pair.kea("b").running()[subnets], [])
        else:
            pair.network.client_side("a", False)
            leases = pair.lease_addresses("b")
            perfdhcp.leases(pair.network, self.service, count=5)
            self.assertEqual(pair.lease_addresses("b"), leases)
            code, _, err = pair.secondary.ctl("scopes", "enable", "--service", self.service)
            self.assertEqual(code, 0, err)
            self.assertEqual(pair.mirrored("b"), mirrored)
            self.assertEqual(perfdhcp.leases(pair.network, self.service, count=5).lost, 0)
            self.assertGreater(len(pair.lease_addresses("b")), len(leases))
            pair.network.client_side("a", True)


class CreateV4Test(CreateCase, SystemTest):
    service = "dhcp4"


class CreateV6Test(CreateCase, SystemTest):
    service = "dhcp6"


class BothServicesTest(SystemTest):

    def test_both_services_side_by_side_and_a_second_of_one_is_refused(self):
        pair = self.own(Standalone(services=("dhcp4", "dhcp6"))).start()
        for service, mode in (("dhcp4", "hot-standby"), ("dhcp6", "load-balancing")):
            pair.create(mode, service=service)
        for service, mode in (("dhcp4", "hot-standby"), ("dhcp6", "load-balancing")):
            self.assertEqual(pair.states(service), [mode, mode])
            pair.settle(service)
            pair.assert_same(service)
        before = pair.snapshot("dhcp4")
        code, _, err = pair.primary.ctl("relationship", "create", "another", "--service", "dhcp4",
                                        "--mode", "hot-standby", "--secondary", "kea-b", "--yes")
        self.assertEqual(code, 65, err)
        self.assertIn("east4", err)
        self.assertEqual(pair.snapshot("dhcp4"), before)


if __name__ == "__main__":
    main(560)
