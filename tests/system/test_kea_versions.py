#!/usr/bin/python3
"""Pairs of other versions of Kea, and of two versions: created, mirrored, edited, removed, created again.

Not among the tests of the gate: NESTOR_KEAS names the folders that tests/system/unpack-kea made, separated by colons;
`tests/run versions` does both. NESTOR_PAIRS (2.6-3.0,3.0-2.6) runs these pairs and nothing else, the primary's version first.
"""
import copy
import os
import sys

from harness import across_versions, keaconf, perfdhcp, unpacked
from harness.case import SystemTest, main
from harness.standalone import Standalone
from harness.waiting import wait_until

INSTALLED = "2.2"
SERVICES = ("dhcp4", "dhcp6")


class VersionPair(Standalone):
    """Both services, without Nestor's hook library: that is built for the installed Kea."""

    def __init__(self, roots, versions, **options):
        self.versions = versions
        super().__init__(services=SERVICES, hook=False,
                         roots={host: roots.get(version) for host, version in zip("ab", versions)},
                         mirrored={service: self.first(service) for service in SERVICES}, **options)

    @staticmethod
    def first(service):
        content = keaconf.serving(service)
        if service == "dhcp6":
            # Kea 2.2 has a default of its own, newer ones have none.
            content["preferred-lifetime"] = 400
        return content

    def assert_same(self, service=None):
        found = across_versions.compare_keas(self.kea("a", service), self.kea("b", service))
        assert not found, f"{self.versions}: the servers differ (primary | secondary):\n" + "\n".join(found)

    def change_running(self, mutate, service):
        """mutate(members) of what the primary runs, set there; then equality."""
        kea = self.kea("a", service)
        head = self.head(service)
        running = kea.running()
        running.pop("hash", None)
        mutate(running)
        kea.command("config-set", {kea.root: running}, timeout_s=60)
        self.settle(service, above=head, deadline_s=40)
        self.assert_same(service)


def changes(service):
    """A change of each kind of object, by name."""
    v4 = service == "dhcp4"
    subnets = keaconf.subnets(service)
    def prefix(n):
        return f"172.20.{n}.0/24" if v4 else f"2001:db8:20:{n}::/64"
    def pool(n):
        return {"pool": f"172.20.{n}.10 - 172.20.{n}.99" if v4 else f"2001:db8:20:{n}::10 - 2001:db8:20:{n}::99",
                "client-class": "phones", "require-client-classes": ["extra"]}
    option = {"code": 6, "data": "192.0.2.53"} if v4 else {"code": 23, "data": "2001:db8::53"}
    who = {"hw-address": "1a:1b:1c:1d:1e:1f"} if v4 else {"duid": "01:02:03:04:05"}
    where = {"ip-address": "172.20.1.5"} if v4 else {"ip-addresses": ["2001:db8:20:1::5"]}
    def into(name, *objects):
        return lambda members: members.setdefault(name, []).extend(objects)
    def reserve(members):
        subnet = next(one for one in members[subnets] if one["id"] == 101)
        subnet["reservations"] = [{**who, **where, "client-classes": ["phones"], "option-data": [option]}]
    return {
        "a global": lambda members: members.update({"valid-lifetime": 777}),
        "a definition of an option": into("option-def", {
            "name": "foo", "code": 222 if v4 else 2222, "type": "string", "space": service}),
        "an option": into("option-data", option),
        "classes": into("client-classes", {"name": "phones", "test": "not member('ALL')"},
                        {"name": "extra", "test": "member('ALL')", "only-if-required": True}),
        "a subnet": into(subnets, {"id": 101, "subnet": prefix(1), "pools": [pool(1)],
                                   "client-class": "phones", "option-data": [option]}),
        "a shared network": into("shared-networks", {
            "name": "floor", "client-class": "phones",
            subnets: [{"id": 102, "subnet": prefix(2), "pools": [pool(2)]}]}),
        "a reservation": reserve,
        "removals": lambda members: members.update({
            "shared-networks": [], subnets: [one for one in members[subnets] if one["id"] == 1]})}


