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

SETTINGS = "lemnos.toml"


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


def _project(
    root: Path, paths: tuple[str, ...], bench: Workbench, active: Path | None, audit_url: str
) -> Project:
    broken = dict[str, str]()
    pyproject = read_toml(root, "pyproject.toml", broken)
    lemnos = read_toml(root, SETTINGS, broken)
    if SETTINGS in broken:
        raise Invalid(f"{SETTINGS} can't be read: {broken[SETTINGS]}", code="gates_config")
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
