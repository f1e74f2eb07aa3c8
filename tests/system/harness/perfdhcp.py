"""perfdhcp as the DHCP clients."""
import re

from . import processes
from .waiting import wait_until


class Served:
    """What perfdhcp counted: offers/advertises and acks/replies asked for and received."""

    def __init__(self, text):
        self.text = text
        self.sent = [int(number) for number in re.findall(r"sent packets: (\d+)", text)]
        self.received = [int(number) for number in re.findall(r"received packets: (\d+)", text)]
        # Of both exchanges; without answers there are none.
        self.average_ms = [float(number) for number in re.findall(r"avg delay: ([\d.]+) ms", text)]
        self.longest_ms = [float(number) for number in re.findall(r"max delay: ([\d.]+) ms", text)]
        self.drops = [int(number) for number in re.findall(r"drops: (-?\d+)", text)]
        assert len(self.sent) == 2 and len(self.received) == 2, f"perfdhcp said:\n{text}"

    @property
    def leases(self):
        """Exchanges that ended with a lease."""
        return self.received[1]

    def __str__(self):
        return (f"{sum(self.sent)} packets sent, {self.lost} not answered, delays on average "
                f"{self.average_ms} ms, at most {self.longest_ms} ms")

    @property
    def lost(self):
        """Packets that were never answered."""
        return (self.sent[0] - self.received[0]) + (self.sent[1] - self.received[1])


def _argv(service, rate, count, clients, seconds):
    argv = ["perfdhcp", "-4" if service == "dhcp4" else "-6", "-r", str(rate), "-R", str(clients),
            "-u", "-l", "br0", "-W", "1000000"]
    argv += ["-n", str(count)] if count else ["-p", str(seconds)]
    if service == "dhcp6":
        argv += ["-e", "address-only"]
    return argv


def leases(network, service, count=10, rate=50, clients=100):
    """`count` four-way exchanges from the client segment, to whoever serves it."""
    _, out, err = processes.run(_argv(service, rate, count, clients, 0), network["c"],
                                timeout_s=30 + count / rate, check=False)
    return Served(out + err)


def exchanges(network, service, count, rate, *options):
    """`count` exchanges of as many clients, with further options of perfdhcp; what it printed."""
    argv = ["perfdhcp", "-4" if service == "dhcp4" else "-6", "-r", str(rate), "-n", str(count),
            "-R", str(count), "-u", "-l", "br0", "-W", "1000000", *options]
    _, out, err = processes.run(argv, network["c"], timeout_s=30 + count / rate, check=False)
    return out + err


class Load:
    """Exchanges at `rate` for `seconds`, beside the test; result() waits for the end.

    more: arguments of perfdhcp besides.
    """

    _made = 0

    def __init__(self, network, folder, service, rate, seconds, clients=1000, more=()):
        self._seconds = seconds
        Load._made += 1
        self.process = processes.Process(
            "perfdhcp", _argv(service, rate, 0, clients, seconds) + [*more],
            f"{folder}/perfdhcp-{Load._made}.log", network["c"])
        self.process.start()

    def result(self):
        wait_until(lambda: not self.process.alive(), self._seconds + 20, "perfdhcp ends")
        return Served(self.process.log_text())

    def running(self):
        return self.process.alive()

    def close(self):
        self.process.end()
