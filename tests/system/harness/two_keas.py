"""Two real Keas of one service that are given the same configuration by different ways.

`by_hook` (host a) gets the differences through the hook library, `by_set` (host b) gets config-set.
Both have the hook library, and libdhcp_lease_cmds.so for the leases of the test.
"""
import copy
import os
import shutil
import tempfile

from . import compare, crafted, folders, network, random_repair, requirements
from .kea import Kea

LIBRARY = "libdhcp_nestor.so"
# What Kea counts of each subnet and says anew at each config-set.
_NOW = ("total-addresses", "assigned-addresses", "declined-addresses", "total-nas", "assigned-nas",
        "total-pds", "assigned-pds")
# What is counted over time: config-set begins anew, and the hook need not.
_EVER = ("cumulative-assigned-addresses", "cumulative-assigned-nas", "cumulative-assigned-pds",
         "reclaimed-declined-addresses", "reclaimed-leases")


def library():
    """$NESTOR_HOOK, or the one built beside the agents."""
    return os.environ.get("NESTOR_HOOK") or os.path.join(requirements.bin_dir(), "../lib", LIBRARY)


class TwoKeas:
    """threads: with multi-threading. notices: the library tells `folder`/notices of each change and
    lease, where somebody listens. under: what the Kea `by_hook` runs under, a program and its arguments."""

    def __init__(self, service, threads=False, notices=False, under=()):
        self.service = service
        self.folder = tempfile.mkdtemp(prefix="nestor-two-keas-")
        self.network = network.Network()
        self.relay = None
        # It may be built again while the test runs.
        self._library = shutil.copy(library(), self.folder)
        self.threads = threads
        self.notices = f"{self.folder}/notices" if notices else None
        self.by_hook, self.by_set = self._make("a"), self._make("b")
        self.by_hook.process.argv = [*under, *self.by_hook.process.argv]
        self.keas = (self.by_hook, self.by_set)

    def _make(self, host):
        folder = f"{self.folder}/{host}"
        os.mkdir(folder)
        root = {"dhcp4": "Dhcp4", "dhcp6": "Dhcp6"}[self.service]
        return Kea(self.service, f"kea-{host}", folder, self.network[host],
                   {root: self.own_parts(host, folder)})

    def own_parts(self, host, folder):
        service = self.service
        parts = {
            "interfaces-config": {"interfaces": ["cl0"]},
            "control-socket": {"socket-type": "unix", "socket-name": f"{folder}/{service}.sock"},
            "lease-database": {"type": "memfile", "persist": True, "lfc-interval": 0,
                               "name": f"{folder}/{service}.leases"},
            "multi-threading": {"enable-multi-threading": self.threads, "thread-pool-size": 2,
                                "packet-queue-size": 64},
            "hooks-libraries": [{"library": requirements.hook("libdhcp_lease_cmds.so")},
                                self._hook()],
            "loggers": [{"name": f"kea-{service}", "severity": "WARN", "output_options": [
                {"output": f"{folder}/{service}.log", "flush": True, "maxsize": 0}]}]}
        if service == "dhcp6":
            parts["data-directory"] = folder
            parts["server-id"] = {"type": "LLT", "htype": 1, "persist": False, "enterprise-id": 0,
                                  "time": 1000, "identifier": f"0A0B0C0D0E0{'ab'.index(host)}"}
        return parts

    def _hook(self):
        entry = {"library": self._library}
        return {**entry, "parameters": {"socket": self.notices}} if self.notices else entry

    def start(self, deadline_s=20):
        self.relay = crafted.Relay(self.network, self.service)
        for kea in self.keas:
            kea.start(deadline_s=deadline_s)
        return self

    def close(self):
        for kea in self.keas:
            kea.stop()
        if self.relay:
            self.relay.close()
        self.network.close()
        folders.remove(self.folder)

    def tails(self):
        return "\n".join(kea.tail() for kea in self.keas)

    # ------------------------------------------------------------------ configurations

    def set(self, kea, members):
        """config-set of `members` and the server's own parts; None, or Kea's words."""
        own = self.own_parts("a" if kea is self.by_hook else "b", kea.folder)
        answer = kea.ask("config-set", {kea.root: {**copy.deepcopy(members), **own}}, 60)
        return None if answer["result"] == 0 else answer["text"]

    def status(self):
        return self.by_hook.command("nestor-status")

    def pages(self):
        """All objects as nestor-get gives them page by page, as objects.extract() names them."""
        found, cursor, turns = {}, "", 0
        while True:
            answer = self.by_hook.command("nestor-get", {"after": cursor})
            for one in answer["objects"]:
                name = (one["kind"], one["key"])
                assert name not in found, f"nestor-get gave {name} twice"
                found[name] = one["object"]
            turns += 1
            assert turns < 10000, "nestor-get does not come to an end"
            if "next" not in answer:
                return found
            cursor = answer["next"]

    def settle_order(self, found):
        """Objects from the hook, with the lists sorted whose order means nothing."""
        return {name: compare._ordered(value) for name, value in found.items()}

    # ------------------------------------------------------------------ statistics

    def statistics(self, kea, ids):
        """{name: value} of the subnets `ids`, and the names of those of other subnets."""
        values, others = {}, set()
        for name, samples in kea.command("statistic-get-all").items():
            if not name.startswith("subnet["):
                continue
            number, rest = name[len("subnet["):].split("].", 1)
            if rest in _NOW + _EVER:
                if int(number) not in ids:
                    others.add(name)
                else:
                    values[name] = samples[0][0] if rest in _NOW else "kept"
        return values, others

    def statistics_differ(self, ids):
        """Lines; what only the hook's Kea still counts of subnets that are gone among them."""
        one, one_gone = self.statistics(self.by_hook, ids)
        other, other_gone = self.statistics(self.by_set, ids)
        lines = [f"{name}: {one.get(name)} | {other.get(name)}"
                 for name in sorted(set(one) | set(other)) if one.get(name) != other.get(name)]
        return lines + [f"{name}: of a subnet that is gone" for name in sorted(one_gone - other_gone)]

    # ------------------------------------------------------------------ leases

    def clear_leases(self):
        """Also those of subnets that are gone.

        Kea counts no lease of a reserved address outside the pools, and yet its removal: wiping a
        subnet begins at nothing.
        """
        for kea in self.keas:
            version = self.service[-1]
            kea.ask(f"lease{version}-wipe")
            answer = kea.ask(f"lease{version}-get-all")
            for lease in answer.get("arguments", {}).get("leases", []):
                what = {"ip-address": lease["ip-address"]}
                if version == "6":
                    what["type"] = lease["type"]
                kea.ask(f"lease{version}-del", what)

    def add_leases(self, config, rng, count):
        """The same leases to both, some declined, in pools of `config`."""
        places = [(subnet, pool) for subnet in random_repair.all_subnets(self.service, config)
                  for pool in subnet.get("pools", []) + subnet.get("pd-pools", [])]
        for _ in range(count if places else 0):
            subnet, pool = rng.choice(places)
            lease = {"subnet-id": subnet["id"], "valid-lft": 1 << 20, "state": rng.choice((0, 0, 1))}
            if "prefix" in pool:
                lease.update({"type": "IA_PD", "ip-address": pool["prefix"][:-1] + f"{rng.randint(1, 99)}00::",
                              "prefix-len": pool["delegated-len"], "state": 0})
            else:
                text = pool["pool"].replace("/", " ").split()[0]
                lease["ip-address"] = crafted.later(text, rng.randint(0, 3))
            if self.service == "dhcp4":
                lease["hw-address"] = "02:ee:" + ":".join(
                    f"{rng.randint(0, 255):02x}" for _ in range(4))
            else:
                lease.update({"duid": "00:03:00:01:" + ":".join(
                    f"{rng.randint(0, 255):02x}" for _ in range(6)), "iaid": 9,
                    "preferred-lft": 1 << 19})
            said = [kea.ask(f"lease{self.service[-1]}-add", lease) for kea in self.keas]
            assert said[0]["result"] == said[1]["result"], said
