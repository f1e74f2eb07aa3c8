"""Configurations the tests begin with."""
from . import network, requirements

HA_PORT = {"dhcp4": 8000, "dhcp6": 8006}


def subnets(service):
    """The member that holds a service's subnets."""
    return {"dhcp4": "subnet4", "dhcp6": "subnet6"}[service]


def hook_socket(service, folder):
    """Where the agent listens to the hook library."""
    return f"{folder}/{service}-hook.sock"


def ha_url(service, host):
    """Where the Kea of `host` listens for its HA partner."""
    return f"http://{network.LINK[host]}:{HA_PORT[service]}/"


def own_parts(service, name, host, folder, ha=None, heartbeat_ms=1000, hook=False):
    """The members of a configuration that belong to the server `name` on `host` ("a", "b", "d").

    hook: libdhcp_nestor.so is loaded.
    """
    # The interfaces differ between the servers, as they do in life: mirrored, they would do harm.
    interfaces = ["cl0"] if host == "a" else ["cl0", "link0"]
    parts = {
        "interfaces-config": {"interfaces": interfaces, "re-detect": host == "a"},
        "control-socket": {"socket-type": "unix", "socket-name": f"{folder}/{service}.sock"},
        "lease-database": {"type": "memfile", "persist": True, "lfc-interval": 0,
                           "name": f"{folder}/{service}.leases"},
        "loggers": [{"name": f"kea-{service}", "severity": "INFO",
                     "output_options": [{"output": f"{folder}/{service}.log", "flush": True,
                                         "maxsize": 0}]}],
    }
    if service == "dhcp6":
        parts["data-directory"] = folder
        place = network.HOSTS.index(host)
        parts["server-id"] = {"type": "LLT", "htype": 1, "persist": False, "enterprise-id": 0,
                              "time": 1000 * (place + 1), "identifier": f"0A0B0C0D0E{15 + place:02X}"}
    libraries = []
    if hook:
        libraries.append({"library": requirements.nestor_hook(),
                          "parameters": {"socket": hook_socket(service, folder)}})
    if ha:
        parts["multi-threading"] = {"enable-multi-threading": True, "thread-pool-size": 2,
                                    "packet-queue-size": 64}
        libraries += [
            {"library": requirements.hook("libdhcp_lease_cmds.so")},
            {"library": requirements.hook("libdhcp_ha.so"),
             "parameters": {"high-availability": [_ha(service, name, ha, heartbeat_ms)]}}]
    if libraries:
        parts["hooks-libraries"] = libraries
    return parts


def _ha(service, name, mode, heartbeat_ms):
    second = "standby" if mode == "hot-standby" else "secondary"
    return {
        "this-server-name": name, "mode": mode,
        "heartbeat-delay": heartbeat_ms, "max-response-delay": 5 * heartbeat_ms,
        "max-ack-delay": 5000, "max-unacked-clients": 5, "sync-page-limit": 1000,
        "multi-threading": {"enable-multi-threading": True, "http-dedicated-listener": True,
                            "http-listener-threads": 2, "http-client-threads": 2},
        "peers": [
            {"name": "kea-a", "role": "primary", "auto-failover": True,
             "url": ha_url(service, "a")},
            {"name": "kea-b", "role": second, "auto-failover": True,
             "url": ha_url(service, "b")}]}


def served_subnet(service, ha=None):
    """The subnet perfdhcp asks in."""
    if service == "dhcp4":
        pools = [{"pool": "10.0.1.0 - 10.0.150.255"}]
        if ha == "load-balancing":
            pools = [{"pool": "10.0.1.0 - 10.0.75.255", "client-class": "HA_kea-a"},
                     {"pool": "10.0.76.0 - 10.0.150.255", "client-class": "HA_kea-b"}]
        return {"id": 1, "subnet": "10.0.0.0/16", "pools": pools}
    pools = [{"pool": "2001:db8:1::1:0 - 2001:db8:1::f:ffff"}]
    if ha == "load-balancing":
        pools = [{"pool": "2001:db8:1::1:0 - 2001:db8:1::7:ffff", "client-class": "HA_kea-a"},
                 {"pool": "2001:db8:1::8:0 - 2001:db8:1::f:ffff", "client-class": "HA_kea-b"}]
    return {"id": 1, "subnet": "2001:db8:1::/64", "interface": "cl0", "pools": pools}


def serving(service, ha=None):
    """What is mirrored of a small configuration that serves perfdhcp."""
    return {"valid-lifetime": 600, "renew-timer": 200, "rebind-timer": 400,
            subnets(service): [served_subnet(service, ha)]}
