"""Two Debian hosts with Kea and Nestor's packages at hand, for tests of what the documents say.

`scp` copies between the two roots, since they have no sshd.
"""
import json
import os
import unittest

import documents
import hosts

A, B = "host-a", "host-b"
LINK = {A: "198.51.100.1", B: "198.51.100.2"}
AGENT = {A: "nestor-primary-agent", B: "nestor-secondary-agent"}
_SCP = r"""#!/bin/sh
# In scp's place: the other host's root is mounted at /hosts/ADDRESS.
here() { echo "$1" | sed 's|^root@\([0-9.]*\):|/hosts/\1|'; }
exec cp "$(here "$1")" "$(here "$2")"
"""


class TwoHosts(unittest.TestCase):
    """One pair for all tests of a class, which run in the order of their names."""

    @classmethod
    def setUpClass(cls):
        hosts.base()
        cls.network = hosts.Network({A: [f"{LINK[A]}/24", "192.0.2.2/24"], B: [f"{LINK[B]}/24", "192.0.2.3/24"]})
        cls.addClassCleanup(cls.network.close)
        cls.hosts = {}
        for name in (A, B):
            cls.hosts[name] = hosts.Host(name)
            cls.addClassCleanup(lambda name=name: cls.hosts[name].close())
        for name in (A, B):
            cls.prepare(name)

    @classmethod
    def prepare(cls, name):
        """Boots the host, a copy of the base, with Kea and what its user puts into Debian's configuration."""
        other = {A: B, B: A}[name]
        host = cls.hosts[name].boot({f"/hosts/{LINK[other]}": cls.hosts[other].root})
        host.run(f"apt-get -q install --no-install-recommends {' '.join(hosts.BEFORE)}")
        for package in hosts.packages():
            host.copy_in(package, f"/root/{os.path.basename(package)}")
        with open(host.path("/usr/local/bin/scp"), "w", encoding="utf-8") as file:
            file.write(_SCP)
        os.chmod(host.path("/usr/local/bin/scp"), 0o755)
        if name == A:
            host.copy_in(f"{hosts.ROOT}/deploy/samples/two-hosts-ipv4/kea-a/kea-dhcp4.conf", "/etc/kea/kea-dhcp4.conf")
        else:
            host.run(r"""sed -i 's/"interfaces": \[ \]/"interfaces": [ "eth0" ]/' /etc/kea/kea-dhcp4.conf""")
        host.run("systemctl restart kea-dhcp4-server")

    def ctl(self, name, *verb):
        return json.loads(self.hosts[name].run(f"nestorctl --json {' '.join(verb)}", check=False).stdout or "{}")

    def status(self):
        found = self.ctl(A, "status", "east4").get("relationships", [])
        return found[0] if found else {}

    def ready(self, name):
        """Whether its agent is; fails where it is not for the reason that systemd knows."""
        return self.hosts[name].show(AGENT[name], "ActiveState") == "active"

    def wait_until_listed(self):
        """Until the primary's agent knows both servers and their Keas."""
        def listed():
            servers = self.ctl(A, "servers").get("servers", [])
            return {server["server"] for server in servers
                    if all(kea.get("version") for kea in server.get("keas", []))} == {"kea-a", "kea-b"}
        hosts.wait_until(listed, 30, lambda: f"both listed: {self.ctl(A, 'servers')}")

    def wait_until_ok(self, deadline_s=60):
        hosts.wait_until(lambda: self.status().get("state") == "OK", deadline_s, lambda: f"status says OK: {self.status()}")

    def follow_readme(self):
        """All of "Two hosts". Where a person looks before going on, at what is said to be seen then, this waits for it."""
        for name, commands in documents.Section("README.md", "## Two hosts").commands:
            if "relationship create" in commands:
                self.wait_until_listed()
            if "nestorctl status" in commands:
                self.wait_until_ok()
            hosts.say(f"{name}:\n{commands}")
            hosts.say(self.hosts[name].run(commands).stdout)
