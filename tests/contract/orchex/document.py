"""The examples of the ORCHEX document as it prints them, and what it means to answer like one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

REGISTER: dict[str, Any] = {
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
REGISTER_BY_CURL: dict[str, Any] = {
    "agent_id": "claude-sonnet-4",
    "name": "Claude Sonnet 4",
    "provider": "anthropic",
    "model": "claude-sonnet-4.5",
    "capabilities": ["code_generation", "code_review"],
}
REGISTER_SHORTEST: dict[str, Any] = {
    "agent_id": "claude-sonnet-4",
    "name": "Claude",
    "provider": "anthropic",
}
REGISTERED: dict[str, Any] = {
    "agent_id": "claude-sonnet-4",
    "status": "registered",
    "health": "healthy",
    "registered_at": "2025-11-29T21:00:00Z",
}
AGENTS: dict[str, Any] = {
    "agents": [
        {
            "agent_id": "claude-sonnet-4",
            "name": "Claude Sonnet 4",
            "provider": "anthropic",
            "status": "active",
            "health": {
                "status": "healthy",
                "uptime_percentage": 99.5,
                "avg_response_time_ms": 1250,
            },
            "performance": {
                "success_rate": 0.95,
                "avg_quality_score": 87.3,
                "total_tasks_completed": 1523,
            },
        }
    ],
    "total": 1,
    "limit": 50,
    "offset": 0,
}
AGENT: dict[str, Any] = {
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
    "health": {
        "status": "healthy",
        "last_check": "2025-11-29T20:55:00Z",
        "uptime_percentage": 99.5,
        "avg_response_time_ms": 1250,
        "error_rate": 0.02,
    },
    "performance": {
        "success_rate": 0.95,
        "avg_quality_score": 87.3,
        "total_tasks_completed": 1523,
        "total_failures": 76,
        "avg_cost_per_task": 0.12,
    },
    "registered_at": "2025-11-29T10:00:00Z",
    "last_seen": "2025-11-29T20:55:00Z",
}
UPDATE: dict[str, Any] = {
    "name": "Updated Claude Agent",
    "constraints": {"max_concurrent_tasks": 10},
    "config": {"base_weight": 1.5},
}
SUBMIT: dict[str, Any] = {
    "type": "code_generation",
    "description": "Create a REST API endpoint for user authentication in Express.js",
    "context": {
        "repository": "my-app",
        "files": ["src/auth.js"],
        "language": "javascript",
        "framework": "express",
    },
    "requirements": {
        "required_capabilities": ["code_generation", "security_analysis"],
        "max_tokens": 4000,
        "timeout_seconds": 300,
        "priority": "high",
    },
    "constraints": {
        "max_cost_usd": 0.5,
        "preferred_providers": ["anthropic", "openai"],
        "excluded_agents": [],
    },
    "metadata": {"user_id": "user123", "project": "authentication-service"},
}
SUBMIT_BY_CURL: dict[str, Any] = {
    "type": "code_generation",
    "description": "Create a user registration endpoint",
    "context": {"language": "javascript", "framework": "express"},
    "requirements": {"required_capabilities": ["code_generation"]},
}
SUBMIT_SHORTEST: dict[str, Any] = {
    "type": "code_generation",
    "description": "Create API endpoint",
}
SUBMITTED: dict[str, Any] = {
    "task_id": "task_abc123def456",
    "status": "queued",
    "estimated_completion": "2025-11-29T21:05:00Z",
    "queue_position": 2,
}
RUNNING: dict[str, Any] = {
    "task_id": "task_abc123def456",
    "status": "running",
    "progress": {
        "percentage": 75,
        "stage": "executing",
        "message": "Generating code with Claude Sonnet 4",
    },
    "agent_id": "claude-sonnet-4",
    "started_at": "2025-11-29T21:00:00Z",
    "estimated_completion": "2025-11-29T21:02:00Z",
}
COMPLETED: dict[str, Any] = {
    "task_id": "task_abc123def456",
    "status": "completed",
    "result": {
        "code": "const express = require('express');",
        "explanation": "Created a basic authentication endpoint with error handling",
        "suggestions": ["Add input validation"],
    },
    "agent_id": "claude-sonnet-4",
    "tier": 0,
    "attempts": 1,
    "duration_ms": 3240,
    "cost_usd": 0.012,
    "completed_at": "2025-11-29T21:01:00Z",
}
TASKS: dict[str, Any] = {
    "tasks": [
        {
            "task_id": "task_abc123",
            "type": "code_generation",
            "status": "completed",
            "description": "Create authentication endpoint",
            "agent_id": "claude-sonnet-4",
            "created_at": "2025-11-29T21:00:00Z",
            "completed_at": "2025-11-29T21:01:00Z",
            "cost_usd": 0.012,
        }
    ],
    "total": 1,
    "limit": 50,
    "offset": 0,
}
CANCELLED: dict[str, Any] = {
    "task_id": "task_abc123",
    "status": "cancelled",
    "cancelled_at": "2025-11-29T21:00:30Z",
}
RETRY: dict[str, Any] = {"agent_id": "gpt-4-turbo", "priority": "high"}
RETRIED: dict[str, Any] = {
    "task_id": "task_abc123",
    "retry_task_id": "task_def456",
    "status": "queued",
}
ANALYSE: dict[str, Any] = {
    "repository_path": "/path/to/repo",
    "repository_url": "https://github.com/user/repo",
    "branch": "main",
    "commit": "abc123...",
    "analysis_type": "full",
    "options": {
        "include_metrics": True,
        "identify_opportunities": True,
        "max_opportunities": 20,
        "include_patterns": ["**/*.js", "**/*.ts"],
        "exclude_patterns": ["**/node_modules/**", "**/dist/**"],
    },
}
ANALYSIS_STARTED: dict[str, Any] = {
    "analysis_id": "analysis_xyz789",
    "status": "running",
    "estimated_completion": "2025-11-29T21:20:00Z",
}
ANALYSIS: dict[str, Any] = {
    "analysis_id": "analysis_xyz789",
    "status": "completed",
    "repository": "https://github.com/user/repo",
    "branch": "main",
    "commit": "abc123...",
    "summary": {
        "total_files": 45,
        "files_analyzed": 42,
        "avg_chaos_score": 42.3,
        "high_chaos_files": 8,
        "total_opportunities": 23,
        "estimated_debt_hours": 67.5,
    },
    "chaos_metrics": [
        {
            "file_path": "src/utils/helpers.js",
            "total_score": 78.5,
            "complexity": {"cyclomatic": 15, "cognitive": 12},
            "duplication": {"percentage": 0.25},
            "size": {"lines_of_code": 250},
        }
    ],
    "opportunities": [
        {
            "opportunity_id": "opp_123",
            "type": "extract_function",
            "file_path": "src/utils/helpers.js",
            "description": "Complex function should be broken down",
            "impact": {"complexity_reduction": 40},
            "risk": {"level": "medium"},
        }
    ],
    "completed_at": "2025-11-29T21:15:00Z",
    "duration_ms": 900000,
}
REFACTOR: dict[str, Any] = {
    "opportunity_id": "opp_123",
    "dry_run": False,
    "create_pr": True,
    "pr_options": {
        "title": "Refactor complex helper function",
        "body": "Automated refactoring to improve code maintainability",
        "branch": "refactor/helpers",
    },
}
REFACTORING_STARTED: dict[str, Any] = {
    "refactoring_id": "refactor_456",
    "status": "running",
    "estimated_completion": "2025-11-29T21:10:00Z",
}
REFACTORING: dict[str, Any] = {
    "refactoring_id": "refactor_456",
    "status": "completed",
    "success": True,
    "changes": {"files_modified": 2, "lines_added": 15, "lines_removed": 42},
    "safety_report": {
        "overall_safety": "safe",
        "checks": [{"check": "syntax_validation", "passed": True}],
    },
    "pull_request": {
        "url": "https://github.com/user/repo/pull/123",
        "number": 123,
        "title": "Refactor complex helper function",
    },
    "completed_at": "2025-11-29T21:08:00Z",
}
METRICS: dict[str, Any] = {
    "period": "24h",
    "total_tasks": 342,
    "success_rate": 0.94,
    "avg_duration_ms": 2150,
    "total_cost_usd": 45.67,
    "agents": {
        "claude-sonnet-4": {
            "tasks": 156,
            "success_rate": 0.96,
            "avg_quality": 88.2,
            "cost_usd": 18.45,
        }
    },
}
HEALTH: dict[str, Any] = {
    "status": "healthy",
    "version": "1.0.0",
    "uptime_seconds": 86400,
    "components": {
        "router": "healthy",
        "registry": "healthy",
        "load_balancer": "healthy",
        "fallback_manager": "healthy",
        "analyzer": "healthy",
        "refactoring_engine": "healthy",
    },
    "agents": {"total": 4, "healthy": 3, "degraded": 1, "offline": 0},
}
STATUS: dict[str, Any] = {
    "system": "healthy",
    "components": {
        "router": {"status": "healthy", "load": 0.3},
        "registry": {"status": "healthy", "agents": 4},
        "load_balancer": {"status": "healthy", "distribution": "balanced"},
    },
    "queue": {"queued_tasks": 5, "running_tasks": 12, "avg_wait_time_ms": 450},
    "performance": {
        "requests_per_second": 15.2,
        "avg_response_time_ms": 245,
        "error_rate": 0.02,
    },
}
WEBHOOK: dict[str, Any] = {
    "url": "https://my-app.com/webhooks/ORCHEX",
    "secret": "webhook_secret",
    "events": ["task.completed", "task.failed", "analysis.completed", "refactoring.applied"],
    "active": True,
}
TASK_COMPLETED_EVENT: dict[str, Any] = {
    "event": "task.completed",
    "timestamp": "2025-11-29T21:01:00Z",
    "data": {
        "task_id": "task_abc123",
        "type": "code_generation",
        "status": "completed",
        "result": {},
        "agent_id": "claude-sonnet-4",
        "cost_usd": 0.012,
    },
}
ANALYSIS_COMPLETED_EVENT: dict[str, Any] = {
    "event": "analysis.completed",
    "timestamp": "2025-11-29T21:15:00Z",
    "data": {
        "analysis_id": "analysis_xyz789",
        "repository": "user/repo",
        "summary": {},
        "opportunities_count": 23,
    },
}
# Method and path of each operation of the document.
OPERATIONS = [
    ("POST", "/v1/agents"),
    ("GET", "/v1/agents"),
    ("GET", "/v1/agents/{}"),
    ("PUT", "/v1/agents/{}"),
    ("DELETE", "/v1/agents/{}"),
    ("POST", "/v1/tasks"),
    ("GET", "/v1/tasks/{}"),
    ("GET", "/v1/tasks"),
    ("DELETE", "/v1/tasks/{}"),
    ("POST", "/v1/tasks/{}/retry"),
    ("POST", "/v1/analyze"),
    ("GET", "/v1/analyze/{}"),
    ("GET", "/v1/analyze"),
    ("POST", "/v1/refactor"),
    ("GET", "/v1/refactor/{}"),
    ("GET", "/v1/metrics"),
    ("GET", "/v1/metrics/agents/{}"),
    ("GET", "/v1/health"),
    ("GET", "/v1/status"),
    ("POST", "/v1/webhooks"),
]


def lacks(answer: Any, documented: Any, *, unknown: tuple[str, ...] = ()) -> list[str]:
    """What an answer lacks of a documented one, by path: fields, and values of the same type.

    ``unknown`` are the names of fields that may be null here, as nothing is known yet.
    """
    return list(_lacks(answer, documented, "$", unknown))


def _lacks(answer: Any, documented: Any, path: str, unknown: tuple[str, ...]) -> Iterator[str]:
    if answer is None and path.rsplit(".", 1)[-1] in unknown:
        return
    if _type(answer) is not _type(documented):
        yield f"{path} is {answer!r}"
    elif isinstance(documented, dict):
        yield from (f"{path}.{name} is missing" for name in documented.keys() - answer.keys())
        for name in documented.keys() & answer.keys():
            yield from _lacks(answer[name], documented[name], f"{path}.{name}", unknown)
    elif isinstance(documented, list) and documented:
        for position, one in enumerate(answer):
            yield from _lacks(one, documented[0], f"{path}[{position}]", unknown)


def _type(value: Any) -> type:
    """JSON has one type of number."""
    return float if type(value) is int else type(value)
