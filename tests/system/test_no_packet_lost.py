#!/usr/bin/python3
"""Changes through the hook library cost DHCP nothing: perfdhcp beside a quiet run, HA and reload age.

NESTOR_LOAD_S (10) seconds of each run at 300 exchanges a second, with a change each 0.3 s;
NESTOR_SIZES ("1"; also "10k", "100k") sizes, NESTOR_WITH which pairs;
NESTOR_BY=config-set makes the same changes without the library, for comparison;
NESTOR_TRIES (20) of "add a subnet, at once a client in it". What issue tables quote:
  NESTOR_LOAD_S=60 NESTOR_SIZES="1 10k 100k" NESTOR_TRIES=100
  NESTOR_WITH="dhcp4/hot-standby dhcp4/load-balancing dhcp6/hot-standby dhcp6/load-balancing"
"""
import copy
import json
import os
import threading
import time

from harness import compare, crafted, keaconf, perfdhcp
from harness.case import SystemTest, main
from harness.pair import Pair

_SECONDS = int(os.environ.get("NESTOR_LOAD_S", "10"))
_SIZES = os.environ.get("NESTOR_SIZES", "1").split()
_WITH = [one.split("/") for one in
         os.environ.get("NESTOR_WITH", "dhcp4/hot-standby dhcp6/load-balancing").split()]
_BY_SET = os.environ.get("NESTOR_BY") == "config-set"
_TRIES = int(os.environ.get("NESTOR_TRIES", "20"))
_RATE = 300
_EACH_S = 0.3
_KINDS = 8


def _prefix(service, number):
    high, low = 16 + number // 256, number % 256
    return f"172.{high}.{low}.0/24" if service == "dhcp4" else f"2001:db8:{0x1000 + number:x}::/64"


def _pools(service, number, ha):
    if service == "dhcp4":
        base = _prefix(service, number).rsplit(".", 1)[0]
        halves = [f"{base}.10 - {base}.99", f"{base}.100 - {base}.199"]
    else:
        base = _prefix(service, number).rsplit("::", 1)[0]
        halves = [f"{base}::1:0/112", f"{base}::2:0/112"]
    classes = ["HA_kea-a", "HA_kea-b"] if ha == "load-balancing" else [None, None]
    return [{"pool": pool, **({"client-class": name} if name else {})}
            for pool, name in zip(halves, classes)]


def _subnet(service, number, ha):
    return {"id": 1000 + number, "subnet": _prefix(service, number),
            "pools": _pools(service, number, ha)}


def _content(service, ha, size):
    """What is mirrored: what serves perfdhcp, and as much besides as `size` says."""
    content = keaconf.serving(service, ha)
    held = content[keaconf.subnets(service)]
    if size == "10k":
        held += [_subnet(service, number + 50, ha) | {"pools": []} for number in range(3900)]
        for number in range(6100):
            held.append({"id": 100000 + number, "subnet":
                         f"100.{64 + number // 256}.{number % 256}.0/24" if service == "dhcp4"
                         else f"2001:db9:{number:x}::/64"})
    if size == "100k":
        content["reservations"] = [
            {"hw-address" if service == "dhcp4" else "duid": f"0a:0b:00:{number >> 16:02x}:"
             f"{number >> 8 & 255:02x}:{number & 255:02x}", "hostname": f"host-{number}"}
            for number in range(100000)]
        content["host-reservation-identifiers"] = ["hw-address" if service == "dhcp4" else "duid"]
    return content


def _named(item):
    return tuple(item.get(key) for key in ("id", "name", "hw-address", "duid"))


def _merge(held, fragment):
    """`held` with the members of `fragment`: its lists' items added, or in place of those they name."""
    for name, value in fragment.items():
        if not isinstance(value, list):
            held[name] = value
            continue
        items = held.setdefault(name, [])
        for new in value:
            old = next((one for one in items if _named(one) == _named(new)), None)
            if "reservations" in new:  # it only says where they belong
                _merge(old, {"reservations": new["reservations"]})
            elif old is not None:
                kept = {key: old[key] for key in ("reservations",) if key in old}
                items[items.index(old)] = new | kept
            else:
                items.append(new)


