"""The table of changes for DHCPv6: every kind of object that is mirrored."""
from . import keaconf
from .tables_common import (GLOBALS, Row, add, change, class_rows, comment_rows, drop_in_subnet,
                            global_option_rows, global_rows, option_def_rows, put_in_subnet, subnet,
                            take, together)

_DNS = {"name": "dns-servers", "code": 23, "space": "dhcp6", "data": "2001:db8::53"}
_SNTP = {"name": "sntp-servers", "code": 31, "space": "dhcp6", "data": "2001:db8::123, 2001:db8::124"}

GLOBALS_V6 = GLOBALS | {
    "host-reservation-identifiers": (["duid", "flex-id"], ["hw-address"]),
    "mac-sources": (["rfc6939", "duid"], ["ipv6-link-local"]),
    "relay-supplied-options": (["65", "110"], ["66"]),
    ("preferred-lifetime", "min-preferred-lifetime", "max-preferred-lifetime"):
        ((400, 300, 500), (500, 500, 500)),
    "dhcp4o6-port": (6767, 6868),
}


def base():
    """What both servers hold besides their own parts before the first row."""
    members = keaconf.serving("dhcp6")
    members["subnet6"] += [
        {"id": 20, "subnet": "2001:db8:20::/48", "pools": [{"pool": "2001:db8:20::/112"}],
         "pd-pools": [{"prefix": "2001:db8:20:8000::", "prefix-len": 52, "delegated-len": 60}]},
        {"id": 21, "subnet": "2001:db8:21::/48"},
    ]
    members["shared-networks"] = [
        {"name": "floor", "subnet6": [{"id": 30, "subnet": "2001:db8:30::/48"}]}]
    members["client-classes"] = [{"name": "first", "test": "member('ALL')"}]
    return members


def _out_of_everything(members, number):
    for holder in [members] + members["shared-networks"]:
        holder["subnet6"] = [s for s in holder.get("subnet6", []) if s["id"] != number]


def _into_network(number, name):
    """A step: the subnet leaves where it is and becomes a member of the shared network."""
    def step(members):
        item = subnet(members, number)
        _out_of_everything(members, number)
        target = next(n for n in members["shared-networks"] if n["name"] == name)
        target.setdefault("subnet6", []).append(item)
    return step


def _out_of_network(number):
    def step(members):
        item = subnet(members, number)
        _out_of_everything(members, number)
        members["subnet6"].append(item)
    return step


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
        return any(k in other and other[k] == item[k]
                   for k in ("hw-address", "duid", "flex-id") if k in item)
    before = holder.get("reservations", [])
    after = [other for other in before if not same(other)]
    assert not must or len(after) == len(before) - 1, item
    holder["reservations"] = after


