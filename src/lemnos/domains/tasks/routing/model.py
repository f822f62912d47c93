"""Orders: what a caller asks of a task that is routed to agents of the registry. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lemnos.domains.agents.model import Attempt, Decision, Strategy
from lemnos.domains.quality.model import Verdict
from lemnos.domains.quality.safety import CheckResult, Outcome, SafetyReport
from lemnos.domains.tasks.gating import GatesAsked
from lemnos.domains.tasks.model import Priority, TaskType
from lemnos.domains.workspaces.ports import Diff


@dataclass(frozen=True, slots=True)
class FanOut:
    """One task for several agents at once; ``pick`` names what chooses among their results."""

    agents: tuple[str, ...]
    pick: str = "gates"


@dataclass(frozen=True, slots=True)
class Order:
    """A routed task as it is asked for.

    ``context`` is what the caller says of the work: ``files``, ``language``, ``framework``, and
    a ``repository``. ``agent_id`` pins it to one agent. ``max_tokens`` limits the answer,
    ``max_cost_usd`` all tries together. With an ``operation`` the runtime ``builtin`` does the task
    on this node, whatever is registered: nothing is routed, and the operation goes unchanged into
    ``RunSpec.options["operation"]``.
    """

    type: TaskType
    description: str
    repo_url: str = ""  # empty: the task works in an empty workspace
    branch: str = ""
    provider_key: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    required_capabilities: tuple[str, ...] = ()
    max_tokens: int | None = None
    timeout_seconds: int = 300
    priority: Priority = Priority.MEDIUM
    max_cost_usd: float | None = None
    preferred_providers: tuple[str, ...] = ()
    excluded_agents: tuple[str, ...] = ()
    strategy: Strategy | None = None
    agent_id: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    fan_out: FanOut | None = None
    retry_of: str = ""
    parent_id: str = ""  # the fan-out task that it is one of
    operation: Mapping[str, Any] = field(default_factory=dict)  # for the built-in agent
    gates: GatesAsked | None = None  # None: nothing judges the work


class Feedback(StrEnum):
    """What a person says of a task's outcome; it judges the agent that did it."""

    APPROVED = "approved"
    REJECTED = "rejected"
    REVERTED = "reverted"


@dataclass(frozen=True, slots=True)
class Judged:
    """One try of a fan-out and what the checks said of it; ``lines`` counts changed lines.

    ``gates`` are verdicts by gate, of an order with gates: then they take the place of the checks.
    """

    task_id: str
    agent_id: str
    status: str  # of the try's task
    checks: tuple[CheckResult, ...] = ()
    cost_usd: float | None = None
    lines: int = 0
    problem: str = ""  # why it could not be chosen
    gates: Mapping[str, str] = field(default_factory=dict)

    @property
    def eligible(self) -> bool:
        """Whether it may be kept: it completed, and no check has failed."""
        return not self.problem

    @property
    def passed(self) -> int:
        """How many checks, or gates, passed."""
        gates = sum(verdict == Verdict.PASSED for verdict in self.gates.values())
        return SafetyReport(self.checks).passed + gates

    @property
    def failed(self) -> int:
        """How many checks, or gates, failed."""
        gates = sum(verdict == Verdict.FAILED for verdict in self.gates.values())
        return sum(check.outcome is Outcome.FAILED for check in self.checks) + gates


@dataclass(frozen=True, slots=True)
class Comparison:
    """The verdicts on all tries of a fan-out; ``kept`` is the task of the best one, or empty."""

    pick: str
    tries: tuple[Judged, ...]
    kept: str = ""


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """What a routed task was asked with, and how it was routed.

    ``tier`` is that of the attempt that is under way, or was the last; ``attempts`` counts those
    of the current iteration. ``children`` are the tasks of a fan-out.
    """

    order: Order
    decision: Decision | None = None
    tier: int | None = None
    attempts: int = 0
    judgement: Comparison | None = None
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Routing:
    """Why a task went where it went: the last decision, and each attempt of all iterations."""

    decision: Decision | None
    attempts: tuple[Attempt, ...]


class Stage(StrEnum):
    """Where a task is on its way, in this order."""

    QUEUED = "queued"
    ROUTING = "routing"
    PREPARING = "preparing"
    EXECUTING = "executing"
    FINISHING = "finishing"


class Basis(StrEnum):
    """What an estimate rests on."""

    HISTORY = "history"  # how long completed tasks of its kind took
    LIMIT = "limit"  # there is no history: the longest that it may take
    FACT = "fact"  # it has ended


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task is. ``queue_position`` counts those that go before it, None: it has begun.

    ``percentage`` never falls. ``estimated_completion`` is in microseconds, None where nobody
    can tell (it is paused, or waits for an agent that is not there).
    """

    percentage: int
    stage: Stage
    message: str
    queue_position: int | None = None
    estimated_completion: int | None = None
    basis: Basis = Basis.LIMIT


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a review or a security analysis points out."""

    message: str
    severity: str = "info"  # critical, high, medium, low or info
    file: str = ""
    line: int | None = None
    suggestion: str = ""


@dataclass(frozen=True, slots=True)
class OrderResult:
    """What a task came to, by its type; what does not apply is empty.

    ``text`` is the agent's closing message as it came. ``diff`` is the real one of the work tree.
    """

    text: str = ""
    code: str = ""
    language: str = ""
    explanation: str = ""
    suggestions: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    diff: Diff | None = None
