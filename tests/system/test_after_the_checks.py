#!/usr/bin/python3
"""What fails only after the checks have passed: a hook library, a disk, the address of the HA partner.

Each case makes one thing wrong at one moment of creating, editing or removing. Then nestorctl says what
failed and that both servers are as they were, they run and hold in their files what they did, both
agents live, and each server serves that served before.
"""
import itertools
import os

from harness import keaconf, network
from harness.case import SystemTest, main
from harness.pair import NAMES
from harness.processes import Process
from harness.rigged import Rigged
from harness.standalone import TIMERS
from harness.waiting import wait_until


VERBS = ("create", "edit", "remove")


class AfterTheChecksCase:
    """The same for both services."""

    service = None
    turn = 0  # which half of the cases is this service's

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pair = cls.own_for_class(Rigged(cls.service)).start()

    def setUp(self):
        super().setUp()
        self.addCleanup(self.pair.make_good)

    # ------------------------------------------------------------------ what is done

    def standalone(self):
        """Two Keas without HA."""
        if self.pair.ha_parameters("a"):
            self.pair.verb("remove", self.pair.relationship(), "--secondary-scopes", "keep")
        return self.pair

    def created(self):
        """A pair in HA."""
        if not self.pair.ha_parameters("a"):
            self.pair.create("hot-standby")
        self.pair.settle()
        return self.pair

    def arguments(self, verb):
        name = self.pair.relationship()
        if verb == "create":
            return ("create", name, "--service", self.service, "--mode", "hot-standby", "--secondary",
                    NAMES["b"], *TIMERS, "--yes")
        if verb == "edit":
            return ("edit", name, "--max-ack-delay", "1234", "--yes")
        return ("remove", name, "--secondary-scopes", "keep", "--yes")

    def undone(self, words, *arguments, during=lambda ctl: None, state="as they were before"):
        """nestorctl relationship fails, with `words`; all is as it was. during(nestorctl) is called
        while it works."""
        pair = self.pair
        before = pair.snapshot()
        log = f"{pair.folder}/nestorctl.log"
        if os.path.exists(log):
            os.remove(log)
        ctl = Process("nestorctl", pair.primary.ctl_argv("relationship", *arguments, as_json=False),
                      log)
        self.addCleanup(ctl.end)
        ctl.start()
        during(ctl)
        wait_until(lambda: not ctl.alive(), 60, lambda: f"nestorctl ends: {ctl.log_text()}")
        said = ctl.log_text()
        pair.make_good()
        self.assertEqual(ctl.exit_code(), 65, said)
        self.assertIn(words, said)
        self.assertIn(state, said)
        self.assertEqual(pair.snapshot(), before, said)
        for agent in pair.agents.values():
            self.assertTrue(agent.process.alive(), agent.process.name)
        pair.quiet()
        if state != "nothing was changed":
            pair.assert_served()
        return said

    def turns(self, *kinds):
        """Half of all combinations; the other service has the other half."""
        return list(itertools.product(*kinds))[self.turn::2]

    # ------------------------------------------------------------------ hook libraries

    def test_a_hook_library_that_is_not_there_any_more(self):
        """A Kea that has had it does not notice before it is started again."""
        self.created()
        for host, verb in self.turns("ba", ("edit", "create")):
            with self.subTest(verb=verb, host=host):
                pair = self.standalone() if verb == "create" else self.created()
                # Looked at, and Kea tests the configuration for the first time.
                pair.proxies[host].before("config-test", 1, lambda: self.pair.library_away(host))
                said = self.undone("libdhcp_ha.so is not there", *self.arguments(verb))
                self.assertIn(f"Kea on {NAMES[host]} would not start again without it", said)

    def test_a_hook_library_that_kea_is_the_first_to_miss(self):
        pair = self.standalone()
        pair.kea("b").stop()
        pair.kea("b").restart()
        pair.proxies["b"].before("config-test", 1, lambda: pair.library_away("b"))
        self.undone("FAILED  Kea's own test, kea-b", *self.arguments("create"),
                    state="nothing was changed")

    # ------------------------------------------------------------------ disks

    def test_the_disk_of_a_configuration_file_is_full(self):
        for host, verb in self.turns("ab", VERBS):
            with self.subTest(verb=verb, host=host):
                pair = self.standalone() if verb == "create" else self.created()
                pair.proxies[host].before("config-set", 1, pair.disks[host].fill)
                said = self.undone("No space left on device; free space there", *self.arguments(verb))
                self.assertIn(f"the configuration file of Kea on {NAMES[host]} could not be written",
                              said)

    def test_the_disk_of_an_agent_is_full(self):
        cases = (self.nothing_to_undo_by, self.no_beginning, self.no_end)
        for verb, case in self.turns(VERBS, cases):
            with self.subTest(verb=verb, case=case.__name__):
                case(self.standalone() if verb == "create" else self.created(), verb)

    def nothing_to_undo_by(self, pair, verb):
        """The secondary's agent, before it changes its Kea."""
        pair.proxies["b"].before("config-test", 2, pair.agent_disks["b"].fill)
        self.undone("secondary.db: the disk is full", *self.arguments(verb))

    def no_beginning(self, pair, verb):
        """The primary's agent, before anything is changed."""
        pair.proxies["a"].before("config-test", 1, pair.agent_disks["a"].fill)
        self.undone("the journal cannot be written", *self.arguments(verb),
                    state="nothing was changed")

    def no_end(self, pair, verb):
        """The primary's agent, when its Kea is changed; until it has tried twice to put it back."""
        pair.proxies["a"].before("config-set", 1, pair.agent_disks["a"].fill)
        sets = pair.kea("a").commands_received("config-set")

        def room_again(ctl):
            said = "putting back kea-a, which is tried again"
            wait_until(lambda: said in ctl.log_text(), 30, ctl.log_text)
            tried = pair.proxies["a"].count("config-get")
            wait_until(lambda: pair.proxies["a"].count("config-get") > tried, 10, "tried again")
            pair.agent_disks["a"].free()
        self.undone("primary.db: the disk is full", *self.arguments(verb), during=room_again)
        # Changed, and put back once: each time its HA begins anew.
        self.assertEqual(pair.kea("a").commands_received("config-set") - sets, 2)

    # ------------------------------------------------------------------ the partner's address

    def test_a_firewall_that_is_closed_after_the_check(self):
        pair = self.standalone()
        port = keaconf.HA_PORT[self.service]

        def closed():
            pair.network.close_port("b", port)
        pair.proxies["a"].before("config-test", 1, closed)
        said = self.undone("HA did not come to hot-standby within 5s", *self.arguments("create"),
                           "--timeout", "5")
        self.assertIn("kea-a is ", said)

    def test_an_edit_to_an_address_that_is_wrong(self):
        pair = self.created()
        port = keaconf.HA_PORT[self.service]
        for option, url, words in (
                ("--secondary-url", f"http://10.77.0.99:{port}/", "is not an address of this host"),
                ("--secondary-url", f"http://127.0.0.1:{port}/", "is not reached from kea-a"),
                ("--primary-url", f"http://127.0.0.1:{port}/", "is not reached from kea-b")):
            with self.subTest(option=option, url=url):
                self.undone(words, "edit", pair.relationship(), option, url, "--yes",
                            state="nothing was changed")

    def test_an_edit_to_an_address_behind_a_firewall_that_is_closed_after_the_check(self):
        pair = self.created()
        pair.proxies["a"].before("config-test", 1, lambda: pair.network.close_port("b", 8999))
        self.undone("HA did not come to hot-standby within 5s", "edit", pair.relationship(),
                    "--secondary-url", f"http://{network.LINK['b']}:8999/", "--timeout", "5", "--yes")


class AfterTheChecksV4Test(AfterTheChecksCase, SystemTest):
    service = "dhcp4"


class AfterTheChecksV6Test(AfterTheChecksCase, SystemTest):
    service = "dhcp6"
    turn = 1


if __name__ == "__main__":
    main(280)
