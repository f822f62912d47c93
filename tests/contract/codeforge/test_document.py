"""The document's own calls, as its readers would type them.

Bodies are the document's; hosts that cannot be reached from here are replaced by ones of ours,
or only accepted. What the answers must hold is listed in full: no field of the document is missing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import Any

import httpx2
import pytest
import yaml

from tests.contract.codeforge.site import PROVIDER, SECRET, TOKEN, Site
from tests.support.server import RESTING

pytestmark = pytest.mark.e2e

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
CREATE: dict[str, Any] = {
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

# Method, path, status of each operation of the document.
OPERATIONS = [
    ("POST", "/api/v1/tasks", 201),
    ("GET", "/api/v1/tasks/{id}", 200),
    ("GET", "/api/v1/tasks/{id}?include=iterations", 200),
    ("POST", "/api/v1/tasks/{id}/instruct", 200),
    ("POST", "/api/v1/tasks/{id}/cancel", 200),
    ("GET", "/api/v1/tasks/{id}/stream", 200),
    ("POST", "/api/v1/tasks/{id}/create-pr", 200),
    ("POST", "/api/v1/keys", 201),
    ("GET", "/api/v1/keys", 200),
    ("DELETE", "/api/v1/keys/{name}", 200),
    ("POST", "/api/v1/mcp/servers", 201),
    ("GET", "/api/v1/mcp/servers", 200),
    ("DELETE", "/api/v1/mcp/servers/{name}", 200),
    ("GET", "/api/v1/workspaces", 200),
    ("DELETE", "/api/v1/workspaces/{id}", 200),
    ("GET", "/health", 200),
    ("GET", "/ready", 200),
    ("GET", "/metrics", 200),
    ("GET", "/api/docs", 200),
    ("GET", "/api/docs/openapi.yaml", 200),
]
BODIES: dict[str, Any] = {
    "/api/v1/tasks": CREATE,
    "/api/v1/tasks/{id}/instruct": {"prompt": "Also add unit tests for the changes you made"},
    "/api/v1/tasks/{id}/create-pr": {
        "title": "Fix auth tests",
        "description": "AI-generated fix for failing auth tests",
        "target_branch": "main",
    },
    "/api/v1/keys": {"name": "another-github-key", "provider": "github", "token": "ghp_xxx"},
    "/api/v1/mcp/servers": {
        "name": "another-context7",
        "package": "@anthropic-ai/context7",
        "args": ["--transport", "stdio"],
    },
}


@pytest.mark.parametrize(("method", "path", "status"), OPERATIONS)
def test_every_operation_answers_as_documented(site: Site, method: str, path: str, status: int):
    name = "to-be-deleted"
    if "{name}" in path:
        list_path, body = path.removesuffix("/{name}"), dict(BODIES[path.removesuffix("/{name}")])
        site.server.client.post(list_path, json=body | {"name": name})
    if path.endswith("/cancel"):
        task_id = site.create(repo_url=site.stuck_url)
    else:
        task_id = site.completed() if "{id}" in path else ""
    answer = site.server.client.request(
        method, path.format(id=task_id, name=name), json=BODIES.get(path)
    )
    assert answer.status_code == status, answer.text


def test_create_as_documented_is_accepted_although_nobody_is_there(site: Site):
    answer = site.post("tasks", CREATE)
    assert answer.status_code == 201
    created = answer.json()
    assert set(created) == {"id", "status", "created_at"}
    assert UUID.fullmatch(created["id"])
    assert created["status"] == "pending"
    assert INSTANT.fullmatch(created["created_at"])
    task = site.server.task(created["id"])
    config = {name: task["config"][name] for name in CREATE["config"]}
    assert config == CREATE["config"]
    assert "ghp_xxx" not in json.dumps(task)


def test_the_whole_story_of_the_document(site: Site):
    """Create, get, stream, follow up, pull request, in the document's order with its bodies."""
    site.sink.deliveries.clear()
    hook = f"{site.sink.url}/webhook"
    name = "user/story"
    own = site.own_repository(name)
    given = CREATE | {"repo_url": own, "access_token": TOKEN, "callback_url": hook}
    given["config"] = CREATE["config"] | {"ai_api_key": "sk-of-the-tests"}
    created = site.post("tasks", given).json()
    task_id = created["id"]

    events = site.server.events(task_id)
    assert events[0].name == "connected"
    assert set(events[0].data) == {"task_id", "status"}
    assert events[-1].name == "done"
    assert events[-1].data["status"] == "completed"
    for event in events[1:-1]:
        assert event.name == ""
        assert {"type", "event", "data", "ts"} <= set(event.data)
        assert event.data["type"] in {"system", "git", "cli", "stream", "result"}
        assert INSTANT.fullmatch(event.data["ts"])

    task = site.server.task(task_id)
    assert task["status"] == "completed"
    assert task["branch"] is None
    assert "iterations" not in task
    history = site.server.task(task_id, include="iterations")["iterations"]
    assert [one["number"] for one in history] == [1]
    assert set(history[0]) == {
        *("number", "prompt", "result", "error", "status"),
        *("changes", "usage", "started_at", "ended_at"),
    }

    verify_documented_callback(site, task_id)

    followed = site.post(f"tasks/{task_id}/instruct", BODIES["/api/v1/tasks/{id}/instruct"])
    assert followed.json() == {"id": task_id, "status": "awaiting_instruction", "iteration": 2}
    site.server.wait(task_id, "completed")

    opened = site.post(f"tasks/{task_id}/create-pr", BODIES["/api/v1/tasks/{id}/create-pr"])
    assert opened.status_code == 200
    assert set(opened.json()) == {"pr_url", "pr_number", "branch"}
    assert opened.json()["branch"] == f"codeforge/task-{task_id[:8]}"
    pull = site.forge.pulls(name)[opened.json()["pr_number"] - 1]
    assert (pull.title, pull.body, pull.base) == (
        "Fix auth tests",
        "AI-generated fix for failing auth tests",
        "main",
    )
    path = "pull" if PROVIDER == "github" else "pulls"
    assert opened.json()["pr_url"].endswith(f"/{name}/{path}/{pull.number}")
    assert site.forge.problems == []
    assert site.server.events(task_id)[-1].data["status"] == "pr_created"


