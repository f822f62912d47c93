"""What a project has pinned: exact versions, from lock files, requirements or what is installed."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

from lemnos.runners.gates.interpreters import installed
from lemnos.runners.gates.project import Project
from lemnos.runners.gates.python.declared import lock_text, normal, requirements, table

_PIN = re.compile(
    r"^\s*(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*===?\s*(?P<version>[^\s;,#\\*]+)"
)
_TOML_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock")
_PYLOCK = re.compile(r"^pylock(?:\.[\w-]+)?\.toml$")


@dataclass(frozen=True, slots=True)
class Pin:
    """A distribution in one version; ``path`` and ``line`` are where it is pinned, if in a file."""

    name: str
    version: str
    path: str = ""
    line: int | None = None


def pins(project: Project) -> tuple[Pin, ...]:
    """All that is pinned: in lock files, else in requirements, else in the environment.

    Raises ``ValueError`` for a lock file that can't be parsed.
    """
    wanted = project.options("audit").get("files", ())
    named = (wanted,) if isinstance(wanted, str) else tuple(str(one) for one in wanted)
    locks = named or tuple(
        path
        for path in project.files
        if path in (*_TOML_LOCKS, "Pipfile.lock") or _PYLOCK.match(path)
    )
    found = [pin for path in locks for pin in _of(project, path)]
    if not locks:
        found = [pin for path in requirements(project) for pin in _requirements(project, path)]
    if not found and not named and project.python is not None:
        found = list(_environment(project))
    return tuple({(pin.name, pin.version): pin for pin in reversed(found)}.values())[::-1]


def _of(project: Project, path: str) -> Iterator[Pin]:
    if path.endswith((".txt", ".in")):
        return _requirements(project, path)
    return _pipfile(project, path) if path.endswith("Pipfile.lock") else _toml(project, path)


def _toml(project: Project, path: str) -> Iterator[Pin]:
    """``[[package]]`` of uv, Poetry and PDM, ``[[packages]]`` of pylock.toml (PEP 751)."""
    text = lock_text(project, path)
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} can't be parsed: {error}") from None
    packages = found.get("package") or found.get("packages") or ()
    lines = _name_lines(text)
    for one in packages if isinstance(packages, list) else ():
        name, version = table({"": one}, "").get("name"), table({"": one}, "").get("version")
        source = table(one, "source")
        local = {"editable", "virtual", "directory", "path"} & source.keys()
        if isinstance(name, str) and isinstance(version, str) and not local:
            yield Pin(normal(name), version, path, lines.get(normal(name)))


def _pipfile(project: Project, path: str) -> Iterator[Pin]:
    try:
        found = json.loads(lock_text(project, path))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} can't be parsed: {error}") from None
    for group in ("default", "develop"):
        for name, one in table(found, group).items():
            version = table({"": one}, "").get("version")
            if isinstance(version, str) and version.startswith("=="):
                yield Pin(normal(name), version.removeprefix("=="), path)


def _requirements(project: Project, path: str) -> Iterator[Pin]:
    for number, line in enumerate(lock_text(project, path).splitlines(), start=1):
        if found := _PIN.match(line):
            yield Pin(normal(found["name"]), found["version"], path, number)


def _environment(project: Project) -> Iterator[Pin]:
    assert project.python is not None  # who calls has looked
    for entry in installed(project.python):
        name, dash, version = entry.partition("-")
        if dash and not version.endswith((".pth", ".egg-info", ".egg-link")):
            yield Pin(normal(name), version)


def _name_lines(text: str) -> dict[str, int]:
    """Where each package of a TOML lock begins."""
    found = dict[str, int]()
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("name = "):
            found.setdefault(normal(line.removeprefix("name = ").strip().strip("\"'")), number)
    return found
