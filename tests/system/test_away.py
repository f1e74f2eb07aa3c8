#!/usr/bin/python3
"""The primary is away, and people help themselves on the secondary: what they changed stands, is told,
kept when the primary is back and wins, and is brought back to it."""
import json

from harness import keaconf
from harness.agent import Watch
from harness.case import SystemTest, main
from harness.waiting import holds_for, wait_until

_SERVICES = ("dhcp4", "dhcp6")


def _subnet(service, number, **members):
    prefix = f"198.51.{number}.0/24" if service == "dhcp4" else f"2001:db8:{number}::/64"
    return {"id": number, "subnet": prefix, **members}


def _reserved(service):
    mac = {"hw-address": "0e:0e:0e:0e:0e:0e"}
    return (dict(mac, **{"ip-address": "198.51.9.9"}) if service == "dhcp4" else
            dict(mac, **{"ip-addresses": ["2001:db8:9::9"]}))


def _mirrored(service):
    members = keaconf.serving(service)
    members[keaconf.subnets(service)] += [_subnet(service, 2), _subnet(service, 3)]
    return members


def _set_by_hand(kea, edit):
    """Somebody sends config-set; `edit` gets the list of subnets. Kea's file stays as it is."""
    members = kea.running()
    edit(members[keaconf.subnets(kea.service)])
    kea.command("config-set", {kea.root: members})


def _subnets(kea):
    """{id: subnet} of what it runs."""
    return {subnet["id"]: subnet for subnet in kea.running()[keaconf.subnets(kea.service)]}


def _help_themselves(kea):
    """A subnet more, with a reservation, one changed, one less."""
    def edit(subnets):
        subnets.append(_subnet(kea.service, 9, reservations=[_reserved(kea.service)]))
        for subnet in subnets:
            if subnet["id"] == 2:
                subnet["user-context"] = {"room": 777}
        subnets[:] = [subnet for subnet in subnets if subnet["id"] != 3]
    _set_by_hand(kea, edit)


def _keys(report, where):
    return sorted(f"{one['kind']} {one['key'].split('/')[0]}" for one in report.get(where, []))


