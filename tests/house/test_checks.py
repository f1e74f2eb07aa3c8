#!/usr/bin/python3
"""The checks of the source find what they are for, in small trees made for it."""
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

    def check(self, script):
        done = subprocess.run([sys.executable, "-B", os.path.join(_CI, script), self.root],
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


if __name__ == "__main__":
    unittest.main()
