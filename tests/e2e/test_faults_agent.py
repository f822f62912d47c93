"""Agents that die, are deaf or take too much, and servers that stop while agents work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.scene import (
    COUNTED,
    FILES,
    REPOSITORY,
    WAITS,
    ask,
    follow,
    let_go,
    names,
    processes_of,
    runs,
    wait_for_runs,
)
from tests.support.fixtures import TOKEN
from tests.support.git_http import GitServer
from tests.support.git_repos import create_bare
from tests.support.server import LemnosServer
from tests.support.server_fixtures import MakeServer

pytestmark = pytest.mark.e2e
ACP_AGENT = Path(__file__).parents[1] / "support" / "acp_agent.py"
DEAF = "run: trap '' TERM INT HUP; (trap '' TERM INT HUP; setsid sleep 987.25 &) ; " + (
    WAITS.removeprefix("run: ")
)
Start = Callable[..., LemnosServer]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "git", TOKEN) as running:
        running.create(REPOSITORY, FILES)
        yield running


@pytest.fixture
def start(make_server: MakeServer) -> Start:
    """Starts a server with these settings."""
    return lambda **env: make_server(allowed_hosts=["127.0.0.1"], env=env).start()


def test_a_killed_agent_fails_its_task_and_a_follow_up_goes_on(
    start: Start, host: GitServer
) -> None:
    server = start()
    task_id = ask(server, host, WAITS)
    wait_for_runs(server, task_id, 1)

    for pid in _sandboxes(server):
        os.kill(pid, signal.SIGKILL)

    task = server.wait(task_id, "failed")
    assert "signal 9" in task["error"]
    assert task["error_class"] == "agent"
    assert task["changes_summary"]["files_changed"] == 1
    server.until(lambda: not processes_of(server), what="nothing of the sandbox is left")
    let_go(server, task_id)
    _instruct(server, task_id, WAITS)
    assert server.wait(task_id, "completed")["iteration"] == 2


def test_cancel_ends_an_agent_that_ignores_signals(start: Start, host: GitServer) -> None:
    server = start()
    task_id = ask(server, host, DEAF)
    wait_for_runs(server, task_id, 1)

    assert server.client.post(f"/api/v1/tasks/{task_id}/cancel").status_code == 200

    task = server.wait(task_id, "cancelled")
    assert task["changes_summary"]["files_changed"] == 1
    assert not processes_of(server)


def test_a_timeout_ends_the_whole_sandbox(start: Start, host: GitServer) -> None:
    server = start()
    task_id = ask(server, host, DEAF, config={"timeout_seconds": 3})

    task = server.wait(task_id, "failed")

    assert task["error_class"] == "timeout"
    assert "3 s" in task["error"]
    assert "task_timeout" in names(server.events(task_id))
    assert not processes_of(server)


def test_a_deaf_agent_without_a_sandbox_does_not_outlive_a_kill(
    start: Start, host: GitServer
) -> None:
    """Without bubblewrap nothing dies with the server: the next start ends what is left."""
    agents = {"deaf": [sys.executable, str(ACP_AGENT)]}
    server = start(LEMNOS_SANDBOX="off", LEMNOS_ACP_AGENTS=json.dumps(agents))
    task_id = ask(server, host, "write a.txt words\nhang", config={"cli": "acp:deaf"})
    server.until(lambda: _running(server, "36000.25"), what="the agent hangs")

    server.kill9()
    left = set(processes_of(server))
    assert left, "the agent should have outlived the server"
    server.start()
    server.until(lambda: not left & set(processes_of(server)), what="the leftovers have ended")

    server.client.post(f"/api/v1/tasks/{task_id}/cancel")
    server.wait(task_id, "cancelled")
    assert not processes_of(server)


def test_a_shutdown_waits_for_an_agent_that_ends_in_time(start: Start, host: GitServer) -> None:
    server = start(LEMNOS_DRAIN="30")
    task_id = ask(server, host, WAITS)
    client = follow(server, task_id)
    wait_for_runs(server, task_id, 1)

    server.process.terminate()
    server.until(lambda: '"draining"' in server.log, what="it drains")
    let_go(server, task_id)
    assert server.stop() == 0
    server.start()

    assert server.wait(task_id)["status"] == "completed"
    client.join().check()
    assert runs(server, task_id) == 1


def test_a_shutdown_cuts_off_an_agent_that_takes_longer(start: Start, host: GitServer) -> None:
    server = start(LEMNOS_DRAIN="1")
    task_id = ask(server, host, WAITS)
    waiting = [ask(server, host, COUNTED) for _ in range(2)]
    client = follow(server, task_id)
    wait_for_runs(server, task_id, 1)

    assert server.stop() == 0
    assert not processes_of(server)
    server.start()
    wait_for_runs(server, task_id, 2)
    let_go(server, task_id)

    server.wait(task_id, "completed")
    client.join().check()
    for other in waiting:
        server.wait(other, "completed")


def test_a_second_signal_cuts_off(start: Start, host: GitServer) -> None:
    server = start(LEMNOS_DRAIN="600")
    task_id = ask(server, host, WAITS)
    wait_for_runs(server, task_id, 1)

    server.process.terminate()
    server.until(lambda: '"draining"' in server.log, what="it drains")
    server.stop(timeout=30)
    server.start()

    wait_for_runs(server, task_id, 2)
    let_go(server, task_id)
    server.wait(task_id, "completed")
    follow(server, task_id).join().check()


def test_a_workspace_over_its_limit_fails_the_task(start: Start, host: GitServer) -> None:
    server = start(LEMNOS_WORKSPACE_MAX=str(40 * 1024**2))
    task_id = ask(server, host, "run: head -c 80M /dev/urandom > big; sleep 60")

    task = server.wait(task_id, "failed")

    assert task["error_class"] == "agent"
    assert "disk" in task["error"]
    assert not processes_of(server)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MB for a server's workspaces and mirrors."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"NOT TESTED: a small file system can't be mounted: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_fails_the_task_and_nothing_else(
    small_disk: Path, make_server: MakeServer, host: GitServer
) -> None:
    server = make_server(allowed_hosts=["127.0.0.1"])
    server.data.mkdir(parents=True)
    for name in ("workspaces", "mirrors"):
        (small_disk / name).mkdir()
        (server.data / name).symlink_to(small_disk / name)
    big = {f"{number}.bin": os.urandom(8 * 1024**2) for number in range(9)}
    create_bare(host.git.root / "acme" / "big.git", big)
    server.start()

    cloning = server.create(
        repo_url=host.repository_url("acme/big"), access_token=TOKEN, prompt=COUNTED
    )
    failed = server.wait(cloning["id"], "failed")
    assert "space" in failed["error"], failed
    writing = ask(server, host, "run: head -c 80M /dev/urandom > big")
    full = server.wait(writing, "failed")
    assert full["error_class"] == "disk_full", full

    assert server.client.get("/health").status_code == 200
    assert server.client.delete(f"/api/v1/workspaces/{writing}").status_code == 200
    after = ask(server, host, COUNTED)
    server.wait(after, "completed")
    server.restart()
    assert server.task(after)["status"] == "completed"


def _sandboxes(server: LemnosServer) -> list[int]:
    return [pid for pid, line in processes_of(server).items() if line.startswith("bwrap")]


def _running(server: LemnosServer, words: str) -> bool:
    return any(words in line for line in processes_of(server).values())


def _instruct(server: LemnosServer, task_id: str, prompt: str) -> None:
    answer = server.client.post(f"/api/v1/tasks/{task_id}/instruct", json={"prompt": prompt})
    assert answer.status_code == 200, answer.text
