"""Keys, MCP servers, workspaces and limits beyond the document's examples."""

from __future__ import annotations

import time

import httpx2
import pytest

from tests.contract.codeforge.site import Site
from tests.support.server_fixtures import MakeServer

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("keys", {"name": "twice", "provider": "gitea", "token": "t"}),
        ("mcp/servers", {"name": "twice", "url": "https://mcp.example.org/"}),
    ],
)
def test_a_name_is_taken_once_and_free_again_when_deleted(site: Site, path: str, body: dict):  # type: ignore[type-arg]
    assert site.post(path, body).status_code == 201
    again = site.post(path, body)
    assert again.status_code == 409
    assert again.json()["error"] == "conflict"
    assert site.server.client.delete(f"/api/v1/{path}/twice").status_code == 200
    assert site.post(path, body).status_code == 201
    site.server.client.delete(f"/api/v1/{path}/twice")


def test_values_of_an_mcp_server_are_redacted_its_names_are_not(site: Site):
    site.post("mcp/servers", {"name": "stdio", "package": "p", "env": {"TOKEN": "hidden-1"}})
    web = {"name": "web", "url": "https://mcp.example.org/", "headers": {"X-Key": "hidden-2"}}
    site.post("mcp/servers", web)
    answer = site.server.client.get("/api/v1/mcp/servers")
    servers = {server["name"]: server for server in answer.json()["servers"]}
    assert servers["stdio"]["env"] == {"TOKEN": "***"}
    assert servers["web"]["headers"] == {"X-Key": "***"}
    assert "hidden" not in answer.text


def test_a_workspace_is_listed_with_its_size_and_its_expiry(site: Site):
    task_id = site.completed()
    found = site.server.client.get("/api/v1/workspaces").json()
    [mine] = [one for one in found["workspaces"] if one["task_id"] == task_id]
    assert mine["size_mb"] > 0
    assert mine["task_status"] == "completed"
    assert mine["expires_at"] > mine["created_at"]
    assert found["total_count"] == len(found["workspaces"])
    total = sum(one["size_mb"] for one in found["workspaces"])
    assert found["total_size_mb"] == pytest.approx(total, abs=0.01 * found["total_count"])


def test_over_the_limit_the_time_to_wait_is_true(make_server: MakeServer):
    server = make_server(env={"LEMNOS_RATE_LIMITS": "on"}).start()
    with server.client_with(server.key) as client:
        answer = client.get("/api/v1/tasks")
        assert int(answer.headers["x-ratelimit-limit"]) > 0
        deadline = time.monotonic() + 60
        while answer.status_code == 200 and time.monotonic() < deadline:
            answer = client.get("/api/v1/tasks")
        assert answer.status_code == 429
        assert answer.json()["error"] == "rate_limit_exceeded"
        wait = int(answer.headers["retry-after"])
        assert wait >= 1
        time.sleep(wait)  # what is promised is what is tested
        assert client.get("/api/v1/tasks").status_code == 200
    assert httpx2.get(f"{server.url}/health").status_code == 200
