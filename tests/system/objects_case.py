"""The table-driven test of what is mirrored, alike for both services."""
import copy
import itertools
import os

from harness import compare
from harness.pair import Pair
from harness.tables_common import names_of

_BATCH = int(os.environ.get("NESTOR_BATCH", "3"))
_LISTS = {"subnet4", "subnet6", "shared-networks", "option-data", "option-def", "client-classes",
          "reservations"}


class ObjectsCase:
    """Mixed into a SystemTest per service: SERVICE, TABLE (module) and GLOBALS are given there."""

    def test_kea_accepts_each_step_and_each_changes_what_is_mirrored(self):
        pair = self.make_pair(services=(self.SERVICE,), mirrored={self.SERVICE: self.TABLE.base()})
        kea = pair.kea("a")
        kea.start()
        for row in self.TABLE.rows():
            for number, step in enumerate(row.steps, 1):
                with self.subTest(row=row.name, step=number):
                    before = compare.mirrored(kea.running())
                    step(kea.config[kea.root])
                    (kea.apply_by_reload if row.by_file else kea.apply_by_set)()
                    self.assertNotEqual(before, compare.mirrored(kea.running()))

    def test_the_table_knows_every_global_kea_reports(self):
        pair = self.make_pair(services=(self.SERVICE,), mirrored={self.SERVICE: self.TABLE.base()})
        kea = pair.kea("a")
        kea.start()
        known = set(itertools.chain(*(names_of(name) for name in self.GLOBALS)))
        reported = set(kea.running()) - set(compare.SERVER_SPECIFIC) - _LISTS
        self.assertEqual(reported - known, set())

    def test_every_kind_of_object_reaches_the_secondary(self):
        mirrored = {self.SERVICE: self.TABLE.base()}
        empty = {self.SERVICE: {"valid-lifetime": 600}}
        pair = self.own(Pair(services=(self.SERVICE,), mirrored=mirrored, secondary_mirrored=empty))
        pair.start_keas()
        own_before = compare.server_specific(pair.kea("b").running())
        pair.start_agents().adopt()
        pair.assert_same()
        ways = itertools.cycle(("reload", "set", "signal"))
        by_file = itertools.cycle(("reload", "signal"))
        rows = self.TABLE.rows()
        for start in range(0, len(rows), _BATCH):
            batch = rows[start:start + _BATCH]
            for number in range(max(len(row.steps) for row in batch)):
                steps = [row.steps[number] for row in batch if number < len(row.steps)]
                with self.subTest(rows=[row.name for row in batch], step=number + 1):
                    self._make(pair, steps, next(by_file if any(row.by_file for row in batch)
                                                 else ways))
        self.assertEqual(own_before, compare.server_specific(pair.kea("b").running()))
        self._secondary_restarts_with_the_same(pair)

    def _make(self, pair, steps, how):
        def mutate(members):
            for step in steps:
                step(members)
        pair.change(mutate, how=how)

    def _secondary_restarts_with_the_same(self, pair):
        """What was persisted is what was running."""
        pair.wait_until_persisted()
        kea = pair.kea("b")
        before = copy.deepcopy(kea.running())
        kea.kill()
        kea.restart()
        self.assertEqual(compare.differences(before, kea.running()), [])
