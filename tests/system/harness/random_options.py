"""Random option definitions and options that Kea 2.2 accepts; a part of random_config."""
from . import random_values as values
from .random_values import chance

SPACES = ("isp", "lab")
VENDOR = "vendor-4491"
CUSTOM_CODES = {"dhcp4": range(224, 236), "dhcp6": range(1200, 1212)}
RAW_CODES = {"dhcp4": range(245, 252), "dhcp6": range(1300, 1306)}


class RandomOptions:
    """Made with the random.Random `rng`, for the configuration `config` as far as it is made."""

    def __init__(self, service, rng):
        self.service, self.rng = service, rng
        self.v4 = service == "dhcp4"
        self.subnets = "subnet4" if self.v4 else "subnet6"
        self.config = {}

    def some(self, share, members):
        """Of {name: callable}: each with the chance `share`, called."""
        return {name: make() for name, make in members.items() if chance(self.rng, share)}

    def boolean(self):
        return self.rng.choice((True, False))

    def definitions(self):
        rng, found = self.rng, []
        for code in rng.sample(CUSTOM_CODES[self.service], rng.choice((0, 1, 2, 4))):
            found.append(self.definition(self.service, code))
        for space in (*SPACES, VENDOR, "vendor-encapsulated-options-space"):
            if chance(rng, 0.3):
                found += [self.definition(space, code)
                          for code in rng.sample(range(50, 56), rng.randint(1, 2))]
        return found

    def definition(self, space, code, name=None):
        encapsulate = ""
        if space == self.service and chance(self.rng, 0.3):
            encapsulate = self.rng.choice(SPACES)
        elif space == SPACES[0] and chance(self.rng, 0.3):
            encapsulate = SPACES[1]
        return {"name": name or f"{values.word(self.rng)}-{code}", "code": code, "space": space,
                **values.shape(self.rng, encapsulate),
                **self.some(0.15, {"user-context": lambda: values.user_context(self.rng)})}

    def options(self, share, most=3, own=()):
        """A list of option-data; `own` are definitions of the class it is for."""
        if not chance(self.rng, share):
            return []
        candidates = values.STANDARD[self.service] + self.config.get("option-def", []) * 3
        candidates = list(own) * 3 + candidates
        chosen, found = set(), []
        for _ in range(self.rng.randint(1, most)):
            definition = self.rng.choice(candidates)
            place = (definition["space"], definition["code"])
            # A second one of the same code is rare, but Kea takes it.
            if place not in chosen or chance(self.rng, 0.15):
                chosen.add(place)
                found.append(self.option(definition))
        found += self.encapsulating(found)
        if chance(self.rng, 0.15):
            found.append(self.raw_option())
        return found

    def encapsulating(self, options):
        """What carries the options of a space of its own."""
        found = []
        if any(option.get("space") == VENDOR for option in options):
            name = "vivso-suboptions" if self.v4 else "vendor-opts"
            found.append({"name": name, "data": "4491"})
        if self.v4 and any(str(option.get("space")).startswith("vendor-enc") for option in options):
            found.append({"name": "vendor-encapsulated-options"})
        return found

    def option(self, definition):
        """One of the definition: by name, code or both, as text or in hexadecimal digits."""
        rng, item = self.rng, {}
        by = rng.choice(("name", "code", "both"))
        if by != "code":
            item["name"] = definition["name"]
        if by != "name":
            item["code"] = definition["code"]
        if definition["space"] != self.service or chance(rng, 0.3):
            item["space"] = definition["space"]
        digits = values.data_hex(rng, definition) if chance(rng, 0.25) else None
        if digits:
            item.update({"csv-format": False, "data": digits})
        else:
            item["data"] = values.data_text(rng, definition)
            item.update(self.some(0.3, {"csv-format": lambda: True}))
        item.update(self.some(0.15, {"always-send": self.boolean,
                                     "user-context": lambda: values.user_context(rng)}))
        return item

    def raw_option(self):
        """One without definition."""
        return {"code": self.rng.choice(RAW_CODES[self.service]), "csv-format": False,
                "data": self.rng.randbytes(self.rng.randint(1, 5)).hex()}
