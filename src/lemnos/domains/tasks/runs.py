"""One run of an agent: started, followed into the event log, ended, and its outcome kept."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from lemnos.domains.agents.model import merged
from lemnos.domains.agents.ports import (
    AgentEvent,
    AgentRun,
    Choice,
    EventKind,
    Limits,
    ModelAccess,
    RunResult,
    RunSpec,
    Runtime,
    Runtimes,
    Verdict,
)
from lemnos.domains.agents.service import McpService
from lemnos.domains.tasks import events
from lemnos.domains.tasks.model import Task, TaskSecrets
from lemnos.domains.tasks.recording import Recorder
from lemnos.domains.tasks.store import TaskStore
from lemnos.domains.workspaces.model import Workspace
from lemnos.engine import Steps
from lemnos.kernel import clock
from lemnos.kernel.redact import Redactor
from lemnos.platform.db import Database, Tx
from lemnos.platform.events.port import EventLog, NewEvent

_BATCH = 200
_BACKLOG = 2_000  # events waiting for the log at which the agent's output is no longer read
_CANCEL_POLL = 1.0  # seconds until a cancel on another node is noticed, at most
_INTERRUPTED = "You were interrupted in the middle of this. Look at what is there, and go on:\n"

_outcome = msgspec.json.Decoder(RunResult).decode


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What this node gives to every run. ``accesses`` maps a provider to its model endpoint."""

    node: str
    accesses: Mapping[str, ModelAccess]
    limits: Limits
    allowed_hosts: tuple[str, ...] = ()


class EventWriter:
    """Appends events in batches: while one batch is being written, the next one gathers."""

    def __init__(self, append: Callable[[Sequence[NewEvent]], Awaitable[None]]) -> None:
        self._append = append
        self._waiting: list[NewEvent] = []
        self._flushing: asyncio.Task[None] | None = None

    async def add(self, event: NewEvent) -> None:
        """Take an event; waits when the log cannot keep up. Raises what the log raised."""
        self._waiting.append(event)
        if self._flushing is None or self._flushing.done():
            await self.settled()
            self._flushing = asyncio.create_task(self._flush())
        elif len(self._waiting) >= _BACKLOG:
            await self.settled()

    async def settled(self) -> None:
        """Wait for the batch under way."""
        if self._flushing is not None:
            await self._flushing

    async def close(self) -> None:
        """Wait until everything is in the log."""
        await self.settled()
        await self._flush()

    async def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
            await self._append(batch)


