"""Random values that Kea 2.2 accepts: of every option type, of identifiers, of user-contexts.

A definition is a member of option-def: name, code, space, type, and array, record-types and
encapsulate where it has them. STANDARD are definitions that Kea has of its own.
"""
import ipaddress
import re
import string
import struct

_SIZES = {"int8": "b", "int16": ">h", "int32": ">i", "uint8": "B", "uint16": ">H", "uint32": ">I"}
INTEGERS = tuple(_SIZES)
_PLAIN = INTEGERS + ("boolean", "ipv4-address", "ipv6-address", "ipv6-prefix", "psid", "fqdn",
                     "tuple")
# What an array may be of, and what may stand anywhere in a record.
ARRAYS = _PLAIN
TYPES = _PLAIN + ("string", "binary")
_LIMITS = {name: struct.calcsize(code) * 8 for name, code in _SIZES.items()}


def _definition(space, name, code, kind, array=False, records=""):
    return {"name": name, "code": code, "space": space, "type": kind, "array": array,
            "record-types": records}


STANDARD = {
    "dhcp4": [_definition("dhcp4", *entry) for entry in (
        ("time-offset", 2, "int32"), ("routers", 3, "ipv4-address", True),
        ("domain-name-servers", 6, "ipv4-address", True),
        ("log-servers", 7, "ipv4-address", True), ("boot-size", 13, "uint16"),
        ("domain-name", 15, "fqdn"), ("root-path", 17, "string"), ("ip-forwarding", 19, "boolean"),
        ("default-ip-ttl", 23, "uint8"), ("path-mtu-plateau-table", 25, "uint16", True),
        ("interface-mtu", 26, "uint16"), ("arp-cache-timeout", 35, "uint32"),
        ("ntp-servers", 42, "ipv4-address", True), ("tftp-server-name", 66, "string"),
        ("boot-file-name", 67, "string"), ("domain-search", 119, "fqdn", True),
        ("name-service-search", 117, "uint16", True),
        ("pcode", 100, "string"), ("v4-captive-portal", 114, "string"))],
    "dhcp6": [_definition("dhcp6", *entry) for entry in (
        ("preference", 7, "uint8"), ("sip-server-dns", 21, "fqdn", True),
        ("dns-servers", 23, "ipv6-address", True), ("domain-search", 24, "fqdn", True),
        ("nis-servers", 27, "ipv6-address", True), ("sntp-servers", 31, "ipv6-address", True),
        ("information-refresh-time", 32, "uint32"), ("new-posix-timezone", 41, "string"),
        ("bootfile-url", 59, "string"), ("bootfile-param", 60, "tuple", True),
        ("v6-captive-portal", 103, "string"))],
}


def word(rng, length=None):
    return "".join(rng.choice(string.ascii_lowercase) for _ in range(length or rng.randint(3, 8)))


def chance(rng, share):
    return rng.random() < share


def _scalar(rng, kind):
    if kind in _LIMITS:
        # Small ones fit any integer type, so that a changed definition may leave the text as it is.
        top = (1 << (_LIMITS[kind] - (1 if kind.startswith("int") else 0))) - 1
        return str(rng.randint(0, top if chance(rng, 0.2) else 100))
    return {
        "boolean": lambda: rng.choice(("true", "false")),
        "ipv4-address": lambda: f"192.0.2.{rng.randint(1, 254)}",
        "ipv6-address": lambda: f"2001:db8:0:{rng.randint(1, 999):x}::{rng.randint(1, 9999):x}",
        "ipv6-prefix": lambda: f"2001:db8:{rng.randint(1, 999):x}::/48",
        "psid": lambda: f"{rng.randint(0, 15)}/4",
        "fqdn": lambda: f"{word(rng)}.example.{rng.choice(('org', 'net'))}",
        "tuple": lambda: word(rng),
        "string": lambda: rng.choice((word(rng), f"{word(rng)} {word(rng)}",
                                      f"{word(rng)}\\,{word(rng)}", f"/{word(rng)}/{word(rng)}")),
        "binary": lambda: rng.randbytes(rng.randint(1, 6)).hex(),
        "empty": lambda: "",
    }[kind]()


_FORMS = {
    "boolean": r"true|false|0|1", "ipv4-address": r"\d+\.\d+\.\d+\.\d+", "psid": r"\d+/4",
    "ipv6-address": r"[0-9a-f:]*:[0-9a-f:]*", "ipv6-prefix": r"[0-9a-f:]*:[0-9a-f:]*/\d+",
    "fqdn": r"[a-z0-9-]+(\.[a-z0-9-]+)+", "tuple": r".+", "string": r".+",
    "binary": r"([0-9a-f]{2})+", "empty": r"",
}


