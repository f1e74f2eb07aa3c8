"""Two DHCP hosts on this machine as network namespaces, with real Keas in hot-standby.

Everything it makes is under STATE and RUN and in the namespaces of HOSTS and CLIENTS.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import time

STATE = "/var/lib/nestor-quickstart"
RUN = "/run/nestor-quickstart"
HOSTS = {"kea-a": "nestor-a", "kea-b": "nestor-b"}  # server name: namespace
CLIENTS = "nestor-clients"
SERVICES = {"dhcp4": "Dhcp4", "dhcp6": "Dhcp6"}
LINK = {"kea-a": "198.51.100.1", "kea-b": "198.51.100.2"}
_LAN = {"nestor-a": ("192.0.2.2/24", "2001:db8:1::2/64"), "nestor-b": ("192.0.2.3/24", "2001:db8:1::3/64"),
        CLIENTS: ("192.0.2.1/24", "2001:db8:1::1/64")}
_NESTOR_HOOK = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                            "../../build/release/lib/libdhcp_nestor.so")
_HOOKS = ["/usr/lib/x86_64-linux-gnu/kea/hooks", "/usr/lib/aarch64-linux-gnu/kea/hooks",
          "/usr/lib/kea/hooks"]


class Failed(Exception):
    """What went wrong and, after a line break, what to do."""


def wait_until(condition, deadline_s, what):
    """The first true value of condition(); Failed where it does not come in time."""
    end = time.monotonic() + deadline_s
    while not (value := condition()):
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {deadline_s} s")
        time.sleep(0.1)
    return value


def run(*argv, check=True):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(argv)}: {(done.stderr or done.stdout).strip()}")
    return done


# ---------------------------------------------------------------------- network


def namespaces():
    """Those of ours that exist."""
    there = {line.split()[0] for line in run("ip", "netns", "list").stdout.splitlines() if line.strip()}
    return [name for name in (*HOSTS.values(), CLIENTS) if name in there]


def network_up():
    """hosts joined by link0, and a lan with the clients behind a bridge. True where it was made now."""
    there = namespaces()
    made = f"{STATE}/network-is-ours"
    if len(there) == 3 and os.path.exists(made):
        return False
    if there and not os.path.exists(made):
        raise Failed(f"network namespaces named {', '.join(there)} exist and are not the quickstart's\n"
                     f"remove them (ip netns del NAME) if nothing needs them, and start again")
    network_down()
    a, b = HOSTS.values()
    with open(made, "w", encoding="utf-8"):
        pass
    try:
        for name in (a, b, CLIENTS):
            run("ip", "netns", "add", name)
            # Without duplicate address detection a link-local address serves at once.
            run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0",
                "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.dad_transmits=0")
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "link", "add", "link0", "netns", a, "type", "veth", "peer", "name", "link0", "netns", b)
        run("ip", "-n", CLIENTS, "link", "add", "lan0", "type", "bridge", "forward_delay", "0")
        for server, name in HOSTS.items():
            port = f"to-{server}"
            run("ip", "link", "add", "lan0", "netns", name, "type", "veth",
                "peer", "name", port, "netns", CLIENTS)
            run("ip", "-n", CLIENTS, "link", "set", port, "master", "lan0", "up")
            run("ip", "-n", name, "address", "add", f"{LINK[server]}/24", "dev", "link0")
            run("ip", "-n", name, "link", "set", "link0", "up")
        for name, addresses in _LAN.items():
            for address in addresses:
                run("ip", "-n", name, "address", "add", address, "dev", "lan0",
                    *(["nodad"] if ":" in address else []))
            run("ip", "-n", name, "link", "set", "lan0", "up")
    except Failed as problem:
        network_down()
        raise Failed(f"{problem}\nmaking network namespaces needs root's full rights: in a container "
                     "start it with --privileged, or use a virtual machine") from problem
    # Kea opens no socket on an interface that does not run yet.
    wait_until(lambda: all(link["operstate"] == "UP" for name in _LAN for link in
                           json.loads(run("ip", "-n", name, "-j", "link", "show", "lan0").stdout)),
               10, "the interfaces run")
    return True


def network_down():
    """Removes our namespaces; nothing where they are not ours."""
    if os.path.exists(f"{STATE}/network-is-ours"):
        for name in namespaces():
            run("ip", "netns", "del", name)
        os.remove(f"{STATE}/network-is-ours")


# ---------------------------------------------------------------------- processes


class Process:
    """A process that outlives this program, known by a file with its pid."""

    def __init__(self, name, server, argv, environment=None):
        self.name = name
        self.argv = argv
        self.log = f"{STATE}/{server}/{name}.log"
        self._netns = HOSTS[server]
        self._pid_file = f"{RUN}/{server}-{name}.pid"
        self._environment = dict(os.environ, **(environment or {}))

    def pid(self):
        """None unless it runs. A pid that went to another program is not ours."""
        try:
            with open(self._pid_file, encoding="utf-8") as file:
                pid = int(file.read())
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                mine = file.read().decode().split("\0")[:-1]
        except (OSError, ValueError):
            return None
        return pid if mine[-len(self.argv):] == self.argv else None

    def outdated(self):
        """Whether it runs from a program that was built anew since."""
        pid = self.pid()
        return pid is not None and os.readlink(f"/proc/{pid}/exe").endswith(" (deleted)")

    def start(self):
        """True where it was not running already."""
        if self.pid() is not None:
            return False
        with open(self.log, "ab") as log:
            child = subprocess.Popen(["ip", "netns", "exec", self._netns, *self.argv],
                                     stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     env=self._environment, start_new_session=True)
        with open(self._pid_file, "w", encoding="utf-8") as file:
            file.write(str(child.pid))  # `ip netns exec` becomes the program: the pid stays
        wait_until(lambda: self.pid() is not None or child.poll() is not None, 5, f"{self.name} starts")
        return True

    def stop(self):
        """SIGTERM, and SIGKILL where that does not do. True where it was running."""
        pid = self.pid()
        if pid is None:
            return False
        os.kill(pid, signal.SIGTERM)
        try:
            wait_until(lambda: self.pid() is None, 10, f"{self.name} ends")
        except Failed:
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: self.pid() is None, 5, f"{self.name} ends")
        return True

    def last_words(self, lines=8):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                return "\n".join(log.read().splitlines()[-lines:])
        except OSError:
            return ""


# ---------------------------------------------------------------------- Kea


def _hook(name):
    for folder in _HOOKS:
        if os.path.exists(f"{folder}/{name}"):
            return f"{folder}/{name}"
    raise Failed(f"Kea's hook library {name} is missing\ninstall Debian's package kea-common")


def hook_socket(server, service):
    """Where the agent beside Kea listens to the hook library."""
    return f"{RUN}/{server}/{service}-hook.sock"


def _own_parts(server, service):
    """What belongs to this server alone; Nestor never mirrors it."""
    number = 1 if server == "kea-a" else 2
    folder = f"{STATE}/{server}"
    parts = {
        "interfaces-config": {"interfaces": ["lan0"]},
        "control-socket": {"socket-type": "unix", "socket-name": control_socket(server, service)},
        "lease-database": {"type": "memfile", "persist": True, "lfc-interval": 0,
                           "name": f"{folder}/{service}.leases"},
        "loggers": [{"name": f"kea-{service}", "severity": "INFO",
                     "output_options": [{"output": f"{folder}/kea-{service}.log"}]}],
        # In Kea 2.2 the listener for the partner needs multi-threading here and in HA itself.
        "multi-threading": {"enable-multi-threading": True, "thread-pool-size": 2,
                            "packet-queue-size": 64},
        "hooks-libraries": [{"library": f"{STATE}/bin/libdhcp_nestor.so",
                             "parameters": {"socket": hook_socket(server, service)}},
                            {"library": _hook("libdhcp_lease_cmds.so")},
                            {"library": _hook("libdhcp_ha.so"),
                             "parameters": {"high-availability": [_ha(server, service)]}}],
    }
    if service == "dhcp6":
        parts["server-id"] = {"type": "LLT", "htype": 1, "persist": False, "enterprise-id": 0,
                              "time": 1000 * number, "identifier": f"0200000000{number:02X}"}
    return parts


def _ha(server, service):
    port = 8000 if service == "dhcp4" else 8006
    return {
        "this-server-name": server, "mode": "hot-standby", "heartbeat-delay": 1000,
        "max-response-delay": 5000, "max-ack-delay": 5000, "max-unacked-clients": 0,
        "sync-page-limit": 1000,
        "multi-threading": {"enable-multi-threading": True, "http-dedicated-listener": True,
                            "http-listener-threads": 2, "http-client-threads": 2},
        "peers": [{"name": name, "role": role, "auto-failover": True,
                   "url": f"http://{LINK[name]}:{port}/"}
                  for name, role in (("kea-a", "primary"), ("kea-b", "standby"))]}


def _scopes(service):
    """What the primary serves at first."""
    if service == "dhcp4":
        return {"valid-lifetime": 3600,
                "option-data": [{"name": "domain-name-servers", "data": "192.0.2.53"}],
                "subnet4": [{"id": 1, "subnet": "192.0.2.0/24",
                             "pools": [{"pool": "192.0.2.100 - 192.0.2.250"}],
                             "option-data": [{"name": "routers", "data": "192.0.2.1"}],
                             "reservations": [{"hw-address": "02:00:00:00:00:01",
                                               "ip-address": "192.0.2.10", "hostname": "printer"}]}]}
    return {"preferred-lifetime": 3000, "valid-lifetime": 3600,
            "option-data": [{"name": "dns-servers", "data": "2001:db8:1::53"}],
            "subnet6": [{"id": 1, "subnet": "2001:db8:1::/64", "interface": "lan0",
                         "pools": [{"pool": "2001:db8:1::1:0 - 2001:db8:1::f:ffff"}]}]}


def control_socket(server, service):
    return f"{RUN}/{server}-{service}.sock"


def configuration_file(server, service):
    return f"{STATE}/{server}/{service}.conf"


def write_json(path, document):
    """Replaces the file at once."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2)
        file.write("\n")
    os.replace(path + ".new", path)


