"""Routing: how a task finds its agent, and why."""

from __future__ import annotations

from pydantic import BaseModel


class ScoreTerms(BaseModel):
    """The terms of a score, each from 0 to 100."""

    capability: float
    performance: float
    availability: float
    cost: float


class RouteCandidate(BaseModel):
    """An agent that may do the work; ``tier`` 0 is asked first. ``has_room``: could start now."""

    agent_id: str
    tier: int
    score: float
    terms: ScoreTerms
    weight: float
    tries: int
    has_room: bool
    estimated_cost_usd: float | None


class RouteLeftOut(BaseModel):
    """An agent that is no candidate: a code to sort by, and why in words."""

    agent_id: str
    code: str
    reason: str


class RouteDecision(BaseModel):
    """Who would do the work, who would follow, and who is left out; ``more`` are not listed."""

    agent_id: str | None
    strategy: str
    decided_at: str
    candidates: list[RouteCandidate]
    left_out: list[RouteLeftOut]
    more: int


class RouteAttempt(BaseModel):
    """One try of an agent; ``verdict`` is null while it runs."""

    agent_id: str
    iteration: int
    number: int
    tier: int
    started_at: str
    ended_at: str | None
    duration_ms: int | None
    verdict: str | None
    error_class: str | None
    error: str | None
    interrupted: bool
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    first_response_ms: float | None


class TaskRouting(BaseModel):
    """Why a task went where it went: the last decision, and each attempt of all iterations."""

    task_id: str
    decision: RouteDecision | None
    attempts: list[RouteAttempt]
