"""Repository analysis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lemnos.api.orchex.envelope import shown

START: Mapping[str, Any] = {
    "repository_path": "/path/to/repo",
    "repository_url": "https://github.com/user/repo",
    "branch": "main",
    "commit": "abc1234",
    "analysis_type": "full",
    "options": {
        "include_metrics": True,
        "identify_opportunities": True,
        "max_opportunities": 20,
        "include_patterns": ["**/*.js", "**/*.ts"],
        "exclude_patterns": ["**/node_modules/**", "**/dist/**"],
    },
}
_ID = "analysis_xyz789"
_BRIEF = {
    "analysis_id": _ID,
    "status": "completed",
    "analysis_type": "full",
    "repository": "https://github.com/user/repo",
    "branch": "main",
    "commit": "abc1234",
    "summary": {
        "total_files": 45,
        "files_analyzed": 42,
        "files_failed": 3,
        "files_reused": 0,
        "avg_chaos_score": 42.3,
        "high_chaos_files": 8,
        "total_opportunities": 23,
        "estimated_debt_hours": 67.5,
        "languages": {"javascript": 42},
        "notes": [],
    },
    "error": None,
    "created_at": "2025-11-29T21:00:00Z",
    "started_at": "2025-11-29T21:00:00Z",
    "completed_at": "2025-11-29T21:15:00Z",
    "duration_ms": 900000,
}
_FILE = {
    "file_path": "src/utils/helpers.js",
    "language": "javascript",
    "total_score": 78.5,
    "terms": {
        "complexity": 82.0,
        "duplication": 25.0,
        "coupling": 66.7,
        "size": 35.0,
        "documentation": 60.0,
    },
    "complexity": {"cyclomatic": 15, "cognitive": 12, "nesting": 4},
    "duplication": {"percentage": 0.25},
    "coupling": {"afferent": 4, "efferent": 8},
    "size": {"lines": 310, "lines_of_code": 250, "functions": 14},
    "documentation": {"share": 0.4},
    "churn": {"lines_changed": 120, "commits": 9},
    "problem": None,
}
_OPPORTUNITY = {
    "opportunity_id": "opp_123",
    "type": "extract_function",
    "file_path": "src/utils/helpers.js",
    "location": {"start_line": 40, "end_line": 96, "symbol": "parseOptions"},
    "description": "Complex function should be broken down",
    "impact": {"complexity_reduction": 40},
    "risk": {"level": "medium", "reason": "No test covers it."},
    "effort_hours": 2.0,
    "priority": 30.0,
}
STARTED = shown(
    {
        "analysis_id": _ID,
        "status": "running",
        "estimated_completion": "2025-11-29T21:20:00Z",
    },
    202,
)
ANALYSIS = shown(
    {
        **_BRIEF,
        "progress": None,
        "options": START["options"],
        "chaos_metrics": [_FILE],
        "opportunities": [_OPPORTUNITY],
    }
)
ANALYSES = shown({"analyses": [_BRIEF], "total": 1, "limit": 50, "offset": 0})
FILES = shown(
    {"analysis_id": _ID, "files": [_FILE], "limit": 100, "offset": 0, "next_offset": None}
)
