"""Which tools a Python project declares, wherever it says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from lemnos.domains.quality.fingerprint import read_regular
from lemnos.domains.quality.model import GateRequest
from lemnos.runners.gates.plugin import NothingToJudge
from lemnos.runners.gates.project import Project

PYTHON = (".py", ".pyi")
CONFIGS = ("pyproject.toml", ".pre-commit-config.yaml")
_NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_REQUIREMENTS = re.compile(r"^(requirements[\w.-]*|dev-requirements|constraints[\w.-]*)\.(txt|in)$")
_LARGEST = 1024 * 1024  # bytes of a file of requirements or of a setup.cfg
_LARGEST_LOCK = 32 * 1024 * 1024
_MOST_NAMED = 2_000  # files on a command line; more are judged as the whole project


def chosen(project: Project, gate: str, tools: Sequence[str], default: str) -> str:
    """Which of the tools judges the project: as ``[gates.<gate>] tool`` says, else as declared."""
    wanted = project.options(gate).get("tool", ())
    named = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    found = named or tuple(tool for tool in tools if declares(project, tool)) or (default,)
    return next((tool for tool in tools if tool in found), "")


def declares(project: Project, tool: str) -> bool:
    """Whether pyproject.toml, setup.cfg, requirements or pre-commit name a tool."""
    return (
        tool in table(project.pyproject, "tool")
        or normal(tool) in dependencies(project)
        or any(hook.startswith(tool) for hook in hooks(project))
        or f"[{tool}" in setup_cfg(project)
    )


def dependencies(project: Project) -> frozenset[str]:
    """The names of all that the project depends on, also for development, normalised."""
    return frozenset(normal(name) for name in _dependencies(project))


def hooks(project: Project) -> Iterator[str]:
    """The ids of the hooks of pre-commit."""
    repositories = project.precommit.get("repos")
    for repository in repositories if isinstance(repositories, list) else ():
        found = repository.get("hooks") if isinstance(repository, Mapping) else ()
        for hook in found if isinstance(found, list) else ():
            if isinstance(hook, Mapping) and isinstance(hook.get("id"), str):
                yield hook["id"]


def table(found: Any, *keys: str) -> Mapping[str, Any]:
    """A table within tables; empty where there is none."""
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def strings(found: Any) -> tuple[str, ...]:
    """The strings of a list; a string stands for its words."""
    if isinstance(found, str):
        return tuple(found.split())
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()


def setup_cfg(project: Project) -> str:
    """The text of setup.cfg; empty where there is none."""
    return text_of(project, "setup.cfg")


def text_of(project: Project, name: str) -> str:
    """The text of a small file of the project; empty where there is none that can be read."""
    if name not in project.files:
        return ""
    try:
        return read_regular(project.root / name, _LARGEST).decode(errors="replace")
    except (OSError, ValueError):
        return ""


def lock_text(project: Project, name: str) -> str:
    """The text of a file that may be large. Raises ``ValueError`` for what can't be read."""
    try:
        return read_regular(project.root / name, _LARGEST_LOCK).decode(errors="replace")
    except OSError as error:
        raise ValueError(f"{name} can't be read: {error.strerror or error}") from None


def requirements(project: Project) -> tuple[str, ...]:
    """The files of requirements in the root and in a folder of that name."""
    return tuple(
        path
        for path in project.files
        if path.count("/") <= 1
        and (_REQUIREMENTS.match(path) or path.startswith("requirements/"))
        and path.endswith((".txt", ".in"))
    )


def narrowed(project: Project, request: GateRequest) -> tuple[str, ...]:
    """The changed Python files; empty for the whole project.

    Raises ``NothingToJudge`` where none of what has changed is Python.
    """
    if request.changed is None:
        return ()
    there = frozenset(project.files)
    changed = tuple(path for path in request.changed if path.endswith(PYTHON) and path in there)
    if not changed:
        raise NothingToJudge("No Python file has changed.")
    return changed if len(changed) <= _MOST_NAMED else ()


def arguments(project: Project, gate: str) -> tuple[str, ...]:
    """What the project adds to the command: ``[gates.<gate>] args``."""
    found = project.options(gate).get("args", ())
    return tuple(str(one) for one in found) if isinstance(found, list | tuple) else ()


def sources(project: Project) -> tuple[str, ...]:
    """Where the code is: ``src``, else the packages in the root, else its modules."""
    if any(path.startswith("src/") and path.endswith(".py") for path in project.files):
        return ("src",)
    packages = sorted(
        {
            PurePosixPath(path).parts[0]
            for path in project.files
            if path.count("/") == 1 and path.endswith("/__init__.py")
        }
        - {"tests", "test", "docs", "examples"}
    )
    modules = (path for path in project.files if "/" not in path and path.endswith(".py"))
    return tuple(packages) or tuple(name for name in modules if name != "setup.py") or (".",)


def normal(name: str) -> str:
    """A distribution's name in its normal form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _dependencies(project: Project) -> Iterator[str]:
    pyproject = project.pyproject
    groups: list[Any] = [table(pyproject, "project").get("dependencies")]
    groups += table(pyproject, "project", "optional-dependencies").values()
    groups += table(pyproject, "dependency-groups").values()
    groups += table(pyproject, "tool", "pdm", "dev-dependencies").values()
    groups.append(table(pyproject, "tool", "uv").get("dev-dependencies"))
    poetry = table(pyproject, "tool", "poetry")
    for found in (poetry, *table(poetry, "group").values()):
        yield from table(found, "dependencies")
        yield from table(found, "dev-dependencies")
    for group in groups:
        yield from _named(group if isinstance(group, list) else ())
    for path in requirements(project):
        yield from _named(text_of(project, path).splitlines())


def _named(lines: Iterable[object]) -> Iterator[str]:
    for line in lines:
        if isinstance(line, str) and (found := _NAME.match(line)):
            yield found[1]
