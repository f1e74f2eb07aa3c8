"""That a change through the hook has the result of config-set, alike for both services.

NESTOR_PAIRS (500) pairs of configurations A, B beginning at NESTOR_SEED (0): nestor-apply of their
difference on a Kea that runs A, against config-set of B on another. Each seed changes what the one
before left, every _FRESH-th begins anew. NESTOR_REPLAY=<seed> makes the configurations of a seed that
failed and runs only that pair, NESTOR_EXCHANGE=<n> asks as clients at every n-th.
"""
import json
import os
import random

from harness import bad_objects, compare, examples, objects, packed, random_repair
from harness.exchanges import Exchanges
from harness.random_change import RandomChange
from harness.random_config import RandomConfig
from harness.two_keas import TwoKeas

_FIRST = int(os.environ.get("NESTOR_SEED", "0"))
_PAIRS = int(os.environ.get("NESTOR_PAIRS", "500"))
_REPLAY = os.environ.get("NESTOR_REPLAY")
_EXCHANGE = int(os.environ.get("NESTOR_EXCHANGE", "1"))
_FRESH = 20
_MOST_FAILURES = int(os.environ.get("NESTOR_FAILURES", "10"))
# With these, config-set also mends or deletes leases while it reads their file again.
_MENDING = ("fix", "fix-del", "del")


class Pairs:
    """The chain of pairs: one configuration after another, made from seeds."""

    def __init__(self, service, frozen):
        self.service, self.frozen = service, frozen
        self.seed = self.before = self.after = None
        self.names = []

    def __iter__(self):
        first, count = (int(_REPLAY), 1) if _REPLAY else (_FIRST, _PAIRS)
        begin = first - first % _FRESH
        for seed in range(begin, first + count):
            rng = random.Random(f"{self.service} {seed}")
            fresh = seed % _FRESH == 0
            self.before = RandomConfig(self.service, rng).configuration() if fresh else self.after
            self.seed = seed
            self.after, self.names = RandomChange(self.service, rng).changed(self.before, self.frozen)
            if seed >= first:
                yield fresh or seed == first, rng


