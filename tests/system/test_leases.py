#!/usr/bin/python3
"""Lease events: one for each lease that Kea writes, none unless asked for, and nothing waits for them."""
import collections
import copy
import os
import socket
import threading
import time

from harness import keaconf, network, perfdhcp
from harness.agent import CONTROL_PORT, EVENTS_PORT, Watch, seconds
from harness.bus_peer import BusPeer
from harness.case import SystemTest, main
from harness.crafted import Client, Relay, packet4
from harness.pair import RELATIONSHIP, Pair
from harness.waiting import holds_for, wait_until

_CONTROL = f"tcp://{network.LINK['a']}:{CONTROL_PORT}"
_EVENTS = f"tcp://{network.LINK['a']}:{EVENTS_PORT}"
_SERVICES = ("dhcp4", "dhcp6")
_EACH = 150
_DECLINE = 4  # a DHCPv4 message


def _serving(service):
    content = copy.deepcopy(keaconf.serving(service))
    if service == "dhcp6":
        content["subnet6"][0]["pd-pools"] = [
            {"prefix": "2001:db8:8000::", "prefix-len": 40, "delegated-len": 56}]
    return content


def _pair(lease_events, services=_SERVICES):
    pair = Pair(services=services, mirrored={service: _serving(service) for service in services})
    pair.network.leave_clients_to_a()
    if lease_events:
        for service in pair.primary.config["services"].values():
            service["lease-events"] = True
    return pair


def _place(row):
    """Address and prefix length of a row of the lease file, as an event has them."""
    is_prefix = row.get("lease_type") == "2"
    return row["address"], int(row["prefix_len"]) if is_prefix else 0


