"""What Kea 2.2 would refuse of a random configuration, taken out or made to fit.

Every rule here is one of Kea's about several objects together: the random members by themselves are
acceptable.
"""
import re

from . import random_values as values

_BUILT_IN = ("ALL", "KNOWN", "UNKNOWN", "BOOTP")
_IDENTIFIERS = ("hw-address", "duid", "circuit-id", "client-id", "flex-id")


def subnets_name(service):
    return "subnet4" if service == "dhcp4" else "subnet6"


def all_subnets(service, config):
    name = subnets_name(service)
    found = list(config.get(name, []))
    for network in config.get("shared-networks", []):
        found += network.get(name, [])
    return found


def option_holders(service, config):
    """(what has option-data, the definitions of its own)."""
    yield config, []
    for item in config.get("client-classes", []):
        yield item, item.get("option-def", [])
    for item in config.get("shared-networks", []) + config.get("reservations", []):
        yield item, []
    for subnet in all_subnets(service, config):
        yield subnet, []
        for name in ("pools", "pd-pools", "reservations"):
            for item in subnet.get(name, []):
                yield item, []


def definition_of(service, config, option, own=()):
    """Which definition Kea finds for an entry of option-data, or None."""
    space = option.get("space", service)
    for item in (*own, *values.STANDARD[service], *config.get("option-def", [])):
        if item["space"] == space and (
                item["code"] == option["code"] if "code" in option
                else item["name"] == option.get("name")):
            return item
    return None


def repair(service, config, rng):
    _definitions(config)
    _classes(service, config)
    _networks(service, config)
    _subnets(service, config)
    _reservations(service, config)
    for holder, own in option_holders(service, config):
        if "option-data" in holder:
            holder["option-data"] = [kept for option in holder["option-data"]
                                     if (kept := _option(service, config, option, own, rng))]
    for holder in [subnet for subnet in all_subnets(service, config)] + [config]:
        if "reservations" in holder:
            holder["reservations"] = [item for item in holder["reservations"] if _reserves(item)]


# Options that are written without a definition in the tables of this test.
_CARRIERS = ("vivso-suboptions", "vendor-opts", "vendor-encapsulated-options")


def _option(service, config, option, own, rng):
    """The option as it fits its definition now; None: without a definition it cannot be."""
    definition = definition_of(service, config, option, own)
    if definition is None:
        if option.get("name") in _CARRIERS:
            return option
        if "code" not in option or option.get("csv-format", True):
            return None
        # The bytes stay, the name goes with its definition.
        return {name: value for name, value in option.items() if name != "name"}
    option = dict(option)
    if "name" in option:
        option["name"] = definition["name"]
    data = option.get("data", "")
    if option.get("csv-format", True):
        if not values.fits(definition, data):
            option["data"] = values.data_text(rng, definition)
    elif not values.fits_hex(definition, data):
        option.update({"csv-format": True, "data": values.data_text(rng, definition)})
    return option


def _definitions(config):
    seen, kept = set(), []
    for item in config.get("option-def", []):
        names = {(item["space"], item["code"]), (item["space"], item["name"])}
        if not names & seen:
            kept.append(item)
        seen |= names
    config["option-def"] = kept


def _classes(service, config):
    """A test refers to classes before it and to options that are defined."""
    defined = {item["name"] for item in config["option-def"] if item["space"] == service}
    defined |= {item["name"] for item in values.STANDARD[service]} | {"vendor-class-identifier"}
    names = {item["code"]: item["name"] for item in config["option-def"]
             if item["space"] == service}
    before, kept = set(_BUILT_IN), {}
    for item in config.get("client-classes", []):
        if item["name"] in kept:
            continue
        if "test" in item:
            item["test"] = re.sub(
                r"member\('([^']*)'\)",
                lambda match: match.group(0) if match.group(1) in before else "member('ALL')",
                item["test"])
            item["test"] = re.sub(
                r"option\[([^\]]*)\]",
                lambda match: match.group(0) if match.group(1).isdigit()
                or match.group(1) in defined else "option[60]", item["test"])
        if "option-def" in item:
            # Of one code only, so that there is no name twice either.
            item["option-def"] = list({one["code"]: one for one in item["option-def"]}.values())
            # Kea takes another name than the one of all, and then refuses what config-get reports.
            for one in item["option-def"]:
                one["name"] = names.get(one["code"], one["name"])
        before.add(item["name"])
        kept[item["name"]] = item
    config["client-classes"] = list(kept.values())


def _networks(service, config):
    """Of a network and its subnets some members have to be alike."""
    kept = {}
    for network in config.get("shared-networks", []):
        kept.setdefault(network["name"], network)
    config["shared-networks"] = list(kept.values())
    for network in config["shared-networks"]:
        if network.get("interface") and network.get("interface-id"):
            del network["interface-id"]
        for subnet in network.get(subnets_name(service), []):
            for name in ("authoritative", "rapid-commit"):
                if subnet.get(name) != network.get(name):
                    subnet.pop(name, None)


def _subnets(service, config):
    name = subnets_name(service)
    for holder in [config] + config["shared-networks"]:
        for subnet in holder.get(name, []):
            if "interface" in subnet and "interface-id" in subnet:
                del subnet["interface-id"]
            # Inherited, the other one would meet it.
            if "interface" in subnet and "interface-id" in holder:
                del subnet["interface"]
            if "interface-id" in subnet and "interface" in holder:
                del subnet["interface-id"]
    for holder in [config] + config["shared-networks"] + all_subnets(service, config):
        if "reservation-mode" in holder:
            for flag in ("global", "in-subnet", "out-of-pool"):
                holder.pop(f"reservations-{flag}", None)
        for lifetime in ("valid-lifetime", "preferred-lifetime"):
            if lifetime not in holder:
                holder.pop(f"min-{lifetime}", None)
                holder.pop(f"max-{lifetime}", None)


def _reserves(item):
    return any(name not in _IDENTIFIERS and name != "user-context" and value
               for name, value in item.items())


def _reservations(service, config):
    """Of one subnet: no identifier twice, nor an address where they are to be unique."""
    unique = config.get("ip-reservations-unique", True)
    for holder in all_subnets(service, config) + [config]:
        seen, kept = set(), []
        for item in holder.get("reservations", []):
            identifier = next(name for name in _IDENTIFIERS if name in item)
            names = {(identifier, item[identifier].lower())}
            if unique:
                names |= {("address", one) for one in [item.get("ip-address")]
                          + item.get("ip-addresses", []) + item.get("prefixes", []) if one}
            if not names & seen:
                kept.append(item)
            seen |= names
        if "reservations" in holder:
            holder["reservations"] = kept
