"""Commands of the hook library that nobody honest sends, and a mutator of those that somebody does."""
import base64
import copy
import json

from . import packed

# Of every type and beyond every range. What Kea's JSON itself cannot hold is in raw().
_VALUES = (None, True, False, -1, 0, 1, 255, 256, 65536, 1 << 31, 1 << 32, (1 << 63) - 1, -(1 << 63), 0.5,
           -1e300, "", "x", "\0", "a\0b", "\u00e9\u00ff", "/", "#", "*", "[", "(" * 300, "x" * 70_000, "0", "-1",
           "0.0.0.0", "::", "255.255.255.255/0", "::/0", "10.0.0.1 - 10.0.0.0", "%n%s", "member('ALL')",
           [], {}, [[]], [{}], [None], [1, "x", {}], {"": ""}, {"kind": "subnet"}, [[[[[[]]]]]])
_KINDS = ("global", "option-def", "option", "client-class", "shared-network", "subnet", "reservation")


def nested(depth, bracket="["):
    """JSON text of that many levels."""
    if bracket == "[":
        return "[" * depth + "]" * depth
    return '{"a":' * depth + "1" + "}" * depth


def raw(service):
    """(name, bytes) of commands that are none, or whose arguments no serializer would write."""
    def apply(text):
        return b'{"command": "nestor-apply", "arguments": ' + text + b"}"
    one = b'{"upserted": [{"kind": "global", "key": "user-context", "object": %s}]}'
    yield "a list", b"[]"
    yield "a command of another type", b'{"command": 5}'
    yield "no arguments", b'{"command": "nestor-apply"}'
    for kind in (b"[]", b"5", b'"x"', b"null", b"true"):
        for command in (b"apply", b"get"):
            yield f"{command} of {kind}", b'{"command": "nestor-%s", "arguments": %s}' % (command, kind)
    yield "bytes that are no UTF-8", apply(
        b'{"upserted": [{"kind": "client-class", "key": "\xff\xfe", "object": {"name": "\xc3("}}]}')
    yield "a half surrogate", apply(one % b'{"a": "\\ud800"}')
    yield "a NUL", apply(one % b'{"a": "\0"}')
    yield "more than 64 bits", apply(one % b'{"a": 99999999999999999999999}')
    yield "an endless number", apply(one % (b'{"a": ' + b"9" * 100_000 + b"}"))
    yield "a real out of range", apply(one % b'{"a": 1e99999}')
    yield "a name twice", apply(b'{"upserted": [], "upserted": [5]}')
    for depth in (101, 1000, 4000):
        for bracket in "[{":
            deep = nested(depth, bracket).encode()
            yield f"{depth} levels {bracket} as arguments", apply(deep)
            yield f"{depth} levels {bracket} as an object", apply(one % (b'{"a": %s}' % deep))
            yield f"{depth} levels {bracket} as a kind", apply(
                b'{"upserted": [{"kind": %s, "key": "x", "object": {}}]}' % deep)
            for kind in _KINDS[1:]:
                yield f"{depth} levels {bracket} in {kind}", apply(
                    b'{"upserted": [{"kind": "%s", "key": "%s", "object": {"name": "9", "id": 9, "code": 9, '
                    b'"space": "9", "user-context": {"a": %s}, "pools": [%s]}}]}' % (
                        kind.encode(), b"9" if kind != "option" else b"9/9", deep, deep))
    yield "ten million letters as a key", apply(
        b'{"removed": [{"kind": "client-class", "key": "%s"}, 5]}' % (b"k" * 10_000_000))
    yield "ten million letters as a test", apply(
        b'{"upserted": [{"kind": "client-class", "key": "x", "object": {"name": "x", "test": "%s"}}]}'
        % (b"(" * 10_000_000))
    yield "a million brackets as a regular expression", apply(
        b'{"upserted": [{"kind": "global", "key": "hostname-char-set", "object": "]%s"}]}' % (b"(" * 1_000_000))
    yield "three hundred thousand objects", apply(
        b'{"removed": [%s]}' % b", ".join([b'{"kind": "nothing", "key": "x"}'] * 300_000))


def packed_nonsense():
    """(name, arguments of nestor-apply) that come packed and are none."""
    good = packed.frame(b'{"upserted": []}')
    turned = good[:9] + bytes([good[9] ^ 64]) + good[10:]
    for value in (5, None, [], "", "%", "AAAA", "abc"):
        yield f"as {value!r}", {"packed": value}
    yield "beside others", {**packed.of_bytes(b"{}"), "dry-run": True}
    yield "cut off", {"packed": base64.b64encode(good[:-1]).decode()}
    yield "with a bit turned over", {"packed": base64.b64encode(turned).decode()}
    yield "300 MiB of nothing", packed.of_bytes(bytes(300 << 20))
    one = b'{"upserted": [{"kind": "global", "key": "user-context", "object": %s}]}'
    for data in (b"", b"nothing", b"5", b"[]", b'{"upserted": [', b'{"upserted": []} {}', b'{"upserted": []}\0{',
                 b'{"removed": [], "removed": []}', one % b'{"a": "\\u0100"}', one % b'{"a": 18446744073709551615}',
                 one % b'{"a": 1e99999}'):
        yield f"of {data[-30:]}", packed.of_bytes(data)
    yield "twice", packed.of(packed.of_bytes(b"{}"))
    for depth in (101, 4000, 10_000_000):
        for bracket in "[{":
            deep = b'{"a": %s}' % nested(depth, bracket).encode()
            yield f"{depth} levels {bracket}", packed.of_bytes(one % deep)