class AwayTest(SystemTest):
    maxDiff = None

    def _pair(self, services):
        pair = self.make_pair(services=services,
                              mirrored={service: _mirrored(service) for service in services})
        pair.start()
        for service in services:
            pair.wait_until_persisted(service)
        return pair

    def _kept(self, agent, name):
        return [entry for entry in agent.history(name) if entry["what"] == "kept"]

    def _assert_stands(self, pair, service):
        """By what the secondary's agent says and its Kea runs."""
        name = pair.relationship(service)
        wait_until(lambda: int(pair.secondary.status(name)["mirror"].get("standing", 0)) > 0, 10,
                   lambda: f"it is noticed: {pair.secondary.status(name)}")
        reasons = " ".join(pair.secondary.status(name)["reasons"])
        self.assertIn("was changed", reasons)
        self.assertIn("while kea-a was away", reasons)
        self.assertIn(9, _subnets(pair.kea("b", service)))

    def _assert_diff(self, pair, service, more=()):
        report = pair.secondary.ctl_json("diff", pair.relationship(service), expect=(1,))
        self.assertIn("kea-a is away", report["compared_with"])
        self.assertEqual(_keys(report, "only_on_primary"), ["subnet 3"])
        self.assertEqual(_keys(report, "only_on_secondary"),
                         sorted(["reservation 9", "subnet 9", *more]))
        self.assertEqual(_keys(report, "different"), ["subnet 2"])

    def test_an_hour_without_the_primarys_host(self):
        pair = self._pair(_SERVICES)
        pair.primary.kill()
        for service in _SERVICES:
            pair.kea("a", service).kill()
        for service in _SERVICES:
            name = pair.relationship(service)
            wait_until(lambda: pair.secondary.status(name)["mirror"]["follower_state"] == "STALE",
                       15, "the secondary's agent knows that the primary is away")
            _help_themselves(pair.kea("b", service))
        for service in _SERVICES:
            self._assert_stands(pair, service)
            self._assert_diff(pair, service)
        holds_for(lambda: 9 in _subnets(pair.kea("b", "dhcp4")), 3, "it was put back")
        self._the_secondarys_agent_dies(pair)
        pair.primary.start()
        for service in _SERVICES:
            pair.kea("a", service).restart()
        for service in _SERVICES:
            self._the_primary_wins(pair, service)
            self._it_is_brought_back(pair, service)

    def _the_secondarys_agent_dies(self, pair):
        """And meanwhile there is one subnet more."""
        pair.secondary.kill()
        for service in _SERVICES:
            _set_by_hand(pair.kea("b", service),
                         lambda subnets, service=service: subnets.append(_subnet(service, 10)))
        pair.secondary.restart()
        for service in _SERVICES:
            self._assert_stands(pair, service)
            self._assert_diff(pair, service, more=["subnet 10"])

    def _the_primary_wins(self, pair, service):
        name = pair.relationship(service)
        pair.settle(service, deadline_s=40)
        pair.assert_same(service)
        self.assertEqual(sorted(_subnets(pair.kea("b", service))), [1, 2, 3])
        wait_until(lambda: self._kept(pair.primary, name), 15, "the primary's history has it")
        for agent in (pair.primary, pair.secondary):
            kept = self._kept(agent, name)
            self.assertEqual(len(kept), 1, kept)
            whole = agent.ctl_json("history", name, f"e{kept[0]['entry']}")["entries"][0]
            self.assertEqual(_keys(whole, "upserted"),
                             ["reservation 9", "subnet 10", "subnet 2", "subnet 9"])
            self.assertEqual(_keys(whole, "removed"), ["subnet 3"])
            self.assertEqual(_keys(whole, "replaced"), ["subnet 2", "subnet 3"])
            self.assertIn("kea-b while kea-a was away", whole["detail"])
        told = f"STATE relationship={name} what=kept from=standing to=kept"
        self.assertIn(told, pair.primary.process.log_text())
        wait_until(lambda: pair.status(service)["state"] == "OK", 10,
                   lambda: f"OK: {pair.status(service)}")

    def _restore(self, pair, service, *options, expect=0):
        name = pair.relationship(service)
        entry = self._kept(pair.primary, name)[0]["entry"]
        code, out, err = pair.primary.ctl("history", name, f"e{entry}", "--apply-to", "primary",
                                          *options)
        self.assertEqual(code, expect, f"{out}\n{err}")
        return (json.loads(out.splitlines()[-1]) if out.strip() else {}), err

    def _it_is_brought_back(self, pair, service):
        name = pair.relationship(service)
        report, _ = self._restore(pair, service, "--dry-run")
        self.assertEqual(report["state"], "WOULD_CHANGE")
        self.assertFalse(report.get("conflicts"))
        self.assertIn(3, _subnets(pair.kea("a", service)), "a dry run changes nothing")

        def other(members):
            for subnet in members[keaconf.subnets(service)]:
                if subnet["id"] == 2:
                    subnet["user-context"] = {"room": 555}
        pair.change(other, service)
        report, err = self._restore(pair, service, expect=65)
        self.assertIn("was changed on kea-a since: subnet", err)
        self.assertNotIn(9, _subnets(pair.kea("a", service)))
        report, _ = self._restore(pair, service, "--dry-run")
        self.assertEqual(_keys(report, "conflicts"), ["subnet 2"])
        self.assertEqual(report["conflicts"][0]["now"]["user-context"], {"room": 555})

        watch = pair.beside(Watch(pair.primary, name, "--kind", "state,heartbeat")).listens()
        report, _ = self._restore(pair, service, "--yes", "--wait")
        self.assertEqual(report["state"], "VERIFIED")
        watch.wait_for(lambda event: event.get("state", {}).get("to") == "brought-back", 5, "told")
        pair.assert_same(service)
        for host in "ab":
            subnets = _subnets(pair.kea(host, service))
            self.assertEqual(sorted(subnets), [1, 2, 9, 10])
            self.assertEqual(subnets[2]["user-context"], {"room": 777})
            self.assertEqual(len(subnets[9]["reservations"]), 1)
        report, _ = self._restore(pair, service, "--wait")
        self.assertEqual(report["state"], "SAME")

    def test_the_primarys_kea_alone_is_away(self):
        pair = self._pair(("dhcp4",))
        name = pair.relationship()
        watch = pair.beside(Watch(pair.primary, name, "--kind", "state,heartbeat")).listens()
        pair.kea("a").kill()
        wait_until(lambda: pair.secondary.status(name)["mirror"]["publisher_state"] == "DEGRADED",
                   10, "the secondary's agent knows that the primary's Kea is away")
        _help_themselves(pair.kea("b"))
        self._assert_stands(pair, "dhcp4")
        wait_until(lambda: "was changed in" in " ".join(pair.status()["reasons"]), 5,
                   "the primary's agent tells of it")
        watch.wait_for(lambda event: event.get("state", {}).get("to") == "standing", 5, "told")
        holds_for(lambda: 9 in _subnets(pair.kea("b")), 2, "it was put back")
        pair.kea("a").restart()
        pair.settle(deadline_s=30)
        pair.assert_same()
        event = watch.wait_for(lambda event: event.get("state", {}).get("to") == "kept", 10, "told")
        entry = self._kept(pair.primary, name)[0]["entry"]
        self.assertEqual(int(event["state"]["entry"]), entry)
        self.assertIn(f"e{entry} --apply-to primary", event["state"]["reason"])
        code, _, err = pair.secondary.ctl("history", name, f"e{entry}", "--apply-to", "primary")
        self.assertEqual(code, 65)
        self.assertIn("ask the primary's agent", err)


if __name__ == "__main__":
    main(limit_s=170)
