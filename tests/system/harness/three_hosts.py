"""Three hosts with both Keas each, and agents that make pairs of them, one service here, the other there."""
from . import keaconf, network, standalone
from .agent import CONTROL_PORT, EVENTS_PORT, Agent
from .pair import NAMES, RELATIONSHIP, Pair

HOSTS = {name: host for host, name in NAMES.items()}


class ThreeHosts(Pair):
    """Hosts kea-a, kea-b and kea-c.

    pairs: {service: (primary, secondary)}, by name. Each primary has an agent for both services,
    each secondary one for both that connects to it; a host that is primary of one service and
    secondary of the other has two agents, the secondary's for that service alone, since both cannot
    listen to one Kea's hook library. Only the primary of a service serves clients before a relationship is made.
    """

    hosts = "abd"

    def __init__(self, pairs):
        self.pairs = pairs
        super().__init__(services=("dhcp4", "dhcp6"))

    def _make_kea(self, host, service, mirrored, secondary_mirrored, heartbeat_ms):
        is_primary = self.pairs[service][0] == NAMES[host]
        content = keaconf.serving(service) if is_primary else standalone.other(service)
        super()._make_kea(host, service, {service: content}, None, heartbeat_ms)

    # ------------------------------------------------------------------ agents

    def _links(self):
        return sorted({(HOSTS[primary], HOSTS[secondary]) for primary, secondary in self.pairs.values()})

    def _make_agents(self, bus):
        assert bus == "tcp"
        primaries = {primary for primary, _ in self.pairs.values()}
        for name in sorted(primaries):
            self._make_agent("primary", name, self.services, {
                "events": f"tcp://0.0.0.0:{EVENTS_PORT}", "control": f"tcp://0.0.0.0:{CONTROL_PORT}"})
        for primary, secondary in self._links():
            name = NAMES[secondary]
            services = self.services if name not in primaries else [
                service for service in self.services if self.pairs[service][1] == name]
            self._make_agent("secondary", name, services, {
                "events": f"tcp://{network.LINK[primary]}:{EVENTS_PORT}",
                "control": f"tcp://{network.LINK[primary]}:{CONTROL_PORT}",
                "public-key-file": f"{self.host_folder(secondary)}/keys/{NAMES[primary]}.public"})
            if name in primaries:
                for service in services:
                    del self.agents[name, "primary"].config["services"][service]["hook-socket"]

    def _make_agent(self, role, name, services, bus):
        host = HOSTS[name]
        agent = Agent(role, name, self.host_folder(host), self.network[host],
                      [self.keas[host, service] for service in services], bus, self._security(host),
                      state=f"state-{role}")
        for service, its in agent.config["services"].items():
            its["ha-url"] = keaconf.ha_url(service, host)
        self.agents[name, role] = agent

    def start(self):
        self.start_keas()
        self.make_keys()
        for agent in self.agents.values():
            agent.start()
        for primary, secondary in self.pairs.values():
            self.agents[primary, "primary"].wait_until_knows(secondary)
        return self

    # ------------------------------------------------------------------ relationships

    def primary_of(self, service):
        """The agent that has the relationship of `service`."""
        return self.agents[self.pairs[service][0], "primary"]

    def create(self, service, mode, *options):
        """The relationship of `service`, by the agent of its primary."""
        primary, secondary = self.pairs[service]
        code, out, err = self.try_create(primary, RELATIONSHIP[service], service, mode, secondary,
                                         *options)
        assert code == 0, f"create {service}: exit {code}\n{out}\n{err}"

    def try_create(self, primary, name, service, mode, secondary, *options):
        """(exit code, standard output, standard error) of relationship create at `primary`."""
        return self.agents[primary, "primary"].ctl(
            "relationship", "create", name, "--service", service, "--mode", mode, "--secondary",
            secondary, *standalone.TIMERS, *options, "--yes", timeout_s=180)

    def kea_of(self, name, service):
        return self.keas[HOSTS[name], service]

    def states(self, service):
        """HA's state on the primary and on the secondary of `service`."""
        return [self.kea_of(name, service).ha_state() for name in self.pairs[service]]

    def status(self, service=None):
        return self.primary_of(service).status(RELATIONSHIP[service])

    def kea(self, host, service=None):
        """As Pair's: "a" is the primary of `service`, "b" its secondary."""
        return self.kea_of(self.pairs[service]["ab".index(host)], service)

    def running(self, service):
        """What the three Keas of `service` run, by server."""
        return {name: self.kea_of(name, service).running() for name in HOSTS}
