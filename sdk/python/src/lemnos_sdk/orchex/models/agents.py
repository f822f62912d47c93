"""Agents of the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lemnos_sdk._model import model


@model
class Registered:
    """An agent that was registered."""

    agent_id: str
    status: str
    health: str
    registered_at: str


@model
class Constraints:
    """Limits and price of an agent; None: no limit, or not known."""

    max_tokens: int | None = None
    max_concurrent_tasks: int | None = None
    rate_limit_per_minute: int | None = None
    cost_per_1k_tokens: float | None = None


@model
class Health:
    """What probes and outcomes say of an agent; ``samples``: from how many attempts."""

    status: str
    last_check: str | None = None
    uptime_percentage: float | None = None
    avg_response_time_ms: float | None = None
    error_rate: float | None = None
    samples: int = 0
    problem: str | None = None


@model
class Performance:
    """What an agent's work came to; ``judgements``: on how many verdicts the quality rests."""

    success_rate: float | None = None
    avg_quality_score: float | None = None
    judgements: int = 0
    total_tasks_completed: int = 0
    total_failures: int = 0
    avg_cost_per_task: float | None = None
    total_cost_usd: float = 0.0
    avg_duration_ms: float | None = None


@model
class Breaker:
    """A circuit breaker: ``closed``, ``open`` or ``half_open``."""

    state: str
    failures: int = 0
    opened_at: str | None = None


@model
class Agent:
    """An agent; what has a default None is told of a single one only, not in a list."""

    agent_id: str
    name: str
    provider: str
    status: str
    health: Health
    performance: Performance
    model: str = ""
    capabilities: Sequence[str] = ()
    constraints: Constraints | None = None
    config: Mapping[str, Any] | None = None
    has_api_key: bool | None = None
    breaker: Breaker | None = None
    registered_at: str = ""
    updated_at: str | None = None
    last_seen: str | None = None
