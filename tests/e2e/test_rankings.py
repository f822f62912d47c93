"""From a repository's history to a task of an agent, over HTTP and on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.analyses import commit
from tests.support.server import LemnosServer

BRANCHES = "import os\n\n\ndef weigh(a):\n" + "".join(
    f"    if a == {number}:\n        return {number}\n" for number in range(9)
)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    repo = tmp_path / "roots" / "repo"
    commit(repo, {"src/hot.py": BRANCHES, "src/cold.py": "COLD = 1\n"})
    commit(repo, {"src/hot.py": BRANCHES + "\nHOT = 1\n"})
    return repo


def test_an_entry_is_ranked_refactored_and_ranked_in_the_task(make_server, repo):
    server: LemnosServer = make_server(allowed_roots=[repo.parent]).start()
    client = server.client

    def ask(path: str, **params: str) -> dict[str, Any]:
        answer = client.get(f"/api/v1/analytics/{path}", params=params)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    sent = client.post(
        "/api/v1/analytics/ingest",
        json={
            "kind": "coverage",
            "source": "ci",
            "workspace": str(repo),
            "files": {"src/hot.py": {"covered": 5, "total": 20}},
        },
    )
    assert sent.status_code == 200, sent.text
    first = ask("rankings", workspace=str(repo))["rankings"][0]
    assert first["path"] == "src/hot.py"
    assert first["metrics"]["coverage"] == 0.25
    assert first["score"] == pytest.approx(sum(first["terms"].values()), abs=2e-4)
    assert ask("hotspots", workspace=str(repo))["hotspots"][0]["authors"] == 1

    made = client.post(
        "/api/v1/analytics/rankings/refactor",
        json={"workspace": str(repo), "path": first["path"], "gates": {"gates": ["lint"]}},
    )
    assert made.status_code == 201, made.text
    task = server.wait(made.json()["task_id"], "completed", "failed")
    assert "complexity: 10 paths" in task["prompt"]
    ranked = ask("rankings", task_id=task["id"])
    assert ranked["commit"] == ask("rankings", workspace=str(repo))["commit"]
    assert ranked["rankings"][0]["path"] == "src/hot.py"


def test_the_command_line_says_the_same_as_the_server(make_server, repo):
    server: LemnosServer = make_server(allowed_roots=[repo.parent]).start()

    def said(*arguments: str) -> Any:
        env = {**os.environ, "LEMNOS_URL": server.url, "LEMNOS_API_KEY": server.key}
        command = [sys.executable, "-m", "lemnos.cli", *arguments, str(repo), "--json"]
        ran = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        return json.loads(ran.stdout)

    assert said("rankings") == said("rankings", "--server")
    assert said("hotspots") == said("hotspots", "--server")