class KeaVersionsTest(SystemTest):

    def settled(self, pair, service, mode):
        wait_until(lambda: pair.states(service) == [mode, mode], 60,
                   lambda: f"{mode}: {pair.states(service)}")
        pair.settle(service)
        pair.assert_same(service)
        wait_until(lambda: pair.status(service)["state"] == "OK", 20, lambda: f"OK: {pair.status(service)}")
        # A newer one beside Kea 2.2 is disabled by it for sync-timeout, 60 s.
        wait_until(lambda: perfdhcp.leases(pair.network, service, count=10).lost == 0,
                   90 if pair.versions[0] != pair.versions[1] and INSTALLED in pair.versions else 20,
                   "clients are served")

    def life_of_a_relationship(self, pair, service):
        name = pair.relationship(service)
        pair.create("hot-standby", service=service)
        self.settled(pair, service, "hot-standby")
        for what, change in changes(service).items():
            with self.subTest(versions=pair.versions, service=service, change=what):
                pair.change_running(change, service)
        pair.verb("edit", name, "--mode", "load-balancing", "--split-pools", "--heartbeat-delay", "700")
        self.settled(pair, service, "load-balancing")
        mirrored = across_versions.plain(pair.mirrored("a", service))
        pair.verb("remove", name, "--secondary-scopes", "disable")
        self.disabled(pair, service)
        pair.create("load-balancing", "--split-pools", service=service)
        self.settled(pair, service, "load-balancing")
        self.assertEqual(across_versions.plain(pair.mirrored("a", service)), mirrored)

    def disabled(self, pair, service):
        """kea-b answers nobody, even where kea-a is away, until its subnets are enabled."""
        pair.network.client_side("a", False)
        leases = pair.lease_addresses("b", service)
        perfdhcp.leases(pair.network, service, count=5)
        self.assertEqual(pair.lease_addresses("b", service), leases)
        code, _, err = pair.secondary.ctl("scopes", "enable", "--service", service)
        self.assertEqual(code, 0, err)
        self.assertEqual(perfdhcp.leases(pair.network, service, count=5).lost, 0)
        pair.network.client_side("a", True)

    def hub_and_spoke(self, version):
        """A Kea with several relationships is told from a pair, and left alone."""
        pair = self.pair_of(version, version)
        for service in SERVICES:
            hub = pair.kea("a", service)
            hub.command("config-set", {hub.root: self.as_hub(pair, service)}, timeout_s=60)
            before = pair.snapshot(service)
            code, _, err = pair.primary.ctl("relationship", "adopt", "hub", "--service", service,
                                            "--secondary", "kea-b")
            self.assertEqual(code, 65, err)
            self.assertIn("its HA has 2 relationships (hub and spoke)", err)
            _, report, _ = pair.create("hot-standby", service=service, expect=(65,))
            failed = [check for check in report["checks"] if check["verdict"] == "FAILED"]
            self.assertEqual([check["server"] for check in failed], ["kea-a"], failed)
            self.assertIn("it has 2 relationships; take the HA hook out", failed[0]["text"])
            self.assertEqual(pair.snapshot(service), before)
        self.assertEqual(pair.primary.ctl("relationship", "list")[0], 0)

    @staticmethod
    def as_hub(pair, service):
        members = pair.kea("a", service).running()
        members.pop("hash", None)
        libraries = keaconf.own_parts(service, "kea-a", "a", pair.host_folder("a"), "hot-standby")["hooks-libraries"]
        first = libraries[-1]["parameters"]["high-availability"][0]
        second = copy.deepcopy(first)
        # Its name must be another in each.
        second["this-server-name"] = second["peers"][0]["name"] = "hub"
        # And each listens by itself.
        second["peers"][0]["url"] = first["peers"][0]["url"].replace(":80", ":81")
        second["peers"][1].update(name="kea-x", url=first["peers"][1]["url"].replace("10.77.0.2", "10.77.0.9"))
        libraries[-1]["parameters"]["high-availability"].append(second)
        members["hooks-libraries"] = libraries
        return members

    def pair_of(self, *versions):
        pair = self.own(VersionPair(unpacked.roots(), versions)).start()
        for host, version in zip("ab", versions):
            self.assertTrue(pair.kea(host).ask("version-get")["text"].startswith(version))
        return pair


def pairs_to_test(found):
    chosen = os.environ.get("NESTOR_PAIRS")
    if chosen:
        return [tuple(pair.split("-")) for pair in chosen.split(",")]
    versions = [INSTALLED, *sorted(found)]
    return [(one, other) for one in versions for other in versions if (one, other) != (INSTALLED, INSTALLED)]


def add_tests(found):
    def of(versions, service):
        return lambda self: self.life_of_a_relationship(self.pair_of(*versions), service)
    for versions in pairs_to_test(found):
        for service in SERVICES:
            name = "test_{}_to_{}_{}".format(*versions, service).replace(".", "")
            setattr(KeaVersionsTest, name, of(versions, service))
    for version in found if not os.environ.get("NESTOR_PAIRS") else ():
        name = "test_hub_and_spoke_{}".format(version.replace(".", ""))
        setattr(KeaVersionsTest, name, lambda self, version=version: self.hub_and_spoke(version))


if __name__ == "__main__":
    KEAS = unpacked.roots()
    if not KEAS:
        sys.exit("NESTOR_KEAS names no folder that tests/system/unpack-kea made")
    add_tests(KEAS)
    main(3000)
