"""The durable work of tasks: an iteration, from checkout to callback."""

from __future__ import annotations

from typing import Any

import msgspec

from lemnos.domains.agents.ports import RunResult
from lemnos.domains.tasks.bench import Bench
from lemnos.domains.tasks.changes import DiffStore
from lemnos.domains.tasks.direct import DirectRuns
from lemnos.domains.tasks.finish import Finish, ending_of, with_changes
from lemnos.domains.tasks.model import Status, Task
from lemnos.domains.tasks.recording import Ending
from lemnos.domains.tasks.runs import AgentRunner, cancelled_result
from lemnos.engine import Job, Steps
from lemnos.kernel.errors import LemnosError, Unavailable
from lemnos.platform.db import Tx


class IterationJob:
    """Checkout, agent and gates, changes, end: each a step that happens once."""

    def __init__(
        self, bench: Bench, runner: AgentRunner, runs: DirectRuns, diffs: DiffStore
    ) -> None:
        self._bench = bench
        self._runner = runner
        self._runs = runs
        self._finish = Finish(bench, diffs)

    async def __call__(self, steps: Steps) -> None:
        """Carry out the iteration that the job names."""
        try:
            await steps.run("workspace", lambda: self._prepare(steps))
            outcome = await steps.run("agent", lambda: self._agent(steps))
            changes = await steps.run("changes", lambda: self._finish.changes(steps))
            ending = with_changes(ending_of(msgspec.convert(outcome, RunResult)), changes)
        except Unavailable:
            raise  # passes by itself: the engine tries again
        except LemnosError as error:
            ending = Ending(Status.FAILED, error=error.message, error_class=error.code)
        await steps.run("end", lambda: self._finish.end(steps, ending))

    async def failed(self, tx: Tx, job: Job, error: str) -> None:
        """The engine has given up: the task must not be stuck."""
        await self._finish.failed(tx, job, error)

    async def _task(self, steps: Steps) -> Task:
        return await self._bench.task(steps.job.tenant, steps.job.payload["task_id"])

    async def _prepare(self, steps: Steps) -> bool:
        task = await self._task(steps)
        await self._runner.end_leftover(task)
        if task.cancel_requested_at is None:
            await self._bench.unless_cancelled(task, self._bench.workspace(steps, task))
        return True

    async def _agent(self, steps: Steps) -> dict[str, Any]:
        task = await self._task(steps)
        if task.cancel_requested_at is not None:
            return _builtins(cancelled_result())
        await self._runner.end_leftover(task)
        workspace = await self._bench.held_workspace(task.id)
        if workspace is None:
            # Made again: the step before may have been recorded on a node that is gone.
            await self._runs.forget(steps, task)
            workspace = await self._bench.workspace(steps, task)
        task = await self._task(steps)
        secrets = await self._bench.credentials.secrets(task)
        return _builtins(await self._runs.run(steps, task, secrets, workspace))


def _builtins(result: RunResult) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(result)
    return plain
