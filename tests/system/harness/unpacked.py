"""Other versions of Kea, each unpacked by tests/system/unpack-kea into a folder of its own."""
import os
import subprocess

# In a mount namespace of its own, so that nothing is left behind. The test's folder has the same path
# inside as outside: the agents find there what Kea says it has.
_ENTER = '''set -e
root=$1 folder=$2; shift 2
mkdir -p "$root/$folder" "$root/dev" "$root/proc"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount --bind "$folder" "$root/$folder"
exec chroot "$root" "$@"'''


def argv(root, folder, *command):
    """`command` as it runs of the Kea in `root`, with `folder` visible; None: of the installed one."""
    if root is None:
        return list(command)
    return ["unshare", "-m", "sh", "-c", _ENTER, "sh", root, folder, *command]


def environment(folder):
    """Where newer Keas may have what the tests give them; the installed one knows the first two."""
    return {name: folder for name in (
        "KEA_PIDFILE_DIR", "KEA_LOCKFILE_DIR", "KEA_CONTROL_SOCKET_DIR", "KEA_DHCP_DATA_DIR",
        "KEA_LOG_FILE_DIR")}


def version(root):
    """"2.6.3" of the Kea in `root`."""
    done = subprocess.run(["chroot", root, "kea-dhcp4", "-v"], capture_output=True, text=True, check=True)
    return done.stdout.split()[0]


def roots():
    """{"2.6": folder...} of those that NESTOR_KEAS names, separated by colons."""
    found = {}
    for root in filter(None, os.environ.get("NESTOR_KEAS", "").split(":")):
        found[version(root).rsplit(".", 1)[0]] = os.path.realpath(root)
    return found
