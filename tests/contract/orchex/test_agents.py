"""Agent management, as documented; and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.orchex import document
from tests.contract.orchex.document import lacks
from tests.contract.orchex.site import THINKER, WORKER, Site

pytestmark = pytest.mark.e2e

# What nothing is known of before an agent has worked.
UNKNOWN = (
    *("uptime_percentage", "avg_response_time_ms", "error_rate", "last_check", "last_seen"),
    *("success_rate", "avg_quality_score", "avg_cost_per_task"),
)


@pytest.mark.parametrize(
    "body", [document.REGISTER, document.REGISTER_BY_CURL, document.REGISTER_SHORTEST]
)
def test_register_get_update_delete_as_documented(site: Site, body: dict[str, Any]):
    agent_id = site.new_id("claude")
    registered = site.data("POST", "/agents", body | {"agent_id": agent_id}, 201)
    assert lacks(registered, document.REGISTERED) == []
    assert (registered["agent_id"], registered["status"]) == (agent_id, "registered")
    assert registered["health"] in {"healthy", "degraded", "unhealthy", "offline"}

    agent = site.data("GET", f"/agents/{agent_id}")
    if body is document.REGISTER:
        assert lacks(agent, document.AGENT, unknown=UNKNOWN) == []
    for name, value in body.items():
        if name not in ("agent_id", "config", "constraints"):
            assert agent[name] == value
        elif name != "agent_id":
            assert value.items() <= agent[name].items()
    assert agent["status"] == "active"
    assert agent["has_api_key"] is False

    updated = site.data("PUT", f"/agents/{agent_id}", document.UPDATE)
    assert updated["name"] == "Updated Claude Agent"
    assert updated["constraints"] == {**agent["constraints"], "max_concurrent_tasks": 10}
    assert updated["config"] == {**agent["config"], "base_weight": 1.5}
    assert updated["capabilities"] == agent["capabilities"]

    answer = site.call("DELETE", f"/agents/{agent_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert site.error("GET", f"/agents/{agent_id}", status=404)["code"] == "NOT_FOUND"


def test_list_as_documented(site: Site):
    page = site.data("GET", "/agents")
    assert lacks(page, document.AGENTS, unknown=UNKNOWN) == []
    assert {WORKER, THINKER} <= {agent["agent_id"] for agent in page["agents"]}
    assert (page["limit"], page["offset"]) == (50, 0)
    assert page["total"] >= 2


def test_filters_and_pages(site: Site):
    ids = {site.agent(capabilities=["painting"], provider="lemnos") for _ in range(3)}
    site.data("PUT", f"/agents/{min(ids)}", {"status": "inactive"})

    def found(query: str) -> set[str]:
        return {one["agent_id"] for one in site.data("GET", f"/agents?{query}")["agents"]}

    assert found("capability=painting") == ids
    assert found("capability=painting&status=inactive") == {min(ids)}
    assert found("capability=painting&status=active") == ids - {min(ids)}
    assert THINKER in found("provider=anthropic")
    assert not ids & found("provider=anthropic")
    pages = [site.data("GET", f"/agents?capability=painting&limit=2&offset={at}") for at in (0, 2)]
    assert [len(page["agents"]) for page in pages] == [2, 1]
    assert {page["total"] for page in pages} == {3}


def test_a_key_goes_in_and_never_comes_out(site: Site):
    agent_id = site.agent(api_key="sk-in-the-open")
    config = {"api_key": "sk-inside"}
    inside = site.agent(config=config)
    for one in (agent_id, inside):
        answer = site.call("GET", f"/agents/{one}")
        assert answer.json()["data"]["has_api_key"] is True
        assert "sk-in" not in answer.text
    site.data("PUT", f"/agents/{agent_id}", {"api_key": ""})
    assert site.data("GET", f"/agents/{agent_id}")["has_api_key"] is False


def test_a_null_goes_back_to_the_default(site: Site):
    agent_id = site.agent(constraints={"max_tokens": 5, "max_concurrent_tasks": 9})
    changed = site.data("PUT", f"/agents/{agent_id}", {"constraints": {"max_tokens": None}})
    assert changed["constraints"]["max_tokens"] is None
    assert changed["constraints"]["max_concurrent_tasks"] == 9


def test_what_the_owner_keeps_in_the_configuration_stays(site: Site):
    agent_id = site.agent(config={"team": "blue", "base_weight": 2.0})
    assert site.data("GET", f"/agents/{agent_id}")["config"]["team"] == "blue"


def test_an_id_is_taken_once(site: Site):
    agent_id = site.agent()
    body = {"agent_id": agent_id, "name": "x", "provider": "lemnos"}
    error = site.error("POST", "/agents", body, 409)
    assert (error["code"], error["details"]["reason"]) == ("CONFLICT", "agent_exists")


def test_an_agent_at_work_is_removed_by_force_only(site: Site):
    agent_id = site.thinker()
    task_id = site.think("wait for ever", agent_id=agent_id)
    site.at_work(task_id)
    error = site.error("DELETE", f"/agents/{agent_id}", status=409)
    assert (error["code"], error["details"]["reason"]) == ("CONFLICT", "agent_busy")
    assert site.call("DELETE", f"/agents/{agent_id}?force=true").status_code == 204
    site.call("DELETE", f"/tasks/{task_id}")


BAD = [
    ({"agent_id": None}, "agent_id", "required"),
    ({"agent_id": "a b"}, "agent_id", ""),
    ({"agent_id": "x" * 101}, "agent_id", ""),
    ({"name": ""}, "name", ""),
    ({"provider": "No Such"}, "provider", ""),
    ({"provider": "nobody-knows"}, "provider", ""),
    ({"status": "asleep"}, "status", "must be one of: active, inactive, maintenance, deprecated"),
    ({"capabilities": "code_generation"}, "capabilities", ""),
    ({"capabilities": ["Write Code"]}, "capabilities[0]", ""),
    ({"constraints": {"max_concurrent_tasks": 0}}, "constraints.max_concurrent_tasks", ""),
    ({"constraints": {"max_tokens": -1}}, "constraints.max_tokens", ""),
    ({"constraints": {"cost_per_1k_tokens": -0.1}}, "constraints.cost_per_1k_tokens", ""),
    ({"constraints": {"speed": 1}}, "constraints.speed", "not a known field"),
    ({"config": {"base_weight": "heavy"}}, "config.base_weight", ""),
    ({"config": {"runtime": "no-such"}}, "config.runtime", ""),
    ({"config": {"base_url": "http://10.0.0.1/"}}, "config.base_url", ""),
    ({"config": {"retry_policy": {"max_retries": -1}}}, "config.retry_policy.max_retries", ""),
    ({"colour": "blue"}, "colour", "not a known field"),
]


@pytest.mark.parametrize(("given", "field", "issue"), BAD, ids=[f[1] for f in BAD])
def test_what_is_refused_names_the_field(site: Site, given: dict[str, Any], field: str, issue: str):
    body = {"agent_id": site.new_id(), "name": "x", "provider": "lemnos"} | given
    body = {name: value for name, value in body.items() if value is not None}
    error = site.error("POST", "/agents", body)
    assert error["code"] == "VALIDATION_ERROR"
    assert error["message"] == "Invalid request parameters"
    assert error["details"]["field"] == field
    assert field in error["details"]["fields"]
    if issue:
        assert error["details"]["issue"] == issue


@pytest.mark.parametrize(
    "query",
    ["limit=-1", "limit=0", "limit=101", "limit=many", "offset=-1", "status=gone"],
)
def test_a_bad_query_names_the_parameter(site: Site, query: str):
    error = site.error("GET", f"/agents?{query}")
    assert error["code"] == "VALIDATION_ERROR"
    assert error["details"]["field"] == query.partition("=")[0]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_unknown_agent(site: Site, method: str):
    error = site.error(method, "/agents/no-such", {} if method == "PUT" else None, 404)
    assert (error["code"], error["details"]["reason"]) == ("NOT_FOUND", "agent_not_found")
