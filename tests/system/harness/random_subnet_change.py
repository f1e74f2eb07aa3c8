"""Random changes of subnets and reservations; a part of random_change."""
import ipaddress

from .random_config import RandomConfig
from .random_values import chance

_IDENTIFIERS = ("hw-address", "duid", "circuit-id", "client-id", "flex-id")


class RandomSubnetChange(RandomConfig):

    def _any(self, items):
        return self.rng.choice(items) if items else None

    def _holders(self):
        """The lists of subnets."""
        return [self.config[self.subnets]] + [
            network.setdefault(self.subnets, []) for network in self.config["shared-networks"]]

    def _take_subnet(self, subnet):
        for holder in self._holders():
            if any(one is subnet for one in holder):
                holder[:] = [one for one in holder if one is not subnet]

    def _mix(self, item, fresh, keep):
        """`item` gets some members of `fresh` and loses some; those in `keep` stay."""
        for name in [name for name in item if name not in keep and chance(self.rng, 0.3)]:
            del item[name]
        for name in [name for name in fresh if name not in keep and chance(self.rng, 0.5)]:
            item[name] = fresh[name]
        for triplet in ("valid-lifetime", "preferred-lifetime"):
            for bound in (f"min-{triplet}", f"max-{triplet}"):
                if bound in item and triplet not in item:
                    del item[bound]

    # ------------------------------------------------------------------ subnets

    def change_subnet_added(self):
        self.any_holder().append(self.subnet())

    def change_subnets_removed(self):
        found = self.all_subnets()
        for subnet in self.rng.sample(found, min(len(found), self.rng.choice((1, 1, 1, 3)))):
            self._take_subnet(subnet)

    def change_subnet_edited(self):
        subnet = self._any(self.all_subnets())
        if subnet is None:
            return False
        keep = ("id", "subnet", "reservations", "pools", "pd-pools")
        self._mix(subnet, self.subnet(), keep)
        return True

    def change_pools(self):
        subnet = self._any(self.all_subnets())
        if subnet is None:
            return False
        slots = self.rng.sample(range(1, 5), self.rng.randint(0, 3))
        subnet["pools"] = [self.pool(subnet["subnet"], slot) for slot in slots]
        if not self.v4:
            subnet["pd-pools"] = [self.pd_pool(self.number_of(subnet["subnet"]), slot)
                                  for slot in slots]
        return True

    def change_pool_edited(self):
        pools = [pool for subnet in self.all_subnets()
                 for pool in subnet.get("pools", []) + subnet.get("pd-pools", [])]
        if not pools:
            return False
        pool = self.rng.choice(pools)
        keep = ("pool", "prefix", "prefix-len", "delegated-len", "excluded-prefix",
                "excluded-prefix-len")
        self._mix(pool, self.pool_members(), keep)
        return True

    def _moved(self, subnet, prefix):
        """The subnet has another prefix; what is in the old one moves along."""
        old = ipaddress.ip_network(subnet["subnet"]).network_address
        new = ipaddress.ip_network(prefix).network_address

        def there(text):
            return str(new + (int(ipaddress.ip_address(text)) - int(old)))
        subnet["subnet"] = prefix
        for pool in subnet.get("pools", []):
            if "/" in pool["pool"]:
                address, length = pool["pool"].split("/")
                pool["pool"] = f"{there(address)}/{length}"
            else:
                pool["pool"] = " - ".join(there(one.strip()) for one in pool["pool"].split("-"))
        for item in subnet.get("reservations", []):
            if "ip-address" in item:
                item["ip-address"] = there(item["ip-address"])
            if "ip-addresses" in item:
                item["ip-addresses"] = [there(one) for one in item["ip-addresses"]]

    def change_subnet_renumbered(self):
        subnet = self._any(self.all_subnets())
        if subnet is None:
            return False
        self._moved(subnet, self.prefix(self.free_number()))
        return True

    def change_subnet_under_another_id(self):
        subnet = self._any(self.all_subnets())
        if subnet is None:
            return False
        subnet["id"] = self.free_id()
        return True

    def change_two_subnets_exchange(self):
        """Their ids, or their prefixes."""
        found = self.all_subnets()
        if len(found) < 2:
            return False
        one, other = self.rng.sample(found, 2)
        if chance(self.rng, 0.5):
            one["id"], other["id"] = other["id"], one["id"]
        else:
            first, second = one["subnet"], other["subnet"]
            self._moved(one, second)
            self._moved(other, first)
        return True

    def change_subnet_moved(self):
        """Into a network, out of it, or between two."""
        subnet = self._any(self.all_subnets())
        if subnet is None:
            return False
        self._take_subnet(subnet)
        self.rng.choice(self._holders()).append(subnet)
        return True

    # ------------------------------------------------------------------ reservations

    def _reservation_places(self):
        """(list, prefix) of the subnets and of the whole."""
        return [(subnet.setdefault("reservations", []), subnet["subnet"])
                for subnet in self.all_subnets()] + [(self.config["reservations"], None)]

    def change_reservations_added(self):
        holder, prefix = self.rng.choice(self._reservation_places())
        for _ in range(self.rng.choice((1, 1, 2, 30))):
            holder.append(self.reservation(prefix))

    def _reservation(self):
        found = [(holder, prefix, item) for holder, prefix in self._reservation_places()
                 for item in holder]
        return self._any(found)

    def change_reservation_edited(self):
        chosen = self._reservation()
        if chosen is None:
            return False
        _, prefix, item = chosen
        self._mix(item, self.reservation(prefix), _IDENTIFIERS)
        return True

    def change_reservation_removed(self):
        chosen = self._reservation()
        if chosen is None:
            return False
        holder, _, item = chosen
        holder.remove(item)
        return True

    def change_reservation_moved(self):
        """To another subnet, or to those of all."""
        chosen = self._reservation()
        if chosen is None:
            return False
        holder, _, item = chosen
        holder.remove(item)
        target, prefix = self.rng.choice(self._reservation_places())
        for name in ("ip-address", "ip-addresses", "prefixes"):
            item.pop(name, None)
        self.address_members(item, prefix)
        target.append(item)
        return True

    def change_addresses_exchanged(self):
        """Two reservations of a subnet get each other's addresses."""
        holder, _ = self.rng.choice(self._reservation_places())
        if len(holder) < 2:
            return False
        one, other = self.rng.sample(holder, 2)
        for name in ("ip-address", "ip-addresses", "prefixes"):
            first, second = one.pop(name, None), other.pop(name, None)
            one.update({name: second} if second else {})
            other.update({name: first} if first else {})
        return True

    def change_identifier(self):
        """A reservation keeps all but the client it is for."""
        chosen = self._reservation()
        if chosen is None:
            return False
        _, prefix, item = chosen
        fresh = self.reservation(prefix)
        for name in _IDENTIFIERS:
            item.pop(name, None)
        item.update({name: value for name, value in fresh.items() if name in _IDENTIFIERS})
        return True
