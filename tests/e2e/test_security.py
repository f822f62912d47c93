"""Callers and agents that mean harm, or are merely too many, against a server on PostgreSQL."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lemnos.domains.tasks.transcript import LONGEST, MOST
from tests.support.server import LemnosServer, prepare_database
from tests.support.services import Postgres

pytestmark = pytest.mark.e2e
MEGA = 1 << 20
LARGE = f"print('{{\"text\": \"' + 'x' * {3 * MEGA} + '\"}}', flush=True)"
# Agents by name, and what they print instead of speaking their protocol.
AGENTS = {
    "large": f"for _ in range(300): {LARGE}",
    "small": "for _ in range(12): print('1\\n' * 25_000)",
    "deep": "print('[' * 300_000 + ']' * 300_000)",
    "nul": "import sys; print('a\\0b', file=sys.stderr)",
    "wordy": "import sys\nfor _ in range(30): print('x' * 5_000_000, file=sys.stderr)",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("lemnos")
    commit = "-c user.name=a -c user.email=a@b commit -qm first"
    script = f"git init -q repo && cd repo && echo 1 > a && git add a && git {commit}"
    subprocess.run(["sh", "-c", script], cwd=made, check=True)
    return made


@pytest.fixture(scope="module")
def server(folder: Path, postgres: Postgres) -> Iterator[LemnosServer]:
    agents = {name: ["/usr/bin/python3", "-c", script] for name, script in AGENTS.items()}
    env = {"LEMNOS_ACP_AGENTS": json.dumps(agents), "LEMNOS_RATE_LIMITS": "off"}
    dsn = postgres.create_database(prepare_database)
    with LemnosServer(folder, database_url=dsn, env=env) as running:
        yield running
    postgres.drop_database(dsn)


def _task(server: LemnosServer, prompt: str, cli: str = "builtin") -> str:
    made = server.create(repo_url=str(server.folder / "repo"), prompt=prompt, config={"cli": cli})
    return str(made["id"])


def _memory(server: LemnosServer) -> int:
    """The most that the server has ever had in memory, in bytes."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("agent", AGENTS)
def test_an_agent_that_prints_without_measure_harms_nobody(
    server: LemnosServer, agent: str
) -> None:
    before = _memory(server)

    task = server.wait(_task(server, "Do your worst.", f"acp:{agent}"), "failed")

    events = server.events(task["id"])
    sizes = [len(json.dumps(event.data)) for event in events]
    assert task["error"].startswith("The agent ended without an answer")
    assert len(task["error"]) <= 10_001
    assert "\0" not in task["error"]
    assert sum(sizes) < 2 * MOST
    assert max(sizes) < 2 * LONGEST
    assert _memory(server) - before < 300 * MEGA


def _at_once(call: Callable[[int], Any], times: int = 6) -> list[Any]:
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(call, range(times)))


def _post(server: LemnosServer, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
    answer = server.client.post(f"/api/v1/tasks/{path}", json=body)
    return answer.status_code, answer.json()


def test_of_many_instructions_at_once_one_is_taken(server: LemnosServer) -> None:
    task = _task(server, "run: echo 1 > made.txt")
    server.wait(task, "completed")
    body = {"prompt": "run: echo 2 >> made.txt"}

    answers = _at_once(lambda _: _post(server, f"{task}/instruct", body))

    assert sorted(status for status, _ in answers) == [200, 409, 409, 409, 409, 409]
    assert server.wait(task, "completed")["iteration"] == 2
    assert len(server.task(task, "iterations")["iterations"]) == 2


def test_of_many_pull_requests_at_once_there_is_one(server: LemnosServer) -> None:
    task = _task(server, "run: echo 1 > made.txt")
    server.wait(task, "completed")

    answers = _at_once(lambda _: _post(server, f"{task}/create-pr", {}))

    assert {status for status, _ in answers} == {200}
    assert len({said["branch"] for _, said in answers}) == 1
    commits = ["git", "rev-list", "--count", f"main..{answers[0][1]['branch']}"]
    repository = server.folder / "repo"
    subprocess.run(["git", "branch", "-qf", "main"], cwd=repository, check=True)
    counted = subprocess.run(commits, cwd=repository, capture_output=True, check=True)
    assert counted.stdout == b"1\n"


def test_whatever_comes_at_once_the_task_comes_to_rest_and_is_of_use(
    server: LemnosServer,
) -> None:
    task = _task(server, "run: echo 1 > made.txt")
    server.wait(task, "completed")
    calls: list[Callable[[], int]] = [
        lambda: _post(server, f"{task}/instruct", {"prompt": "run: echo 2 >> made.txt"})[0],
        lambda: server.client.delete(f"/api/v1/workspaces/{task}").status_code,
        lambda: _post(server, f"{task}/create-pr", {})[0],
        lambda: _post(server, f"{task}/cancel")[0],
    ]
    for _ in range(3):
        statuses = _at_once(lambda number: calls[number % 4](), 8)
        assert set(statuses) <= {200, 404, 409}
        server.wait(task, "completed", "cancelled", "pr_created")

    assert _post(server, f"{task}/instruct", {"prompt": "run: echo 3 > last.txt"})[0] == 200
    assert server.wait(task, "completed")["error"] is None
    assert "last.txt" in server.client.get(f"/api/v1/tasks/{task}/diff").text
    assert server.client.delete(f"/api/v1/workspaces/{task}").status_code == 200
