"""A run of a program that speaks in lines, inside a sandbox with a gateway of its own.

What differs between agents is their :class:`Dialect`; limits, cancelling, budget, events of the
gateway and the end of all processes are the same for each.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import msgspec

from lemnos.domains.agents.ports import (
    AgentEvent,
    AgentRun,
    ErrorClass,
    EventKind,
    RunResult,
    RunSpec,
    Usage,
    Verdict,
)
from lemnos.runners.gateway import Notice, Policy, RunGateway
from lemnos.runners.process import Exit, Line, Patience, Process
from lemnos.runners.runtimes.host import Host
from lemnos.runners.sandbox import Launch, Sandboxed

FAREWELL_SECONDS = 10.0  # to exit by itself, once it has said its last word
PATIENCE = Patience(asked=5.0, terminated=2.0)
_TURN = 100  # lines after which others get a turn: an agent may print without end
_STDERR_KEPT = 20  # lines, for the error of a run that ended without a result
_STDERR_LINE = 2_000  # characters kept of each
_ENDED_AS = {
    Verdict.CANCELLED: ("The run was cancelled.", ErrorClass.NONE),
    Verdict.TIMED_OUT: ("The run took longer than its limit of {timeout:g} s.", ErrorClass.TIMEOUT),
    Verdict.OVER_BUDGET: (
        "The budget of this run, {budget} US dollars, is spent.",
        ErrorClass.BUDGET,
    ),
}


class Dialect(Protocol):
    """How one kind of agent is spoken with. One object for each run."""

    @property
    def finished(self) -> bool:
        """The agent has given its result; nothing more is expected of it."""
        ...

    async def begin(self, process: Process) -> None:
        """Hand over the prompt. Raises OSError when the agent is gone already."""
        ...

    def events(self, line: bytes) -> Iterable[AgentEvent]:
        """What a line of stdout says."""
        ...

    async def interrupt(self, process: Process) -> bool:
        """Ask it to end; False when it knows no such thing. Raises OSError when it is gone."""
        ...

    def result(self, ended: Exit, stderr: str) -> RunResult:
        """What came of it, by all that the agent itself has said."""
        ...


@dataclass(frozen=True, slots=True)
class Command:
    """A program for a run: its arguments, what it adds to the environment, what it has to read."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    read_only: tuple[Path, ...] = ()


