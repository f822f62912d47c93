"""drift: what a project declares of its tools, against its locks, against what is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import nodesemver
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from lemnos.domains.quality.fingerprint import fingerprint
from lemnos.domains.quality.model import Finding, GateRequest, Verdict
from lemnos.runners.gates.ecmascript.package import INSTALLS, MANIFEST, manager
from lemnos.runners.gates.plugin import Said
from lemnos.runners.gates.project import Project
from lemnos.runners.gates.shared.declared import Declared, node_tools, python_tools
from lemnos.runners.gates.shared.locked import (
    Unreadable,
    Versions,
    node_installed,
    node_locked,
    python_installed,
    python_locked,
)


class State(StrEnum):
    """How a tool stands."""

    OK = "ok"
    DRIFT = "drift"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: what is declared, locked and installed. Empty: nothing is."""

    name: str
    declared: tuple[Declared, ...]
    locked: str
    installed: str
    state: State
    why: str

    def plain(self) -> dict[str, Any]:
        """For the gate's metadata."""
        return {
            "tool": self.name,
            "state": self.state.value,
            "declared": [
                {"version": one.allows or "*", "place": one.place} for one in self.declared
            ],
            "locked": self.locked or None,
            "installed": self.installed or None,
            "detail": self.why,
        }


Allows = Callable[[str, str], bool]


def python_allows(version: str, specifier: str) -> bool:
    """PEP 440; a specifier that is none, such as an address, allows everything."""
    try:
        return SpecifierSet(specifier).contains(Version(version), prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return True


def node_allows(version: str, wanted: str) -> bool:
    """npm's ranges; what is no range, such as a tag or an address, allows everything."""
    try:
        if nodesemver.valid_range(wanted, False) is None:
            return True
        return bool(nodesemver.satisfies(version, wanted, False))
    except ValueError:
        return True


def compared(
    declarations: Iterable[Declared], locked: Versions, installed: Versions, allows: Allows
) -> list[Tool]:
    """How each declared tool stands, by name."""
    by_name = dict[str, list[Declared]]()
    for one in declarations:
        by_name.setdefault(one.tool, []).append(one)
    return [
        _compared(name, tuple(said), locked.get(name, ""), installed.get(name, ""), allows)
        for name, said in sorted(by_name.items())
    ]


def _compared(
    name: str, said: tuple[Declared, ...], locked: str, installed: str, allows: Allows
) -> Tool:
    reasons = [
        f"{what} {version} is not what {one.place} declares ({one.allows})"
        for what, version in (("locked", locked), ("installed", installed))
        for one in said
        if version and not allows(version, one.allows)
    ]
    if locked and installed and locked != installed:
        reasons.append(f"locked is {locked}, installed {installed}")
    if not installed:
        return Tool(name, said, locked, installed, State.MISSING, "it is not installed")
    state = State.DRIFT if reasons else State.OK
    return Tool(name, said, locked, installed, state, "; ".join(reasons))


class ToolDrift:
    """Looks at files alone: nothing of the project is started."""

    gate = "drift"
    tool = "lemnos drift"
    writes = False
    cached = False  # it is about what is installed, too
    configs = ("pyproject.toml", MANIFEST, ".pre-commit-config.yaml")

    def applies(self, project: Project) -> bool:
        """Any tool is declared."""
        return any(True for _ in python_tools(project)) or any(True for _ in node_tools(project))

    async def judge(self, project: Project, request: GateRequest) -> Said:
        """Each tool that is not as declared is a finding."""
        return await asyncio.to_thread(_judged, project)


def _judged(project: Project) -> Said:
    try:
        python, node = _python(project), _node(project)
    except Unreadable as error:
        return Said(Verdict.MISCONFIGURED, str(error))
    tools = [*python, *node]
    counts = {state: sum(tool.state is state for tool in tools) for state in State}
    hints = {tool.name: how for how, of in ((_PYTHON_HINT, python), (_hint(project), node))
             for tool in of}  # fmt: skip
    findings = tuple(
        Finding(
            f"tool-{tool.state}",
            f"{tool.name}: {tool.why}. {hints[tool.name]}",
            fingerprint=fingerprint("drift", tool.name, tool.state, tool.locked),
        )
        for tool in tools
        if tool.state is not State.OK
    )
    message = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    metadata: Mapping[str, Any] = {"drift": [tool.plain() for tool in tools]}
    verdict = Verdict.FAILED if findings else Verdict.PASSED
    return Said(verdict, f"{message}.", findings, metadata)


_PYTHON_HINT = "Install what the lock file pins, or lock what is declared anew."


def _hint(project: Project) -> str:
    return f"Run `{INSTALLS[manager(project)]}`."


def _python(project: Project) -> list[Tool]:
    """Tools of a project without an environment are taken from nowhere: they are missing."""
    installed = python_installed(project) or {}
    return compared(python_tools(project), python_locked(project), installed, python_allows)


def _node(project: Project) -> list[Tool]:
    declarations = list(node_tools(project))
    names = {one.tool for one in declarations}
    locked = node_locked(project, names)
    return compared(declarations, locked, node_installed(project, names), node_allows)
