"""Looking at a tree before any tool runs: its files, and what they declare."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lemnos.domains.quality.ports import Tree
from lemnos.kernel.errors import Invalid
from lemnos.runners.gates.documents import read_json, read_toml, read_yaml
from lemnos.runners.gates.interpreters import environment_of
from lemnos.runners.gates.listing import entries, listed
from lemnos.runners.gates.project import DEFAULT_AUDIT_URL, Project
from lemnos.runners.quality.bench import Workbench

SETTINGS, PYPROJECT = "lemnos.toml", "pyproject.toml"


async def discover(
    tree: Tree, bench: Workbench, *, environment: Path | None = None, audit_url: str = ""
) -> Project:
    """What is known of a tree. ``environment`` is a virtual environment for one that has none.

    Raises ``Invalid`` for what is no folder, and for a configuration of gates that can't be read.
    """
    root = tree.root
    if not root.is_dir():
        raise Invalid(f"{root} is no folder.", code="no_folder")
    paths = await listed(root, bench, tree.readable)
    return await asyncio.to_thread(_project, root, paths, bench, environment, audit_url)


async def ruling(tree: Tree, project: Project) -> Mapping[str, Any]:
    """The settings of the gates that hold: those of the base, where the tree has others.

    Raises ``Invalid`` for those of a base that can't be read.
    """
    if not tree.may_differ(SETTINGS, PYPROJECT) or (base := await tree.beginning()) is None:
        return project.settings
    return await asyncio.to_thread(_settings_of, base)


def _settings_of(root: Path) -> Mapping[str, Any]:
    broken = dict[str, str]()
    pyproject = read_toml(root, PYPROJECT, broken)
    return _settings(_gate_file(root, broken), pyproject)


def _gate_file(root: Path, broken: dict[str, str]) -> Mapping[str, Any]:
    lemnos = read_toml(root, SETTINGS, broken)
    if SETTINGS in broken:
        raise Invalid(f"{SETTINGS} can't be read: {broken[SETTINGS]}", code="gates_config")
    return lemnos


def _project(
    root: Path, paths: tuple[str, ...], bench: Workbench, active: Path | None, audit_url: str
) -> Project:
    broken = dict[str, str]()
    pyproject = read_toml(root, PYPROJECT, broken)
    lemnos = _gate_file(root, broken)
    found = tuple(entries(root, paths))
    environment = environment_of(root, active)
    return Project(
        root=root,
        files=tuple(entry.path for entry in found if not entry.is_link),
        pyproject=pyproject,
        package=read_json(root, "package.json", broken),
        precommit=read_yaml(root, ".pre-commit-config.yaml", broken),
        settings=_settings(lemnos, pyproject),
        broken=broken,
        python=environment.python if environment else None,
        tools=bench.path,
        links=tuple(entry.path for entry in found if entry.is_link),
        environments=environment.readable if environment else (),
        audit_url=audit_url or DEFAULT_AUDIT_URL,
    )


def _settings(lemnos: Mapping[str, Any], pyproject: Mapping[str, Any]) -> Mapping[str, Any]:
    """The table ``gates`` of lemnos.toml, else ``tool.lemnos.gates`` of pyproject.toml."""
    if "gates" in lemnos:
        found, place = lemnos["gates"], f"{SETTINGS}: gates"
    else:
        found, place = pyproject, "pyproject.toml: tool.lemnos.gates"
        for key in ("tool", "lemnos", "gates"):
            found = found.get(key, {}) if isinstance(found, Mapping) else {}
    if not isinstance(found, Mapping):
        raise Invalid(f"{place} is not a table.", code="gates_config")
    return found
