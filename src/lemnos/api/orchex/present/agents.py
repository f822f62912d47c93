"""Agents, with what is measured of them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from lemnos.api.orchex.envelope import Json
from lemnos.api.orchex.wire import agents as wire
from lemnos.domains.agents.model import (
    Agent,
    AgentPatch,
    HealthReport,
    NewAgent,
    Performance,
)
from lemnos.domains.agents.registration import config_of, constraints_of
from lemnos.kernel.clock import iso, iso_or_none

_UNKNOWN = Performance()


def new_agent(body: wire.RegisterAgent) -> NewAgent:
    """An agent as the registry takes it. A key may be given beside the configuration or in it."""
    config, key = config_of(body.config.model_dump(exclude_unset=True))
    return NewAgent(
        agent_id=body.agent_id,
        name=body.name,
        provider=body.provider,
        model=body.model,
        capabilities=tuple(dict.fromkeys(body.capabilities)),
        constraints=constraints_of(body.constraints.model_dump(exclude_unset=True)),
        config=config,
        api_key=body.api_key or key or "",
        status=body.status,
    )


def patch(body: wire.UpdateAgent) -> AgentPatch:
    """What is to change; what was not given is not in it."""
    constraints, config = body.constraints, body.config
    return AgentPatch(
        name=body.name,
        provider=body.provider,
        model=body.model,
        capabilities=None if body.capabilities is None else tuple(body.capabilities),
        constraints=None if constraints is None else constraints.model_dump(exclude_unset=True),
        config=None if config is None else config.model_dump(exclude_unset=True),
        api_key=body.api_key,
        status=body.status,
    )


def registered(agent: Agent, health: HealthReport) -> Json:
    """The answer to a registration."""
    return {
        "agent_id": agent.agent_id,
        "status": "registered",
        "health": health.status.value,
        "registered_at": iso(agent.registered_at),
    }


def summary(agent: Agent, health: HealthReport, performance: Performance | None) -> Json:
    """An agent in a list."""
    return {
        "agent_id": agent.agent_id,
        "name": agent.name,
        "provider": agent.provider,
        "model": agent.model,
        "capabilities": list(agent.capabilities),
        "status": agent.status.value,
        "health": _health(health),
        "performance": _performance(performance or _UNKNOWN),
        "registered_at": iso(agent.registered_at),
        "last_seen": iso_or_none(agent.last_seen),
    }


def details(agent: Agent, health: HealthReport, performance: Performance | None) -> Json:
    """An agent as a whole, without its key."""
    return {
        **summary(agent, health, performance),
        "constraints": msgspec.to_builtins(agent.constraints),
        "config": _config(agent),
        "has_api_key": bool(agent.sealed),
        "breaker": {
            "state": agent.breaker.state.value,
            "failures": agent.breaker.failures,
            "opened_at": iso_or_none(agent.breaker.opened_at),
        },
        "updated_at": iso(agent.updated_at),
    }


def _config(agent: Agent) -> Mapping[str, object]:
    shown: dict[str, object] = msgspec.to_builtins(agent.config)
    extra = shown.pop("extra")
    return {**extra, **shown} if isinstance(extra, dict) else shown


def _health(report: HealthReport) -> Json:
    return {
        "status": report.status.value,
        "last_check": iso_or_none(report.last_check),
        "uptime_percentage": None if report.uptime is None else round(report.uptime * 100, 3),
        "avg_response_time_ms": rounded(report.avg_response_ms, 1),
        "error_rate": rounded(report.error_rate, 4),
        "samples": report.samples,
        "problem": report.problem or None,
    }


def _performance(found: Performance) -> Json:
    tries = found.completed + found.failures
    return {
        "success_rate": rounded(found.success_rate, 4),
        "avg_quality_score": rounded(found.quality, 1),
        "judgements": found.judgements,
        "total_tasks_completed": found.completed,
        "total_failures": found.failures,
        "avg_cost_per_task": round(found.cost_usd / tries, 6) if tries else None,
        "total_cost_usd": round(found.cost_usd, 6),
        "avg_duration_ms": rounded(found.avg_duration_ms, 1),
    }


def rounded(value: float | None, digits: int) -> float | None:
    """A figure to so many digits; unknown stays unknown."""
    return None if value is None else round(value, digits)
