"""Two trees next to each other, and the inspector that the server uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lemnos.domains.quality.ports import Inspection
from lemnos.domains.quality.safety import Check, CheckResult
from lemnos.runners.quality import SandboxInspector
from lemnos.runners.sandbox import choose_sandbox

Files = Mapping[str, str]
Inspect = Callable[..., "Checked"]


class Checked:
    """One check of a change from some files to others."""

    def __init__(self, folder: Path, check: Check) -> None:
        self._folder = folder
        self._check = check
        self._inspector = SandboxInspector(choose_sandbox("auto", (folder.parent,)))

    async def of(self, before: Files, after: Files, timeout: float = 60.0) -> CheckResult:
        """The result; ``after`` holds the changed files, None-less: what is left out stays."""
        for side, files in (("base", before), ("tree", {**before, **after})):
            for name, text in files.items():
                path = self._folder / side / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        inspection = Inspection(
            self._folder / "tree",
            self._folder / "base",
            tuple(after),
            (self._check,),
            timeout=timeout,
        )
        report = await self._inspector.inspect(inspection)
        return report.checks[0]


@pytest.fixture
def checked(tmp_path: Path) -> Callable[[Check], Checked]:
    """Makes one check."""
    return lambda check: Checked(tmp_path / "trees", check)