def _fits_scalar(kind, text):
    if kind in _LIMITS:
        low = -(1 << (_LIMITS[kind] - 1)) if kind.startswith("int") else 0
        high = (1 << (_LIMITS[kind] - (1 if kind.startswith("int") else 0))) - 1
        return re.fullmatch(r"-?\d+", text) is not None and low <= int(text) <= high
    return re.fullmatch(_FORMS[kind], text) is not None


def _fields(definition):
    return [field.strip() for field in definition.get("record-types", "").split(",")]


def data_text(rng, definition):
    """Comma separated values of the definition, as option-data has them."""
    kind, array = definition["type"], definition.get("array", False)
    more = rng.randint(0, 2) if array else 0
    if kind != "record":
        return ", ".join(_scalar(rng, kind) for _ in range(1 + more))
    fields = _fields(definition)
    return ", ".join(_scalar(rng, field) for field in fields + fields[-1:] * more)


def fits(definition, text):
    """Whether Kea takes the comma separated `text` for the definition."""
    kind, array = definition["type"], definition.get("array", False)
    if kind == "empty":
        return text == ""
    tokens = [token.strip() for token in re.split(r"(?<!\\),", text)]
    if kind != "record":
        return (array or len(tokens) == 1) and all(_fits_scalar(kind, token) for token in tokens)
    fields = _fields(definition)
    if array and len(tokens) > len(fields):
        fields = fields + fields[-1:] * (len(tokens) - len(fields))
    return len(tokens) == len(fields) and all(map(_fits_scalar, fields, tokens))


def data_hex(rng, definition):
    """Hexadecimal digits of the definition, or None where this module knows no way to make them."""
    kind = definition["type"]
    count = rng.randint(1, 3) if definition.get("array") else 1
    if kind in _SIZES:
        return b"".join(struct.pack(_SIZES[kind], rng.randint(0, 100)) for _ in range(count)).hex()
    if kind == "ipv4-address":
        return b"".join(bytes([192, 0, 2, rng.randint(1, 254)]) for _ in range(count)).hex()
    if kind == "ipv6-address":
        return "".join(ipaddress.ip_address(_scalar(rng, kind)).packed.hex() for _ in range(count))
    if kind == "string":
        return word(rng).encode().hex()
    return rng.randbytes(rng.randint(1, 6)).hex() if kind == "binary" else None


def fits_hex(definition, text):
    kind, size = definition["type"], len(text) // 2
    if kind in ("string", "binary"):
        return size > 0 and (kind == "binary" or bytes.fromhex(text).isascii())
    one = {**{name: struct.calcsize(code) for name, code in _SIZES.items()},
           "ipv4-address": 4, "ipv6-address": 16}.get(kind)
    if one is None:
        return False
    return size == one or (definition.get("array", False) and size > 0 and size % one == 0)


def shape(rng, encapsulate=""):
    """The members of a definition besides name, code and space."""
    if encapsulate:
        return {"type": rng.choice(("empty", "empty", "uint8", "uint16")), "array": False,
                "encapsulate": encapsulate}
    roll = rng.random()
    if roll < 0.25:
        inner = [rng.choice(_PLAIN) for _ in range(rng.randint(1, 3))]
        array = chance(rng, 0.4)
        last = rng.choice(ARRAYS if array else TYPES)
        return {"type": "record", "array": array, "record-types": ", ".join(inner + [last])}
    if roll < 0.5:
        return {"type": rng.choice(ARRAYS), "array": True}
    if roll < 0.55:
        return {"type": "empty"}
    return {"type": rng.choice(TYPES)}


def user_context(rng):
    return rng.choice((
        lambda: {"by": word(rng)},
        lambda: {"comment": f"{word(rng)} {word(rng)}"},
        lambda: {"deep": {"z": rng.randint(0, 99), "a": [1.5, None, True, word(rng)]}, "": []},
        lambda: {"site": 'wéßt "quoted" \\ / ' + word(rng), "n": rng.randint(-5, 1 << 40)},
        lambda: {}))()


def mac(rng):
    return "02:00:00:" + ":".join(f"{rng.randint(0, 255):02x}" for _ in range(3))


def hex_id(rng, first, length):
    return ":".join(f"{byte:02x}" for byte in bytes(first) + rng.randbytes(length))
