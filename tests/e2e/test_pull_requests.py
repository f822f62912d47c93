"""create-pr through the whole server: GitHub (by its own description), GitLab, Gitea, plain git."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.scene import COUNTED, FILES, REPOSITORY, ask, follow, names, pushes
from tests.support.fixtures import TOKEN
from tests.support.forge import Forge
from tests.support.git_repos import commit, git
from tests.support.server import LemnosServer
from tests.support.server_fixtures import MakeServer

pytestmark = pytest.mark.e2e
Start = Callable[[Forge, str], LemnosServer]
PAGES = {"github": "/pull/1", "gitlab": "/-/merge_requests/1", "gitea": "/pulls/1"}


@pytest.fixture
def start(make_server: MakeServer) -> Start:
    """Starts a server that takes a host for a kind of forge; for none, it is a plain remote."""

    def started(host: Forge, kind: str) -> LemnosServer:
        forges = {f"127.0.0.1:{host.port}": kind} if kind else {}
        env = {"LEMNOS_FORGES": json.dumps(forges)}
        return make_server(allowed_hosts=["127.0.0.1"], env=env).start()

    return started


@pytest.fixture
def gitea(tmp_path: Path) -> Iterator[Forge]:
    with Forge(tmp_path / "forge", TOKEN, github=False) as running:
        running.create(REPOSITORY, FILES)
        yield running


@pytest.mark.parametrize("kind", ["github", "gitlab", "gitea"])
def test_a_pull_request_and_more_work_for_it(start: Start, tmp_path: Path, kind: str) -> None:
    with Forge(tmp_path / "forge", TOKEN, github=kind == "github") as host:
        bare = host.create(REPOSITORY, FILES)
        server = start(host, kind)
        task_id = ask(server, host, COUNTED)
        server.wait(task_id, "completed")

        asked = {"title": "Count runs", "description": "As asked.", "target_branch": "main"}
        made = _create_pr(server, task_id, **asked)

        branch = f"codeforge/task-{task_id[:8]}"
        assert made["pr_url"].endswith(PAGES[kind])
        assert (made["pr_number"], made["branch"]) == (1, branch)
        (pull,) = host.pulls(REPOSITORY)
        assert (pull.title, pull.body, pull.head, pull.base) == (
            "Count runs",
            "As asked.",
            branch,
            "main",
        )
        assert git("show", f"{branch}:ran.txt", cwd=bare) == "ran"
        assert server.task(task_id)["status"] == "pr_created"

        _instruct(server, task_id, COUNTED)
        server.wait(task_id, "completed")
        again = _create_pr(server, task_id)

        assert again == made
        assert len(host.pulls(REPOSITORY)) == 1
        assert git("show", f"{branch}:ran.txt", cwd=bare) == "ran\nran"
        assert git("rev-list", "--count", f"main..{branch}", cwd=bare) == "2"
        assert host.problems == []
        client = follow(server, task_id).join()
        client.check()
        assert names(client.events).count("pr_created") == 2
        assert TOKEN not in server.log
        assert TOKEN not in str(client.events)


def test_a_plain_remote_gets_a_branch(start: Start, gitea: Forge) -> None:
    server = start(gitea, "")
    task_id = ask(server, gitea, COUNTED)
    server.wait(task_id, "completed")

    made = _create_pr(server, task_id)

    assert made["branch"] == f"codeforge/task-{task_id[:8]}"
    assert made["pr_number"] is None
    assert made["pr_url"]
    assert gitea.pulls(REPOSITORY) == []
    assert pushes(gitea) == 1


def test_a_branch_that_others_have_taken_gets_a_number(start: Start, gitea: Forge) -> None:
    server = start(gitea, "gitea")
    task_id = ask(server, gitea, COUNTED)
    server.wait(task_id, "completed")
    bare = gitea.git.root / f"{REPOSITORY}.git"
    taken = f"codeforge/task-{task_id[:8]}"
    git("branch", taken, "main", cwd=bare)
    theirs = commit(bare, {"theirs.txt": "1\n"}, branch=taken)

    made = _create_pr(server, task_id)

    assert made["branch"] == f"{taken}-2"
    assert git("rev-parse", taken, cwd=bare) == theirs
    assert git("show", f"{taken}-2:ran.txt", cwd=bare) == "ran"


def test_a_failure_leaves_the_task_completed_with_the_error(start: Start, gitea: Forge) -> None:
    server = start(gitea, "gitea")
    task_id = ask(server, gitea, COUNTED)
    server.wait(task_id, "completed")
    gitea.fail(403)

    refused = server.client.post(f"/api/v1/tasks/{task_id}/create-pr", json={})

    assert refused.status_code >= 400
    task = server.task(task_id)
    assert task["status"] == "completed"
    assert task["error"]
    assert task["error"] == refused.json()["message"]
    assert "pr_failed" in names(server.events(task_id))

    gitea.fail(None)
    made = _create_pr(server, task_id)
    assert made["pr_number"] == 1
    assert server.task(task_id)["error"] is None
    assert pushes(gitea) == 1  # the branch had been pushed by the first try


def test_nothing_to_propose(start: Start, gitea: Forge) -> None:
    server = start(gitea, "gitea")
    task_id = ask(server, gitea, "run: true")
    server.wait(task_id, "completed")

    refused = server.client.post(f"/api/v1/tasks/{task_id}/create-pr", json={})

    assert (refused.status_code, refused.json()["code"]) == (409, "no_changes")
    assert pushes(gitea) == 0


def _create_pr(server: LemnosServer, task_id: str, **asked: Any) -> dict[str, Any]:
    answer = server.client.post(f"/api/v1/tasks/{task_id}/create-pr", json=asked)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def _instruct(server: LemnosServer, task_id: str, prompt: str) -> None:
    answer = server.client.post(f"/api/v1/tasks/{task_id}/instruct", json={"prompt": prompt})
    assert answer.status_code == 200, answer.text
