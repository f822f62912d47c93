"""System management."""

from __future__ import annotations

from lemnos.api.orchex.envelope import shown

_COMPONENTS = (
    *("router", "registry", "load_balancer"),
    *("fallback_manager", "analyzer", "refactoring_engine"),
)
HEALTH = shown(
    {
        "status": "healthy",
        "version": "1.0.0",
        "uptime_seconds": 86400,
        "components": dict.fromkeys(_COMPONENTS, "healthy"),
        "agents": {"total": 4, "healthy": 3, "degraded": 1, "unhealthy": 0, "offline": 0},
    }
)
_TOOLS = {"status": "healthy", "detail": ""}
STATUS = shown(
    {
        "system": "healthy",
        "components": {
            "router": {"status": "healthy", "load": 0.3, "decision_ms": 0.4, "detail": ""},
            "registry": {"status": "healthy", "agents": 4, "detail": ""},
            "load_balancer": {"status": "healthy", "distribution": "balanced", "detail": ""},
            "fallback_manager": {"status": "healthy", "open_breakers": [], "detail": ""},
            "analyzer": _TOOLS,
            "refactoring_engine": _TOOLS,
        },
        "queue": {"queued_tasks": 5, "running_tasks": 12, "avg_wait_time_ms": 450.0},
        "performance": {
            "requests_per_second": 15.2,
            "avg_response_time_ms": 245.0,
            "error_rate": 0.02,
        },
    }
)
