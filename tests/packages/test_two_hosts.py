"""From two Debian hosts with Kea to a pair, by README.md's "Two hosts" alone; and what the units promise."""
import os
import re
import time
import unittest

import hosts
from two_hosts import A, AGENT, B, TwoHosts


class TwoHostsTest(TwoHosts):

    # ------------------------------------------------------------------ README.md

    def test_1_readme_leads_to_a_pair(self):
        self.follow_readme()
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
