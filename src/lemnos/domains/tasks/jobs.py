"""The durable work of tasks: an iteration, from checkout to callback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from typing import Any

import msgspec

from lemnos.domains.agents.ports import RunResult, Verdict
from lemnos.domains.tasks import events
from lemnos.domains.tasks.bench import Bench
from lemnos.domains.tasks.changes import DiffStore
from lemnos.domains.tasks.model import Changes, Status, Task, Usage, resting
from lemnos.domains.tasks.recording import Ending
from lemnos.domains.tasks.runs import AgentRunner, cancelled_result
from lemnos.domains.workspaces.disk import disk_full_fails
from lemnos.domains.workspaces.model import Workspace
from lemnos.engine import Job, Steps
from lemnos.kernel.errors import LemnosError, Unavailable
from lemnos.platform.db import Tx

_CANCEL_POLL = 1.0  # seconds until a cancel is noticed, at most

_STATUS = {
    Verdict.COMPLETED: Status.COMPLETED,
    Verdict.CANCELLED: Status.CANCELLED,
    Verdict.OVER_BUDGET: Status.PAUSED,
    Verdict.FAILED: Status.FAILED,
    Verdict.TIMED_OUT: Status.FAILED,
}


class IterationJob:
    """Checkout, agent, changes, end: each a step that happens once."""

    def __init__(self, bench: Bench, runner: AgentRunner, diffs: DiffStore) -> None:
        self._bench = bench
        self._runner = runner
        self._diffs = diffs

    async def __call__(self, steps: Steps) -> None:
        """Carry out the iteration that the job names."""
        try:
            await steps.run("workspace", lambda: self._prepare(steps))
            outcome = await steps.run("agent", lambda: self._agent(steps))
            changes = await steps.run("changes", lambda: self._changes(steps))
            ending = _ending(outcome, changes)
        except Unavailable:
            raise  # passes by itself: the engine tries again
        except LemnosError as error:
            ending = Ending(Status.FAILED, error=error.message, error_class=error.code)
        await steps.run("end", lambda: self._end(steps, ending))

    async def failed(self, tx: Tx, job: Job, error: str) -> None:
        """The engine has given up: the task must not be stuck."""
        task = await self._bench.store.get(job.tenant, job.payload["task_id"], tx)
        if task is not None and _is_at(task, job):
            ending = Ending(Status.FAILED, error=error, error_class="internal")
            await self._bench.recorder.ended(tx, task, ending)

    async def _task(self, steps: Steps) -> Task:
        return await self._task_of(steps.job.tenant, steps.job.payload["task_id"])

    async def _task_of(self, tenant: str, task_id: str) -> Task:
        task = await self._bench.store.get(tenant, task_id)
        if task is None:
            raise LemnosError("The task of this job does not exist.", code="task_not_found")
        return task

    async def _prepare(self, steps: Steps) -> bool:
        task = await self._task(steps)
        await self._runner.end_leftover(task)
        if task.cancel_requested_at is None:
            await self._unless_cancelled(task, self._workspace(steps, task))
        return True

    async def _unless_cancelled(self, task: Task, work: Coroutine[Any, Any, object]) -> None:
        """Do the work, or leave it soon after a cancel: a git host may never answer."""
        working = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait({working}, timeout=_CANCEL_POLL))[0]:
                current = await self._task_of(task.tenant, task.id)
                if current.cancel_requested_at is not None:
                    return
            await working
        finally:
            working.cancel()
            await asyncio.wait({working})

    async def _workspace(self, steps: Steps, task: Task) -> Workspace:
        """The task's workspace on this node; made anew where it is not, or no longer."""
        if (found := await self._bench.held_workspace(task.id)) is not None:
            return found
        branch = task.config.target_branch
        await self._bench.fenced(steps, lambda tx: self._bench.recorder.cloning(tx, task, branch))
        begun = time.monotonic()
        remote = await self._bench.credentials.remote(task)
        made = await self._bench.workspaces.make(task.tenant, task.id, remote, branch)
        seconds = time.monotonic() - begun
        told = events.clone_completed(made.checkout.base, made.checkout.branch, seconds)
        await self._bench.fenced(steps, lambda tx: self._bench.recorder.note(tx, task, told))
        return made

    async def _agent(self, steps: Steps) -> dict[str, Any]:
        task = await self._task(steps)
        if task.cancel_requested_at is not None:
            return _builtins(cancelled_result())
        await self._runner.end_leftover(task)
        # Made again here: the step before may have been recorded on a node that is gone.
        workspace = await self._workspace(steps, task)
        task = await self._task(steps)
        secrets = await self._bench.credentials.secrets(task)
        return _builtins(await self._runner.run(steps, task, secrets, workspace))

    async def _changes(self, steps: Steps) -> dict[str, int] | None:
        task = await self._task(steps)
        workspace = await self._bench.workspaces.present(task.id)
        if workspace is None:
            return None
        with disk_full_fails():
            diff = await self._bench.git.diff(workspace.checkout)
            await self._bench.workspaces.keep_snapshot(workspace)
        await self._bench.fenced(steps, lambda tx: self._diffs.put(tx, task, diff))
        changes = Changes(len(diff.files), diff.additions, diff.deletions)
        counted: dict[str, int] = msgspec.to_builtins(changes)
        return counted

    async def _end(self, steps: Steps, ending: Ending) -> bool:
        job = steps.job

        async def end(tx: Tx) -> None:
            task = await self._bench.store.get(job.tenant, job.payload["task_id"], tx)
            if task is not None and _is_at(task, job):
                await self._bench.recorder.ended(tx, task, ending)

        # Before the end is told, so that whoever sees it also sees how large the workspace is.
        await self._bench.workspaces.measure(job.payload["task_id"])
        await self._bench.fenced(steps, end)
        return True


def _is_at(task: Task, job: Job) -> bool:
    """Whether the task is still in the iteration of this job.

    A job that is taken up again after a crash may be late: its iteration has ended, and the
    caller, who saw that, has begun another one.
    """
    return task.iteration == job.payload["number"] and not resting(task.status)


def _builtins(result: RunResult) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(result)
    return plain


def _ending(outcome: Mapping[str, Any], changes: Mapping[str, int] | None) -> Ending:
    result = msgspec.convert(outcome, RunResult)
    usage = Usage(
        result.usage.input_tokens,
        result.usage.output_tokens,
        result.duration_seconds,
        result.usage.cost_usd,
    )
    return Ending(
        _STATUS[result.verdict],
        result.text,
        result.error,
        result.error_class.value if result.verdict is not Verdict.COMPLETED else "",
        usage,
        Changes(**changes) if changes else None,
        result.session,
    )
