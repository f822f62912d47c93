"""The examples of the document, for the OpenAPI description; the contract tests replay them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lemnos.api.kit.describe import example
from lemnos.api.kit.gates import GATES_SAID

NEW_TASK: Mapping[str, Any] = {
    "repo_url": "https://github.com/user/repo.git",
    "access_token": "ghp_xxx",
    "prompt": "Fix the failing tests in the auth module",
    "callback_url": "https://your-app.com/webhook",
    "config": {
        "timeout_seconds": 600,
        "ai_model": "claude-sonnet-4-20250514",
        "max_turns": 20,
        "target_branch": "develop",
    },
}
INSTRUCT: Mapping[str, Any] = {"prompt": "Also add unit tests for the changes you made"}
NEW_PULL_REQUEST: Mapping[str, Any] = {
    "title": "Fix auth tests",
    "description": "AI-generated fix for failing auth tests",
    "target_branch": "main",
}
NEW_KEY: Mapping[str, Any] = {"name": "my-github-key", "provider": "github", "token": "ghp_xxx"}
NEW_MCP_SERVER: Mapping[str, Any] = {
    "name": "context7",
    "package": "@anthropic-ai/context7",
    "args": ["--transport", "stdio"],
}

_ID = "550e8400-e29b-41d4-a716-446655440000"
_CHANGES = {"files_changed": 3, "insertions": 45, "deletions": 12}
_TASK = {
    "id": _ID,
    "task_id": _ID,
    "status": "completed",
    "repo_url": "https://github.com/user/repo.git",
    "prompt": "Fix the failing tests in the auth module",
    "config": {"timeout_seconds": 600, "max_turns": 20, "target_branch": "develop"},
    "result": "The fixture used an expired token; all 14 tests pass now.",
    "error": None,
    "error_class": None,
    "changes_summary": _CHANGES,
    "usage": {
        "input_tokens": 1500,
        "output_tokens": 500,
        "duration_seconds": 120,
        "cost_usd": 0.012,
    },
    "gates": GATES_SAID,
    "iteration": 1,
    "current_prompt": "Fix the failing tests in the auth module",
    "cli": "claude-code",
    "cli_reason": "Claude Code is installed and has a credential.",
    "paused": False,
    "branch": None,
    "pr_number": None,
    "pr_url": None,
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
    "created_at": "2025-01-15T10:30:00Z",
    "started_at": "2025-01-15T10:30:01Z",
    "finished_at": "2025-01-15T10:32:01Z",
}
_SERVER = {
    **NEW_MCP_SERVER,
    "command": "",
    "url": "",
    "env": {"CONTEXT7_TOKEN": "***"},
    "headers": {},
}
_CALLBACK = {
    "id": "dlv_01jhmv5d2c8f3k9q7w4x6y0z1a",
    "url": "https://your-app.com/webhook",
    "event": "task.completed",
    "state": "delivered",
    "created_at": "2025-01-15T10:32:01Z",
    "next_attempt_at": None,
    "attempts": [
        {
            "number": 1,
            "status": 200,
            "problem": "",
            "duration_seconds": 0.084,
            "at": "2025-01-15T10:32:01Z",
        }
    ],
}

CREATED = example({"id": _ID, "status": "pending", "created_at": "2025-01-15T10:30:00Z"}, 201)
TASK = example({**_TASK, "progress": 1.0})
TASKS = example({"tasks": [_TASK], "total": 1, "limit": 50, "offset": 0, "next": None})
INSTRUCTED = example({"id": _ID, "status": "awaiting_instruction", "iteration": 2})
CANCELLING = example({"id": _ID, "status": "cancelling", "message": "The task is being cancelled."})
PULL_REQUEST = example(
    {
        "pr_url": "https://github.com/user/repo/pull/42",
        "pr_number": 42,
        "branch": "codeforge/task-550e8400",
    }
)
DIFF = example(
    {
        "files": [
            {
                "path": "auth/token.py",
                "old_path": None,
                "status": "modified",
                "additions": 1,
                "deletions": 1,
                "binary": False,
            }
        ],
        "additions": 1,
        "deletions": 1,
        "diff": "diff --git a/auth/token.py b/auth/token.py\n…",
        "truncated": False,
        "notes": [],
    }
)
KEY_REGISTERED = example(
    {"name": "my-github-key", "provider": "github", "message": "Key registered."}, 201
)
KEYS = example(
    {
        "keys": [
            {
                "name": "my-github-key",
                "provider": "github",
                "scope": "",
                "host": None,
                "created_at": "2025-01-15T10:30:00Z",
            }
        ]
    }
)
KEY_DELETED = example({"name": "my-github-key", "message": "Key deleted."})
KEY_VERIFIED = example(
    {
        "name": "my-github-key",
        "valid": True,
        "account": "octocat",
        "scopes": ["repo"],
        "problem": "",
    }
)
SERVER_REGISTERED = example({"name": "context7", "message": "MCP server registered."}, 201)
SERVERS = example({"servers": [_SERVER]})
SERVER_DELETED = example({"name": "context7", "message": "MCP server deleted."})
WORKSPACES = example(
    {
        "workspaces": [
            {
                "task_id": _ID,
                "size_mb": 12.5,
                "created_at": "2025-01-15T10:30:01Z",
                "expires_at": "2025-01-16T10:32:01Z",
                "task_status": "completed",
                "node": "local",
            }
        ],
        "total_size_mb": 12.5,
        "total_count": 1,
    }
)
WORKSPACE_DELETED = example({"task_id": _ID, "message": "Workspace deleted."})
CALLBACKS = example({"callbacks": [_CALLBACK]})
REDELIVERING = example({"id": _CALLBACK["id"], "state": "pending"}, 202)