def kea_process(server, service):
    # A copy of the program: Debian's AppArmor profile binds /usr/sbin/kea-* to /etc/kea.
    return Process(f"kea-{service}", server,
                   [f"{STATE}/bin/kea-{service}", "-c", configuration_file(server, service)],
                   {"KEA_PIDFILE_DIR": f"{RUN}/{server}", "KEA_LOCKFILE_DIR": f"{RUN}/{server}"})


def kea_up(server, service):
    """Starts it unless it runs, from its file, which is written only where there is none."""
    for folder in (f"{STATE}/{server}", f"{RUN}/{server}", f"{STATE}/bin"):
        os.makedirs(folder, mode=0o700, exist_ok=True)
    if not os.path.exists(configuration_file(server, service)):
        scopes = _scopes(service) if server == "kea-a" else {}
        write_json(configuration_file(server, service),
                   {SERVICES[service]: {**_own_parts(server, service), **scopes}})
    process = kea_process(server, service)
    if process.pid() is None:
        # A build must not write into what a running Kea has loaded.
        for source in (f"/usr/sbin/kea-{service}", _NESTOR_HOOK):
            copy = f"{STATE}/bin/{os.path.basename(source)}"
            shutil.copy(source, copy + ".new")
            os.replace(copy + ".new", copy)
        for name in os.listdir(f"{RUN}/{server}"):
            if name.endswith(f"kea-{service}.pid"):
                os.remove(f"{RUN}/{server}/{name}")
    started = process.start()
    wait_until(lambda: kea_answers(server, service) or process.pid() is None, 20,
               f"kea-{service} of {server} answers")
    if process.pid() is None:
        raise Failed(f"kea-{service} of {server} ended\n{process.last_words()}")
    return started


def kea_answers(server, service):
    try:
        return kea_ask(server, service, "status-get")["result"] == 0
    except (OSError, ValueError):
        return False


def kea_ask(server, service, command, arguments=None):
    """Kea's whole answer to one command."""
    request = {"command": command, **({"arguments": arguments} if arguments is not None else {})}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(30)
        channel.connect(control_socket(server, service))
        channel.sendall(json.dumps(request).encode())
        pieces = []
        while piece := channel.recv(1 << 20):
            pieces.append(piece)
    return json.loads(b"".join(pieces))


def ha_state(server, service):
    try:
        status = kea_ask(server, service, "status-get")["arguments"]
        return status["high-availability"][0]["ha-servers"]["local"]["state"]
    except (OSError, ValueError, KeyError, IndexError):
        return "unreachable"
