"""Standalone Keas in whose world a test can make one thing wrong, at the moment of its choice."""
import os

from . import requirements
from .kea_proxy import KeaProxy
from .small_disk import SmallDisk
from .standalone import Standalone, serving_otherwise

LIBRARIES = ("libdhcp_ha.so", "libdhcp_lease_cmds.so")


class Rigged(Standalone):
    """As Standalone, for one service, with of each host:

    proxies     between the agent and its Kea
    disks       a small file system with Kea's file in it
    agent_disks another with the agent's state directory
    hooks       the folder that the agent takes Kea's HA libraries from, which are links there

    The secondary's other configuration serves the clients too.
    """

    def __init__(self, service, **options):
        super().__init__(service, secondary_mirrored={service: serving_otherwise(service)}, **options)
        self.proxies, self.disks, self.agent_disks, self.hooks = {}, {}, {}, {}
        for host in "ab":
            folder, agent = self.host_folder(host), self.agents[host]
            self.disks[host] = self.beside(SmallDisk(f"{folder}/conf", 8))
            self.kea(host).keep_file_in(self.disks[host].folder)
            self.agent_disks[host] = self.beside(SmallDisk(agent.state, 8))
            self.proxies[host] = self.beside(KeaProxy(f"{folder}/proxy.sock", self.kea(host).socket))
            self.hooks[host] = f"{folder}/hooks"
            os.mkdir(self.hooks[host])
            for library in LIBRARIES:
                os.symlink(requirements.hook(library), f"{self.hooks[host]}/{library}")
            agent.config["services"][service].update(
                {"control-socket": f"{folder}/proxy.sock", "hooks-directory": self.hooks[host]})

    def library_away(self, host, library=LIBRARIES[0]):
        path = f"{self.hooks[host]}/{library}"
        os.rename(path, path + ".away")
        return path

    def library_back(self, host, library=LIBRARIES[0]):
        path = f"{self.hooks[host]}/{library}"
        if os.path.lexists(path + ".away"):
            os.replace(path + ".away", path)

    def make_good(self):
        """Whatever was made wrong is not any more."""
        self.network.heal()
        for host in "ab":
            self.proxies[host].behave()
            self.disks[host].free()
            self.agent_disks[host].free()
            for library in LIBRARIES:
                self.library_back(host, library)
