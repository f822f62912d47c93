"""The key of a verdict: everything that it depends on, in one digest."""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

import lemnos
from lemnos.domains.quality.model import GateRequest
from lemnos.runners.gates.inputs import State
from lemnos.runners.gates.interpreters import installed
from lemnos.runners.gates.plugin import AnyChecker, Command
from lemnos.runners.gates.project import Project

_FORM = 1  # of what is kept; another one makes every verdict of before another key
# What npm, pnpm and Yarn have really installed
_NODE_STATES = tuple(
    f"node_modules/{name}" for name in (".package-lock.json", ".modules.yaml", ".yarn-state.yml")
)


def verdict_key(
    checker: AnyChecker,
    project: Project,
    request: GateRequest,
    state: State,
    command: Command | None = None,
    program: Path | None = None,
    scratch: Path | None = None,
) -> str:
    """A digest of inputs, tool, command, environment and request. Blocks for a millisecond or two.

    ``scratch`` is the folder of this one run, whose name says nothing.
    """
    parts: dict[str, Any] = {
        "form": _FORM,
        "lemnos": lemnos.__version__,
        "checker": _identity(type(checker)),
        "gate": [checker.gate, checker.tool],
        "inputs": state.digest,
        "settings": project.settings,
        "broken": project.broken,
        "request": [request.no_format, request.changed],
        "installed": _environment(project, program),
    }
    if command is not None:
        parts["command"] = _plain(command, scratch)
    if program is not None:
        parts["program"] = file_identity(program)
    encoded = msgspec.json.encode(parts, order="deterministic", enc_hook=str)
    return hashlib.sha256(encoded).hexdigest()


def file_identity(path: Path) -> tuple[str, str, int, int]:
    """A file as it is now: its path, the one that a link leads to, size and time of change."""
    real = os.path.realpath(path)
    try:
        status = os.stat(real)
    except OSError:
        return str(path), real, -1, -1
    return str(path), real, status.st_size, status.st_mtime_ns


@functools.cache
def _identity(kind: type) -> tuple[str, tuple[str, str, int, int]]:
    """A checker's code: someone else's has no version of Lemnos' to go by."""
    try:
        file = inspect.getfile(kind)
    except (OSError, TypeError):
        file = ""
    return f"{kind.__module__}.{kind.__qualname__}", file_identity(Path(file))


def _environment(project: Project, program: Path | None) -> list[Any]:
    """What is installed: in the project's environment, where the tool is, and for Node.js."""
    pythons = {project.python} if project.python else set[Path]()
    if program is not None and (program.parent / "python").exists():
        pythons.add(program.parent / "python")
    found: list[Any] = [
        [file_identity(python), installed(python)] for python in sorted(pythons, key=str)
    ]
    return [*found, *(file_identity(project.root / state) for state in _NODE_STATES)]


def _plain(command: Command, scratch: Path | None) -> list[Any]:
    own = str(scratch) if scratch else "\0"
    env: Mapping[str, str] = command.env
    return [
        [part.replace(own, "<scratch>") for part in command.argv],
        {name: value.replace(own, "<scratch>") for name, value in env.items()},
        command.folder,
        command.hosts,
    ]
