"""Objects that Kea refuses, each for one reason, and ninety-nine that it takes."""
import dataclasses

_ID = 999


@dataclasses.dataclass
class Bad:
    """`why` is in Kea's words. value None: it is the removal that is refused. blamed: the object
    that is named, where it is not this one but one that depends on it."""
    kind: str
    key: str
    value: object
    why: str
    blamed: tuple = ()

    @property
    def named(self):
        return self.blamed or (self.kind, self.key)


def base(maker):
    """A configuration of the random_config.RandomConfig `maker`, with what bad() is about."""
    config = maker.configuration()
    v4 = maker.v4
    subnet = {"id": _ID, "subnet": maker.prefix(250, 20 if v4 else 48), "reservations": [
        {"hw-address": "02:aa:00:00:00:01",
         **({"ip-address": "172.31.160.99"} if v4 else {"ip-addresses": ["2001:db8:fa::99"]})}]}
    config["shared-networks"].append({"name": "full", maker.subnets: [subnet]})
    config["client-classes"] = [{"name": "first", "test": "member('ALL')"},
                                *config["client-classes"],
                                {"name": "upon first", "test": "member('first')"}]
    config["option-def"].append({"name": "used", "code": 5, "space": "base", "type": "fqdn"})
    config["option-data"].append({"name": "used", "space": "base", "data": "used.example.org"})
    config["ip-reservations-unique"] = True
    config.pop("authoritative", None)
    return config


def good(maker):
    """Of each kind some; they depend on each other, and nothing depends on them."""
    objects = [("shared-network", "hundred", {"name": "hundred"}),
               ("option-def", f"hundred/{1}", {"name": "one", "code": 1, "space": "hundred",
                                               "type": "uint8"}),
               ("option", "hundred/1", {"name": "one", "code": 1, "space": "hundred", "data": "7"}),
               ("client-class", "hundred", {"name": "hundred", "test": "member('ALL')"}),
               ("global", "renew-timer", 77), ("global", "rebind-timer", 777)]
    for number in range(31):
        place = f"{180 + number}" if maker.v4 else f"1{number:03}"
        prefix = f"172.30.{place}.0/24" if maker.v4 else f"2001:db8:{place}::/48"
        subnet = {"id": 5000 + number, "subnet": prefix,
                  "pools": [{"pool": prefix.replace("0/24", "16/28") if maker.v4
                             else prefix.replace("::/48", "::/112")}]}
        if number % 3 == 0:
            subnet["shared-network"] = "hundred"
        objects.append(("subnet", str(subnet["id"]), subnet))
        for last in (1, 2):
            hardware = f"02:bb:00:00:{number:02x}:{last:02x}"
            address = ({"ip-address": prefix.replace(".0/24", f".{20 + last}")} if maker.v4
                       else {"ip-addresses": [prefix.replace("::/48", f"::{last}")]})
            objects.append(("reservation", f"{subnet['id']}/hw-address/{hardware}",
                            {"hw-address": hardware, **address}))
    return [{"kind": kind, "key": key, "object": value} for kind, key, value in objects[:99]]


def bad(service):
    v4 = service == "dhcp4"
    servers = ("routers", 3) if v4 else ("dns-servers", 23)
    prefix, outside = ("172.31.0.0/24", "192.0.2.1") if v4 else ("2001:db8:77::/48", "3fff::1")
    taken = "172.31.160.99" if v4 else "2001:db8:fa::99"
    name, code = servers

    def option(data):
        return {"name": name, "code": code, "space": service, "data": data}

    def subnet(number=998, **more):
        return {"id": number, "subnet": prefix, **{k.replace("_", "-"): v for k, v in more.items()}}

    def reserve(address):
        return {"ip-address": address} if v4 else {"ip-addresses": [address]}

    def reservation(place, last, **more):
        hardware = f"02:aa:00:00:00:{last:02x}"
        return f"{place}/hw-address/{hardware}", {"hw-address": hardware, **more}
    return [
        Bad("global", "hostname-char-set", "[", "is not a valid regular expression"),
        Bad("global", "no-such-parameter", 1, "no-such-parameter"),
        Bad("option-def", f"{service}/240", {"name": "bad", "code": 240, "space": service,
                                             "type": "record", "record-types": "uint8"},
            "invalid number of data fields"),
        Bad("option-def", f"{service}/{code}", {"name": "bad", "code": code, "space": service,
                                                "type": "string"}, "unable to override definition"),
        Bad("option", f"{service}/{code}", option("nowhere"), "does not match option definition"),
        Bad("option", "hundred/9", {"name": "nine", "code": 9, "space": "hundred", "data": "1",
                                    "csv-format": True}, "does not exist"),
        Bad("client-class", "bad", {"name": "bad", "test": "member('nobody')"},
            "Not defined client class"),
        Bad("client-class", "bad", {"name": "bad", "test": "option["}, "syntax error"),
        Bad("client-class", "bad", {"name": "bad", "shoe-size": 44}, "unsupported client class"),
        Bad("client-class", "ALL", {"name": "ALL", "test": "member('first')"}, "built-in class"),
        Bad("shared-network", "bad", {"name": "bad", "renew-timer": 9, "rebind-timer": 8},
            "renew-timer"),
        Bad("shared-network", "bad", {"name": "bad", "shoe-size": 44}, "shoe-size"),
        Bad("shared-network", "bad", {"name": "bad", "option-data": [option("nowhere")]},
            "does not match option definition"),
        Bad("subnet", "998", subnet(pools=[{"pool": f"{outside} - {outside}"}]), "pool"),
        Bad("subnet", "998", subnet(renew_timer=9, rebind_timer=8), "renew-timer"),
        Bad("subnet", "998", subnet(interface="eth99"), "is not present"),
        Bad("subnet", "998", subnet(subnet="172.31.160.0/20" if v4 else "2001:db8:fa::/48"),
            "already exists"),
        Bad("subnet", "998", subnet(shared_network="nowhere"), "nowhere"),
        Bad("reservation", *reservation(_ID, 2, **reserve(outside)), outside),
        Bad("reservation", *reservation(_ID, 2, **reserve(taken)), "already"),
        Bad("reservation", *reservation(_ID, 2), "at least one resource") if v4 else
        Bad("reservation", *reservation(_ID, 2, **{"shoe-size": 44}), "shoe-size"),
        Bad("reservation", *reservation(77777, 2, **reserve(taken)), "77777"),
        Bad("subnet", str(_ID), {"id": _ID, "subnet": prefix, "shared-network": "full"}, taken),
        Bad("option-def", "base/5", None, "does not exist", ("option", "base/5")),
        Bad("option-def", "base/5", {"name": "used", "code": 5, "space": "base", "type": "uint8"},
            "does not match option definition", ("option", "base/5")),
        Bad("client-class", "first", None, "Not defined client class",
            ("client-class", "upon first")),
        Bad("global", "client-class-order", ["upon first", "first"], "Not defined client class",
            ("client-class", "upon first")),
        Bad("shared-network", "full", None, "it still has subnet"),
        Bad("subnet", str(_ID), None, "it still has reservations"),
    ] + ([Bad("subnet", "998", subnet(shared_network="full", authoritative=True), "authoritative")]
         if v4 else
         [Bad("subnet", "1000", subnet(1000, shared_network="full", rapid_commit=True),
              "rapid-commit")])
