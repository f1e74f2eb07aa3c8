#!/usr/bin/python3
"""deploy/samples: what belongs together agrees, the programs take it, and hosts that have it become pairs."""
import json
import os
import re
import socket
import unittest
from urllib.parse import urlsplit

from harness import network, requirements, samples
from harness.case import SystemTest, main
from harness.processes import run
from harness.samples import SAMPLES, SampleHosts
from harness.standalone import TIMERS
from harness.waiting import wait_until

HA_PORTS = {"dhcp4": 8004, "dhcp6": 8006}


def place(endpoint):
    """Address and port of an URL or an endpoint."""
    parts = urlsplit(endpoint)
    return parts.hostname, parts.port


class AgreementTest(unittest.TestCase):
    """Read, not run: what one file says of another."""

    def each(self):
        """(sample, host, role, configuration) of every agent."""
        for sample in SAMPLES:
            for host in samples.addresses(sample):
                for file in samples.host_files(sample, host):
                    if file.endswith("-agent.json"):
                        yield sample, host, file.split("-")[0], samples.parsed(samples.text_of(sample, host, file))

    def agent(self, sample, host, role):
        return samples.parsed(samples.text_of(sample, host, f"{role}-agent.json"))

    def kea(self, sample, host, service, option=False):
        text = samples.text_of(sample, host, f"kea-{service}.conf")
        return samples.parsed(samples.with_option(text) if option else text)["Dhcp" + service[-1]]

    def test_every_folder_is_a_host_of_the_table_and_every_sample_is_listed(self):
        folders = {name for name in os.listdir(samples.FOLDER) if os.path.isdir(f"{samples.FOLDER}/{name}")}
        self.assertEqual(folders, set(SAMPLES))
        for sample in SAMPLES:
            self.assertIn(f"({sample}/README.md)", samples.text_of("README.md"))
            self.assertEqual(set(samples.addresses(sample)) | {"README.md"},
                             set(os.listdir(f"{samples.FOLDER}/{sample}")))

    def test_agents_are_those_of_their_host_and_its_keas(self):
        for sample, host, role, config in self.each():
            with self.subTest(sample=sample, host=host, role=role):
                its = samples.addresses(sample)[host]
                self.assertEqual(config["server-name"], host)
                self.assertEqual(config["security"]["secret-key-file"], f"/etc/nestor/keys/{host}.secret")
                self.assertIn(config["http"].split(":")[0], its)
                for service, part in config["services"].items():
                    self.check_service(part, service, its, self.kea(sample, host, service, option=True))

    def check_service(self, part, service, addresses, kea):
        self.assertEqual(part["control-socket"], kea["control-socket"]["socket-name"])
        self.assertEqual(part["hook-socket"], kea["hooks-libraries"][0]["parameters"]["socket"])
        address, port = place(part["ha-url"])
        self.assertIn(address, addresses)
        self.assertEqual(port, HA_PORTS[service])

    def test_secondaries_connect_to_where_their_primary_listens(self):
        secondaries = [one for one in self.each() if one[2] == "secondary"]
        self.assertEqual(len(secondaries), 4)
        for sample, host, _, config in secondaries:
            with self.subTest(sample=sample, host=host):
                primary = re.fullmatch("/etc/nestor/keys/(.*).public", config["primary"]["public-key-file"])[1]
                self.assertNotEqual(primary, host)
                bus = self.agent(sample, primary, "primary")["bus"]
                for which in ("events", "control"):
                    address, port = place(config["primary"][which])
                    self.assertIn(address, samples.addresses(sample)[primary])
                    listens, its = place(bus[which])
                    self.assertEqual(port, its)
                    self.assertIn(listens, ("::", "0.0.0.0") if "." in address else ("::",))

    def test_two_agents_of_a_host_share_nothing(self):
        both = {role: self.agent("three-hosts", "kea-b", role) for role in samples.ROLES}
        one, other = both.values()
        for name in ("state-directory", "operator-socket", "http"):
            self.assertNotEqual(one[name], other[name], name)
        self.assertEqual(set(one["services"]) & set(other["services"]), set())

    def test_commands_name_agents_that_have_the_service(self):
        for sample in SAMPLES:
            found = samples.creations(sample)
            self.assertTrue(found, sample)
            for host, arguments in found:
                with self.subTest(sample=sample, command=arguments):
                    service, secondary = (arguments[arguments.index(one) + 1] for one in ("--service", "--secondary"))
                    self.assertIn(service, self.agent(sample, host, "primary")["services"])
                    its = self.agent(sample, secondary, "secondary")
                    self.assertIn(service, its["services"])
                    self.assertTrue(its["primary"]["public-key-file"].endswith(f"/{host}.public"))
                    subnets = "subnet" + service[-1]
                    self.assertTrue(self.kea(sample, host, service)[subnets])
                    self.assertNotIn(subnets, self.kea(sample, secondary, service))

    def test_the_firewall_names_the_ports_and_hosts_of_the_samples(self):
        text = re.sub("#.*", "", samples.text_of("nestor.nft"))
        peers = re.findall(r"set peers\d \{[^}]*elements = \{ (\S+) \}", text)
        self.assertEqual(peers, samples.addresses("two-hosts-dual-stack")["kea-b"])
        used = {"bus": set(), "http": set(), "ha": set()}
        for _, _, role, config in self.each():
            used["http"].add(int(config["http"].split(":")[1]))
            used["ha"] |= {place(part["ha-url"])[1] for part in config["services"].values()}
            if role == "primary":
                used["bus"] |= {place(endpoint)[1] for endpoint in config["bus"].values()}
        opened = [(set(map(int, ports.split(","))), who) for ports, who in
                  re.findall(r"dport \{([^}]*)\} ip saddr @(\w+)4 accept", text)]
        self.assertEqual(opened, [(used["bus"], "peers"), (used["bus"], "operators"), (used["ha"], "peers"),
                                  (used["http"], "monitoring")])
        dropped = set(map(int, re.search(r"dport \{([^}]*)\} counter drop", text)[1].split(",")))
        self.assertEqual(dropped, set.union(*used.values()))


