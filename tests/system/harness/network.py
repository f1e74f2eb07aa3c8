"""Network namespaces: DHCP hosts joined by a link, and a client segment that all of them serve."""
import contextlib
import ctypes
import json
import os
import re
import subprocess

from .waiting import wait_until
from .wire import Wire, open_tap

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_PREFIX = "nst"

# c are the clients, so the third DHCP host is d.
HOSTS = "abd"
LINK = {"a": "10.77.0.1", "b": "10.77.0.2", "d": "10.77.0.3"}
LINK6 = {"a": "fd77::1", "b": "fd77::2", "d": "fd77::3"}
CLIENT_SIDE = {"a": "10.0.0.2", "b": "10.0.0.3", "c": "10.0.0.1", "d": "10.0.0.4"}
CLIENT_SIDE6 = {"a": "2001:db8:1::2", "b": "2001:db8:1::3", "c": "2001:db8:1::1",
                "d": "2001:db8:1::4"}


@contextlib.contextmanager
def inside(netns):
    """The calling thread, and what it starts or opens, is in the namespace. None: stays."""
    if netns is None:
        yield
        return
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(f"/run/netns/{netns}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _setns(there)
        yield
    finally:
        _setns(home)
        os.close(there)
        os.close(home)


def _setns(descriptor):
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _do(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


def _ip(netns, *argv):
    return _do("ip", "-n", netns, *argv)


def remove_leftovers():
    """Removes namespaces of test runs that were killed; those of running ones stay."""
    for line in _do("ip", "netns", "list").splitlines():
        name = line.split()[0] if line.strip() else ""
        match = re.fullmatch(_PREFIX + r"(\d+)n\d+[abcd]", name)
        if match and not os.path.exists(f"/proc/{match.group(1)}"):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


class Network:
    """Namespaces `a`, `b` and, of three, `d` (the DHCP hosts) and `c` (the clients).

    The DHCP hosts: `link0` to each other (10.77.0.1, .2, .3), `cl0` to the clients' bridge `br0` in c.
    """

    _made = 0

    def __init__(self, disturbable=False, hosts="ab"):
        """disturbable: disturb() works, between two hosts, and the link costs more."""
        assert not disturbable or hosts == "ab", "a wire has two ends"
        remove_leftovers()
        self._wire = None
        self._disturbable = disturbable
        self.hosts = hosts
        Network._made += 1
        self.names = {host: f"{_PREFIX}{os.getpid()}n{Network._made}{host}" for host in hosts + "c"}
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def __getitem__(self, host):
        return self.names[host]

    def _build(self):
        for name in self.names.values():
            _do("ip", "netns", "add", name)
            # Without duplicate address detection a link-local address serves at once.
            _do("ip", "netns", "exec", name, "sysctl", "-qw",
                "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0",
                "net.ipv6.conf.default.dad_transmits=0",
                # As systemd has it on a host; a namespace begins with 10.
                "net.unix.max_dgram_qlen=512")
            _ip(name, "link", "set", "lo", "up")
        c = self.names["c"]
        self._link()
        _ip(c, "link", "add", "br0", "type", "bridge", "forward_delay", "0")
        for host in self.hosts:
            name = self.names[host]
            _do("ip", "link", "add", "cl0", "netns", name, "type", "veth",
                "peer", "name", f"to{host}", "netns", c)
            _ip(c, "link", "set", f"to{host}", "master", "br0", "up")
            _ip(name, "address", "add", f"{LINK[host]}/24", "dev", "link0")
            _ip(name, "address", "add", f"{LINK6[host]}/64", "dev", "link0", "nodad")
            _ip(name, "address", "add", f"{CLIENT_SIDE[host]}/16", "dev", "cl0")
            _ip(name, "address", "add", f"{CLIENT_SIDE6[host]}/64", "dev", "cl0", "nodad")
            _ip(name, "link", "set", "link0", "up")
            _ip(name, "link", "set", "cl0", "up")
        _ip(c, "address", "add", f"{CLIENT_SIDE['c']}/16", "dev", "br0")
        _ip(c, "address", "add", f"{CLIENT_SIDE6['c']}/64", "dev", "br0", "nodad")
        _ip(c, "link", "set", "br0", "up")
        # Kea opens no socket on an interface that does not run yet.
        wait_until(self._runs, 10, lambda: "all interfaces run", poll_s=0.02)

    def _link(self):
        if len(self.hosts) > 2:
            self._switch()
            return
        a, b = (self.names[host] for host in self.hosts)
        if not self._disturbable:
            _do("ip", "link", "add", "link0", "netns", a, "type", "veth",
                "peer", "name", "link0", "netns", b)
            return
        taps = []
        for name in (a, b):
            with inside(name):
                taps.append(open_tap("link0"))
        self._wire = Wire(*taps)

    def _switch(self):
        """The hosts' links end in a bridge in c, which has no address there."""
        c = self.names["c"]
        _ip(c, "link", "add", "switch0", "type", "bridge", "forward_delay", "0")
        _ip(c, "link", "set", "switch0", "addrgenmode", "none", "up")
        for host in self.hosts:
            _do("ip", "link", "add", "link0", "netns", self.names[host], "type", "veth",
                "peer", "name", f"port{host}", "netns", c)
            _ip(c, "link", "set", f"port{host}", "master", "switch0", "addrgenmode", "none", "up")

    def _runs(self):
        for host in self.names:
            interfaces = ("br0",) if host == "c" else ("link0", "cl0")
            states = {link["ifname"]: link["operstate"]
                      for link in json.loads(_ip(self[host], "-j", "link"))}
            if any(states[interface] not in ("UP", "UNKNOWN") for interface in interfaces):
                return False
        return True

    def leave_clients_to_a(self):
        """b is on the clients' segment no more, though its interface runs: only a serves them."""
        _ip(self["c"], "link", "set", "tob", "nomaster")

    # ------------------------------------------------------------------ faults of the link

    def cut(self):
        """Nothing passes between the DHCP hosts; all links stay up, as behind a failed switch."""
        for host in self.hosts:
            _do("ip", "netns", "exec", self[host], "nft",
                "add table inet fault; add chain inet fault in { type filter hook input priority 0; };"
                "add rule inet fault in iifname link0 drop")

    def close_port(self, host, port):
        """Nothing that is sent to the host's TCP port arrives, as behind a firewall; until heal()."""
        _do("ip", "netns", "exec", self[host], "nft",
            "add table inet fault; add chain inet fault in { type filter hook input priority 0; };"
            f"add rule inet fault in tcp dport {port} drop")

    def link_down(self):
        _ip(self["a"], "link", "set", "link0", "down")

    def link_up(self):
        _ip(self["a"], "link", "set", "link0", "up")
        _ip(self["a"], "address", "replace", f"{LINK6['a']}/64", "dev", "link0", "nodad")

    def heal(self):
        for host in self.hosts:
            subprocess.run(["ip", "netns", "exec", self[host], "nft", "delete table inet fault"],
                           capture_output=True, check=False)

    def disturb(self, **fault):
        """As Wire.disturb()."""
        self._wire.disturb(**fault)

    def calm(self):
        if self._wire:
            self._wire.calm()

    def client_side(self, host, up):
        """Takes the host's cable to the clients out, or puts it back; then both ends run."""
        _ip(self["c"], "link", "set", f"to{host}", "up" if up else "down")
        if up:
            wait_until(lambda: self._is_up(host, "cl0") and self._is_up("c", f"to{host}"), 10,
                       f"{host}'s cable to the clients runs", poll_s=0.02)

    def _is_up(self, host, interface):
        return json.loads(_ip(self[host], "-j", "link", "show", interface))[0]["operstate"] == "UP"

    def close(self):
        if self._wire:
            self._wire.close()
            self._wire = None
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
