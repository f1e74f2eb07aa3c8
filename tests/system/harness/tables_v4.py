"""The table of changes for DHCPv4: every kind of object that is mirrored."""
from . import keaconf
from .tables_common import (GLOBALS, Row, add, change, class_rows, comment_rows, drop_in_subnet,
                            global_option_rows, global_rows, option_def_rows, put_in_subnet, subnet,
                            take, together)

_ROUTERS = {"name": "routers", "code": 3, "space": "dhcp4", "data": "10.0.0.1"}
_SERVERS = {"name": "domain-name-servers", "code": 6, "space": "dhcp4", "data": "10.0.0.8, 10.0.0.9"}

GLOBALS_V4 = GLOBALS | {
    "authoritative": (True, False),
    "boot-file-name": ("/boot/a.img", "/boot/b.img"),
    "next-server": ("192.0.2.7", "192.0.2.8"),
    "server-hostname": ("tftp.example.org", "tftp2.example.org"),
    "echo-client-id": (False, True),
    "match-client-id": (False, True),
    "host-reservation-identifiers": (["client-id", "hw-address", "flex-id"], ["circuit-id"]),
    "dhcp4o6-port": (6767, 6868),
}


def base():
    """What both servers hold besides their own parts before the first row."""
    members = keaconf.serving("dhcp4")
    members["subnet4"] += [
        {"id": 20, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.10 - 192.0.2.99"}]},
        {"id": 21, "subnet": "198.51.100.0/24"},
    ]
    members["shared-networks"] = [
        {"name": "floor", "subnet4": [{"id": 30, "subnet": "203.0.113.0/25"}]}]
    members["client-classes"] = [{"name": "first", "test": "member('ALL')"}]
    return members


def _into_network(number, name):
    """A step: the subnet leaves where it is and becomes a member of the shared network."""
    def step(members):
        item = subnet(members, number)
        _out_of_everything(members, number)
        for shared in members["shared-networks"]:
            if shared["name"] == name:
                shared.setdefault("subnet4", []).append(item)
                return
        raise KeyError(name)
    return step


def _out_of_everything(members, number):
    for holder in [members] + members["shared-networks"]:
        holder["subnet4"] = [s for s in holder.get("subnet4", []) if s["id"] != number]


def _out_of_network(number):
    def step(members):
        item = subnet(members, number)
        _out_of_everything(members, number)
        members["subnet4"].append(item)
    return step


def _reservation(number, identifier, value, **more):
    return dict({identifier: value}, **{k.replace("_", "-"): v for k, v in more.items()})


def _reserved(number, item):
    """A step: the reservation is added to the subnet, or replaces the one of its identifier."""
    def step(members):
        holder = members if number == 0 else subnet(members, number)
        _unreserve(holder, item, must=False)
        holder.setdefault("reservations", []).append(item)
    return step


def _unreserved(number, item):
    def step(members):
        _unreserve(members if number == 0 else subnet(members, number), item, must=True)
    return step


def _unreserve(holder, item, must):
    def same(other):
        return any(k in other and other[k] == item[k] for k in
                   ("hw-address", "duid", "circuit-id", "client-id", "flex-id") if k in item)
    before = holder.get("reservations", [])
    after = [other for other in before if not same(other)]
    assert not must or len(after) == len(before) - 1, item
    holder["reservations"] = after


def _reservation_rows():
    identifiers = {
        "hw-address": "1a:1b:1c:1d:1e:1f", "duid": "0a:0b:0c:0d:0e:0f:01:02",
        "circuit-id": "'charter950'", "client-id": "01:11:22:33:44:55:66",
        "flex-id": "'s0mEVaLue'"}
    rows = []
    for index, (identifier, value) in enumerate(identifiers.items()):
        first = _reservation(21, identifier, value, ip_address=f"198.51.100.{10 + index}")
        second = dict(first, **{"ip-address": f"198.51.100.{30 + index}", "hostname": f"h{index}"})
        rows.append(Row(f"reservation by {identifier}", [
            _reserved(21, first), _reserved(21, second), _unreserved(21, second)]))
        everywhere = _reservation(0, identifier, value, hostname=f"global{index}")
        changed = dict(everywhere, hostname=f"changed{index}", **{"ip-address": f"10.9.9.{index}"})
        rows.append(Row(f"global reservation by {identifier}", [
            _reserved(0, everywhere), _reserved(0, changed), _unreserved(0, changed)]))
    full = _reservation(
        21, "hw-address", "aa:bb:cc:dd:ee:01", ip_address="198.51.100.77", hostname="full",
        next_server="192.0.2.1", server_hostname="boot.example.org", boot_file_name="/x.img",
        client_classes=["first", "special"], option_data=[dict(_ROUTERS), dict(_SERVERS)],
        user_context={"owner": {"name": "someone"}})
    fuller = dict(full, **{"client-classes": ["special"], "option-data": [dict(_SERVERS)],
                           "comment": "moved", "user-context": {"owner": None}})
    rows.append(Row("reservation with everything in it", [
        _reserved(21, full), _reserved(21, fuller), _unreserved(21, fuller)], by_file=True))
    anywhere = dict(full, **{"hw-address": "aa:bb:cc:dd:ee:03", "ip-address": "10.9.9.77"})
    elsewhere = dict(anywhere, **{"client-classes": ["special"], "option-data": [dict(_ROUTERS)],
                                  "user-context": {"owner": [1, 2]}})
    rows.append(Row("global reservation with everything in it", [
        _reserved(0, anywhere), _reserved(0, elsewhere), _unreserved(0, elsewhere)]))
    only_class = _reservation(21, "hw-address", "aa:bb:cc:dd:ee:02", client_classes=["special"])
    rows.append(Row("reservation without address, moved to another subnet", [
        _reserved(21, only_class),
        together(_unreserved(21, only_class), _reserved(20, only_class)),
        _unreserved(20, only_class)]))
    many = [_reservation(20, "hw-address", f"02:00:00:00:00:{i:02x}",
                         ip_address=f"192.0.2.{100 + i}") for i in range(60)]
    rows.append(Row("many reservations at once", [
        together(*[_reserved(20, item) for item in many]),
        together(*[_reserved(20, dict(item, hostname="n" + item["hw-address"][-2:]))
                   for item in many[::2]]),
        # No more than the share that waits for approval is removed at a time.
        together(*[_unreserved(20, item) for item in many[:5]])]))
    return rows


def _subnet_rows():
    everything = {
        "id": 41, "subnet": "172.16.0.0/20", "interface": "cl0", "valid-lifetime": 900,
        "min-valid-lifetime": 800, "max-valid-lifetime": 1000, "renew-timer": 100,
        "rebind-timer": 200, "match-client-id": False, "authoritative": True,
        "next-server": "172.16.0.1", "server-hostname": "s", "boot-file-name": "b",
        "relay": {"ip-addresses": ["172.16.0.2", "172.16.0.3"]}, "client-class": "first",
        "require-client-classes": ["late1"], "reservations-global": True,
        "reservations-in-subnet": False, "4o6-subnet": "2001:db8::/32", "4o6-interface-id": "if",
        "4o6-interface": "cl0", "ddns-send-updates": False, "ddns-qualifying-suffix": "sub.example.",
        "ddns-override-no-update": True, "ddns-override-client-update": True,
        "ddns-replace-client-name": "always", "ddns-generated-prefix": "sub",
        "ddns-update-on-renew": True, "ddns-use-conflict-resolution": False,
        "hostname-char-set": "[^a-z]", "hostname-char-replacement": "z",
        "calculate-tee-times": True, "t1-percent": 0.3, "t2-percent": 0.6,
        "cache-threshold": 0.2, "cache-max-age": 50, "store-extended-info": True,
        "option-data": [dict(_ROUTERS, data="172.16.0.1")], "user-context": {"vlan": 41},
        "pools": [{"pool": "172.16.1.0/24", "client-class": "first",
                   "require-client-classes": ["late1"], "option-data": [dict(_SERVERS)],
                   "user-context": {"rack": 1}},
                  {"pool": "172.16.2.1 - 172.16.2.9"}]}
    late = add("client-classes", {"name": "late1", "only-if-required": True,
                                  "test": "member('ALL')"})
    without_late = take("client-classes", "name", "late1")
    return [
        Row("subnet", [
            add("subnet4", {"id": 40, "subnet": "172.20.0.0/16"}),
            change("subnet4", "id", 40, valid_lifetime=1234, comment="second floor"),
            take("subnet4", "id", 40)], by_file=True),
        Row("subnet with everything in it", [
            together(late, add("subnet4", everything)),
            change("subnet4", "id", 41, relay={"ip-addresses": ["172.16.0.4"]}, option_data=[],
                   user_context={"vlan": 42}, interface="", next_server="172.16.0.9"),
            together(take("subnet4", "id", 41), without_late)]),
        Row("subnet renumbered: another prefix under the same id", [
            add("subnet4", {"id": 42, "subnet": "172.17.0.0/24"}),
            change("subnet4", "id", 42, subnet="172.18.0.0/24"),
            take("subnet4", "id", 42)]),
        Row("subnet under another id", [
            add("subnet4", {"id": 43, "subnet": "172.19.0.0/24"}),
            change("subnet4", "id", 43, id=44),
            take("subnet4", "id", 44)]),
        Row("two subnets exchange their prefixes", [
            together(add("subnet4", {"id": 45, "subnet": "172.21.0.0/24"}),
                     add("subnet4", {"id": 46, "subnet": "172.22.0.0/24"})),
            together(change("subnet4", "id", 45, subnet="172.22.0.0/24"),
                     change("subnet4", "id", 46, subnet="172.21.0.0/24")),
            together(take("subnet4", "id", 45), take("subnet4", "id", 46))]),
        Row("pool", [
            put_in_subnet(21, "pools", [{"pool": "198.51.100.100 - 198.51.100.120"}]),
            put_in_subnet(21, "pools", [{"pool": "198.51.100.100 - 198.51.100.130"},
                                        {"pool": "198.51.100.128/32"}][:1]),
            put_in_subnet(21, "pools", [{"pool": "198.51.100.140/31"},
                                        {"pool": "198.51.100.100 - 198.51.100.130",
                                         "option-data": [dict(_ROUTERS)], "client-class": "first"}]),
            drop_in_subnet(21, "pools")]),
        Row("option of a pool", [
            put_in_subnet(20, "pools", [{"pool": "192.0.2.10 - 192.0.2.99",
                                         "option-data": [dict(_ROUTERS)]}]),
            put_in_subnet(20, "pools", [{"pool": "192.0.2.10 - 192.0.2.99",
                                         "option-data": [dict(_ROUTERS, data="10.0.0.77")],
                                         "user-context": {"x": [1, 2]}}]),
            put_in_subnet(20, "pools", [{"pool": "192.0.2.10 - 192.0.2.99"}])]),
        Row("option of a subnet", [
            put_in_subnet(30, "option-data", [dict(_ROUTERS)]),
            put_in_subnet(30, "option-data", [dict(_SERVERS), dict(_ROUTERS, data="10.0.0.78")]),
            drop_in_subnet(30, "option-data")]),
    ]


def _network_rows():
    return [
        Row("shared network", [
            add("shared-networks", {"name": "wing", "subnet4": [
                {"id": 50, "subnet": "172.24.0.0/24", "pools": [{"pool": "172.24.0.0/25"}]},
                {"id": 51, "subnet": "172.24.1.0/24"}]}),
            change("shared-networks", "name", "wing", valid_lifetime=950, comment="west wing",
                   option_data=[dict(_ROUTERS)], relay={"ip-addresses": ["172.24.0.2"]},
                   authoritative=True, client_class="first", match_client_id=False,
                   next_server="172.24.0.3", boot_file_name="w", server_hostname="w",
                   user_context={"k": "v"}, renew_timer=99, rebind_timer=199),
            change("shared-networks", "name", "wing", option_data=[], user_context={}),
            take("shared-networks", "name", "wing")], by_file=True),
        Row("a subnet moved into a shared network, to another, and out", [
            together(add("subnet4", {"id": 52, "subnet": "172.25.0.0/24", "reservations": [
                         {"hw-address": "52:00:00:00:00:01", "ip-address": "172.25.0.9"}]}),
                     add("shared-networks", {"name": "attic", "subnet4": [
                         {"id": 53, "subnet": "172.25.1.0/24"}]})),
            _into_network(52, "floor"), _into_network(52, "attic"), _out_of_network(52),
            together(take("subnet4", "id", 52), take("shared-networks", "name", "attic"))]),
        Row("the last subnet leaves a shared network", [
            together(add("shared-networks", {"name": "cellar", "subnet4": [
                {"id": 54, "subnet": "172.26.0.0/24"}]})),
            _out_of_network(54),
            together(take("subnet4", "id", 54), take("shared-networks", "name", "cellar"))]),
        Row("a shared network removed while its subnets move out", [
            add("shared-networks", {"name": "loft", "subnet4": [
                {"id": 56, "subnet": "172.28.0.0/24", "pools": [{"pool": "172.28.0.0/25"}]},
                {"id": 57, "subnet": "172.28.1.0/24"}]}),
            together(_out_of_network(56), _into_network(57, "floor"),
                     take("shared-networks", "name", "loft")),
            together(_out_of_network(57), take("subnet4", "id", 56), take("subnet4", "id", 57))]),
        Row("shared network renamed", [
            add("shared-networks", {"name": "before", "subnet4": [
                {"id": 55, "subnet": "172.27.0.0/24"}]}),
            change("shared-networks", "name", "before", name="after"),
            take("shared-networks", "name", "after")]),
    ]


def _more_option_rows():
    return [
        Row("vendor options of two vendors", [
            together(add("option-def", {"name": "speed", "code": 100, "space": "vendor-4491",
                                        "type": "uint32"}),
                     add("option-data", {"name": "speed", "code": 100, "space": "vendor-4491",
                                         "data": "100"}),
                     add("option-data", {"name": "vivso-suboptions", "data": "4491"})),
            change("option-data", "name", "speed", data="1000"),
            together(take("option-data", "name", "vivso-suboptions"),
                     take("option-data", "name", "speed"), take("option-def", "name", "speed"))]),
        Row("options of a class's own definition", [
            add("client-classes", {
                "name": "vendor-class", "test": "member('ALL')", "next-server": "192.0.2.9",
                "server-hostname": "vc", "boot-file-name": "vc.img",
                "option-def": [{"name": "vendor-encapsulated-options", "code": 43, "type": "empty",
                                "encapsulate": "mine"}],
                "option-data": [{"name": "vendor-encapsulated-options"}]}),
            change("client-classes", "name", "vendor-class", boot_file_name="vd.img",
                   option_def=[{"name": "vendor-encapsulated-options", "code": 43,
                                "type": "string"}],
                   option_data=[{"name": "vendor-encapsulated-options", "data": "x"}]),
            take("client-classes", "name", "vendor-class")]),
    ]


def rows():
    plain = {"id": 60, "subnet": "172.30.0.0/24", "pools": [{"pool": "172.30.0.0/25"}],
             "option-data": [dict(_ROUTERS), dict(_SERVERS)],
             "reservations": [{"hw-address": "60:00:00:00:00:01", "ip-address": "172.30.0.200"}]}
    return (global_rows(GLOBALS_V4) + _subnet_rows() + comment_rows(plain) + _network_rows()
            + _reservation_rows() + global_option_rows(_ROUTERS, _SERVERS) + option_def_rows("dhcp4")
            + _more_option_rows() + class_rows(_ROUTERS, _SERVERS))
