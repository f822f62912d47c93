"""Health, status, metrics, errors and limits, as documented."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.contract.orchex import document
from tests.contract.orchex.document import lacks
from tests.contract.orchex.site import THINKER, Site
from tests.support.server_fixtures import MakeServer

pytestmark = pytest.mark.e2e


def test_health_is_open_and_as_documented(site: Site):
    answer = httpx2.get(f"{site.server.url}/v1/health")
    assert answer.status_code == 200
    health = answer.json()["data"]
    assert lacks(health, document.HEALTH) == []
    assert set(health["components"].values()) <= {"healthy", "degraded"}
    counts = health["agents"]
    assert counts["total"] == sum(n for name, n in counts.items() if name != "total") >= 2
    assert "worker" not in answer.text


def test_health_counts_the_callers_own_agents(site: Site):
    with site.server.client_with(site.server.token("health-elsewhere")) as client:
        assert client.get("/v1/health").json()["data"]["agents"]["total"] == 0


def test_status_is_measured(site: Site):
    site.completed()
    status = site.data("GET", "/status")
    assert lacks(status, document.STATUS, unknown=("load",)) == []
    assert status["components"]["registry"]["agents"] >= 2
    assert status["components"]["router"]["decision_ms"] >= 0
    assert status["queue"]["avg_wait_time_ms"] >= 0
    assert status["performance"]["requests_per_second"] > 0
    assert status["performance"]["avg_response_time_ms"] > 0
    assert 0 <= status["performance"]["error_rate"] <= 1


def test_status_counts_what_waits_and_runs(site: Site):
    task_id = site.submit(context={"repository": site.stuck_url})
    site.server.until(lambda: site.data("GET", "/status")["queue"]["running_tasks"] >= 1)
    site.call("DELETE", f"/tasks/{task_id}")


def test_metrics_as_documented(site: Site):
    site.until(site.think(), "completed")
    found = site.data("GET", "/metrics")
    assert lacks(found, document.METRICS, unknown=("avg_quality",)) == []
    mine = found["agents"][THINKER]
    sample = document.METRICS["agents"]["claude-sonnet-4"]
    assert lacks(mine, sample, unknown=("avg_quality",)) == []
    assert found["period"] == "24h"
    assert found["total_tasks"] >= 1
    assert 0 < found["success_rate"] <= 1


@pytest.mark.parametrize("period", ["1h", "24h", "7d", "30d"])
def test_metrics_of_a_period(site: Site, period: str):
    assert site.data("GET", f"/metrics?period={period}")["period"] == period
    assert site.data("GET", f"/metrics/agents/{THINKER}?period={period}")["period"] == period


@pytest.mark.parametrize(
    ("kind", "shown", "hidden"),
    [
        ("performance", "success_rate", "total_cost_usd"),
        ("cost", "total_cost_usd", "success_rate"),
        ("quality", "avg_quality", "avg_duration_ms"),
    ],
)
def test_metrics_of_a_type(site: Site, kind: str, shown: str, hidden: str):
    found = site.data("GET", f"/metrics?metric_type={kind}")
    assert shown in found
    assert hidden not in found


def test_metrics_of_an_agent_in_detail(site: Site):
    site.until(site.think(), "completed")
    found = site.data("GET", f"/metrics/agents/{THINKER}?detailed=true")
    assert found["agent_id"] == THINKER
    assert found["tasks"] >= 1
    assert sum(one["tasks"] for one in found["breakdown"]["by_hour"]) >= found["tasks"]
    assert "breakdown" not in site.data("GET", f"/metrics/agents/{THINKER}")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/metrics?period=2h", "period"),
        ("/metrics?metric_type=luck", "metric_type"),
        ("/metrics/agents/worker?period=", "period"),
        ("/metrics/agents/worker?detailed=perhaps", "detailed"),
    ],
)
def test_bad_questions_for_metrics(site: Site, path: str, field: str):
    error = site.error("GET", path)
    assert (error["code"], error["details"]["field"]) == ("VALIDATION_ERROR", field)


def test_metrics_of_an_unknown_agent(site: Site):
    assert site.error("GET", "/metrics/agents/no-such", status=404)["code"] == "NOT_FOUND"


def test_an_invalid_key_as_documented(site: Site):
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Bearer lk_x"}):
        answer = httpx2.get(f"{site.server.url}/v1/tasks", headers=headers)
        assert answer.status_code == 401
        error = answer.json()["error"]
        assert (error["code"], error["message"]) == ("AUTHENTICATION_ERROR", "Invalid API key")


def test_a_key_without_the_permission(site: Site):
    with site.server.client_with(site.server.token(permissions=["tasks:read"])) as client:
        answer = client.get("/v1/agents")
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "AUTHORIZATION_ERROR"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "NOT_FOUND"),
        ("PATCH", "/agents", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/agents/a%00b", 404, "NOT_FOUND"),
    ],
)
def test_paths_that_are_not_there(site: Site, method: str, path: str, status: int, code: str):
    assert site.error(method, path, status=status)["code"] == code


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff", b""])
def test_bodies_that_are_no_object(site: Site, body: bytes):
    for path in ("/v1/tasks", "/v1/agents", "/v1/analyze", "/v1/refactor", "/v1/webhooks"):
        answer = site.server.client.post(
            path, content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 400, (path, answer.text)
        assert answer.json()["error"]["code"] == "VALIDATION_ERROR"


HEADERS = ("limit", "remaining", "reset", "retry-after")


def limits(answer: httpx2.Response) -> dict[str, int]:
    return {name: int(answer.headers[f"x-ratelimit-{name}"]) for name in HEADERS}


class TestLimits:
    """On servers of their own, as limits are off elsewhere."""

    def test_all_four_headers_are_on_every_answer(self, make_server: MakeServer):
        server = make_server(env={"LEMNOS_RATE_LIMITS": "on"}).start()
        first = limits(server.client.get("/v1/agents"))
        assert (first["limit"], first["remaining"], first["retry-after"]) == (1000, 999, 0)
        assert limits(server.client.get("/v1/agents/x"))["remaining"] == 998
        assert limits(server.client.post("/v1/tasks", json={}))["remaining"] == 997
        anonymous = limits(httpx2.get(f"{server.url}/v1/agents"))
        assert (anonymous["limit"], anonymous["remaining"]) == (100, 99)
        untouched = limits(httpx2.get(f"{server.url}/v1/health"))
        assert (untouched["limit"], untouched["remaining"]) == (100, 100)
        elsewhere = server.client.get("/api/v1/tasks")
        assert "x-ratelimit-retry-after" not in elsewhere.headers
        assert elsewhere.headers["x-ratelimit-remaining"] == "99"

    def test_the_burst_as_documented(self, make_server: MakeServer):
        # So slow that no place comes back while the test runs.
        slow = '{"orchex-standard-burst": [50, 36000, 50]}'
        env = {"LEMNOS_RATE_LIMITS": "on", "LEMNOS_RATE_TIERS": slow}
        server = make_server(env=env).start()
        answers = [server.client.get("/v1/agents") for _ in range(52)]
        assert [answer.status_code for answer in answers] == [200] * 50 + [429] * 2
        refused = answers[-1]
        told = limits(refused)
        assert told["limit"] == 50
        assert told["remaining"] == 0
        assert told["retry-after"] == int(refused.headers["retry-after"]) > 0
        error: dict[str, Any] = refused.json()["error"]
        assert error == {
            "code": "RATE_LIMIT_EXCEEDED",
            "message": "Rate limit exceeded",
            "details": {"retry_after": told["retry-after"], "limit": 50, "remaining": 0},
        }
        assert server.client.get("/api/v1/tasks").status_code == 200

    def test_an_operator_sets_the_hour(self, make_server: MakeServer):
        env = {
            "LEMNOS_RATE_LIMITS": "on",
            "LEMNOS_RATE_TIERS": '{"orchex-standard": [3, 3600, 3]}',
        }
        server = make_server(env=env).start()
        answers = [server.client.get("/v1/agents") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert limits(answers[0])["remaining"] == 2
        assert answers[-1].json()["error"]["details"]["limit"] == 3
        assert 1100 < limits(answers[-1])["retry-after"] <= 1200
