"""Guard rails: the gates of a project as an operation that anyone may start and follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from lemnos.domains.operations.model import Kind, Operation
from lemnos.domains.operations.ports import Report
from lemnos.domains.operations.service import OperationService
from lemnos.domains.quality.model import GateRequest
from lemnos.domains.quality.plain import plain_gate, plain_report
from lemnos.domains.quality.ports import GateEvent, Gates, Tree
from lemnos.domains.workspaces.places import Places, TaskPlaces
from lemnos.domains.workspaces.repositories import git_paths
from lemnos.kernel.context import Context, system_context
from lemnos.kernel.errors import Invalid

_TOLD = 200  # findings of one gate in an event; the result has all

# Takes tenant, workspace (the folder, or the task's id), commit, and by path the lines that tests
# have covered of those that they could.
OnCoverage = Callable[[str, str, str, Mapping[str, tuple[int, int]]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class NewGuardRails:
    """What to judge and how: a folder by its path, or the workspace of a task at rest.

    Neither: the folder that the server has for calls that name none.
    """

    workspace: str = ""
    task_id: str = ""
    request: GateRequest = field(default_factory=GateRequest)


@dataclass(frozen=True, slots=True)
class _Site:
    """The tree that is judged, and by what its coverage is found again."""

    tree: Tree
    workspace: str
    commit: str


class GuardRailsService:
    """Drafts guard-rails operations, and carries them out."""

    def __init__(
        self,
        operations: OperationService,
        places: Places,
        tasks: TaskPlaces,
        gates: Gates,
        on_coverage: OnCoverage | None = None,
    ) -> None:
        self._operations = operations
        self._places = places
        self._tasks = tasks
        self._gates = gates
        self.on_coverage = on_coverage
        operations.register(Kind.GUARD_RAILS, self.carry_out)

    async def draft(self, ctx: Context, asked: NewGuardRails) -> Operation:
        """Check what is asked for and make an operation of it, not stored yet.

        Raises ``Invalid`` with the field for a folder that may not be named, and what
        ``TaskPlaces.find`` raises for a task's.
        """
        _check(asked)
        workspace = ""
        if asked.task_id:
            async with self._tasks.find(ctx, asked.task_id):
                pass
        else:
            workspace = str(self._places.find(asked.workspace))
        request = {
            "workspace": workspace,
            "task_id": asked.task_id,
            "gates": msgspec.to_builtins(asked.request),
        }
        return self._operations.draft(ctx, Kind.GUARD_RAILS, request)

    async def carry_out(self, operation: Operation, report: Report) -> Mapping[str, Any]:
        """Run the gates; the report as ``quality.plain`` has it. See ``operations.ports.Work``.

        The place is looked up again: the job may have come to a node that does not have it.
        """
        request = msgspec.convert(operation.request["gates"], GateRequest)
        async with self._site(operation) as site:
            made = await self._gates.run(site.tree, request, _Telling(report))
        if made.coverage and self.on_coverage is not None:
            await self.on_coverage(operation.tenant, site.workspace, site.commit, made.coverage)
        return plain_report(made)

    @asynccontextmanager
    async def _site(self, operation: Operation) -> AsyncGenerator[_Site, None]:
        task_id = operation.request["task_id"]
        if not task_id:
            yield await asyncio.to_thread(self._named, operation.request["workspace"])
            return
        ctx = system_context(operation.tenant, operation.id)
        async with self._tasks.find(ctx, task_id) as place:
            checkout = place.checkout
            own = checkout.tree / ".git"
            tree = Tree(
                checkout.tree,
                protected=(own,) if own.exists() else (),
                readable=checkout.readonly,
                untouched=True,
            )
            yield _Site(tree, task_id, checkout.base)

    def _named(self, workspace: str) -> _Site:
        root = self._places.find(workspace)
        git = git_paths(root, self._places.allows)
        return _Site(Tree(root, git.inside, git.outside), str(root), git.head)


class _Telling:
    """Turns what happens to gates into events and progress."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._running: dict[str, None] = {}  # an ordered set

    async def __call__(self, event: GateEvent) -> None:
        """See ``quality.ports.OnGate``."""
        if event.result is None:
            self._running[event.gate] = None
        else:
            self._running.pop(event.gate, None)
        data: dict[str, Any] = {
            "gate": event.gate,
            "done": event.done,
            "total": event.total,
            "stage": ", ".join(self._running),
        }
        if event.result is not None:
            data["result"] = _told(plain_gate(event.result))
        name = "gate_started" if event.result is None else "gate_finished"
        await self._report(event.done / max(event.total, 1), name, data)


def _told(gate: dict[str, Any]) -> dict[str, Any]:
    """A gate as its event shows it: a thousand findings are read from the result."""
    findings = gate["metadata"]["findings"]
    if len(findings) > _TOLD:
        gate["metadata"] |= {
            "findings": findings[:_TOLD],
            "findings_left_out": len(findings) - _TOLD,
        }
    return gate


def _check(asked: NewGuardRails) -> None:
    if asked.workspace and asked.task_id:
        problem = "can't be given together with workspace"
        raise Invalid(f"task_id {problem}.", fields={"task_id": problem})
    timeout = asked.request.timeout
    if timeout is not None and timeout <= 0:
        problem = "must be over 0"
        raise Invalid(f"timeout_seconds {problem}.", fields={"timeout_seconds": problem})
