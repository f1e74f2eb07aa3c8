#!/usr/bin/python3
"""What is changed by hand on the secondary: found, told, kept, and repaired or only reported."""
import time

from harness import keaconf
from harness.agent import Watch, seconds
from harness.case import SystemTest, main
from harness.waiting import holds_for, wait_until

_BY_HAND = {
    "dhcp4": {"hw-address": "0e:0e:0e:0e:0e:0e", "ip-address": "10.0.160.7",
              "hostname": "by-hand"},
    "dhcp6": {"duid": "00:03:00:01:0e:0e:0e:0e:0e:0e", "ip-addresses": ["2001:db8:1::ff:7"],
              "hostname": "by-hand"}}


def _reservations(kea, members):
    return members[keaconf.subnets(kea.service)][0]["reservations"]


def _edited(kea, edit):
    """The Kea's configuration as it runs, its reservations changed by edit(list)."""
    kea.config = {kea.root: kea.running()}
    edit(_reservations(kea, kea.config[kea.root]))


def _by_hand(pair):
    """Somebody edits the secondary's file and reloads."""
    kea = pair.kea("b")
    _edited(kea, lambda reservations: reservations.append(dict(_BY_HAND[kea.service])))
    kea.apply_by_reload()


def _has_it(pair):
    kea = pair.kea("b")
    return any(r.get("hostname") == "by-hand" for r in _reservations(kea, kea.running()))


def _drift_event(event):
    return "drift" in str(event.get("state", "")) and "by-hand" in str(event)


def _watch(pair):
    return pair.beside(Watch(pair.primary, pair.relationship(), "--kind",
                             "state,heartbeat")).listens()


class DriftOfDhcp4(SystemTest):
    service = "dhcp4"

    def make_pair(self):
        return super().make_pair(services=(self.service,))

    def _entry_with_content(self, pair):
        """The history's entry of the drift, whole."""
        def find():
            for agent in (pair.primary, pair.secondary):
                for entry in agent.history(pair.relationship()):
                    if entry["what"] == "drift":
                        return entry
            return None
        return wait_until(find, 5, "the history has the drift")

    def test_a_reservation_made_by_hand_is_found_told_kept_and_taken_away(self):
        pair = self.make_pair()
        pair.start()
        watch = _watch(pair)
        head = pair.head()
        _by_hand(pair)
        reloaded = time.time()
        event = watch.wait_for(_drift_event, 5, "an event tells of the drift with its content")
        took = seconds(event["time"]) - reloaded
        print(f"drift told {took:.2f} s after the reload", flush=True)
        self.assertLess(took, 1.0)
        wait_until(lambda: not _has_it(pair), 5, "the drift is repaired")
        pair.settle()
        pair.assert_same()
        self.assertEqual(pair.head(), head, "a drift is no change of the primary")
        entry = self._entry_with_content(pair)
        self.assertIn("by-hand", str(entry))
        wait_until(lambda: pair.status()["state"] == "OK", 5, lambda: f"OK: {pair.status()}")

    def test_what_was_taken_away_by_hand_comes_back(self):
        pair = self.make_pair()
        pair.start()
        reservation = dict(_BY_HAND[self.service])
        subnets = keaconf.subnets(self.service)
        pair.change(lambda members: members[subnets][0].update(reservations=[reservation]))
        kea = pair.kea("b")
        _edited(kea, lambda reservations: reservations.clear())
        kea.apply_by_set()
        wait_until(lambda: _has_it(pair), 6, "the reservation is back")
        pair.settle()

    def test_a_secondary_changed_while_its_agent_was_down_is_repaired(self):
        pair = self.make_pair()
        pair.start()
        pair.secondary.stop()
        _by_hand(pair)
        pair.secondary.start()
        wait_until(lambda: not _has_it(pair), 15, "the drift is repaired")
        pair.settle()

    def test_with_observe_it_is_only_reported(self):
        pair = self.make_pair()
        pair.start_keas().start_agents().adopt("--observe")
        watch = _watch(pair)
        sets = pair.kea("b").commands_received("config-set")
        _by_hand(pair)
        watch.wait_for(_drift_event, 5, "an event tells of the drift with its content")
        # By the hand's own reload and by nothing else.
        wait_until(lambda: not pair.status()["mirror"]["digest_equal"], 5, "it is seen")
        wait_until(lambda: pair.status()["state"] != "OK" and pair.status()["reasons"], 5, "told")
        code, out, _ = pair.primary.ctl("diff", pair.relationship())
        self.assertEqual(code, 1, out)
        self.assertIn("by-hand", out)
        self.assertIn("by-hand", str(self._entry_with_content(pair)))
        pair.change(lambda members: members.update({"valid-lifetime": 777}), settle=False)
        holds_for(lambda: _has_it(pair), 3, "--observe repaired something")
        self.assertNotEqual(pair.kea("b").running()["valid-lifetime"], 777)
        self.assertEqual(pair.kea("b").commands_received("config-set"), sets)


class DriftOfDhcp6(DriftOfDhcp4):
    service = "dhcp6"


if __name__ == "__main__":
    main(limit_s=150)
