"""Rows of the tables of changes that are alike for DHCPv4 and DHCPv6.

A row is a name and its steps: each a function that edits the members of the primary's configuration
("Dhcp4" or "Dhcp6") in place: mostly upsert, change, removal. Rows do not touch each other's
objects, so that steps of several rows may be made in one change.
"""
import dataclasses
from typing import Callable


@dataclasses.dataclass
class Row:
    name: str
    steps: list[Callable]
    # Made by the file only: over the socket Kea 2.2 knows no `comment`, or ignores it.
    by_file: bool = False


def subnets(members):
    return members["subnet4"] if "subnet4" in members else members["subnet6"]


def subnet(members, number):
    """The subnet of that id, wherever it is."""
    for item in all_subnets(members):
        if item["id"] == number:
            return item
    raise KeyError(number)


def all_subnets(members):
    found = list(subnets(members))
    for network in members.get("shared-networks", []):
        found += network.get("subnet4", network.get("subnet6", []))
    return found


def put(name, value):
    """A step: the member `name` becomes `value`."""
    def step(members):
        members[name] = value
    return step


def drop(*names):
    """A step: the members are taken out."""
    def step(members):
        for name in names:
            del members[name]
    return step


def put_in_subnet(number, name, value):
    def step(members):
        subnet(members, number)[name] = value
    return step


def drop_in_subnet(number, *names):
    def step(members):
        for name in names:
            del subnet(members, number)[name]
    return step


def add(name, item):
    """A step: `item` goes to the end of the list `name`."""
    def step(members):
        members.setdefault(name, []).append(item)
    return step


def change(name, key, value, /, **updates):
    """A step: the item of list `name` whose member `key` is `value` gets `updates` (_ for -)."""
    def step(members):
        for item in members[name]:
            if item.get(key) == value:
                item.update({k.replace("_", "-"): v for k, v in updates.items()})
                return
        raise KeyError(f"{name} {key}={value}")
    return step


def take(name, key, value):
    """A step: the item of list `name` whose member `key` is `value` is taken out."""
    def step(members):
        before = len(members[name])
        members[name] = [item for item in members[name] if item.get(key) != value]
        assert len(members[name]) == before - 1, f"{name} {key}={value}"
    return step


def together(*steps):
    def step(members):
        for one in steps:
            one(members)
    return step


# A value, and another, for every global both services have. Those that must go together are a tuple
# of names with a tuple of values.
GLOBALS = {
    "calculate-tee-times": (False, True),
    ("ddns-generated-prefix", "ddns-replace-client-name"):
        (("lab", "when-not-present"), ("yard", "always")),
    "ddns-override-client-update": (True, False),
    "ddns-override-no-update": (True, False),
    "ddns-qualifying-suffix": ("example.org.", "example.net."),
    "ddns-send-updates": (False, True),
    "ddns-update-on-renew": (True, False),
    "ddns-use-conflict-resolution": (False, True),
    "decline-probation-period": (3600, 7200),
    "early-global-reservations-lookup": (True, False),
    "expired-leases-processing": (
        {"flush-reclaimed-timer-wait-time": 5, "hold-reclaimed-time": 100,
         "max-reclaim-leases": 7, "max-reclaim-time": 70, "reclaim-timer-wait-time": 9,
         "unwarned-reclaim-cycles": 3},
        {"reclaim-timer-wait-time": 11}),
    ("hostname-char-set", "hostname-char-replacement"): (("[^A-Z]", "x"), ("[^a-z]", "")),
    "ip-reservations-unique": (False, True),
    "parked-packet-limit": (128, 64),
    "reservations-global": (True, False),
    ("reservations-in-subnet", "reservations-out-of-pool"): ((True, True), (False, False)),
    "reservations-lookup-first": (True, False),
    "sanity-checks": ({"lease-checks": "fix-del"}, {"lease-checks": "none"}),
    "statistic-default-sample-age": (60, 120),
    "statistic-default-sample-count": (0, 30),
    "store-extended-info": (True, False),
    ("t1-percent", "t2-percent"): ((0.4, 0.75), (0.45, 0.8125)),
    ("renew-timer", "rebind-timer"): ((300, 500), (0, 100)),
    ("valid-lifetime", "min-valid-lifetime", "max-valid-lifetime"):
        ((1000, 500, 2000), (1200, 1200, 4294967295)),
    "cache-threshold": (0.25, 0.3333),
    "cache-max-age": (100, 200),
    "compatibility": ({"lenient-option-parsing": True}, {"lenient-option-parsing": False}),
    "user-context": ({"site": "east", "tags": ["b", "a"], "deep": {"z": 1, "a": [1.5, None, True]}},
                     {"site": "wéßt \"quoted\" \\ /", "tags": ["a", "b"]}),
    "comment": ("kept by hand", "kept by two hands"),
}


