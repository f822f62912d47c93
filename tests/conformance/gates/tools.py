"""A checker whose tool is a script, so that it can do whatever a tool can do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from lemnos.domains.quality.model import Finding, GateRequest, Verdict
from lemnos.runners.gates.plugin import Command, Said
from lemnos.runners.gates.project import Project
from lemnos.runners.quality.bench import Ended

PASSES = "pass"
FAILS = "import sys; sys.exit(1)"


class Script:
    """Runs Python code in the tree. Exit code 0 passes, 1 fails; what is printed are findings."""

    def __init__(
        self,
        code: str = PASSES,
        *,
        gate: str = "lint",
        tool: str = "script",
        writes: bool = False,
        cached: bool = True,
        program: Path | None = Path(sys.executable),
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.gate = gate
        self.tool = tool
        self.writes = writes
        self.cached = cached
        self.configs = ("pyproject.toml",)
        self._code = code
        self._program = program
        self._env = env or {}

    def applies(self, project: Project) -> bool:
        return bool(project.files)

    def program(self, project: Project) -> Path | None:
        return self._program

    def missing(self, project: Project) -> str:
        return f"Install {self.tool}: pip install {self.tool}."

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        argv = (str(program), "-I", "-c", self._code, str(reports))
        return Command(argv, self._env)

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        if ended.exit_code not in (0, 1):
            raise ValueError(f"it ended with {ended.exit_code}")
        found = tuple(
            Finding("rule", line, path=line.split(":")[0]) for line in ended.stdout.splitlines()
        )
        return Said(Verdict.FAILED if ended.exit_code else Verdict.PASSED, "It has looked.", found)

    def fixes(self, project: Project, program: Path) -> Command | None:
        return None


def counting(file: str, then: str = PASSES) -> str:
    """Code that leaves a line in a file of the tree which git ignores, then does the rest."""
    return f"open({file!r}, 'a').write('ran\\n')\n{then}"


def git(folder: Path, *args: str) -> None:
    """Run git in a folder, as nobody in particular."""
    author = (
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@example.org",
        "-c",
        "init.defaultBranch=main",
    )
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_GLOBAL": "/dev/null"}
    subprocess.run(("git", *author, *args), cwd=folder, check=True, capture_output=True, env=env)