def upsert(kind, key, value):
    return {"kind": kind, "key": key, "object": value}


def contradictions(service, subnet):
    """(name, arguments of nestor-apply), none of which can be done. `subnet` is a whole subnet object that
    can be upserted, without a network."""
    other = dict(subnet, id=subnet["id"] + 1)
    text, named = str(subnet["id"]), {"kind": "subnet", "key": str(subnet["id"])}
    network = upsert("shared-network", "gone", {"name": "gone"})
    host = {"hw-address": "02:aa:bb:cc:dd:ee", "hostname": "x.example.org"}
    key = f"{subnet['id']}/hw-address/"

    def definition(code, space, inner):
        return upsert("option-def", f"{space}/{code}", {"name": f"{space}{code}", "code": code, "space": space,
                                                        "type": "empty", "encapsulate": inner})

    def valued(code, space):
        return upsert("option", f"{space}/{code}", {"code": code, "space": space, "name": f"{space}{code}",
                                                    "data": ""})
    code = 230 if service == "dhcp4" else 1230
    yield "upserted and removed", {"upserted": [upsert("subnet", text, subnet)], "removed": [named]}
    yield "twice the same", {"upserted": [upsert("subnet", text, subnet)] * 2}
    yield "removed twice", {"removed": [named, named]}
    yield "the same by other digits", {"upserted": [upsert("subnet", text, subnet)],
                                       "removed": [{"kind": "subnet", "key": "0" + text}]}
    yield "the same beyond 32 bits", {"upserted": [upsert("subnet", text, subnet)],
                                      "removed": [{"kind": "subnet", "key": str(subnet["id"] + (1 << 32))}]}
    yield "a subnet's key with more behind it", {"removed": [{"kind": "subnet", "key": text + "/x"}]}
    yield "another id inside", {"upserted": [upsert("subnet", text, other)]}
    yield "an id beyond 32 bits", {"upserted": [
        upsert("subnet", str(1 << 32 | 5), dict(subnet, id=1 << 32 | 5))]}
    yield "an id of -1", {"upserted": [upsert("subnet", "-1", dict(subnet, id=-1))]}
    yield "the same prefix twice", {"upserted": [upsert("subnet", text, subnet),
                                                 upsert("subnet", str(other["id"]), other)]}
    yield "another name inside", {"upserted": [upsert("shared-network", "gone", {"name": "there"})]}
    yield "in a network that is removed", {
        "upserted": [upsert("subnet", text, dict(subnet, **{"shared-network": "gone"}))],
        "removed": [{"kind": "shared-network", "key": "gone"}]}
    yield "a network and its subnet inside", {"upserted": [upsert(
        "shared-network", "gone", {"name": "gone", "subnet" + service[-1]: [subnet]})]}
    yield "two networks of a subnet", {"upserted": [
        network, upsert("subnet", text, dict(subnet, **{"shared-network": ["gone"]}))]}
    yield "a host of a subnet that is removed", {"upserted": [upsert("reservation", f"{key}02aabbccddee", host)],
                                                 "removed": [named]}
    yield "a host twice, otherwise written", {"upserted": [
        upsert("subnet", text, subnet), upsert("reservation", f"{key}02:aa:bb:cc:dd:ee", host),
        upsert("reservation", f"{key}02:AA:BB:CC:DD:EE", host)]}
    yield "another host inside", {"upserted": [
        upsert("subnet", text, subnet), upsert("reservation", f"{key}02:00:00:00:00:01", host)]}
    yield "a host without identifier", {"upserted": [upsert("reservation", "0//", {"hostname": "x"})]}
    yield "a host of no such identifier", {"upserted": [upsert("reservation", "0/shoe/44", host)]}
    yield "an option's key of no number", {"upserted": [upsert(
        "option", f"{service}/7#x", {"code": 7, "space": service, "csv-format": False, "data": "00"})]}
    yield "a fifth option without the others", {"upserted": [upsert(
        "option", f"{service}/7#5", {"code": 7, "space": service, "csv-format": False, "data": "00"})]}
    yield "a space inside itself", {"upserted": [
        definition(code, service, "ring"), definition(7, "ring", "ring"), valued(7, "ring"),
        valued(code, service)]}
    yield "two spaces inside each other", {"upserted": [
        definition(code, service, "ring"), definition(7, "ring", "chain"), definition(8, "chain", "ring"),
        valued(7, "ring"), valued(8, "chain"), valued(code, service)]}
    yield "all options inside an option", {"upserted": [
        definition(code, service, "ring"), definition(7, "ring", service), valued(7, "ring"),
        valued(code, service)]}
    yield "an order of no names", {"upserted": [upsert("global", "client-class-order", [1, {}])]}
    yield "an order that is none", {"upserted": [upsert("global", "client-class-order", "x")]}
    yield "before another time", {"before": "0:0", "upserted": []}
    yield "before of another type", {"before": 7}
    yield "dry-run of another type", {"dry-run": "no"}
    yield "an argument of no such name", {"upsert": []}
    for kind in _KINDS:
        yield f"{kind} without an object", {"upserted": [{"kind": kind, "key": "1"}]}
        yield f"{kind} without a key", {"upserted": [{"kind": kind, "object": {}}]}
        yield f"{kind} with a key of another type", {"removed": [{"kind": kind, "key": 1}]}
        yield f"{kind} with an empty key", {"removed": [{"kind": kind, "key": ""}]}
        for value in (5, "x", [], True):
            if kind != "global":
                yield f"{kind} that is {value!r}", {"upserted": [upsert(kind, "9", value)]}
    for value in (5, "x", {}, True, None, [[]], [None], ["x"]):
        yield f"upserted is {value!r}", {"upserted": value}
        yield f"removed is {value!r}", {"removed": value}


