#!/usr/bin/python3
"""Three hosts: a relationship for each service, of different pairs, and what Kea's HA does not allow."""
import json

from harness import perfdhcp
from harness.case import SystemTest, main
from harness.pair import RELATIONSHIP
from harness.three_hosts import HOSTS, ThreeHosts
from harness.waiting import wait_until

SERVICES = ("dhcp4", "dhcp6")


class ThreeHostsTest(SystemTest):

    def created(self, pairs, modes):
        hosts = self.own(ThreeHosts(pairs)).start()
        for service, mode in modes.items():
            hosts.create(service, mode, *(["--split-pools"] if mode == "load-balancing" else []))
        self.check_all(hosts, modes)
        return hosts

    def check_all(self, hosts, modes):
        """Each relationship is in HA's normal state, OK, and mirrored."""
        for service, mode in modes.items():
            self.wait_until_normal(hosts, service, mode)
            wait_until(lambda service=service: hosts.status(service)["state"] == "OK", 20,
                       lambda service=service: f"OK: {hosts.status(service)}")
            hosts.settle(service)
            hosts.assert_same(service)

    def wait_until_normal(self, hosts, service, mode):
        wait_until(lambda: hosts.states(service) == [mode, mode], 40,
                   lambda: f"{service} is normal: {hosts.states(service)}")

    def check_independent(self, hosts, modes):
        """A change of one service reaches its secondary and nothing of the other service."""
        for changed, other in (SERVICES, SERVICES[::-1]):
            head, before = hosts.head(other), hosts.running(other)
            bystander = hosts.kea_of(self.bystander(hosts, changed), changed)
            its = bystander.running()
            primary = hosts.kea("a", changed)
            primary.config = {primary.root: primary.running()}
            hosts.change(lambda members: members.update({"valid-lifetime": 777}), changed, how="set")
            self.assertEqual(hosts.kea("b", changed).running()["valid-lifetime"], 777)
            self.assertEqual((hosts.head(other), hosts.running(other)), (head, before))
            self.assertEqual(bystander.running(), its)
            self.assertEqual(hosts.states(other), [modes[other]] * 2)
            self.wait_until_normal(hosts, changed, modes[changed])

    def bystander(self, hosts, service):
        """The server whose Kea of `service` is in no relationship."""
        return (set(HOSTS) - set(hosts.pairs[service])).pop()

    def check_served(self, hosts, service):
        """Clients get leases of the pair. What the bystander would say is not heard meanwhile: a DHCPv6
        server without an address for them says so, and perfdhcp takes the first answer."""
        bystander = HOSTS[self.bystander(hosts, service)]
        hosts.network.client_side(bystander, False)
        served = perfdhcp.leases(hosts.network, service, count=10)
        hosts.network.client_side(bystander, True)
        self.assertEqual((served.lost, served.leases), (0, 10), served.text)

    def check_refused(self, hosts, primary, service, secondary, *words):
        before = {one: hosts.running(one) for one in SERVICES}
        code, out, err = hosts.try_create(primary, "third", service, "hot-standby", secondary)
        self.assertEqual(code, 65, out + err)
        failed = "".join(f"{check['server']}: {check['text']}\n" for check in json.loads(out or "{}").get(
            "checks", []) if check["verdict"] == "FAILED")
        for word in words:
            self.assertIn(word, failed + err)
        self.assertEqual({one: hosts.running(one) for one in SERVICES}, before)

    def test_kea_b_is_secondary_of_one_and_primary_of_the_other(self):
        modes = {"dhcp4": "hot-standby", "dhcp6": "load-balancing"}
        hosts = self.created({"dhcp4": ("kea-a", "kea-b"), "dhcp6": ("kea-b", "kea-c")}, modes)
        self.check_independent(hosts, modes)
        # Two services, one partner each: there is no third.
        self.check_refused(hosts, "kea-b", "dhcp4", "kea-c",
                           "kea-b: it is in HA with kea-a already", "at the agent of its primary kea-a")
        self.check_refused(hosts, "kea-b", "dhcp6", "kea-c", "east6 already mirrors dhcp6 to kea-c")
        self.check_refused(hosts, "kea-a", "dhcp6", "kea-b",
                           "kea-b has no service dhcp6 in its agent's configuration")
        self.lose_kea_b(hosts)
        self.check_all(hosts, modes)

    def lose_kea_b(self, hosts):
        """Its power fails, and comes back."""
        lost = [hosts.kea_of("kea-b", service) for service in SERVICES]
        lost += [agent for (name, _), agent in hosts.agents.items() if name == "kea-b"]
        for one in lost:
            one.kill()
        left = {"dhcp4": hosts.agents["kea-a", "primary"], "dhcp6": hosts.agents["kea-c", "secondary"]}
        for service, agent in left.items():
            def impaired(service=service, agent=agent):
                status = agent.status(RELATIONSHIP[service])
                return status["state"] == "IMPAIRED" and "kea-b" in str(status["reasons"])
            wait_until(impaired, 30, lambda service=service, agent=agent:
                       f"{service} is impaired: {agent.status(RELATIONSHIP[service])}")
        for service, alive in (("dhcp4", "kea-a"), ("dhcp6", "kea-c")):
            def taken_over(service=service, alive=alive):
                perfdhcp.leases(hosts.network, service, count=5)
                return hosts.kea_of(alive, service).ha_state() == "partner-down"
            wait_until(taken_over, 40, lambda service=service: f"{service} is taken over: {hosts.states(service)}")
            self.check_served(hosts, service)
        for one in lost:
            one.restart()

    def test_one_primary_has_a_partner_for_each_service(self):
        modes = {"dhcp4": "load-balancing", "dhcp6": "hot-standby"}
        hosts = self.created({"dhcp4": ("kea-a", "kea-b"), "dhcp6": ("kea-a", "kea-c")}, modes)
        self.check_independent(hosts, modes)
        for service in SERVICES:
            self.check_served(hosts, service)
        for service, secondary in (("dhcp4", "kea-c"), ("dhcp6", "kea-b")):
            name = RELATIONSHIP[service]
            self.check_refused(hosts, "kea-a", service, secondary,
                               f"kea-a: it is the primary of {name} already, and a Kea has one partner",
                               f"nestorctl relationship remove {name}")


if __name__ == "__main__":
    main(230)
