"""DHCP packets made by hand, sent as a relay would, and what the answers say."""
import ipaddress
import json
import select
import socket
import struct

from . import network
from .waiting import wait_until

# Everywhere a relay of these tests may stand.
RELAYED = "172.16.0.0/12"
_ASKED4 = [code for code in range(1, 255) if code not in (50, 51, 52, 53, 54, 55, 56, 57, 61, 82)]
_ASKED6 = [7, 17, 21, 22, 23, 24, 27, 31, 32, 41, 59, 60, 64, 82, 83, 103, *range(1200, 1212),
           *range(1300, 1306)]


class Client:
    """A client of one exchange. identifiers: {"hw-address": ..., "duid": ..., "client-id": ...,
    "circuit-id": ...} as a reservation has them. relay: the address of its relay in the subnet.
    more: "prefixes" (asks for one too), "hostname", "fqdn" (says its name), "supplied" (the relay
    adds options). options: {code: bytes} sent besides."""

    def __init__(self, identifiers, relay, vendor_class="", port="", more=(), options=None):
        self.identifiers, self.relay = identifiers, relay
        self.vendor_class, self.port, self.more = vendor_class, port, more
        self.options = options or {}

    def __repr__(self):
        return (f"client {self.identifiers} relay={self.relay} vendor-class={self.vendor_class!r} "
                f"port={self.port!r} {' '.join(self.more)} {self.options}")


def _bytes(text):
    """A reservation's identifier: 'quoted' or hexadecimal digits."""
    if text.startswith("'"):
        return text[1:-1].encode()
    return bytes.fromhex(text.replace(":", ""))


def _option4(code, data):
    return bytes([code, len(data)]) + data


def _option6(code, data):
    return struct.pack(">HH", code, len(data)) + data


def _options(data, header):
    """[(code, bytes)] of a buffer, its headers being of the struct `header`."""
    found, place, size = [], 0, struct.calcsize(header)
    while place + size <= len(data):
        if header == "BB" and data[place] in (0, 255):
            place += 1
            continue
        code, length = struct.unpack_from(header, data, place)
        found.append((code, data[place + size:place + size + length]))
        place += size + length
    return found


# ---------------------------------------------------------------- DHCPv4

_DISCOVER, _REQUEST = 1, 3
_HEADER4 = ">BBBBIHH4s4s4s4s16s64s128s4s"


def packet4(client, number, kind=_DISCOVER, address=None, server=None):
    """A DISCOVER, or the REQUEST of the address that `server` offered; None: of one it had."""
    hardware = _bytes(client.identifiers.get("hw-address", f"02:ff:00:00:{number >> 8 & 255:02x}"
                                                           f":{number & 255:02x}"))
    options = _option4(53, bytes([kind])) + _option4(57, struct.pack(">H", 1400))
    if address:
        options += _option4(50, socket.inet_aton(address))
    if server:
        options += _option4(54, server)
    if "client-id" in client.identifiers:
        options += _option4(61, _bytes(client.identifiers["client-id"]))
    elif "duid" in client.identifiers:
        options += _option4(61, b"\xff\0\0\0\1" + _bytes(client.identifiers["duid"]))
    if client.vendor_class:
        options += _option4(60, client.vendor_class.encode())
    for code, data in client.options.items():
        options += _option4(code, data)
    if "hostname" in client.more:
        options += _option4(12, b"My_Host.lab")
    if "fqdn" in client.more:
        options += _option4(81, b"\1\0\0My_Host.lab")
    options += _option4(55, bytes(_ASKED4))
    circuit = client.identifiers.get("circuit-id", f"'{client.port}'" if client.port else "")
    if circuit:
        options += _option4(82, _option4(1, _bytes(circuit)))
    none = b"\0\0\0\0"
    return struct.pack(_HEADER4, 1, 1, len(hardware), 1, number, 0, 0, none, none, none,
                       socket.inet_aton(client.relay), hardware, b"", b"",
                       b"\x63\x82\x53\x63") + options + b"\xff"


def answer4(data):
    """What an answer says, apart from which server gave it, and a name made of the address."""
    fields = struct.unpack_from(_HEADER4, data)
    made = socket.inet_ntoa(fields[8]).replace(".", "-").encode()
    options = [(code, value.replace(made, b"<address>") if code in (12, 81) else value)
               for code, value in _options(data[struct.calcsize(_HEADER4):], "BB")]
    return {"number": fields[4],
            "kind": next((value[0] for code, value in options if code == 53), None),
            "addresses": [socket.inet_ntoa(fields[8])],
            "says": {"siaddr": socket.inet_ntoa(fields[9]),
                     "sname": fields[12].rstrip(b"\0").decode("latin1"),
                     "file": fields[13].rstrip(b"\0").decode("latin1"),
                     "options": [(code, value.hex()) for code, value in options if code != 54]},
            "server": next((value for code, value in options if code == 54), b"")}


# ---------------------------------------------------------------- DHCPv6

_SOLICIT, _REQUEST6 = 1, 3
_RELAY_FORWARD = 12


def _duid(client, number):
    if "duid" in client.identifiers:
        return _bytes(client.identifiers["duid"])
    hardware = _bytes(client.identifiers.get("hw-address", f"02:ff:00:00:{number >> 8 & 255:02x}"
                                                           f":{number & 255:02x}"))
    return b"\0\3\0\1" + hardware


