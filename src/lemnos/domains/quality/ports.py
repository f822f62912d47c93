"""The inspector port: runs checks on a changed tree, in the sandbox of agents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lemnos.domains.quality.model import Check, CheckResult, SafetyReport


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
