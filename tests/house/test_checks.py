#!/usr/bin/python3
"""The checks of the source find what they are for, in small trees made for it."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

_CI = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.ci")
_LAYERS = """
room base common/base : 
room pure common/plan : common/base
room edge common/io : common/base common/plan
room edge primary-agent/watch : common/io
room edge secondary-agent/apply : common/io
allow absl/ : pure
forbid clocks : chrono
forbid-call clocks : absl::Now(
"""
_MESSAGES = "| ID | level | meaning | what to do |\n|---|---|---|---|\n"


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def check(self, script, *arguments):
        done = subprocess.run([sys.executable, "-B", os.path.join(_CI, script), self.root, *arguments],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout


class LayersTest(Tree):
    def setUp(self):
        super().setUp()
        self.write(".ci/layers.txt", _LAYERS)
        self.write("common/base/id.h", "#include <string>\n")

    def assert_refused(self, *words):
        code, text = self.check("check-layers")
        self.assertEqual(code, 1, text)
        for word in words:
            self.assertIn(word, text)

    def test_accepts_what_the_list_allows(self):
        self.write("common/plan/plan.cc", '#include "common/base/id.h"\n#include <absl/time/time.h>\n'
                   '// absl::Now() is for others.\n')
        self.write("common/io/io.cc", '#include <chrono>\n#include <sys/socket.h>\nauto now = absl::Now();\n')
        code, text = self.check("check-layers")
        self.assertEqual(code, 0, text)

    def test_refuses_a_room_above(self):
        self.write("common/plan/plan.cc", '#include <string>\n#include "common/io/io.h"\n')
        self.assert_refused("common/plan/plan.cc:2: common/plan may not include common/io")

    def test_refuses_the_other_agent(self):
        self.write("primary-agent/watch/watch.cc", '#include "secondary-agent/apply/apply.h"\n')
        self.assert_refused("primary-agent/watch/watch.cc:1")

    def test_refuses_a_list_that_joins_the_agents(self):
        self.write(".ci/layers.txt", _LAYERS + "room edge ctl : primary-agent/watch\n")
        self.assert_refused("ctl and primary-agent never include each other")

    def test_refuses_a_list_with_a_circle(self):
        self.write(".ci/layers.txt", _LAYERS + "room edge common/a : common/b\nroom edge common/b : common/a\n")
        self.assert_refused("circle")

    def test_refuses_a_pure_room_on_an_edge_in_the_list(self):
        self.write(".ci/layers.txt", _LAYERS + "room pure common/odd : common/io\n")
        self.assert_refused("pure does not depend on edge")

    def test_refuses_clocks_sockets_and_strange_libraries_in_a_pure_room(self):
        self.write("common/plan/plan.cc", "#include <chrono>\n#include <sys/socket.h>\n#include <zmq.hpp>\n"
                   "auto t = absl::Now();\n")
        self.assert_refused("plan.cc:1: common/plan is pure and <chrono> is about clocks",
                            "plan.cc:2:", "plan.cc:3:", "plan.cc:4:")

    def test_refuses_a_folder_that_is_no_room(self):
        self.write("common/misc/misc.h", "\n")
        self.assert_refused("common/misc/misc.h:1: common/misc is no room")

    def test_refuses_a_tree_without_source(self):
        os.remove(os.path.join(self.root, "common/base/id.h"))
        self.assert_refused("0 files")


class MessagesTest(Tree):
    def setUp(self):
        super().setUp()
        self.write("common/io/io.cc", 'NESTOR_LOG(warn, "IO_SLOW", "wait_ms={}", 7);\n')
        self.write("docs/messages.md", _MESSAGES + "| IO_SLOW | warning | It waits. | Nothing. |\n")

    def assert_refused(self, word):
        code, text = self.check("check-messages")
        self.assertEqual(code, 1, text)
        self.assertIn(word, text)

    def test_accepts_agreement(self):
        code, text = self.check("check-messages")
        self.assertEqual(code, 0, text)

    def test_finds_a_message_that_is_not_documented(self):
        self.write("common/io/more.cc", 'NESTOR_LOG(\n    info,\n    "IO_DONE", "");\n')
        self.assert_refused("common/io/more.cc:1: IO_DONE is not in docs/messages.md")

    def test_finds_a_message_that_is_gone_from_the_code(self):
        self.write("docs/messages.md", _MESSAGES + "| IO_SLOW | warning | a | b |\n| IO_OLD | info | a | b |\n")
        self.assert_refused("docs/messages.md:4: no code logs IO_OLD")

    def test_finds_another_level(self):
        self.write("docs/messages.md", _MESSAGES + "| IO_SLOW | info | a | b |\n")
        self.assert_refused("IO_SLOW is logged as warning")

    def test_finds_a_row_without_its_four_parts(self):
        self.write("docs/messages.md", _MESSAGES + "| IO_SLOW | warning | a |\n")
        self.assert_refused("docs/messages.md:3: not a row")

    def test_finds_an_id_that_is_no_literal(self):
        self.write("common/io/more.cc", 'NESTOR_LOG(info, id, "");\n')
        self.assert_refused("must be a literal")

    def test_finds_a_line_without_id(self):
        self.write("common/io/more.cc", 'spdlog::info("hello");\n')
        self.assert_refused("logs past NESTOR_LOG")


class MetricsTest(Tree):
    _ROW = "| `nestor_lag_seconds` | gauge | seconds | `relationship` | primary | Age. | 60 |\n"

    def setUp(self):
        super().setUp()
        self.write("primary-agent/publish/lag.cc", 'metrics.Set("nestor_lag_seconds", "Age.", labels, 1);\n')
        self.document(self._ROW)
        self.write("deploy/monitoring/nestor.rules.yml", "- alert: NestorLags\n  expr: nestor_lag_seconds > 60\n")
        self.write("deploy/monitoring/nestor.rules.test.yml", "alertname: NestorLags\n")
        self.dashboard(self.panel())

    def document(self, *rows):
        self.write("docs/metrics.md", "".join(rows) + "\n| `NestorLags` | late | look |\n")

    @staticmethod
    def panel(title="Lag", query="max(nestor_lag_seconds)", number=1, x=0):
        return {"id": number, "title": title, "gridPos": {"x": x, "y": 0, "w": 12, "h": 4},
                "targets": [{"refId": "A", "expr": query}]}

    def dashboard(self, *panels):
        self.write("deploy/monitoring/grafana-dashboard.json", json.dumps(
            {"templating": {"list": []}, "panels": list(panels)}))

    def assert_refused(self, word, *answers):
        code, text = self.check("check-metrics", *answers)
        self.assertEqual(code, 1, text)
        self.assertIn(word, text)

    def answer(self, text):
        """The arguments that have it checked against what an agent answered."""
        self.write("answer", text)
        return "--against", os.path.join(self.root, "answer")

    def test_accepts_agreement(self):
        code, text = self.check("check-metrics")
        self.assertEqual(code, 0, text)

    def test_finds_a_metric_that_is_not_documented(self):
        self.write("common/run/run.cc", '\nset("nestor_term", "Term.", 1);\n')
        self.assert_refused("common/run/run.cc:2: nestor_term is not in docs/metrics.md")

    def test_finds_a_metric_that_is_gone_from_the_code(self):
        self.document(self._ROW, self._ROW.replace("lag", "age"))
        self.assert_refused("docs/metrics.md:2: no agent has nestor_age_seconds")

    def test_finds_another_agent(self):
        self.document(self._ROW.replace("| primary |", "| both |"))
        self.assert_refused("nestor_lag_seconds is of primary")

    def test_finds_a_name_that_is_not_of_its_type_or_unit(self):
        self.document(self._ROW.replace("gauge", "counter"))
        self.assert_refused("a counter ends in _total")
        self.document(self._ROW.replace("| seconds |", "| |"))
        self.assert_refused("the unit of nestor_lag_seconds")

    def test_finds_a_row_without_its_parts(self):
        self.document("| `nestor_lag_seconds` | gauge |\n")
        self.assert_refused("docs/metrics.md:1: not a row")

    def test_finds_what_the_dashboard_or_an_alert_asks_in_vain(self):
        self.dashboard(self.panel(query="nestor_lags"))
        self.assert_refused('"Lag" asks for nestor_lags')
        self.dashboard(self.panel())
        self.write("deploy/monitoring/nestor.rules.yml", "- alert: NestorLags\n  expr: nestor_lag > 60\n")
        self.assert_refused("nestor.rules.yml:2: no agent has nestor_lag")

    def test_finds_an_alert_that_is_not_tested_or_not_documented(self):
        self.write("deploy/monitoring/nestor.rules.yml", "- alert: NestorLags\n- alert: NestorNew\n")
        self.assert_refused("NestorNew is not tested")
        self.assert_refused("NestorNew is not in docs/metrics.md")
        self.write("deploy/monitoring/nestor.rules.yml", "")
        self.assert_refused("there is no alert NestorLags")

    def test_finds_panels_on_one_another(self):
        self.dashboard(self.panel(), self.panel("Other", number=2, x=6))
        self.assert_refused('"Other" lies on "Lag"')
        self.dashboard(self.panel(), self.panel("Other", x=12))
        self.assert_refused('"Other" has the id of another panel')

    def test_accepts_what_an_agent_answers_as_documented(self):
        code, text = self.check("check-metrics", *self.answer(
            '# TYPE nestor_lag_seconds gauge\nnestor_lag_seconds{relationship="east"} 0\n'))
        self.assertEqual(code, 0, text)

    def test_finds_what_an_agent_answers_otherwise(self):
        self.assert_refused("no agent that was asked has nestor_lag_seconds", *self.answer(""))
        self.assert_refused("has the labels [['server']]", *self.answer('nestor_lag_seconds{server="a"} 0\n'))
        self.assert_refused("nestor_lag_seconds is a counter", *self.answer(
            '# TYPE nestor_lag_seconds counter\nnestor_lag_seconds{relationship="east"} 0\n'))
        self.assert_refused("an agent has nestor_term", *self.answer("nestor_term 7\n"))


if __name__ == "__main__":
    unittest.main()
