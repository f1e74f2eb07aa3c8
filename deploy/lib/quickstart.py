"""The rest of deploy/quickstart, once packages and programs are there: the pair, up and down."""
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import time

import kea_pair
from kea_pair import HOSTS, LINK, RUN, SERVICES, STATE, Failed, Process, wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = f"{ROOT}/build/release/bin"
PRIMARY, SECONDARY = "kea-a", "kea-b"
RELATIONSHIP = {"dhcp4": "east4", "dhcp6": "east6"}
OPERATOR_SOCKET = {PRIMARY: f"{RUN}/primary-agent.sock", SECONDARY: f"{RUN}/secondary-agent.sock"}
_began = time.monotonic() - float(os.environ.get("NESTOR_QUICKSTART_SECONDS", "0"))

TRY = """
The pair is running. kea-a is the primary, kea-b the standby; try:

  {q} ctl status                    how the mirror does
  {q} ctl watch                     every change, acknowledgement and state as it happens
  {q} ctl history east4             what was mirrored, when, and how it ended
  edit {state}/kea-a/dhcp4.conf, then
  {q} kea kea-a dhcp4 config-reload and see it arrive on kea-b:
  {q} kea kea-b dhcp4 config-get
  {q} clients dhcp4                 a hundred DHCP clients (also: dhcp6)
  {q} kill kea-b secondary-agent    then look at the status, and run {q} again
  {q} down                          removes all of it

Files and logs: {state}    Metrics: ip netns exec nestor-a curl http://127.0.0.1:5580/metrics
"""


class Misused(Exception):
    pass


def say(text):
    print(f"[{time.monotonic() - _began:3.0f} s] {text}", flush=True)


# ---------------------------------------------------------------------- agents


def agent_process(server):
    role = "primary" if server == PRIMARY else "secondary"
    return Process(f"{role}-agent", server,
                   [f"{BIN}/nestor-{role}-agent", "--config", f"{STATE}/{server}/{role}-agent.json"])


