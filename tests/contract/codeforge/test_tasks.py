"""Tasks beyond the document's examples: states, limits, errors, follow-ups, cancelling, retries."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.contract.codeforge.site import PROVIDER, SECRET, TOKEN, Site
from tests.support.git_http import GitFault
from tests.support.git_repos import commit, git

pytestmark = pytest.mark.e2e


def refused(answer: Any, status: int, code: str = "") -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    if code:
        assert body["code"] == code
    return body


# --- create ------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["repo_url", "prompt"])
def test_what_is_required(site: Site, field: str):
    body = {"repo_url": site.repo_url, "prompt": "x"}
    del body[field]
    answer = refused(site.post("tasks", body), 400)
    assert answer["error"] == "validation_error"
    assert answer["fields"] == {field: "is required"}


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"timeout_seconds": 0}, "config.timeout_seconds"),
        ({"timeout_seconds": 1801}, "config.timeout_seconds"),
        ({"max_turns": 0}, "config.max_turns"),
        ({"max_budget_usd": 0}, "config.max_budget_usd"),
        ({"max_budget_usd": -1}, "config.max_budget_usd"),
        ({"cli": "no-such-cli"}, "config.cli"),
        ({"mcp_servers": [{"name": "a b", "package": "p"}]}, "config.mcp_servers[0].name"),
        ({"mcp_servers": [{"name": "a"}]}, "config.mcp_servers[0].package"),
        ({"mcp_servers": [{"name": "a", "url": "http://10.0.0.1/"}]}, "config.mcp_servers[0].url"),
    ],
)
def test_what_a_configuration_may_not_say(site: Site, config: dict[str, Any], field: str):
    answer = site.post("tasks", {"repo_url": site.repo_url, "prompt": "x", "config": config})
    assert list(refused(answer, 400)["fields"]) == [field]


def test_the_defaults(site: Site):
    created = site.post("tasks", {"repo_url": site.stuck_url, "prompt": "x"}).json()
    config = site.server.task(created["id"])["config"]
    assert config["timeout_seconds"] == 300
    site.post(f"tasks/{created['id']}/cancel")


def test_a_prompt_of_white_space_is_none(site: Site):
    answer = site.post("tasks", {"repo_url": site.repo_url, "prompt": " \n\t "})
    assert refused(answer, 400)["fields"] == {"prompt": "is required"}


def test_a_key_that_does_not_exist(site: Site):
    body = {"repo_url": site.repo_url, "prompt": "x", "provider_key": "nobody-s"}
    assert list(refused(site.post("tasks", body), 400)["fields"]) == ["provider_key"]


def test_a_registered_key_opens_the_repository(site: Site):
    host = urlsplit(site.repo_url).netloc
    site.post("keys", {"name": "for-the-forge", "provider": PROVIDER, "token": TOKEN, "host": host})
    task_id = site.create(
        access_token=None, provider_key="for-the-forge", prompt="Tidy the imports"
    )
    assert site.server.wait(task_id)["error_class"] != "auth"
    assert site.server.task(task_id)["status"] == "completed"


def test_a_registered_key_goes_to_its_host_only(site: Site):
    here = urlsplit(site.repo_url).netloc
    keys = {
        "for-another": {"provider": "generic", "host": "git.example.org"},
        "for-a-public-one": {"provider": "gitea"},
        "for-nobody-in-particular": {"provider": "generic"},
        "for-here": {"provider": "generic", "host": here},
    }
    for name, said in keys.items():
        site.post("keys", {"name": name, "token": TOKEN, **said})
        body = {"repo_url": "https://git.example.net/thief/repo.git", "prompt": "x"}
        refusal = refused(site.post("tasks", {**body, "provider_key": name}), 400)
        assert list(refusal["fields"]) == ["provider_key"], name


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"access_token": "not-the-token"}, "git_auth_failed"),
        ({"repo_url": "nobody/nothing"}, "repository_not_found"),
        ({"config": {"target_branch": "no-such-branch"}}, "branch_not_found"),
    ],
)
def test_a_repository_that_cannot_be_had_fails_the_task(
    site: Site, given: dict[str, Any], code: str
):
    if "repo_url" in given:
        given = given | {"repo_url": site.forge.repository_url(given["repo_url"])}
    task = site.server.wait(site.create(**given))
    assert task["status"] == "failed"
    assert task["error"]
    assert task["error_class"] == code
    events = [event.data["event"] for event in site.server.events(task["id"]) if not event.name]
    assert events[-1] == "task_failed"


def test_the_branch_to_start_from(site: Site):
    bare = site.forge.create("user/branches", {"README.md": "main\n"})
    git("branch", "old", "main", cwd=bare)
    commit(bare, {"new.txt": "later\n"})
    old = git("rev-parse", "old", cwd=bare)
    task_id = site.create(
        repo_url=site.forge.repository_url("user/branches"),
        config={"target_branch": "old"},
        prompt="Remove trailing whitespace",
    )
    site.server.wait(task_id)
    [cloned] = [
        event.data["data"]
        for event in site.server.events(task_id)
        if not event.name and event.data["event"] == "clone_completed"
    ]
    assert (cloned["branch"], cloned["commit"]) == ("old", old)


# --- states ------------------------------------------------------------------------------------


def test_an_unknown_task(site: Site):
    unknown = "550e8400-e29b-41d4-a716-446655440000"
    get = site.server.client.get
    for answer in (
        get(f"/api/v1/tasks/{unknown}"),
        get(f"/api/v1/tasks/{unknown}/stream"),
        get(f"/api/v1/tasks/{unknown}/diff"),
        site.post(f"tasks/{unknown}/instruct", {"prompt": "x"}),
        site.post(f"tasks/{unknown}/cancel"),
        site.post(f"tasks/{unknown}/create-pr"),
        site.server.client.delete(f"/api/v1/workspaces/{unknown}"),
    ):
        assert refused(answer, 404)["error"] == "not_found"


def test_a_task_at_work_takes_no_instruction_no_pull_request_and_keeps_its_workspace(site: Site):
    task_id = site.running()
    try:
        instructed = site.post(f"tasks/{task_id}/instruct", {"prompt": "x"})
        assert refused(instructed, 409, "task_busy")["error"] == "conflict"
        refused(site.post(f"tasks/{task_id}/create-pr"), 409, "task_busy")
        deleted = site.server.client.delete(f"/api/v1/workspaces/{task_id}")
        refused(deleted, 409, "task_busy")
    finally:
        site.post(f"tasks/{task_id}/cancel")
    site.server.wait(task_id, "cancelled")


def test_cancel_while_the_agent_runs(site: Site):
    task_id = site.running()
    answer = site.post(f"tasks/{task_id}/cancel")
    assert answer.status_code == 200
    assert answer.json() == {
        "id": task_id,
        "status": "cancelling",
        "message": answer.json()["message"],
    }
    task = site.server.wait(task_id, "cancelled")
    assert task["finished_at"]
    events = site.server.events(task_id)
    assert events[-1].name == "done"
    assert events[-1].data["status"] == "cancelled"
    assert events[-2].data["event"] == "task_cancelled"
    refused(site.post(f"tasks/{task_id}/cancel"), 409, "task_state")


def test_cancel_while_the_repository_is_fetched(site: Site):
    """The git host never answers: the task must not wait for it."""
    task_id = site.create(repo_url=site.stuck_url)
    site.server.until(lambda: site.server.task(task_id)["status"] == "cloning")
    assert site.post(f"tasks/{task_id}/cancel").status_code == 200
    site.server.wait(task_id, "cancelled", timeout=15)


def test_a_cancelled_task_takes_a_new_instruction(site: Site):
    task_id = site.running()
    site.post(f"tasks/{task_id}/cancel")
    site.server.wait(task_id, "cancelled")
    assert site.post(f"tasks/{task_id}/instruct", {"prompt": "Add a module"}).status_code == 200
    task = site.server.wait(task_id, "completed")
    assert task["iteration"] == 2
    assert task["error"] is None


def test_a_task_that_runs_out_of_time(site: Site):
    task_id = site.create(
        prompt="wait for ever", config={"ai_api_key": "sk-of-the-tests", "timeout_seconds": 1}
    )
    task = site.server.wait(task_id, "failed")
    assert task["error_class"] == "timeout"
    names = [event.data["event"] for event in site.server.events(task_id) if not event.name]
    assert names[-1] == "task_timeout"


# --- follow-ups --------------------------------------------------------------------------------


def test_a_follow_up_goes_on_in_the_same_workspace(site: Site):
    task_id = site.completed()
    first = site.server.task(task_id)
    config = {"prompt": "Remove trailing whitespace", "timeout_seconds": 77}
    answer = site.post(f"tasks/{task_id}/instruct", config)
    assert answer.json()["iteration"] == 2
    second = site.server.wait(task_id, "completed")
    assert second["prompt"] == first["prompt"]
    assert second["current_prompt"] == "Remove trailing whitespace"
    assert second["config"]["timeout_seconds"] == 77
    assert second["usage"]["duration_seconds"] > first["usage"]["duration_seconds"]
    assert second["changes_summary"] == first["changes_summary"], "what was done before is there"
    clones = [
        event
        for event in site.server.events(task_id)
        if not event.name and event.data["event"] == "clone_started"
    ]
    assert len(clones) == 1
    history = site.server.task(task_id, include="iterations")["iterations"]
    assert [(one["number"], one["status"]) for one in history] == [
        (1, "completed"),
        (2, "completed"),
    ]
    assert history[1]["prompt"] == "Remove trailing whitespace"


def test_a_follow_up_after_the_workspace_is_gone_clones_again_and_goes_on(site: Site):
    task_id = site.completed()
    assert site.server.client.delete(f"/api/v1/workspaces/{task_id}").status_code == 200
    refused(site.server.client.delete(f"/api/v1/workspaces/{task_id}"), 404)
    assert site.server.client.get(f"/api/v1/tasks/{task_id}/diff").json()["deletions"] > 0
    site.post(f"tasks/{task_id}/instruct", {"prompt": "Remove trailing whitespace"})
    task = site.server.wait(task_id, "completed")
    assert task["changes_summary"]["deletions"] > 0, "the first iteration's work is back"
    names = [event.data["event"] for event in site.server.events(task_id) if not event.name]
    assert names.count("clone_completed") == 2


# --- usage, diff, list -------------------------------------------------------------------------


def test_usage_and_diff_of_a_task_with_a_model(site: Site):
    task_id = site.create(prompt="Add a module", config={"ai_api_key": "sk-of-the-tests"})
    task = site.server.wait(task_id, "completed")
    assert task["result"] == "Added a module."
    assert task["usage"]["input_tokens"] == 200, "two turns of a hundred each"
    assert task["usage"]["output_tokens"] == 40
    assert task["usage"]["duration_seconds"] > 0
    assert task["changes_summary"] == {"files_changed": 1, "insertions": 2, "deletions": 0}
    diff = site.server.client.get(f"/api/v1/tasks/{task_id}/diff").json()
    assert [(one["path"], one["status"], one["additions"]) for one in diff["files"]] == [
        ("auth/new.py", "added", 2)
    ]
    assert "+A = 1" in diff["diff"]
    assert diff["truncated"] is False
    assert "sk-of-the-tests" not in json.dumps(site.server.task(task_id))


def test_the_list_is_the_newest_first_and_paged_both_ways(site: Site):
    made = [site.create(repo_url=site.stuck_url) for _ in range(3)]
    get = site.server.client.get
    first = get("/api/v1/tasks", params={"limit": 2}).json()
    assert [task["id"] for task in first["tasks"]] == made[:0:-1]
    assert first["total"] >= 3
    after = get("/api/v1/tasks", params={"limit": 2, "cursor": first["next"]}).json()
    beyond = get("/api/v1/tasks", params={"limit": 2, "offset": 2}).json()
    assert after["tasks"][0]["id"] == made[0]
    assert [one["id"] for one in beyond["tasks"]] == [one["id"] for one in after["tasks"]]
    for task_id in made:
        site.post(f"tasks/{task_id}/cancel")
        site.server.wait(task_id, "cancelled")
    cancelled = get("/api/v1/tasks", params={"status": "cancelled", "limit": 3}).json()["tasks"]
    assert {task["id"] for task in cancelled} == set(made)


# --- pull requests -----------------------------------------------------------------------------


def test_what_is_left_out_of_a_pull_request_is_made_from_the_task(site: Site):
    task_id = site.completed(config={"target_branch": "develop"})
    opened = site.server.client.post(f"/api/v1/tasks/{task_id}/create-pr")
    assert opened.status_code == 200, opened.text
    pull = site.forge.pulls("user/repo")[opened.json()["pr_number"] - 1]
    assert pull.title == "Remove the unused imports"
    assert pull.base == "develop"
    assert pull.body
    assert task_id in pull.body


def test_a_branch_that_is_taken_gets_a_number(site: Site):
    task_id = site.completed(repo_url=site.own_repository("user/taken"))
    bare = site.forge.git.root / "user/taken.git"
    git("branch", f"codeforge/task-{task_id[:8]}", "main", cwd=bare)
    commit(bare, {"theirs.txt": "x\n"}, branch=f"codeforge/task-{task_id[:8]}")
    opened = site.post(f"tasks/{task_id}/create-pr", {})
    assert opened.json()["branch"] == f"codeforge/task-{task_id[:8]}-2"


def test_a_second_pull_request_pushes_what_is_new_to_the_first(site: Site):
    task_id = site.completed()
    first = site.post(f"tasks/{task_id}/create-pr", {}).json()
    site.post(f"tasks/{task_id}/instruct", {"prompt": "Remove trailing whitespace"})
    site.server.wait(task_id, "completed")
    assert site.post(f"tasks/{task_id}/create-pr", {}).json() == first


def test_a_pull_request_that_fails_leaves_the_task_completed_with_the_error(site: Site):
    task_id = site.completed()
    site.forge.fail(401)
    answer = refused(site.post(f"tasks/{task_id}/create-pr", {}), 422)
    task = site.server.task(task_id)
    assert task["status"] == "completed"
    assert task["error"] == answer["message"]
    site.forge.fail(None)
    assert site.post(f"tasks/{task_id}/create-pr", {}).status_code == 200
    assert site.server.task(task_id)["error"] is None


def test_without_changes_there_is_no_pull_request(site: Site):
    bare = site.forge.create("user/tidy", {"a.py": "X = 1\n"})
    assert bare.is_dir()
    task_id = site.create(
        repo_url=site.forge.repository_url("user/tidy"), prompt="Remove the unused imports"
    )
    site.server.wait(task_id)
    refused(site.post(f"tasks/{task_id}/create-pr", {}), 409)
    assert site.forge.pulls("user/tidy") == []


def test_a_git_host_that_is_away_for_a_moment_is_waited_for(site: Site):
    site.forge.git.break_down(GitFault(status=503, times=2))
    task_id = site.create(prompt="Remove the unused imports")
    site.server.wait(task_id, "completed")


def test_the_callback_secret_is_the_operator_s(site: Site):
    assert SECRET not in site.server.client.get("/api/v1/tasks").text
