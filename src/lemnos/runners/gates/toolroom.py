"""The room that a tool gets for one run: where it may write, what it may read, whom it may call."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lemnos.domains.agents.ports import ModelAccess
from lemnos.domains.quality.ports import Tree
from lemnos.runners.gates.listing import protected
from lemnos.runners.gates.plugin import Command
from lemnos.runners.gates.project import Project
from lemnos.runners.quality.bench import Room
from lemnos.runners.scratch import Scratch

if TYPE_CHECKING:
    from lemnos.runners.gateway import ModelGateway


@dataclass(frozen=True, slots=True)
class Desk:
    """A folder for one run of a tool: ``reports`` it is to write, and caches that go with it."""

    folder: Path

    @property
    def reports(self) -> Path:
        """Where it leaves its reports."""
        return self.folder / "reports"


@contextlib.asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    """A new desk, which goes at the end."""
    scratch = Scratch()
    try:
        made = Desk(scratch.path)
        made.reports.mkdir()
        yield made
    finally:
        await asyncio.to_thread(scratch.close)


def environment(project: Project, command: Command, at: Desk) -> dict[str, str]:
    """The environment of a tool: caches lead out of the tree, the command's own words win."""
    caches = {
        name: str(at.folder / name.lower())
        for name in ("RUFF_CACHE_DIR", "MYPY_CACHE_DIR", "XDG_CACHE_HOME", "NPM_CONFIG_CACHE")
    }
    own = {"COVERAGE_FILE": str(at.folder / "coverage"), **caches}
    if project.python is not None:
        own["VIRTUAL_ENV"] = str(project.python.parent.parent)
    return {**own, **command.env}


def room(project: Project, tree: Tree, command: Command, at: Desk) -> Room:
    """What a tool may read and write, and where its programs are."""
    modules = project.root / "node_modules" / ".bin"
    path = [project.python.parent] if project.python is not None else []
    path += [modules] if modules.is_dir() else []
    return Room(
        readable=(*tree.readable, *project.environments),
        writable=(at.folder,),
        protected=tuple(dict.fromkeys((*tree.protected, *protected(tree.root)))),
        path=tuple(path),
        folder=_folder(project.root, command.folder),
    )


def _folder(root: Path, folder: str) -> Path | None:
    """The folder that a command starts in. Raises ValueError for one outside of the tree."""
    if not folder:
        return None
    found = (root / folder).resolve()
    if not found.is_relative_to(root.resolve()) or not found.is_dir():
        raise ValueError(f"{folder} is no folder of the project")
    return root / folder


class Ways:
    """Ways out of the sandbox, each to the hosts that a command names and no other."""

    def __init__(self, make: Callable[[], ModelGateway] | None, isolated: bool) -> None:
        self._make = make
        self._isolated = isolated
        self._gateway: ModelGateway | None = None

    @contextlib.asynccontextmanager
    async def to(
        self, hosts: tuple[str, ...]
    ) -> AsyncIterator[tuple[Path | None, Mapping[str, str]]]:
        """The gateway's socket and the environment that leads there; nothing without hosts."""
        if not hosts or self._make is None:
            yield None, {}
            return
        # Here, as few runs of the gates need a network, and all would wait for HTTP to load.
        from lemnos.runners.gateway import Policy
        from lemnos.runners.runtimes.host import proxy_environment

        self._gateway = self._gateway or self._make()
        policy = Policy(ModelAccess("none"), allowed_hosts=hosts)
        way = await self._gateway.open(policy, lambda _: None, isolated=self._isolated)
        try:
            yield way.socket, proxy_environment(way)
        finally:
            await way.close()

    async def close(self) -> None:
        """Close what was opened."""
        if self._gateway is not None:
            await self._gateway.close()


class KeptCaches:
    """Caches of tools that outlive a run, a folder for each project and tool.

    One run at a time has it, in whichever process: others do with a throw-away one. What a tool
    keeps there can be written by whatever it starts, so trees of agents get none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def lent(self, root: Path, tool: str) -> Iterator[Path | None]:
        """The folder, None while another run has it."""
        name = hashlib.sha256(os.fsencode(root)).hexdigest()[:24]
        folder = self._folder / name / tool.replace("/", "-")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder.with_name(f"{folder.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            taken = folder
        except OSError:
            taken = None
        try:
            yield taken
        finally:
            os.close(lock)
