"""The durable work of a pull request: commit, push, open, each a step that happens once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from lemnos.domains.integrations.ports import Forges, PullRequestDraft
from lemnos.domains.quality.feedback import code_span, summary
from lemnos.domains.tasks.bench import Bench
from lemnos.domains.tasks.model import (
    PullRequestAsked,
    Status,
    Task,
    branch_name,
    pull_request_title,
)
from lemnos.domains.workspaces.model import Workspace
from lemnos.domains.workspaces.ports import Pushed, Remote
from lemnos.engine import Job, Steps
from lemnos.kernel.errors import Conflict, LemnosError, Unavailable
from lemnos.platform.db import Tx

_BRANCHES = 20  # names tried before giving up


class PullRequestJob:
    """Turns the work tree of a task into a pull request."""

    def __init__(self, bench: Bench, forges: Forges) -> None:
        self._bench = bench
        self._forges = forges

    async def __call__(self, steps: Steps) -> None:
        """Carry out the request that the job names."""
        try:
            pushed = await steps.run("push", lambda: self._push(steps))
            opened = await steps.run("open", lambda: self._open(steps, pushed["branch"]))
        except Unavailable:
            raise  # passes by itself: the engine tries again
        except LemnosError as error:
            message, code = error.message, error.code
            await steps.run("failed", lambda: self._refuse(steps, message, code))
            return
        await steps.run("end", lambda: self._end(steps, pushed, opened))

    async def failed(self, tx: Tx, job: Job, error: str) -> None:
        """The engine has given up: the task goes back to completed, with the error kept."""
        task = await self._asking(job, tx)
        if task is not None:
            await self._bench.recorder.pull_request_failed(tx, task, error, "internal")

    async def _task(self, steps: Steps) -> Task:
        task = await self._asking(steps.job)
        if task is None:
            raise LemnosError("The task is not making a pull request.", code="task_state")
        if task.cancel_requested_at is not None:
            raise Conflict("The pull request was cancelled.", code="cancelled")
        return task

    async def _asking(self, job: Job, tx: Tx | None = None) -> Task | None:
        """The task, while it waits for this very job.

        One that is taken up late, after a crash, must not answer for what was asked since.
        """
        task = await self._bench.store.get(job.tenant, job.payload["task_id"], tx)
        if task is None or task.status is not Status.CREATING_PR:
            return None
        asked = await self._bench.store.pull_request_asked(task.tenant, task.id, tx)
        return task if asked.job == job.id else None

    async def _push(self, steps: Steps) -> dict[str, Any]:
        task = await self._task(steps)
        asked = await self._bench.store.pull_request_asked(task.tenant, task.id)
        remote = await self._bench.credentials.remote(task)
        workspace = await self._workspace(task, remote)
        try:
            pushed = await self._to_free_branch(task, asked, workspace, remote)
        finally:
            await self._bench.db.write(lambda tx: self._bench.workspaces.release(tx, task.id))
        branch, commit = pushed.branch, pushed.commit
        await self._bench.fenced(
            steps, lambda tx: self._bench.recorder.branch_pushed(tx, task, branch, commit)
        )
        return {
            "branch": pushed.branch,
            "commit": pushed.commit,
            "base": workspace.checkout.branch,
        }

    async def _workspace(self, task: Task, remote: Remote) -> Workspace:
        if (found := await self._bench.held_workspace(task.id)) is not None:
            return found
        branch = task.config.target_branch
        return await self._bench.workspaces.make(task.tenant, task.id, remote, branch)

    async def _to_free_branch(
        self, task: Task, asked: PullRequestAsked, workspace: Workspace, remote: Remote
    ) -> Pushed:
        """Push to the task's branch; a name that others have taken gets a numeric suffix."""
        message = _message(task, asked)
        if task.branch:
            return await self._bench.git.push(
                workspace.checkout, remote, task.branch, message, expected=task.pushed_commit
            )
        for attempt in range(1, _BRANCHES + 1):
            try:
                name = branch_name(task.id, attempt, asked.branch)
                return await self._bench.git.push(workspace.checkout, remote, name, message)
            except Conflict as error:
                if error.code != "branch_exists":
                    raise
        raise Conflict(f"{_BRANCHES} branches of this task's name exist.", code="branch_exists")

    async def _open(self, steps: Steps, branch: str) -> dict[str, Any]:
        task = await self._task(steps)
        asked = await self._bench.store.pull_request_asked(task.tenant, task.id)
        token, provider = await self._bench.credentials.token(task)
        draft = PullRequestDraft(
            repo_url=task.repo_url,
            head=branch,
            base=await self._base(task, asked),
            title=pull_request_title(task, asked),
            body="\n\n".join(filter(None, (asked.description or _body(task), _verdicts(task)))),
            token=token,
        )
        opened = await self._forges.of(task.repo_url, provider).open_pull_request(draft)
        return {"url": opened.url, "number": opened.number}

    async def _base(self, task: Task, asked: PullRequestAsked) -> str:
        if asked.target_branch or task.config.target_branch:
            return asked.target_branch or task.config.target_branch
        workspace = await self._bench.workspaces.present(task.id)
        if workspace is not None:
            return workspace.checkout.branch
        return await self._bench.git.default_branch(await self._bench.credentials.remote(task))

    async def _end(self, steps: Steps, pushed: dict[str, Any], opened: dict[str, Any]) -> bool:
        branch, commit = pushed["branch"], pushed["commit"]
        url, number = opened["url"], opened["number"]
        return await self._record(
            steps,
            lambda tx, task: self._bench.recorder.pull_request_open(
                tx, task, branch, commit, url, number
            ),
        )

    async def _refuse(self, steps: Steps, message: str, code: str) -> bool:
        return await self._record(
            steps,
            lambda tx, task: self._bench.recorder.pull_request_failed(tx, task, message, code),
        )

    async def _record(self, steps: Steps, write: Callable[[Tx, Task], Awaitable[object]]) -> bool:
        """Write how it came out; False when an earlier run of the step has done so."""
        job, recorded = steps.job, False

        async def body(tx: Tx) -> None:
            nonlocal recorded
            task = await self._asking(job, tx)
            recorded = task is not None
            if task is not None:
                await write(tx, task)

        await self._bench.fenced(steps, body)
        return recorded


def _message(task: Task, asked: PullRequestAsked) -> str:
    return f"{pull_request_title(task, asked)}\n\nLemnos-Task: {task.id}\n"


def _body(task: Task) -> str:
    """What a reviewer wants to know: what was asked for, what the agent says, how much changed."""
    quoted = "\n".join(f"> {line}" for line in task.prompt.strip().splitlines())
    parts = [quoted, task.result or ""]
    if task.changes is not None:
        counts = task.changes
        parts.append(
            f"{counts.files_changed} files changed, "
            f"{counts.insertions} insertions(+), {counts.deletions} deletions(-)"
        )
    parts.append(f"Made by {task.runtime or 'an agent'} through Lemnos, task `{task.id}`.")
    return "\n\n".join(part for part in parts if part)


def _verdicts(task: Task) -> str:
    """What the gates said, and what a reader should look at all the same; Markdown."""
    record = task.gates
    if record is None or record.report is None:
        return ""
    parts = [summary(record.report)]
    if record.repairs:
        times = "once" if record.repairs == 1 else f"{record.repairs} times"
        parts.append(f"The agent was sent back {times} with what they found.")
    if record.weakened:
        places = "\n".join(f"- {code_span(one)}" for one in record.weakened)
        parts.append(f"**The change takes from the checks themselves:**\n\n{places}")
    return "\n\n".join(part.strip() for part in parts)
