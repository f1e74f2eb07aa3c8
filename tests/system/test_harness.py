#!/usr/bin/python3
"""What the other tests rely on, shown without the agents: a real HA pair, clients, comparison."""
from harness import compare, perfdhcp
from harness.case import SystemTest, main
from harness.waiting import wait_until


class HarnessTest(SystemTest):

    def test_hot_standby_serves_both_services(self):
        pair = self.make_pair(services=("dhcp4", "dhcp6"), ha="hot-standby")
        pair.start_keas()
        for service in pair.services:
            served = perfdhcp.leases(pair.network, service, count=10)
            self.assertEqual(served.leases, 10, served.text)
            self.assertEqual(served.lost, 0, served.text)

    def test_load_balancing_serves(self):
        pair = self.make_pair(services=("dhcp4",), ha="load-balancing")
        pair.start_keas()
        served = perfdhcp.leases(pair.network, "dhcp4", count=20)
        self.assertEqual(served.leases, 20, served.text)

    def test_nobody_serves_where_both_keas_are_gone(self):
        pair = self.make_pair()
        pair.start_keas()
        for kea in pair.keas.values():
            kea.kill()
        self.assertEqual(perfdhcp.leases(pair.network, "dhcp4", count=5).leases, 0)

    def test_comparison_finds_a_difference_and_its_absence(self):
        pair = self.make_pair()
        pair.start_keas()
        a, b = pair.kea("a"), pair.kea("b")
        self.assertEqual(compare.compare(a, b), [])
        for how in (a.apply_by_set, a.apply_by_reload, a.apply_by_signal):
            a.config["Dhcp4"]["valid-lifetime"] += 1
            how()
            self.assertIn("/valid-lifetime: ", str(compare.compare(a, b)))
            b.config["Dhcp4"]["valid-lifetime"] += 1
            b.apply_by_set()
            self.assertEqual(compare.compare(a, b), [])

    def test_a_cut_link_separates_the_hosts_until_healed(self):
        pair = self.make_pair(ha="hot-standby")
        pair.start_keas()
        pair.network.cut()
        wait_until(lambda: pair.kea("a").ha_state() != "hot-standby", 30, "the primary notices")
        pair.network.heal()
        pair.wait_for_ha()


if __name__ == "__main__":
    main(limit_s=85, agents=False)