class HookOracleCase:
    """Mixed into a SystemTest per service: SERVICE is given there."""

    def make_keas(self, **options):
        keas = TwoKeas(self.SERVICE, **options)
        return self.own(keas).start()

    # ------------------------------------------------------------------ random pairs

    def test_random_pairs(self):
        self._run_pairs(self.make_keas())

    def test_random_pairs_with_threads(self):
        if not _REPLAY:
            self._run_pairs(self.make_keas(threads=True), share=10)

    def _run_pairs(self, keas, share=1):
        self.failed, self.answered, self.silent, self.elsewhere = [], 0, 0, 0
        pairs = Pairs(self.SERVICE, keas.status()["needs-config-set"])
        done = changes = 0
        for fresh, rng in pairs:
            if done >= _PAIRS // share or len(self.failed) >= _MOST_FAILURES:
                break
            done += 1
            if fresh:
                self._align(keas, pairs.before)
            said = self._pair(keas, pairs, rng)
            changes += len(pairs.names)
            if said:
                self.failed.append(self._report(pairs, said))
                self._align(keas, pairs.after)
        print(f"{self.SERVICE}: {done} pairs, {changes} changes; {self.answered} answers alike, "
              f"{self.silent} clients that neither answers, {self.elsewhere} from another pool of the "
              "same network", flush=True)
        self.assertEqual(self.failed, [], f"{len(self.failed)} of {done} pairs")
        if done > 100:
            self.assertGreater(self.answered, done)
            self.assertLess(self.elsewhere, self.answered / 10)

    def _report(self, pairs, said):
        text = (f"seed {pairs.seed} ({', '.join(pairs.names) or 'no change'}):\n  "
                + "\n  ".join(said) + f"\n  again: NESTOR_REPLAY={pairs.seed}")
        print(text, flush=True)
        return text

    def _align(self, keas, config):
        for kea in keas.keas:
            said = keas.set(kea, config)
            self.assertIsNone(said, f"Kea refuses what the generator made: {said}")

    def _pair(self, keas, pairs, rng):
        """What is not as it has to be, as lines."""
        if any(config.get("sanity-checks", {}).get("lease-checks") in _MENDING
               for config in (pairs.before, pairs.after)):
            keas.clear_leases()
        hook, other = keas.by_hook, keas.by_set
        before = hook.running()
        said = keas.set(other, pairs.after)
        self.assertIsNone(said, f"seed {pairs.seed}: Kea refuses what the generator made: {said}")
        wanted = other.running()
        change = objects.difference(objects.extract(before), objects.extract(wanted))
        terse = rng.random() < 0.3
        lines = self._apply(keas, pairs, change, terse, rng.random() < 0.2)
        running = hook.running()
        lines += compare.differences(compare.mirrored(running), compare.mirrored(wanted))
        if not lines and compare.server_specific(before) != compare.server_specific(running):
            lines.append("the server's own parts are others than before")
        if not lines:
            lines += self._pages(keas, running)
        ids = {item["id"] for item in random_repair.all_subnets(self.SERVICE, pairs.after)}
        lines += keas.statistics_differ(ids)[:8]
        if not lines and pairs.seed % _EXCHANGE == 0:
            lines += self._exchange(keas, pairs, rng, ids, change)
        if lines and os.environ.get("NESTOR_SHOW"):
            self._show(change)
        return lines

    @staticmethod
    def _show(change):
        upserted, removed = change
        for one in upserted:
            print(f"    upserted {json.dumps(one)}")
        for one in removed:
            print(f"    removed {json.dumps(one)}")

    def _apply(self, keas, pairs, change, terse, dry):
        upserted, removed = change
        if terse:
            upserted = self._as_written(pairs.after, upserted)
        revision = keas.status()["revision"]
        brief = pairs.seed % 3 == 0  # and packed, as the agents send what is large
        arguments = {"before": revision, "upserted": upserted, "removed": removed, "brief": brief}
        form = packed.of if brief else dict
        lines, told = [], None
        if dry:
            before = keas.by_hook.running()
            told = keas.by_hook.ask("nestor-apply", form({**arguments, "dry-run": True}))
            changed = compare.differences(before, keas.by_hook.running())
            if changed or keas.status()["revision"] != revision:
                lines.append(f"the dry run changed something: {changed}")
        answer = keas.by_hook.ask("nestor-apply", form(arguments), 60)
        if answer["result"] != 0:
            return lines + [f"nestor-apply refuses {'what is terse' if terse else ''}: {answer}"]
        if dry and (told["result"] != 0 or
                    told["arguments"]["objects"] != answer["arguments"]["objects"]):
            lines.append(f"the dry run told otherwise:\n    {told}\n    {answer}")
        if brief:
            said = {(one["kind"], one["key"]) for one in answer["arguments"]["objects"] + answer["arguments"]["absent"]}
            answer["arguments"]["objects"] += [one for one in upserted if (one["kind"], one["key"]) not in said]
        return lines + self._told(keas, revision, change, answer["arguments"])

    def _told(self, keas, revision, change, answer):
        """What the answer, and nestor-get since then, say of the objects touched."""
        now = objects.extract(keas.by_hook.running())
        lines = []
        since = keas.by_hook.command("nestor-get", {"since": revision})
        for what, said in (("the answer", answer), ("nestor-get since", since)):
            told = keas.settle_order({(one["kind"], one["key"]): one["object"]
                                      for one in said.get("objects", [])})
            gone = {(one["kind"], one["key"]) for one in said.get("absent", [])}
            lines += [f"{what}: {name} is {text}" for name, text in told.items()
                      if name not in now or objects.text(now[name]) != objects.text(text)][:3]
            lines += [f"{what}: {name} is absent" for name in sorted(gone) if name in now][:3]
            touched = {(one["kind"], one["key"]) for one in change[0] + change[1]}
            lines += [f"{what}: nothing of {name}" for name in sorted(touched - set(told) - gone)][:3]
        if answer["revision"] != keas.status()["revision"]:
            lines.append("the answer's revision is not the one of nestor-status")
        if (answer["revision"] == revision) != (change == ([], [])):
            lines.append(f"revision {revision} became {answer['revision']}")
        return lines

    def _as_written(self, config, upserted):
        """Networks, subnets and classes as a person writes them, not as config-get reports them."""
        name = random_repair.subnets_name(self.SERVICE)
        written = {}
        for holder in [config] + config["shared-networks"]:
            for subnet in holder.get(name, []):
                item = {one: value for one, value in subnet.items() if one != "reservations"}
                if holder is not config:
                    item["shared-network"] = holder["name"]
                written["subnet", str(subnet["id"])] = item
            if holder is not config:
                written["shared-network", holder["name"]] = {
                    one: value for one, value in holder.items() if one != name}
        for item in config["client-classes"]:
            written["client-class", item["name"]] = item
        return [dict(one, object=written.get((one["kind"], one["key"]), one["object"]))
                for one in upserted]

    def _pages(self, keas, running):
        return objects.disagreements(keas.settle_order(keas.pages()), objects.extract(running))

    def _exchange(self, keas, pairs, rng, ids, change):
        keas.clear_leases()
        exchanges = Exchanges(keas, pairs.after, rng,
                              [(one["kind"], one["key"]) for one in change[0] + change[1]])
        exchanges.run(8)
        self.answered += exchanges.answered
        self.silent += exchanges.silent
        self.elsewhere += exchanges.elsewhere
        lines = exchanges.differences
        if not exchanges.elsewhere:
            lines += [f"after the leases: {line}" for line in keas.statistics_differ(ids)[:5]]
        keas.clear_leases()
        keas.add_leases(pairs.after, rng, 8)
        return lines + [f"after the added leases: {line}" for line in keas.statistics_differ(ids)[:5]]

    # ------------------------------------------------------------------ kea-doc

    def test_kea_doc_examples_in_sequence(self):
        keas = self.make_keas()
        frozen = keas.status()["needs-config-set"]
        # There and back, so that each follows two others.
        names = examples.names(self.SERVICE)
        for name in names + names[::-1]:
            with self.subTest(example=name):
                members = examples.for_the_socket(
                    examples.adapted(self.SERVICE, name, keas.by_hook.folder))
                members = {member: value for member, value in members.items()
                           if member not in compare.SERVER_SPECIFIC and member not in frozen}
                self.assertIsNone(keas.set(keas.by_set, members))
                wanted = keas.by_set.running()
                change = objects.difference(objects.extract(keas.by_hook.running()),
                                            objects.extract(wanted))
                keas.by_hook.command("nestor-apply", {"upserted": change[0], "removed": change[1]})
                running = keas.by_hook.running()
                self.assertEqual(compare.differences(compare.mirrored(running),
                                                     compare.mirrored(wanted)), [])
                ids = {int(key) for kind, key in objects.extract(running) if kind == "subnet"}
                self.assertEqual(keas.statistics_differ(ids), [])

    # ------------------------------------------------------------------ all or nothing

    def test_one_bad_object_among_a_hundred_changes_nothing(self):
        keas = self.make_keas()
        maker = RandomConfig(self.SERVICE, random.Random(f"{self.SERVICE} hundred"))
        config = bad_objects.base(maker)
        self._align(keas, config)
        before = keas.by_hook.running()
        good = bad_objects.good(maker)
        # Good they are: together they are taken, and here by a dry run.
        keas.by_hook.command("nestor-apply", {"upserted": good, "dry-run": True})
        self.assertEqual(compare.differences(before, keas.by_hook.running()), [])
        for bad in bad_objects.bad(self.SERVICE):
            with self.subTest(bad=bad):
                counted = set(keas.by_hook.command("statistic-get-all"))
                try:
                    self._refuse(keas, good, bad)
                    self.assertEqual(compare.differences(before, keas.by_hook.running()), [])
                    self.assertEqual(set(keas.by_hook.command("statistic-get-all")), counted)
                except AssertionError:
                    self._align(keas, config)
                    raise
        exchanges = Exchanges(keas, config, random.Random(1))
        exchanges.run(8)
        self.assertEqual(exchanges.differences, [])
        # Nothing of what was refused stands in the way of the good ones.
        keas.by_hook.command("nestor-apply", {"upserted": good})

    def _refuse(self, keas, good, bad):
        revision = keas.status()["revision"]
        change = {"upserted": list(good), "removed": []}
        named = {"kind": bad.kind, "key": bad.key}
        if bad.value is None:
            change["removed"].append(named)
        else:
            change["upserted"].insert(50, {**named, "object": bad.value})
        answer = keas.by_hook.ask("nestor-apply", change)
        self.assertEqual(answer["result"], 1, answer)
        self.assertEqual(answer["arguments"].get("reason"), "refused", answer)
        refused = {(one["kind"], one["key"]): one["text"]
                   for one in answer["arguments"].get("refused", [])}
        self.assertEqual(list(refused), [bad.named], answer)
        self.assertIn(bad.why, refused[bad.named])
        self.assertIn(bad.why, answer["text"])
        self.assertIn(bad.named[1], answer["text"])
        self.assertEqual(keas.status()["revision"], revision)