def questions():
    """(name, command, arguments) that cannot be answered."""
    for value in ("x", 5, [], {}, None):
        yield f"status of {value!r}", "nestor-status", value if value not in ([], {}, None) else {"a": 1}
    for name in ("objects", "since", "after", "option-codes", "other"):
        for value in (5, None, {}, True, [5], [{}], [[]], [{"kind": 1, "key": "x"}],
                      [{"kind": "x", "key": "x"}], [{"space": 1, "name": "x"}]):
            yield f"get {name} {value!r}", "nestor-get", {name: value}
    yield "get of two", "nestor-get", {"after": "", "since": ""}
    for cursor in ("x", "subnet", "subnet/x", "subnet/-1", "global/99999999999999999999", "no/1", "/", "\0",
                   "reservation/1x"):
        yield f"get after {cursor!r}", "nestor-get", {"after": cursor}
    for key in ("x", "", "1/2", "-1", "4294967296", "01"):
        yield f"get subnet {key!r}", "nestor-get", {"objects": [{"kind": "subnet", "key": key}]}
        yield f"get reservation {key!r}", "nestor-get", {"objects": [{"kind": "reservation", "key": key}]}


class Mutator:
    """Bends commands; the same `rng` does it alike."""

    def __init__(self, rng):
        self.rng = rng

    def mutated(self, arguments):
        arguments = copy.deepcopy(arguments)
        for _ in range(self.rng.choice((1, 1, 1, 2, 3, 8))):
            self._bend(arguments)
        return arguments

    def _places(self, value, found):
        """(holder, name) of everything inside."""
        for name in (value if isinstance(value, dict) else range(len(value))):
            found.append((value, name))
            if isinstance(value[name], (dict, list)):
                self._places(value[name], found)
        return found

    def _bend(self, arguments):
        places = self._places(arguments, [])
        if not places:
            return
        holder, name = self.rng.choice(places)
        getattr(self, self.rng.choice(("_replace", "_replace", "_remove", "_swap", "_copy", "_twice", "_rename",
                                       "_letter", "_letter")))(holder, name, places)

    def _replace(self, holder, name, _):
        holder[name] = copy.deepcopy(self.rng.choice(_VALUES))

    def _remove(self, holder, name, _):
        del holder[name]

    def _swap(self, holder, name, places):
        other, at = self.rng.choice(places)
        one, two = copy.deepcopy(holder[name]), copy.deepcopy(other[at])
        other[at], holder[name] = one, two

    def _copy(self, holder, name, places):
        value = copy.deepcopy(holder[name])
        other, at = self.rng.choice(places)
        other[at] = value

    def _twice(self, holder, name, _):
        if isinstance(holder, list):
            holder.append(copy.deepcopy(holder[name]))

    def _rename(self, holder, name, places):
        names = [at for other, at in places if isinstance(other, dict)]
        if isinstance(holder, dict):
            holder[self.rng.choice(names)] = holder.pop(name)

    def _letter(self, holder, name, _):
        value = holder[name]
        if isinstance(value, str) and value:
            at = self.rng.randrange(len(value))
            holder[name] = value[:at] + self.rng.choice("0129-/.:,'#x\0\u00ff ") + value[at + 1:]
        elif isinstance(value, int) and not isinstance(value, bool):
            more = value + self.rng.choice((-1, 1, 1 << 8, 1 << 16, 1 << 32))
            # Kea's JSON has no others.
            holder[name] = min(max(more, -(1 << 63)), (1 << 63) - 1)


def as_bytes(command, arguments):
    return json.dumps({"command": command, "arguments": arguments}).encode()
