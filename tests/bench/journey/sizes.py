"""The configurations a change travels in, and the change."""


class Size:
    """`subnets` subnets with `reservations` reservations each; what is measured `rounds` times."""

    def __init__(self, name, title, subnets, reservations, rounds):
        self.name = name
        self.title = title
        self.rounds = rounds
        self._subnets = subnets
        self._reservations = reservations

    def mirrored(self):
        """The members of a Dhcp4 that are mirrored."""
        return {"valid-lifetime": 600,
                "subnet4": [self._subnet(number) for number in range(self._subnets)]}

    def _subnet(self, number):
        high, low = 16 + number // 256, number % 256
        prefix = f"10.{high}.{low}"
        return {
            "id": number + 1, "subnet": f"{prefix}.0/24",
            "pools": [{"pool": f"{prefix}.150 - {prefix}.199"}],
            "reservations": [
                {"hw-address": f"02:{high:02x}:{low:02x}:00:00:{host:02x}",
                 "ip-address": f"{prefix}.{host + 1}", "hostname": f"h{number}-{host}"}
                for host in range(self._reservations)]}

    def change(self, members, count):
        """One subnet's or one reservation's change, another for each `count`."""
        subnet = members["subnet4"][self._subnets // 2]
        if self._reservations:
            subnet["reservations"][self._reservations // 2]["hostname"] = f"changed-{count}"
        else:
            subnet["valid-lifetime"] = 1000 + count


ALL = [
    Size("1", "1 subnet", 1, 0, 5),
    Size("1k", "1,000 subnets", 1000, 0, 5),
    Size("10k", "10,000 subnets", 10000, 0, 5),
    Size("100k", "100,000 reservations", 1000, 100, 3),
]
