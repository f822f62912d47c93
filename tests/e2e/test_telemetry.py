"""Traces reach a collector: a request and the work it asked for are one trace."""

from __future__ import annotations

from pathlib import Path

import httpx2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.git_repos import create_bare
from tests.support.server import LemnosServer
from tests.support.sink import WebhookSink

TRACE = "0af7651916cd43dd8448eb211c80319c"


def spans(sink: WebhookSink) -> list[Span]:
    found: list[Span] = []
    for request in sink.requests:
        exported = ExportTraceServiceRequest.FromString(request.body)
        for resource in exported.resource_spans:
            for scope in resource.scope_spans:
                found += scope.spans
    return found


def test_a_request_and_its_work_are_one_trace(tmp_path: Path) -> None:
    repository = create_bare(tmp_path / "repository.git", {"a.txt": "a\n"})
    with WebhookSink() as sink:
        env = {"LEMNOS_OTLP_ENDPOINT": sink.url}
        with LemnosServer(tmp_path, env=env) as server:
            created = server.client.post(
                "/api/v1/tasks",
                headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"},
                json={
                    "repo_url": str(repository),
                    "prompt": "run: true",
                    "config": {"cli": "builtin"},
                },
            )
            assert created.status_code == httpx2.codes.CREATED, created.text
            task = server.wait(created.json()["id"], "completed")
    mine = [span for span in spans(sink) if span.trace_id.hex() == TRACE]
    assert {span.name for span in mine} >= {"/api/v1/tasks", "task.iterate"}
    assert task["trace_id"] == TRACE


def test_what_tasks_end_in_is_counted(tmp_path: Path) -> None:
    repository = create_bare(tmp_path / "repository.git", {"a.txt": "a\n"})
    with LemnosServer(tmp_path) as server:
        for prompt, status in (("run: true", "completed"), ("run: false", "failed")):
            task = server.create(repo_url=str(repository), prompt=prompt, config={"cli": "builtin"})
            server.wait(task["id"], status)
        metrics = server.client.get("/metrics").text
    for line in (
        'lemnos_iterations_total{runtime="builtin",status="completed"} 1.0',
        'lemnos_iterations_total{runtime="builtin",status="failed"} 1.0',
        'lemnos_http_requests_total{method="POST",route="/api/v1/tasks",status="201"} 2.0',
    ):
        assert line in metrics
