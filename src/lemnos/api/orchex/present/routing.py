"""Decisions and attempts."""

from __future__ import annotations

import msgspec

from lemnos.api.orchex.envelope import Json
from lemnos.api.orchex.present.agents import rounded
from lemnos.domains.agents.model import Attempt, Candidate, Decision
from lemnos.domains.tasks.routing.model import Routing
from lemnos.kernel.clock import iso, iso_or_none
from lemnos.kernel.ids import task_id_of


def decision(found: Decision) -> Json:
    """Who does the work first, who follows, and who does not, and why."""
    first = found.candidates[0].agent_id if found.candidates else None
    return {
        "agent_id": first,
        "strategy": found.strategy.value,
        "decided_at": iso(found.decided_at),
        "candidates": [_candidate(one) for one in found.candidates],
        "left_out": [msgspec.to_builtins(one) for one in found.left_out],
        "more": found.more,
    }


def routing(task_id: str, found: Routing) -> Json:
    """Why a task went where it went."""
    return {
        "task_id": task_id_of(task_id),
        "decision": None if found.decision is None else decision(found.decision),
        "attempts": [_attempt(one) for one in found.attempts],
    }


def _candidate(one: Candidate) -> Json:
    terms: dict[str, float] = msgspec.to_builtins(one.terms)
    return {
        "agent_id": one.agent_id,
        "tier": one.tier,
        "score": round(one.score, 2),
        "terms": {name: round(value, 2) for name, value in terms.items()},
        "weight": round(one.weight, 4),
        "tries": one.tries,
        "has_room": one.has_room,
        "estimated_cost_usd": rounded(one.estimated_cost_usd, 6),
    }


def _attempt(one: Attempt) -> Json:
    ended = one.ended_at is not None
    return {
        "agent_id": one.agent_id,
        "iteration": one.iteration,
        "number": one.number,
        "tier": one.tier,
        "started_at": iso(one.started_at),
        "ended_at": iso_or_none(one.ended_at),
        "duration_ms": None if one.duration_ms is None else round(one.duration_ms),
        "verdict": None if one.verdict is None else one.verdict.value,
        "error_class": one.error_class.value if ended and one.error else None,
        "error": one.error or None,
        "interrupted": one.interrupted,
        "input_tokens": one.input_tokens,
        "output_tokens": one.output_tokens,
        "cost_usd": rounded(one.cost_usd, 6),
        "first_response_ms": rounded(one.first_response_ms, 1),
    }