def verify_documented_callback(site: Site, task_id: str) -> None:
    """The delivery against the document: body, headers, and its own way of checking it."""
    [request, *_] = site.sink.wait_for(1)
    body = request.json()
    assert {
        *("task_id", "status", "result", "changes_summary"),
        *("usage", "trace_id", "finished_at"),
    } <= set(body)
    assert body["task_id"] == task_id
    assert body["status"] == "completed"
    assert set(body["changes_summary"]) == {"files_changed", "insertions", "deletions"}
    assert set(body["usage"]) == {"input_tokens", "output_tokens", "duration_seconds"}
    assert INSTANT.fullmatch(body["finished_at"])
    assert request.headers["x-codeforge-event"] == "task.completed"
    assert request.headers["x-trace-id"] == body["trace_id"]
    assert request.headers["content-type"] == "application/json"
    signature = request.headers["x-signature-256"]
    assert verify(request.body, signature, SECRET)
    assert not verify(request.body + b" ", signature, SECRET)


def verify(body: bytes, signature: str, secret: str) -> bool:
    """The function that the document gives to its readers."""
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"sha256={expected}", signature)


def test_keys_as_documented(site: Site):
    """Register, list without the token, delete."""
    body = {"name": "my-github-key", "provider": "github", "token": "ghp_xxx"}
    registered = site.post("keys", body)
    assert registered.status_code == 201
    assert registered.json().keys() == {"name", "provider", "message"}
    listed = site.server.client.get("/api/v1/keys")
    [key] = [one for one in listed.json()["keys"] if one["name"] == "my-github-key"]
    assert key.keys() == {"name", "provider", "scope", "created_at", "host"}
    assert "ghp_xxx" not in listed.text
    assert site.server.client.delete("/api/v1/keys/my-github-key").status_code == 200
    assert site.server.client.delete("/api/v1/keys/my-github-key").status_code == 404


def test_mcp_servers_as_documented(site: Site):
    body = {
        "name": "context7",
        "package": "@anthropic-ai/context7",
        "args": ["--transport", "stdio"],
    }
    registered = site.post("mcp/servers", body)
    assert registered.status_code == 201
    assert registered.json().keys() == {"name", "message"}
    servers = site.server.client.get("/api/v1/mcp/servers").json()["servers"]
    [server] = [one for one in servers if one["name"] == "context7"]
    assert server["package"] == body["package"]
    assert server["args"] == body["args"]
    assert site.server.client.delete("/api/v1/mcp/servers/context7").status_code == 200


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/api/docs"])
def test_the_system_s_operations_need_no_credential(site: Site, path: str):
    answer = httpx2.get(site.server.url + path)
    assert answer.status_code == 200
    if path == "/health":
        assert answer.json()["status"] in ("healthy", "degraded")
        assert answer.json()["components"]["database"]["status"] == "ok"
    if path == "/metrics":
        assert answer.headers["content-type"].startswith("text/plain")
        assert "\n# TYPE " in answer.text
    if path == "/api/docs":
        assert "swagger-ui" in answer.text


def test_swagger_ui_comes_from_here_and_finds_the_description(site: Site):
    page = httpx2.get(f"{site.server.url}/api/docs").text
    found = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert found
    assert all(place.startswith("/api/docs/") for place in found), "no CDN"
    for place in found:
        assert httpx2.get(site.server.url + place).status_code == 200
    answer = httpx2.get(f"{site.server.url}/api/docs/openapi.yaml")
    described = yaml.safe_load(answer.text)
    assert described["openapi"].startswith("3.")
    paths = {path.partition("?")[0] for _, path, _ in OPERATIONS}
    shown = {re.sub(r"\{[a-z_]+\}", "{}", path) for path in described["paths"]}
    assert {re.sub(r"\{[a-z_]+\}", "{}", path) for path in paths} <= shown


def test_polling_instead_of_the_stream(site: Site):
    task_id = site.create(prompt="Remove the unused imports")
    seen: list[str] = []

    def at_rest() -> bool:
        seen.append(site.server.task(task_id)["status"])
        return seen[-1] in RESTING

    site.server.until(at_rest)
    order = ["pending", "cloning", "running", "completed"]
    assert [order.index(status) for status in seen] == sorted(map(order.index, seen))
