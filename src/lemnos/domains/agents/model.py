"""AI agents as they are registered, what is measured of them, and what routing decides. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lemnos.domains.agents.ports import ErrorClass, Verdict

AGENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")


class Status(StrEnum):
    """What its owner says of an agent; only an active one gets work."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    MAINTENANCE = "maintenance"
    DEPRECATED = "deprecated"


class Health(StrEnum):
    """What probes and outcomes say of an agent."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"
    OFFLINE = "offline"


class BreakerState(StrEnum):
    """Whether an agent's circuit breaker lets work through; half open, one trial at a time."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Strategy(StrEnum):
    """How the first agent is chosen among the candidates."""

    BEST_SCORE = "best_score"
    LEAST_LOADED = "least_loaded"
    WEIGHTED = "weighted"


@dataclass(frozen=True, slots=True)
class Constraints:
    """Limits and price; None: no limit, or not known. Cost in US dollars for 1,000 tokens."""

    max_tokens: int | None = None
    max_concurrent_tasks: int = 5
    rate_limit_per_minute: int | None = None
    cost_per_1k_tokens: float | None = None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Tries on one agent. ``max_retries`` None: 3, 2 and 1 tries on tiers 0, 1 and beyond."""

    max_retries: int | None = None
    backoff_multiplier: float = 2.0


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """How an agent is run and weighed.

    ``runtime`` and ``base_url`` override what the provider stands for. ``extra`` is what the owner
    keeps there beside the known fields. The API key is apart: it is sealed.
    """

    base_weight: float = 1.0
    retry_policy: RetryPolicy = RetryPolicy()
    runtime: str = ""
    base_url: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Breaker:
    """A circuit breaker: failures in a row while closed, successes while half open."""

    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    successes: int = 0
    opened_at: int | None = None
    trial: str = ""  # the attempt that is the trial under way, while half open
    trial_at: int | None = None  # when that began


@dataclass(frozen=True, slots=True)
class Probe:
    """What a look at an agent's runtime and model endpoint has shown, without any model call."""

    at: int
    status: Health
    problem: str = ""
    duration_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent in a tenant's registry."""

    tenant: str
    agent_id: str
    name: str
    provider: str
    model: str
    capabilities: tuple[str, ...]
    constraints: Constraints
    config: AgentConfig
    status: Status
    created_by: str
    registered_at: int
    updated_at: int
    breaker: Breaker = Breaker()
    last_seen: int | None = None  # the end of its last attempt
    sealed: bytes = field(default=b"", repr=False)  # the agent's own API key
    probe: Probe | None = None  # the last one


@dataclass(frozen=True, slots=True)
class NewAgent:
    """An agent to register. ``api_key`` is its own; without one, the operator's is used."""

    agent_id: str
    name: str
    provider: str
    model: str = ""
    capabilities: tuple[str, ...] = ()
    constraints: Constraints = Constraints()
    config: AgentConfig = AgentConfig()
    api_key: str = field(default="", repr=False)
    status: Status = Status.ACTIVE


@dataclass(frozen=True, slots=True)
class AgentPatch:
    """What to change of an agent; None leaves it as it is.

    ``constraints`` and ``config`` are merged deep into what is there; a null in them goes back to
    the default. ``config`` may hold an ``api_key``, as the field of this name does; an empty one
    takes the agent's own key away.
    """

    name: str | None = None
    provider: str | None = None
    model: str | None = None
    capabilities: tuple[str, ...] | None = None
    constraints: Mapping[str, Any] | None = None
    config: Mapping[str, Any] | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    status: Status | None = None


@dataclass(frozen=True, slots=True)
class HealthReport:
    """What probes (of the last 24 h) and attempts say. Shares are from 0 to 1, None: unknown."""

    status: Health
    last_check: int | None = None
    problem: str = ""
    uptime: float | None = None
    avg_response_ms: float | None = None
    error_rate: float | None = None
    samples: int = 0  # attempts that the figures rest on


@dataclass(frozen=True, slots=True)
class Performance:
    """What an agent's work came to in a period, from its attempts and what was judged of them.

    ``quality`` is from 0 to 100: the share of checks, tests and decisions that were in favour;
    None before there is any. ``judgements`` says from how many.
    """

    completed: int = 0
    failures: int = 0
    quality: float | None = None
    judgements: int = 0
    cost_usd: float = 0.0
    avg_duration_ms: float | None = None

    @property
    def success_rate(self) -> float | None:
        """The share of attempts that completed; None before there is any."""
        total = self.completed + self.failures
        return self.completed / total if total else None


@dataclass(frozen=True, slots=True)
class Ask:
    """What a piece of work needs of an agent.

    ``agent_id`` asks for one agent alone. ``tokens`` is what the work is expected to use, for the
    estimate of its cost; ``max_cost_usd`` is what is left to spend.
    """

    type: str = ""
    required_capabilities: tuple[str, ...] = ()
    preferred_providers: tuple[str, ...] = ()
    excluded_agents: tuple[str, ...] = ()
    agent_id: str = ""
    max_tokens: int | None = None
    max_cost_usd: float | None = None
    tokens: int | None = None
    strategy: Strategy | None = None  # None: the server's


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a routing score, each from 0 to 100."""

    capability: float
    performance: float
    availability: float
    cost: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent that may do the work, as its tier ranks it. ``has_room``: could start at once."""

    agent_id: str
    tier: int
    score: float
    terms: Terms
    weight: float
    tries: int
    has_room: bool = True
    estimated_cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An agent that is no candidate: a sortable reason code, and the same for people."""

    agent_id: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """How a piece of work is routed: the candidates by tier, and why others are none.

    At most so many of either are listed as a person may read; ``more`` counts the rest.
    """

    strategy: Strategy
    decided_at: int
    candidates: tuple[Candidate, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of an agent at an iteration of a task; while it runs it counts as the agent's load.

    ``number`` counts from 1 over all agents of the iteration. ``verdict`` is None while it runs.
    ``interrupted``: a crash of the server cut it off, which is nobody's failure.
    """

    id: str
    tenant: str
    agent_id: str
    task_id: str
    iteration: int
    number: int
    tier: int
    started_at: int
    ended_at: int | None = None
    verdict: Verdict | None = None
    error_class: ErrorClass = ErrorClass.NONE
    error: str = ""
    interrupted: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    first_response_ms: float | None = None  # from its start to the first sign of the model

    @property
    def duration_ms(self) -> float | None:
        """How long it took; None while it runs."""
        return None if self.ended_at is None else (self.ended_at - self.started_at) / 1000


class Judgement(StrEnum):
    """What an agent's work can be judged by."""

    CHECKS = "checks"  # the quality checks of its change
    TESTS = "tests"
    APPROVAL = "approval"  # a person approved or rejected it
    REVERTED = "reverted"  # it was taken back: always against it
