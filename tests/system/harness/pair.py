"""A whole pair: network, Keas, agents, keys."""
import copy
import os
import shutil
import tempfile

from . import compare, folders, keaconf, network, processes, requirements
from .agent import CONTROL_PORT, EVENTS_PORT, Agent
from .kea import Kea
from .waiting import wait_until

# The clients are on c.
NAMES = {"a": "kea-a", "b": "kea-b", "d": "kea-c"}
RELATIONSHIP = {"dhcp4": "east4", "dhcp6": "east6"}


class Pair:
    """Hosts a (primary) and b (secondary), with a Kea for each service and an agent on each.

    ha: None, "hot-standby" or "load-balancing". bus: "tcp" (CURVE, across the link) or "ipc"
    (unencrypted, so that a test can stand between). mirrored: what the primary's configuration
    holds besides its own parts, by service; the default serves perfdhcp. secondary_mirrored: the
    same for the secondary; the default is the primary's. disturbable: as Network's. hook: the Keas load
    libdhcp_nestor.so. roots: the folder of another version of Kea, by host. Nothing is started by the
    constructor.
    """

    hosts = "ab"

    def __init__(self, services=("dhcp4",), ha=None, bus="tcp", mirrored=None,
                 secondary_mirrored=None, heartbeat_ms=1000, disturbable=False, hook=True,
                 roots=None):
        self.roots = roots or {}
        self.services = tuple(services)
        self.ha = ha
        self.hook = {"yes": True, "no": False}.get(os.environ.get("NESTOR_SYSTEM_HOOK"), hook)
        self.folder = tempfile.mkdtemp(prefix="nestor-system-")
        self.network = None
        self.keas = {}
        self.agents = {}
        self._extra = []
        try:
            self.network = network.Network(disturbable, self.hosts)
            for host in self.hosts:
                # Kea 3.0 has no socket in a folder that others may read.
                os.mkdir(self.host_folder(host), mode=0o750)
                for service in self.services:
                    self._make_kea(host, service, mirrored, secondary_mirrored, heartbeat_ms)
            self._make_agents(bus)
        except BaseException:
            self.close()
            raise

    def host_folder(self, host):
        return f"{self.folder}/{host}"

    def _make_kea(self, host, service, mirrored, secondary_mirrored, heartbeat_ms):
        chosen = mirrored or {}
        if host == "b" and secondary_mirrored is not None:
            chosen = secondary_mirrored
        content = chosen.get(service, keaconf.serving(service, self.ha))
        config = dict(keaconf.own_parts(service, NAMES[host], host, self.host_folder(host),
                                        self.ha, heartbeat_ms, self.hook), **copy.deepcopy(content))
        root = {"dhcp4": "Dhcp4", "dhcp6": "Dhcp6"}[service]
        self.keas[host, service] = Kea(service, NAMES[host], self.host_folder(host),
                                       self.network[host], {root: config}, self.roots.get(host))

    def _make_agents(self, bus):
        a, b = self.host_folder("a"), self.host_folder("b")
        if bus == "ipc":
            serve = {"events": f"ipc://{self.folder}/events", "control": f"ipc://{self.folder}/control"}
            security, join = {"a": None, "b": None}, dict(serve)
        else:
            security = {host: self._security(host) for host in "ab"}
            serve = {"events": f"tcp://0.0.0.0:{EVENTS_PORT}",
                     "control": f"tcp://0.0.0.0:{CONTROL_PORT}"}
            join = {"events": f"tcp://{network.LINK['a']}:{EVENTS_PORT}",
                    "control": f"tcp://{network.LINK['a']}:{CONTROL_PORT}",
                    "public-key-file": f"{b}/keys/kea-a.public"}
        keas = {host: [self.keas[host, service] for service in self.services] for host in "ab"}
        self.agents["a"] = Agent("primary", NAMES["a"], a, self.network["a"], keas["a"], serve,
                                 security["a"])
        self.agents["b"] = Agent("secondary", NAMES["b"], b, self.network["b"], keas["b"], join,
                                 security["b"])
        for host in "ab":
            for service, its in self.agents[host].config["services"].items():
                its["ha-url"] = keaconf.ha_url(service, host)

    # ------------------------------------------------------------------ keys

    def _security(self, host):
        folder = f"{self.host_folder(host)}/keys"
        return {"secret-key-file": f"{folder}/{NAMES[host]}.secret",
                "authorized-keys": f"{folder}/authorized.d"}

    def make_key(self, name):
        """Makes a key pair in the pair's folder: (secret file, public file)."""
        folder = f"{self.folder}/made-keys"
        os.makedirs(folder, exist_ok=True)
        with WorkingIn(folder):
            processes.run([requirements.program("nestorctl"), "keygen", name])
        return f"{folder}/{name}.secret", f"{folder}/{name}.public"

    def authorize(self, host, public, rights):
        """Puts a copy of a public key with `rights` into the host's authorized.d."""
        with open(public, encoding="ascii") as key:
            text = key.read()
        target = f"{self.host_folder(host)}/keys/authorized.d/{os.path.basename(public)}"
        with open(target, "w", encoding="ascii") as copied:
            copied.write(text.rstrip("\n") + f"\nrights: {rights}\n")
        return target

    def make_keys(self):
        for host in self.hosts:
            os.makedirs(f"{self.host_folder(host)}/keys/authorized.d", exist_ok=True)
        made = {host: self.make_key(NAMES[host]) for host in self.hosts}
        for host in self.hosts:
            for path in made[host]:
                shutil.copy(path, f"{self.host_folder(host)}/keys/")
        for primary, secondary in self._links():
            shutil.copy(made[primary][1], f"{self.host_folder(secondary)}/keys/")
            self.authorize(primary, made[secondary][1], "subscribe replicate")

    def _links(self):
        """The hosts of each primary's agent and of each agent that connects to it."""
        return [("a", "b")]

    # ------------------------------------------------------------------ life

    def start_keas(self):
        for kea in self.keas.values():
            kea.start()
        if self.ha:
            self.wait_for_ha()
        return self

    def wait_for_ha(self, deadline_s=60):  # a few heartbeats, also where one is 10 s
        def states():
            return {key: kea.ha_state() for key, kea in self.keas.items()}
        wait_until(lambda: set(states().values()) == {self.ha}, deadline_s,
                   lambda: f"all servers are in {self.ha}: {states()}", poll_s=0.2)

    def start_agents(self):
        if "security" in self.agents["a"].config:
            self.make_keys()
        self.agents["a"].start()
        self.agents["b"].start()
        return self

    def start_agents_again(self):
        self.agents["a"].start()
        self.agents["b"].start()

    def adopt(self, *options, settle=True):
        for service in self.services:
            self.primary.ctl_json("relationship", "adopt", RELATIONSHIP[service], "--service",
                                  service, "--secondary", NAMES["b"], *options)
        if settle:
            for service in self.services:
                self.settle(service)
        return self

    def start(self):
        """Everything up, every service adopted, and equal."""
        return self.start_keas().start_agents().adopt()

    def beside(self, closable):
        """Closes `closable` with the pair."""
        self._extra.append(closable)
        return closable

    def close(self):
        for extra in reversed(self._extra):
            extra.close()
        for agent in self.agents.values():
            agent.stop()
        for kea in self.keas.values():
            kea.stop()
        if self.network:
            self.network.close()
        folders.remove(self.folder)

    def tails(self):
        parts = [agent.process.tail(60) for agent in self.agents.values()]
        parts += [kea.tail() for kea in self.keas.values()]
        return "\n".join(parts)

    # ------------------------------------------------------------------ shorthands

    @property
    def primary(self):
        return self.agents["a"]

    @property
    def secondary(self):
        return self.agents["b"]

    def kea(self, host, service=None):
        return self.keas[host, service or self.services[0]]

    def relationship(self, service=None):
        return RELATIONSHIP[service or self.services[0]]

    def status(self, service=None):
        return self.primary.status(self.relationship(service))

    # ------------------------------------------------------------------ equality

    def head(self, service=None):
        status = self.status(service)
        assert status, self.primary.ctl("status")
        return status["mirror"]["head"]

    def settle(self, service=None, above=None, deadline_s=20):
        """Waits until the mirror says it is equal at its head, a head above `above`; its status."""
        last = {}

        def settled():
            status = self.status(service)
            last["status"] = status
            if not status:
                return None
            mirror = status["mirror"]
            done = (mirror["digest_equal"] and mirror["applied"] == mirror["head"]
                    and (above is None or mirror["head"] > above))
            return status if done else None
        return wait_until(settled, deadline_s, lambda: (
            f"the mirror is equal at a head above {above}: {last.get('status')}"))

    def wait_until_persisted(self, service=None, deadline_s=15):
        """Waits until the secondary's file holds the newest change."""
        def persisted():
            mirror = self.status(service)["mirror"]
            return mirror["persisted"] == mirror["head"]
        wait_until(persisted, deadline_s, lambda: f"the file is written: {self.status(service)}")

    def assert_same(self, service=None):
        """The independent comparison of what both Keas report."""
        found = compare.compare(self.kea("a", service), self.kea("b", service))
        assert not found, "the servers differ (primary | secondary):\n" + "\n".join(found)

    def change(self, mutate, service=None, how="reload", settle=True, deadline_s=20):
        """mutate(members) on the primary's configuration, applied there by `how` ("set",
        "reload", "signal"); then equality, by the mirror's word and by our own comparison."""
        kea = self.kea("a", service)
        head = self.head(service) if settle else None
        before = compare.mirrored(kea.running()) if settle else None
        mutate(kea.config[kea.root])
        {"set": kea.apply_by_set, "reload": kea.apply_by_reload,
         "signal": kea.apply_by_signal}[how]()
        if settle:
            # What changes nothing that is mirrored makes no change.
            changed = before != compare.mirrored(kea.running())
            self.settle(service, above=head if changed else None, deadline_s=deadline_s)
            self.assert_same(service)


class WorkingIn:
    """The working directory is `folder` within."""

    def __init__(self, folder):
        self._folder = folder

    def __enter__(self):
        self._home = os.getcwd()
        os.chdir(self._folder)

    def __exit__(self, *_):
        os.chdir(self._home)
