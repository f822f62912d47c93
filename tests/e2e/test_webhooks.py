"""Webhooks of a real server: what happens to tasks is told, over a crash, to who subscribed."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.support.loopback import Request
from tests.support.server import LemnosServer
from tests.support.server_fixtures import MakeServer
from tests.support.shell import sample_repository
from tests.support.sink import WebhookSink

pytestmark = pytest.mark.e2e

SECRET = "webhook_secret"
OF_TASKS = ["task.created", "task.started", "task.completed", "task.failed", "task.cancelled"]


def subscribe(server: LemnosServer, url: str, *events: str) -> dict[str, Any]:
    body = {"url": url, "secret": SECRET, "events": list(events) or OF_TASKS, "active": True}
    answer = server.client.post("/v1/webhooks", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["data"]
    return made


def submit(server: LemnosServer, repo: Path, description: str) -> str:
    agent = {"agent_id": "smith", "name": "Smith", "provider": "builtin"}
    assert server.client.post("/v1/agents", json=agent).status_code in (201, 409)
    body = {
        "type": "refactoring",
        "description": description,
        "context": {"repository_path": str(repo)},
    }
    answer = server.client.post("/v1/tasks", json=body)
    assert answer.status_code == 202, answer.text
    task_id: str = answer.json()["data"]["task_id"]
    return task_id


def names(requests: list[Request]) -> list[str]:
    return [request.json()["event"] for request in requests]


def test_the_course_of_a_task_is_told_in_order_and_signed(server: LemnosServer, tmp_path: Path):
    repo = sample_repository(server.folder / f"desk-{tmp_path.name}")
    with WebhookSink() as sink:
        made = subscribe(server, f"{sink.url}/hook")
        assert SECRET not in str(made)
        task_id = submit(server, repo, "Remove the unused imports.")
        requests = sink.wait_for(3)
        assert names(requests) == ["task.created", "task.started", "task.completed"]
        for request in requests:
            told = request.json()["data"]
            assert told["task_id"] == task_id
            digest = hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
            assert request.headers["x-orchex-signature"] == f"sha256={digest}"
            assert Webhook(SECRET.encode()).verify(request.body, dict(request.headers))
        completed = requests[-1].json()["data"]
        assert completed["type"] == "refactoring"
        assert completed["status"] == "completed"
        assert completed["agent_id"] == "smith"
        assert SECRET not in requests[-1].body.decode()
        server.client.delete(f"/v1/webhooks/{made['webhook_id']}")


def test_what_was_not_told_before_a_crash_is_told_after_it(make_server: MakeServer):
    server = make_server(allowed_hosts=["127.0.0.1"])
    with WebhookSink() as sink:
        server.start()
        port = sink.port
        subscribe(server, f"{sink.url}/hook", "task.created")
        sink.stop()
        repo = sample_repository(server.folder / "desk")
        task_id = submit(server, repo, "Remove the unused imports.")
        server.kill9()
        sink.start(port)
        server.start()
        (request, *_) = sink.wait_for(1)
        assert request.json()["data"]["task_id"] == task_id
        assert Webhook(SECRET.encode()).verify(request.body, dict(request.headers))


def test_a_delivery_log_shows_each_attempt_and_no_secret(server: LemnosServer):
    with WebhookSink() as sink:
        sink.respond(500)
        made = subscribe(server, sink.url, "task.failed")
        path = f"/v1/webhooks/{made['webhook_id']}"
        tested = server.client.post(f"{path}/test").json()["data"]["delivery_id"]
        sink.wait_for(1)

        def attempts() -> list[dict[str, Any]]:
            answer = server.client.get(f"{path}/deliveries")
            (delivery,) = answer.json()["data"]["deliveries"]
            assert delivery["delivery_id"] == tested
            assert SECRET not in answer.text
            found: list[dict[str, Any]] = delivery["attempts"]
            return found

        server.until(lambda: bool(attempts()), what="the attempt is written down")
        assert attempts()[0]["status"] == 500
        server.client.delete(path)


def test_another_tenant_s_webhook_does_not_exist(server: LemnosServer):
    made = subscribe(server, "https://example.org/hook", "task.failed")
    path = f"/v1/webhooks/{made['webhook_id']}"
    with server.client_with(server.token(tenant="other")) as other:
        for answer in (
            other.get(path),
            other.put(path, json={"active": False}),
            other.post(f"{path}/test"),
            other.post(f"{path}/rotate", json={}),
            other.get(f"{path}/deliveries"),
            other.delete(path),
        ):
            assert answer.status_code == 404, answer.text
        assert other.get("/v1/webhooks").json()["data"]["webhooks"] == []
    assert server.client.get(path).json()["data"]["active"] is True
