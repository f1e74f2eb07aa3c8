"""Random configurations that Kea 2.2 accepts, of every kind of object and member that is mirrored.

    configuration = RandomConfig("dhcp4", random.Random(7)).configuration()

The same seed makes the same configuration. Options, classes, networks, subnets and reservations are
plain members as a person would write them; repair() of random_repair takes out what together
would be refused. What changes a configuration is in random_change.
"""
import ipaddress

from . import random_repair, random_values as values
from .random_options import CUSTOM_CODES, RandomOptions
from .random_values import chance

CLASS_NAMES = ("phones", "printers", "tower", "lab rats", "guests", "late", "later", "DROP", "KNOWN")
# The clients of the exchanges send these; tests of classes are about them.
VENDOR_CLASSES = ("phone", "printer", "door")
PORTS = ("port1", "port2")


class RandomConfig(RandomOptions):
    """Makes members for `service` from the random.Random `rng`."""

    # ------------------------------------------------------------------ the whole

    def configuration(self):
        rng, config = self.rng, {}
        self.config = config
        config.update(self.globals())
        config["option-def"] = self.definitions()
        config["client-classes"] = []
        for name in rng.sample(CLASS_NAMES, rng.randint(0, 6)):
            config["client-classes"].append(self.client_class(name))
        config["option-data"] = self.options(0.6, most=6)
        config["shared-networks"] = [self.network(f"net-{number}")
                                     for number in range(rng.choice((0, 1, 2, 2, 3)))]
        config[self.subnets] = []
        for _ in range(rng.choice((0, 3, 4, 5, 6, 8, 12) if not chance(rng, 0.03) else (60,))):
            holder = self.any_holder()
            holder.append(self.subnet())
        config["reservations"] = [self.reservation() for _ in range(rng.choice((0, 0, 1, 3)))]
        random_repair.repair(self.service, config, rng)
        return config

    def any_holder(self):
        """A list of subnets: the plain ones, or those of a shared network."""
        networks = self.config.get("shared-networks", [])
        if networks and chance(self.rng, 0.5):
            return self.rng.choice(networks).setdefault(self.subnets, [])
        return self.config.setdefault(self.subnets, [])

    def all_subnets(self):
        return random_repair.all_subnets(self.service, self.config)

    # ------------------------------------------------------------------ what is at several levels

    def lifetimes(self, name, least):
        """A lifetime with or without its bounds; those of different levels fit each other."""
        members = {name: least + self.rng.randint(500, 900)}
        members.update(self.some(0.4, {
            f"min-{name}": lambda: least + self.rng.randint(0, 400),
            f"max-{name}": lambda: least + self.rng.randint(1000, 2000)}))
        return members

    def inherited(self, share):
        """Members of globals, networks and subnets alike."""
        rng, word = self.rng, lambda: values.word(self.rng)
        members = self.some(share, {
            "renew-timer": lambda: rng.randint(50, 400),
            "rebind-timer": lambda: rng.randint(500, 900),
            "store-extended-info": self.boolean,
            "ddns-send-updates": self.boolean, "ddns-override-no-update": self.boolean,
            "ddns-override-client-update": self.boolean,
            "ddns-replace-client-name": lambda: rng.choice(
                ("never", "always", "when-present", "when-not-present")),
            "ddns-generated-prefix": word, "ddns-qualifying-suffix": lambda: f"{word()}.example.",
            "ddns-update-on-renew": self.boolean, "ddns-use-conflict-resolution": self.boolean,
            "hostname-char-set": lambda: rng.choice(("[^A-Z]", "[^a-z]", "")),
            "hostname-char-replacement": lambda: rng.choice(("x", "", "-")),
            "calculate-tee-times": self.boolean,
            "t1-percent": lambda: rng.choice((0.25, 0.4, 0.45, 0.123)),
            "t2-percent": lambda: rng.choice((0.6, 0.75, 0.8125)),
            "cache-threshold": lambda: rng.choice((0.25, 0.3333)),
            "cache-max-age": lambda: rng.randint(10, 1000),
            "user-context": lambda: values.user_context(rng)})
        if chance(rng, share):
            members.update(self.lifetimes("valid-lifetime", 1000))
        if not self.v4 and chance(rng, share):
            members.update(self.lifetimes("preferred-lifetime", 300))
        if chance(rng, share):
            members.update(self.reservation_flags())
        return members

    def reservation_flags(self):
        if chance(self.rng, 0.2):
            return {"reservation-mode": self.rng.choice(("disabled", "out-of-pool", "global", "all"))}
        return self.some(0.5, {"reservations-global": self.boolean,
                               "reservations-in-subnet": self.boolean,
                               "reservations-out-of-pool": self.boolean})

    def boot(self, share):
        """next-server and its like, of DHCPv4."""
        rng = self.rng
        return self.some(share, {
            "next-server": lambda: f"192.0.2.{rng.randint(1, 99)}",
            "server-hostname": lambda: f"{values.word(rng)}.example.org",
            "boot-file-name": lambda: f"/boot/{values.word(rng)}.img"}) if self.v4 else {}

    def placed(self, share):
        """Members of networks and subnets."""
        members = self.some(share, {
            "client-class": self.class_name,
            "require-client-classes": lambda: [self.class_name()
                                               for _ in range(self.rng.randint(1, 2))],
            "interface": lambda: "cl0"})
        if self.v4:
            members.update(self.boot(share))
            members.update(self.some(share, {"match-client-id": self.boolean,
                                             "authoritative": self.boolean}))
        else:
            members.update(self.some(share, {
                "rapid-commit": self.boolean,
                "interface-id": lambda: self.rng.choice(PORTS)}))
        return members

    def class_name(self):
        """One that there is mostly; Kea also takes others."""
        names = [item["name"] for item in self.config.get("client-classes", [])]
        return self.rng.choice(names + ["ALL", "ALL", "nowhere defined"])

    # ------------------------------------------------------------------ globals

    def globals(self):
        members = self.inherited(0.3)
        members.update(self.boot(0.3))
        members.update(self.some(0.25, self.only_global()))
        return members

    def only_global(self):
        rng = self.rng
        makers = {
            "decline-probation-period": lambda: rng.randint(100, 9000),
            "early-global-reservations-lookup": self.boolean,
            "reservations-lookup-first": self.boolean,
            "ip-reservations-unique": self.boolean,
            "statistic-default-sample-age": lambda: rng.choice((0, 60)),
            "statistic-default-sample-count": lambda: rng.choice((0, 20, 30)),
            "parked-packet-limit": lambda: rng.choice((64, 256)),
            "compatibility": lambda: {"lenient-option-parsing": self.boolean()},
            "sanity-checks": lambda: {"lease-checks": rng.choice(
                ("none", "warn", "fix", "fix-del", "del"))},
            "expired-leases-processing": lambda: self.some(0.5, {
                "reclaim-timer-wait-time": lambda: rng.randint(5, 20),
                "flush-reclaimed-timer-wait-time": lambda: rng.randint(5, 50),
                "hold-reclaimed-time": lambda: rng.randint(100, 5000),
                "max-reclaim-leases": lambda: rng.randint(1, 200),
                "max-reclaim-time": lambda: rng.randint(50, 500),
                "unwarned-reclaim-cycles": lambda: rng.randint(1, 10)}),
            "dhcp4o6-port": lambda: rng.choice((0, 0, 0, 6767)),
            "host-reservation-identifiers": lambda: rng.sample(
                self.identifiers(), rng.randint(1, len(self.identifiers()))),
        }
        if self.v4:
            makers.update({"authoritative": self.boolean, "echo-client-id": self.boolean,
                           "match-client-id": self.boolean})
        else:
            makers.update({
                "mac-sources": lambda: rng.sample(
                    ("rfc6939", "duid", "ipv6-link-local", "remote-id", "docsis-cmts"),
                    rng.randint(1, 3)),
                "relay-supplied-options": lambda: rng.choice((["65"], ["110", "66"], []))})
        return makers

    def identifiers(self):
        if self.v4:
            return ["hw-address", "duid", "circuit-id", "client-id", "flex-id"]
        return ["hw-address", "duid", "flex-id"]

    # ------------------------------------------------------------------ classes

    def client_class(self, name):
        rng = self.rng
        item = {"name": name, "user-context": values.user_context(rng)}
        if name not in ("KNOWN",) and (chance(rng, 0.8) or name == "DROP"):
            item["test"] = self.test() if name != "DROP" else self.door()
        item.update(self.some(0.2, {"only-if-required": self.boolean}))
        if name in ("DROP", "KNOWN"):
            item.pop("only-if-required", None)
        own = []
        if self.v4:
            item.update(self.boot(0.3))
            if chance(rng, 0.3):
                own.append(self.definition("dhcp4", 43, "vendor-encapsulated-options"))
            if chance(rng, 0.2):
                own.append(self.definition("dhcp4", rng.choice(CUSTOM_CODES["dhcp4"])))
            if own or chance(rng, 0.2):
                item["option-def"] = own
        if chance(rng, 0.25):
            item.update(self.lifetimes("valid-lifetime", 1000))
        if not self.v4 and chance(rng, 0.25):
            item.update(self.lifetimes("preferred-lifetime", 300))
        options = self.options(0.6, own=own)
        if options or chance(rng, 0.3):
            item["option-data"] = options
        return item

    def door(self):
        """The test of what is dropped: one kind of client, not everything."""
        return ("option[60].hex == 'door'" if self.v4
                else "substring(option[16].hex, 6, 10) == 'door'")

    def test(self):
        rng = self.rng
        names = [item["name"] for item in self.config.get("client-classes", [])] + ["ALL", "KNOWN"]
        custom = [item["name"] for item in self.config.get("option-def", [])
                  if item["space"] == self.service] or (["60"] if self.v4 else ["16"])
        kind = rng.choice(VENDOR_CLASSES)
        if self.v4:
            atoms = (f"option[60].hex == '{kind}'",
                     f"substring(option[60].hex, 0, 2) == '{kind[:2]}'",
                     f"option[vendor-class-identifier].text == '{kind}'",
                     "pkt4.msgtype == 1", "substring(pkt4.mac, 0, 2) == 0x0200",
                     f"relay4[1].hex == '{rng.choice(PORTS)}'", "option[61].exists")
        else:
            atoms = (f"substring(option[16].hex, 6, 10) == '{kind}'", "option[16].exists",
                     f"vendor-class[4491].data == '{kind}'", "pkt6.msgtype == 1",
                     "substring(option[1].hex, 0, 2) == 0x0003",
                     f"relay6[0].option[18].hex == '{rng.choice(PORTS)}'", "option[25].exists")
        atoms += (f"member('{rng.choice(names)}')", f"option[{rng.choice(custom)}].exists",
                  f"option[{rng.choice(custom)}].hex == 0x{rng.randbytes(2).hex()}")
        text = rng.choice(atoms)
        while chance(rng, 0.4):
            text = f"({text}) {rng.choice(('and', 'or', 'or not'))} ({rng.choice(atoms)})"
        return f"not ({text})" if chance(rng, 0.2) else text

    # ------------------------------------------------------------------ networks and subnets

    def network(self, name):
        item = {"name": name, **self.inherited(0.15), **self.placed(0.15)}
        options = self.options(0.4)
        if options or chance(self.rng, 0.3):
            item["option-data"] = options
        if chance(self.rng, 0.15):
            item["relay"] = {"ip-addresses": self.relays(self.rng.randint(0, 255))}
        if chance(self.rng, 0.1):
            item[self.subnets] = []
        return item

    def relays(self, number):
        rng = self.rng
        found = {(f"172.{16 + number // 16}.{number % 16 * 16 + 15}.{rng.randint(1, 250)}" if self.v4
                  else f"2001:db8:{number:x}:ff::{rng.randint(1, 250):x}")
                 for _ in range(rng.randint(1, 3))}
        return sorted(found)

    def free_number(self):
        used = {self.number_of(item["subnet"]) for item in self.all_subnets()}
        return self.rng.choice([number for number in range(1, 250) if number not in used])

    def number_of(self, prefix):
        """Which of the prefixes of prefix() it is."""
        packed = ipaddress.ip_network(prefix).network_address.packed
        return (packed[1] - 16) * 16 + packed[2] // 16 if self.v4 else packed[5]

    def prefix(self, number, length=None):
        if self.v4:
            length = length or self.rng.choice((20, 22, 24, 25))
            return f"172.{16 + number // 16}.{number % 16 * 16}.0/{length}"
        return f"2001:db8:{number:x}::/{length or self.rng.choice((48, 56, 64))}"

    def free_id(self):
        used = {item["id"] for item in self.all_subnets()}
        while (number := self.rng.choice((self.rng.randint(1, 200), self.rng.randint(1, 1 << 31)))) \
                in used:
            pass
        return number

    def subnet(self):
        rng, number = self.rng, self.free_number()
        item = {"id": self.free_id(), "subnet": self.prefix(number), **self.inherited(0.1),
                **self.placed(0.12)}
        options = self.options(0.4)
        if options or chance(rng, 0.3):
            item["option-data"] = options
        if chance(rng, 0.15):
            item["relay"] = {"ip-addresses": self.relays(number)}
        item["pools"] = [self.pool(item["subnet"], slot)
                         for slot in rng.sample(range(1, 5), rng.choice((0, 1, 1, 2, 3)))]
        if self.v4:
            item.update(self.some(0.08, {
                "4o6-interface": lambda: "cl0", "4o6-interface-id": lambda: rng.choice(PORTS),
                "4o6-subnet": lambda: f"2001:db8:{number:x}::/48"}))
        elif chance(rng, 0.6):
            item["pd-pools"] = [self.pd_pool(number, slot)
                                for slot in rng.sample(range(1, 5), rng.randint(1, 2))]
        item["reservations"] = [self.reservation(item["subnet"])
                                for _ in range(rng.choice((0, 0, 1, 2, 4)))]
        return item

    def address(self, prefix, host):
        return str(ipaddress.ip_network(prefix).network_address + host)

    def pool(self, prefix, slot):
        """One of the pools a subnet may have, by its number: sixteen addresses, or some of them."""
        first, last = 16 * slot, 16 * slot + 15
        text = (f"{self.address(prefix, first)}/{28 if self.v4 else 124}" if chance(self.rng, 0.4)
                else f"{self.address(prefix, first)} - "
                     f"{self.address(prefix, last - self.rng.choice((0, 0, 3, 12)))}")
        return {"pool": text, **self.pool_members()}

    def pool_members(self):
        options = self.options(0.3)
        return {**({"option-data": options} if options else {}), **self.some(0.12, {
            "client-class": self.class_name,
            "require-client-classes": lambda: [self.class_name()],
            "user-context": lambda: values.user_context(self.rng)})}

    def pd_pool(self, number, slot):
        base = f"3000:{number:x}:{slot:x}:"
        item = {"prefix": f"{base}:", "prefix-len": 48, "delegated-len": self.rng.choice((56, 60, 64)),
                **self.pool_members()}
        if chance(self.rng, 0.25):
            item.update({"excluded-prefix": f"{base}:80", "excluded-prefix-len": 121})
        return item

    # ------------------------------------------------------------------ reservations

    def reservation(self, prefix=None):
        """In the subnet of `prefix`, or a global one."""
        rng = self.rng
        kind = rng.choice(self.identifiers())
        item = {kind: {
            "hw-address": lambda: values.mac(rng), "duid": lambda: values.hex_id(rng, (0, 3, 0, 1), 6),
            "client-id": lambda: values.hex_id(rng, (1,), 6),
            "circuit-id": lambda: f"'{rng.choice(PORTS)}{values.word(rng, 2)}'",
            "flex-id": lambda: f"'{values.word(rng)}'"}[kind]()}
        if not chance(rng, 0.2):
            self.address_members(item, prefix)
        item.update(self.some(0.4, {"hostname": lambda: f"{values.word(rng)}.example.org"}))
        item.update(self.boot(0.15))
        options = self.options(0.3)
        if options:
            item["option-data"] = options
        item.update(self.some(0.25, {
            "client-classes": lambda: [self.class_name() for _ in range(rng.randint(1, 2))],
            "user-context": lambda: values.user_context(rng)}))
        return item

    def address_members(self, item, prefix):
        rng = self.rng
        # Within pools and besides.
        where = prefix or self.prefix(rng.randint(1, 250), 20 if self.v4 else 48)
        if self.v4:
            item["ip-address"] = self.address(where, rng.choice((rng.randint(16, 79),
                                                                 rng.randint(96, 120))))
            return
        hosts = rng.sample(range(16, 120), rng.choice((1, 1, 2)))
        item["ip-addresses"] = [self.address(where, host) for host in hosts]
        if chance(rng, 0.4):
            item["prefixes"] = [f"3001:{rng.randint(1, 999):x}:{rng.randint(1, 999):x}::/56"
                                for _ in range(rng.randint(1, 2))]
