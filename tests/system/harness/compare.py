"""Whether two Keas hold the same of what is mirrored: by what both report, and by nothing else.

Written from what Kea documents, apart from the project's own extraction and digest.
"""
import copy
import json

# What belongs to one server. `hash` is Kea's own of the whole configuration.
SERVER_SPECIFIC = (
    "interfaces-config", "control-socket", "control-sockets", "lease-database", "hosts-database",
    "hosts-databases", "config-control", "loggers", "server-id", "server-tag", "hooks-libraries",
    "data-directory", "dhcp-ddns", "multi-threading", "dhcp-queue-control", "hash")

_IDENTIFIERS = ("hw-address", "duid", "circuit-id", "client-id", "flex-id")


def _text(value):
    return json.dumps(value, sort_keys=True)


def _reservation_name(reservation):
    for identifier in _IDENTIFIERS:
        if identifier in reservation:
            return (identifier, str(reservation[identifier]).lower())
    return ("", _text(reservation))


# Lists whose order means nothing to Kea, and what names a member of each.
_UNORDERED = {
    "subnet4": lambda item: item["id"],
    "subnet6": lambda item: item["id"],
    "shared-networks": lambda item: item["name"],
    "reservations": _reservation_name,
    "option-data": lambda item: (item.get("space", ""), item.get("code", 0)),
    "option-def": lambda item: (item.get("space", ""), item.get("code", 0)),
}


def _ordered(value):
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    if not isinstance(value, dict):
        return value
    result = {}
    for name, member in value.items():
        member = _ordered(member)
        # A user-context is the person's own: nothing in it has a meaning to sort by.
        if name == "user-context":
            member = value[name]
        elif name in _UNORDERED and isinstance(member, list):
            member = sorted(member, key=_UNORDERED[name])
        # A relay's addresses are a set; a reservation's addresses have an order.
        elif name == "relay" and isinstance(member, dict) and "ip-addresses" in member:
            member = dict(member, **{"ip-addresses": sorted(member["ip-addresses"])})
        result[name] = member
    return result


def mirrored(running):
    """Of the members config-get reports: those that are mirrored, order-free lists in order."""
    kept = {name: value for name, value in running.items() if name not in SERVER_SPECIFIC}
    return _ordered(copy.deepcopy(kept))


def server_specific(running):
    """Its own parts, as text: to be the same to the byte before and after."""
    return {name: json.dumps(value) for name, value in running.items()
            if name in SERVER_SPECIFIC and name != "hash"}


def differences(left, right, path="", limit=20):
    """Where two values differ, as lines "path: left | right"; at most `limit`."""
    if len(_text(left)) < 1 << 20 and _text(left) == _text(right):
        return []
    found = []
    if isinstance(left, dict) and isinstance(right, dict):
        for name in sorted(set(left) | set(right)):
            if name not in left:
                found.append(f"{path}/{name}: missing | {_text(right[name])[:200]}")
            elif name not in right:
                found.append(f"{path}/{name}: {_text(left[name])[:200]} | missing")
            else:
                found += differences(left[name], right[name], f"{path}/{name}", limit - len(found))
            if len(found) >= limit:
                break
        return found[:limit]
    if isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            found.append(f"{path}: {len(left)} entries | {len(right)} entries")
        for index, (one, other) in enumerate(zip(left, right)):
            found += differences(one, other, f"{path}[{index}]", limit - len(found))
            if len(found) >= limit:
                break
        return found[:limit]
    return [] if left == right and type(left) is type(right) else [
        f"{path}: {_text(left)[:200]} | {_text(right)[:200]}"]


def compare(primary, secondary):
    """Differences between what two Keas (harness.kea.Kea) report of what is mirrored."""
    return differences(mirrored(primary.running()), mirrored(secondary.running()))
