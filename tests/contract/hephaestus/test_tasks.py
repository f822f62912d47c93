"""Runs that are not waited for: accepted, followed, cancelled, and bad requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from defusedxml import ElementTree

from tests.contract.hephaestus.site import FOREVER, GUARD_RAILS, Site
from tests.support.server import parse_sse

pytestmark = pytest.mark.e2e


def tools() -> list[str]:
    """The tools of the waiting gate that are alive."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"sleep") and words[1:2] == [FOREVER.encode()]:
            found.append(process.name)
    return found


@pytest.mark.parametrize("header", ["respond-async", "respond-async, wait=0"])
def test_prefer_respond_async(site: Site, header: str):
    body = {"gates": ["quick"]}
    answer = site.client.post(GUARD_RAILS, json=body, headers={"Prefer": header})
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "respond-async"
    assert answer.headers["location"] == f"/api/v1/tasks/{answer.json()['task_id']}"
    assert site.client.get(answer.headers["location"]).status_code == 200


def test_who_is_willing_to_wait_gets_the_result(site: Site):
    headers = {"Prefer": "respond-async, wait=60"}
    answer = site.client.post(GUARD_RAILS, json={"gates": ["quick"]}, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["success"] is True


def test_the_stream_tells_each_gate_and_resumes(site: Site):
    task_id = site.start("quick", "sad")
    path = f"/api/v1/tasks/{task_id}/stream"
    with site.client.stream("GET", path) as answer:
        events = list(parse_sse(answer.iter_lines()))
    assert events[0].name == "connected"
    assert events[-1].name == "done"
    assert events[-1].data["result"]["success"] is False
    told = [event for event in events if event.id is not None]
    assert [event.id for event in told] == list(range(1, len(told) + 1))
    assert told[0].data["event"] == "started"
    assert told[-1].data["event"] == "ended"
    finished = {e.data["data"]["gate"] for e in told if e.data["event"] == "gate_finished"}
    assert finished == {"quick", "sad"}
    progress = [e.data["data"]["progress"] for e in told if "progress" in e.data["data"]]
    assert progress == sorted(progress)
    with site.client.stream("GET", path, headers={"Last-Event-ID": str(told[-2].id)}) as answer:
        rest = list(parse_sse(answer.iter_lines()))
    assert [event.id for event in rest] == [None, told[-1].id, None]


def test_a_cancel_ends_the_tool(site: Site):
    task_id = site.start("waits", workspace=str(site.slow))
    site.server.until(lambda: bool(tools()), what="the tool runs")
    answer = site.client.post(f"/api/v1/tasks/{task_id}/cancel")
    assert answer.status_code == 200
    assert answer.json()["message"] == "The task is being cancelled."
    done = site.ended(task_id)
    assert (done["status"], done["result"]) == ("cancelled", None)
    site.server.until(lambda: not tools(), what="the tool is gone")
    again = site.client.post(f"/api/v1/tasks/{task_id}/cancel")
    assert again.status_code == 409
    assert again.json()["code"] == "task_state"
    sarif = site.client.get(f"{GUARD_RAILS}/{task_id}/sarif")
    assert (sarif.status_code, sarif.json()["code"]) == (409, "task_state")


def test_sarif_and_junit(site: Site):
    task_id = site.start("quick", "sad", "lint")
    site.ended(task_id)
    sarif = site.client.get(f"{GUARD_RAILS}/{task_id}/sarif")
    assert sarif.headers["content-type"].startswith("application/sarif+json")
    assert sarif.json()["version"] == "2.1.0"
    junit = site.client.get(f"{GUARD_RAILS}/{task_id}/junit")
    assert junit.headers["content-type"].startswith("application/xml")
    assert ElementTree.fromstring(junit.content).tag == "testsuites"


def test_the_list_is_read_page_by_page(site: Site):
    for _ in range(3):
        site.ended(site.start("quick"))
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None and len(seen) < 3:
        page = site.client.get(GUARD_RAILS, params={"limit": 1, "cursor": cursor}).json()
        seen += [task["task_id"] for task in page["tasks"]]
        cursor = page["next"]
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 3


def test_results_are_kept_over_a_restart(site: Site):
    task_id = site.start("quick")
    before = site.ended(task_id)
    site.server.restart()
    assert site.state(task_id) == before


def test_a_key_of_idempotency_joins_the_run_that_is_under_way(site: Site):
    """What was started is kept, not what came of it: who asks again waits for the same run."""
    headers = {"Idempotency-Key": "a-run"}
    body = {"gates": ["quick"], "use_cache": False}
    later = {**headers, "Prefer": "respond-async"}
    started = site.client.post(GUARD_RAILS, json=body, headers=later)
    again = site.client.post(GUARD_RAILS, json=body, headers=headers)
    assert again.status_code == 200
    assert again.json()["task_id"] == started.json()["task_id"]
    assert again.headers["idempotency-replayed"] == "true"


BAD = [
    ({"workspace": "/"}, "workspace", "path_not_allowed"),
    ({"workspace": "relative"}, "workspace", "path_not_allowed"),
    ({"workspace": "/etc"}, "workspace", "path_not_allowed"),
    ({"workspace": "a\0b"}, "workspace", "validation"),
    ({"no_format": "yes"}, "no_format", "validation"),
    ({"unknown": 1}, "unknown", "validation"),
    ({"timeout_seconds": 0}, "timeout_seconds", "validation"),
    ({"timeout_seconds": "soon"}, "timeout_seconds", "validation"),
    ({"gates": "lint"}, "gates", "validation"),
]


@pytest.mark.parametrize(("body", "field", "code"), BAD)
def test_what_is_wrong_is_said_by_field(site: Site, body: dict[str, Any], field: str, code: str):
    answer = site.client.post(GUARD_RAILS, json=body)
    assert answer.status_code == 400, answer.text
    said = answer.json()
    assert set(said) == {"detail", "code", "request_id", "fields"}
    assert (said["code"], list(said["fields"])) == (code, [field])
    assert said["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "strategy=guess", "days=0"])
def test_queries_of_rankings_that_make_no_sense(site: Site, query: str):
    answer = site.client.get(f"/api/v1/analytics/rankings?{query}")
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [query.partition("=")[0]]


def test_a_gate_that_the_project_does_not_know(site: Site):
    """Only the run finds out; who waits is told as if the request had been refused."""
    answer = site.client.post(GUARD_RAILS, json={"gates": ["no-such"]})
    assert answer.status_code == 400, answer.text
    assert "gates" in answer.json()["fields"]
    done = site.ended(site.start("no-such"))
    assert (done["status"], done["result"]) == ("failed", None)
    assert done["error"]


def test_a_link_out_of_the_allowed_folders(site: Site):
    link = site.server.folder / "way-out"
    link.symlink_to("/etc")
    answer = site.client.post(GUARD_RAILS, json={"workspace": str(link)})
    assert (answer.status_code, answer.json()["code"]) == (400, "path_not_allowed")


def test_ids_tell_the_two_kinds_of_tasks_apart(site: Site):
    mine = site.client.get("/api/v1/tasks/task-abc123")
    assert (mine.status_code, mine.json()["code"]) == (404, "task_not_found")
    assert "detail" in mine.json()
    other = site.client.get("/api/v1/tasks/550e8400-e29b-41d4-a716-446655440000")
    assert (other.status_code, other.json()["error"]) == (404, "not_found")


def test_a_task_for_agents_tells_how_far_it_is(site: Site):
    server = site.server
    repository = f"file://{site.project}"
    task_id = server.create(repo_url=repository, prompt="Tidy", config={"cli": "builtin"})["id"]
    seen = [server.task(task_id)["progress"]]
    while server.task(task_id)["status"] not in ("completed", "failed"):
        seen.append(server.task(task_id)["progress"])
    assert server.task(task_id)["progress"] == 1.0
    assert seen == sorted(seen)


def test_the_workspace_of_a_task_is_judged_and_left_as_it_was(site: Site):
    created = site.server.create(
        repo_url=f"file://{site.project}", prompt="Tidy", config={"cli": "builtin"}
    )
    site.server.wait(created["id"])
    before = site.client.get(f"/api/v1/tasks/{created['id']}/diff").json()
    answer = site.client.post(GUARD_RAILS, json={"task_id": created["id"], "gates": ["lint"]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["success"] is True
    assert site.client.get(f"/api/v1/tasks/{created['id']}/diff").json() == before
    unknown = site.client.post(GUARD_RAILS, json={"task_id": "no-such"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "task_not_found")
    both = {"task_id": created["id"], "workspace": str(site.project)}
    assert site.client.post(GUARD_RAILS, json=both).status_code == 400
