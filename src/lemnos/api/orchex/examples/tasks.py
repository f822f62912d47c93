"""Task management."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lemnos.api.kit.gates import GATES_SAID
from lemnos.api.orchex.envelope import shown

SUBMIT: Mapping[str, Any] = {
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
RETRY: Mapping[str, Any] = {"agent_id": "gpt-4-turbo", "priority": "high"}
FEEDBACK: Mapping[str, Any] = {"verdict": "approved", "comment": "Just what we needed."}
PROPOSE: Mapping[str, Any] = {
    "title": "Add user authentication",
    "body": "An endpoint with error handling.",
    "target_branch": "main",
}
_ID = "task_abc123def456"
_IN_SHORT = {name: said for name, said in GATES_SAID.items() if name != "report"}
_SUMMARY = {
    "task_id": _ID,
    "type": "code_generation",
    "status": "completed",
    "description": "Create authentication endpoint",
    "priority": "high",
    "agent_id": "claude-sonnet-4",
    "user_id": "user123",
    "created_at": "2025-11-29T21:00:00Z",
    "started_at": "2025-11-29T21:00:00Z",
    "completed_at": "2025-11-29T21:01:00Z",
    "cost_usd": 0.012,
    "gates": _IN_SHORT,
}
_TASK = {
    **_SUMMARY,
    "progress": None,
    "queue_position": None,
    "estimated_completion": None,
    "result": {
        "code": "const express = require('express');\n…",
        "language": "javascript",
        "explanation": "Created a basic authentication endpoint with error handling",
        "suggestions": [
            "Add input validation",
            "Implement JWT token generation",
            "Add rate limiting",
        ],
        "findings": [],
        "diff": None,
        "changes": None,
        "gates": _IN_SHORT,
    },
    "gates": GATES_SAID,
    "error": None,
    "tier": 0,
    "attempts": 1,
    "duration_ms": 3240,
    "usage": {"input_tokens": 1500, "output_tokens": 500},
    "repository": None,
    "branch": None,
    "pull_request_url": None,
    "metadata": SUBMIT["metadata"],
    "retry_of": None,
    "parent_id": None,
    "fan_out": None,
}
SUBMITTED = shown(
    {
        "task_id": _ID,
        "status": "queued",
        "estimated_completion": "2025-11-29T21:05:00Z",
        "queue_position": 2,
        "created_at": "2025-11-29T21:00:00Z",
    },
    202,
)
TASK = shown(_TASK)
TASKS = shown({"tasks": [_SUMMARY], "total": 1, "limit": 50, "offset": 0})
CANCELLED = shown({"task_id": _ID, "status": "cancelled", "cancelled_at": "2025-11-29T21:00:30Z"})
RETRIED = shown({"task_id": _ID, "retry_task_id": "task_def456", "status": "queued"}, 202)
JUDGED = shown({"task_id": _ID, "agent_id": "claude-sonnet-4", "verdict": "approved"})
PROPOSED = shown(
    {
        "task_id": _ID,
        "url": "https://github.com/user/repo/pull/124",
        "number": 124,
        "branch": "codeforge/task-abc123de",
    }
)
DIFF = shown(
    {
        "task_id": _ID,
        "files": [
            {
                "path": "src/auth.js",
                "old_path": None,
                "status": "modified",
                "additions": 15,
                "deletions": 2,
                "binary": False,
            }
        ],
        "additions": 15,
        "deletions": 2,
        "diff": "diff --git a/src/auth.js b/src/auth.js\n…",
        "truncated": False,
        "notes": [],
    }
)
