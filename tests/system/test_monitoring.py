#!/usr/bin/python3
"""What watches a pair: Prometheus as it is shipped, alert rules and the dashboard, on a pair that gets into trouble."""
import json
import os
import re
import sys
import unittest

from harness import keaconf, network, processes, requirements
from harness.agent import HTTP_PORT
from harness.case import SystemTest, main
from harness.pair import NAMES, Pair
from harness.prometheus import MONITORING, Prometheus, promtool
from harness.waiting import wait_until

_ADDRESSES = {"a": f"{network.LINK['a']}:{HTTP_PORT['primary']}", "b": f"{network.LINK['b']}:{HTTP_PORT['secondary']}"}
# As prometheus.yml is shipped.
_SHIPPED = {"198.51.100.1:5580": _ADDRESSES["a"], "198.51.100.2:5581": _ADDRESSES["b"]}
_SUBNETS = 12


def _serving():
    """More than one subnet, so that many can be removed."""
    content = keaconf.serving("dhcp4", "hot-standby")
    content["subnet4"] += [{"id": n, "subnet": f"10.{n}.0.0/16"} for n in range(2, _SUBNETS + 1)]
    return {"dhcp4": content}


class ShippedFiles(unittest.TestCase):
    def test_promtool_takes_them(self):
        self.assertIn("SUCCESS", promtool("check", "config", "--lint=all", f"{MONITORING}/prometheus.yml"))
        self.assertIn("SUCCESS", promtool("check", "rules", f"{MONITORING}/nestor.rules.yml"))
        self.assertIn("SUCCESS", promtool("test", "rules", f"{MONITORING}/nestor.rules.test.yml"))