class LeasesTest(SystemTest):
    _clients = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pair = cls.own_for_class(_pair(lease_events=True))
        cls.pair.start()

    def _watch(self, *arguments, kinds="lease,heartbeat"):
        watch = self.pair.beside(Watch(self.pair.primary, "--kind", kinds, *arguments))
        self.addCleanup(watch.close)
        return watch.listens()

    def _rows_after(self, service, before):
        return self.pair.kea("a", service).lease_rows()[before:]

    def _events(self, watch, service):
        return [event["lease"] for event in watch.events()
                if event["kind"] == "lease" and event["service"] == service]

    def _commit(self, service, *options, count=_EACH, rate=60):
        """Rows of the lease file that the exchanges came to."""
        before = len(self.pair.kea("a", service).lease_rows())
        type(self)._clients += 1  # clients that have no lease yet
        perfdhcp.exchanges(self.pair.network, service, count, rate,
                           "-b", f"mac=00:0c:{self._clients:02x}:00:00:00", *options)
        rows = self._rows_after(service, before)
        self.assertGreaterEqual(len(rows), count * 9 // 10, "perfdhcp got no leases")
        return rows

    def _exchange(self, service, *options, count=_EACH, rate=60):
        """(rows of the lease file, lease events) that the exchanges came to."""
        watch = self._watch()
        rows = self._commit(service, *options, count=count, rate=rate)
        wait_until(lambda: len(self._events(watch, service)) >= len(rows), 10, lambda: (
            f"{len(rows)} leases were written, {len(self._events(watch, service))} events came"))
        return rows, self._events(watch, service)

    def _assert_one_each(self, rows, events):
        written = collections.Counter(
            (_place(row), row["valid_lifetime"] == "0") for row in rows)
        told = collections.Counter(
            ((lease["address"], lease["prefix_length"]), lease["happened"] == "released")
            for lease in events)
        self.assertEqual(told, written)

    def _assert_nothing_lost(self):
        for service in _SERVICES:
            leases = self.pair.kea("a", service).command("nestor-status")["leases"]
            self.assertEqual(leases["dropped"], 0)
        self.assertEqual(self.pair.primary.metric("nestor_lease_events_dropped_total"), 0)
        self.assertEqual(self.pair.status().get("notices", []), [])

    def test_each_lease_committed_is_one_event(self):
        for service, options in (("dhcp4", ()), ("dhcp6", ("-e", "address-and-prefix"))):
            with self.subTest(service):
                published = self._published(service)
                rows, events = self._exchange(service, *options)
                self._assert_one_each(rows, events)
                by_place = {_place(row): row for row in rows}
                for lease in events:
                    self._assert_like(lease, by_place[lease["address"], lease["prefix_length"]])
                self.assertEqual(self._published(service) - published, len(rows))
        self._assert_nothing_lost()

    def _published(self, service):
        return self.pair.primary.metric("nestor_lease_events_total", service=service,
                                        relationship=RELATIONSHIP[service])

    def _assert_like(self, lease, row):
        self.assertEqual(lease["happened"], "committed")
        self.assertEqual(lease["state"], "default")
        self.assertEqual(lease["subnet_id"], int(row["subnet_id"]))
        self.assertEqual(lease["valid_lifetime"], int(row["valid_lifetime"]))
        self.assertEqual(lease["hw_address"], row["hwaddr"])
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(row["expire"])))
        self.assertEqual(lease["expires"], expires)
        if "duid" in row:
            self.assertEqual(lease["duid"], row["duid"])
            self.assertEqual(lease["identifier"], row["duid"])
            self.assertEqual(lease["iaid"], int(row["iaid"]))
        else:
            self.assertEqual(lease["client_id"], row["client_id"])
            self.assertEqual(lease["identifier"], row["client_id"] or row["hwaddr"])

    def test_renewals_and_releases_are_told_as_such(self):
        for service in _SERVICES:
            with self.subTest(service):
                options = ("-e", "address-and-prefix") if service == "dhcp6" else ()
                rows, events = self._exchange(service, "-f", "20", "-F", "20", *options)
                released = [row for row in rows if row["valid_lifetime"] == "0"]
                self.assertGreater(len(released), 10)
                self._assert_one_each(rows, events)
                happened = collections.Counter(lease["happened"] for lease in events)
                self.assertEqual(happened["released"], len(released))
                self.assertGreater(happened["renewed"], 10)
                self.assertEqual(set(happened), {"committed", "renewed", "released"})
        self._assert_nothing_lost()

    def test_agent_that_stops_for_a_moment_is_told_of_all(self):
        for service in _SERVICES:
            with self.subTest(service):
                published = self._published(service)
                self.pair.primary.process.suspend()
                try:
                    rows = self._commit(service, count=800, rate=300)  # its socket has room for fewer
                finally:
                    self.pair.primary.process.resume()
                wait_until(lambda: self._published(service) - published >= len(rows), 10, lambda: (
                    f"{len(rows)} written, {self._published(service) - published} published"))
                self.assertEqual(self._published(service) - published, len(rows))
        self._assert_nothing_lost()

    def test_a_decline_is_told_once_as_such(self):
        rows, _ = self._exchange("dhcp4", count=3)
        row = rows[0]
        client = Client({"hw-address": row["hwaddr"], "client-id": row["client_id"]}, "172.16.0.1")
        watch = self._watch()
        relay = Relay(self.pair.network, "dhcp4")
        relay.send("a", packet4(client, 7, _DECLINE, row["address"],
                                socket.inet_aton(network.CLIENT_SIDE["a"])))
        relay.close()  # its port is perfdhcp's
        watch.wait_for(lambda event: event["kind"] == "lease", 5, "the decline is told")
        self._exchange("dhcp4", count=3)  # whatever else was told of it has come by then
        told = [lease for lease in self._events(watch, "dhcp4")
                if lease["address"] == row["address"]]
        self.assertEqual([(lease["happened"], lease["state"]) for lease in told],
                         [("declined", "declined")])

    def test_who_subscribes_gets_the_same_and_no_number(self):
        keys = f"{self.pair.folder}/made-keys/kea-b"
        peer = BusPeer(self.pair.network["b"], _CONTROL, _EVENTS,
                       f"{self.pair.folder}/made-keys/kea-a.public", f"{keys}.secret",
                       f"{keys}.public")
        self.addCleanup(peer.close)
        wait_until(lambda: peer.event(1), 5, "the subscription has arrived")
        rows, events = self._exchange("dhcp4", count=20)
        wanted = len(rows)
        seen = []
        while len(seen) < wanted:
            event = peer.event(5)
            self.assertIsNotNone(event, f"{len(seen)} of {wanted} events came")
            if event[1].WhichOneof("body") == "lease":
                seen.append(event)
        self.assertEqual([event[1].lease.address for event in seen],
                         [lease["address"] for lease in events])
        for topic, envelope in seen:
            self.assertEqual(topic, f"nestor.v1.{RELATIONSHIP['dhcp4']}.dhcp4.lease")
            self.assertEqual((envelope.sequence, envelope.previous_sequence), (0, 0))

    def test_people_read_them(self):
        before = len(self.pair.kea("a").lease_rows())
        people = Watch(self.pair.primary, "--kind", "lease,heartbeat")
        people.process.argv.remove("--json")
        people.close()
        people.process.start()
        self.addCleanup(people.close)
        wait_until(lambda: "heartbeat" in people.process.log_text(), 5, "the watch has joined")
        perfdhcp.exchanges(self.pair.network, "dhcp4", 1, 10)
        wait_until(lambda: self._rows_after("dhcp4", before), 5, "a lease is written")
        row = self._rows_after("dhcp4", before)[0]
        client = row["client_id"] or row["hwaddr"]
        wait_until(lambda: f" {row['address']} of {client} in subnet 1 until 20"
                   in people.process.log_text(), 5, lambda: people.process.log_text())

    def test_what_is_no_notice_does_no_harm(self):
        path = self.pair.primary.config["services"]["dhcp4"]["hook-socket"]
        good = b'{"notice":"lease","event":"committed","address":"10.0.0.9","subnet-id":1}'
        bad = [b"", b"{", good[:-1], good.replace(b"10.0.0.9", b"10.0.0.999"), b"\xff" * 3000,
               good[:-1] + b',"hostname":"' + b"h" * 100_000 + b'"}', b"[" * 4000,
               good.replace(b"committed", b"\\u001b[2J"), os.urandom(2000)]
        refused = self._dropped("refused")
        watch = self._watch()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            for _ in range(20):
                for notice in bad:
                    sender.sendto(notice, path)
            sender.sendto(good, path)
        wait_until(lambda: self._dropped("refused") >= refused + 20 * len(bad), 10,
                   lambda: f"{self._dropped('refused') - refused} were counted")
        watch.wait_for(lambda event: event["kind"] == "lease", 5, "what is one comes through")
        self.assertEqual([lease["address"] for lease in self._events(watch, "dhcp4")], ["10.0.0.9"])
        self.assertLessEqual(self.pair.primary.process.log_text().count("LEASE_EVENTS_LOST"), 3)
        wait_until(lambda: self.pair.status().get("notices"), 5, "status tells of it")
        self.assertIn("not understood", self.pair.status()["notices"][0])
        self.assertEqual(self.pair.status()["state"], "OK")

    def _dropped(self, reason):
        return self.pair.primary.metric("nestor_lease_events_dropped_total", service="dhcp4",
                                        reason=reason)


