"""The end of an iteration, however its agent was found: its changes counted, its end told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from lemnos.domains.agents.ports import RunResult, Verdict
from lemnos.domains.tasks.bench import Bench
from lemnos.domains.tasks.changes import DiffStore
from lemnos.domains.tasks.gating import GateRecord, GatesAsked, Stage, Stopped, refusal
from lemnos.domains.tasks.model import Changes, Status, Task, Usage, resting
from lemnos.domains.tasks.recording import Ending
from lemnos.domains.workspaces.disk import disk_full_fails
from lemnos.engine import Job, Steps
from lemnos.platform.db import Tx

STATUS = {
    Verdict.COMPLETED: Status.COMPLETED,
    Verdict.CANCELLED: Status.CANCELLED,
    Verdict.OVER_BUDGET: Status.PAUSED,
    Verdict.FAILED: Status.FAILED,
    Verdict.TIMED_OUT: Status.FAILED,
}


class Finish:
    """The last steps of the jobs that carry an iteration out."""

    def __init__(self, bench: Bench, diffs: DiffStore) -> None:
        self._bench = bench
        self._diffs = diffs

    async def changes(self, steps: Steps) -> dict[str, int] | None:
        """Keep the diff and a snapshot of what there is, and count it."""
        task = await self._bench.task(steps.job.tenant, steps.job.payload["task_id"])
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

    async def end(self, steps: Steps, ending: Ending) -> bool:
        """Tell the end, unless an earlier run of the step has."""
        job = steps.job

        async def end(tx: Tx) -> None:
            task = await self._bench.store.get(job.tenant, job.payload["task_id"], tx)
            if task is not None and is_at(task, job):
                await self._bench.recorder.ended(tx, task, await self._gated(tx, task, ending))

        # Before the end is told, so that whoever sees it also sees how large the workspace is.
        await self._bench.workspaces.measure(job.payload["task_id"])
        await self._bench.fenced(steps, end)
        return True

    async def _gated(self, tx: Tx, task: Task, ending: Ending) -> Ending:
        if task.config.gates is None:  # few tasks have any: the others are not asked about
            return ending
        record = await self._bench.store.gate_record(task.id, task.iteration, tx)
        return gated(ending, task.config.gates, record)

    async def failed(self, tx: Tx, job: Job, error: str) -> None:
        """The engine has given up on a job."""
        task = await self._bench.store.get(job.tenant, job.payload["task_id"], tx)
        if task is not None and is_at(task, job):
            ending = Ending(Status.FAILED, error=error, error_class="internal")
            await self._bench.recorder.ended(tx, task, ending)


def is_at(task: Task, job: Job) -> bool:
    """Whether the task is still in the iteration of this job.

    A job that is taken up again after a crash may be late: its iteration has ended, and the
    caller, who saw that, has begun another one.
    """
    return task.iteration == job.payload["number"] and not resting(task.status)


def ending_of(result: RunResult) -> Ending:
    """How an iteration ends that one run has carried out."""
    usage = Usage(
        result.usage.input_tokens,
        result.usage.output_tokens,
        result.duration_seconds,
        result.usage.cost_usd,
    )
    return Ending(
        STATUS[result.verdict],
        result.text,
        result.error,
        result.error_class.value if result.verdict is not Verdict.COMPLETED else "",
        usage,
        session=result.session,
    )


def gated(ending: Ending, asked: GatesAsked | None, record: GateRecord | None) -> Ending:
    """The end as the gates leave it: what completed fails where they had to pass and did not."""
    if asked is None or record is None:
        return ending
    if record.stage is not Stage.SETTLED:  # the engine, or something else, has given up
        record = replace(record, tree="", prompt="")
    ending = replace(ending, gates=record)
    invalid = record.stopped == Stopped.INVALID
    if ending.status is not Status.COMPLETED or record.success or not (asked.required or invalid):
        return ending
    code = "gates_invalid" if invalid else "gates_failed"
    return replace(ending, status=Status.FAILED, error=refusal(record), error_class=code)


def with_changes(ending: Ending, changes: Mapping[str, int] | None) -> Ending:
    """The end with what has changed, as it was counted."""
    return replace(ending, changes=Changes(**changes) if changes else None)