class Changes:
    """One after another, of each kind in turn. content: what is mirrored, kept as it becomes."""

    def __init__(self, service, ha, content, size):
        self.service, self.ha, self.content = service, ha, content
        # By a whole file, which at the larger sizes takes seconds to compare: there once.
        self.removes_each = 2 * _KINDS if size == "1" else 15 * _KINDS
        self.subnets, self.root = keaconf.subnets(service), {"dhcp4": "Dhcp4", "dhcp6": "Dhcp6"}[service]
        self.number = 0

    def next(self):
        """What to add or replace; None: something was removed, and all that is left is `content`."""
        self.number += 1
        if self.number % self.removes_each == 0 and self._remove():
            return None
        fragment = self._addition(self.number % _KINDS, self.number // _KINDS)
        _merge(self.content, fragment)
        return fragment

    def _remove(self):
        """The first subnet that was added, and the first class."""
        held = self.content[self.subnets]
        gone = next((one for one in held if 1000 <= one["id"] < 1040), None)
        if gone is None:
            return False
        held.remove(gone)
        self.content["client-classes"].pop(0)
        return True

    def _addition(self, turn, n):
        v4 = self.service == "dhcp4"
        subnet = _subnet(self.service, n % 40, self.ha)
        if turn == 1:
            return {self.subnets: [subnet | {"user-context": {"turn": n}}]}
        if turn == 2:
            host = {"hw-address": f"0c:00:00:00:00:{n % 256:02x}"} if v4 else {"duid": f"0c:{n % 256:02x}"}
            return {self.subnets: [{"id": subnet["id"], "reservations": [host | {"hostname": f"h{n}"}]}]}
        if turn == 3:
            return {"client-classes": [{"name": f"class-{n % 20}", "user-context": {"turn": n}}]}
        if turn == 4:
            return {"option-data": [{"name": "domain-search" if not v4 else "domain-name",
                                     "data": f"n{n}.example.org"}]}
        if turn == 5:
            return {"decline-probation-period": 600 + n % 50 + 1}
        if turn == 6:
            return {"shared-networks": [{"name": f"net-{n % 20}", "user-context": {"turn": n}}]}
        if turn == 7:
            return {self.subnets: [subnet | {"pools": subnet["pools"][:1 + n % 2],
                                             "user-context": {"turn": -n}}]}
        return {"option-def": [{"name": f"mine-{n % 20}", "code": 2000 + n % 20 if not v4 else 224 + n % 20,
                                "type": "string", "user-context": {"turn": n}}]}


class Watching:
    """HA states and the age of the last reload of both Keas, asked beside the changes, as often as they are made;
    each time a slice of the whole is read, as the agents' audit does every five minutes."""

    def __init__(self, pair):
        self._pair, self.wrong = pair, []
        self._ages, self._cursors = {}, {}
        self.longest_ms = 0.0  # of a slice
        self.looks = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def close(self):
        self._ended.set()
        self._thread.join()

    def _watch(self):
        try:
            while not self._ended.wait(_EACH_S):
                self.look()
                self.looks += 1
        except Exception as error:  # is what the test then says
            self.wrong.append(f"it could not be looked: {error}")

    def look(self):
        for (host, _), kea in self._pair.keas.items():
            if not _BY_SET:
                self._read_slice(host, kea)
            status = kea.command("status-get")
            local = status["high-availability"][0]["ha-servers"]["local"]["state"]
            if local != self._pair.ha:
                self.wrong.append(f"{host}: HA is in {local}")
            if status["reload"] < self._ages.get(host, 0):
                self.wrong.append(f"{host}: was reloaded")
            self._ages[host] = status["reload"]

    def _read_slice(self, host, kea):
        began = time.monotonic()
        answer = kea.command("nestor-get", {"after": self._cursors.get(host, "")})
        self.longest_ms = max(self.longest_ms, (time.monotonic() - began) * 1000)
        self._cursors[host] = answer.get("next", "")


class NoPacketLost(SystemTest):

    def _pair(self, service, ha, size):
        content = {service: _content(service, ha, size)}
        pair = self.own(Pair(services=(service,), ha=ha, mirrored=content, heartbeat_ms=10000,
                             hook=not _BY_SET))
        for kea in pair.keas.values():
            kea.start(deadline_s=90)
        pair.wait_for_ha(90)
        pair.start_agents().adopt(settle=False)
        pair.settle(deadline_s=120)
        return pair

    def _load(self, pair, work):
        """perfdhcp for a while, beside it work() each 0.3 s."""
        load = pair.beside(perfdhcp.Load(pair.network, pair.folder, pair.services[0], _RATE, _SECONDS,
                                         clients=3000))
        began, turns = time.monotonic(), 0
        while load.running() and time.monotonic() - began < _SECONDS:
            work()
            turns += 1
            # Nothing is waited for: this is the pace of the changes.
            time.sleep(max(0.0, began + turns * _EACH_S - time.monotonic()))
        return load.result(), turns

    def _make(self, pair, changes):
        fragment = changes.next()
        if _BY_SET:
            kea = pair.kea("a")
            own = {name: value for name, value in kea.config[kea.root].items()
                   if name in compare.SERVER_SPECIFIC}
            kea.command("config-set", {changes.root: {**own, **changes.content}}, timeout_s=60)
            return
        path = f"{pair.folder}/wanted.conf"
        with open(path, "w", encoding="utf-8") as file:
            json.dump({changes.root: changes.content if fragment is None else fragment}, file)
        pair.primary.ctl_json("apply", pair.relationship(), path,
                              *([] if fragment is None else ["--merge"]))

    def _run(self, service, ha, size):
        pair = self._pair(service, ha, size)
        watching = pair.beside(Watching(pair))
        quiet, _ = self._load(pair, lambda: None)
        changes = Changes(service, ha, copy.deepcopy(_content(service, ha, size)), size)
        busy, turns = self._load(pair, lambda: self._make(pair, changes))
        watching.close()
        print(f"{service} {ha} {size}: {turns} changes in {_SECONDS} s by "
              f"{'config-set' if _BY_SET else 'the hook library'}; lost {busy.lost} of "
              f"{sum(busy.sent)}, quiet {quiet.lost} of {sum(quiet.sent)}; "
              f"{len(watching.wrong)} times HA or a reload was seen; "
              f"the longest slice took {watching.longest_ms:.1f} ms", flush=True)
        if _BY_SET:
            return
        pair.settle()
        pair.assert_same()
        self.assertEqual(watching.wrong, [])
        self.assertGreater(watching.looks, turns / 2)
        self.assertGreater(turns, _SECONDS / _EACH_S / 2)
        # perfdhcp itself ends with a packet or two under way.
        self.assertLessEqual(busy.lost, quiet.lost + 3)

    def test_changes_under_load(self):
        for size in _SIZES:
            for service, ha in _WITH:
                with self.subTest(service=service, ha=ha, size=size):
                    self._run(service, ha, size)

    # ------------------------------------------------------------------ the first client

    def _exchange(self, relay, client, number, kinds):
        """How often it had to DISCOVER, and whether its first REQUEST was acked."""
        packet, request = kinds
        for tries in range(1, 5):
            for host in "ab":
                relay.send(host, packet(client, number))
            offer = self._answer(relay, number)
            if offer is not None:
                break
        else:
            return tries, False
        told = ({"address": offer["addresses"][0]} if relay.service == "dhcp4"
                else {"associations": offer["associations"]})
        for host in "ab":
            relay.send(host, packet(client, number, request, server=offer["server"], **told))
        answer = self._answer(relay, number, unlike=offer["kind"])
        return tries, bool(answer and answer["addresses"] == offer["addresses"])

    @staticmethod
    def _answer(relay, number, patience_s=1.0, unlike=None):
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            for answers in relay.received(0.05).values():
                for answer in answers:
                    if answer["number"] == number and answer["kind"] != unlike:
                        return answer
        return None

    def test_a_subnet_is_there_before_its_first_client(self):
        kinds = {"dhcp4": (crafted.packet4, crafted._REQUEST),
                 "dhcp6": (crafted.packet6, crafted._REQUEST6)}
        for service in sorted({service for service, _ in _WITH}):
            with self.subTest(service=service):
                pair = self._pair(service, "load-balancing", "1")
                relay = pair.beside(crafted.Relay(pair.network, service))
                served = at_once = 0
                for number in range(_TRIES):
                    subnet = _subnet(service, number, "load-balancing")
                    path = f"{pair.folder}/new.conf"
                    with open(path, "w", encoding="utf-8") as file:
                        json.dump({pair.kea("a").root: {keaconf.subnets(service): [subnet]}}, file)
                    pair.primary.ctl_json("apply", pair.relationship(), path, "--merge")
                    base = subnet["subnet"].split("/")[0]
                    client = crafted.Client({"hw-address": f"0e:00:00:00:{number >> 8:02x}:{number & 255:02x}"}
                                            if service == "dhcp4" else
                                            {"duid": f"00:03:00:01:0e:00:00:00:{number >> 8:02x}:{number & 255:02x}"},
                                            crafted.later(base, 1))
                    tries, done = self._exchange(relay, client, number + 1, kinds[service])
                    served += done
                    at_once += tries == 1
                print(f"{service}: {served} of {_TRIES} first clients served by their first REQUEST, "
                      f"{at_once} of them after their first DISCOVER or SOLICIT", flush=True)
                # One in a hundred, or one of fewer.
                self.assertGreaterEqual(served, _TRIES - max(1, _TRIES // 100))


if __name__ == "__main__":
    main(36000)
