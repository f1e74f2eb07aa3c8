"""Debian hosts: minimal roots made by debootstrap, booted by systemd-nspawn with a systemd of their own.

base() is made once, with the archives of every package that a test installs, so that the hosts need no
network but that between them. Each host is a copy of it in a network namespace.
"""
import glob
import os
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
PACKAGES = os.path.join(ROOT, "build/packages")
FOLDER = os.environ.get("NESTOR_ROOTS", os.path.join(ROOT, "build/roots"))
BASE = os.path.join(FOLDER, "bookworm")
_MIRROR = os.environ.get("NESTOR_MIRROR", "http://deb.debian.org/debian")
# Of Debian, what a host has before Nestor: Kea with what a person types. man-db, since units name man pages.
BEFORE = ("kea-dhcp4-server", "iproute2", "man-db")
_ENVIRONMENT = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
                "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "SYSTEMD_PAGER=cat")


def run(*argv, timeout_s=600, check=True, **options):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=timeout_s,
                          stdin=subprocess.DEVNULL, **options)
    assert not check or done.returncode == 0, f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def wait_until(condition, deadline_s, what):
    """The first true value of condition(); AssertionError with `what`, or what it returns, when it does not come."""
    end = time.monotonic() + deadline_s
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {deadline_s} s: {what() if callable(what) else what}"
        time.sleep(0.1)
    return value


def packages():
    found = sorted(glob.glob(f"{PACKAGES}/*.deb"))
    assert len(found) == 4, f"{PACKAGES} has not the four packages: run deploy/build-packages; it has {found}"
    return found


def say(text):
    print(text, file=sys.stderr, flush=True)


def base():
    """The root that the hosts are copies of; AssertionError where the mirror does not give it."""
    if not os.path.exists(f"{BASE}/.nestor-made"):
        shutil.rmtree(BASE, ignore_errors=True)
        os.makedirs(FOLDER, exist_ok=True)
        say(f"debootstrap bookworm {BASE} (two minutes, the first time)")
        run("debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus", "bookworm", BASE, _MIRROR)
        # The steps of README.md are run by nobody who could say yes.
        with open(f"{BASE}/etc/apt/apt.conf.d/90yes", "w", encoding="utf-8") as file:
            file.write('APT::Get::Assume-Yes "true";\n')
        with open(f"{BASE}/.nestor-made", "w", encoding="utf-8"):
            pass
    _fetch_archives()
    return BASE


def _fetch_archives():
    """Has apt's cache of the base hold all that is installed later."""
    given = f"{BASE}/root/packages"
    shutil.rmtree(given, ignore_errors=True)
    os.makedirs(given)
    for package in packages():
        shutil.copy(package, given)
    shutil.copy("/etc/resolv.conf", f"{BASE}/etc/resolv.conf")
    install = f"install --no-install-recommends {' '.join(BEFORE)} /root/packages/*.deb"
    missing = run("chroot", BASE, "sh", "-c", f"apt-get -qq --print-uris {install}", check=False)
    if missing.returncode != 0 or "http" in missing.stdout:
        run("chroot", BASE, "sh", "-c", f"apt-get -q update && apt-get -qy --download-only {install}")
    shutil.rmtree(given)


class Network:
    """A namespace for each host with eth0 in it, and one of clients in which a bridge joins them."""

    def __init__(self, addresses):
        """addresses: {namespace: [address/prefix of its eth0...]}"""
        self._names = [*addresses, "packages-clients"]
        self.close()
        for name in self._names:
            run("ip", "netns", "add", name)
        run("ip", "-n", "packages-clients", "link", "add", "lan0", "type", "bridge", "forward_delay", "0")
        run("ip", "-n", "packages-clients", "address", "add", "192.0.2.1/24", "dev", "lan0")
        run("ip", "-n", "packages-clients", "link", "set", "lan0", "up")
        for number, (name, its) in enumerate(addresses.items()):
            run("ip", "link", "add", "eth0", "netns", name, "type", "veth", "peer", "name", f"to{number}", "netns",
                "packages-clients")
            run("ip", "-n", "packages-clients", "link", "set", f"to{number}", "master", "lan0", "up")
            for address in its:
                run("ip", "-n", name, "address", "add", address, "dev", "eth0")
            for link in ("lo", "eth0"):
                run("ip", "-n", name, "link", "set", link, "up")

    def close(self):
        there = {line.split()[0] for line in run("ip", "netns", "list").stdout.splitlines() if line.strip()}
        for name in self._names:
            if name in there:
                run("ip", "netns", "del", name)


