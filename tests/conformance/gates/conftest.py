"""A project in a folder, and gates over it with the checkers of a test, in either sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from lemnos.domains.quality.model import GateReport, GateRequest
from lemnos.domains.quality.ports import OnGate, Tree
from lemnos.runners.gates.gates import SandboxGates
from lemnos.runners.gates.plugin import AnyChecker
from lemnos.runners.gates.registry import Registry
from lemnos.runners.sandbox import Sandbox, choose_sandbox
from tests.conformance.gates.tools import git

MODES: tuple[Literal["required", "off"], ...] = ("required", "off")


@pytest.fixture(scope="session", params=MODES, ids=("bubblewrap", "plain"))
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Both ways to confine a tool."""
    return choose_sandbox(request.param)


class Bench:
    """A project, and gates that share one cache."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.root = folder / "project"
        self.cache = folder / "cache"
        self.root.mkdir()
        self._sandbox = sandbox

    def write(self, files: Mapping[str, str]) -> None:
        """Write files of the project."""
        for name, text in files.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)

    def commit(self) -> None:
        """Put all that is there under version control."""
        git(self.root, "init", "-q")
        git(self.root, "add", "-A")
        git(self.root, "commit", "-q", "--allow-empty", "-m", "all")

    def gates(self, *checkers: AnyChecker, **options: Any) -> SandboxGates:
        """Gates of some checkers; of all that are installed where none is named."""
        if checkers:
            options["registry"] = Registry(checkers)
        return SandboxGates(self._sandbox, self.cache, **options)

    async def run(
        self,
        *checkers: AnyChecker,
        tree: Tree | None = None,
        on_gate: OnGate | None = None,
        request: GateRequest | None = None,
        **asked: Any,
    ) -> GateReport:
        """Run the gates of some checkers."""
        request = replace(request or GateRequest(), **asked)
        return await self.gates(*checkers).run(tree or Tree(self.root), request, on_gate)


@pytest.fixture
def bench(tmp_path: Path, sandbox: Sandbox) -> Bench:
    """An empty project with one file."""
    made = Bench(tmp_path, sandbox)
    made.write({"a.py": "a = 1\n"})
    return made
