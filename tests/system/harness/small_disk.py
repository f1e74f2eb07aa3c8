"""A file system that a test can fill."""
import errno
import os
import subprocess

_SOURCE = "nstdisk"


def _do(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr.strip()}"


def remove_leftovers():
    """Takes those of test runs that were killed away; those of running ones stay."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        mounted = [line.split()[:2] for line in mounts]
    for source, folder in mounted:
        owner = source.removeprefix(_SOURCE)
        if owner != source and not os.path.exists(f"/proc/{owner}"):
            subprocess.run(["umount", "-l", folder], capture_output=True, check=False)


class SmallDisk:
    """`mib` at `folder`, which is made, until close()."""

    def __init__(self, folder, mib):
        remove_leftovers()
        self.folder = folder
        self._ballast = f"{folder}/.ballast"
        os.makedirs(folder, exist_ok=True)
        _do("mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=700", f"{_SOURCE}{os.getpid()}", folder)

    def fill(self, leave_kib=0):
        """Leaves so much free. What is written already stays."""
        with open(self._ballast, "wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(4096))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
            ballast.truncate(max(0, os.path.getsize(self._ballast) - 1024 * leave_kib))

    def free(self):
        if os.path.exists(self._ballast):
            os.remove(self._ballast)

    def read_only(self, is_so):
        _do("mount", "-o", f"remount,{'ro' if is_so else 'rw'}", self.folder)

    def close(self):
        subprocess.run(["umount", "-l", self.folder], capture_output=True, check=False)
