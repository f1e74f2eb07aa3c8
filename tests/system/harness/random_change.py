"""Random changes of random configurations, of any size and nature.

    after, names = RandomChange("dhcp4", rng).changed(before, frozen=("dhcp4o6-port",))

`names` are the changes made, for the report of a failure. Globals in `frozen` stay as they are.
"""
import copy

from . import random_repair, random_values as values
from .random_config import CLASS_NAMES, RandomConfig
from .random_options import CUSTOM_CODES, SPACES, VENDOR
from .random_subnet_change import RandomSubnetChange
from .random_values import chance

# What no global is.
_LISTS = ("option-def", "option-data", "client-classes", "shared-networks", "subnet4", "subnet6",
          "reservations")


class RandomChange(RandomSubnetChange):

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