def ctl(*verb, server=PRIMARY):
    """nestorctl's process, done, with what it printed."""
    return subprocess.run([f"{BIN}/nestorctl", "--agent", f"ipc://{OPERATOR_SOCKET[server]}", *verb],
                          capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def make_keys():
    """A key pair for each agent; each knows the other's public one. Existing keys stay."""
    for server in HOSTS:
        folder = f"{STATE}/{server}/keys"
        os.makedirs(f"{folder}/authorized.d", mode=0o700, exist_ok=True)
        if not os.path.exists(f"{folder}/{server}.public"):
            done = subprocess.run([f"{BIN}/nestorctl", "keygen", server], cwd=folder, text=True,
                                  capture_output=True, check=False, stdin=subprocess.DEVNULL)
            if done.returncode != 0:
                raise Failed(f"nestorctl keygen {server}: {done.stderr.strip()}")
    shutil.copy(f"{STATE}/{PRIMARY}/keys/{PRIMARY}.public", f"{STATE}/{SECONDARY}/keys/")
    with open(f"{STATE}/{SECONDARY}/keys/{SECONDARY}.public", encoding="utf-8") as file:
        public = file.read()
    with open(f"{STATE}/{PRIMARY}/keys/authorized.d/{SECONDARY}.public", "w", encoding="utf-8") as file:
        file.write(public.rstrip("\n") + "\nrights: subscribe replicate\n")


def agent_configuration(server):
    folder = f"{STATE}/{server}"
    endpoints = {"events": ":5570", "control": ":5571"}
    config = {
        "server-name": server,
        "services": {service: {"control-socket": kea_pair.control_socket(server, service),
                               "hook-socket": kea_pair.hook_socket(server, service)}
                     for service in SERVICES},
        "security": {"secret-key-file": f"{folder}/keys/{server}.secret",
                     "authorized-keys": f"{folder}/keys/authorized.d"},
        "operator-socket": OPERATOR_SOCKET[server],
        "state-directory": f"{folder}/state",
        "http": "127.0.0.1:5580" if server == PRIMARY else "127.0.0.1:5581",
        "log-level": "info",
    }
    addresses = {name: f"tcp://{LINK[PRIMARY]}{port}" for name, port in endpoints.items()}
    if server == PRIMARY:
        config["bus"] = addresses
    else:
        config["primary"] = {**addresses, "public-key-file": f"{folder}/keys/{PRIMARY}.public"}
    return config


def agent_up(server):
    """Starts it, or starts it anew where it was built anew."""
    process = agent_process(server)
    os.makedirs(f"{STATE}/{server}/state", mode=0o700, exist_ok=True)
    kea_pair.write_json(process.argv[-1], agent_configuration(server))
    if process.outdated():
        say(f"{server}: {process.name} was built anew, starting it anew")
        process.stop()
    process.start()
    wait_until(lambda: process.pid() is None or ctl("relationship", "list", server=server).returncode == 0,
               20, f"{process.name} of {server} answers nestorctl (log: {process.log})")
    if process.pid() is None:
        raise Failed(f"{process.name} of {server} ended\n{process.last_words()}")


# ---------------------------------------------------------------------- the mirror


def mirror(service):
    """(status, its "mirror") of the service's relationship; (None, {}) where there is none."""
    done = ctl("--json", "status", RELATIONSHIP[service])
    try:
        found = json.loads(done.stdout).get("relationships", [])
    except ValueError:
        found = []
    return (found[0], found[0].get("mirror", {})) if found else (None, {})


def adopt(service):
    name = RELATIONSHIP[service]
    if mirror(service)[0] is not None:
        say(f"{name}: was adopted before")
        return
    done = ctl("relationship", "adopt", name, "--service", service, "--secondary", SECONDARY)
    if done.returncode != 0:
        raise Failed(f"nestorctl relationship adopt {name}: {(done.stderr or done.stdout).strip()}")
    say(f"{name}: adopted")


def wait_for_equality(service, above=-1):
    def equal():
        now = mirror(service)[1]
        head = int(now.get("head", 0))
        return now if (now.get("digest_equal") and int(now.get("applied", 0)) == head > above) else None
    try:
        return wait_until(equal, 60, f"{RELATIONSHIP[service]}: kea-b has what kea-a has")
    except Failed as problem:
        raise Failed(f"{problem}\n{ctl('status').stdout}\nlogs: {STATE}/kea-*/*agent.log") from problem


def subnet_of(number):
    return f"10.{number}.0.0/16"


def edit_primary():
    """Adds a subnet to the primary's file, as an administrator would; its number."""
    path = kea_pair.configuration_file(PRIMARY, "dhcp4")
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    subnets = config["Dhcp4"].setdefault("subnet4", [])
    number = max((subnet["id"] for subnet in subnets), default=0) + 1
    subnets.append({"id": number, "subnet": subnet_of(number),
                    "pools": [{"pool": f"10.{number}.1.0 - 10.{number}.200.255"}]})
    kea_pair.write_json(path, config)
    return number


def show_a_change():
    """One subnet written into the primary's file arrives on the secondary, seen by `watch`."""
    head = int(mirror("dhcp4")[1].get("head", 0))
    watch = subprocess.Popen([f"{BIN}/nestorctl", "--agent", f"ipc://{OPERATOR_SOCKET[PRIMARY]}",
                              "watch", RELATIONSHIP["dhcp4"], "--kind", "change,ack,state"],
                             stdin=subprocess.DEVNULL)
    try:
        number = edit_primary()
        say(f"kea-a: subnet {subnet_of(number)} (id {number}) written into "
            f"{kea_pair.configuration_file(PRIMARY, 'dhcp4')}, config-reload; nestorctl watch:")
        answer = kea_pair.kea_ask(PRIMARY, "dhcp4", "config-reload")
        if answer["result"] != 0:
            raise Failed(f"kea-a refused its file: {answer['text']}")
        began = time.monotonic()
        wait_for_equality("dhcp4", above=head)
        took = time.monotonic() - began
        time.sleep(0.5)  # for the watcher's last lines
    finally:
        watch.terminate()
        watch.wait()
    there = kea_pair.kea_ask(SECONDARY, "dhcp4", "config-get")["arguments"]["Dhcp4"]["subnet4"]
    if not any(subnet["id"] == number for subnet in there):
        raise Failed(f"kea-b does not have subnet {subnet_of(number)}\nlogs: {STATE}/kea-*/*agent.log")
    say(f"kea-b has {subnet_of(number)}, verified and acknowledged {took:.1f} s after the reload")


def leases(service, count=10):
    """How many of `count` DHCP clients end up with a lease."""
    done = kea_pair.run(*clients_argv(service, count), check=False)
    received = re.findall(r"received packets: (\d+)", done.stdout)
    if len(received) != 2:
        raise Failed(f"perfdhcp: {(done.stderr or done.stdout).strip()}")
    return int(received[1])


def wait_for_ha():
    for service in SERVICES:
        wait_until(lambda s=service: {kea_pair.ha_state(server, s) for server in HOSTS} == {"hot-standby"},
                   60, f"the {service} pair reaches hot-standby (logs: {STATE}/kea-*/kea-{service}.log)")


# ---------------------------------------------------------------------- verbs


def everything():
    """Every process of the quickstart, agents first."""
    return [agent_process(server) for server in HOSTS] + [
        kea_pair.kea_process(server, service) for server in HOSTS for service in SERVICES]


def up():
    fresh = not os.path.exists(kea_pair.configuration_file(SECONDARY, "dhcp4"))
    for folder in (STATE, RUN):
        os.makedirs(folder, mode=0o700, exist_ok=True)
    say("network: namespaces nestor-a, nestor-b and nestor-clients "
        + ("made" if kea_pair.network_up() else "are there"))
    for server in HOSTS:
        for service in SERVICES:
            started = kea_pair.kea_up(server, service)
            say(f"{server}: kea-{service} " + ("started" if started else "runs"))
    wait_for_ha()
    say("HA: both pairs are in hot-standby")
    if fresh:
        say(f"clients: {leases('dhcp4')} of 10 get a DHCPv4 lease. HA mirrors leases, not configurations:")
        say("         kea-b has no subnet yet, refuses kea-a's lease updates, and so kea-a acknowledges none")
    make_keys()
    for server in HOSTS:
        agent_up(server)
        say(f"{server}: {agent_process(server).name} runs")
    for service in SERVICES:
        adopt(service)
    for service in SERVICES:
        wait_for_equality(service)
        say(f"{RELATIONSHIP[service]}: kea-b has what kea-a has (digests equal)")
    wait_for_ha()
    say(f"clients: {leases('dhcp4')} of 10 get a DHCPv4 lease, {leases('dhcp6')} of 10 a DHCPv6 one")
    show_a_change()
    print(ctl("status").stdout, flush=True)
    print(TRY.format(q="deploy/quickstart", state=STATE), flush=True)


def down():
    stopped = [f"{process.name}" for process in everything() if process.stop()]
    say("stopped: " + (", ".join(stopped) or "nothing was running"))
    kea_pair.network_down()
    for folder in (STATE, RUN):
        shutil.rmtree(folder, ignore_errors=True)
    say(f"removed: the namespaces, {STATE}, {RUN}. Packages and {ROOT}/build stay.")


def check(value, known):
    if value not in known:
        raise Misused(f"{value} is none of {', '.join(known)}")


def kea(server, service, command, arguments=None):
    check(server, (PRIMARY, SECONDARY))
    check(service, SERVICES)
    try:
        given = [] if arguments is None else [json.loads(arguments)]
    except ValueError as error:
        raise Misused(f"{arguments} is no JSON: {error}")
    answer = kea_pair.kea_ask(server, service, command, *given)
    print(json.dumps(answer, indent=2))
    return answer["result"]


def clients_argv(service, count):
    options = ["-4"] if service == "dhcp4" else ["-6", "-e", "address-only"]
    return ["ip", "netns", "exec", kea_pair.CLIENTS, "perfdhcp", *options, "-r", "20",
            "-n", str(count), "-R", "100", "-u", "-W", "1000000", "-l", "lan0"]


def clients(service="dhcp4"):
    check(service, SERVICES)
    os.execvp("ip", clients_argv(service, 100))


def kill(server, name):
    for process in everything():
        if process.name == name and f"/{server}/" in process.log:
            return 0 if process.stop() else 1
    raise Failed(f"no {name} on {server}\nthere are: kea-dhcp4, kea-dhcp6 on both, primary-agent on kea-a, "
                 "secondary-agent on kea-b")


def nestorctl(*verb):
    os.execv(f"{BIN}/nestorctl", ["nestorctl", "--agent", f"ipc://{OPERATOR_SOCKET[PRIMARY]}", *verb])


VERBS = {"up": up, "down": down, "kea": kea, "clients": clients, "kill": kill, "ctl": nestorctl}


def misused(text):
    print(f"quickstart: {text}\nsee: deploy/quickstart help", file=sys.stderr)
    return 64


def main():
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    verb, *arguments = sys.argv[1:]
    try:
        inspect.signature(VERBS[verb]).bind(*arguments)
    except TypeError as error:
        sys.exit(misused(f"{verb}: {error}"))
    try:
        sys.exit(VERBS[verb](*arguments))
    except Misused as error:
        sys.exit(misused(error))
    except (Failed, OSError) as problem:
        text = str(problem).replace("\n", "\n        ")
        print(f"[{time.monotonic() - _began:3.0f} s] failed: {text}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
