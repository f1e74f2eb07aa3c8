"""The base of every system test: owns pairs, prints logs on failure, ends before ctest's limit."""
import signal
import sys
import unittest

from . import requirements
from .pair import Pair

_open_pairs = []


class SystemTest(unittest.TestCase):
    """Make pairs with own(Pair(...)), for one test, or own_for_class(...) in setUpClass."""

    maxDiff = None
    needs_agents = True

    @classmethod
    def own_for_class(cls, pair):
        _open_pairs.append(pair)
        cls.addClassCleanup(_close, pair)
        return pair

    def own(self, pair):
        _open_pairs.append(pair)
        self._mine.append(pair)
        return pair

    def make_pair(self, **options):
        return self.own(Pair(**options))

    def run(self, result=None):
        self._mine = []
        before = len(result.failures) + len(result.errors)
        print(f"==== {self.id()}", flush=True)
        try:
            super().run(result)
        finally:
            if len(result.failures) + len(result.errors) > before:
                for _, text in (result.failures + result.errors)[before:]:
                    print(text)
                show_logs()
            for pair in self._mine:
                _close(pair)
        return result


def show_logs():
    for pair in _open_pairs:
        print(pair.tails(), flush=True)


def _close(pair):
    if pair in _open_pairs:
        _open_pairs.remove(pair)
        pair.close()


def _too_late(*_):
    raise TimeoutError("the test file's own time limit, just below ctest's")


def main(limit_s, agents=True):
    """Runs the tests of the calling file. limit_s: below the TIMEOUT that ctest is told."""
    requirements.check(agents)
    signal.signal(signal.SIGALRM, _too_late)
    signal.signal(signal.SIGTERM, _too_late)
    signal.alarm(limit_s)
    program = unittest.main(module="__main__", exit=False, verbosity=1)
    for pair in list(_open_pairs):
        _close(pair)
    if program.result.testsRun == 0:
        print("no test ran", file=sys.stderr)
        sys.exit(1)
    sys.exit(0 if program.result.wasSuccessful() else 1)