class SamplesTest(SystemTest):

    def hosts(self, sample):
        made = self.own(SampleHosts(sample))
        made.make_keys("Two hosts", *(["Three hosts"] if sample == "three-hosts" else []))
        return made

    def create(self, hosts, host, arguments, *options):
        """The report of a `relationship create` as the sample has it."""
        return hosts.agents[host, "primary"].ctl_json(*arguments, *options, timeout_s=120)

    def check_dry_runs(self, hosts):
        for host, arguments in samples.creations(hosts.sample):
            with self.subTest(command=arguments):
                report = self.create(hosts, host, arguments, "--dry-run")
                self.assertGreater(len(report["checks"]), 10)
                # Debian's Kea comes without threads; a secondary has lifetimes of Kea's own, and subnets in place of none.
                expected = ("multi-threading", "Kea's own test")
                self.assertEqual([one for one in report["checks"] if one["verdict"] != "PASSED" and
                                  not (one["verdict"] == "WARNED" and one["what"] in expected)], [])

    def test_kea_takes_every_file_as_it_is(self):
        hosts = self.hosts("two-hosts-ipv4")
        netns = hosts.netns("kea-a")
        for command in (["add", "eth0", "type", "veth", "peer", "name", "eth1"], ["set", "eth0", "up"]):
            run(["ip", "-n", netns, "link", *command])
        checked = 0
        for sample in SAMPLES:
            for host in samples.addresses(sample):
                for file in samples.host_files(sample, host):
                    if not file.startswith("kea-"):
                        continue
                    text = samples.text_of(sample, host, file)
                    hooked = re.sub('"[^"]*libdhcp_nestor.so', f'"{requirements.nestor_hook()}',
                                    samples.with_option(text))
                    for its, content in (("as-it-is", text), ("with-option", hooked)):
                        path = f"{hosts.folder}/{its}.conf"
                        with open(path, "w", encoding="utf-8") as written:
                            written.write(content)
                        code, out, err = run([file[:-len(".conf")], "-t", path], netns=netns, check=False)
                        self.assertEqual(code, 0, f"{sample}/{host}/{file} {its}: {out}{err}")
                        checked += 1
        self.assertEqual(checked, 2 * 10)

    def test_agents_take_every_file(self):
        checked = 0
        for sample in SAMPLES:
            hosts = self.hosts(sample)
            for (host, role), agent in hosts.agents.items():
                # The text as it is written, but for addresses and paths; what start() uses says more.
                path = f"{hosts.folder}/{host}-{role}.json"
                with open(path, "w", encoding="utf-8") as file:
                    file.write(hosts.adapted(host, samples.text_of(sample, host, f"{role}-agent.json")))
                code, out, err = run([agent.process.argv[0], "--check-config", "--config", path], check=False)
                self.assertEqual(code, 0, f"{sample}/{host}/{role}: {out}{err}")
                checked += 1
        self.assertEqual(checked, 8)

    def test_three_hosts_are_known_and_pass_all_checks(self):
        hosts = self.hosts("three-hosts").start()
        self.check_dry_runs(hosts)

    # ------------------------------------------------------------------ the firewall

    def firewall(self, hosts, host, other):
        """nestor.nft in the host's namespace, with the other host's addresses as its peers'."""
        its = samples.addresses(hosts.sample)
        text = samples.text_of("nestor.nft")
        for theirs, peer in zip(its["kea-b"], its[other]):
            text = text.replace(f"{{ {theirs} }}", f"{{ {peer} }}")
        path = f"{hosts.root(host)}/nestor.nft"
        with open(path, "w", encoding="utf-8") as file:
            file.write(samples.adapted_addresses(text))
        for options in (["-c"], [], []):  # twice: it replaces what it loaded before
            run(["nft", *options, "-f", path], netns=hosts.netns(host))

    def reaches(self, hosts, source, target):
        """Whether a connection from `source`, an address of kea-b, to `target` on kea-a is accepted."""
        with network.inside(hosts.netns("kea-b")):
            try:
                socket.create_connection(target, 1.5, (source, 0)).close()
                return True
            except socket.timeout:
                return False

    def test_the_firewall_takes_everyone_as_written(self):
        hosts = self.own(SampleHosts("two-hosts-ipv4"))
        path = os.path.join(samples.FOLDER, "nestor.nft")
        run(["nft", "-c", "-f", path], netns=hosts.netns("kea-a"))

    def test_behind_the_firewall_a_pair_is_made_and_strangers_are_outside(self):
        hosts = self.hosts("two-hosts-dual-stack")
        stranger, monitor, peer = "10.77.0.9", "10.77.0.250", "10.77.0.2"
        for address in (f"{stranger}/24", f"{monitor}/24", "fd77::9/64"):
            run(["ip", "-n", hosts.netns("kea-b"), "address", "add", address, "dev", "link0",
                 # Kea-b itself does not speak from it.
                 *(["nodad", "preferred_lft", "0"] if ":" in address else [])])
        hosts.start()
        self.check_dry_runs(hosts)
        closed = [("10.77.0.1", port) for port in (5570, 5571, 5580)]
        self.assertEqual([self.reaches(hosts, stranger, one) for one in closed], [True] * 3)
        self.assertTrue(self.reaches(hosts, "fd77::9", ("fd77::1", 5571)))
        self.firewall(hosts, "kea-a", "kea-b")
        self.firewall(hosts, "kea-b", "kea-a")
        self.assertEqual([self.reaches(hosts, stranger, one) for one in closed], [False] * 3)
        self.assertFalse(self.reaches(hosts, "fd77::9", ("fd77::1", 5571)))
        self.assertEqual([self.reaches(hosts, monitor, one) for one in closed], [False, False, True])
        self.assertEqual([self.reaches(hosts, peer, one) for one in closed], [True, True, False])
        # Anew, so that nothing is left of the connections from before.
        for agent in hosts.agents.values():
            agent.stop()
        for agent in hosts.agents.values():
            agent.start()
        for host, arguments in samples.creations(hosts.sample):
            hosts.agents[host, "primary"].wait_until_knows("kea-b")
            self.create(hosts, host, arguments, "--yes", *TIMERS)
        status = hosts.agents["kea-a", "primary"]
        for name in ("east4", "east6"):
            wait_until(lambda name=name: status.status(name)["state"] == "OK", 30,
                       lambda name=name: f"{name} is OK: {json.dumps(status.status(name))}")
        self.assertEqual([self.reaches(hosts, one, ("10.77.0.1", 8004)) for one in (stranger, peer)], [False, True])


if __name__ == "__main__":
    main(limit_s=110)
