"""The examples of the document, for the OpenAPI description; the contract tests replay them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lemnos.api.kit.describe import example

RUN_GUARD_RAILS: Mapping[str, Any] = {
    "no_format": False,
    "workspace": "/path/to/project",
    "drift_check": True,
}
CLEAN: Mapping[str, Any] = {"root": "/path/to/project", "deep_clean": False, "dry_run": False}
REFACTOR: Mapping[str, Any] = {"workspace": "/path/to/project", "path": "src/module.py"}
INGEST: Mapping[str, Any] = {
    "workspace": "/path/to/project",
    "kind": "coverage",
    "source": "nightly",
    "commit": "9b9a4d2",
    "files": {"src/module.py": {"covered": 90, "total": 200}},
}

_ID = "task-abc123"
_WHEN = "2025-11-29T21:00:00.000000Z"
_GUARD_RAILS = {
    "success": True,
    "gates": [
        {
            "name": "lint",
            "passed": True,
            "message": "Linting passed",
            "duration": 5.2,
            "metadata": {},
        }
    ],
    "duration": 45.3,
    "task_id": _ID,
}
_CLEANED = {"files_deleted": 142, "size_freed": 15728640, "manifest": {}, "task_id": _ID}
_RUNNING = {
    "task_id": _ID,
    "kind": "guard_rails",
    "status": "running",
    "progress": 0.65,
    "stage": "types, tests",
    "result": None,
    "error": None,
    "error_code": None,
    "created_at": _WHEN,
    "started_at": _WHEN,
    "ended_at": None,
}
_PENDING = {**_RUNNING, "status": "pending", "progress": 0.0, "stage": None, "started_at": None}
_COMPLETED = {**_RUNNING, "status": "completed", "progress": 1.0, "stage": None, "ended_at": _WHEN}
_METRICS = {
    "churn": 15,
    "revisions": 4,
    "coverage": 0.45,
    "covered_lines": 90,
    "coverable_lines": 200,
    "complexity": 25,
    "lines": 310,
}

GUARD_RAILS = example(_GUARD_RAILS)
CLEANED = example(_CLEANED)
ACCEPTED = example(_PENDING, 202)
OPERATION = example(_RUNNING)
OPERATIONS = example({"tasks": [_COMPLETED], "limit": 50, "next": None})
CANCELLING = example(
    {"task_id": _ID, "status": "running", "message": "The task is being cancelled."}
)
RANKINGS = example(
    {
        "rankings": [
            {
                "path": "src/module.py",
                "score": 0.85,
                "metrics": _METRICS,
                "terms": {"gap": 0.3, "uncovered": 0.3, "churn": 0.1, "complexity": 0.15},
            }
        ],
        "strategy": "composite",
        "commit": "9b9a4d2",
        "days": 365,
        "files": 120,
        "warnings": [],
    }
)
HOTSPOTS = example(
    {
        "hotspots": [
            {
                "path": "src/module.py",
                "score": 0.85,
                "metrics": _METRICS,
                "authors": 2,
                "owners": [{"name": "Ada", "share": 0.8, "commits": 3, "last_at": _WHEN}],
                "fragmentation": 0.32,
                "coupling": [{"path": "tests/test_module.py", "degree": 0.75, "shared": 3}],
            }
        ],
        "commit": "9b9a4d2",
        "days": 365,
        "files": 120,
        "commits": 87,
        "warnings": [],
    }
)
REFACTORING = example(
    {
        "task_id": "550e8400-e29b-41d4-a716-446655440000",
        "status": "pending",
        "path": "src/module.py",
        "created_at": _WHEN,
    },
    201,
)
INGESTED = example(
    {
        "workspace": "/path/to/project",
        "kind": "coverage",
        "source": "nightly",
        "commit": "9b9a4d2",
        "files": 1,
        "measured_at": _WHEN,
    }
)