class Host:
    """A copy of the base, to be booted in the network namespace of its own name. Close it."""

    def __init__(self, name):
        self.name = name
        self.root = os.path.join(FOLDER, name)
        shutil.rmtree(self.root, ignore_errors=True)
        run("cp", "-a", "--reflink=auto", BASE, self.root)
        with open(f"{self.root}/etc/hostname", "w", encoding="utf-8") as file:
            file.write(f"{name}\n")
        self._groups = []
        self._log = self._process = self._init = None

    def boot(self, binds=()):
        """binds: {path in it: path here}, read and write."""
        name = self.name
        argv = ["systemd-nspawn", "--quiet", f"--machine={name}", f"--network-namespace-path=/run/netns/{name}",
                f"--directory={self.root}", "--boot", "--register=no", "--link-journal=no", "--console=pipe"]
        argv += [f"--bind={here}:{there}" for there, here in dict(binds).items()]
        if not os.path.isdir("/run/systemd/system"):
            # Without a systemd here nobody else makes the control groups in which two hosts are apart.
            argv.append("--keep-unit")
            self._groups = [f"{top}/{name}" for top in ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup")
                            if os.path.exists(f"{top}/cgroup.procs")]
        self._log = open(f"{FOLDER}/{name}.log", "wb")
        self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
                                         preexec_fn=self._enter_groups, start_new_session=True)
        self._init = wait_until(self._find_init, 20, self._why)
        wait_until(lambda: self.run("systemctl is-system-running", check=False).stdout.strip() in ("running", "degraded"),
                   60, self._why)
        return self

    def _enter_groups(self):
        for group in self._groups:
            os.makedirs(group, exist_ok=True)
            with open(f"{group}/cgroup.procs", "w", encoding="ascii") as file:
                file.write(str(os.getpid()))

    def _why(self):
        with open(f"{FOLDER}/{self.name}.log", encoding="utf-8", errors="replace") as file:
            return f"{self.name} boots; systemd-nspawn said:\n{file.read()[-2000:]}"

    def _find_init(self):
        """The pid, here, of the host's first process."""
        assert self._process.poll() is None, self._why()
        waiting = [self._process.pid]
        while waiting:
            pid = waiting.pop()
            try:
                with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
                    if any(line.startswith("NSpid:") and line.split()[-1] == "1" and len(line.split()) > 2
                           for line in file):
                        return pid
                with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                    waiting += [int(child) for child in file.read().split()]
            except OSError:
                pass
        return None

    def run(self, script, check=True, timeout_s=180, cwd="/root"):
        """`script` by the host's bash, as root; a step that fails ends it."""
        return run("nsenter", "-t", str(self._init), "-m", "-u", "-i", "-n", "-p", f"--root=/proc/{self._init}/root",
                   "env", "-i", *_ENVIRONMENT, "bash", "-ec", f"cd {cwd}\n{script}", timeout_s=timeout_s, check=check)

    def path(self, inside):
        return self.root + inside

    def copy_in(self, here, inside):
        """Over what is there, whose owner and mode stay."""
        os.makedirs(os.path.dirname(self.path(inside)), exist_ok=True)
        shutil.copyfile(here, self.path(inside))

    def show(self, unit, name):
        """A property of a unit."""
        return self.run(f"systemctl show -P {name} {unit}").stdout.strip()

    def journal(self, unit):
        return self.run(f"journalctl --no-pager -o cat -n 40 -u {unit}", check=False).stdout

    def close(self):
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)  # an orderly shutdown
            try:
                self._process.wait(40)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._log is not None:
            self._log.close()
        for group in self._groups:
            for folder, _, _ in os.walk(group, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    pass
        if not os.environ.get("NESTOR_KEEP"):
            shutil.rmtree(self.root, ignore_errors=True)
