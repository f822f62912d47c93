"""Health and status."""

from __future__ import annotations

import lemnos
from lemnos.api.kit.system_view import Look
from lemnos.api.orchex.envelope import Json
from lemnos.api.orchex.present.agents import rounded
from lemnos.domains.agents.model import Health
from lemnos.engine.backlog import Backlog
from lemnos.platform.telemetry.window import Traffic

# What a component that could not be looked at says of itself.
_UNKNOWN: dict[str, Json] = {
    "router": {"load": None, "decision_ms": None},
    "registry": {"agents": None},
    "load_balancer": {"distribution": "unknown"},
    "fallback_manager": {"open_breakers": []},
}


def health(look: Look, uptime: float) -> Json:
    """The components by their state alone, and agents by health."""
    return {
        "status": look.status,
        "version": lemnos.__version__,
        "uptime_seconds": int(uptime),
        "components": {name: part.status for name, part in look.parts.items()},
        "agents": {
            "total": sum(look.agents.values()),
            **{one.value: look.agents.get(one, 0) for one in Health},
        },
    }


def status(look: Look, queue: Backlog, traffic: Traffic) -> Json:
    """The components with what they say of themselves, the queue and the traffic."""
    return {
        "system": look.status,
        "components": {
            name: {
                "status": part.status,
                **_UNKNOWN.get(name, {}),
                **part.figures,
                "detail": part.detail,
            }
            for name, part in look.parts.items()
        },
        "queue": {
            "queued_tasks": queue.queued,
            "running_tasks": queue.running,
            "avg_wait_time_ms": rounded(queue.avg_wait_ms, 1),
        },
        "performance": {
            "requests_per_second": round(traffic.requests_per_second, 3),
            "avg_response_time_ms": rounded(traffic.avg_response_ms, 3),
            "error_rate": rounded(traffic.error_rate, 4),
        },
    }
