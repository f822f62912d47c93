"""What the checkers of Python tools have in common."""

from __future__ import annotations

from pathlib import Path

from lemnos.runners.gates.plugin import Command
from lemnos.runners.gates.project import Project
from lemnos.runners.gates.python.declared import CONFIGS, PYTHON, chosen


class PythonTool:
    """A program from PyPI. ``rivals`` are the tools among which a project chooses one."""

    gate: str
    tool: str
    rivals: tuple[str, ...]
    default: str = ""
    writes = False
    cached = True
    configs: tuple[str, ...] = CONFIGS

    def applies(self, project: Project) -> bool:
        """Whether there is Python, and this is the tool for it."""
        if not project.having(*PYTHON):
            return False
        return chosen(project, self.gate, self.rivals, self.default) == self.tool

    def program(self, project: Project) -> Path | None:
        """The project's own, else the one beside Lemnos."""
        return project.find(self.tool)

    def missing(self, project: Project) -> str:
        """How to install it, where the project keeps its tools."""
        return how_to_install(project, self.tool)

    def fixes(self, project: Project, program: Path) -> Command | None:
        """It mends nothing."""
        return None


def how_to_install(project: Project, distribution: str) -> str:
    """What to do about a missing tool."""
    python = "python"
    if project.python is not None:
        inside = project.python.is_relative_to(project.root)
        python = str(project.python.relative_to(project.root) if inside else project.python)
    return (
        f"{distribution} is not installed: `{python} -m pip install {distribution}`, "
        "or let the project depend on it for development."
    )
