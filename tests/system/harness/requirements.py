"""What must be on the machine. Missing: the test fails and says so; it is never skipped."""
import glob
import os
import shutil
import sys

_PROGRAMS = ["kea-dhcp4", "kea-dhcp6", "perfdhcp", "ip", "tc", "nft", "sysctl", "protoc",
             "jq", "valgrind", "prometheus", "promtool"]
_AGENTS = ["nestor-primary-agent", "nestor-secondary-agent", "nestorctl"]
_HOOKS = "/usr/lib/x86_64-linux-gnu/kea/hooks"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def bin_dir():
    """Where the agents are: $NESTOR_BIN, or the release build."""
    return os.environ.get("NESTOR_BIN") or os.path.join(ROOT, "build/release/bin")


def program(name):
    return os.path.join(bin_dir(), name)


def hook(name):
    """The path of one of Kea's hook libraries."""
    for folder in (_HOOKS, "/usr/lib/kea/hooks", "/usr/lib/aarch64-linux-gnu/kea/hooks"):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return path
    raise AssertionError(f"Kea's hook library {name} is missing")


def nestor_hook():
    """The path of the hook library that was built."""
    return os.path.join(os.path.dirname(bin_dir()), "lib", "libdhcp_nestor.so")


def fake_time():
    """What a process is started with whose clock is to be wrong: libfaketime."""
    found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    assert found, "libfaketime is missing"
    return found[0]


def check(agents=True):
    """Exits with 1, naming what is missing, unless everything is there."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if os.geteuid() != 0:
        missing.append("the rights of root (network namespaces)")
    if agents and not os.path.exists(nestor_hook()):
        missing.append(nestor_hook())
    if agents:
        missing += [program(name) for name in _AGENTS if not os.access(program(name), os.X_OK)]
    for module in ("zmq", "google.protobuf"):
        try:
            __import__(module)
        except ImportError:
            missing.append(f"the Python module {module}")
    if missing:
        print("the system tests need: " + ", ".join(missing), file=sys.stderr)
        sys.exit(1)
