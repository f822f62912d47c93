"""Refactoring operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lemnos.api.orchex.envelope import shown

APPLY: Mapping[str, Any] = {
    "opportunity_id": "opp_123",
    "dry_run": False,
    "create_pr": True,
    "pr_options": {
        "title": "Refactor complex helper function",
        "body": "Automated refactoring to improve code maintainability",
        "branch": "refactor/helpers",
    },
}
_ID = "refactor_456"


def _passed(check: str, tool: str) -> dict[str, object]:
    return {
        "check": check,
        "passed": True,
        "outcome": "passed",
        "tool": tool,
        "detail": "",
        "findings": [],
        "duration_seconds": 1.2,
    }


_REFACTORING = {
    "refactoring_id": _ID,
    "status": "completed",
    "stage": None,
    "success": True,
    "opportunity_id": "opp_123",
    "analysis_id": "analysis_xyz789",
    "repository": "https://github.com/user/repo",
    "file_path": "src/utils/helpers.js",
    "dry_run": False,
    "method": "claude-sonnet-4",
    "task_id": "task_abc123def456",
    "changes": {"files_modified": 2, "lines_added": 15, "lines_removed": 42},
    "diff": "diff --git a/src/utils/helpers.js b/src/utils/helpers.js\n…",
    "safety_report": {
        "overall_safety": "safe",
        "checks": [
            _passed("syntax_validation", "tree-sitter"),
            _passed("type_checking", "tsc"),
            _passed("test_execution", "npm test"),
        ],
    },
    "effect": {
        "promised_reduction": 40.0,
        "score_before": 78.5,
        "score_after": 51.2,
        "complexity_before": 15,
        "complexity_after": 8,
    },
    "pull_request": {
        "url": "https://github.com/user/repo/pull/123",
        "number": 123,
        "title": "Refactor complex helper function",
        "branch": "refactor/helpers",
    },
    "error": None,
    "created_at": "2025-11-29T21:00:00Z",
    "started_at": "2025-11-29T21:00:01Z",
    "completed_at": "2025-11-29T21:08:00Z",
}
STARTED = shown(
    {
        "refactoring_id": _ID,
        "status": "running",
        "estimated_completion": "2025-11-29T21:10:00Z",
    },
    202,
)
REFACTORING = shown(_REFACTORING)
REFACTORINGS = shown({"refactorings": [_REFACTORING], "total": 1, "limit": 50, "offset": 0})
CANCELLED = shown({"refactoring_id": _ID, "status": "cancelled"})
