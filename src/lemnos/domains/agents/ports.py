"""The runtime port: how an agent runs. Every runtime passes the same conformance suite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec


class EventKind(StrEnum):
    """What an agent's output line says, whichever runtime wrote it."""

    STARTED = "started"  # the process runs; detail: pid, argv (redacted), sandbox
    THINKING = "thinking"
    TEXT = "text"
    TOOL_USE = "tool_use"
    TOOL_RESULT = "tool_result"
    FILE_CHANGE = "file_change"
    USAGE = "usage"
    STDERR = "stderr"
    ERROR = "error"
    RESULT = "result"
    OTHER = "other"
    EXITED = "exited"  # detail: exit_code, signal, reason


class AgentEvent(msgspec.Struct, frozen=True):
    """One normalised event; ``raw`` is the agent's own line as it came, a JSON document.

    ``detail`` holds the few fields that are decoded: text, tool, id, path, …
    """

    kind: EventKind
    raw: bytes
    detail: Mapping[str, Any] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class McpServer:
    """An MCP server that the agent may use: over stdio (``command``) or HTTP (``url``)."""

    name: str
    command: tuple[str, ...] = ()
    url: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use. Sizes in bytes, times in seconds, money in US dollars."""

    timeout: float = 300.0
    max_turns: int | None = None
    max_budget_usd: float | None = None
    max_tokens: int | None = None  # of each answer of the model; what is asked is only lowered
    memory: int = 4 * 1024**3
    processes: int = 512
    disk: int | None = None  # the workspace's size, checked while the agent runs


@dataclass(frozen=True, slots=True)
class ModelAccess:
    """Where the model is and the real credential, which only the model gateway ever sees.

    ``price_per_1k`` is in US dollars for 1,000 tokens, input and output alike; it counts where
    the table of prices does not know the model. ``outside``: a caller named ``base_url``, not the
    operator, so it may lead to no private address.
    """

    provider: Literal["anthropic", "openai", "none"]
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    price_per_1k: float | None = None
    outside: bool = False


@dataclass(frozen=True, slots=True)
class RunSpec:
    """One run of an agent in a workspace."""

    task_id: str
    run_id: str  # unique for each iteration and attempt
    workspace: Path
    home: Path  # the agent's own home, kept between the iterations of a task
    prompt: str
    model: str = ""
    access: ModelAccess = ModelAccess("none")
    limits: Limits = Limits()
    mcp_servers: tuple[McpServer, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    readonly: tuple[Path, ...] = ()  # what the sandbox shows beside the workspace, e.g. git objects
    resume: str = ""  # the runtime's own session id, from the result of an earlier run
    options: Mapping[str, Any] = field(default_factory=dict)


class Verdict(StrEnum):
    """How a run ended; never taken from an exit code alone."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    OVER_BUDGET = "over_budget"


class ErrorClass(StrEnum):
    """Why a run failed, as far as fallback and retry care."""

    NONE = "none"
    RATE_LIMIT = "rate_limit"
    TIMEOUT = "timeout"
    NETWORK = "network"
    AUTH = "auth"
    BUDGET = "budget"
    NOT_INSTALLED = "not_installed"
    UNSUITED = "unsuited"  # by its own word no work for it: no fault, and no use to try again
    AGENT = "agent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the gateway or the agent metered them, and their cost in US dollars."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended and what it used. ``text`` is the agent's closing message."""

    verdict: Verdict
    text: str = ""
    error: str = ""
    error_class: ErrorClass = ErrorClass.NONE
    usage: Usage = Usage()
    session: str = ""  # to resume from
    turns: int = 0
    duration_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RuntimeStatus:
    """Whether a runtime can work here, and why not."""

    installed: bool
    version: str = ""
    problem: str = ""


class AgentRun(Protocol):
    """A run under way: iterate its events to the end, then read the result."""

    pid: int | None
    pgid: int | None
    started_ticks: int | None  # the process's start time in clock ticks since boot (proc(5))
    started: float | None  # time.monotonic() when the process was spawned

    def __aiter__(self) -> AsyncIterator[AgentEvent]: ...

    async def cancel(self) -> None:
        """End it: ask, then SIGTERM, then the whole sandbox. The iteration then ends."""
        ...

    @property
    def result(self) -> RunResult:
        """The result, once the iteration has ended."""
        ...


class Runtime(Protocol):
    """One way of running agents: claude-code, codex, acp:<name>, builtin."""

    name: str
    needs: Literal["anthropic", "openai", "none", "any"]  # the model API that it speaks

    async def probe(self) -> RuntimeStatus:
        """Look whether it is installed, and in which version. Cached by the caller."""
        ...

    async def start(self, spec: RunSpec) -> AgentRun:
        """Start the agent. Failures of any kind end up in the run's result, not here."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """The runtime that does a task, and why it is this one, for people to read."""

    runtime: Runtime
    reason: str


class Runtimes(Protocol):
    """The runtimes of this node."""

    @property
    def names(self) -> tuple[str, ...]:
        """All that could be asked for."""
        ...

    async def status(self, name: str) -> RuntimeStatus:
        """One runtime's state, as last probed."""
        ...

    async def choose(self, requested: str, credentials: Collection[str]) -> Choice:
        """The runtime asked for, else the configured default, else what works here.

        ``credentials`` are the providers (``anthropic``, ``openai``) that a key is known for. A
        name that is not known raises ``Invalid``; a runtime that is not installed, ``Invalid``
        with code ``runtime_not_installed``.
        """
        ...

    def check(self, requested: str) -> None:
        """Raise ``Invalid`` unless the name is one that could be asked for."""
        ...

    def get(self, name: str) -> Runtime:
        """The runtime of this name, installed or not. Raises ``Invalid`` when there is none."""
        ...

    async def statuses(self) -> Mapping[str, RuntimeStatus]:
        """Each runtime's state, as last probed."""
        ...

    async def end_leftover(self, pgid: int, started_ticks: int) -> bool:
        """End a process group that a crash of the server left behind; False when it is gone."""
        ...


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What a model endpoint said to a request that costs nothing.

    ``status`` is that of HTTP, None when no answer came; ``problem`` then says why.
    """

    status: int | None
    problem: str = ""
    duration_ms: float = 0.0


class ModelProbe(Protocol):
    """Asks model endpoints whether they are there and take the credential."""

    async def ask(self, access: ModelAccess) -> ModelAnswer:
        """List the endpoint's models, which no provider charges for. Never raises."""
        ...