class AgentRunner:
    """Runs agents for tasks, and knows those that run on this node now."""

    def __init__(
        self,
        db: Database,
        store: TaskStore,
        log: EventLog,
        recorder: Recorder,
        runtimes: Runtimes,
        mcp: McpService,
        options: RunOptions,
    ) -> None:
        self._db = db
        self._store = store
        self._log = log
        self._recorder = recorder
        self._runtimes = runtimes
        self._mcp = mcp
        self._options = options
        self._active: dict[str, AgentRun] = {}
        self._stopping: set[asyncio.Task[None]] = set()

    @property
    def active(self) -> int:
        """How many agents run on this node."""
        return len(self._active)

    def stop(self, task_id: str) -> None:
        """End a task's run, if it is on this node."""
        if (run := self._active.get(task_id)) is not None:
            stopping = asyncio.ensure_future(run.cancel())
            self._stopping.add(stopping)
            stopping.add_done_callback(self._stopping.discard)

    async def end_leftover(self, task: Task) -> None:
        """End what an agent's run has left behind when this node was killed."""
        record = await self._store.run_record(task.id, task.iteration)
        if record and record["pgid"] and record["node"] == self._options.node:
            await self._runtimes.end_leftover(record["pgid"], record["started_ticks"])

    async def run(
        self, steps: Steps, task: Task, secrets: TaskSecrets, workspace: Workspace
    ) -> RunResult:
        """Run the agent for the task's current iteration.

        The result is kept before it is returned, so a crash right afterwards does not run the
        agent a second time.
        """
        record = await self._store.run_record(task.id, task.iteration)
        if record and record["outcome"]:
            return _outcome(record["outcome"])
        choice = await self._choose(task, secrets)
        spec = await self._spec(task, secrets, workspace, choice.runtime)
        if record and record["session"]:
            spec = replace(spec, resume=record["session"], prompt=_INTERRUPTED + spec.prompt)
        task = await self._begin(steps, task, choice)
        redactor = Redactor((*secrets.values(), *_mcp_secrets(spec), spec.access.api_key))
        run = await choice.runtime.start(spec)
        self._active[task.id] = run
        try:
            await self._follow(steps, task, run, redactor)
        except BaseException:
            await asyncio.shield(run.cancel())
            raise
        finally:
            self._active.pop(task.id, None)
        result = _redacted(run.result, redactor)
        await self._keep(steps, task, result)
        return result

    async def _choose(self, task: Task, secrets: TaskSecrets) -> Choice:
        known = {name for name, access in self._options.accesses.items() if access.api_key}
        if secrets.ai_api_key:
            known = {"anthropic", "openai"}
        return await self._runtimes.choose(task.config.cli, known)

    async def _spec(
        self, task: Task, secrets: TaskSecrets, workspace: Workspace, runtime: Runtime
    ) -> RunSpec:
        servers = merged(await self._mcp.definitions(task.tenant), secrets.mcp_servers)
        config = task.config
        limits = replace(
            self._options.limits,
            timeout=config.timeout_seconds,
            max_turns=config.max_turns,
            max_budget_usd=config.max_budget_usd,
        )
        return RunSpec(
            task_id=task.id,
            run_id=f"{task.id}-{task.iteration}",
            workspace=workspace.checkout.tree,
            home=workspace.home,
            prompt=task.current_prompt,
            model=config.ai_model,
            access=self._access(task, secrets, runtime),
            limits=limits,
            mcp_servers=tuple(server.server() for server in servers),
            allowed_hosts=self._options.allowed_hosts,
            resume=task.session if task.runtime == runtime.name else "",
            readonly=workspace.checkout.readonly,
        )

    def _access(self, task: Task, secrets: TaskSecrets, runtime: Runtime) -> ModelAccess:
        """The model endpoint for a runtime, with the task's own key where it brings one."""
        if runtime.needs == "none":
            return ModelAccess("none")
        if runtime.needs == "any":
            wanted = "openai" if task.config.ai_model.startswith(("gpt", "o")) else "anthropic"
        else:
            wanted = runtime.needs
        access = self._options.accesses.get(wanted, ModelAccess("none"))
        if secrets.ai_api_key:
            access = replace(access, api_key=secrets.ai_api_key)
        return access if access.api_key else ModelAccess("none")

    async def _begin(self, steps: Steps, task: Task, choice: Choice) -> Task:
        async def body(tx: Tx) -> Task:
            await steps.fence(tx)
            name, reason = choice.runtime.name, choice.reason
            return await self._recorder.running(tx, task, name, reason)

        return await self._db.write(body)

    async def _follow(self, steps: Steps, task: Task, run: AgentRun, redactor: Redactor) -> None:
        stream = events.stream_of(task.id)

        async def append(batch: Sequence[NewEvent]) -> None:
            async def body(tx: Tx) -> None:
                await steps.fence(tx)
                await self._log.append(tx, task.tenant, stream, batch)

            await self._db.write(body)

        writer = EventWriter(append)
        watch = asyncio.create_task(self._watch_for_cancel(task, run))
        try:
            async for happened in run:
                if happened.kind is EventKind.STARTED:
                    await self._note_process(steps, task, run)
                if session := happened.detail.get("session"):
                    await self._note_session(steps, task, str(session))
                await writer.add(_logged(happened, redactor))
            await writer.close()
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def _watch_for_cancel(self, task: Task, run: AgentRun) -> None:
        while True:
            current = await self._store.get(task.tenant, task.id)
            if current is None or current.cancel_requested_at is not None:
                await run.cancel()
                return
            await asyncio.sleep(_CANCEL_POLL)

    async def _note_process(self, steps: Steps, task: Task, run: AgentRun) -> None:
        async def body(tx: Tx) -> None:
            await steps.fence(tx)
            await self._store.change_iteration(
                tx,
                task.id,
                task.iteration,
                node=self._options.node,
                pgid=run.pgid,
                started_ticks=run.started_ticks,
            )

        await self._db.write(body)

    async def _note_session(self, steps: Steps, task: Task, session: str) -> None:
        async def body(tx: Tx) -> None:
            await steps.fence(tx)
            await self._store.change_iteration(tx, task.id, task.iteration, session=session)

        await self._db.write(body)

    async def _keep(self, steps: Steps, task: Task, result: RunResult) -> None:
        async def body(tx: Tx) -> None:
            await steps.fence(tx)
            outcome = msgspec.json.encode(result).decode()
            await self._store.change_iteration(tx, task.id, task.iteration, outcome=outcome)

        await self._db.write(body)


def cancelled_result() -> RunResult:
    """The result of a run that was cancelled before its agent started."""
    return RunResult(Verdict.CANCELLED, error="Cancelled before the agent started.")


_PLACES = {
    EventKind.STARTED: ("cli", "started"),
    EventKind.EXITED: ("cli", "exited"),
    EventKind.STDERR: ("cli", "stderr"),
}


def _logged(happened: AgentEvent, redactor: Redactor) -> NewEvent:
    kind, name = _PLACES.get(happened.kind, ("stream", "output"))
    detail = {"kind": happened.kind.value, **happened.detail}
    return NewEvent(
        kind,
        name,
        redactor.raw(happened.raw),
        clock.now(),
        redactor.raw(msgspec.json.encode(detail)),
    )


def _mcp_secrets(spec: RunSpec) -> tuple[str, ...]:
    return tuple(
        value
        for server in spec.mcp_servers
        for value in (*server.env.values(), *server.headers.values())
    )


def _redacted(result: RunResult, redactor: Redactor) -> RunResult:
    return replace(result, text=redactor.text(result.text), error=redactor.text(result.error))
