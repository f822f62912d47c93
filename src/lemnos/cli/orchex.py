"""A small client of the ORCHEX operations: agents, routed tasks, analyses, webhooks, metrics.

Answers are given without their envelope.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lemnos.cli.http import Http, Json, given, segment
from lemnos.cli.shapes import StreamEvent


class Orchex:
    """Talks to ``/v1`` of one server."""

    def __init__(self, http: Http) -> None:
        self._http = http

    # --- agents --------------------------------------------------------------------------------

    def agents(self, **filters: object) -> Json:
        """A page of agents: ``agents``, ``total``."""
        return self._get("/agents", **filters)

    def agent(self, agent_id: str) -> Json:
        """One agent with its health and performance."""
        return self._get(f"/agents/{segment(agent_id)}")

    def register_agent(self, body: Mapping[str, Any]) -> Json:
        """Register one."""
        return self._post("/agents", body)

    def update_agent(self, agent_id: str, body: Mapping[str, Any]) -> Json:
        """Change what is named."""
        return _data(self._http.put(f"/v1/agents/{segment(agent_id)}", body))

    def remove_agent(self, agent_id: str, *, force: bool = False) -> None:
        """Remove one; with ``force`` also while it works."""
        params = {"force": "true"} if force else None
        self._http.delete(f"/v1/agents/{segment(agent_id)}", params)

    # --- tasks ---------------------------------------------------------------------------------

    def submit(self, body: Mapping[str, Any]) -> Json:
        """A task for whichever agent fits."""
        return self._post("/tasks", body)

    def tasks(self, **filters: object) -> Json:
        """A page of tasks, routed or not."""
        return self._get("/tasks", **filters)

    def task(self, task_id: str) -> Json:
        """A task with its progress or result."""
        return self._get(f"/tasks/{segment(task_id)}")

    def cancel(self, task_id: str) -> Json:
        """End a task."""
        return _data(self._http.delete(f"/v1/tasks/{segment(task_id)}"))

    def retry(self, task_id: str, body: Mapping[str, Any]) -> Json:
        """Do it again as another task; the answer names that one."""
        return self._post(f"/tasks/{segment(task_id)}/retry", body)

    def routing(self, task_id: str) -> Json:
        """Why a task went where it went, and each attempt."""
        return self._get(f"/tasks/{segment(task_id)}/routing")

    def feedback(self, task_id: str, body: Mapping[str, Any]) -> Json:
        """Say what the outcome is worth."""
        return self._post(f"/tasks/{segment(task_id)}/feedback", body)

    def events(self, task_id: str, after: str = "") -> Iterator[StreamEvent]:
        """The events of a task from a cursor on, up to and with ``done``."""
        return self._http.events(f"/v1/tasks/{segment(task_id)}/events", after)

    def route(self, body: Mapping[str, Any]) -> Json:
        """How a task would be routed."""
        return self._post("/route", body)

    # --- analyses and refactorings -------------------------------------------------------------

    def analyze(self, body: Mapping[str, Any]) -> Json:
        """Begin an analysis."""
        return self._post("/analyze", body)

    def analysis(self, analysis_id: str) -> Json:
        """An analysis, with what is known of it by now."""
        return self._get(f"/analyze/{segment(analysis_id)}")

    def analyses(self, **filters: object) -> Json:
        """The newest analyses."""
        return self._get("/analyze", **filters)

    def refactor(self, body: Mapping[str, Any]) -> Json:
        """Begin a refactoring."""
        return self._post("/refactor", body)

    def refactoring(self, refactoring_id: str) -> Json:
        """A refactoring, with what is known of it by now."""
        return self._get(f"/refactor/{segment(refactoring_id)}")

    def refactorings(self, **filters: object) -> Json:
        """A page of refactorings, the newest first."""
        return self._get("/refactor", **filters)

    def cancel_refactoring(self, refactoring_id: str) -> Json:
        """End one that is under way."""
        return _data(self._http.delete(f"/v1/refactor/{segment(refactoring_id)}"))

    # --- metrics and webhooks ------------------------------------------------------------------

    def metrics(self, **filters: object) -> Json:
        """What all agents did in a period."""
        return self._get("/metrics", **filters)

    def agent_metrics(self, agent_id: str, **filters: object) -> Json:
        """What one agent did in a period."""
        return self._get(f"/metrics/agents/{segment(agent_id)}", **filters)

    def create_webhook(self, body: Mapping[str, Any]) -> Json:
        """Register an endpoint."""
        return self._post("/webhooks", body)

    def webhooks(self) -> Json:
        """All endpoints."""
        return self._get("/webhooks")

    def webhook(self, webhook_id: str) -> Json:
        """One endpoint."""
        return self._get(f"/webhooks/{segment(webhook_id)}")

    def update_webhook(self, webhook_id: str, body: Mapping[str, Any]) -> Json:
        """Change what is named."""
        return _data(self._http.put(f"/v1/webhooks/{segment(webhook_id)}", body))

    def delete_webhook(self, webhook_id: str) -> None:
        """Forget one."""
        self._http.delete(f"/v1/webhooks/{segment(webhook_id)}")

    def test_webhook(self, webhook_id: str) -> Json:
        """Send it a test."""
        return self._post(f"/webhooks/{segment(webhook_id)}/test")

    def rotate_webhook(self, webhook_id: str, body: Mapping[str, Any]) -> Json:
        """Give it a new secret."""
        return self._post(f"/webhooks/{segment(webhook_id)}/rotate", body)

    def deliveries(self, webhook_id: str) -> Json:
        """What was sent to it, and each attempt."""
        return self._get(f"/webhooks/{segment(webhook_id)}/deliveries")

    def redeliver(self, delivery_id: str) -> Json:
        """Send a delivery again."""
        return self._post(f"/webhooks/deliveries/{segment(delivery_id)}/redeliver")

    # --- requests ------------------------------------------------------------------------------

    def _get(self, path: str, **params: object) -> Json:
        return _data(self._http.get(f"/v1{path}", given(**params)))

    def _post(self, path: str, body: Mapping[str, Any] | None = None) -> Json:
        return _data(self._http.post(f"/v1{path}", body))


def _data(envelope: Json) -> Json:
    data = envelope.get("data")
    return data if isinstance(data, dict) else {}