def _reservation_rows():
    identifiers = {"hw-address": "1a:1b:1c:1d:1e:1f", "duid": "00:01:02:03:04:05:0a:0b",
                   "flex-id": "'port1234'"}
    rows = []
    for index, (identifier, value) in enumerate(identifiers.items()):
        first = {identifier: value, "ip-addresses": [f"2001:db8:21::{index + 1}"]}
        second = {identifier: value, "hostname": f"h{index}",
                  "ip-addresses": [f"2001:db8:21::{index + 101}", f"2001:db8:21::{index + 201}"]}
        rows.append(Row(f"reservation by {identifier}", [
            _reserved(21, first), _reserved(21, second), _unreserved(21, second)]))
        everywhere = {identifier: value, "hostname": f"global{index}"}
        changed = {identifier: value, "hostname": f"changed{index}",
                   "ip-addresses": [f"2001:db8:99::{index + 1}"]}
        rows.append(Row(f"global reservation by {identifier}", [
            _reserved(0, everywhere), _reserved(0, changed), _unreserved(0, changed)]))
    prefixed = {"duid": "0a:00:00:01", "prefixes": ["2001:db8:21:9000::/56"]}
    more = {"duid": "0a:00:00:01", "ip-addresses": ["2001:db8:21::abc"],
            "prefixes": ["2001:db8:21:a000::/56", "2001:db8:21:b000::/60"]}
    rows.append(Row("reservation of prefixes", [
        _reserved(21, prefixed), _reserved(21, more), _unreserved(21, more)]))
    full = {"duid": "0a:00:00:02", "ip-addresses": ["2001:db8:21::77"],
            "prefixes": ["2001:db8:21:c000::/60"], "hostname": "full.example.org",
            "client-classes": ["first", "special"], "option-data": [dict(_DNS), dict(_SNTP)],
            "user-context": {"owner": {"name": "someone"}}}
    fuller = dict(full, **{"client-classes": ["special"], "option-data": [dict(_SNTP)],
                           "comment": "moved", "user-context": {"owner": None}})
    rows.append(Row("reservation with everything in it", [
        _reserved(21, full), _reserved(21, fuller), _unreserved(21, fuller)], by_file=True))
    anywhere = dict(full, **{"duid": "0a:00:00:04", "ip-addresses": ["2001:db8:99::77"],
                             "prefixes": ["2001:db8:99:c000::/60"]})
    elsewhere = dict(anywhere, **{"client-classes": ["special"], "option-data": [dict(_SNTP)],
                                  "prefixes": ["2001:db8:99:d000::/60", "2001:db8:99:e000::/56"],
                                  "user-context": {"owner": [1, 2]}})
    rows.append(Row("global reservation with everything in it", [
        _reserved(0, anywhere), _reserved(0, elsewhere), _unreserved(0, elsewhere)]))
    only_class = {"duid": "0a:00:00:03", "client-classes": ["special"]}
    rows.append(Row("reservation without address, moved to another subnet", [
        _reserved(21, only_class),
        together(_unreserved(21, only_class), _reserved(20, only_class)),
        _unreserved(20, only_class)]))
    many = [{"duid": f"0b:00:00:{i:02x}", "ip-addresses": [f"2001:db8:20::1:{i:x}"]}
            for i in range(60)]
    rows.append(Row("many reservations at once", [
        together(*[_reserved(20, item) for item in many]),
        together(*[_reserved(20, dict(item, hostname="n" + item["duid"][-2:]))
                   for item in many[::2]]),
        # No more than the share that waits for approval is removed at a time.
        together(*[_unreserved(20, item) for item in many[:5]])]))
    return rows


