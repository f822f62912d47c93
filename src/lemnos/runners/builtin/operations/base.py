"""What every operation looks like, and what it works with."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lemnos.runners.builtin.protocol import Emitter
from lemnos.runners.builtin.testrun import TestReport, TestSuite
from lemnos.runners.builtin.tree import Tree


class BadInstruction(ValueError):
    """The prompt names an operation, but not completely or not truthfully."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect or place to change. `line` counts from 1; 0 stands for the whole file."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.message}" if place else self.message


@dataclass
class Applied:
    """What an operation did (`done`), and what it left alone and why (`left`)."""

    done: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    failed: str = ""  # why the operation did not reach what the prompt asked for


@dataclass
class Work:
    """What operations share: the tree, its tests and the last verdict about them, the events."""

    tree: Tree
    tests: TestSuite
    emitter: Emitter
    verdict: TestReport | None = None

    def run_tests(self) -> TestReport | None:
        """Run the tests, show it as a tool call, and return the verdict without keeping it."""
        if not self.tests.files:
            return None
        call = self.emitter.tool_use("run_tests", {"runner": self.tests.runner})
        report = self.tests.run()
        text = report.summary if report else "no tests"
        bad = report is not None and bool(report.problem or report.failures)
        self.emitter.tool_result(call, "run_tests", text, is_error=bad)
        return report

    def still_as_good(self) -> bool:
        """Whether the tests say of the tree as it is now what they said before, or better."""
        after = self.run_tests()
        if after is None or self.verdict is None:
            return True
        fine = after.no_worse_than(self.verdict)
        if fine:
            self.verdict = after
        return fine


class Operation(Protocol):
    """A deterministic skill."""

    @property
    def name(self) -> str:
        """In the words of the report, such as "unused imports"."""
        ...

    @property
    def risky(self) -> bool:
        """Whether it could change what the program does, so that the tests must vouch for it."""
        ...

    def detect(self, work: Work) -> Sequence[Finding]:
        """What there is to do, without doing it."""
        ...

    def apply(self, work: Work) -> Applied:
        """Do it."""
        ...


Reader = Callable[[str], Sequence[Operation]]


def says(prompt: str, *patterns: str) -> bool:
    """Whether one of the patterns occurs in the prompt's prose, whatever the case."""
    prose = re.sub(r"```.*?```", " ", prompt, flags=re.DOTALL)
    return any(re.search(pattern, prose, re.IGNORECASE) for pattern in patterns)