class WatchedPair(SystemTest):
    """One pair for all tests, which run in the order of their names."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pair = pair = cls.own_for_class(Pair(ha="hot-standby", mirrored=_serving()))
        for host, agent in pair.agents.items():
            agent.config["http"] = _ADDRESSES[host]
        pair.primary.config["services"]["dhcp4"]["lease-events"] = True
        pair.start()
        cls.prometheus = pair.beside(Prometheus(f"{pair.folder}/prometheus", pair.network["a"], _SHIPPED)).start()
        wait_until(lambda: cls.prometheus.targets_up() == 2, 10, "both agents are scraped")

    def wait_for(self, what, **expected):
        """Until each alert of `expected` is raised for something with its labels, and no other is raised."""
        def as_expected():
            raised = self.prometheus.raised()
            return raised.keys() == expected.keys() and all(
                any(labels.items() <= one.items() for one in raised[alert]) for alert, labels in expected.items())
        wait_until(as_expected, 30, lambda: f"{what}: {self.prometheus.raised()}\n{self.pair.status()}", poll_s=0.3)

    def wait_until_quiet(self):
        self.wait_for("nothing is raised")

    def restart_secondary(self, **environment):
        agent = self.pair.secondary
        agent.stop()
        agent.process.env = {**os.environ, **environment}
        agent.start()

    # ------------------------------------------------------------------ a pair that is well

    def test_1_every_rule_is_loaded_and_none_is_raised(self):
        self.wait_until_quiet()
        rules = self.prometheus.rules()
        self.assertGreaterEqual(len(rules), 10)
        for rule in rules:
            with self.subTest(rule["name"]):
                self.assertEqual((rule["health"], rule.get("lastError")), ("ok", None))
                for annotation in ("summary", "description"):
                    self.assertTrue(rule["annotations"][annotation])
                self.assertRegex(rule["annotations"]["description"], "`.+`", "the command to begin with")

    def test_2_both_agents_answer_what_is_documented(self):
        answers = []
        for host, agent in self.pair.agents.items():
            code, text = agent.http_get("/metrics")
            self.assertEqual(code, 200)
            answers.append(f"{self.pair.folder}/metrics-{host}")
            with open(answers[-1], "w", encoding="utf-8") as file:
                file.write(text)
            # Prometheus' own conventions.
            processes.run(["promtool", "check", "metrics"], input_text=text)
        processes.run([sys.executable, "-B", f"{requirements.ROOT}/.ci/check-metrics", "--against", *answers])

    def test_3_every_panel_of_the_dashboard_finds_something(self):
        with open(f"{MONITORING}/grafana-dashboard.json", encoding="utf-8") as file:
            dashboard = json.load(file)
        variables = {one["name"]: one for one in dashboard["templating"]["list"]}
        label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variables["relationship"]["definition"])
        self.assertEqual(self.prometheus.label_values(label[2], of=label[1]), [self.pair.relationship()])
        asked = 0
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                query = target["expr"].replace("$relationship", self.pair.relationship()).replace(
                    "$__rate_interval", "30s")
                self.assertNotIn("$", query)
                if "ALERTS" in query:
                    self.assertEqual(self.prometheus.query(query), [], "nothing is wrong")
                    continue
                with self.subTest(panel["title"]):
                    # A rate needs two scrapes.
                    found = wait_until(lambda q=query: self.prometheus.query(q), 5, query)
                    for name in re.findall(r"{{(\w+)}}", target["legendFormat"]):
                        self.assertIn(name, found[0])
                asked += 1
        self.assertGreater(asked, 25)

    # ------------------------------------------------------------------ one that is not

    def test_4_a_held_change(self):
        pair = self.pair
        subnets = pair.kea("a").config["Dhcp4"]["subnet4"]
        pair.change(lambda members: members.update(subnet4=subnets[:2]), settle=False)
        self.wait_for("a change is held", NestorChangeHeld={"relationship": "east4", "instance": _ADDRESSES["b"]},
                      NestorPairImpaired={"relationship": "east4", "service": "dhcp4"})
        held = pair.status()["mirror"]["held_sequence"]
        alert = next(rule for rule in self.prometheus.rules() if rule["name"] == "NestorChangeHeld")
        wait_until(lambda: self.prometheus.query('ALERTS{alertname="NestorChangeHeld",alertstate="firing"}'), 5,
                   "Prometheus raises it")
        self.assertIn("nestorctl approve", alert["annotations"]["description"])
        pair.primary.ctl_json("approve", pair.relationship(), str(held))
        pair.settle()
        self.wait_until_quiet()

    def test_5_a_clock_that_is_wrong(self):
        self.restart_secondary(LD_PRELOAD=requirements.fake_time(), FAKETIME="+20s", FAKETIME_DONT_FAKE_MONOTONIC="1")
        self.wait_for("the clocks are apart", NestorClocksApart={"relationship": "east4"})
        self.restart_secondary()

    def test_6_a_kea_that_is_gone_and_comes_back_without_the_hook_library(self):
        self.wait_until_quiet()
        kea = self.pair.kea("b")
        kea.kill()
        self.wait_for("a Kea is gone", NestorPairImpaired={"relationship": "east4"},
                      NestorHaNotNormal={"relationship": "east4", "server": NAMES["b"]})
        with open(kea.file, encoding="utf-8") as file:
            config = json.load(file)
        libraries = config["Dhcp4"]["hooks-libraries"]
        libraries.remove(next(one for one in libraries if "nestor" in one["library"]))
        kea.write_file(config)
        kea.restart()
        self.wait_for("the hook library is missing", NestorHookMissing={"instance": _ADDRESSES["b"], "service": "dhcp4"})

    def test_7_an_agent_that_is_gone_and_then_the_other_kea(self):
        self.pair.secondary.kill()
        gone = {"NestorAgentNotScraped": {"instance": _ADDRESSES["b"]},
                "NestorAgentSilent": {"relationship": "east4", "peer": NAMES["b"], "instance": _ADDRESSES["a"]}}
        self.wait_for("an agent is gone", NestorPairImpaired={"relationship": "east4"}, **gone)
        self.pair.kea("a").kill()
        self.wait_for("nobody answers", NestorPairDown={"relationship": "east4"},
                      NestorHaNotNormal={"server": NAMES["a"]}, **gone)


if __name__ == "__main__":
    main(limit_s=140)
