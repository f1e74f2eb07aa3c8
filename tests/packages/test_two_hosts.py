"""From two Debian hosts with Kea to a pair, by README.md's "Two hosts" alone; and what the units promise.

The commands are read from README.md. Two things are not as a reader has them: `scp` copies between the two
roots, since they have no sshd; and where a person looks before going on, at what README.md says is seen
then, the test waits for it.
"""
import json
import os
import re
import time
import unittest

import hosts
import readme

A, B = "host-a", "host-b"
LINK = {A: "198.51.100.1", B: "198.51.100.2"}
AGENT = {A: "nestor-primary-agent", B: "nestor-secondary-agent"}
_SCP = r"""#!/bin/sh
# In scp's place: the other host's root is mounted at /hosts/ADDRESS.
here() { echo "$1" | sed 's|^root@\([0-9.]*\):|/hosts/\1|'; }
exec cp "$(here "$1")" "$(here "$2")"
"""


class TwoHosts(unittest.TestCase):
    """One pair for all tests, which run in the order of their names."""

    @classmethod
    def setUpClass(cls):
        hosts.base()
        cls.network = hosts.Network({A: [f"{LINK[A]}/24", "192.0.2.2/24"], B: [f"{LINK[B]}/24", "192.0.2.3/24"]})
        cls.addClassCleanup(cls.network.close)
        cls.hosts = {name: hosts.Host(name) for name in (A, B)}
        for name, other in ((A, B), (B, A)):
            cls.addClassCleanup(cls.hosts[name].close)
            cls.hosts[name].boot({f"/hosts/{LINK[other]}": cls.hosts[other].root})
        for host in cls.hosts.values():
            host.run(f"apt-get -q install --no-install-recommends {' '.join(hosts.BEFORE)}")
            for package in hosts.packages():
                host.copy_in(package, f"/root/{os.path.basename(package)}")
            with open(host.path("/usr/local/bin/scp"), "w", encoding="utf-8") as file:
                file.write(_SCP)
            os.chmod(host.path("/usr/local/bin/scp"), 0o755)
        # Debian's configuration with what its user puts in.
        cls.hosts[A].copy_in(f"{hosts.ROOT}/deploy/samples/two-hosts-ipv4/kea-a/kea-dhcp4.conf", "/etc/kea/kea-dhcp4.conf")
        cls.hosts[B].run(r"""sed -i 's/"interfaces": \[ \]/"interfaces": [ "eth0" ]/' /etc/kea/kea-dhcp4.conf""")
        for host in cls.hosts.values():
            host.run("systemctl restart kea-dhcp4-server")

    def ctl(self, name, *verb):
        return json.loads(self.hosts[name].run(f"nestorctl --json {' '.join(verb)}", check=False).stdout or "{}")

    def status(self):
        found = self.ctl(A, "status", "east4").get("relationships", [])
        return found[0] if found else {}

    def ready(self, name):
        """Whether its agent is; fails where it is not for the reason that systemd knows."""
        return self.hosts[name].show(AGENT[name], "ActiveState") == "active"

    # ------------------------------------------------------------------ README.md

    def test_1_readme_leads_to_a_pair(self):
        for name, commands in readme.steps():
            if "relationship create" in commands:
                hosts.wait_until(lambda: {server["server"] for server in self.ctl(A, "servers").get("servers", [])
                                          if all(kea.get("version") for kea in server.get("keas", []))}
                                 == {"kea-a", "kea-b"}, 30, lambda: f"both listed: {self.ctl(A, 'servers')}")
            if "nestorctl status" in commands:
                hosts.wait_until(lambda: self.status().get("state") == "OK", 60, lambda: f"status says OK: {self.status()}")
            hosts.say(f"{name}:\n{commands}")
            hosts.say(self.hosts[name].run(commands).stdout)
        status = self.status()
        self.assertEqual(status["state"], "OK")
        self.assertEqual({status[side]["ha_state"] for side in ("primary", "secondary")}, {"hot-standby"})
        self.assertTrue(status["mirror"]["digest_equal"])
        self.assertEqual(status["mirror"]["apply_by"], "hook")

    def test_2_both_files_are_written_and_kept_as_they_were(self):
        for name, host in self.hosts.items():
            # A Kea that knew the pair only in its memory would lose it here.
            host.run("kea-dhcp4 -t /etc/kea/kea-dhcp4.conf")
            with open(host.path("/etc/kea/kea-dhcp4.conf"), encoding="utf-8") as file:
                text = file.read()
            self.assertIn("libdhcp_ha.so", text, name)
            self.assertIn("192.0.2.100", text, name)
            self.assertEqual(host.run("stat -c '%U:%G %a' /etc/kea/kea-dhcp4.conf").stdout.strip(), "nestor:_kea 644")

    def test_3_the_pair_serves(self):
        done = hosts.run("ip", "netns", "exec", "packages-clients", "perfdhcp", "-4", "-r", "20", "-n", "10", "-R", "10",
                         "-u", "-W", "1000000", "-l", "lan0", check=False)
        self.assertEqual(re.findall(r"received packets: (\d+)", done.stdout), ["10", "10"], done.stdout + done.stderr)

    # ------------------------------------------------------------------ the units

    def test_4_systemctl_status_says_what_the_agents_do(self):
        lines = {A: r"serving east4/dhcp4 at \d+/\d+, lag 0", B: r"following east4/dhcp4 at \d+/\d+, lag 0"}
        for name, line in lines.items():
            hosts.wait_until(lambda n=name, text=line: re.fullmatch(text, self.hosts[n].show(AGENT[n], "StatusText")),
                             10, lambda n=name: self.hosts[n].show(AGENT[n], "StatusText"))

    def test_5_reload_reads_the_keys_anew(self):
        self.hosts[A].run(f"systemctl reload {AGENT[A]}")
        hosts.wait_until(lambda: "RELOADED" in self.hosts[A].journal(AGENT[A]), 10,
                         lambda: f"RELOADED: {self.hosts[A].journal(AGENT[A])}")

    def test_6_an_agent_is_ready_when_it_has_read_kea(self):
        host = self.hosts[B]
        host.run(f"systemctl stop {AGENT[B]} kea-dhcp4-server && systemctl start --no-block {AGENT[B]}")
        hosts.wait_until(lambda: host.show(AGENT[B], "StatusText") == "waiting: dhcp4 not read yet", 20,
                         lambda: host.journal(AGENT[B]))
        self.assertEqual(host.show(AGENT[B], "ActiveState"), "activating")
        host.run("systemctl start kea-dhcp4-server")
        hosts.wait_until(lambda: self.ready(B), 20, lambda: host.journal(AGENT[B]))

    def test_7_a_loop_that_is_stuck_is_ended_and_started_again(self):
        """A process that is stopped turns no loop."""
        host = self.hosts[A]
        quick = "[Service]\nTimeoutStartSec=3s\nTimeoutStopSec=2s\nTimeoutAbortSec=2s\nWatchdogSec=3s\nRestartSec=1s\n"
        folder = host.path(f"/etc/systemd/system/{AGENT[A]}.service.d")
        os.makedirs(folder)
        with open(f"{folder}/quick.conf", "w", encoding="utf-8") as file:
            file.write(quick)
        host.run(f"systemctl daemon-reload && systemctl restart {AGENT[A]}")
        restarts = int(host.show(AGENT[A], "NRestarts"))
        began = time.monotonic()
        host.run(f"kill -STOP {host.show(AGENT[A], 'MainPID')}")
        hosts.wait_until(lambda: int(host.show(AGENT[A], "NRestarts")) > restarts and self.ready(A), 40,
                         lambda: host.journal(AGENT[A]))
        self.assertGreater(time.monotonic() - began, 1)
        self.assertIn("watchdog", host.run(f"journalctl --no-pager -u {AGENT[A]} _PID=1", check=False).stdout.lower())
        hosts.wait_until(lambda: self.status().get("state") == "OK", 60, lambda: f"status: {self.status()}")

    def test_8_a_wrong_configuration_is_not_tried_again(self):
        host = self.hosts[B]
        host.run("sed -i 's/kea-b/<name>/' /etc/nestor/secondary-agent.json")
        host.run(f"systemctl restart {AGENT[B]}", check=False)
        self.assertEqual((host.show(AGENT[B], "ActiveState"), host.show(AGENT[B], "ExecMainStatus")), ("failed", "78"))
        self.assertIn("line 4, column", host.journal(AGENT[B]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
