"""One run of an agent: started, followed into the event log, ended, and its outcome kept."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from lemnos.domains.agents.ports import (
    AgentEvent,
    AgentRun,
    ErrorClass,
    EventKind,
    Limits,
    ModelAccess,
    RunResult,
    RunSpec,
    Runtime,
    Runtimes,
    Verdict,
)
from lemnos.domains.mcp.model import merged
from lemnos.domains.mcp.service import McpService
from lemnos.domains.tasks import events
from lemnos.domains.tasks.model import Task, TaskSecrets
from lemnos.domains.tasks.recording import Recorder
from lemnos.domains.tasks.store import TaskStore
from lemnos.domains.tasks.transcript import Transcript
from lemnos.domains.workspaces.model import Workspace
from lemnos.engine import Steps
from lemnos.kernel import clock
from lemnos.kernel.background import cancelled, patiently
from lemnos.kernel.redact import Redactor
from lemnos.platform.db import Database, Tx
from lemnos.platform.events.port import EventLog, NewEvent

_CANCEL_POLL = 1.0  # seconds until a cancel on another node is noticed, at most
_INTERRUPTED = "You were interrupted in the middle of this. Look at what is there, and go on:\n"
_FORGOTTEN = "You have worked on this before, but that session is lost. You had been asked:\n\n"
_LONGEST_TEXT, _LONGEST_ERROR = 100_000, 10_000  # characters of a result that are kept
# Session ids are given to programs: none is an option of theirs.
_SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")
_SIGNS_OF_WORK = frozenset({EventKind.TEXT, EventKind.THINKING, EventKind.TOOL_USE})

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What this node gives to every run. ``accesses`` maps a provider to its model endpoint."""

    node: str
    accesses: Mapping[str, ModelAccess]
    limits: Limits
    allowed_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run came to. ``first_response_ms``: from its start to the first sign of the model."""

    result: RunResult
    first_response_ms: float | None = None

    @property
    def worked(self) -> bool:
        """Whether the agent came to do anything."""
        return self.first_response_ms is not None


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

    async def carry_out(
        self,
        steps: Steps,
        task: Task,
        runtime: Runtime,
        spec: RunSpec,
        secrets: TaskSecrets,
        wanted: Callable[[], Awaitable[bool]] | None = None,
        past: Sequence[str] = (),
    ) -> Ran:
        """Run the agent once, or twice: when its session is lost, it is told the past instead.

        ``past`` is what it was asked before in this iteration. The run is cancelled when the task
        is, and when ``wanted`` says no.
        """
        # The workspace was made anew, and sessions live in the home beside it.
        lost = spec.resume and not any(spec.home.iterdir())
        if lost or (past and not spec.resume):
            spec = replace(spec, resume="", prompt=await self._retold(task, spec, past))
        ran = await self._attempt(steps, task, runtime, spec, secrets, wanted)
        if spec.resume and not ran.worked and ran.result.error_class is ErrorClass.AGENT:
            # The session was not saved when its run was killed, or is on a node that is gone.
            spec = replace(spec, resume="", prompt=await self._retold(task, spec, past))
            ran = await self._attempt(steps, task, runtime, spec, secrets, wanted)
        return ran

    async def _attempt(
        self,
        steps: Steps,
        task: Task,
        runtime: Runtime,
        spec: RunSpec,
        secrets: TaskSecrets,
        wanted: Callable[[], Awaitable[bool]] | None,
    ) -> Ran:
        """One start of the agent."""
        redactor = Redactor((*secrets.values(), *_mcp_secrets(spec), spec.access.api_key))
        begun = time.monotonic()
        run = await runtime.start(spec)
        self._active[task.id] = run
        try:
            answered = await self._follow(steps, task, run, redactor, wanted)
        except BaseException:
            await asyncio.shield(run.cancel())
            raise
        finally:
            self._active.pop(task.id, None)
        first = None if answered is None else max(0.0, (answered - begun) * 1000)
        return Ran(_redacted(run.result, redactor), first)

    async def _retold(self, task: Task, spec: RunSpec, past: Sequence[str]) -> str:
        """The prompt for a model that has lost its session; one without a model needs no past."""
        iterations = await self._store.iterations(task.tenant, task.id)
        earlier = [one.prompt for one in iterations if one.number < task.iteration]
        earlier += past
        if not earlier or spec.access.provider == "none":
            return spec.prompt
        return _FORGOTTEN + "\n\n".join([*earlier, "Now:", spec.prompt])

    async def spec(self, task: Task, secrets: TaskSecrets, workspace: Workspace) -> RunSpec:
        """What every run of the task is given, whoever does it: no model yet, and no session."""
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
            limits=limits,
            mcp_servers=tuple(server.server() for server in servers),
            allowed_hosts=self._options.allowed_hosts,
            readonly=workspace.checkout.readonly,
            options={"operation": config.operation} if config.operation else {},
        )

    @property
    def accesses(self) -> Mapping[str, ModelAccess]:
        """The operator's model endpoints, by provider."""
        return self._options.accesses

    async def _follow(
        self,
        steps: Steps,
        task: Task,
        run: AgentRun,
        redactor: Redactor,
        wanted: Callable[[], Awaitable[bool]] | None,
    ) -> float | None:
        """Log all that the agent says, to its end; when (monotonic) it first did anything."""
        stream = events.stream_of(task.id)
        transcript = Transcript(self._db, self._log, steps, task.tenant, stream)
        await transcript.open()
        answered: float | None = None
        noted = ""
        watch = asyncio.create_task(self._watch_for_cancel(task, run, wanted or _always))
        try:
            async for happened in run:
                if happened.kind is EventKind.STARTED:
                    await self._note_process(steps, task, run)
                session = _session_id(happened.detail.get("session"))
                if session and session != noted:
                    await self.note(steps, task, session=session)
                    noted = session
                if answered is None and happened.kind in _SIGNS_OF_WORK:
                    answered = time.monotonic()
                transcript.add(_logged(happened, redactor))
                if transcript.full:
                    await transcript.settled()
            await transcript.close()
        finally:
            await cancelled(watch)
        return answered

    async def _watch_for_cancel(
        self, task: Task, run: AgentRun, wanted: Callable[[], Awaitable[bool]]
    ) -> None:
        while True:
            current = await patiently(lambda: self._store.get(task.tenant, task.id))
            over = current is None or current.cancel_requested_at is not None
            if over or not await patiently(wanted):
                await run.cancel()
                return
            await asyncio.sleep(_CANCEL_POLL)

    async def _note_process(self, steps: Steps, task: Task, run: AgentRun) -> None:
        node, pgid, ticks = self._options.node, run.pgid, run.started_ticks
        await self.note(steps, task, node=node, pgid=pgid, started_ticks=ticks)

    async def note(self, steps: Steps, task: Task, **values: object) -> None:
        """Write down what is known of the run, however long the database is away."""

        async def body(tx: Tx) -> None:
            await steps.fence(tx)
            await self._store.change_iteration(tx, task.id, task.iteration, **values)

        await patiently(lambda: self._db.write(body, retry_safe=True))


