"""deploy/samples: what is written there, and hosts that run it with other addresses and paths."""
import json
import os
import re
import tempfile

from . import examples, folders, network, processes, requirements
from .agent import Agent
from .kea import Kea
from .pair import NAMES

FOLDER = os.path.join(requirements.ROOT, "deploy/samples")
SAMPLES = ("two-hosts-ipv4", "two-hosts-dual-stack", "three-hosts")
# As the samples have them: the servers' network by its begin, and ours in its place.
ADDRESSES = {"198.51.100.": "10.77.0.", "2001:db8:0:ff::": "fd77::"}
HOSTS = {name: host for host, name in NAMES.items()}
ROLES = ("primary", "secondary")


def text_of(*path):
    with open(os.path.join(FOLDER, *path), encoding="utf-8") as file:
        return file.read()


def parsed(text):
    return json.loads(examples.without_comments(text))


def with_option(text):
    """A Kea configuration with the lines of the hook library that it has as a comment."""
    found = re.search(r'^ *// "hooks-libraries": \[\n( *//.*\n)*? *// \],\n', text, re.M)
    assert found, "there are no lines of the hook library"
    return text.replace(found[0], re.sub("^( *)// ", r"\1", found[0], flags=re.M))


def commands(path):
    """[(host, commands)] of a text's code that is for a host, in order, by its section."""
    sections = {}
    for part in re.split("^## ", text_of(path), flags=re.M):
        title, _, rest = part.partition("\n")
        sections[title] = re.findall(r"^```sh (kea-\w)\n(.*?)^```$", rest, re.M | re.S)
    return sections


def addresses(sample):
    """{host: its addresses}, by the table in the sample's README.md."""
    rows = re.findall(r"^\| (kea-\w) \| ([^|]+) \|", text_of(sample, "README.md"), re.M)
    return {host: its.strip().split(", ") for host, its in rows}


def host_files(sample, host):
    return sorted(os.listdir(os.path.join(FOLDER, sample, host)))


def creations(sample):
    """[(host, arguments)] of each `relationship create` in the sample's README.md."""
    return [(host, line.split()[1:]) for found in commands(f"{sample}/README.md").values()
            for host, text in found for line in text.splitlines()
            if line.startswith("nestorctl relationship create ")]


def adapted_addresses(text):
    for theirs, ours in ADDRESSES.items():
        text = text.replace(theirs, ours)
    return text


class SampleAgent(Agent):
    """An agent whose configuration is that of a sample, with what it leaves to its default said."""

    def __init__(self, role, name, root, netns, text):
        super().__init__(role, name, root, netns, [], {}, None)
        self.config = dict({"operator-socket": f"{root}/run/nestor/{role}-agent.sock",
                            "state-directory": f"{root}/var/lib/nestor"}, **parsed(text))
        self.operator_socket = self.config["operator-socket"]


class SampleHosts:
    """The hosts of a sample in namespaces, each with its files below a folder of its own.

    Addresses, interfaces and paths are ours; the Keas load the hook library. Nothing is started by the constructor.
    """

    def __init__(self, sample):
        self.sample = sample
        self.names = sorted(addresses(sample))
        self.folder = tempfile.mkdtemp(prefix="nestor-system-")
        self.network, self.keas, self.agents = None, {}, {}
        try:
            self.network = network.Network(hosts="".join(HOSTS[name] for name in self.names))
            for name in self.names:
                self._make(name)
        except BaseException:
            self.close()
            raise

    def root(self, name):
        return f"{self.folder}/{name}"

    def netns(self, name):
        return self.network[HOSTS[name]]

    def adapted(self, name, text):
        text = adapted_addresses(text).replace('"eth0"', '"cl0"')
        text = re.sub(r'"[^"]*/libdhcp_nestor.so"', f'"{requirements.nestor_hook()}"', text)
        return re.sub('"(/run/kea|/run/nestor|/var/lib/nestor|/etc/nestor)', rf'"{self.root(name)}\1', text)

    def _make(self, name):
        for path in ("run/kea", "run/nestor", "var/lib/nestor", "etc/nestor/keys/authorized.d"):
            os.makedirs(f"{self.root(name)}/{path}")
        for file in host_files(self.sample, name):
            text = text_of(self.sample, name, file)
            if file.endswith("-agent.json"):
                role = file.split("-")[0]
                self.agents[name, role] = SampleAgent(role, name, self.root(name), self.netns(name),
                                                      self.adapted(name, text))
            else:
                self._make_kea(name, file, self.adapted(name, with_option(text)))

    def _make_kea(self, name, file, text):
        service = file[len("kea-"):-len(".conf")]
        config = parsed(text)
        root = config["Dhcp" + service[-1]]
        root["lease-database"]["name"] = f"{self.root(name)}/{service}.leases"
        if service == "dhcp6":
            root["data-directory"] = self.root(name)
        kea = Kea(service, name, self.root(name), self.netns(name), config)
        kea.socket = root["control-socket"]["socket-name"]
        self.keas[name, service] = kea

    # ------------------------------------------------------------------ life

    def make_keys(self, *sections):
        """By the commands of keys.md, which copy between the hosts' folders."""
        found = commands("keys.md")
        for section in sections:
            for name, text in found[section]:
                self.do(name, text)

    def do(self, name, text):
        """Commands as the samples have them, on the host."""
        for other, its in addresses(self.sample).items():
            for address in its:
                text = text.replace(f"root@{address}:/", f"{self.root(other)}/")
        text = re.sub(r"(?<=[ (])/etc/nestor", f"{self.root(name)}/etc/nestor", text)
        program = requirements.program("nestorctl")
        processes.run(["bash", "-euc", f"nestorctl() {{ {program} \"$@\"; }}; scp() {{ cp \"$@\"; }}\n"
                       f"chown() {{ :; }}; systemctl() {{ :; }}\n{text}"])

    def start(self):
        for kea in self.keas.values():
            kea.start()
        for agent in self.agents.values():
            agent.start()
        for host, arguments in creations(self.sample):
            self.agents[host, "primary"].wait_until_knows(arguments[arguments.index("--secondary") + 1])
        return self

    def close(self):
        for process in (*self.agents.values(), *self.keas.values()):
            process.stop()
        if self.network:
            self.network.close()
        folders.remove(self.folder)

    def tails(self):
        return "\n".join([agent.process.tail(60) for agent in self.agents.values()] +
                         [kea.process.tail() for kea in self.keas.values()])
