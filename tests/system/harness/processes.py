"""One process of the system under test, with its log, signals and memory figures."""
import ctypes
import os
import signal
import subprocess
import time

from . import network

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    """Runs in the child: a test that is killed leaves no process behind."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """Starts `argv` in the network namespace `netns` (None: this one), output appended to `log`.

    Start from the main thread only: the child dies with the thread that made it.
    """

    def __init__(self, name, argv, log, netns=None, env=None):
        self.name = name
        self.argv = list(argv)
        self.log = log
        self.netns = netns
        self.env = dict(os.environ, **(env or {}))
        self._child = None

    def start(self):
        assert not self.alive(), f"{self.name} runs already"
        with open(self.log, "ab") as output, network.inside(self.netns):
            self._child = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=self.env,
                preexec_fn=_die_with_parent)
        return self

    @property
    def pid(self):
        return self._child.pid if self._child else None

    def alive(self):
        return self._child is not None and self._child.poll() is None

    def exit_code(self):
        """None while it runs; negative: the signal that ended it."""
        return self._child.poll() if self._child else None

    def signal(self, number):
        if self.alive():
            os.kill(self.pid, number)

    def kill(self):
        """kill -9, and waits for the end."""
        if self._child is None:
            return
        self.signal(signal.SIGKILL)
        self._child.wait(10)

    def terminate(self, deadline_s=10):
        """SIGTERM; the exit code. Killed, and AssertionError, where it does not end in time."""
        if self._child is None:
            return None
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            return self._child.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {deadline_s} s of SIGTERM")

    def end(self):
        """Ends it by whatever works. For cleaning up; raises nothing."""
        if not self.alive():
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self._child.wait(3)
        except subprocess.TimeoutExpired:
            self.kill()

    def suspend(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def _status_kib(self, field):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith(field + ":"):
                    return int(line.split()[1])
        raise AssertionError(f"{self.name}: no {field} in /proc/{self.pid}/status")

    def rss_kib(self):
        return self._status_kib("VmRSS")

    def peak_rss_kib(self):
        return self._status_kib("VmHWM")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def log_text(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def tail(self, lines=40):
        state = "runs" if self.alive() else f"ended with {self.exit_code()}"
        text = "\n".join(self.log_text().splitlines()[-lines:])
        return f"---- {self.name} ({state}) {self.log}\n{text}\n"


def run(argv, netns=None, timeout_s=60, check=True, input_text=None):
    """Runs a command to its end: (exit code, stdout, stderr). AssertionError where check fails."""
    with network.inside(netns):
        child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
    try:
        out, err = child.communicate(input_text, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        child.kill()
        out, err = child.communicate()
        raise AssertionError(f"{' '.join(argv)}: no end within {timeout_s} s\n{out}\n{err}")
    if check and child.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: exit {child.returncode}\n{out}\n{err}")
    return child.returncode, out, err


def monotonic_ms():
    return int(time.monotonic() * 1000)
