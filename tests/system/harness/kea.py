"""A real kea-dhcp4 or kea-dhcp6, its files and its control channel."""
import csv
import json
import os
import signal
import socket

from . import processes, unpacked
from .waiting import wait_until


class KeaError(AssertionError):
    """Kea answered with an error; `answer` is the whole of it."""

    def __init__(self, command, answer):
        super().__init__(f"{command}: {answer.get('text', answer)}")
        self.answer = answer


def send(path, command, arguments=None, timeout_s=30):
    """One command on one connection, as Kea wants it: the whole answer, errors included."""
    request = {"command": command}
    if arguments is not None:
        request["arguments"] = arguments
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(timeout_s)
        channel.connect(path)
        channel.sendall(json.dumps(request).encode())
        pieces = []
        while piece := channel.recv(1 << 20):
            pieces.append(piece)
    return json.loads(b"".join(pieces))


class Kea:
    """One server of `service` ("dhcp4", "dhcp6") whose files are in `folder`.

    `config` is the configuration as this test would write it by hand: {"Dhcp4": {...}}. Whoever
    changes it calls one of the apply methods. root: the folder of another version, unpacked by
    unpack-kea; None: the installed one.
    """

    def __init__(self, service, name, folder, netns, config, root=None):
        self.service = service
        self.root = {"dhcp4": "Dhcp4", "dhcp6": "Dhcp6"}[service]
        self.name = name
        self.folder = folder
        self.config = config
        self.file = f"{folder}/{service}.conf"
        self.socket = f"{folder}/{service}.sock"
        self.leases = f"{folder}/{service}.leases"
        self.log = f"{folder}/{service}.log"
        self.process = processes.Process(
            f"{name} kea-{service}", unpacked.argv(root, folder, f"kea-{service}", "-c", self.file),
            f"{folder}/{service}.out", netns, unpacked.environment(folder))

    def keep_file_in(self, folder):
        """The configuration file is in `folder` from the next start() on."""
        self.file = f"{folder}/{self.service}.conf"
        self.process.argv[-1] = self.file

    # ------------------------------------------------------------------ life

    def write_file(self, config=None):
        """Replaces the file at once, as an editor would."""
        text = json.dumps(self.config if config is None else config, indent=1)
        with open(self.file + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(self.file + ".new", self.file)

    def start(self, write=True, deadline_s=20):
        if write:
            self.write_file()
        self.process.start()
        wait_until(lambda: self.answers() or not self.process.alive(), deadline_s,
                   lambda: f"{self.process.name} answers\n{self.tail()}")
        assert self.process.alive(), f"{self.process.name} ended\n{self.tail()}"
        return self

    def answers(self, timeout_s=2):
        try:
            return send(self.socket, "status-get", timeout_s=timeout_s).get("result") == 0
        except (OSError, ValueError):
            return False

    def kill(self):
        self.process.kill()
        self._forget_pid_file()

    def restart(self, deadline_s=20):
        """Starts again with whatever its file holds."""
        self._forget_pid_file()
        return self.start(write=False, deadline_s=deadline_s)

    def stop(self):
        self.process.end()
        self._forget_pid_file()

    def _forget_pid_file(self):
        # Closed twice, its folder is gone.
        for name in os.listdir(self.folder) if os.path.isdir(self.folder) else ():
            if name.endswith(f"kea-{self.service}.pid"):
                os.remove(os.path.join(self.folder, name))

    def tail(self, lines=30):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                kept = [line for line in log.read().splitlines() if "'status-get'" not in line]
                text = "\n".join(kept[-lines:])
        except FileNotFoundError:
            text = "(no log)"
        return self.process.tail(10) + f"---- {self.log}\n{text}\n"

    # ------------------------------------------------------------------ control

    def ask(self, command, arguments=None, timeout_s=30):
        """The whole answer, errors included."""
        return send(self.socket, command, arguments, timeout_s)

    def command(self, command, arguments=None, timeout_s=30):
        """The answer's arguments; KeaError where Kea refused."""
        answer = self.ask(command, arguments, timeout_s)
        if answer.get("result") != 0:
            raise KeaError(command, answer)
        return answer.get("arguments", {})

    def running(self, timeout_s=60):
        """What config-get reports, without the service's name around it and without `hash`."""
        return self.command("config-get", timeout_s=timeout_s)[self.root]

    def test(self, config):
        """None where config-test accepts it, else Kea's words."""
        answer = self.ask("config-test", config, timeout_s=60)
        return None if answer["result"] == 0 else answer["text"]

    def apply_by_set(self):
        self.command("config-set", self.config, timeout_s=120)
        self.write_file()

    def apply_by_reload(self):
        """The file, then config-reload."""
        self.write_file()
        self.command("config-reload", timeout_s=120)

    def apply_by_signal(self, deadline_s=30):
        """The file, then SIGHUP; returns when Kea has taken it."""
        self.write_file()
        before = self._reconfigured()
        self.process.signal(signal.SIGHUP)
        wait_until(lambda: self._reconfigured() > before, deadline_s,
                   lambda: f"{self.process.name} took the file after SIGHUP\n{self.tail()}")

    def _reconfigured(self):
        """How often this log tells of an accepted configuration, or of a failed one."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            text = log.read()
        assert "DYNAMIC_RECONFIGURATION_FAIL" not in text, self.tail()
        return text.count("_CONFIG_COMPLETE")

    def lease_rows(self):
        """What its lease file holds, a row for each lease written, oldest first: {column: text}."""
        try:
            with open(self.leases, encoding="utf-8", newline="") as file:
                return list(csv.DictReader(file))
        except FileNotFoundError:
            return []

    def ha_state(self):
        """"hot-standby", "waiting", ...; empty without the HA hook."""
        for server in self.command("status-get").get("high-availability", []):
            return server["ha-servers"]["local"]["state"]
        return ""

    def commands_received(self, command):
        """How often this server was sent `command`, by its own log."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read().count(f"COMMAND_RECEIVED Received command '{command}'")
