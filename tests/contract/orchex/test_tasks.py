"""Task management and routing, as documented; what is ours beside it; and what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.contract.orchex import document
from tests.contract.orchex.document import lacks
from tests.contract.orchex.site import THINKER, WORKER, Site

pytestmark = pytest.mark.e2e

TASK_ID = re.compile(r"task_[0-9a-f]{32}")


def events(site: Site, task_id: str, after: int = 0) -> list[Any]:
    """The stream of a task under /v1, to its end."""
    from tests.support.server import parse_sse

    headers = {"Last-Event-ID": str(after)} if after else {}
    with site.server.client.stream(
        "GET", f"/v1/tasks/{task_id}/events", headers=headers, timeout=60
    ) as answer:
        assert answer.status_code == 200
        return list(parse_sse(answer.iter_lines()))


@pytest.mark.parametrize(
    "body", [document.SUBMIT, document.SUBMIT_BY_CURL, document.SUBMIT_SHORTEST]
)
def test_submit_follow_and_read_as_documented(site: Site, body: dict[str, Any]):
    submitted = site.data("POST", "/tasks", {**body, "agent_id": THINKER}, 202)
    assert lacks(submitted, document.SUBMITTED, unknown=("queue_position",)) == []
    assert TASK_ID.fullmatch(submitted["task_id"])
    assert submitted["status"] == "queued"

    task = site.until(submitted["task_id"], "completed")
    assert lacks(task, document.COMPLETED) == []
    assert task["result"]["code"].startswith("const express = require('express');")
    assert "authentication endpoint" in task["result"]["explanation"]
    assert task["result"]["suggestions"] == [
        "Add input validation",
        "Implement JWT token generation",
        "Add rate limiting",
    ]
    assert (task["agent_id"], task["tier"], task["attempts"]) == (THINKER, 0, 1)
    assert task["description"] == body["description"]
    assert task["metadata"] == body.get("metadata", {})
    assert task["user_id"] == body.get("metadata", {}).get("user_id")
    assert task["progress"] is None
    assert task["duration_ms"] >= 0
    assert task["cost_usd"] > 0


def test_what_the_context_says_reaches_the_agent_but_not_what_names_the_repository(site: Site):
    site.until(site.think("Say what you see", context={"house": "built-of-brick"}), "completed")
    said = str(site.model.turns[-1].body)
    assert "Say what you see" in said
    assert "built-of-brick" in said


def test_a_running_task_as_documented(site: Site):
    task_id = site.think("wait for ever")
    task = site.at_work(task_id)
    assert lacks(task, document.RUNNING) == []
    assert 0 <= task["progress"]["percentage"] <= 100
    assert task["result"] is None
    assert task["completed_at"] is None

    cancelled = site.data("DELETE", f"/tasks/{task_id}")
    assert lacks(cancelled, document.CANCELLED) == []
    assert cancelled["task_id"] == task_id
    assert cancelled["status"] == "cancelled"
    assert site.data("GET", f"/tasks/{task_id}")["status"] == "cancelled"
    error = site.error("DELETE", f"/tasks/{task_id}", status=409)
    assert error["code"] == "CONFLICT"


def test_list_as_documented(site: Site):
    site.until(site.think(), "completed")
    page = site.data("GET", "/tasks?status=completed")
    assert lacks(page, document.TASKS, unknown=("cost_usd", "agent_id")) == []
    assert (page["limit"], page["offset"]) == (50, 0)
    assert page["total"] >= len(page["tasks"]) >= 1
    created = [task["created_at"] for task in page["tasks"]]
    assert created == sorted(created, reverse=True)


def test_every_filter(site: Site):
    user = site.new_id("user")
    before = site.data("POST", "/tasks", {**document.SUBMIT_SHORTEST, "agent_id": THINKER}, 202)
    mine = site.think(type="code_review", metadata={"user_id": user})
    site.until(mine, "completed")
    task = site.data("GET", f"/tasks/{mine}")

    def found(query: str) -> set[str]:
        return {one["task_id"] for one in site.data("GET", f"/tasks?{query}")["tasks"]}

    assert found(f"user_id={user}") == {mine}
    assert found(f"user_id={user}&status=completed") == {mine}
    assert found(f"user_id={user}&status=failed") == set()
    assert found(f"user_id={user}&type=code_review") == {mine}
    assert found(f"user_id={user}&type=testing") == set()
    assert found(f"user_id={user}&agent_id={THINKER}") == {mine}
    assert found(f"user_id={user}&agent_id={WORKER}") == set()
    assert found(f"user_id={user}&since={task['created_at']}") == {mine}
    assert found(f"user_id={user}&until={task['created_at']}") == set()
    assert before["task_id"] not in found(f"since={task['created_at']}")
    assert found("limit=1") != found("limit=1&offset=1")
    assert site.data("GET", f"/tasks?user_id={user}")["total"] == 1


def test_retry_as_documented(site: Site):
    failed = site.think("fail at once")
    task = site.until(failed, "failed")
    assert task["error"]["code"]
    assert task["error"]["message"]
    assert task["attempts"] >= 1

    asked = document.RETRY | {"agent_id": WORKER}
    retried = site.data("POST", f"/tasks/{failed}/retry", asked, 202)
    assert lacks(retried, document.RETRIED) == []
    assert retried["task_id"] == failed
    again = site.data("GET", f"/tasks/{retried['retry_task_id']}")
    assert (again["retry_of"], again["priority"]) == (failed, "high")
    assert again["description"] == "fail at once"

    plain = site.data("POST", f"/tasks/{failed}/retry", None, 202)
    assert plain["retry_task_id"] not in (failed, retried["retry_task_id"])


def test_a_task_at_work_is_not_retried(site: Site):
    task_id = site.think("wait for ever")
    assert site.error("POST", f"/tasks/{task_id}/retry", {}, 409)["code"] == "CONFLICT"
    site.call("DELETE", f"/tasks/{task_id}")


def test_work_on_a_repository_ends_in_a_diff_and_a_pull_request(site: Site):
    task = site.completed()
    task_id = task["task_id"]
    assert task["repository"] == site.repo_url
    assert "-import json" in task["result"]["diff"]
    assert task["result"]["changes"]["files_changed"] >= 1
    diff = site.data("GET", f"/tasks/{task_id}/diff")
    assert diff["task_id"] == task_id
    assert "shop/token.py" in {file["path"] for file in diff["files"]}
    asked = {"title": "Tidy", "body": "By hand.", "target_branch": "main"}
    proposed = site.data("POST", f"/tasks/{task_id}/pull-request", asked)
    assert proposed["url"]
    assert proposed["branch"]
    again = site.data("GET", f"/tasks/{task_id}")
    assert (again["status"], again["pull_request_url"]) == ("completed", proposed["url"])


def test_the_stream_is_the_one_of_codeforge_in_orchex_words(site: Site):
    task_id = site.completed()["task_id"]
    found = events(site, task_id)
    assert found[0].name == "connected"
    assert found[0].data == {"task_id": task_id, "status": "completed"}
    assert found[-1].name == "done"
    assert found[-1].data["status"] == "completed"
    middle = found[1:-1]
    assert [event.id for event in middle] == list(range(1, len(middle) + 1))
    theirs = site.server.events(task_id)
    assert [event.data for event in theirs[1:-1]] == [event.data for event in middle]
    resumed = events(site, task_id, after=3)
    assert [event.id for event in resumed[1:-1]] == [event.id for event in middle[3:]]


def test_both_documents_show_the_same_task_under_either_id(site: Site):
    task_id = site.completed()["task_id"]
    digits = task_id.removeprefix("task_")
    uuid = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    for shown in (task_id, uuid):
        assert site.data("GET", f"/tasks/{shown}")["task_id"] == task_id
        assert site.server.task(shown)["id"] == uuid
    theirs = site.server.create(
        repo_url=site.repo_url,
        access_token="ghp_a-token-of-the-tests",
        prompt="Tidy",
        config={"cli": "builtin"},
    )["id"]
    task = site.until(theirs, "completed")
    assert (task["description"], task["agent_id"], task["type"]) == (
        "Tidy",
        None,
        "code_generation",
    )
    assert site.error("GET", f"/tasks/{theirs[:-1]}", status=404)["code"] == "NOT_FOUND"


def test_routing_is_explained(site: Site):
    task_id = site.think()
    site.until(task_id, "completed")
    found = site.data("GET", f"/tasks/{task_id}/routing")
    assert found["task_id"] == task_id
    first = found["decision"]["candidates"][0]
    assert first["agent_id"] == found["decision"]["agent_id"] == THINKER
    assert set(first["terms"]) == {"capability", "performance", "availability", "cost"}
    [attempt] = found["attempts"]
    assert (attempt["agent_id"], attempt["verdict"], attempt["tier"]) == (THINKER, "completed", 0)
    assert attempt["duration_ms"] >= 0


def test_a_dry_run_decides_and_does_nothing(site: Site):
    body = {**document.SUBMIT, "requirements": {"required_capabilities": ["security_analysis"]}}
    before = site.data("GET", "/tasks")["total"]
    decision = site.data("POST", "/route", body)
    assert decision["agent_id"] == THINKER
    left_out = {one["agent_id"]: one for one in decision["left_out"]}
    assert "security_analysis" in left_out[WORKER]["reason"]
    assert site.data("GET", "/tasks")["total"] == before


@pytest.mark.parametrize("verdict", ["approved", "rejected", "reverted"])
def test_feedback_counts_in_the_agents_quality(site: Site, verdict: str):
    agent_id = site.agent(capabilities=["refactoring"])
    task_id = site.completed(agent_id=agent_id)["task_id"]
    judged = site.data(
        "POST", f"/tasks/{task_id}/feedback", {"verdict": verdict, "comment": "so it is"}
    )
    assert judged == {"task_id": task_id, "agent_id": agent_id, "verdict": verdict}
    performance = site.data("GET", f"/agents/{agent_id}")["performance"]
    assert performance["judgements"] >= 1
    if verdict != "approved":
        assert performance["avg_quality_score"] < 100


BAD = [
    ({"type": None}, "type", "required"),
    ({"type": "magic"}, "type", "must be one of: code_generation, code_review, "),
    ({"description": None}, "description", "required"),
    ({"description": ""}, "description", ""),
    ({"description": "x" * 102_401}, "description", ""),
    ({"description": "a\0b"}, "description", "holds a NUL character"),
    ({"context": "x"}, "context", ""),
    ({"context": {"repository": 7}}, "context.repository", ""),
    ({"context": {"repository": "/etc"}}, "context.repository", ""),
    ({"context": {"repository_url": "http://10.0.0.1/x.git"}}, "context.repository", ""),
    ({"requirements": {"priority": "soon"}}, "requirements.priority", "must be one of: low, "),
    ({"requirements": {"max_tokens": -5}}, "requirements.max_tokens", ""),
    ({"requirements": {"timeout_seconds": 10**9}}, "requirements.timeout_seconds", ""),
    ({"requirements": {"mood": "good"}}, "requirements.mood", "not a known field"),
    ({"constraints": {"max_cost_usd": -1}}, "constraints.max_cost_usd", ""),
    ({"metadata": {"user_id": 7}}, "metadata.user_id", ""),
    ({"fan_out": {"agents": [WORKER]}}, "fan_out.agents", ""),
    ({"urgent": True}, "urgent", "not a known field"),
]


@pytest.mark.parametrize(("given", "field", "issue"), BAD, ids=[str(b[0])[:40] for b in BAD])
def test_what_is_refused_names_the_field(site: Site, given: dict[str, Any], field: str, issue: str):
    body = {name: v for name, v in (document.SUBMIT_SHORTEST | given).items() if v is not None}
    error = site.error("POST", "/tasks", body)
    assert error["code"] == "VALIDATION_ERROR"
    assert error["details"]["field"].startswith(field)
    assert error["details"]["issue"].startswith(issue)


@pytest.mark.parametrize(
    "given",
    [
        {"agent_id": "no-such"},
        {"requirements": {"required_capabilities": ["levitation"]}},
        {"fan_out": {"agents": [WORKER, "no-such"]}},
    ],
)
def test_work_that_no_agent_could_do_is_refused_at_once(site: Site, given: dict[str, Any]):
    answer = site.call("POST", "/tasks", document.SUBMIT_SHORTEST | given)
    assert answer.status_code in (400, 404), answer.text
    assert "levitation" in answer.text or "no-such" in answer.text


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=sleeping", "status"),
        ("type=magic", "type"),
        ("since=yesterday", "since"),
        ("until=2025-13-01", "until"),
        ("limit=-1", "limit"),
        ("limit=101", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("offset=-1", "offset"),
    ],
)
def test_a_bad_query_names_the_parameter(site: Site, query: str, field: str):
    error = site.error("GET", f"/tasks?{query}")
    assert (error["code"], error["details"]["field"]) == ("VALIDATION_ERROR", field)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("DELETE", "", None),
        ("POST", "/retry", {}),
        ("GET", "/routing", None),
        ("GET", "/diff", None),
        ("GET", "/events", None),
        ("POST", "/feedback", {"verdict": "approved"}),
        ("POST", "/pull-request", {}),
    ],
)
def test_an_unknown_task(site: Site, method: str, path: str, body: Any):
    for task_id in ("task_abc123", f"task_{'0' * 32}", "x"):
        error = site.error(method, f"/tasks/{task_id}{path}", body, 404)
        assert (error["code"], error["details"]["reason"]) == ("NOT_FOUND", "task_not_found")