def _subnet_rows():
    everything = {
        "id": 41, "subnet": "2001:db8:41::/48", "interface": "cl0", "valid-lifetime": 900,
        "min-valid-lifetime": 800, "max-valid-lifetime": 1000, "preferred-lifetime": 700,
        "min-preferred-lifetime": 600, "max-preferred-lifetime": 800, "renew-timer": 100,
        "rebind-timer": 200, "rapid-commit": True,
        "relay": {"ip-addresses": ["2001:db8:41::2", "2001:db8:41::3"]}, "client-class": "first",
        "require-client-classes": ["late1"], "reservations-global": True,
        "reservations-in-subnet": False, "ddns-send-updates": False,
        "ddns-qualifying-suffix": "sub.example.", "ddns-override-no-update": True,
        "ddns-override-client-update": True, "ddns-replace-client-name": "always",
        "ddns-generated-prefix": "sub", "ddns-update-on-renew": True,
        "ddns-use-conflict-resolution": False, "hostname-char-set": "[^a-z]",
        "hostname-char-replacement": "z", "calculate-tee-times": False, "t1-percent": 0.3,
        "t2-percent": 0.6, "cache-threshold": 0.2, "cache-max-age": 50,
        "store-extended-info": True, "option-data": [dict(_DNS)], "user-context": {"vlan": 41},
        "pools": [{"pool": "2001:db8:41::/80", "client-class": "first",
                   "require-client-classes": ["late1"], "option-data": [dict(_SNTP)],
                   "user-context": {"rack": 1}},
                  {"pool": "2001:db8:41:1::1 - 2001:db8:41:1::9"}],
        "pd-pools": [{"prefix": "2001:db8:41:8000::", "prefix-len": 52, "delegated-len": 56,
                      "excluded-prefix": "2001:db8:41:8000::80", "excluded-prefix-len": 121,
                      "client-class": "first", "require-client-classes": ["late1"],
                      "option-data": [dict(_DNS)], "user-context": {"pd": True}}]}
    relayed = {"id": 47, "subnet": "2001:db8:47::/48", "interface-id": "port-47",
               "relay": {"ip-addresses": ["2001:db8:47::1"]}}
    late = add("client-classes", {"name": "late1", "only-if-required": True,
                                  "test": "member('ALL')"})
    return [
        Row("subnet", [
            add("subnet6", {"id": 40, "subnet": "2001:db8:40::/48"}),
            change("subnet6", "id", 40, valid_lifetime=1234, comment="second floor"),
            take("subnet6", "id", 40)], by_file=True),
        Row("subnet with everything in it", [
            together(late, add("subnet6", everything)),
            change("subnet6", "id", 41, relay={"ip-addresses": ["2001:db8:41::4"]}, option_data=[],
                   user_context={"vlan": 42}, rapid_commit=False),
            together(take("subnet6", "id", 41), take("client-classes", "name", "late1"))]),
        Row("subnet by interface-id", [
            add("subnet6", relayed),
            change("subnet6", "id", 47, interface_id="port-48"),
            take("subnet6", "id", 47)]),
        Row("subnet renumbered: another prefix under the same id", [
            add("subnet6", {"id": 42, "subnet": "2001:db8:42::/48"}),
            change("subnet6", "id", 42, subnet="2001:db8:142::/48"),
            take("subnet6", "id", 42)]),
        Row("subnet under another id", [
            add("subnet6", {"id": 43, "subnet": "2001:db8:43::/48"}),
            change("subnet6", "id", 43, id=44),
            take("subnet6", "id", 44)]),
        Row("two subnets exchange their prefixes", [
            together(add("subnet6", {"id": 45, "subnet": "2001:db8:45::/48"}),
                     add("subnet6", {"id": 46, "subnet": "2001:db8:46::/48"})),
            together(change("subnet6", "id", 45, subnet="2001:db8:46::/48"),
                     change("subnet6", "id", 46, subnet="2001:db8:45::/48")),
            together(take("subnet6", "id", 45), take("subnet6", "id", 46))]),
        Row("pool", [
            put_in_subnet(21, "pools", [{"pool": "2001:db8:21::a00 - 2001:db8:21::aff"}]),
            put_in_subnet(21, "pools", [{"pool": "2001:db8:21::c00/120"},
                                        {"pool": "2001:db8:21::a00 - 2001:db8:21::aff",
                                         "option-data": [dict(_DNS)], "client-class": "first"}]),
            drop_in_subnet(21, "pools")]),
        Row("pd-pool", [
            put_in_subnet(30, "pd-pools", [
                {"prefix": "2001:db8:30:8000::", "prefix-len": 52, "delegated-len": 60}]),
            put_in_subnet(30, "pd-pools", [
                {"prefix": "2001:db8:30:8000::", "prefix-len": 52, "delegated-len": 64},
                {"prefix": "2001:db8:30:9000::", "prefix-len": 52, "delegated-len": 56,
                 "option-data": [dict(_SNTP)], "user-context": {"n": 2}}]),
            put_in_subnet(30, "pd-pools", [
                {"prefix": "2001:db8:30:9000::", "prefix-len": 52, "delegated-len": 56,
                 "excluded-prefix": "2001:db8:30:9000::100", "excluded-prefix-len": 120}]),
            drop_in_subnet(30, "pd-pools")]),
        Row("option of a subnet", [
            put_in_subnet(20, "option-data", [dict(_DNS)]),
            put_in_subnet(20, "option-data", [dict(_SNTP), dict(_DNS, data="2001:db8::54")]),
            drop_in_subnet(20, "option-data")]),
    ]


