"""Metrics."""

from __future__ import annotations

from lemnos.api.orchex.envelope import shown

_AGENT = {
    "tasks": 156,
    "attempts": 161,
    "success_rate": 0.96,
    "avg_duration_ms": 2010.0,
    "failures": 6,
    "avg_quality": 88.2,
    "judgements": 140,
    "cost_usd": 18.45,
    "input_tokens": 4_200_000,
    "output_tokens": 610_000,
}
SYSTEM = shown(
    {
        "period": "24h",
        "since": "2025-11-28T21:00:00Z",
        "total_tasks": 342,
        "success_rate": 0.94,
        "avg_duration_ms": 2150.0,
        "avg_quality": 86.4,
        "judgements": 301,
        "total_cost_usd": 45.67,
        "input_tokens": 9_800_000,
        "output_tokens": 1_400_000,
        "agents": {"claude-sonnet-4": _AGENT},
    }
)
AGENT = shown(
    {
        "agent_id": "claude-sonnet-4",
        "period": "24h",
        "since": "2025-11-28T21:00:00Z",
        **_AGENT,
        "breakdown": {
            "by_error": {"rate_limit": 4, "timeout": 2},
            "by_hour": [{"hour": "2025-11-29T20:00:00Z", **_AGENT}],
        },
    }
)
