"""Metrics."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

Period = Literal["1h", "24h", "7d", "30d"]
MetricType = Literal["performance", "cost", "quality"]


class AgentFigures(BaseModel):
    """What one agent did in the period; a section that was not asked for is left out."""

    tasks: int
    attempts: int | None = None
    success_rate: float | None = None
    avg_duration_ms: float | None = None
    failures: int | None = None
    avg_quality: float | None = None
    judgements: int | None = None
    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


class SystemMetrics(BaseModel):
    """What all agents did in the period. Rates and means are null before anything has ended."""

    period: Period
    since: str
    total_tasks: int
    success_rate: float | None = None
    avg_duration_ms: float | None = None
    avg_quality: float | None = None
    judgements: int | None = None
    total_cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    agents: dict[str, AgentFigures]


class HourFigures(AgentFigures):
    """What the agent did in attempts that began in one hour."""

    hour: str


class AgentBreakdown(BaseModel):
    """The same by error class and by hour."""

    by_error: dict[str, int]
    by_hour: list[HourFigures]


class AgentMetricsFound(AgentFigures):
    """What one agent did in the period, with ``detailed`` also when and why it failed."""

    agent_id: str
    period: Period
    since: str
    breakdown: AgentBreakdown | None = None
