#!/usr/bin/python3
"""What the other tests rely on, shown without the agents: a real HA pair, clients, comparison."""
import socket
import tempfile

import zmq

from harness import compare, kea, perfdhcp
from harness.case import SystemTest, main
from harness.event_proxy import EventProxy
from harness.kea_proxy import KeaProxy
from harness.schema import MAGIC, envelope_pb2
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

    def test_a_misbehaving_kea(self):
        pair = self.make_pair()
        server = pair.kea("a")
        server.start()
        path = f"{pair.folder}/proxy.sock"
        proxy = pair.beside(KeaProxy(path, server.socket))
        self.assertEqual(kea.send(path, "config-get")["result"], 0)
        proxy.misbehave("half", "config-get")
        self.assertEqual(kea.send(path, "version-get")["result"], 0)
        with self.assertRaises(ValueError):
            kea.send(path, "config-get")
        for how in ("lost", "silent"):
            proxy.misbehave(how, "config-get")
            with self.assertRaises(socket.timeout):
                kea.send(path, "config-get", timeout_s=0.5)
        proxy.misbehave("closed")
        with self.assertRaises((ValueError, ConnectionError)):
            kea.send(path, "config-get")
        proxy.behave()
        self.assertEqual(kea.send(path, "config-get")["result"], 0)
        self.assertEqual(proxy.count("config-get"), 6)

    def test_events_are_lost_and_repeated_as_chosen(self):
        with tempfile.TemporaryDirectory() as folder:
            context = zmq.Context()
            source, sink = context.socket(zmq.PUB), context.socket(zmq.SUB)
            sink.setsockopt(zmq.SUBSCRIBE, b"")
            source.bind(f"ipc://{folder}/up")
            proxy = EventProxy(f"ipc://{folder}/up", f"ipc://{folder}/down")
            sink.connect(f"ipc://{folder}/down")

            def publish(sequence):
                envelope = envelope_pb2.Envelope(magic=MAGIC, sequence=sequence)
                envelope.change.origin = "reload"
                source.send_multipart([b"nestor.v1.x.dhcp4.change", envelope.SerializeToString()])

            def joined():
                publish(1)
                return sink.poll(20)
            wait_until(joined, 10, "the proxy passes events")
            proxy.decide = lambda envelope: {2: 0, 3: 2}.get(envelope.sequence, 1)
            for sequence in (2, 3, 4):
                publish(sequence)
            seen = []
            while not seen or seen[-1] != 4:
                self.assertTrue(sink.poll(5000), seen)
                seen.append(envelope_pb2.Envelope.FromString(sink.recv_multipart()[1]).sequence)
            self.assertEqual([s for s in seen if s != 1], [3, 3, 4])
            self.assertEqual(proxy.lost, [("change", 2)])
            proxy.close()
            source.close(0)
            sink.close(0)
            context.term()


if __name__ == "__main__":
    main(limit_s=85, agents=False)
