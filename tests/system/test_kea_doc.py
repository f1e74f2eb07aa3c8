#!/usr/bin/python3
"""Every example configuration of kea-doc is mirrored to an empty secondary, and taken away again."""
import itertools

from harness import compare, examples, keaconf
from harness.case import SystemTest, main
from harness.pair import Pair


class KeaDocTest(SystemTest):

    def test_dhcpv4_examples(self):
        self._mirror_all("dhcp4")

    def test_dhcpv6_examples(self):
        self._mirror_all("dhcp6")

    def _mirror_all(self, service):
        pair = self.own(Pair(services=(service,), mirrored={service: {}}))
        pair.start_keas()
        secondary = pair.kea("b")
        own_before = compare.server_specific(secondary.running())
        pair.start_agents().adopt("--hold-percent", "100")
        names = examples.names(service)
        self.assertGreater(len(names), 20)
        for name, how in zip(names, itertools.cycle(("reload", "signal"))):
            with self.subTest(example=name):
                self._replace(pair, name, how)
                self.assertEqual(own_before, compare.server_specific(secondary.running()))
                if name != names[-1]:
                    self._empty(pair)
        # Kea's own file, written after the last change, holds the same to the byte.
        pair.wait_until_persisted()
        secondary.kill()
        secondary.restart()
        self.assertEqual(own_before, compare.server_specific(secondary.running()))
        pair.settle()
        pair.assert_same()

    def _replace(self, pair, name, how):
        kea = pair.kea("a")
        members = examples.adapted(kea.service, name, kea.folder)
        self._become(pair, members, how)
        # The example is what Kea has now: its subnets are there.
        prefixes = {s["subnet"] for s in members.get(f"subnet{kea.service[-1]}", [])}
        self.assertEqual(len(prefixes), len(self._subnets_of_secondary(pair)))

    def _empty(self, pair):
        kea = pair.kea("a")
        self._become(pair, keaconf.own_parts(kea.service, "kea-a", "a", kea.folder,
                                                  hook=pair.hook), "set")
        self.assertEqual(self._subnets_of_secondary(pair), set())

    @staticmethod
    def _become(pair, members, how):
        def replace(current):
            current.clear()
            current.update(members)
        pair.change(replace, how=how)

    @staticmethod
    def _subnets_of_secondary(pair):
        kea = pair.kea("b")
        return {s["subnet"] for s in kea.running()[f"subnet{kea.service[-1]}"]}


if __name__ == "__main__":
    main(limit_s=230)
