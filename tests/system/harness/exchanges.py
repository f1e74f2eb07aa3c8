"""The same clients ask two Keas; what the answers have to have in common."""
import ipaddress

from . import crafted, random_repair
from .random_config import PORTS, VENDOR_CLASSES
from .random_options import CUSTOM_CODES, VENDOR
from .waiting import wait_until

_KINDS = {"dhcp4": (crafted.packet4, crafted._DISCOVER, crafted._REQUEST),
          "dhcp6": (crafted.packet6, crafted._SOLICIT, crafted._REQUEST6)}
# vivso-suboptions and vendor-opts.
_VENDOR_CARRIERS = {"dhcp4": 125, "dhcp6": 17}


class Exchanges:
    """Of the clients that `rng` chooses for `config`, with both of a TwoKeas.

    touched: {(kind, key)} of the objects that changed, where most clients are to be.
    """

    def __init__(self, keas, config, rng, touched=()):
        self.keas, self.config, self.rng, self._touched = keas, config, rng, set(touched)
        self.service = keas.service
        self.differences = []
        self.answered = self.silent = self.elsewhere = 0
        self._networks = {}
        self._places = list(self._pools())
        # Kea adds these to the configured option that carries them, so that its answers depend on
        # those before.
        self._vendor_grows = any(
            option.get("space") == VENDOR and option.get("always-send")
            for holder, _ in random_repair.option_holders(self.service, config)
            for option in holder.get("option-data", []))

    # ------------------------------------------------------------------ where an address is

    def _pools(self):
        name = random_repair.subnets_name(self.service)
        for holder in [self.config] + self.config.get("shared-networks", []):
            for subnet in holder.get(name, []):
                # Between the subnets of a network Kea chooses by what it served before.
                group = holder.get("name") if holder is not self.config else subnet["id"]
                self._networks[subnet["id"]] = holder if holder is not self.config else {}
                for pool in subnet.get("pools", []):
                    first, *rest = [one.strip() for one in pool["pool"].split("-")]
                    if rest:
                        low, high = ipaddress.ip_address(first), ipaddress.ip_address(rest[0])
                    else:
                        net = ipaddress.ip_network(first)
                        low, high = net.network_address, net.broadcast_address
                    yield low, high, f"pool {pool['pool']}", group
                for pool in subnet.get("pd-pools", []):
                    net = ipaddress.ip_network(f"{pool['prefix']}/{pool['prefix-len']}")
                    yield net.network_address, net.broadcast_address, f"pool {net}", group

    def _place(self, text):
        """(pool, network or subnet) of an address or prefix; (None, None): reserved."""
        address = ipaddress.ip_address(text.split("/")[0])
        for low, high, pool, group in self._places:
            if low.version == address.version and low <= address <= high:
                return pool, group
        return None, None

    # ------------------------------------------------------------------ the clients

    def clients(self, count):
        subnets = random_repair.all_subnets(self.service, self.config)
        if not subnets:
            return []
        found = []
        near = [subnet for subnet in subnets if self._concerned(subnet)] or subnets
        held = [(subnet, item) for subnet in near for item in subnet.get("reservations", [])]
        everywhere = [(self.rng.choice(subnets), item)
                      for item in self.config.get("reservations", [])]
        for pairs, share in ((held, count // 2), (everywhere, 1)):
            for subnet, item in self.rng.sample(pairs, min(len(pairs), share)):
                identifiers = {name: item[name] for name in
                               ("hw-address", "duid", "client-id", "circuit-id") if name in item}
                found.append(self._client(subnet, identifiers))
        while len(found) < count:
            found.append(self._client(self.rng.choice(self.rng.choice((near, near, subnets))), {}))
        return found

    def _concerned(self, subnet):
        """It has changed, or something in it or above it, or what an option there is."""
        network = self._networks[subnet["id"]]
        if {("subnet", str(subnet["id"])), ("shared-network", network.get("name"))} & self._touched:
            return True
        holders = [subnet, network] + [item for name in ("pools", "pd-pools", "reservations")
                                       for item in subnet.get(name, [])]
        definitions = [random_repair.definition_of(self.service, self.config, option)
                       for holder in holders for option in holder.get("option-data", [])]
        return any(("option-def", f"{one['space']}/{one['code']}") in self._touched
                   for one in definitions if one)

    def _client(self, subnet, identifiers):
        network = self._networks[subnet["id"]]
        relays = (subnet.get("relay") or network.get("relay") or {}).get("ip-addresses")
        inside = ipaddress.ip_network(subnet["subnet"]).network_address + 8
        port = subnet.get("interface-id") or network.get("interface-id") or self.rng.choice(
            PORTS + ("",))
        return crafted.Client(identifiers, self.rng.choice(relays) if relays else str(inside),
                              self.rng.choice(VENDOR_CLASSES + ("",)), port,
                              [one for one in ("prefixes", "hostname", "fqdn", "supplied")
                               if self.rng.random() < 0.4],
                              {code: self.rng.randbytes(4) for code in CUSTOM_CODES[self.service]
                               if self.rng.random() < 0.1})

    # ------------------------------------------------------------------ asking

    def run(self, count):
        clients = dict(enumerate(self.clients(count), start=self.rng.randint(1, 1 << 22)))
        make, first, second = _KINDS[self.service]
        offers = self._ask({host: {number: make(client, number, first)
                                   for number, client in clients.items()} for host in "ab"})
        self._compare("offer", clients, offers)
        # Nothing is kept for who was offered it: of two who were offered the same, one asks.
        taken, asking = {"a": set(), "b": set()}, []
        for number in clients:
            wanted = {host: set(offers[host].get(number, {}).get("addresses", [])) for host in "ab"}
            if not any(wanted[host] & taken[host] for host in "ab"):
                asking.append(number)
                for host in "ab":
                    taken[host] |= wanted[host]
        asked = {host: {number: self._request(make, second, clients[number], number, answer)
                        for number, answer in offers[host].items()
                        if answer["addresses"] and number in asking} for host in "ab"}
        self._compare("lease", clients, self._ask(asked))
        self._compare_leases()
        if self.service == "dhcp4":
            # A client that comes back with an address nobody knows: a NAK of who is authoritative.
            packets = {number: make(client, number, second, crafted.later(client.relay, 1))
                       for number, client in clients.items() if not client.identifiers}
            self._compare("answer to the return", clients,
                          self._ask({host: packets for host in "ab"}))

    def _compare_leases(self):
        """What is kept of the leases. Not here: those that one Kea took from another pool."""
        kept = [self._leases(kea) for kea in self.keas.keas]
        for name in sorted(set(kept[0]) & set(kept[1])):
            one, other = kept[0][name], kept[1][name]
            if one != other:
                self.differences.append(f"lease {name}:\n    {one}\n    {other}")

    def _leases(self, kea):
        answer = kea.ask(f"lease{self.service[-1]}-get-all")
        return {(lease.get("duid") or lease.get("hw-address"), lease.get("type", ""),
                 lease["subnet-id"], self._place(lease["ip-address"])[0]):
                {name: value for name, value in lease.items()
                 if name in ("valid-lft", "preferred-lft", "state", "user-context", "fqdn-fwd",
                             "fqdn-rev", "client-id")}
                for lease in answer.get("arguments", {}).get("leases", [])}

    def _request(self, make, kind, client, number, answer):
        if self.service == "dhcp4":
            return make(client, number, kind, answer["addresses"][0], answer["server"])
        return make(client, number, kind, answer["associations"], answer["server"])

    def _ask(self, packets):
        """{host: {number: answer}}; sends all, and waits until both have looked at all."""
        statistic = f"pkt{self.service[-1]}-received"
        servers = dict(zip("ab", self.keas.keas))

        def seen(host):
            answer = servers[host].command("statistic-get", {"name": statistic})
            return answer[statistic][0][0] if statistic in answer else 0
        wanted = {host: seen(host) + len(packets[host]) for host in "ab"}
        for host in "ab":
            for packet in packets[host].values():
                self.keas.relay.send(host, packet)
        wait_until(lambda: all(seen(host) >= wanted[host] for host in "ab"), 5,
                   lambda: f"both Keas read {wanted} packets", poll_s=0.002)
        # With threads, what was read is answered by another one.
        received = self.keas.relay.received(0.05 if self.keas.threads else 0.0)
        return {host: {answer["number"]: answer for answer in answers}
                for host, answers in received.items()}

    # ------------------------------------------------------------------ comparing

    def _compare(self, what, clients, answers):
        for number, client in clients.items():
            one, other = (answers[host].get(number) for host in "ab")
            if one is None and other is None:
                self.silent += 1
                continue
            told = self._differ(one, other)
            if told:
                self.differences.append(f"{what} to {client}: {told}")
            else:
                self.answered += 1

    def _differ(self, one, other):
        if one is None or other is None:
            return f"only the Kea by {'set' if one is None else 'hook'} answers: {one or other}"
        if one["kind"] != other["kind"] or len(one["addresses"]) != len(other["addresses"]):
            return f"\n    {one}\n    {other}"
        for mine, its in zip(one["addresses"], other["addresses"]):
            if mine == its:
                continue
            here, there = self._place(mine), self._place(its)
            if here != there and here[1] == there[1] is not None:
                # Other pools and subnets of a network have other options.
                self.elsewhere += 1
                return None
            if here != there or here == (None, None):
                return f"{mine} of {here} | {its} of {there}"
        mine, its = self._says(one), self._says(other)
        return None if mine == its else f"\n    {mine}\n    {its}"

    def _says(self, answer):
        if not self._vendor_grows:
            return answer["says"]
        return dict(answer["says"], options=[
            entry for entry in answer["says"]["options"] if entry[0] != _VENDOR_CARRIERS[self.service]])
