"""Every command in docs/operations.md, on two Debian hosts.

Each test makes the situation that its section is about, and runs the section's commands as they stand there; the last
one asks whether any was left out. What a reader has otherwise: the number of a change, and a yes where nestorctl asks.
"""
import json
import re
import subprocess
import unittest

import documents
import hosts
from two_hosts import A, AGENT, B, TwoHosts

DOCUMENT = "docs/operations.md"
KEA_FILE = "/etc/kea/kea-dhcp4.conf"
# For a terminal that nestorctl asks, and for verbs whose exit code is a finding.
_SHELL = r"""
nestorctl() {
  case "$*" in
    *relationship\ create* | *relationship\ edit* | *relationship\ remove* | *scopes\ *)
      printf 'y\n' | script -qec "/usr/bin/nestorctl $*" /dev/null ;;
    *status* | *diff*) command nestorctl "$@" || [ $? -le 2 ] ;;
    *watch*) timeout 15 nestorctl "$@" || [ $? = 124 ] ;;
    *) command nestorctl "$@" ;;
  esac
}
"""


class OperationsTest(TwoHosts):

    done = set()  # commands of the document that were run

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.places = {"host-a": A, "host-b": B, "monitor": B}

    # ------------------------------------------------------------------ the document's commands

    def section(self, heading):
        return documents.Section(DOCUMENT, heading).commands

    def follow(self, command, *, number=None):
        """Runs a command of the document, `number` in the place of the change's that it has; what it printed."""
        where, text = command
        self.done.add(command)
        if number is not None:
            self.assertRegex(text, r"\b(1042|e57)\b")
            text = re.sub(r"\b(1042|e57)\b", str(number), text)
        hosts.say(f"{where}:\n{text}")
        out = self.hosts[self.places[where]].run(_SHELL + text, timeout_s=400).stdout
        hosts.say(out)
        return out

    # ------------------------------------------------------------------ what is where

    def running(self, name):
        """What the host's Kea runs, as its file says, which the agents write."""
        with open(self.hosts[name].path(KEA_FILE), encoding="utf-8") as file:
            return json.load(file)["Dhcp4"]

    def write(self, name, path, config):
        with open(self.hosts[name].path(path), "w", encoding="utf-8") as file:
            json.dump({"Dhcp4": config}, file, indent=1)

    def subnets(self, name):
        return {subnet["id"] for subnet in self.running(name)["subnet4"]}

    def wait_for_subnets(self, name, ids):
        hosts.wait_until(lambda: self.subnets(name) == set(ids), 20, lambda: f"{name} has {ids}: {self.subnets(name)}")

    def mode(self, name):
        for library in self.running(name).get("hooks-libraries", []):
            if "libdhcp_ha.so" in library["library"]:
                return library["parameters"]["high-availability"][0]["mode"]
        return None

    def with_subnets(self, count):
        """A's configuration with its own subnet and as many more."""
        config = self.running(A)
        config["subnet4"] = [subnet for subnet in config["subnet4"] if subnet["id"] == 1]
        for number in range(count):
            config["subnet4"].append({"id": 100 + number, "subnet": f"10.9.{number}.0/24"})
        return config

    def change(self, config):
        """By nestorctl, without waiting for B."""
        self.write(A, "/root/change.json", config)
        self.hosts[A].run("nestorctl apply east4 change.json")

    def add_subnet(self, subnet):
        self.write(A, "/root/change.json", {"subnet4": [subnet]})
        self.hosts[A].run("nestorctl apply east4 change.json --merge")

    def wait_until_created(self):
        self.wait_until_ok()
        self.assertEqual(self.mode(A), "hot-standby")
        self.assertEqual(self.mode(B), "hot-standby")

    def wait_until_missed(self):
        """For long enough that nobody takes it for a moment's silence."""
        hosts.wait_until(lambda: re.search(r"kea-b has been silent for \d\d", str(self.status().get("reasons"))), 30,
                         lambda: f"kea-b's agent is missed: {self.status()}")

    def pids(self):
        return [host.show("kea-dhcp4-server", "MainPID") for host in self.hosts.values()]

    def mirror(self):
        return self.status().get("mirror", {})

    def wait_for_follower(self, state):
        """The number of the change that the secondary holds or refuses."""
        hosts.wait_until(lambda: self.mirror().get("follower_state") == state, 30, lambda: f"{state}: {self.status()}")
        return self.mirror()["head"]

    def sample_is_accepted(self):
        sample = re.search(r"```jsonc\n(.*?)```", documents.Section(DOCUMENT, "## Configuring").text, re.S)[1]
        with open(self.hosts[A].path("/root/sample.json"), "w", encoding="utf-8") as file:
            file.write(sample)
        self.hosts[A].run("nestor-primary-agent --config sample.json --check-config")

    # ------------------------------------------------------------------ the sections

    def test_01_readme(self):
        self.follow_readme()

    def test_02_configuring(self):
        self.sample_is_accepted()
        for command in self.section("### Kea's file"):
            self.follow(command)
        self.change(self.with_subnets(2))
        self.wait_for_subnets(B, (1, 100, 101))

    def test_03_a_monitor(self):
        give, rights, look, take = self.section("### A monitor, or an operator on another host")
        self.follow(give)
        self.follow(rights)
        self.assertIn("east4", self.follow(look))
        self.follow(take)
        refused = self.hosts[B].run(look[1], check=False)
        self.assertEqual(refused.returncode, 69, refused.stdout + refused.stderr)

    def test_04_replacing_keys(self):
        keas = self.pids()
        keys = [self.hosts[name].run("cat /etc/nestor/keys/*.public").stdout for name in (A, B)]
        for number, command in enumerate(self.section("### Replacing a key")):
            self.change(self.with_subnets(number % 3))
            self.follow(command)
            if command[0] == "host-b" and "restart" in command[1]:
                self.wait_until_ok()
                self.wait_for_subnets(B, {1, *range(100, 100 + number % 3)})
        for name, before in zip((A, B), keys):
            self.assertNotEqual(self.hosts[name].run("cat /etc/nestor/keys/*.public").stdout, before)
        self.hosts[A].run(f"systemctl restart {AGENT[A]}")
        self.wait_until_ok()
        self.assertEqual(self.pids(), keas)

    def test_05_editing(self):
        for command in self.section("## Editing a relationship"):
            self.follow(command)
        self.wait_until_ok()
        self.assertEqual([self.mode(name) for name in (A, B)], ["load-balancing"] * 2)
        self.assertEqual({pool.get("client-class") for pool in self.running(A)["subnet4"][0]["pools"]},
                         {"HA_kea-a", "HA_kea-b"})

    def test_06_removing_and_creating(self):
        remove, enable, alone = self.section("## Removing a relationship")
        self.follow(remove)
        self.assertEqual([self.mode(name) for name in (A, B)], [None, None])
        classes = {subnet.get("client-class") for subnet in self.running(B)["subnet4"]}
        self.assertEqual(classes, {"nestor-disabled"})
        self.follow(enable)
        self.assertEqual({subnet.get("client-class") for subnet in self.running(B)["subnet4"]}, {None})
        self.warns_of_a_file_that_only_kea_may_write()
        for command in self.section("## Creating a relationship"):
            self.follow(command)
        self.wait_until_created()
        self.hosts[B].run(f"systemctl stop {AGENT[B]} kea-dhcp4-server")
        self.wait_until_missed()
        self.follow(alone)
        self.assertIsNone(self.mode(A))
        self.hosts[B].run(f"systemctl start kea-dhcp4-server {AGENT[B]}")
        hosts.wait_until(lambda: self.mode(B) is None, 30, lambda: self.hosts[B].journal(AGENT[B]))

    def warns_of_a_file_that_only_kea_may_write(self):
        """As Debian has it, before the agent was given it; then it is given again."""
        self.hosts[B].run(f"chown root:_kea {KEA_FILE} && chgrp root /etc/kea && chmod 755 /etc/kea")
        checks = self.hosts[A].run("nestorctl relationship create east4 --service dhcp4 --mode hot-standby "
                                   "--secondary kea-b --dry-run").stdout
        self.assertRegex(checks, r"(?m)^WARNED +configuration file, kea-b +only Kea can write it, which holds it up: .*"
                         r"kea-dhcp4\.conf")
        for command in self.section("### Kea's file"):
            self.follow(command)

    def test_07_adopting(self):
        self.wait_until_listed()
        for command in self.section("## Creating a relationship"):
            self.follow(command)
        for name in (A, B):
            self.forget(name)
        self.wait_until_listed()
        found, observed, adopted = self.section("## Adopting a pair")
        hosts.wait_until(lambda: "DETECTED" in self.hosts[A].run("nestorctl relationship list").stdout, 20,
                         lambda: self.hosts[A].run("nestorctl relationship list").stdout)
        self.follow(found)
        self.wait_until_created()
        self.hosts[A].run("nestorctl relationship remove east4 --yes")
        self.follow(observed)
        self.follow(adopted)
        self.wait_until_created()

    def forget(self, name):
        """Its agent's state is lost."""
        self.hosts[name].run(f"systemctl stop {AGENT[name]} && find /var/lib/nestor -mindepth 1 -delete && "
                             f"systemctl start {AGENT[name]}")

    def test_08_changing_the_primary(self):
        self.change(self.with_subnets(0))
        self.wait_for_subnets(B, {1})
        self.write(A, "/root/kea-dhcp4.conf", self.with_subnets(1))
        self.write(A, "/root/new-subnet.json", {"subnet4": [{"id": 9, "subnet": "10.10.0.0/24"}]})
        for command in self.section("## Changing the primary"):
            self.follow(command)
        self.wait_for_subnets(B, {1, 9, 100})

    def test_09_held_changes(self):
        approve, reject = self.section("## Held changes")
        many = {1, *range(100, 112)}
        for command, left in ((approve, {1}), (reject, many)):
            self.change(self.with_subnets(12))
            self.wait_for_subnets(B, many)
            self.change(self.with_subnets(0))
            self.follow(command, number=self.wait_for_follower("HELD"))
            self.wait_for_subnets(B, left)
            self.wait_for_subnets(A, {1})
        hosts.wait_until(lambda: self.mirror()["follower_state"] == "PAUSED", 10, lambda: self.status())
        self.change(self.with_subnets(12))
        self.hosts[A].run("nestorctl resync east4 --wait")
        self.wait_until_ok()

    def test_10_while_the_primary_is_away(self):
        there, *back = self.section("## While the primary is away")
        self.hosts[A].run(f"systemctl stop {AGENT[A]} kea-dhcp4-server")
        hosts.wait_until(lambda: "has been silent" in self.hosts[B].run("nestorctl status", check=False).stdout, 20,
                         "kea-b's agent misses the primary's")
        config = self.running(B)
        config["subnet4"].append({"id": 77, "subnet": "10.77.0.0/24"})
        self.write(B, KEA_FILE, config)
        self.hosts[B].run("kill -HUP $(systemctl show -P MainPID kea-dhcp4-server)")
        hosts.wait_until(lambda: "while kea-a was away" in self.hosts[B].run("nestorctl status", check=False).stdout, 20,
                         lambda: self.hosts[B].run("nestorctl status", check=False).stdout)
        self.assertIn("77", self.follow(there))
        self.hosts[A].run(f"systemctl start kea-dhcp4-server {AGENT[A]}")
        self.wait_until_ok(120)
        self.assertNotIn(77, self.subnets(A))
        kept = hosts.wait_until(lambda: re.search(r"^(e\d+) .* kept ", self.hosts[A].run("nestorctl history east4").stdout, re.M),
                                20, lambda: self.hosts[A].run("nestorctl history east4").stdout)
        for command in back:
            self.follow(command, number=kept[1])
        for name in (A, B):
            hosts.wait_until(lambda name=name: 77 in self.subnets(name), 20, lambda name=name: f"{name} has it back")

    def test_11_leases(self):
        self.hosts[A].run(r"""sed -i 's/"hook-socket"/"lease-events": true, "hook-socket"/' /etc/nestor/primary-agent.json
systemctl restart nestor-primary-agent""")
        self.wait_until_ok()
        clients = subprocess.Popen(  # for as long as both are watched
            ["ip", "netns", "exec", "packages-clients", "perfdhcp", "-4", "-r", "2", "-p", "35", "-R", "50", "-u", "-l", "lan0"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for command in self.section("## Lease events"):
                out = self.follow(command)
                self.assertRegex(out, r"(?m)^\S+Z east4 lease \S+ committed 192\.0\.2\.\d+ of ")
                self.assertIn('"happened":"committed"', out.replace(" ", ""))
        finally:
            clients.terminate()
            clients.wait()

    def test_12_why_a_change_was_refused(self):
        self.give_interface(A)
        self.add_subnet({"id": 55, "subnet": "10.55.0.0/24", "interface": "eth9"})
        for command in self.section("### Why a change was refused"):
            out = self.follow(command, number=self.wait_for_follower("REJECTED"))
            self.assertIn("eth9", out)
            self.assertIn("subnet", out)
        self.give_interface(B)
        self.hosts[A].run("nestorctl resync east4 --wait")
        self.wait_until_ok()
        self.assertIn(55, self.subnets(B))

    def give_interface(self, name):
        """eth9, which Kea sees from its next start on."""
        hosts.run("ip", "link", "add", "eth9", "netns", name, "type", "veth", "peer", "name", f"nine-{name}", "netns",
                  "packages-clients")
        hosts.run("ip", "-n", "packages-clients", "link", "set", f"nine-{name}", "up")
        hosts.run("ip", "-n", name, "link", "set", "eth9", "up")
        self.hosts[name].run("systemctl restart kea-dhcp4-server")
        self.wait_until_answers(name)

    def wait_until_answers(self, name):
        def answers():
            keas = [kea for server in self.ctl(A, "servers").get("servers", []) for kea in server.get("keas", [])]
            return len(keas) == 2 and all(kea.get("version") for kea in keas)
        hosts.wait_until(answers, 30, lambda: f"{name}'s Kea answers: {self.ctl(A, 'servers')}")

    def test_13_backup_and_restoring(self):
        save, restore, resync, lose_b, lose_a, adopt = self.section("## Backup and restoring")
        self.follow(save)
        self.wait_until_ok()
        self.add_subnet({"id": 56, "subnet": "10.56.0.0/24"})
        hosts.wait_until(lambda: 56 in self.subnets(B), 20, "it is mirrored after the copy was made")
        self.follow(restore)
        hosts.wait_until(lambda: "FENCED" in json.dumps(self.status()), 30, lambda: self.status())
        self.follow(resync)
        self.wait_until_ok()
        self.assertIn(56, self.subnets(B))
        self.follow(lose_b)
        self.wait_until_ok()
        self.follow(lose_a)
        self.wait_until_listed()
        self.follow(adopt)
        self.wait_until_ok()

    def test_14_replacing_the_secondarys_host(self):
        remove, reload, create = self.section("## Replacing the secondary's host")
        self.hosts[B].close()
        self.wait_until_missed()
        self.follow(remove)
        self.hosts[B] = hosts.Host(B)
        self.prepare(B)
        readme = documents.Section("README.md", "## Two hosts").commands
        for name, commands in readme:
            if name == B or "rights:" in commands:
                self.hosts[name].run(commands)
        self.follow(reload)
        self.wait_until_listed()
        self.follow(create)
        self.wait_until_created()
        self.assertEqual(self.subnets(B), self.subnets(A))

    def test_15_upgrading(self):
        before = [self.hosts[name].show(AGENT[name], "MainPID") for name in (A, B)]
        for command in self.section("## Upgrading"):
            self.assertIn("apt install ./", command[1])
            self.done.add(command)
            # Of the same version, it would be left as it is.
            self.hosts[command[0]].run(_SHELL + command[1].replace("apt install", "apt-get -q install --reinstall"))
        after = [self.hosts[name].show(AGENT[name], "MainPID") for name in (A, B)]
        self.assertFalse(set(before) & set(after), "both were started again")
        self.wait_until_ok()

    def test_16_nothing_was_left_out(self):
        self.assertEqual([command for command in documents.Section(DOCUMENT).commands if command not in self.done], [])


if __name__ == "__main__":
    unittest.main(verbosity=2, failfast=True)