def names_of(name):
    return name if isinstance(name, tuple) else (name,)


def global_rows(values, group=6):
    """Rows for the globals in `values`, `group` of them in each."""
    rows, entries = [], list(values.items())
    for start in range(0, len(entries), group):
        rows.append(_global_row(entries[start:start + group]))
    return rows


def _global_row(entries):
    def set_to(index):
        def step(members):
            for name, values in entries:
                if isinstance(name, tuple):
                    members.update(zip(name, values[index]))
                else:
                    members[name] = values[index]
        return step
    before = {}

    def remember_and_set(members):
        for name, _ in entries:
            for one in names_of(name):
                before[one] = members.get(one)
        set_to(0)(members)

    def put_back(members):
        for name, value in before.items():
            if value is None:
                members.pop(name, None)
            else:
                members[name] = value
    names = ", ".join("+".join(names_of(name)) for name, _ in entries)
    return Row(f"globals {names}", [remember_and_set, set_to(1), put_back], "comment" in names)


def _renamed_class(old, new):
    def step(members):
        for item in members["client-classes"]:
            if item["name"] == old:
                item["name"] = new
    return step


def _reverse_of_classes(names):
    """The classes `names` change places among themselves, back to front."""
    def step(members):
        classes = members["client-classes"]
        places = [i for i, item in enumerate(classes) if item["name"] in names]
        items = [classes[i] for i in places]
        for place, item in zip(places, reversed(items)):
            classes[place] = item
    return step


def class_rows(option, other_option):
    """Client classes: tests, order, dependence, options in them. The options are entries of
    option-data valid at any level."""
    test = "option[60].hex == 'phone'" if option.get("space") != "dhcp6" else "option[16].exists"
    return [
        Row("class with a test", [
            add("client-classes", {"name": "phones", "test": test}),
            change("client-classes", "name", "phones", test="member('ALL')"),
            take("client-classes", "name", "phones")]),
        Row("class with options", [
            add("client-classes", {"name": "with-options", "option-data": [dict(option)]}),
            change("client-classes", "name", "with-options",
                   option_data=[dict(other_option), dict(option)]),
            change("client-classes", "name", "with-options", option_data=[]),
            take("client-classes", "name", "with-options")]),
        Row("class only if required, with lifetimes and user-context", [
            add("client-classes", {"name": "late", "only-if-required": True, "test": "member('ALL')",
                                   "valid-lifetime": 700, "min-valid-lifetime": 600,
                                   "max-valid-lifetime": 800, "user-context": {"who": "us"}}),
            change("client-classes", "name", "late", valid_lifetime=750, comment="changed",
                   user_context={"who": "them"}),
            take("client-classes", "name", "late")], by_file=True),
        Row("classes that depend on each other, and a third between them", [
            together(add("client-classes", {"name": "base", "test": "member('ALL')"}),
                     add("client-classes", {"name": "upon", "test": "member('base')"})),
            together(take("client-classes", "name", "upon"),
                     add("client-classes", {"name": "between", "test": "not member('base')"}),
                     add("client-classes", {"name": "upon",
                                            "test": "member('base') or member('between')"})),
            together(take("client-classes", "name", "upon"),
                     take("client-classes", "name", "between"),
                     take("client-classes", "name", "base"))]),
        Row("order of classes", [
            together(*[add("client-classes", {"name": name, "test": "member('ALL')"})
                       for name in ("one", "two", "three")]),
            _reverse_of_classes(("one", "two", "three")),
            together(*[take("client-classes", "name", name) for name in ("one", "two", "three")])]),
        Row("a class renamed", [
            add("client-classes", {"name": "old name", "test": "member('ALL')"}),
            _renamed_class("old name", "new name"),
            take("client-classes", "name", "new name")]),
    ]


