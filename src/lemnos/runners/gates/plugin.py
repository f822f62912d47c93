"""What a gate is made of: checkers, one for each tool, found by the entry point ``lemnos.gates``.

A gate such as ``lint`` may have several checkers, for the languages of a project; the worst of
their verdicts is the gate's. An entry point names a callable without arguments that returns a
:class:`Checker`, a :class:`Native` or a :class:`Family`; one that can't be loaded is told as a
crashed gate of its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

from lemnos.domains.quality.model import Finding, GateRequest, Verdict
from lemnos.runners.gates.project import Project
from lemnos.runners.quality.bench import Ended

ENTRY_POINT = "lemnos.gates"
# In the metadata of a checker that writes: the paths that it has changed.
CHANGED = "changed"


class NothingToJudge(Exception):
    """What the request narrows a gate to holds nothing for this checker; from its ``command``."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one checker says. ``coverage``: lines covered and lines that could be, by path."""

    verdict: Verdict
    message: str
    findings: tuple[Finding, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    coverage: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """A tool to be started in the project's root, or in ``folder`` below it.

    ``hosts`` are the only ones that it may reach (``host`` or ``host:port``), by way of the proxy
    in its environment. ``timeout`` seconds, None: the gate's. ``cache_env`` names the variable by
    which the tool is told a folder of its own that is kept between runs over a project.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    hosts: tuple[str, ...] = ()
    timeout: float | None = None
    cache_env: str = ""


class Checker(Protocol):
    """One tool that judges a project, as part of a gate.

    ``writes``: it may change files of the project, so it runs before all that only read them,
    unless the request says ``no_format``: then it changes nothing. ``cached``: its verdict depends
    on nothing but the files, the tool and the environment. It may have a tuple ``configs`` of
    files that it goes by: it is misconfigured where one of them can't be parsed.
    """

    gate: str  # one of ``ORDER``, or a name of its own
    tool: str  # the program, as people know it
    writes: bool
    cached: bool

    def applies(self, project: Project) -> bool:
        """Whether the project holds anything that it judges."""
        ...

    def program(self, project: Project) -> Path | None:
        """The tool's program: the project's own before others. None: it is not installed."""
        ...

    def missing(self, project: Project) -> str:
        """What to install, and how, where there is no program."""
        ...

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """How to start it. ``reports`` is an empty folder that it may write to."""
        ...

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """What it said, of a tool that has ended by itself within its limits.

        Raises ``ValueError`` for what can't be read: the verdict is then that it crashed. What
        ended with 127 (a program is missing) or by a signal never gets here.
        """
        ...

    def fixes(self, project: Project, program: Path) -> Command | None:
        """How the tool mends what it finds; None if it can't."""
        ...


class Native(Protocol):
    """A checker without a program: it looks for itself, outside of the sandbox.

    So it parses with care, and follows no symbolic link out of the project. Raises ``ValueError``
    for what it can't judge: the verdict is then that it crashed.
    """

    gate: str
    tool: str
    writes: bool
    cached: bool

    def applies(self, project: Project) -> bool:
        """Whether the project holds anything that it judges."""
        ...

    async def judge(self, project: Project, request: GateRequest) -> Said:
        """Look, and say."""
        ...


AnyChecker: TypeAlias = Checker | Native


def as_native(checker: AnyChecker) -> Native | None:
    """The checker, if it is one without a program."""
    return cast(Native, checker) if hasattr(checker, "judge") else None


class Family(Protocol):
    """Checkers that a project itself declares. They take the place of others of their gates."""

    def of(self, project: Project) -> Sequence[AnyChecker]:
        """Those of one project."""
        ...
