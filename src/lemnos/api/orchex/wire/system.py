"""System management."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

State = Literal["healthy", "degraded", "unhealthy"]


class SystemComponents(BaseModel):
    """Each component as just probed."""

    router: State
    registry: State
    load_balancer: State
    fallback_manager: State
    analyzer: State
    refactoring_engine: State


class AgentCounts(BaseModel):
    """Agents by health. ``unhealthy`` ones are neither degraded nor offline."""

    total: int
    healthy: int
    degraded: int
    unhealthy: int
    offline: int


class SystemHealth(BaseModel):
    """How the system is."""

    status: State
    version: str
    uptime_seconds: int
    components: SystemComponents
    agents: AgentCounts


class RouterStatus(BaseModel):
    """``load``: the share of all agents' places that are taken. ``decision_ms``: a dry decision."""

    status: State
    load: float | None
    decision_ms: float | None
    detail: str


class RegistryStatus(BaseModel):
    """``agents``: how many are registered."""

    status: State
    agents: int | None
    detail: str


class BalancerStatus(BaseModel):
    """``distribution`` of the work that is under way: idle, balanced or skewed."""

    status: State
    distribution: Literal["idle", "balanced", "skewed", "unknown"]
    detail: str


class FallbackStatus(BaseModel):
    """``open_breakers``: agents that get no work as they failed in a row."""

    status: State
    open_breakers: list[str]
    detail: str


class ToolsStatus(BaseModel):
    """Whether a component's tools are there and jobs are taken up."""

    status: State
    detail: str


class StatusComponents(BaseModel):
    """Each component as just probed, and what it says of itself."""

    router: RouterStatus
    registry: RegistryStatus
    load_balancer: BalancerStatus
    fallback_manager: FallbackStatus
    analyzer: ToolsStatus
    refactoring_engine: ToolsStatus


class QueueFigures(BaseModel):
    """The tenant's tasks in the queue; the wait is a mean over the last hour, null without one."""

    queued_tasks: int
    running_tasks: int
    avg_wait_time_ms: float | None


class TrafficFigures(BaseModel):
    """Requests to this node in the last minute; null: there was none."""

    requests_per_second: float
    avg_response_time_ms: float | None
    error_rate: float | None


class SystemStatus(BaseModel):
    """The system in detail."""

    system: State
    components: StatusComponents
    queue: QueueFigures
    performance: TrafficFigures
