"""The packages by themselves: what Debian thinks of them, what they install, leave and take away."""
import os
import re
import unittest

import hosts

HOST = "host-c"
AGENTS = ("nestor-primary-agent", "nestor-secondary-agent")
OURS = (*AGENTS, "nestorctl", "nestor-kea-hook")
# Where other programs write whenever a package comes or goes.
_OTHERS = r"/(var/(lib/(dpkg|apt|systemd/deb-systemd-helper-enabled$|systemd/catalog|systemd/random)|cache|log)|root/|tmp|run|proc|sys|dev)" \
          r"|/etc/(ld\.so\.cache|passwd-|group-|shadow-|gshadow-|mtab|machine-id)"


class Lintian(unittest.TestCase):
    def test_finds_nothing(self):
        done = hosts.run("lintian", "--allow-root", "--tag-display-limit", "0", "--fail-on", "error,warning",
                         *hosts.packages(), check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class OneHost(unittest.TestCase):
    """One host for all tests, which run in the order of their names."""

    @classmethod
    def setUpClass(cls):
        hosts.base()
        cls.network = hosts.Network({HOST: ["198.51.100.1/24", "192.0.2.2/24"]})
        cls.addClassCleanup(cls.network.close)
        cls.host = hosts.Host(HOST)
        cls.addClassCleanup(cls.host.close)
        cls.host.boot()
        cls.host.run(f"apt-get -q install --no-install-recommends {' '.join(hosts.BEFORE)}")
        for package in hosts.packages():
            cls.host.copy_in(package, f"/root/{os.path.basename(package)}")

    def listing(self):
        """{path: owner, group and mode} of all that is not other programs' book-keeping."""
        found = self.host.run(r"find / -xdev -printf '%p\t%u:%g %m\n'").stdout
        lines = (line.split("\t") for line in found.splitlines())
        return {path: mode for path, mode in lines if not re.match(_OTHERS, path)}

    def install(self):
        return self.host.run("apt-get -q install --no-install-recommends ./*.deb").stdout

    def configure(self, agent):
        """The least with which it starts, as README.md has it."""
        role = agent.split("-")[1]
        self.host.run(f"""
sed -i 's/<name>/kea-c/; s/<address>/198.51.100.1/; s/<primary-name>/kea-c/; s/<primary-address>/198.51.100.1/' \\
  /etc/nestor/{role}-agent.json
[ -e /etc/nestor/keys/kea-c.secret ] || (cd /etc/nestor/keys && nestorctl keygen kea-c && chown nestor: kea-c.*)
# Two agents on one host share no socket.
[ {role} = primary ] || sed -i '/hook-socket/d' /etc/nestor/secondary-agent.json
""")

    def test_1_only_debians_packages_come_with_them(self):
        planned = re.findall(r"^Inst (\S+) \((.*)\)", self.host.run("apt-get -s install ./*.deb").stdout, re.M)
        names = {name for name, _ in planned}
        self.assertLessEqual(set(OURS), names)
        for name, origin in planned:
            if name not in OURS:
                self.assertRegex(origin, r" Debian(-Security)?:12", name)
        type(self).others = names - set(OURS)

    def test_2_nothing_runs_and_nothing_is_enabled(self):
        self.host.run(f"apt-get -q install --no-install-recommends {' '.join(sorted(self.others))}")
        type(self).before = self.listing()
        self.install()
        for agent in AGENTS:
            self.assertEqual(self.host.run(f"systemctl is-enabled {agent}", check=False).stdout.strip(), "disabled")
            self.assertEqual(self.host.show(agent, "ActiveState"), "inactive")
            self.assertEqual(self.host.run(f"{agent} --check-config", check=False).returncode, 78)
        self.assertRegex(self.host.run("id nestor").stdout, r"groups=\d+\(nestor\),\d+\(_kea\)")

    def test_3_files_and_modes_are_as_documented(self):
        """By the table in docs/operations.md, "Installing"."""
        with open(os.path.join(hosts.ROOT, "docs/operations.md"), encoding="utf-8") as file:
            table = re.search(r"^\| file or folder \|.*?\n\n", file.read(), re.M | re.S)[0].strip()
        checked = 0
        for line in table.splitlines()[2:]:
            paths, mode = [cell.strip() for cell in line.split("|")[1:3]]
            owner, octal = re.fullmatch(r"([\w:]+), 0(\d+)", mode).groups()
            group = owner.split(":")[1] if ":" in owner else owner
            folder = "/"
            for path in re.findall(r"`([^`]+)`", paths):
                path = path if path.startswith("/") else f"{folder}/{path}"
                path = path.rstrip("/")
                folder = os.path.dirname(path)
                inside = f"{path}/*" if path.endswith(".d") and "systemd" in path else path
                for found in self.host.run(f"stat -c '%U:%G %a' {inside}").stdout.splitlines():
                    self.assertEqual(found, f"{owner.split(':')[0]}:{group} {octal}", path)
                    checked += 1
        self.assertGreater(checked, 15)

    def test_4_units_are_what_they_should_be(self):
        units = [f"/lib/systemd/system/{agent}.service" for agent in AGENTS]
        verified = self.host.run(f"systemd-analyze verify {' '.join(units)}")
        self.assertEqual(verified.stdout + verified.stderr, "")
        for unit in units:
            rated = self.host.run(f"systemd-analyze security --offline=true --no-pager {unit}").stdout
            self.assertLessEqual(float(re.search(r"exposure level for \S+: ([\d.]+)", rated)[1]), 2.0, rated)

    def test_5_man_pages_are_there(self):
        for page in ("8 nestor-primary-agent", "8 nestor-secondary-agent", "1 nestorctl"):
            text = self.host.run(f"MANWIDTH=80 man --warnings {page}").stdout
            self.assertIn("SEE ALSO", text, page)

    def test_5_what_watches_a_pair_is_among_the_examples(self):
        listed = self.host.run("ls /usr/share/doc/nestor-primary-agent/examples/monitoring").stdout.split()
        self.assertEqual(listed, ["grafana-dashboard.json", "nestor.rules.yml", "prometheus.yml"])

    def test_6_removed_and_installed_again_keys_and_state_are_there(self):
        self.host.run("""
chown nestor:_kea /etc/kea/kea-dhcp4.conf
chgrp nestor /etc/kea && chmod 775 /etc/kea
systemctl restart kea-dhcp4-server
""")
        for agent in AGENTS:
            self.configure(agent)
            self.host.run(f"systemctl enable --now {agent}")
        kept = ("/etc/nestor/keys/kea-c.secret", "/etc/nestor/primary-agent.json", "/var/lib/nestor/primary.db",
                "/var/lib/nestor/secondary.db")
        sums = self.host.run(f"systemctl stop {' '.join(AGENTS)} && sha256sum {' '.join(kept)}").stdout
        self.host.run(f"systemctl start {' '.join(AGENTS)} && apt-get -q remove {' '.join(OURS)}")
        running = self.host.run("ls -l /proc/*/exe | grep sbin/nestor", check=False).stdout
        self.assertEqual(running, "")
        gone = self.host.run(f"ls {' '.join(kept)} && dpkg -L {' '.join(OURS)} | xargs -r ls -d", check=False).stdout
        self.assertNotIn("/usr/sbin/nestor", gone)
        again = self.host.run(f"sha256sum {' '.join(kept[:2])}").stdout
        self.assertEqual(again.splitlines(), sums.splitlines()[:2])
        self.install()
        for agent in AGENTS:
            self.assertEqual(self.host.run(f"systemctl is-enabled {agent}", check=False).stdout.strip(), "enabled")
            self.host.run(f"systemctl start {agent}")

    def test_7_purge_leaves_nothing(self):
        """Nothing but the file of Kea that was lent to the agents, which is root's again."""
        self.host.run(f"apt-get -q purge {' '.join(OURS)}")
        after = self.listing()
        self.assertEqual({path: mode for path, mode in after.items() if self.before.get(path) != mode
                          and path != "/etc/kea/kea-dhcp4.conf"}, {})
        self.assertEqual({path for path in self.before if path not in after}, set())
        self.assertEqual(after["/etc/kea/kea-dhcp4.conf"], "root:_kea 644")
        self.assertEqual(self.host.run("ls -d /run/nestor || getent passwd nestor || getent group nestor", check=False).stdout,
                         "")
        self.assertEqual(self.host.run("debconf-show nestor-primary-agent nestor-secondary-agent").stdout, "")

    def test_8_purge_asked_to_keep_them_leaves_keys_and_state(self):
        self.install()
        self.configure(AGENTS[0])
        self.host.run(f"systemctl start {AGENTS[0]}")
        self.host.run(f"echo '{AGENTS[0]} {AGENTS[0]}/purge boolean false' | debconf-set-selections && "
                      f"apt-get -q purge {' '.join(OURS)}")
        self.host.run("ls /etc/nestor/keys/kea-c.secret /var/lib/nestor/primary.db && getent passwd nestor")


if __name__ == "__main__":
    unittest.main(verbosity=2)
