"""Routing."""

from __future__ import annotations

from lemnos.api.orchex.envelope import shown

_DECISION = {
    "agent_id": "claude-sonnet-4",
    "strategy": "best_score",
    "decided_at": "2025-11-29T21:00:00Z",
    "candidates": [
        {
            "agent_id": "claude-sonnet-4",
            "tier": 0,
            "score": 93.1,
            "terms": {
                "capability": 100.0,
                "performance": 90.4,
                "availability": 87.5,
                "cost": 97.6,
            },
            "weight": 0.8,
            "tries": 3,
            "has_room": True,
            "estimated_cost_usd": 0.012,
        }
    ],
    "left_out": [
        {
            "agent_id": "gpt-4-turbo",
            "code": "capability_missing",
            "reason": "It lacks security_analysis.",
        }
    ],
    "more": 0,
}
_ATTEMPT = {
    "agent_id": "claude-sonnet-4",
    "iteration": 1,
    "number": 1,
    "tier": 0,
    "started_at": "2025-11-29T21:00:00Z",
    "ended_at": "2025-11-29T21:00:03Z",
    "duration_ms": 3240,
    "verdict": "completed",
    "error_class": None,
    "error": None,
    "interrupted": False,
    "input_tokens": 1500,
    "output_tokens": 500,
    "cost_usd": 0.012,
    "first_response_ms": 840.0,
}
DECISION = shown(_DECISION)
ROUTING = shown({"task_id": "task_abc123def456", "decision": _DECISION, "attempts": [_ATTEMPT]})
