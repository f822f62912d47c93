"""Gates: checks that judge a tree, their verdicts and findings. Pure.

The five safety checks of one change, which compare it with its base, are in ``safety``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# The documented gates, in the order in which they are told. A project may add its own.
ORDER = ("cleanup", "lint", "format", "yaml", "workflow", "types", "tests", "audit", "drift")


class Verdict(StrEnum):
    """What came of a gate. Only the first two let a change through."""

    PASSED = "passed"
    NOT_APPLICABLE = "not_applicable"  # the project holds nothing that this gate judges
    FAILED = "failed"
    MISSING_TOOL = "missing_tool"
    CRASHED = "crashed"  # the tool ended without a verdict, or what it said can't be read
    TIMED_OUT = "timed_out"
    UNKNOWN = "unknown"  # what it asks is away, such as the database of an audit
    MISCONFIGURED = "misconfigured"  # the project's own configuration can't be read
    NOT_RUN = "not_run"  # an earlier gate has failed, and the caller wanted to stop there
    CANCELLED = "cancelled"


class Level(StrEnum):
    """How bad a finding is, in the words of SARIF 2.1.0 (section 3.27.10)."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a gate points out. Lines and columns count from 1.

    ``path`` is relative to the tree, with slashes; empty for what belongs to no file.
    ``fingerprint`` stays the same when lines above are added or removed. ``known``: it is in the
    baseline, so it does not block.
    """

    rule: str
    message: str
    level: Level = Level.ERROR
    path: str = ""
    line: int | None = None
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None
    fingerprint: str = ""
    fixable: bool = False
    known: bool = False


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate and what came of it.

    ``tool`` and ``version`` say who judged, ``command`` how; ``output`` is the end of what it
    said. ``metadata`` holds what only this gate knows: counts of tests, what to install.
    ``cached``: neither the inputs nor the tool have changed since it gave this verdict.
    """

    gate: str
    verdict: Verdict
    message: str
    duration_seconds: float = 0.0
    tool: str = ""
    version: str = ""
    command: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    output: str = ""
    cached: bool = False
    optional: bool = False

    @property
    def passed(self) -> bool:
        """Whether it lets a change through."""
        return self.verdict in (Verdict.PASSED, Verdict.NOT_APPLICABLE)

    @property
    def blocks(self) -> bool:
        """Whether the whole run fails for it."""
        return not (self.passed or self.optional)


@dataclass(frozen=True, slots=True)
class GateRequest:
    """What is asked of the gates.

    ``no_format``: the format gate looks and changes nothing. ``drift_check`` adds the drift gate.
    ``gates`` are the only ones to run, ``profile`` a selection that the project names; empty: what
    the project configures, else all. ``fail_fast`` starts no gate after one that blocks.
    ``baseline`` is a file relative to the tree; empty: what the project configures. ``timeout``
    seconds for each gate. ``changed`` narrows gates that can be to these files; None: all.
    """

    no_format: bool = False
    drift_check: bool = False
    gates: tuple[str, ...] = ()
    profile: str = ""
    fail_fast: bool = False
    baseline: str = ""
    use_cache: bool = True
    timeout: float | None = None
    changed: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class GateReport:
    """All gates of one run, in the order of ``ORDER``, those of the project last.

    ``coverage`` are lines covered and lines that could be, by path, where the tests measured it.
    """

    results: tuple[GateResult, ...]
    duration_seconds: float = 0.0
    coverage: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def success(self) -> bool:
        """Whether nothing blocks, and at least one gate had something to say."""
        said = any(one.verdict is not Verdict.NOT_APPLICABLE for one in self.results)
        return said and not any(result.blocks for result in self.results)

    @property
    def blocking(self) -> tuple[GateResult, ...]:
        """The gates that the run fails for."""
        return tuple(result for result in self.results if result.blocks)
