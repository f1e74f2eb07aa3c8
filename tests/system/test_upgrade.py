#!/usr/bin/python3
"""The version before and this one: together, in each other's place, and with each other's state.

NESTOR_PREVIOUS: the folder of the previous version's programs, its library beside it in lib.
"""
import json
import os

from harness import keaconf, processes, requirements
from harness.case import SystemTest, main
from harness.pair import NAMES, Pair
from harness.waiting import wait_until

PREVIOUS = os.environ.get("NESTOR_PREVIOUS", "")
SERVICES = ("dhcp4", "dhcp6")
HOSTS = {name: host for host, name in NAMES.items()}


def previous(program):
    return os.path.join(PREVIOUS, program)


class UpgradeTest(SystemTest):

    def start(self):
        """A pair all of the previous version, with changes in its journal."""
        self.pair = self.own(Pair(services=SERVICES))
        self.lifetime = 1000
        for kea in self.pair.keas.values():
            self.load(kea, os.path.join(os.path.dirname(PREVIOUS), "lib/libdhcp_nestor.so"))
        for agent in self.pair.agents.values():
            self.take(agent, previous)
        self.pair.start()
        self.change()

    @staticmethod
    def take(agent, folder):
        """Its program of a version: previous, or requirements.program. Names that are new in this one's configuration come
        with this one."""
        agent.process.argv[0] = folder(os.path.basename(agent.process.argv[0]))
        for service, its in agent.config["services"].items():
            its.pop("ha-url", None)
            if folder is not previous:
                its["ha-url"] = keaconf.ha_url(service, HOSTS[agent.name])

    @staticmethod
    def load(kea, library):
        for one in kea.config[kea.root]["hooks-libraries"]:
            if one["library"].endswith("libdhcp_nestor.so"):
                one["library"] = library

    def change(self):
        """A change of each service arrives, by reload and by object command."""
        self.lifetime += 1
        for service in SERVICES:
            self.pair.change(lambda members: members.update({"valid-lifetime": self.lifetime}), service)

    def versions(self):
        """Of both agents, by their metrics."""
        found = {}
        for host, agent in self.pair.agents.items():
            line = next(line for line in agent.http_get("/metrics")[1].splitlines()
                        if line.startswith("nestor_agent_info{"))
            found[host] = line.split('version="')[1].split('"')[0]
        return found

    def upgrade(self, host):
        """This version in the place of the one before; all is in step again, and stays."""
        agent = self.pair.agents[host]
        agent.stop()
        self.take(agent, requirements.program)
        self.change_unseen()
        agent.start()
        for service in SERVICES:
            self.wait_until_ok(service)
            self.pair.assert_same(service)
        self.change()
        self.ask()

    def change_unseen(self):
        """While one of the agents is away."""
        self.lifetime += 1
        for service in SERVICES:
            self.pair.change(lambda members: members.update({"valid-lifetime": self.lifetime}), service, settle=False)

    def wait_until_ok(self, service):
        wait_until(lambda: (self.pair.status(service) or {}).get("state") == "OK"
                   and self.pair.kea("b", service).running()["valid-lifetime"] == self.lifetime, 30,
                   lambda: f"{service} is OK: {self.pair.status(service)}")

    def ask(self):
        """Both versions of nestorctl are understood by whichever agent."""
        for agent in self.pair.agents.values():
            for program in (requirements.program("nestorctl"), previous("nestorctl")):
                for verb in (("status",), ("history", "east4"), ("relationship", "list"), ("diff", "east4")):
                    code, out, err = processes.run(
                        [program, "--agent", f"ipc://{agent.operator_socket}", "--json", *verb], check=False)
                    self.assertEqual(code, 0, f"{program} {verb} at {agent.name}: {out}{err}")
                    self.assertTrue(out.strip())

    def changes_known(self, agent):
        return [entry["sequence"] for entry in agent.history("east4") if entry["what"] == "change"]

    def both_in_this_order(self, order):
        self.start()
        old, = set(self.versions().values())
        known = {host: self.changes_known(agent) for host, agent in self.pair.agents.items()}
        self.upgrade(order[0])
        mixed = self.versions()
        self.assertEqual(mixed[order[1]], old)
        self.assertNotEqual(mixed[order[0]], old)
        self.upgrade(order[1])
        self.assertEqual(len(set(self.versions().values())), 1)
        for host, agent in self.pair.agents.items():
            self.assertTrue(known[host])
            self.assertEqual(self.changes_known(agent)[:len(known[host])], known[host], "no history was lost")

    def test_the_secondary_first(self):
        self.both_in_this_order("ba")
        self.new_library()
        self.old_programs_leave_new_state_alone()

    def test_the_primary_first(self):
        self.both_in_this_order("ab")

    def new_library(self):
        """Each Kea is started with this version's, from the file that it would start from."""
        for kea in self.pair.keas.values():
            kea.stop()
            with open(kea.file, encoding="utf-8") as file:
                kea.config = {kea.root: json.load(file)[kea.root]}
            self.load(kea, requirements.nestor_hook())
            kea.start()
        for service in SERVICES:
            self.wait_until_ok(service)
        self.change()

    def old_programs_leave_new_state_alone(self):
        for agent in self.pair.agents.values():
            agent.stop()
            before = self.contents(agent)
            self.take(agent, previous)
            agent.write_file()
            agent.process.start()
            wait_until(lambda agent=agent: not agent.process.alive(), 10, "the old program refuses the new state")
            self.assertEqual(agent.process.exit_code(), 69)
            self.assertIn("a newer version of Nestor wrote it (schema", agent.process.log_text())
            self.assertEqual(self.contents(agent), before)
            self.take(agent, requirements.program)
            agent.start()
        for service in SERVICES:
            self.wait_until_ok(service)

    @staticmethod
    def contents(agent):
        found = {}
        for name in sorted(os.listdir(agent.state)):
            if name.endswith(".db"):
                with open(os.path.join(agent.state, name), "rb") as file:
                    found[name] = file.read()
        return found


if __name__ == "__main__":
    assert os.access(previous("nestor-primary-agent"), os.X_OK), \
        "NESTOR_PREVIOUS is not the folder of the previous version's programs; tests/run upgrade builds them"
    main(limit_s=300)