def _network_rows():
    return [
        Row("shared network", [
            add("shared-networks", {"name": "wing", "interface": "cl0", "subnet6": [
                {"id": 50, "subnet": "2001:db8:50::/48", "interface": "cl0",
                 "pools": [{"pool": "2001:db8:50::/120"}]},
                {"id": 51, "subnet": "2001:db8:51::/48", "interface": "cl0"}]}),
            change("shared-networks", "name", "wing", valid_lifetime=950, preferred_lifetime=850,
                   comment="west wing", option_data=[dict(_DNS)],
                   relay={"ip-addresses": ["2001:db8:50::2"]}, client_class="first",
                   user_context={"k": "v"}, renew_timer=99, rebind_timer=199, rapid_commit=False),
            change("shared-networks", "name", "wing", option_data=[], user_context={}),
            take("shared-networks", "name", "wing")], by_file=True),
        Row("a subnet moved into a shared network, to another, and out", [
            together(add("subnet6", {"id": 52, "subnet": "2001:db8:52::/48", "reservations": [
                         {"duid": "52:00:00:01", "ip-addresses": ["2001:db8:52::9"]}]}),
                     add("shared-networks", {"name": "attic", "subnet6": [
                         {"id": 53, "subnet": "2001:db8:53::/48"}]})),
            _into_network(52, "floor"), _into_network(52, "attic"), _out_of_network(52),
            together(take("subnet6", "id", 52), take("shared-networks", "name", "attic"))]),
        Row("the last subnet leaves a shared network", [
            add("shared-networks", {"name": "cellar", "subnet6": [
                {"id": 54, "subnet": "2001:db8:54::/48"}]}),
            _out_of_network(54),
            together(take("subnet6", "id", 54), take("shared-networks", "name", "cellar"))]),
        Row("a shared network removed while its subnets move out", [
            add("shared-networks", {"name": "loft", "subnet6": [
                {"id": 56, "subnet": "2001:db8:56::/48", "pools": [{"pool": "2001:db8:56::/120"}]},
                {"id": 57, "subnet": "2001:db8:57::/48"}]}),
            together(_out_of_network(56), _into_network(57, "floor"),
                     take("shared-networks", "name", "loft")),
            together(_out_of_network(57), take("subnet6", "id", 56), take("subnet6", "id", 57))]),
        Row("shared network renamed", [
            add("shared-networks", {"name": "before", "subnet6": [
                {"id": 55, "subnet": "2001:db8:55::/48"}]}),
            change("shared-networks", "name", "before", name="after"),
            take("shared-networks", "name", "after")]),
    ]


def _vendor_rows():
    return [
        Row("vendor options", [
            together(add("option-def", {"name": "speed", "code": 100, "space": "vendor-4491",
                                        "type": "uint32"}),
                     add("option-data", {"name": "speed", "code": 100, "space": "vendor-4491",
                                         "data": "100"}),
                     add("option-data", {"name": "vendor-opts", "data": "4491"})),
            change("option-data", "name", "speed", data="1000"),
            together(take("option-data", "name", "vendor-opts"),
                     take("option-data", "name", "speed"), take("option-def", "name", "speed"))]),
    ]


def rows():
    plain = {"id": 60, "subnet": "2001:db8:60::/48", "pools": [{"pool": "2001:db8:60::/112"}],
             "pd-pools": [{"prefix": "2001:db8:60:8000::", "prefix-len": 52, "delegated-len": 60}],
             "option-data": [dict(_DNS), dict(_SNTP)],
             "reservations": [{"duid": "60:00:00:01", "ip-addresses": ["2001:db8:60::1:9"]}]}
    return (global_rows(GLOBALS_V6) + _subnet_rows() + comment_rows(plain) + _network_rows()
            + _reservation_rows() + global_option_rows(_DNS, _SNTP) + option_def_rows("dhcp6") + _vendor_rows()
            + class_rows(_DNS, _SNTP))