def packet6(client, number, kind=_SOLICIT, associations=None, server=None):
    """A SOLICIT, or the REQUEST of what `server` advertised, in a RELAY-FORW."""
    duid = _duid(client, number)
    options = _option6(1, duid) + _option6(8, b"\0\0")
    options += _option6(6, b"".join(struct.pack(">H", code) for code in _ASKED6))
    if client.vendor_class:
        data = client.vendor_class.encode()
        options += _option6(16, struct.pack(">IH", 4491, len(data)) + data)
    if associations is None:
        options += _option6(3, struct.pack(">III", 1, 0, 0))
        if "prefixes" in client.more:
            options += _option6(25, struct.pack(">III", 2, 0, 0))
    else:
        options += _option6(2, server) + b"".join(_option6(code, data) for code, data in associations)
    for code, data in client.options.items():
        options += _option6(code, data)
    if "fqdn" in client.more:
        options += _option6(39, b"\1\7My_Host\3lab\0")
    inner = bytes([kind]) + number.to_bytes(3, "big") + options
    hardware = duid[-6:]
    peer = b"\xfe\x80" + bytes(6) + bytes([hardware[0] ^ 2]) + hardware[1:3] + b"\xff\xfe" \
        + hardware[3:]
    relay = bytes([_RELAY_FORWARD, 0]) + socket.inet_pton(socket.AF_INET6, client.relay) + peer
    if client.port:
        relay += _option6(18, client.port.encode())
    if "supplied" in client.more:
        relay += _option6(66, _option6(65, b"\3lab\0") + _option6(110, b"\1\2"))
    return relay + _option6(9, inner)


def _association(code, data):
    """(text without the addresses, the addresses and prefixes)."""
    addresses, texts = [], [code, data[:12].hex()]
    for inner, value in _options(data[12:], ">HH"):
        if inner == 5:
            addresses.append(str(ipaddress.ip_address(value[:16])))
            texts.append(("address", value[16:].hex()))
        elif inner == 26:
            addresses.append(f"{ipaddress.ip_address(value[9:25])}/{value[8]}")
            texts.append(("prefix", value[:9].hex(), value[25:].hex()))
        else:
            # A status: its words name the server's idea of the subnet, which is the same.
            texts.append((inner, value.hex()))
    return texts, addresses


def answer6(data):
    """As answer4; `associations` are what a REQUEST asks for."""
    relayed = dict(_options(data[34:], ">HH"))
    inner = relayed.pop(9, b"")
    options = _options(inner[4:], ">HH")
    addresses, says, associations = [], [], []
    for code, value in options:
        if code in (3, 25):
            text, found = _association(code, value)
            says.append(text)
            addresses += found
            associations.append((code, value))
        elif code == 39:
            made = [address.split("/")[0].replace(":", "-") for address in addresses]
            says.append((code, "made of the address" if any(
                one.encode() in value for one in made) else value.hex()))
        elif code != 2:
            says.append((code, value.hex()))
    return {"number": int.from_bytes(inner[1:4], "big"), "kind": inner[0] if inner else None,
            "addresses": addresses, "associations": associations,
            "says": {"options": says, "relay": sorted(relayed)},
            "server": next((value for code, value in options if code == 2), b"")}


# ---------------------------------------------------------------- the relay

class Relay:
    """Stands on the client segment of a network.Network, for every relay's address at once."""

    def __init__(self, net, service):
        self.service = service
        self._servers = {}
        if service == "dhcp4":
            network._do("ip", "-n", net["c"], "link", "set", "lo", "up")
            network._do("ip", "-n", net["c"], "route", "add", "local", RELAYED, "dev", "lo")
            for host in "ab":
                network._do("ip", "-n", net[host], "route", "add", RELAYED, "via",
                            network.CLIENT_SIDE["c"])
                self._servers[host] = (network.CLIENT_SIDE[host], 67)
        else:
            for host in "ab":
                self._servers[host] = (wait_until(lambda: _link_local(net, host), 10,
                                                  "a link-local address"), 547)
        self._by_address = {address: host for host, (address, _) in self._servers.items()}
        with network.inside(net["c"]):
            if service == "dhcp4":
                self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                self._socket.bind(("0.0.0.0", 67))
            else:
                self._socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
                self._socket.bind(("::", 547))
                self._scope = socket.if_nametoindex("br0")
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.setblocking(False)

    def send(self, host, packet):
        address, port = self._servers[host]
        self._socket.sendto(packet, (address, port) if self.service == "dhcp4"
                            else (address, port, 0, self._scope))

    def received(self, patience_s=0.0):
        """{host: [answer]} of what has come since, and what comes within patience_s of another."""
        found = {"a": [], "b": []}
        while True:
            try:
                select.select([self._socket], [], [], patience_s)
                data, (address, *_) = self._socket.recvfrom(1 << 16)
            except BlockingIOError:
                return found
            answer = (answer4 if self.service == "dhcp4" else answer6)(data)
            found[self._by_address[address.split("%")[0]]].append(answer)

    def close(self):
        self._socket.close()


def _link_local(net, host):
    link = json.loads(network._ip(net[host], "-j", "address", "show", "dev", "cl0"))[0]
    for address in link["addr_info"]:
        if address["scope"] == "link" and not address.get("tentative"):
            return address["local"]
    return None


def later(text, number):
    """The address `number` after that of `text`."""
    return str(ipaddress.ip_address(text) + number)
