"""The ports of quality: checks of a change, and the gates of a project, in the task sandbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lemnos.domains.quality.model import GateReport, GateRequest, GateResult
from lemnos.domains.quality.safety import Check, CheckResult, SafetyReport


@dataclass(frozen=True, slots=True)
class Inspection:
    """A changed tree and what to check of it.

    ``base`` is a clean checkout of what it was made from, to tell new failures from old ones and
    to compare the public interface with. ``changed`` are paths relative to the tree, deleted ones
    too. Both trees may be written to by the tools; neither is looked at again afterwards.
    ``readonly`` is what a tree's own git reads outside of it. ``timeout`` seconds for each check.
    """

    tree: Path
    base: Path
    changed: tuple[str, ...]
    checks: tuple[Check, ...] = tuple(Check)
    timeout: float = 600.0
    readonly: tuple[Path, ...] = ()


class Inspector(Protocol):
    """Runs the checks. A tool that is missing, crashes or hangs is a result, not an error."""

    async def inspect(
        self,
        inspection: Inspection,
        on_result: Callable[[CheckResult], Awaitable[None]] | None = None,
    ) -> SafetyReport:
        """Run the checks on the changed tree; ``on_result`` hears of each as it ends.

        Cancelling the call ends whatever tool is running.
        """
        ...


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree to be judged. ``root`` may be written to by the tools, all but ``protected``.

    ``protected`` are paths inside that tools may read only (its git directory); ``readable`` are
    further ones outside of it. ``base`` is a checkout of what the tree was made from, or makes one
    when it is first needed: if ``forgiving``, findings that it has too are known ones. The settings
    of the gates and the baseline are read from there, as a change could rule over itself by those
    of the tree.
    ``changed`` are the paths that are not as in the base; None: nobody knows. ``untouched``: the
    tree must be as before afterwards; a gate that would change files then only looks.
    """

    root: Path
    protected: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()
    base: Path | Callable[[], Awaitable[Path]] | None = None
    changed: frozenset[str] | None = None
    forgiving: bool = True
    untouched: bool = False

    def may_differ(self, *paths: str) -> bool:
        """Whether one of the files may be another than in the base."""
        if self.base is None:
            return False
        return self.changed is None or not self.changed.isdisjoint(paths)

    async def beginning(self) -> Path | None:
        """The base, made if need be; None where there is none."""
        return await self.base() if callable(self.base) else self.base


@dataclass(frozen=True, slots=True)
class GateEvent:
    """A gate has begun (``result`` is None) or has ended. ``done`` of ``total`` have ended."""

    gate: str
    done: int
    total: int
    result: GateResult | None = None


OnGate = Callable[[GateEvent], Awaitable[None]]


class Gates(Protocol):
    """Runs the gates of a project. What goes wrong with a tool is a verdict, not an error."""

    async def run(
        self, tree: Tree, request: GateRequest, on_gate: OnGate | None = None
    ) -> GateReport:
        """Run the gates, those in parallel that do not depend on each other.

        Raises ``Invalid`` for a gate or profile that the project does not know, and for a
        configuration of gates (``lemnos.toml``) that can't be read. Cancelling the call ends the
        tools that run.
        """
        ...