class SandboxedRun:
    """See :class:`lemnos.domains.agents.ports.AgentRun`. Made by :func:`start_run`."""

    def __init__(
        self, spec: RunSpec, host: Host, dialect: Dialect, gateway: RunGateway, inbox: _Inbox
    ) -> None:
        self._spec = spec
        self._host = host
        self._dialect = dialect
        self._gateway = gateway
        self._inbox = inbox
        self._sandboxed: Sandboxed | None = None
        self._argv: tuple[str, ...] = ()
        self._verdict: Verdict | None = None
        self._result: RunResult | None = None
        self._stderr: deque[str] = deque(maxlen=_STDERR_KEPT)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ending: asyncio.Task[Exit] | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self.pid: int | None = None
        self.pgid: int | None = None
        self.started_ticks: int | None = None
        self.started: float | None = None

    async def launch(self, command: Command) -> None:
        """Start the program and hand it the prompt. Raises OSError when it can't be started."""
        spec, host = self._spec, self._host
        spec.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sandboxed = await host.sandbox.start(
            Launch(
                run_id=spec.run_id,
                argv=command.argv,
                workspace=spec.workspace,
                home=spec.home,
                env=command.env,
                limits=spec.limits,
                read_only=(*host.read_only, *command.read_only, *spec.readonly),
                gateway=self._gateway.socket,
            )
        )
        process = self._sandboxed.process
        self._argv = command.argv
        self.pid, self.pgid = process.pid, process.pgid
        self.started_ticks, self.started = process.started_ticks, process.started
        self._inbox.attach(process, self._end_early)
        self._after(spec.limits.timeout, Verdict.TIMED_OUT)
        self._keep(asyncio.create_task(self._begin(process)))

    @property
    def result(self) -> RunResult:
        """The result, once the iteration has ended."""
        if self._result is None:
            raise RuntimeError("the run has not ended yet")
        return self._result

    async def cancel(self) -> None:
        """End it: ask, then SIGTERM, then the whole sandbox. The iteration then ends."""
        await asyncio.shield(self._end(Verdict.CANCELLED))

    async def __aiter__(self) -> AsyncIterator[AgentEvent]:
        """The run's events, to its end. To be iterated once; breaking off ends the run."""
        assert self._sandboxed is not None
        process = self._sandboxed.process
        try:
            for event in self._first_events():
                yield event
            async for batch in process.batches():
                for number, line in enumerate(batch):
                    if number % _TURN == _TURN - 1:
                        await asyncio.sleep(0)
                    for event in self._read(line):
                        yield event
                for event in self._inbox.take():
                    yield event
                if self._dialect.finished:
                    self._say_farewell(process)
            ended = await self._sandboxed.wait()
        finally:
            await self._close()
        self._result = self._conclude(ended)
        for event in self._last_events(ended, self._result):
            yield event

    # --- ending -------------------------------------------------------------------------------

    def _end(self, verdict: Verdict | None) -> asyncio.Task[Exit]:
        """Start to end the program. An agent that has given its result keeps its own verdict."""
        assert self._sandboxed is not None
        if verdict is not None and self._verdict is None and not self._dialect.finished:
            self._verdict = verdict
        if self._ending is None:
            process = self._sandboxed.process
            self._ending = asyncio.create_task(
                self._sandboxed.end(lambda: self._dialect.interrupt(process), PATIENCE)
            )
        return self._ending

    def _end_early(self, notice: Notice) -> None:
        self._end(Verdict.OVER_BUDGET if notice.kind == "over_budget" else None)

    def _after(self, seconds: float, verdict: Verdict | None) -> None:
        loop = asyncio.get_running_loop()
        self._timers.append(loop.call_later(seconds, self._end, verdict))

    def _say_farewell(self, process: Process) -> None:
        if self._ending is None and len(self._timers) == 1:
            process.close_stdin()
            self._after(FAREWELL_SECONDS, None)

    async def _close(self) -> None:
        for timer in self._timers:
            timer.cancel()
        assert self._sandboxed is not None
        self._sandboxed.kill()
        await self._sandboxed.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._gateway.close()

    async def _begin(self, process: Process) -> None:
        with contextlib.suppress(OSError):  # its end says more than a broken pipe
            await self._dialect.begin(process)

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)

    # --- events and result --------------------------------------------------------------------

    def _first_events(self) -> Iterator[AgentEvent]:
        sandbox = self._host.sandbox
        started = {"pid": self.pid, "argv": list(self._argv), "sandbox": sandbox.name}
        yield made_event(EventKind.STARTED, started)
        if sandbox.warning:
            yield made_event(EventKind.ERROR, {"text": sandbox.warning, "warning": True})

    def _read(self, line: Line) -> Iterable[AgentEvent]:
        if line.cut:
            text = f"A line of {line.size} bytes was cut off."
            return (made_event(EventKind.ERROR, {"text": text, "bytes": line.size, "cut": True}),)
        if not line.data:
            return ()
        if line.stream == "stderr":
            text = line.data.decode(errors="replace")
            self._stderr.append(text[:_STDERR_LINE])
            return (made_event(EventKind.STDERR, {"text": text}),)
        try:
            return tuple(self._dialect.events(line.data))
        except (msgspec.MsgspecError, RecursionError):
            # No agent says such a thing, but what runs beside it can write to its output.
            text = f"A line of {line.size} bytes can't be read."
            return (made_event(EventKind.OTHER, {"text": text, "bytes": line.size}),)

    def _conclude(self, ended: Exit) -> RunResult:
        assert self._sandboxed is not None
        result = self._dialect.result(ended, "\n".join(self._stderr))
        meter = self._gateway.meter
        if meter.calls:
            tokens = meter.tokens
            result = replace(result, usage=Usage(tokens.all_input, tokens.output, meter.cost))
        if self.started is not None:
            result = replace(result, duration_seconds=time.monotonic() - self.started)
        if breach := self._sandboxed.breach:
            return replace(
                result, verdict=Verdict.FAILED, error=str(breach), error_class=ErrorClass.AGENT
            )
        if meter.out_of_turns and result.verdict is Verdict.FAILED:
            return replace(result, error=meter.out_of_turns, error_class=ErrorClass.AGENT)
        verdict = self._verdict
        if result.verdict is Verdict.FAILED and meter.over_budget:
            verdict = Verdict.OVER_BUDGET
        if result.verdict is Verdict.FAILED and meter.unpriced:
            result = replace(result, error=meter.unpriced, error_class=ErrorClass.BUDGET)
        if result.error_class is ErrorClass.UNKNOWN:
            result = replace(result, error_class=classify_status(self._gateway.failed_with))
        if verdict is None:
            return result
        text, error_class = _ENDED_AS[verdict]
        limits = self._spec.limits
        error = text.format(timeout=limits.timeout, budget=limits.max_budget_usd)
        return replace(result, verdict=verdict, error=error, error_class=error_class)

    def _last_events(self, ended: Exit, result: RunResult) -> Iterator[AgentEvent]:
        assert self._sandboxed is not None
        yield from self._inbox.take()
        if breach := self._sandboxed.breach:
            detail = {"text": str(breach), "limit": breach.resource, "used": breach.used}
            yield made_event(EventKind.ERROR, detail | {"allowed": breach.allowed})
        yield made_event(
            EventKind.EXITED,
            {
                "exit_code": ended.code,
                "signal": ended.signal,
                "verdict": result.verdict.value,
                "reason": result.error,
            },
        )