async def _always() -> bool:
    return True


def interrupted(spec: RunSpec, session: str) -> RunSpec:
    """The run that goes on in a session that was cut off."""
    return replace(spec, resume=session, prompt=_INTERRUPTED + spec.prompt)


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
    detail = {"kind": happened.kind, **happened.detail}
    return NewEvent(
        kind,
        name,
        redactor.raw(happened.raw),
        clock.now(),
        redactor.raw(_encode(detail)),
    )


def _mcp_secrets(spec: RunSpec) -> tuple[str, ...]:
    return tuple(
        value
        for server in spec.mcp_servers
        for value in (*server.env.values(), *server.headers.values())
    )


def _redacted(result: RunResult, redactor: Redactor) -> RunResult:
    """What the run came to, as it may be stored and shown: an agent can say anything."""
    return replace(
        result,
        text=_kept(redactor.text(result.text), _LONGEST_TEXT),
        error=_kept(redactor.text(result.error), _LONGEST_ERROR),
        session=_session_id(result.session),
    )


def _kept(text: str, longest: int) -> str:
    """Text without what PostgreSQL cannot hold, and not longer than people read."""
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text if len(text) <= longest else f"{text[:longest]}…"


def _session_id(said: object) -> str:
    return said if isinstance(said, str) and _SESSION.fullmatch(said) else ""
