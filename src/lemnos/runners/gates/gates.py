"""The gates of a project over the sandbox: chosen, run, told, and held against a baseline."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lemnos.domains.agents.ports import Limits
from lemnos.domains.quality.baseline import DEFAULT_NAME, Baseline
from lemnos.domains.quality.model import GateReport, GateRequest
from lemnos.domains.quality.ports import OnGate, Tree
from lemnos.kernel.errors import Invalid, NotFound
from lemnos.runners.gates.discovery import discover, ruling
from lemnos.runners.gates.inputs import Stamps
from lemnos.runners.gates.judging import Judge, Plan, Target, looking
from lemnos.runners.gates.keepsake import Keepsake
from lemnos.runners.gates.project import DEFAULT_AUDIT_URL, Project
from lemnos.runners.gates.registry import Registry, load
from lemnos.runners.gates.running import Job, Runner
from lemnos.runners.gates.schedule import Schedule
from lemnos.runners.gates.selection import select
from lemnos.runners.gates.toolroom import KeptCaches, Ways
from lemnos.runners.gates.verdicts import Verdicts
from lemnos.runners.quality.bench import Workbench
from lemnos.runners.sandbox import Sandbox

if TYPE_CHECKING:
    from lemnos.runners.gateway import ModelGateway


class SandboxGates:
    """Implements ``lemnos.domains.quality.ports.Gates``.

    ``cache`` is a folder for verdicts, which several processes may share. ``way_out`` makes the
    gateway to the hosts that a tool names, when the first one does; None: there is none.
    ``read_only`` and ``path`` are where the operator keeps tools. ``timeout`` is the longest that a
    gate may take, in seconds. ``jobs`` tools run at once; None: as many as there are processors.
    ``environment`` is a virtual environment for projects that have none of their own.
    ``registry``: None: what is installed.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        cache: Path,
        *,
        way_out: Callable[[], ModelGateway] | None = None,
        read_only: tuple[Path, ...] = (),
        path: tuple[Path, ...] = (),
        limits: Limits | None = None,
        timeout: float = 1800.0,
        jobs: int | None = None,
        audit_url: str = DEFAULT_AUDIT_URL,
        environment: Path | None = None,
        registry: Registry | None = None,
    ) -> None:
        self._jobs = jobs or len(os.sched_getaffinity(0))
        self._bench = Workbench(sandbox, read_only, path, limits or Limits())
        self._stamps = Stamps(cache / "stamps")
        self._ways = Ways(way_out, sandbox.isolated)
        self._runner = Runner(
            self._bench,
            Verdicts(cache / "verdicts"),
            KeptCaches(cache / "tools"),
            self._ways,
            self._jobs,
        )
        self._timeout = timeout
        self._audit_url = audit_url
        self._environment = environment
        self._registry = registry

    async def close(self) -> None:
        """Close the way out, if there was one."""
        await self._ways.close()

    async def project(self, tree: Tree) -> Project:
        """What the tree declares. Raises ``Invalid`` for a configuration that can't be read."""
        return await discover(
            tree, self._bench, environment=self._environment, audit_url=self._audit_url
        )

    async def run(
        self, tree: Tree, request: GateRequest, on_gate: OnGate | None = None
    ) -> GateReport:
        """Run the gates: those that write one after the other, then the others side by side.

        ``on_gate`` hears of each gate as it begins and ends; the report has them in order.
        """
        begun = time.monotonic()
        tree = _resolved(tree)
        if tree.untouched:
            request = replace(request, no_format=True)
        # Plug-ins load while git lists the files.
        registry, project = await asyncio.gather(self._plugins(), self.project(tree))
        project = replace(project, settings=await ruling(tree, project))
        checkers = registry.of(project)
        unloadable = {one.gate: one.why for one in registry.unloadable}
        selection = select(project, request, [*dict.fromkeys((*checkers, *unloadable))])
        baseline = await _baseline(tree, project, request)
        job = await self._job(tree, project, request)
        forgiven = tree.base is not None and tree.forgiving
        base = partial(self._base, tree, project, request, registry)
        plan = Plan(selection.optional, baseline, base if forgiven else None, unloadable)
        keepsake = Keepsake(tree, self._bench, job.state.paths)
        if tree.untouched:
            job = replace(job, touching=keepsake.keep)
        judge = Judge(self._runner, self._stamps, Target(job, checkers), plan)
        schedule = Schedule(
            judge, selection.gates, self._jobs, fail_fast=request.fail_fast, on_gate=on_gate
        )
        try:
            results = await schedule.run()
        finally:
            await asyncio.shield(keepsake.restore())
        return GateReport(results, time.monotonic() - begun, judge.coverage)

    async def _plugins(self) -> Registry:
        return await asyncio.to_thread(load) if self._registry is None else self._registry

    async def _job(self, tree: Tree, project: Project, request: GateRequest) -> Job:
        paths = (*project.files, *project.links)
        state = await asyncio.to_thread(self._stamps.state, project.root, paths)
        timeout = min(self._timeout, request.timeout or self._timeout)
        # A tool that runs an agent's code could write into its cache what the next run believes.
        return Job(project, tree, request, state, timeout, keeps=not tree.protected)

    async def _base(
        self, tree: Tree, project: Project, request: GateRequest, registry: Registry
    ) -> Target:
        """What the tree was made from; it borrows the environment of the tree itself."""
        beginning = await tree.beginning()
        assert beginning is not None  # else nobody asks
        environment = project.python.parent.parent if project.python else self._environment
        base = Tree(beginning.resolve(), readable=tree.readable)
        found = await discover(
            base, self._bench, environment=environment, audit_url=self._audit_url
        )
        job = replace(await self._job(base, found, looking(request)), keeps=False)
        return Target(job, registry.of(found))


def _resolved(tree: Tree) -> Tree:
    """The tree by its real path: what a tool says of files is compared with it."""
    root = tree.root.resolve()
    inside = (path for path in tree.protected if path.is_relative_to(tree.root))
    protected = tuple(root / path.relative_to(tree.root) for path in inside)
    return replace(tree, root=root, protected=protected)


async def _baseline(tree: Tree, project: Project, request: GateRequest) -> Baseline | None:
    """The one that the request names, else the project, else the usual one, if it is there.

    Where the tree's may be another than that of its base, that of the base holds.

    Raises ``Invalid`` for one outside of the project or that can't be read, and ``NotFound`` when
    the request names one that is not there. One that the project names may have yet to be made.
    """
    name = request.baseline or project.settings.get("baseline", DEFAULT_NAME)
    if not name:
        return None
    root = project.root
    if tree.may_differ(str(name)) and (base := await tree.beginning()) is not None:
        root = base.resolve()
    return await asyncio.to_thread(_load, root, name, demanded=bool(request.baseline))


def _load(root: Path, name: object, *, demanded: bool) -> Baseline:
    if not isinstance(name, str) or not (root / name).resolve().is_relative_to(root):
        message = "The baseline is to be a file inside of the project."
        raise Invalid(message, code="baseline_invalid", fields={"baseline": message})
    try:
        return Baseline.load(root / name)
    except NotFound:
        if demanded:
            raise
        return Baseline()
