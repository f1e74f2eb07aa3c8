"""Random changes of random configurations, of any size and nature.

    after, names = RandomChange("dhcp4", rng).changed(before, frozen=("dhcp4o6-port",))

`names` are the changes made, for the report of a failure. Globals in `frozen` stay as they are.
"""
import copy
import ipaddress

from . import random_repair, random_values as values
from .random_config import CLASS_NAMES, CUSTOM_CODES, SPACES, VENDOR, RandomConfig
from .random_values import chance

# What no global is.
_LISTS = ("option-def", "option-data", "client-classes", "shared-networks", "subnet4", "subnet6",
          "reservations")
_IDENTIFIERS = ("hw-address", "duid", "circuit-id", "client-id", "flex-id")


class RandomChange(RandomConfig):

    def changed(self, before, frozen=()):
        self.config = copy.deepcopy(before)
        for name in _LISTS[:4] + (self.subnets, "reservations"):
            self.config.setdefault(name, [])
        wanted = self.rng.choice((0, 1, 1, 1, 1, 2, 2, 3, 4, 6, 12, 30))
        if chance(self.rng, 0.04):
            names = [self._everything()]
        else:
            names = [name for _ in range(wanted) if (name := self._one())]
        self._freeze(before, frozen)
        random_repair.repair(self.service, self.config, self.rng)
        return self.config, names

    def _freeze(self, before, frozen):
        for name in frozen:
            if name in before:
                self.config[name] = copy.deepcopy(before[name])
            else:
                self.config.pop(name, None)

    def _one(self):
        """Makes one change; its name, or None where there was nothing to make it of."""
        method = self.rng.choice([name for name in dir(self) if name.startswith("change_")])
        done = getattr(self, method)()
        # It was made of what later changes may leave in place: in repair, as they will find it.
        random_repair.repair(self.service, self.config, self.rng)
        return method[len("change_"):] if done is not False else None

    def _everything(self):
        """One huge change: another configuration, or none."""
        other = {} if chance(self.rng, 0.3) else RandomConfig(self.service, self.rng).configuration()
        self.config = {name: [] for name in _LISTS[:4] + (self.subnets, "reservations")} | other
        return "everything"

    # ------------------------------------------------------------------ choosing

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

    # ------------------------------------------------------------------ globals

    def change_globals(self):
        self._mix(self.config, self.globals(), _LISTS)

    def change_one_global(self):
        fresh = self.globals()
        name = self._any([name for name in fresh if not name.startswith(("min-", "max-"))])
        if name is None:
            return False
        if chance(self.rng, 0.3):
            return self.config.pop(name, False) is not False
        self.config[name] = fresh[name]
        for bound in (f"min-{name}", f"max-{name}"):
            self.config.pop(bound, None)
            if bound in fresh:
                self.config[bound] = fresh[bound]
        return True

    # ------------------------------------------------------------------ definitions

    def change_definition_added(self):
        space = self.rng.choice((self.service, *SPACES, VENDOR))
        code = self.rng.choice(CUSTOM_CODES[self.service] if space == self.service else range(50, 56))
        definition = self.definition(space, code)
        self.config["option-def"].append(definition)
        if chance(self.rng, 0.7):
            holder, _ = self.rng.choice(self._option_places())
            holder.setdefault("option-data", []).append(self.option(definition))

    def _used_definition(self):
        """A definition, one that has options rather than one without."""
        used = [definition for holder, own in self._option_places()
                for option in holder.get("option-data", [])
                if (definition := random_repair.definition_of(self.service, self.config, option, own))]
        used = [one for one in self.config["option-def"] if any(one is other for other in used)]
        return self._any(used if used and chance(self.rng, 0.8) else self.config["option-def"])

    def _option_places(self):
        return list(random_repair.option_holders(self.service, self.config))

    def change_definition_retyped(self):
        """Options whose text fits the new type stay as they are, and mean other bytes."""
        definition = self._used_definition()
        if definition is None:
            return False
        if definition["type"] in values.INTEGERS and chance(self.rng, 0.7):
            definition["type"] = self.rng.choice(values.INTEGERS)
            return True
        encapsulate = definition.get("encapsulate", "")
        for name in ("type", "array", "record-types", "encapsulate"):
            definition.pop(name, None)
        definition.update(values.shape(self.rng, encapsulate if chance(self.rng, 0.5) else ""))
        return True

    def change_definition_renamed(self):
        definition = self._used_definition()
        if definition is None:
            return False
        old, new = definition["name"], values.word(self.rng) + "-new"
        for holder, own in self._option_places():
            for option in holder.get("option-data", []):
                if random_repair.definition_of(self.service, self.config, option, own) is definition \
                        and "name" in option:
                    option["name"] = new
        definition["name"] = new
        for item in self.config["client-classes"]:
            if "test" in item:
                item["test"] = item["test"].replace(f"[{old}]", f"[{new}]")
        return True

    def change_definition_recoded(self):
        """What refers to it by name follows to the other code: options and tests of classes."""
        definition = self._used_definition()
        if definition is None:
            return False
        codes = CUSTOM_CODES[self.service] if definition["space"] == self.service else range(50, 56)
        new = self.rng.choice(codes)
        other = next((one for one in self.config["option-def"]
                      if one["space"] == definition["space"] and one["code"] == new), None)
        if other is not None:
            other["code"] = definition["code"]
        definition["code"] = new
        return True

    def change_definition_removed(self):
        definition = self._used_definition()
        if definition is None:
            return False
        self.config["option-def"].remove(definition)
        return True

    # ------------------------------------------------------------------ options

    def change_options(self):
        holder, own = self.rng.choice(self._option_places())
        holder["option-data"] = self.options(0.9, own=own)

    def change_option_edited(self):
        places = [(holder, own) for holder, own in self._option_places() if holder.get("option-data")]
        if not places:
            return False
        holder, own = self.rng.choice(places)
        option = self.rng.choice(holder["option-data"])
        definition = random_repair.definition_of(self.service, self.config, option, own)
        how = self.rng.choice(("data", "always-send", "order", "away", "moved"))
        if how == "data" and definition:
            holder["option-data"].remove(option)
            holder["option-data"].append(self.option(definition))
        elif how == "always-send":
            option["always-send"] = not option.get("always-send", False)
        elif how == "order":
            self.rng.shuffle(holder["option-data"])
        else:
            holder["option-data"].remove(option)
            if how == "moved":
                other, _ = self.rng.choice(self._option_places())
                other.setdefault("option-data", []).append(option)
        return True

    # ------------------------------------------------------------------ classes

    def change_class_added(self):
        taken = {item["name"] for item in self.config["client-classes"]}
        name = self._any([name for name in CLASS_NAMES if name not in taken])
        if name is None:
            return False
        place = self.rng.randint(0, len(self.config["client-classes"]))
        self.config["client-classes"].insert(place, self.client_class(name))
        return True

    def _class(self):
        return self._any(self.config["client-classes"])

    def change_class_edited(self):
        item = self._class()
        if item is None:
            return False
        keep = ("name", "test") if item["name"] in ("DROP", "KNOWN") else ("name",)
        fresh = self.client_class(item["name"])
        self._mix(item, fresh, keep)
        return True

    def change_class_removed(self):
        item = self._class()
        if item is None:
            return False
        self.config["client-classes"].remove(item)
        return True

    def change_class_renamed(self):
        item = self._class()
        if item is None or item["name"] in ("DROP", "KNOWN"):
            return False
        old, new = item["name"], f"class {values.word(self.rng)}"
        item["name"] = new
        follows = chance(self.rng, 0.7)
        for other in self.config["client-classes"]:
            if follows and "test" in other:
                other["test"] = other["test"].replace(f"member('{old}')", f"member('{new}')")
        return True

    def change_classes_reordered(self):
        classes = self.config["client-classes"]
        if len(classes) < 2:
            return False
        if chance(self.rng, 0.5):
            self.rng.shuffle(classes)
        else:
            classes.insert(self.rng.randint(0, len(classes) - 1), classes.pop())
        return True

    # ------------------------------------------------------------------ shared networks

    def change_network_added(self):
        network = self.network(f"net {values.word(self.rng)}")
        self.config["shared-networks"].append(network)
        for subnet in self.rng.sample(self.all_subnets(), min(2, len(self.all_subnets()))):
            self._take_subnet(subnet)
            network.setdefault(self.subnets, []).append(subnet)

    def change_network_edited(self):
        network = self._any(self.config["shared-networks"])
        if network is None:
            return False
        self._mix(network, self.network(network["name"]), ("name", self.subnets))
        return True

    def change_network_removed(self):
        """Its subnets go with it, or stay by themselves."""
        network = self._any(self.config["shared-networks"])
        if network is None:
            return False
        self.config["shared-networks"].remove(network)
        if chance(self.rng, 0.6):
            self.config[self.subnets] += network.get(self.subnets, [])
        return True

    def change_network_renamed(self):
        network = self._any(self.config["shared-networks"])
        if network is None:
            return False
        network["name"] = f"net {values.word(self.rng)}"
        return True

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
