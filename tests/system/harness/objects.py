"""A configuration as the objects it consists of, by the kinds and keys of docs/kea-hook.md.

Written from that document, apart from the project's own extraction. An object is compared as its
text with sorted members, so that 1, 1.0 and true are three things.
"""
import json

from . import compare

KINDS = ("global", "option-def", "option", "client-class", "shared-network", "subnet", "reservation")
_IDENTIFIERS = ("hw-address", "duid", "circuit-id", "client-id", "flex-id")


def text(value):
    return json.dumps(value, sort_keys=True)


def _options(kind, items, found):
    for item in items:
        key = f"{item['space']}/{item['code']}"
        number = 1
        while (kind, key if number == 1 else f"{key}#{number}") in found:
            number += 1
        found[kind, key if number == 1 else f"{key}#{number}"] = item


def _reservations(subnet, items, found):
    for item in items:
        identifier = next(name for name in _IDENTIFIERS if name in item)
        found["reservation", f"{subnet}/{identifier}/{item[identifier]}"] = item


def _subnets(member, items, network, found):
    for item in items:
        one = {name: value for name, value in item.items() if name != "reservations"}
        if network:
            one["shared-network"] = network
        found["subnet", str(item["id"])] = one
        _reservations(item["id"], item.get("reservations", []), found)


def extract(running):
    """{(kind, key): object} of the members config-get reports, options and relays in one order."""
    found = {}
    for name, value in compare.mirrored(running).items():
        if name == "client-classes":
            for item in value:
                found["client-class", item["name"]] = item
            if value:
                found["global", "client-class-order"] = [item["name"] for item in value]
        elif name in ("option-data", "option-def"):
            _options("option" if name == "option-data" else name, value, found)
        elif name == "reservations":
            _reservations(0, value, found)
        elif name in ("subnet4", "subnet6"):
            _subnets(name, value, "", found)
        elif name == "shared-networks":
            for item in value:
                member = "subnet4" if "subnet4" in item else "subnet6"
                found["shared-network", item["name"]] = {
                    one: inner for one, inner in item.items() if one != member}
                _subnets(member, item.get(member, []), item["name"], found)
        else:
            found["global", name] = value
    return found


def difference(before, after):
    """(upserted, removed) as nestor-apply takes them, from two results of extract()."""
    upserted = [{"kind": kind, "key": key, "object": value}
                for (kind, key), value in sorted(after.items(), key=lambda entry: entry[0])
                if (kind, key) not in before or text(before[kind, key]) != text(value)]
    removed = [{"kind": kind, "key": key} for kind, key in sorted(before)
               if (kind, key) not in after]
    return upserted, removed


def disagreements(left, right, limit=12):
    """Lines where two results of extract() differ."""
    lines = []
    for name in sorted(set(left) | set(right)):
        if name in left and name in right and text(left[name]) == text(right[name]):
            continue
        one, other = (text(side[name])[:400] if name in side else "missing"
                      for side in (left, right))
        lines.append(f"{name[0]} {name[1]}:\n    {one}\n    {other}")
    return lines[:limit]