class _Inbox:
    """What the gateway has to say, kept until the run's reader comes by."""

    def __init__(self) -> None:
        self._notices: list[Notice] = []
        self._process: Process | None = None
        self._stop: Callable[[Notice], None] | None = None

    def attach(self, process: Process, stop: Callable[[Notice], None]) -> None:
        self._process, self._stop = process, stop

    def put(self, notice: Notice) -> None:
        self._notices.append(notice)
        if self._process is not None:
            self._process.nudge()
        if notice.kind in {"over_budget", "out_of_turns"} and self._stop is not None:
            self._stop(notice)

    def take(self) -> Iterator[AgentEvent]:
        notices, self._notices = self._notices, []
        return map(_notice_event, notices)


class RefusedRun:
    """A run that could not be started: its only events say why."""

    pid: int | None = None
    pgid: int | None = None
    started_ticks: int | None = None
    started: float | None = None

    def __init__(self, error: str, error_class: ErrorClass) -> None:
        self.result = RunResult(Verdict.FAILED, error=error, error_class=error_class)

    async def __aiter__(self) -> AsyncIterator[AgentEvent]:
        """One event: the error."""
        yield made_event(EventKind.ERROR, {"text": self.result.error})

    async def cancel(self) -> None:
        """Nothing runs."""


async def start_run(
    spec: RunSpec,
    host: Host,
    dialect: Dialect,
    command: CommandMaker,
    *,
    max_calls: int | None = None,
) -> AgentRun:
    """Open a gateway for the run and start the program. Failures end up in the result.

    ``max_calls`` ends the run at that many model calls, for agents that know no limit of turns.
    """
    inbox = _Inbox()
    policy = Policy(
        spec.access,
        budget_usd=spec.limits.max_budget_usd,
        max_calls=max_calls,
        max_tokens=spec.limits.max_tokens,
        allowed_hosts=spec.allowed_hosts,
        mcp_servers=spec.mcp_servers,
    )
    gateway = await host.gateway.open(policy, inbox.put, isolated=host.sandbox.isolated)
    run = SandboxedRun(spec, host, dialect, gateway, inbox)
    try:
        await run.launch(command(gateway))
    except OSError as error:
        await gateway.close()
        return RefusedRun(f"The agent could not be started: {error}", ErrorClass.UNKNOWN)
    except BaseException:
        await gateway.close()
        raise
    return run


class CommandMaker(Protocol):
    """Makes a run's command once its gateway is known. Raises OSError."""

    def __call__(self, gateway: RunGateway) -> Command: ...


def made_event(kind: EventKind, detail: Mapping[str, Any]) -> AgentEvent:
    """An event that the runner itself has to tell, in the same form as an agent's."""
    return AgentEvent(kind, msgspec.json.encode({"type": f"lemnos.{kind.value}", **detail}), detail)


def other_text(line: bytes) -> AgentEvent:
    """A line that is no JSON document."""
    return made_event(EventKind.OTHER, {"text": line.decode(errors="replace")})


def _notice_event(notice: Notice) -> AgentEvent:
    detail: dict[str, Any] = {"text": notice.message}
    if notice.kind == "usage":
        detail |= {
            "model": notice.model,
            "input_tokens": notice.tokens.all_input,
            "output_tokens": notice.tokens.output,
            "cost_usd": notice.cost_usd,
            "total_usd": notice.total_usd,
        }
        return made_event(EventKind.USAGE, detail)
    if notice.kind == "denied_host":
        detail["denied_host"] = notice.host
    if notice.kind == "over_budget":
        detail |= {"error_class": ErrorClass.BUDGET.value, "total_usd": notice.total_usd}
    return made_event(EventKind.ERROR, detail)


def classify_status(status: int | None) -> ErrorClass:
    """The class of an HTTP status that a model API answered with; None: none was involved."""
    if status is None:
        return ErrorClass.AGENT
    if status in {401, 403}:
        return ErrorClass.AUTH
    if status in {429, 529}:
        return ErrorClass.RATE_LIMIT
    if status in {408, 504}:
        return ErrorClass.TIMEOUT
    return ErrorClass.NETWORK if status >= 500 else ErrorClass.AGENT
