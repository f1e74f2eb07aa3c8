"""A Nestor agent, its configuration and keys, and nestorctl's view of it."""
import datetime
import http.client
import json
import os
import socket

from . import keaconf, network, processes, requirements
from .waiting import wait_until

EVENTS_PORT, CONTROL_PORT = 5570, 5571
HTTP_PORT = {"primary": 5580, "secondary": 5581}


def seconds(text):
    """Seconds since the epoch of a time as --json prints it."""
    return datetime.datetime.fromisoformat(text).timestamp()


class Agent:
    """The agent of `role` ("primary", "secondary") on a host whose files are in `folder`.

    `config` may be changed before start(). state: name of the folder for its state; two agents of a
    host have one each.
    """

    def __init__(self, role, name, folder, netns, keas, bus, security, state="state"):
        self.role = role
        self.name = name
        self.netns = netns
        self.file = f"{folder}/{role}-agent.json"
        self.state = f"{folder}/{state}"
        self.operator_socket = f"{folder}/{role}-agent.sock"
        self.config = {
            "server-name": name,
            "services": {kea.service: {"control-socket": kea.socket,
                                       "hook-socket": keaconf.hook_socket(kea.service, folder)}
                         for kea in keas},
            "bus" if role == "primary" else "primary": bus,
            "operator-socket": self.operator_socket,
            "state-directory": self.state,
            "http": f"127.0.0.1:{HTTP_PORT[role]}",
            "log-level": os.environ.get("NESTOR_LOG_LEVEL", "debug"),
        }
        if security:
            self.config["security"] = security
        os.makedirs(self.state, mode=0o700, exist_ok=True)
        self.process = processes.Process(
            f"{name} {role} agent", [requirements.program(f"nestor-{role}-agent"), "--config",
                                     self.file], f"{folder}/{role}-agent.log", netns)

    def write_file(self):
        with open(self.file, "w", encoding="utf-8") as file:
            json.dump(self.config, file, indent=1)

    def start(self, deadline_s=20):
        self.write_file()
        self.process.start()
        wait_until(lambda: self.answers() or not self.process.alive(), deadline_s,
                   lambda: f"{self.process.name} answers nestorctl\n{self.process.tail()}")
        assert self.process.alive(), f"{self.process.name} ended\n{self.process.tail()}"
        return self

    def answers(self):
        return os.path.exists(self.operator_socket) and self.ctl("relationship", "list",
                                                                 timeout_s=10)[0] == 0

    def wait_until_knows(self, server, deadline_s=20):
        """Until `nestorctl servers` here lists that server and versions of its Keas."""
        def known():
            return any(one["server"] == server and all(kea["version"] for kea in one["keas"])
                       for one in self.ctl_json("servers")["servers"])
        wait_until(known, deadline_s, lambda: f"{server} is known to {self.name}: {self.ctl('servers')}")

    def kill(self):
        self.process.kill()

    def restart(self):
        return self.start()

    def stop(self):
        self.process.end()

    # ------------------------------------------------------------------ nestorctl

    def ctl(self, *verb, timeout_s=60, as_json=True):
        """(exit code, standard output, standard error) of nestorctl at this agent."""
        return processes.run(self.ctl_argv(*verb, as_json=as_json), timeout_s=timeout_s, check=False)

    def ctl_argv(self, *verb, as_json=True):
        return [requirements.program("nestorctl"), "--agent", f"ipc://{self.operator_socket}",
                *(["--json"] if as_json else []), *verb]

    def ctl_json(self, *verb, expect=(0,), timeout_s=60):
        """The JSON nestorctl printed; AssertionError for another exit code than expected."""
        code, out, err = self.ctl(*verb, timeout_s=timeout_s)
        assert code in expect, f"nestorctl {' '.join(verb)}: exit {code}\n{out}\n{err}"
        return json.loads(out)

    def status(self, name):
        """One relationship of `status --json`, its 64-bit numbers made int; None: not there."""
        code, out, err = self.ctl("status", name)
        if code not in (0, 1, 2) or not out.strip():
            return None
        for relationship in json.loads(out).get("relationships", []):
            if relationship["name"] == name:
                relationship["exit"] = code
                mirror = relationship.setdefault("mirror", {})
                for number in ("term", "head", "received", "applied", "persisted", "held_sequence"):
                    mirror[number] = int(mirror.get(number, 0))
                mirror.setdefault("digest_equal", False)
                relationship.setdefault("reasons", [])
                return relationship
        return None

    def history(self, name, limit=0):
        """Entries of `history --json`, oldest first, 64-bit numbers made int."""
        verb = ["history", name] + (["--limit", str(limit)] if limit else [])
        entries = self.ctl_json(*verb).get("entries", [])
        for entry in entries:
            for number in ("sequence", "term", "upserted_count", "removed_count"):
                entry[number] = int(entry.get(number, 0))
        return sorted(entries, key=lambda entry: entry["time"])

    # ------------------------------------------------------------------ HTTP

    def http_get(self, path, timeout_s=5):
        """(status code, text) of the metrics endpoint."""
        host, port = self.config["http"].split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=timeout_s)
        with network.inside(self.netns):
            connection.sock = socket.create_connection((host, int(port)), timeout_s)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def metrics(self):
        """{"name{labels}": value} of /metrics."""
        code, text = self.http_get("/metrics")
        assert code == 200, text
        values = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                series, value = line.rsplit(" ", 1)
                values[series] = float(value)
        return values

    def metric(self, name, **labels):
        """The sum of the series of `name` that carry all of `labels`; 0 where there is none."""
        total = 0.0
        for series, value in self.metrics().items():
            if series.split("{")[0] == name and all(f'{k}="{v}"' in series
                                                    for k, v in labels.items()):
                total += value
        return total


class Watch:
    """`nestorctl watch --json` running beside the test; its events so far in events()."""

    def __init__(self, agent, *arguments):
        self._log = f"{agent.file}.watch{id(self)}"
        self.process = processes.Process(
            "nestorctl watch", agent.ctl_argv("watch", *arguments), self._log)
        self.process.start()

    def events(self):
        lines = self.process.log_text().split("\n")[:-1]
        return [json.loads(line) for line in lines if line.startswith("{")]

    def wait_for(self, matches, deadline_s, what):
        """The first event for which matches(event)."""
        def found():
            return next((event for event in self.events() if matches(event)), None)
        return wait_until(found, deadline_s,
                          lambda: f"{what}; seen: {self.process.log_text()[-3000:]}")

    def listens(self):
        """Itself, from when on it misses nothing. Its kinds must have heartbeat among them."""
        self.wait_for(lambda event: event["kind"] == "heartbeat", 5, "the watch has joined")
        return self

    def close(self):
        self.process.end()
