"""Agent management."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lemnos.api.orchex.envelope import shown

REGISTER: Mapping[str, Any] = {
    "agent_id": "claude-sonnet-4",
    "name": "Claude Sonnet 4",
    "provider": "anthropic",
    "model": "claude-sonnet-4.5",
    "capabilities": ["code_generation", "code_review", "refactoring", "debugging"],
    "constraints": {
        "max_tokens": 200000,
        "max_concurrent_tasks": 5,
        "rate_limit_per_minute": 50,
        "cost_per_1k_tokens": 0.003,
    },
    "config": {
        "base_weight": 1.0,
        "retry_policy": {"max_retries": 3, "backoff_multiplier": 2.0},
    },
}
UPDATE: Mapping[str, Any] = {
    "name": "Updated Claude Agent",
    "constraints": {"max_concurrent_tasks": 10},
    "config": {"base_weight": 1.5},
}
_SUMMARY = {
    "agent_id": "claude-sonnet-4",
    "name": "Claude Sonnet 4",
    "provider": "anthropic",
    "model": "claude-sonnet-4.5",
    "capabilities": REGISTER["capabilities"],
    "status": "active",
    "health": {
        "status": "healthy",
        "last_check": "2025-11-29T20:55:00Z",
        "uptime_percentage": 99.5,
        "avg_response_time_ms": 1250.0,
        "error_rate": 0.02,
        "samples": 1599,
        "problem": None,
    },
    "performance": {
        "success_rate": 0.95,
        "avg_quality_score": 87.3,
        "judgements": 1402,
        "total_tasks_completed": 1523,
        "total_failures": 76,
        "avg_cost_per_task": 0.12,
        "total_cost_usd": 191.88,
        "avg_duration_ms": 2150.0,
    },
    "registered_at": "2025-11-29T10:00:00Z",
    "last_seen": "2025-11-29T20:55:00Z",
}
_AGENT = {
    **_SUMMARY,
    "constraints": REGISTER["constraints"],
    "config": {**REGISTER["config"], "runtime": "", "base_url": ""},
    "has_api_key": False,
    "breaker": {"state": "closed", "failures": 0, "opened_at": None},
    "updated_at": "2025-11-29T10:00:00Z",
}
REGISTERED = shown(
    {
        "agent_id": "claude-sonnet-4",
        "status": "registered",
        "health": "healthy",
        "registered_at": "2025-11-29T21:00:00Z",
    },
    201,
)
AGENT = shown(_AGENT)
AGENTS = shown({"agents": [_SUMMARY], "total": 1, "limit": 50, "offset": 0})
