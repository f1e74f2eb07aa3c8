"""Random changes that lead back to where they began, so that they can go on for as long as one likes.

Each configuration of the ring is made of the one before as in random_change, and a Kea that gets them by
config-set says what objects they are. What a client asks in is in each of them.
"""
import random

from . import objects, random_repair
from .random_change import RandomChange
from .random_config import RandomConfig

_SERVED = 3_000_000_000


def served_subnet(service):
    """Where clients at the interface cl0 are served."""
    if service == "dhcp4":
        return {"id": _SERVED, "subnet": "10.0.0.0/16", "pools": [{"pool": "10.0.1.0 - 10.0.9.255"}]}
    return {"id": _SERVED, "subnet": "2001:db8:ffff::/64", "interface": "cl0",
            "pools": [{"pool": "2001:db8:ffff::1:0 - 2001:db8:ffff::9:ffff"}]}


class ChangeRing:
    """`size` configurations made from `seed`. `keas` is a TwoKeas; the one by_set gets them all.

    start: the members of the first. steps: (upserted, removed) from each to the next, the last to the first.
    kinds: how many objects of each kind they upsert and remove, {"subnet removed": 7, ...}.
    """

    def __init__(self, keas, size, seed=0):
        self.service = keas.service
        rng = random.Random(f"{self.service} ring {seed}")
        frozen = keas.status()["needs-config-set"]
        config = RandomConfig(self.service, rng).configuration()
        self.start = self._with_clients(config)
        found = []
        for _ in range(size):
            said = keas.set(keas.by_set, self._with_clients(config))
            assert said is None, f"Kea refuses what the generator made: {said}"
            found.append(objects.extract(keas.by_set.running()))
            config, _ = RandomChange(self.service, rng).changed(config, frozen)
        self.steps = [objects.difference(one, other)
                      for one, other in zip(found, found[1:] + found[:1])]
        self.kinds = {}
        for upserted, removed in self.steps:
            for what, ids in (("upserted", upserted), ("removed", removed)):
                for one in ids:
                    name = f"{one['kind']} {what}"
                    self.kinds[name] = self.kinds.get(name, 0) + 1

    def _with_clients(self, config):
        name = random_repair.subnets_name(self.service)
        # What drops or redirects the clients of cl0 is another test's.
        return {**config, name: [served_subnet(self.service), *config.get(name, [])]}
