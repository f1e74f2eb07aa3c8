#!/usr/bin/python3
"""The link between the servers is cut, lossy, slow, or repeats: said in time, and healed in time."""
import os
import time

from harness.agent import Agent, seconds
from harness.case import SystemTest, main
from harness.pair import Pair
from harness.waiting import holds_for, wait_until

_SAID_WITHIN_S, _HEALED_WITHIN_S = 4.0, 15.0


class NetworkTest(SystemTest):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pair = cls.own_for_class(Pair(disturbable=True))
        cls.pair.start()
        cls._number = 0

    def tearDown(self):
        self.pair.network.heal()
        self.pair.network.calm()
        self._wait_ok(40)

    def _state(self, agent):
        status = agent.status(self.pair.relationship())
        return (status["state"], status["reasons"]) if status else ("NONE", [])

    def _wait_ok(self, deadline_s):
        for agent in (self.pair.primary, self.pair.secondary):
            wait_until(lambda: self._state(agent)[0] == "OK", deadline_s,
                       lambda: f"{agent.name} says OK: {self._state(agent)}")

    def _truthful(self):
        """Each agent says OK on news that is fresh, or what is wrong."""
        return all(self._is_truthful(agent) for agent in self.pair.agents.values())

    def _is_truthful(self, agent):
        asked = time.time()
        status = agent.status(self.pair.relationship())
        if status["state"] != "OK":
            return bool(status["reasons"])
        peer = status["secondary" if agent is self.pair.primary else "primary"]
        return asked - seconds(peer["as_of"]) < _SAID_WITHIN_S

    def _stays_truthful(self, for_s=_SAID_WITHIN_S):
        holds_for(self._truthful, for_s, lambda: "OK on old news, or no word of what is wrong: "
                  f"{[agent.ctl('status')[1] for agent in self.pair.agents.values()]}")

    def _say_impaired_within(self, deadline_s):
        end = time.monotonic() + deadline_s
        for agent in (self.pair.primary, self.pair.secondary):
            wait_until(lambda: self._state(agent)[0] != "OK" and self._state(agent)[1],
                       max(0, end - time.monotonic()),
                       lambda: f"{agent.name} says what is wrong: {self._state(agent)}")

    def _change(self, **options):
        """A change nobody else makes."""
        type(self)._number += 1

        def mutate(members):
            members["user-context"] = {"number": self._number}
        self.pair.change(mutate, **options)

    def _arrived(self):
        running = self.pair.kea("b").running()
        return running.get("user-context", {}).get("number") == self._number

    def _cut_and_heal(self, cut, heal):
        self._wait_ok(10)
        cut()
        self._say_impaired_within(_SAID_WITHIN_S)
        self._change(settle=False)
        heal()
        self._wait_ok_and_equal(_HEALED_WITHIN_S)

    def _wait_ok_and_equal(self, deadline_s):
        end = time.monotonic() + deadline_s
        wait_until(self._arrived, deadline_s, "the change arrives")
        self._wait_ok(max(0, end - time.monotonic()))
        self.pair.settle(deadline_s=2)
        self.pair.assert_same()

    def test_packets_vanish(self):
        self._cut_and_heal(self.pair.network.cut, self.pair.network.heal)

    def test_the_link_goes_down(self):
        self._cut_and_heal(self.pair.network.link_down, self.pair.network.link_up)

    def test_cut_again_and_again(self):
        for _ in range(3):
            self.pair.network.cut()
            self._say_impaired_within(_SAID_WITHIN_S)
            self._change(settle=False)
            self.pair.network.heal()
            self._wait_ok_and_equal(_HEALED_WITHIN_S)

    def test_a_third_of_the_packets_is_lost(self):
        self.pair.network.disturb(loss=0.3)
        self._change(settle=False)
        self._change(how="set", settle=False)
        self._stays_truthful()
        # With luck it arrives even so; when the link is whole it must.
        self.pair.network.calm()
        self._wait_ok_and_equal(_HEALED_WITHIN_S)

    def test_lossy_for_long(self):
        self.pair.network.disturb(loss=0.3)
        for _ in range(4):
            self._change(settle=False)
            self._stays_truthful(2)
        self.pair.network.calm()
        self._wait_ok_and_equal(_HEALED_WITHIN_S)

    def test_a_slow_link_is_enough(self):
        self.pair.network.disturb(delay_s=0.2)
        self._change(deadline_s=15)
        self._stays_truthful(2)
        self._wait_ok(5)

    def test_repeated_and_reordered_packets_do_no_harm(self):
        self.pair.network.disturb(repeat=0.5, delay_s=0.01, spread_s=0.02)
        for _ in range(3):
            self._change(deadline_s=15)
        self._stays_truthful(2)
        self._wait_ok(5)

    def test_a_second_agent_of_the_same_name_does_no_harm(self):
        """The same configuration started twice on the secondary: what is set is the primary's head,
        whichever of the two sets it, and the primary takes neither for another publisher."""
        twin = Agent("secondary", "kea-b", self.pair.host_folder("b"), self.pair.network["b"], [],
                     {}, None)
        twin.config = dict(self.pair.secondary.config,
                           **{"state-directory": f"{self.pair.folder}/twin-state",
                              "operator-socket": f"{self.pair.folder}/twin.sock",
                              "http": "127.0.0.1:5590",
                              "services": {self.pair.kea("b").service: {
                                  "control-socket": self.pair.kea("b").socket}}})
        twin.file = f"{self.pair.folder}/twin.json"
        twin.operator_socket = twin.config["operator-socket"]
        twin.process.argv[-1] = twin.file
        twin.process.log = f"{self.pair.folder}/twin.log"
        os.makedirs(twin.config["state-directory"], mode=0o700)
        twin.start()
        self.pair.beside(_Stops(twin))
        head = self.pair.head()
        for _ in range(2):
            self._change(settle=False)
            wait_until(self._arrived, 20, "the change arrives beside a twin")
            self.pair.assert_same()
            self._stays_truthful(1)
        mirror = self.pair.settle(above=head + 1)["mirror"]
        self.assertEqual(mirror["publisher_state"], "SERVE")
        twin.stop()
        self._change(settle=False)
        self._wait_ok_and_equal(_HEALED_WITHIN_S)


class _Stops:
    """close() of an agent that is not the pair's own."""

    def __init__(self, agent):
        self.close = agent.stop


if __name__ == "__main__":
    main(limit_s=230)
