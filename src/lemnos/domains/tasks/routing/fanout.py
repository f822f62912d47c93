"""One task for several agents: each works in a task of its own, and the best try is kept.

The parent works at nothing: it is a row until the last of its tries has come to rest, which asks
for the judging in the same transaction.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import msgspec

from lemnos.domains.agents.model import Judgement
from lemnos.domains.agents.router import Router
from lemnos.domains.agents.service import AgentService
from lemnos.domains.quality.ports import Inspection, Inspector
from lemnos.domains.quality.safety import CheckResult, Outcome
from lemnos.domains.tasks.bench import Bench
from lemnos.domains.tasks.changes import DiffStore
from lemnos.domains.tasks.finish import is_at
from lemnos.domains.tasks.model import Status, Task, Usage, resting
from lemnos.domains.tasks.recording import Ending
from lemnos.domains.tasks.routing import events, judging
from lemnos.domains.tasks.routing.model import Judged
from lemnos.domains.tasks.routing.parking import Parking
from lemnos.domains.tasks.routing.store import OrderStore
from lemnos.domains.tasks.work import judge_job
from lemnos.domains.workspaces.ports import Diff
from lemnos.engine import Engine, Job, Steps
from lemnos.kernel.errors import LemnosError, Unavailable
from lemnos.platform.db import Tx

_AT_ONCE = 2  # tries that are checked side by side


class Rests:
    """What follows when a routed task comes to rest, in the same transaction."""

    def __init__(
        self, bench: Bench, orders: OrderStore, parking: Parking, router: Router, engine: Engine
    ) -> None:
        self._bench = bench
        self._orders = orders
        self._parking = parking
        self._router = router
        self._engine = engine

    async def __call__(self, tx: Tx, task: Task) -> None:
        """The task waits for nobody; an attempt that is open will not be ended by anybody."""
        if not task.routed:
            return
        await self._parking.taken_up(tx, task)
        state = await self._orders.get(task.tenant, task.id, tx)
        if state is not None and state.course.attempt is not None:
            await self._router.interrupted(tx, task.tenant, task.id, task.iteration)
        if task.parent_id:
            await self._perhaps_last(tx, task)

    async def _perhaps_last(self, tx: Tx, task: Task) -> None:
        # The lock of the parent makes one of two that end at once see the other.
        parent = await self._bench.store.get(task.tenant, task.parent_id, tx)
        if parent is None or resting(parent.status) or parent.iteration > 1:
            return
        tries = await self._bench.store.children(task.tenant, parent.id, tx)
        if not all(map(resting, tries.values())):
            return
        if parent.cancel_requested_at is not None:
            ending = Ending(Status.CANCELLED, error="Cancelled.")
            await self._bench.recorder.ended(tx, parent, ending)
            return
        job = judge_job(parent)
        await self._engine.enqueue(tx, job)
        await self._orders.change(tx, parent, parked_job=job.id)


class JudgeJob:
    """Checks each try that completed, compares them, and lets the parent go on from the best."""

    def __init__(
        self,
        bench: Bench,
        orders: OrderStore,
        agents: AgentService,
        inspector: Inspector,
        diffs: DiffStore,
    ) -> None:
        self._bench = bench
        self._orders = orders
        self._agents = agents
        self._inspector = inspector
        self._diffs = diffs

    async def __call__(self, steps: Steps) -> None:
        """Judge the fan-out that the job names."""
        said = await steps.run("check", lambda: self._check_all(steps))
        tries = msgspec.convert(said, list[Judged])
        await steps.run("end", lambda: self._end(steps, tries))

    async def failed(self, tx: Tx, job: Job, error: str) -> None:
        """The engine has given up: the parent must not be stuck."""
        parent = await self._bench.store.get(job.tenant, job.payload["task_id"], tx)
        if parent is not None and is_at(parent, job):
            ending = Ending(Status.FAILED, error=error, error_class="internal")
            await self._bench.recorder.ended(tx, parent, ending)

    async def _check_all(self, steps: Steps) -> list[dict[str, Any]]:
        """What is said of each try. A crash lets all be checked again, which changes nothing."""
        parent = await self._bench.task(steps.job.tenant, steps.job.payload["task_id"])
        tries = await self._bench.store.children(parent.tenant, parent.id)
        places = asyncio.Semaphore(_AT_ONCE)

        async def check(task_id: str) -> Judged:
            async with places:
                return await self._check(parent, await self._bench.task(parent.tenant, task_id))

        return [msgspec.to_builtins(one) for one in await asyncio.gather(*map(check, tries))]

    async def _check(self, parent: Task, task: Task) -> Judged:
        if task.config.gates is not None:  # they have judged it already, repairs included
            return judging.verdict_by_gates(task)
        if task.status is not Status.COMPLETED:
            return judging.verdict_on(task, ())
        try:
            checks = await self._bench.unless_cancelled(parent, self._inspect(task))
        except Unavailable:
            raise
        except LemnosError as error:
            problem = f"It could not be checked: {error.message}"
            return judging.verdict_on(task, (), problem)
        return judging.verdict_on(task, checks or ())

    async def _inspect(self, task: Task) -> tuple[CheckResult, ...]:
        diff = await self._diffs.get(task.tenant, task.id)
        changed = _paths(diff) if diff else ()
        if not changed:
            return ()
        remote = await self._bench.credentials.remote(task)
        async with self._bench.workspaces.examined(task.id, remote) as seen:
            report = await self._inspector.inspect(
                Inspection(
                    seen.tree.tree,
                    seen.base.tree,
                    changed,
                    readonly=(*seen.tree.readonly, *seen.base.readonly),
                )
            )
        return report.checks

    async def _end(self, steps: Steps, tries: list[Judged]) -> bool:
        job = steps.job
        comparison = judging.compare("gates", tries)
        kept = await self._bench.task(job.tenant, comparison.kept) if comparison.kept else None
        diff = await self._diffs.get(job.tenant, kept.id) if kept else None
        tasks = [await self._bench.task(job.tenant, one.task_id) for one in tries]

        async def body(tx: Tx) -> None:
            parent = await self._bench.store.get(job.tenant, job.payload["task_id"], tx)
            if parent is None or not is_at(parent, job):
                return
            await self._orders.change(
                tx, parent, judgement=comparison, attempts=len(tries), parked_job=""
            )
            for one, task in zip(tries, tasks, strict=True):
                await self._tell(tx, one, task)
            await self._bench.recorder.note(tx, parent, events.judged(comparison))
            used = _total(tasks)
            if parent.cancel_requested_at is not None:
                ending = Ending(Status.CANCELLED, error="Cancelled.", usage=used)
            elif kept is None:
                error = judging.nothing_passed(comparison)
                ending = Ending(Status.FAILED, error=error, error_class="gates", usage=used)
            else:
                ending = await self._keep(tx, parent, kept, diff, used)
                parent = replace(parent, agent_id=kept.agent_id, runtime=kept.runtime)
            await self._bench.recorder.ended(tx, parent, ending)

        await self._bench.fenced(steps, body)
        return True

    async def _keep(
        self, tx: Tx, parent: Task, kept: Task, diff: Diff | None, used: Usage
    ) -> Ending:
        """The parent goes on from the try: its changes, its result, and its agent's session."""
        await self._bench.store.change(
            tx,
            parent,
            agent_id=kept.agent_id,
            runtime=kept.runtime,
            runtime_reason=f"The best of its tries: {kept.runtime_reason}",
        )
        await self._bench.workspaces.adopt(tx, parent.id, kept.id)
        if diff is not None:
            await self._diffs.put(tx, parent, diff)
        return Ending(
            Status.COMPLETED,
            kept.result or "",
            usage=used,
            changes=kept.changes,
            session=kept.session,
            gates=kept.gates,
        )

    async def _tell(self, tx: Tx, one: Judged, task: Task) -> None:
        """What the checks say counts for the agents that did the work."""
        found = [(Judgement.CHECKS, not one.failed)] if judging.ran(one.checks) else []
        if (outcome := judging.tests(one.checks)) is not Outcome.NOT_RUN:
            found.append((Judgement.TESTS, outcome is Outcome.PASSED))
        for kind, passed in found:
            await self._agents.judge(
                tx, task.tenant, task.agent_id, task.id, task.iteration, kind, passed
            )


def _paths(diff: Diff) -> tuple[str, ...]:
    paths = (path for file in diff.files for path in (file.path, file.old_path) if path)
    return tuple(dict.fromkeys(paths))


def _total(tasks: list[Task]) -> Usage:
    total = Usage()
    for task in tasks:
        total = total.plus(task.usage or Usage())
    return total
