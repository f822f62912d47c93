"""Checkers over small projects, in the real sandbox; the npm tools are installed once."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lemnos.domains.quality.model import GateReport, GateRequest, GateResult
from lemnos.domains.quality.ports import Tree
from lemnos.runners.gates.gates import SandboxGates
from lemnos.runners.gates.plugin import AnyChecker
from lemnos.runners.gates.registry import Registry
from lemnos.runners.sandbox import choose_sandbox

_ROOT = Path(__file__).parents[2]
_SOURCES = _ROOT / "tests" / "support" / "gate_tools"
_TOOLS = _ROOT / ".tools" / "gates"


def node_tools() -> Path:
    """The folder node_modules with the pinned tools; skips, and says so, without a registry."""
    _TOOLS.mkdir(parents=True, exist_ok=True)
    wanted = (_SOURCES / "package-lock.json").read_text()
    stamp = _TOOLS / "installed.json"
    with (_TOOLS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.is_file() or stamp.read_text() != wanted:
            for source in _SOURCES.iterdir():
                shutil.copy(source, _TOOLS)
            # Not `npm ci`: binaries of other platforms, which a mirror need not have, are not in
            # the lock file. What is in it is pinned all the same.
            command = ["npm", "install", "--no-save", "--ignore-scripts", "--silent"]
            try:
                subprocess.run(command, cwd=_TOOLS, check=True)
            except (OSError, subprocess.CalledProcessError) as error:
                pytest.skip(f"MISSING: the npm tools of gates can't be installed: {error}")
            stamp.write_text(wanted)
    return _TOOLS / "node_modules"


class Scratch:
    """A project of a few files, judged by one checker at a time."""

    def __init__(self, root: Path, modules: Path | None = None) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self._modules = modules

    def write(self, files: Mapping[str, str]) -> None:
        """Write files, and folders as needed."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def package(self, *tools: str, **more: object) -> None:
        """A package.json that declares tools, which are installed where the machine has them."""
        self.write(
            {"package.json": json.dumps({"devDependencies": dict.fromkeys(tools, "*"), **more})}
        )
        if self._modules is not None and not (self.root / "node_modules").exists():
            # As installers do: real folders are expensive, and Node.js resolves links.
            (self.root / "node_modules").symlink_to(self._modules)

    async def report(
        self, *checkers: AnyChecker, registry: Registry | None = None, **request: Any
    ) -> GateReport:
        """All of what some checkers say, or those of a registry."""
        readable = (self._modules,) if self._modules is not None else ()
        cache = self.root.parent / "cache"
        gates = SandboxGates(
            choose_sandbox("auto", (cache,)),
            cache,
            registry=registry or Registry(checkers),
        )
        tree = Tree(self.root, readable=readable)
        return await gates.run(tree, GateRequest(**request))

    async def judge(self, checker: AnyChecker, **request: Any) -> GateResult:
        """What one checker says."""
        report = await self.report(checker, gates=(checker.gate,), **request)
        return report.results[0]
