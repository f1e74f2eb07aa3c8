"""Two Keas that know nothing of each other, with an agent beside each: what relationships are made of."""
import json

from . import compare, keaconf, perfdhcp
from .agent import Agent  # noqa: F401  (documents whose ctl() is used)
from .pair import NAMES, RELATIONSHIP, Pair
from .waiting import wait_until

HEARTBEAT_MS = 1000
# Timers that let a test see a partner being taken over from.
TIMERS = ("--heartbeat-delay", str(HEARTBEAT_MS), "--max-response-delay", "3000",
          "--max-ack-delay", "1000", "--max-unacked-clients", "0")


def other(service):
    """What a secondary has before, of which nothing must be left."""
    if service == "dhcp4":
        return {"valid-lifetime": 1234, "subnet4": [
            {"id": 77, "subnet": "172.16.0.0/24", "pools": [{"pool": "172.16.0.10 - 172.16.0.20"}]}]}
    return {"valid-lifetime": 1234, "subnet6": [
        {"id": 77, "subnet": "2001:db8:77::/64", "pools": [{"pool": "2001:db8:77::10 - 2001:db8:77::20"}]}]}


def serving_otherwise(service):
    """The same, where it is to serve the clients: on their link, with another id and other addresses
    than keaconf.served_subnet()."""
    subnet = dict(keaconf.served_subnet(service), id=77)
    subnet["pools"] = [{"pool": {"dhcp4": "10.0.200.0 - 10.0.210.255",
                                 "dhcp6": "2001:db8:1::20:0 - 2001:db8:1::2f:ffff"}[service]}]
    return {"valid-lifetime": 1234, keaconf.subnets(service): [subnet]}


class Standalone(Pair):
    """As Pair, without HA, the secondary having another configuration."""

    def __init__(self, service="dhcp4", services=None, with_ha=None, **options):
        """with_ha: somebody has made them a pair of that mode already, and has not told Nestor."""
        services = services or (service,)
        if not with_ha:
            options.setdefault("secondary_mirrored", {one: other(one) for one in services})
        super().__init__(services=services, ha=with_ha, **options)

    def start(self):
        self.start_keas().start_agents()
        return self.introduced()

    def introduced(self):
        """Waits until the primary's agent knows the secondary's."""
        def known():
            servers = self.primary.ctl_json("servers")["servers"]
            return any(server["server"] == NAMES["b"] and all(kea["version"] for kea in server["keas"])
                       for server in servers)
        wait_until(known, 15, lambda: f"kea-b is known: {self.primary.ctl('servers')}")
        return self

    # ------------------------------------------------------------------ verbs

    def create(self, mode, *options, service=None, expect=(0,), timeout_s=180):
        """(exit code, report, standard error) of relationship create."""
        service = service or self.services[0]
        return self.verb("create", RELATIONSHIP[service], "--service", service, "--mode", mode,
                         "--secondary", NAMES["b"], *TIMERS, *options, expect=expect,
                         timeout_s=timeout_s)

    def verb(self, verb, name, *options, expect=(0,), timeout_s=180):
        if "--dry-run" not in options:
            options = (*options, "--yes")
        code, out, err = self.primary.ctl("relationship", verb, name, *options, timeout_s=timeout_s)
        assert code in expect, f"{verb} {name} {options}: exit {code}\n{out}\n{err}"
        return code, json.loads(out) if out.strip() else {}, err

    # ------------------------------------------------------------------ what is where

    def states(self, service=None):
        return [self.kea(host, service).ha_state() for host in "ab"]

    def snapshot(self, service=None):
        """What both servers run and what their files hold, in full."""
        return {host: (self.kea(host, service).running(), self.file_text(host, service))
                for host in "ab"}

    def file_text(self, host, service=None):
        with open(self.kea(host, service).file, encoding="utf-8") as file:
            return file.read()

    def file_config(self, host, service=None):
        """The file, as Kea itself reads it."""
        kea = self.kea(host, service)
        return json.loads(self.file_text(host, service))[kea.root]

    def unfinished(self):
        """Changes of relationships that are not ended, by what the primary says."""
        return [one for one in self.primary.ctl_json("relationship", "list").get("relationships", [])
                if one["state"] in ("CREATING", "EDITING", "REMOVING")]

    def quiet(self, deadline_s=40):
        """Waits until no change is under way, and HA, where it is, is normal."""
        def is_so():
            report = self.primary.ctl_json("status", expect=(0, 1, 2)).get("relationships", [])
            if any("it is being" in reason for one in report for reason in one.get("reasons", [])):
                return False
            its = [(self.ha_parameters(host) or {}).get("mode", "") for host in "ab"]
            return self.states() == its
        wait_until(is_so, deadline_s, lambda: f"nothing goes on: {self.primary.ctl('status')} {self.states()}")

    def assert_served(self, count=5):
        """`count` clients get a lease: of the pair, or else of each server by itself. What the other
        would say is not heard meanwhile: perfdhcp takes the first answer, whatever it says."""
        for host, other in ((None, None),) if self.ha_parameters("a") else ("ab", "ba"):
            if other:
                self.network.client_side(other, False)
            served = perfdhcp.leases(self.network, self.services[0], count=count)
            if other:
                self.network.client_side(other, True)
            assert served.lost == 0 and served.leases >= count, f"by kea-{host}: {served.text}"

    def lease_addresses(self, host, service=None):
        return {row["address"] for row in self.kea(host, service).lease_rows()}

    def ha_parameters(self, host, service=None):
        """The HA hook's parameters; None: it is not loaded."""
        for library in self.kea(host, service).running().get("hooks-libraries", []):
            if library["library"].endswith("libdhcp_ha.so"):
                return library["parameters"]["high-availability"][0]
        return None

    def mirrored(self, host, service=None):
        return compare.mirrored(self.kea(host, service).running())
