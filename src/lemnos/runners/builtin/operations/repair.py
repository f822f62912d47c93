"""Failing tests are mended where a deterministic tool can, and the tests are the judge of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lemnos.runners.builtin.operations.base import Applied, Finding, Work, says
from lemnos.runners.builtin.repairs import proposals
from lemnos.runners.builtin.repairs.symbols import Symbols
from lemnos.runners.builtin.testrun import Failure, TestReport

MAX_TRIES = 60
MAX_DEPTH = 4  # defects behind one another in one test


@dataclass
class RepairTests:
    """Each failure's likely repairs are tried in turn; kept is what lowers the failures.

    A repair that breaks a test is taken back. One that only changes how a test fails is kept for
    the time being, while the next defect behind it is looked for.
    """

    name: str = "failing tests"
    risky: bool = False  # nothing is kept here that the tests do not vouch for
    _tries: int = 0
    _tried: set[tuple[str, str]] = field(default_factory=set)

    def detect(self, work: Work) -> Sequence[Finding]:
        return [
            Finding(
                failure.frames[-1].path if failure.frames else "",
                failure.frames[-1].line if failure.frames else 0,
                f"{failure.test} fails: {failure.kind}: {failure.message}".rstrip(": "),
            )
            for failure in (work.verdict.failures if work.verdict else ())
        ]

    def apply(self, work: Work) -> Applied:
        if work.verdict is None:
            return Applied(failed="there are no tests here that pytest or unittest would find")
        if work.verdict.problem:
            return Applied(failed=f"the tests cannot be run: {work.verdict.problem}")
        before = work.verdict
        applied = Applied()
        while (work.verdict.failures) and self._mend_one(work, applied):
            pass
        left = work.verdict.failures
        applied.left = [f"{f.test}: {f.kind}: {f.message}".rstrip(": ") for f in left]
        if left:
            mended = len(before.failing - work.verdict.failing)
            applied.failed = (
                f"{mended} of {len(before.failures)} failing tests mended; {len(left)} still fail, "
                "and no deterministic repair helps them"
            )
        return applied

    def _mend_one(self, work: Work, applied: Applied) -> bool:
        assert work.verdict is not None  # the caller has looked
        for failure in work.verdict.failures:
            steps = self._steps_to_mend(work, failure, work.verdict, MAX_DEPTH)
            if steps:
                applied.done += steps
                return True
        return False

    def _steps_to_mend(
        self, work: Work, failure: Failure, before: TestReport, depth: int
    ) -> list[str]:
        """Repairs that together mend at least one test; the tree is as it was if there are none."""
        symbols = Symbols(work.tree)
        for repair in proposals(failure, symbols):
            original = symbols.source(repair.path)
            key = (repair.path, repair.text)
            if repair.text == original or key in self._tried or self._tries >= MAX_TRIES:
                continue
            self._tried.add(key)
            self._tries += 1
            work.tree.write(repair.path, repair.text)
            after = work.run_tests()
            step = f"{repair.path}: {repair.what}"
            if after is not None and after.better_than(before):
                work.verdict = after
                return [step]
            if after is not None and depth > 1:
                for next_failure in _behind(failure, before, after):
                    steps = self._steps_to_mend(work, next_failure, before, depth - 1)
                    if steps:
                        return [step, *steps]
            work.tree.write(repair.path, original)
        return []


def read(prompt: str) -> Sequence[RepairTests]:
    """The operation, where a prompt asks for tests to pass."""
    asked = says(
        prompt,
        r"\b(?:fix|repair|mend|correct|resolve|debug)\w*\b.*\b(?:tests?|failures?|bugs?)\b",
        r"\bfailing tests?\b",
        r"\bmake\b.*\btests?\b.*\b(?:pass|green|succeed)\b",
    )
    return [RepairTests()] if asked else []


def _behind(failure: Failure, before: TestReport, after: TestReport) -> list[Failure]:
    """How the test fails now that the first defect is gone, if it is and nothing else broke."""
    if after.problem or not before.passed <= after.passed:
        return []
    known = {(f.test, f.kind, f.message) for f in before.failures}
    if (failure.test, failure.kind, failure.message) in {
        (f.test, f.kind, f.message) for f in after.failures
    }:
        return []
    return [f for f in after.failures if (f.test, f.kind, f.message) not in known]
