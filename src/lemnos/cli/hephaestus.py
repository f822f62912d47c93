"""A small client of the Hephaestus operations: gates, rankings, and the tasks to follow them by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lemnos.cli.http import Http, Json, given, segment
from lemnos.cli.shapes import StreamEvent

_BASE = "/api/v1"


class Hephaestus:
    """Talks to ``/api/v1`` of one server."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def guard_rails(self, body: Mapping[str, Any]) -> Json:
        """Have gates run; the answer names the task to follow: ``{task_id, status, …}``."""
        return self._http.post(f"{_BASE}/quality/guard-rails", {**body, "async": True})

    def cleanup(self, body: Mapping[str, Any]) -> Json:
        """Have a folder cleaned; the answer names the task to follow: ``{task_id, status, …}``."""
        return self._http.post(f"{_BASE}/cleanup", {**body, "async": True})

    def task(self, task_id: str) -> Json:
        """``{task_id, status, progress, result, error}``."""
        return self._http.get(f"{_BASE}/tasks/{segment(task_id)}")

    def cancel(self, task_id: str) -> Json:
        """End it, with the tool that runs."""
        return self._http.post(f"{_BASE}/tasks/{segment(task_id)}/cancel")

    def events(self, task_id: str, after: str = "") -> Iterator[StreamEvent]:
        """What happens, up to and with ``done``."""
        return self._http.events(f"{_BASE}/tasks/{segment(task_id)}/stream", after)

    def rankings(self, **asked: object) -> Json:
        """``{rankings: [{path, score, metrics, terms}], strategy, …}``."""
        return self._http.get(f"{_BASE}/analytics/rankings", given(**asked))

    def hotspots(self, **asked: object) -> Json:
        """``{hotspots: [{path, score, owners, coupling, …}], …}``."""
        return self._http.get(f"{_BASE}/analytics/hotspots", given(**asked))

    def refactor_ranked(self, body: Mapping[str, Any]) -> Json:
        """A task for an agent of one entry: ``{task_id, status, path, created_at}``."""
        return self._http.post(f"{_BASE}/analytics/rankings/refactor", body)
