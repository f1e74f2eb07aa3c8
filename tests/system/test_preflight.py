#!/usr/bin/python3
"""What stands in the way of creating a relationship is said before anything is changed on either server.

One pair of standalone Keas for all of it. Each case makes one thing wrong, sees what `relationship
create` says of it, and that both servers run and hold in their files what they did; then it is made
good again. Agents reach their Keas through a proxy, which also stands in for what this machine does
not have: Keas of other versions, and database servers.
"""
import copy
import os
import shutil
import socket

from harness import keaconf, network, requirements
from harness.case import SystemTest, main
from harness.network import inside
from harness.pair import NAMES
from harness.processes import Process, run
from harness.rigged import Rigged
from harness.standalone import TIMERS
from harness.waiting import wait_until


class PreflightCase:
    """The same for both services."""

    service = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        pair = cls.pair = cls.own_for_class(Rigged(cls.service))
        cls.proxies, cls.disks, cls.hooks = pair.proxies, pair.disks, pair.hooks
        for host in "ab":
            # Each case names the addresses.
            del pair.agents[host].config["services"][cls.service]["ha-url"]
        pair.agents["b"].config["services"][cls.service]["configuration-file"] = pair.kea("b").file
        pair.start()

    # ------------------------------------------------------------------ what is asked, and said

    def create(self, *options, a=None, b=None, mode="hot-standby", secondary=NAMES["b"], service=None):
        """(exit code, report, what people are told) of create. a, b: the HA addresses; "": none."""
        urls = {"--primary-url": keaconf.ha_url(self.service, "a") if a is None else a,
                "--secondary-url": keaconf.ha_url(self.service, "b") if b is None else b}
        named = [word for option, url in urls.items() if url for word in (option, url)]
        code, report, err = self.pair.verb(
            "create", "east", "--service", service or self.service, "--mode", mode, "--secondary",
            secondary, *TIMERS, *named, *options, expect=range(256))
        return code, report, err

    @staticmethod
    def found(report, verdict):
        return {(check["what"], check.get("server", "")): check["text"]
                for check in report.get("checks", []) if check["verdict"] == verdict}

    def look(self):
        """What both run and what both files hold; of a Kea that is away only the file."""
        return {host: (kea.running() if (kea := self.pair.kea(host)).answers() else None,
                       self.pair.file_text(host) if os.path.exists(kea.file) else None)
                for host in "ab"}

    def refused(self, checks, *options, **how):
        """create is refused for `checks`, {(check, server): words}, and for no others."""
        before = self.look()
        code, report, err = self.create(*options, **how)
        self.assertEqual(self.look(), before)
        failed = self.found(report, "FAILED")
        self.assertEqual(set(failed), set(checks), err)
        for check, words in checks.items():
            self.assertIn(words, failed[check])
        self.assertEqual((code, report["state"]), (65, "REFUSED"), err)
        self.assertIn("nothing was changed", err)
        self.nothing_is_left()

    def warned(self, checks, *options, **how):
        """A dry run passes, warning of `checks` among others."""
        before = self.look()
        code, report, err = self.create("--dry-run", *options, **how)
        self.assertEqual(self.look(), before)
        self.assertEqual(self.found(report, "FAILED"), {}, err)
        warned = self.found(report, "WARNED")
        for check, words in checks.items():
            self.assertIn(check, warned)
            self.assertIn(words, warned[check])
        self.assertEqual((code, report["state"]), (0, "CHECKED"), err)
        self.nothing_is_left()

    def usage(self, words, *options, code=64, **how):
        """What was asked for is refused as it stands."""
        before = self.look()
        its_code, _, err = self.create(*options, **how)
        self.assertEqual(self.look(), before)
        self.assertEqual(its_code, code, err)
        self.assertIn(words, err)

    def nothing_is_left(self):
        for agent in self.pair.agents.values():
            listed = agent.ctl_json("relationship", "list").get("relationships", [])
            self.assertNotIn("east", [one["name"] for one in listed])

    def alter(self, host, command, change):
        self.proxies[host].alter(command, change)
        self.addCleanup(self.proxies[host].behave)

    def set_on(self, host, mutate):
        """Another configuration runs on `host` for this test; its file stays."""
        kea = self.pair.kea(host)
        before = kea.running()
        changed = copy.deepcopy(before)
        mutate(changed)
        kea.command("config-set", {kea.root: changed})
        self.addCleanup(kea.command, "config-set", {kea.root: before})

    def restart_agent(self, host):
        self.pair.agents[host].stop()
        self.pair.agents[host].start()
        self.pair.introduced()

    # ------------------------------------------------------------------ both are there

    def test_agents_and_keas_that_do_not_answer(self):
        self.pair.secondary.kill()
        before = self.look()
        code, report, err = self.create()
        self.assertEqual(self.look(), before)
        self.pair.secondary.start()
        self.pair.introduced()
        self.assertEqual((code, set(self.found(report, "FAILED"))), (65, {("agent", NAMES["b"])}), err)
        self.assertIn("its agent does not answer", self.found(report, "FAILED")["agent", NAMES["b"]])
        for host in "ab":
            with self.subTest(host=host):
                self.pair.kea(host).kill()
                self.refused({("Kea", NAMES[host]): "Kea does not answer its agent"})
                self.pair.kea(host).restart()

    def test_who_is_whose_secondary(self):
        self.usage("--secondary names the other server", secondary=NAMES["a"])
        code, _, err = self.pair.secondary.ctl(
            "relationship", "create", "east", "--service", self.service, "--mode", "hot-standby",
            "--secondary", NAMES["a"], "--yes")
        self.assertEqual(code, 65, err)
        self.assertIn("primary", err)
        other = "dhcp6" if self.service == "dhcp4" else "dhcp4"
        self.usage(f"kea-a has no service {other} in its configuration", service=other, code=65)

    def test_versions(self):
        def is_version(text):
            return lambda answer: answer.update({"text": text})
        self.alter("b", "version-get", is_version("2.0.3"))
        self.refused({("versions", ""): "Kea 2.2.0 and 2.0.3: Nestor needs 2.2 or newer"})
        self.alter("b", "version-get", is_version("2.2.1"))
        self.warned({("versions", ""): "Kea 2.2.0 and 2.2.1 work as a pair"})

    def test_clocks(self):
        agent = self.pair.secondary
        environment = dict(agent.process.env)

        def right_again():
            agent.process.env = environment
            self.restart_agent("b")
        self.addCleanup(right_again)
        words = "s apart: HA warns at 30 s"
        for ahead, check in ((-40, self.refused), (15, self.warned)):
            with self.subTest(ahead=ahead):
                agent.process.env = {**environment, "LD_PRELOAD": requirements.fake_time(),
                                     "FAKETIME": f"{ahead:+}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
                self.restart_agent("b")
                check({("clocks", ""): words})

    # ------------------------------------------------------------------ what HA needs

    def test_hook_libraries(self):
        for host, library in (("a", "libdhcp_ha.so"), ("b", "libdhcp_lease_cmds.so")):
            with self.subTest(library=library):
                path = self.pair.library_away(host, library)
                self.refused({("HA libraries", NAMES[host]): f"{path} is not there; install"})
                self.pair.library_back(host, library)

    def test_what_kea_itself_refuses(self):
        """A subnet of the primary's is on an interface that the secondary does not have."""
        only = ("ip", "-n", self.pair.network["a"], "link")
        run([*only, "add", "only-a", "type", "bridge"])
        self.addCleanup(run, [*only, "del", "only-a"])
        kind = keaconf.subnets(self.service)
        subnet = {"id": 9, "subnet": {"subnet4": "192.0.2.0/24", "subnet6": "2001:db8:9::/64"}[kind],
                  "interface": "only-a"}
        self.set_on("a", lambda config: config[kind].append(subnet))
        self.refused({("Kea's own test", NAMES["b"]): "Kea on kea-b would refuse it: "})

    def test_addresses(self):
        port = keaconf.HA_PORT[self.service]
        of_b = keaconf.ha_url(self.service, "b")
        for how, checks in (
                ({"b": ""}, {("HA address", NAMES["b"]): "none is given"}),
                ({"a": of_b}, {("HA address", ""): f"both servers would have {of_b}"}),
                ({"b": f"http://10.77.0.99:{port}/"},
                 {("HA address", NAMES["b"]): f"10.77.0.99:{port} is not an address of this host"}),
                ({"b": f"http://127.0.0.1:{port}/"},
                 {("HA address", NAMES["b"]): "is not reached from kea-a"}),
                ({"a": f"http://127.0.0.1:{port}/"},
                 {("HA address", NAMES["a"]): "is not reached from kea-b"})):
            with self.subTest(how=how):
                self.refused(checks, **how)
        self.usage("its host is not an address", b=f"http://kea-b.example.org:{port}/")

    def test_an_address_where_somebody_listens(self):
        def listens():
            try:
                with inside(self.pair.network["b"]):
                    return socket.create_server((network.LINK["b"], keaconf.HA_PORT[self.service]))
            except OSError:
                return None
        # After another case the agent may have listened there a moment ago.
        with wait_until(listens, 15, "the address is free"):
            self.refused({("HA address", NAMES["b"]): "is in use by another program on this host"})

    def test_an_address_behind_a_firewall(self):
        for host, other in ("ab", "ba"):
            with self.subTest(host=host):
                self.pair.network.close_port(host, keaconf.HA_PORT[self.service])
                self.refused({("HA address", NAMES[host]): f"is not reached from kea-{other}"})
                self.pair.network.heal()

    def test_ha_that_is_there_already(self):
        parts = keaconf.own_parts(self.service, NAMES["b"], "b", self.pair.host_folder("b"),
                                  "load-balancing")

        def with_ha(config):
            config["hooks-libraries"] += parts["hooks-libraries"]
            config["multi-threading"] = parts["multi-threading"]
        self.set_on("b", with_ha)
        # Its Kea listens where HA's address is to be, but that is looked at only when HA is not there.
        self.refused({("no HA yet", NAMES["b"]): "it is in HA with kea-a already (load-balancing, as kea-b)"})

    def test_multi_threading_that_will_be_turned_on(self):
        self.warned({("multi-threading", NAMES[host]): "it is off and will be turned on"
                     for host in "ab"})

    def test_pools_that_both_would_serve(self):
        self.warned({("pools", ""): "--split-pools splits them"}, mode="load-balancing")

    def test_what_is_replaced(self):
        self.warned({("Kea's own test", NAMES["b"]):
                     "of what it has now 1 objects are replaced and 1 removed"})

    # ------------------------------------------------------------------ other relationships

    def test_the_primary_is_another_ones(self):
        self.pair.primary.ctl_json("relationship", "adopt", "west", "--service", self.service,
                                   "--secondary", "kea-c")
        self.refused({("relationships", NAMES["a"]): "it is the primary of west already"})
        self.pair.primary.ctl_json("relationship", "remove", "west", "--yes")

    def test_the_secondary_is_another_ones(self):
        pair = self.pair
        pair.primary.ctl_json("relationship", "adopt", "west", "--service", self.service,
                              "--secondary", NAMES["b"], "--observe")

        def known():
            return "west" in pair.secondary.ctl("relationship", "list")[1]
        wait_until(known, 10, "kea-b knows of west")
        with AnotherState(pair):
            self.refused({("relationships", NAMES["b"]): "it is the secondary of west already"})
        pair.primary.ctl_json("relationship", "remove", "west", "--yes")
        wait_until(lambda: not known(), 10, "kea-b knows that west has ended")

    def test_a_change_that_is_not_ended(self):
        """The primary's agent dies in the middle of a creation, and comes back remembering nothing."""
        pair = self.pair
        before = pair.snapshot()
        self.addCleanup(wait_until, lambda: pair.snapshot() == before, 30, "both are as they were")
        ctl = Process("nestorctl", pair.primary.ctl_argv(
            "relationship", "create", "north", "--service", self.service, "--mode", "hot-standby",
            "--secondary", NAMES["b"], "--primary-url", keaconf.ha_url(self.service, "a"),
            "--secondary-url", keaconf.ha_url(self.service, "b"), "--yes", as_json=False),
            f"{pair.folder}/nestorctl.log")
        self.addCleanup(ctl.end)
        self.proxies["b"].before("config-set", 1, pair.primary.kill)
        ctl.start()
        wait_until(lambda: pair.ha_parameters("b"), 15, "kea-b is being changed")
        self.proxies["b"].behave()
        with AnotherState(pair):
            self.refused({("other changes", NAMES["b"]): "a change of north (change "})
        wait_until(lambda: pair.snapshot() == before, 30, "both are as they were")
        wait_until(lambda: not pair.unfinished() and "being" not in pair.primary.ctl("status")[1], 15,
                   lambda: f"it is ended: {pair.primary.ctl('status')}")
        self.refused({("HA address", NAMES["b"]): "none is given"}, b="")

    # ------------------------------------------------------------------ configurations

    def test_a_config_backend(self):
        def with_backend(answer):
            root = answer["arguments"][self.pair.kea("a").root]
            root["config-control"] = {"config-databases": [{"type": "mysql", "name": "kea"}]}
        self.alter("a", "config-get", with_backend)
        self.refused({("Config Backend", NAMES["a"]): "a Config Backend (mysql database"})

    def test_a_subnet_without_an_id(self):
        def without_id(answer):
            del answer["arguments"][self.pair.kea("a").root][keaconf.subnets(self.service)][0]["id"]
        self.alter("a", "config-get", without_id)
        self.refused({("configuration", NAMES["a"]): "id"})

    def test_lease_databases(self):
        def in_mysql(answer):
            next(iter(answer["arguments"].values()))["lease-database"] = {
                "type": "mysql", "name": "kea", "host": "192.0.2.9"}
        for host in "ab":
            self.alter(host, "config-get", in_mysql)
        self.refused({("leases", ""): "both have the lease database mysql kea at 192.0.2.9"})

    def test_leases_that_are_not_kept(self):
        self.set_on("b", lambda config: config["lease-database"].update({"persist": False}))
        self.warned({("leases", NAMES["b"]): 'its leases are not kept on disk ("persist": false)'})

    # ------------------------------------------------------------------ files

    def test_files_that_nobody_can_write(self):
        path = self.pair.kea("a").file
        disk = self.disks["a"]
        disk.fill(leave_kib=512)
        self.refused({("configuration file", NAMES["a"]): f"{path} cannot be written: No space left"})
        disk.free()
        disk.read_only(True)
        self.refused({("configuration file", NAMES["a"]): f"{path} cannot be written: Read-only"})
        disk.read_only(False)
        path = self.pair.kea("b").file
        os.rename(path, path + ".away")
        self.refused({("configuration file", NAMES["b"]): f"{path} cannot be written: No such file"})
        os.rename(path + ".away", path)

    def test_a_file_that_the_agent_does_not_see(self):
        kea = self.pair.kea("a")
        argv = kea.process.argv
        kea.stop()
        kea.process.argv = ["env", "-C", os.path.dirname(kea.file), f"kea-{self.service}", "-c",
                            os.path.basename(kea.file)]
        kea.restart()
        self.warned({("configuration file", NAMES["a"]):
                     "the agent does not see the file that Kea was started with"})
        kea.stop()
        kea.process.argv = argv
        kea.restart()


class AnotherState:
    """Within, the primary's agent has a state directory that is new."""

    def __init__(self, pair):
        self._pair = pair
        self._state = pair.primary.config["state-directory"]
        self._other = f"{pair.folder}/another-state"

    def _restart_with(self, state):
        self._pair.primary.stop()
        self._pair.primary.config["state-directory"] = state
        self._pair.primary.start()
        self._pair.introduced()

    def __enter__(self):
        os.mkdir(self._other, 0o700)
        self._restart_with(self._other)

    def __exit__(self, *_):
        self._restart_with(self._state)
        shutil.rmtree(self._other)


class PreflightV4Test(PreflightCase, SystemTest):
    service = "dhcp4"


class PreflightV6Test(PreflightCase, SystemTest):
    service = "dhcp6"

    def test_server_ids(self):
        same = self.pair.kea("a").running()["server-id"]
        self.set_on("b", lambda config: config.update({"server-id": same}))
        self.refused({("server-ids", ""): "both servers have the same"})


if __name__ == "__main__":
    main(280)
