"""How a task finds its agent, and why."""

from __future__ import annotations

from collections.abc import Sequence

from lemnos_sdk._model import model


@model
class ScoreTerms:
    """The terms of a score, each from 0 to 100."""

    capability: float
    performance: float
    availability: float
    cost: float


@model
class Candidate:
    """An agent that may do the work; tier 0 is asked first. ``has_room``: could start now."""

    agent_id: str
    tier: int
    score: float
    terms: ScoreTerms
    weight: float = 0.0
    tries: int = 1
    has_room: bool = True
    estimated_cost_usd: float | None = None


@model
class LeftOut:
    """An agent that is no candidate: a code to sort by, and why in words."""

    agent_id: str
    code: str
    reason: str


@model
class Decision:
    """Who would do the work, who would follow, who is left out; ``more`` are not listed."""

    strategy: str
    agent_id: str | None = None
    decided_at: str = ""
    candidates: Sequence[Candidate] = ()
    left_out: Sequence[LeftOut] = ()
    more: int = 0


@model
class Attempt:
    """One try of an agent; ``verdict`` is None while it runs."""

    agent_id: str
    number: int
    tier: int
    iteration: int = 1
    started_at: str = ""
    ended_at: str | None = None
    duration_ms: float | None = None
    verdict: str | None = None
    error_class: str | None = None
    error: str | None = None
    interrupted: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    first_response_ms: float | None = None


@model
class Routing:
    """Why a task went where it went: the last decision, and each attempt."""

    task_id: str
    decision: Decision | None = None
    attempts: Sequence[Attempt] = ()