class StoppedSubscriberTest(SystemTest):

    def test_a_subscriber_that_does_not_read_costs_nobody_else_anything(self):
        pair = self.own(_pair(lease_events=True, services=("dhcp4",)))
        pair.start()
        keys = f"{pair.folder}/made-keys/kea-b"
        peer = BusPeer(pair.network["b"], _CONTROL, _EVENTS,
                       f"{pair.folder}/made-keys/kea-a.public", f"{keys}.secret", f"{keys}.public")
        pair.beside(peer)  # it never reads its subscription
        stopped = pair.beside(Watch(pair.primary, "--kind", "lease,heartbeat,change,ack")).listens()
        reading = pair.beside(Watch(pair.primary)).listens()
        stopped.process.suspend()
        rss = pair.primary.process.rss_kib()
        load = pair.beside(perfdhcp.Load(pair.network, pair.folder, "dhcp4", 500, 12, 50_000))
        self._changes_go_through_while(pair, load)
        rows = pair.kea("a").lease_rows()
        self.assertGreater(len(rows), 3000)
        grew = pair.primary.process.rss_kib() - rss
        print(f"{len(rows)} leases; the primary agent has {grew} KiB more", flush=True)
        self.assertLess(grew, 32 * 1024)
        self._assert_accounted(pair, reading, len(rows))
        sequences = [event["sequence"] for event in reading.events() if event["kind"] == "change"]
        self.assertEqual(sequences, list(range(sequences[0], pair.head() + 1)))

    def _changes_go_through_while(self, pair, load):
        number = 0
        while load.running():
            number += 1

            def mutate(members):
                members["user-context"] = {"number": number}
            asked = time.monotonic()
            pair.change(mutate, deadline_s=5)
            print(f"change {number}: {time.monotonic() - asked:.2f} s", flush=True)
            holds_for(lambda: pair.status()["state"] == "OK", 0.5, lambda: f"{pair.status()}")
        self.assertGreater(number, 3)

    def _assert_accounted(self, pair, reading, written):
        """Every lease written was published, or its loss is counted where it happened."""
        def lost(reason):
            return pair.primary.metric("nestor_lease_events_dropped_total", reason=reason)

        def published():
            return pair.primary.metric("nestor_lease_events_total")
        # A reload makes the hook library's own count begin anew, so that some may be in neither.
        wait_until(lambda: published() + lost("full") + lost("hook") >= written * 0.99, 10, lambda: (
            f"{written} written, {published()} published, {lost('full')} without room, "
            f"{lost('hook')} lost by the library"))
        self.assertLessEqual(published(), written)
        self.assertEqual(lost("refused"), 0)
        shown = sum(event["kind"] == "lease" for event in reading.events())
        print(f"{written} written, {published():.0f} published, {lost('full'):.0f} + "
              f"{lost('hook'):.0f} lost, {shown} shown by a watch that reads, {lost('watcher'):.0f} "
              "not by watches", flush=True)
        self.assertGreater(shown, written // 2)


class FloodTest(SystemTest):

    def test_more_than_can_be_published_delays_nothing_else(self):
        pair = self.own(_pair(lease_events=True, services=("dhcp4",)))
        pair.start()
        watch = pair.beside(Watch(pair.primary, "--kind", "heartbeat,change")).listens()
        flood = _Flood(pair.primary.config["services"]["dhcp4"]["hook-socket"])
        self.addCleanup(flood.close)
        slowest = 0.0
        for number in range(6):
            def mutate(members):
                members["user-context"] = {"number": number}
            asked = time.monotonic()
            pair.change(mutate, deadline_s=5)
            slowest = max(slowest, time.monotonic() - asked)
            holds_for(lambda: pair.status()["state"] == "OK", 0.5, lambda: f"{pair.status()}")
        flood.close()
        beats = [seconds(e["time"]) for e in watch.events() if e["kind"] == "heartbeat"]
        apart = max(later - earlier for earlier, later in zip(beats, beats[1:]))
        full = pair.primary.metric("nestor_lease_events_dropped_total", reason="full")
        print(f"{flood.sent} sent, {pair.primary.metric('nestor_lease_events_total'):.0f} published, "
              f"{full:.0f} without room; changes took {slowest:.2f} s at most, heartbeats were "
              f"{apart:.2f} s apart at most", flush=True)
        self.assertLess(apart, 2)
        self.assertGreater(flood.sent, 20_000)


class _Flood:
    """Notices of leases to `path`, as fast as they are taken, by a thread of its own."""

    _NOTICE = (b'{"notice":"lease","event":"committed","address":"10.0.0.9","subnet-id":1,'
               b'"hw-address":"00:0c:01:02:03:04","state":0,"cltt":1700000000,"valid-lifetime":600}')

    def __init__(self, path):
        self.sent = 0
        self._ends = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.connect(path)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ends.is_set():
            self._socket.send(self._NOTICE)
            self.sent += 1

    def close(self):
        self._ends.set()
        self._thread.join()
        self._socket.close()


class OffTest(SystemTest):

    def test_off_unless_asked_for(self):
        pair = self.own(_pair(lease_events=False))
        pair.start()
        watch = pair.beside(Watch(pair.primary)).listens()
        for service in _SERVICES:
            perfdhcp.exchanges(pair.network, service, 50, 50,
                               *(("-e", "address-only") if service == "dhcp6" else ()))
            self.assertGreater(len(pair.kea("a", service).lease_rows()), 40)
            sent = pair.kea("a", service).command("nestor-status")["leases"]["sent"]
            self.assertGreater(sent, 40, "the library tells all the same")
        heartbeats = self._heartbeats(watch)
        wait_until(lambda: self._heartbeats(watch) > heartbeats + 2, 5, "heartbeats go on")
        self.assertEqual([e for e in watch.events() if e["kind"] == "lease"], [])
        self.assertFalse([name for name in pair.primary.metrics() if "lease" in name])

    @staticmethod
    def _heartbeats(watch):
        return sum(event["kind"] == "heartbeat" for event in watch.events())


if __name__ == "__main__":
    main(limit_s=190)