def option_def_rows(space):
    """Option definitions: plain, record, array, in a space of its own; values of them."""
    def definition(name, code, kind, **more):
        return dict({"name": name, "code": code, "type": kind, "space": space},
                    **{k.replace("_", "-"): v for k, v in more.items()})

    def value(name, code, data, **more):
        return dict({"name": name, "code": code, "space": space, "data": data}, **more)
    code = {"dhcp4": 230, "dhcp6": 1230}[space]
    address, first, second, third = {
        "dhcp4": ("ipv4-address", "192.0.2.1", "192.0.2.2", "192.0.2.3"),
        "dhcp6": ("ipv6-address", "2001:db8::1", "2001:db8::2", "2001:db8::3")}[space]
    return [
        Row("option definition and its value", [
            together(add("option-def", definition("color", code, "string")),
                     add("option-data", value("color", code, "red"))),
            change("option-data", "name", "color", data="green"),
            take("option-data", "name", "color"),
            together(take("option-def", "name", "color"),
                     add("option-def", definition("color", code, "uint16"))),
            take("option-def", "name", "color")]),
        Row("option definition of a record", [
            together(add("option-def", definition("spot", code + 1, "record",
                                                  record_types="uint16, boolean, string")),
                     add("option-data", value("spot", code + 1, "7, true, here"))),
            together(change("option-def", "name", "spot",
                            record_types="uint16, uint16, boolean, string"),
                     change("option-data", "name", "spot", data="7, 8, true, there")),
            together(take("option-data", "name", "spot"), take("option-def", "name", "spot"))]),
        Row("option definition of a record that ends in an array", [
            together(add("option-def", definition("places", code + 5, "record", array=True,
                                                  record_types=f"uint16, {address}")),
                     add("option-data", value("places", code + 5, f"7, {first}, {second}"))),
            change("option-data", "name", "places", data=f"8, {third}"),
            together(take("option-data", "name", "places"), take("option-def", "name", "places"))]),
        Row("option definition of an array", [
            together(add("option-def", definition("numbers", code + 2, "uint32", array=True)),
                     add("option-data", value("numbers", code + 2, "1, 2, 3"))),
            change("option-data", "name", "numbers", data="3, 2, 1, 4"),
            together(take("option-data", "name", "numbers"), take("option-def", "name", "numbers"))]),
        Row("option definition that encapsulates a space of its own", [
            together(add("option-def", definition("holder", code + 3, "empty", encapsulate="inner")),
                     add("option-def", {"name": "leaf", "code": 1, "type": address,
                                        "space": "inner", "array": True}),
                     add("option-data", {"name": "leaf", "space": "inner", "code": 1,
                                         "data": f"{first}, {second}"}),
                     add("option-data", {"name": "holder", "space": space, "code": code + 3})),
            change("option-data", "name", "leaf", data=third),
            together(take("option-data", "name", "leaf"), take("option-data", "name", "holder"),
                     take("option-def", "name", "leaf"), take("option-def", "name", "holder"))]),
        Row("option definition with user-context", [
            add("option-def", definition("noted", code + 4, "uint8", user_context={"a": 1})),
            change("option-def", "name", "noted", user_context={"a": 2}),
            take("option-def", "name", "noted")]),
    ]


def comment_rows(plain):
    """Comments and user-contexts below subnets. `plain`: a subnet whose lists get them."""
    holder = "subnet4" if "." in plain["subnet"] else "subnet6"
    number = plain["id"]
    definition = {"name": "remark", "code": 199, "type": "string", "space": "remarks"}

    def noted(item, text):
        return dict(item, comment=text, **{"user-context": {"by": [text, None]}})

    def lists(text):
        return {name: [noted(item, text) for item in items] for name, items in plain.items()
                if isinstance(items, list)}
    return [
        Row("comments and user-contexts within a subnet, and of an option definition", [
            together(add(holder, dict(plain, **lists("first"))),
                     add("option-def", noted(definition, "first"))),
            together(*[put_in_subnet(number, name, items)
                       for name, items in lists("second").items()],
                     change("option-def", "name", "remark", comment="second")),
            together(take(holder, "id", number), take("option-def", "name", "remark"))],
            by_file=True)]


def global_option_rows(option, other_option):
    """Options at the global level: text and hex, always-send, without csv-format, user-context."""
    name, other = option["name"], other_option["name"]
    return [
        Row("global option", [
            add("option-data", dict(option)),
            change("option-data", "name", name, data=other_option["data"]),
            change("option-data", "name", name, always_send=True),
            take("option-data", "name", name)]),
        Row("global option in hex, with user-context", [
            add("option-data", {"name": other, "csv-format": False,
                                "data": "20 01 0D B8".replace(" ", "") * 4,
                                "user-context": {"why": "test"}}),
            change("option-data", "name", other, data="20010db8" * 8,
                   user_context={"why": "again"}),
            take("option-data", "name", other)]),
    ]
