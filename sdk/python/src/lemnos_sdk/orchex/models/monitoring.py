"""Metrics, health and status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from lemnos_sdk._model import model


@model
class AgentFigures:
    """What one agent did; a section that was not asked for is None."""

    tasks: int = 0
    attempts: int | None = None
    success_rate: float | None = None
    avg_duration_ms: float | None = None
    failures: int | None = None
    avg_quality: float | None = None
    judgements: int | None = None
    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


@model
class Metrics:
    """What all agents did in a period."""

    period: str
    since: str = ""
    total_tasks: int = 0
    success_rate: float | None = None
    avg_duration_ms: float | None = None
    avg_quality: float | None = None
    judgements: int | None = None
    total_cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    agents: Mapping[str, AgentFigures] = field(default_factory=dict)


@model
class HourFigures(AgentFigures):
    """What an agent did in attempts that began in one hour."""

    hour: str


@model
class Breakdown:
    """When and why an agent failed."""

    by_error: Mapping[str, int] = field(default_factory=dict)
    by_hour: Sequence[HourFigures] = ()


@model
class AgentMetrics(AgentFigures):
    """What one agent did in a period; ``breakdown`` only where details were asked for."""

    agent_id: str
    period: str
    since: str = ""
    breakdown: Breakdown | None = None


@model
class AgentCounts:
    """Agents by health."""

    total: int = 0
    healthy: int = 0
    degraded: int = 0
    unhealthy: int = 0
    offline: int = 0


@model
class SystemHealth:
    """The state of each component, as just probed."""

    status: str
    version: str
    uptime_seconds: float
    components: Mapping[str, str]
    agents: AgentCounts


@model
class Queue:
    """The tasks in the queue; the wait is a mean over the last hour, None without one."""

    queued_tasks: int
    running_tasks: int
    avg_wait_time_ms: float | None = None


@model
class Traffic:
    """Requests to this node in the last minute; None: there was none."""

    requests_per_second: float
    avg_response_time_ms: float | None = None
    error_rate: float | None = None


@model
class SystemStatus:
    """The system in detail."""

    system: str
    components: Mapping[str, Mapping[str, Any]]
    queue: Queue
    performance: Traffic
