"""The `lemnos` command, as a user types it, against real servers."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.forge import Forge
from tests.support.model_endpoint import ModelEndpoint
from tests.support.model_script import Say, Tool
from tests.support.server import LemnosServer
from tests.support.shell import PATIENCE, Shell, sample_repository

pytestmark = pytest.mark.e2e


def _wait(for_what: Callable[[], Any]) -> Any:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        if found := for_what():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to pass")


def _servers_on(data: Path) -> list[psutil.Process]:
    """Server processes that work on a data folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if str(data) in line and "serve" in line:
            found.append(process)
    return found


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return sample_repository(tmp_path / "order-desk")


@pytest.fixture
def lemnos(server: LemnosServer, tmp_path: Path) -> Shell:
    """A shell beside the running server."""
    return Shell(server.data, tmp_path)


@pytest.fixture
def remote(server: LemnosServer, tmp_path: Path) -> Path:
    """A repository that the running server may clone: under its working folder."""
    return sample_repository(server.folder / f"order-desk-{tmp_path.name}")


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Shell]:
    """A shell without any server; none may be left behind."""
    data = tmp_path / "data"
    yield Shell(data, tmp_path)
    left = _servers_on(data)
    for process in left:
        process.kill()
    assert not left


def test_a_task_from_the_prompt_to_the_pull_request(lemnos: Shell, remote: Path):
    ran = lemnos("run", "Remove the unused imports.", "--repo", str(remote), "--cli", "builtin")
    assert ran.code == 0, ran.err
    assert f"● Cloning {remote}" in ran.out
    assert "● Agent: builtin." in ran.out
    assert "-import sys" in ran.out
    assert "2 files changed" in ran.out

    (task, *_) = lemnos("tasks", "list", "--json").json["tasks"]
    short = task["task_id"][-8:]
    assert lemnos("tasks", "show", short, "--json").json["iterations"][0]["status"] == "completed"
    followed = lemnos("tasks", "instruct", short, "rename to_cents to cents in orders/pricing.py")
    assert followed.code == 0, followed.err
    assert "● Follow-up 2" in followed.out
    assert "Cloning" not in followed.out

    patch = lemnos("tasks", "diff", short)
    subprocess.run(["git", "apply", "--check"], cwd=remote, input=patch.out, text=True, check=True)
    made = lemnos("tasks", "pr", short, "--title", "Tidy", "--json").json
    log = subprocess.run(
        ["git", "-C", str(remote), "log", "-1", "--format=%s", made["branch"]],
        capture_output=True,
        text=True,
        check=True,
    )
    assert log.stdout == "Tidy\n"
    assert lemnos("workspaces", "delete", short).code == 0
    assert lemnos("tasks", "show", short).code == 0


def test_events_as_json_lines(lemnos: Shell, remote: Path):
    ran = lemnos("run", "run: true", "--repo", str(remote), "--cli", "builtin", "--json")
    assert ran.json["task"]["status"] == "completed"
    assert ran.json["diff"] is None
    watched = lemnos("tasks", "watch", ran.json["task"]["id"], "--json")
    events = [json.loads(line) for line in watched.out.splitlines()]
    assert [events[0]["name"], events[-1]["name"]] == ["connected", "done"]
    ids = [int(event["id"]) for event in events if event["name"] == "message"]
    assert ids == list(range(1, len(ids) + 1))


def test_a_task_that_fails_fails_the_command(lemnos: Shell, remote: Path):
    ran = lemnos("run", "Sing a song.", "--repo", str(remote), "--cli", "builtin")
    assert ran.code == 1
    assert "failed" in ran.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("--cli", "nonsense"),
        ("--timeout", "99999"),
        ("--repo", "http://169.254.169.254/r.git"),
        ("--repo", "git@github.com:o/r.git"),
        ("--token-env", "NOT_SET"),
        ("--git-key", "unknown"),
    ],
)
def test_orders_that_cannot_work(lemnos: Shell, remote: Path, arguments: tuple[str, ...]):
    ran = lemnos("run", "Remove the unused imports.", "--repo", str(remote), *arguments)
    assert ran.code in (1, 2), ran.out
    assert ran.err.startswith("Error: ") or "Error: " in ran.err
    assert "Traceback" not in ran.err


def test_keys_open_the_server_until_they_are_revoked(lemnos: Shell):
    made = lemnos("keys", "create", "reader", "--role", "viewer", "--json").json
    assert lemnos("tasks", "list", "--api-key", made["key"]).code == 0
    refused = lemnos("mcp", "add", "x", "--package", "p", "--api-key", made["key"])
    assert refused.code == 4
    assert "mcp:write" in refused.err
    assert lemnos("keys", "revoke", made["id"]).code == 0
    _wait(lambda: lemnos("tasks", "list", "--api-key", made["key"]).code == 4)
    assert lemnos("audit", "verify").code == 0


def test_secrets_go_in_and_do_not_come_out(lemnos: Shell):
    added = lemnos("git-keys", "add", "hub", input="ghp_very_secret\n")
    assert added.code == 0, added.err
    assert lemnos("git-keys", "add", "hub", "--token-env", "T", T="x").code == 1
    server = ("mcp", "add", "notes", "--package", "p", "--env", "PASS", "--", "--stdio")
    assert lemnos(*server, PASS="mcp_very_secret").code == 0
    shown = [
        lemnos(group, "list", *how) for group in ("git-keys", "mcp") for how in ((), ("--json",))
    ]
    for ran in (added, *shown):
        assert "very_secret" not in ran.out + ran.err
    assert shown[3].json["servers"][0]["args"] == ["--stdio"]
    assert lemnos("git-keys", "remove", "hub").code == 0
    assert lemnos("mcp", "remove", "notes").code == 0
    assert lemnos("mcp", "remove", "notes").code == 1


def test_wrong_keys_and_wrong_servers(lemnos: Shell):
    assert lemnos("tasks", "list", "--api-key", "lk_" + "x" * 43).code == 4
    assert lemnos("tasks", "list", "--url", "http://127.0.0.1:1").code == 3
    assert lemnos("tasks", "show", "no-such-task").code == 1


def test_doctor_sees_the_server(lemnos: Shell):
    found = {one["name"]: one for one in lemnos("doctor", "--json").json["findings"]}
    assert "healthy" in found["server"]["detail"]


def test_ctrl_c_cancels_the_task(lemnos: Shell, remote: Path):
    running = lemnos.start("run", "run: sleep 120", "--repo", str(remote), "--cli", "builtin")
    assert running.stdout is not None
    for line in running.stdout:
        if "→ run  sleep 120" in line:
            break
    running.send_signal(signal.SIGINT)
    rest = running.stdout.read()
    assert running.wait(PATIENCE) == 130, rest
    assert "The task is cancelled." in rest
    assert lemnos("tasks", "list", "--json").json["tasks"][0]["status"] == "cancelled"


def test_without_a_server_one_is_started_for_the_task(alone: Shell, repo: Path):
    (repo / "uncommitted").write_text("x")
    ran = alone("run", "Remove the unused imports.", "--repo", "order-desk", "--pr")
    assert ran.code == 0, ran.err
    assert "starting one for this task" in ran.err
    assert "uncommitted changes" in ran.err
    branches = subprocess.run(
        ["git", "-C", str(repo), "branch", "--list", "codeforge/*"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert branches.stdout.strip()
    assert alone("tasks", "list", LEMNOS_PORT="1").code == 3


def test_a_named_server_that_is_away_is_not_replaced(alone: Shell, repo: Path):
    ran = alone("run", "x", "--repo", str(repo), LEMNOS_URL="http://127.0.0.1:1")
    assert ran.code == 3
    assert not (repo.parent / "data" / "lemnos.db").exists()


def test_the_embedded_server_does_not_outlive_a_killed_command(alone: Shell, repo: Path):
    data = Path(alone.env["LEMNOS_DATA"])
    alone.env["LEMNOS_DRAIN"] = "0"
    running = alone.start("run", "run: sleep 120", "--repo", str(repo))
    assert running.stdout is not None
    for line in running.stdout:
        if "→ run  sleep 120" in line:
            break
    (server,) = _servers_on(data)
    agents = server.children(recursive=True)
    assert agents
    running.kill()
    running.wait(PATIENCE)
    _wait(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE)
    _wait(lambda: not [agent for agent in agents if agent.is_running()])


def test_serve_says_why_it_cannot_start(server: LemnosServer, lemnos: Shell, tmp_path: Path):
    port = server.url.rpartition(":")[2]
    taken = lemnos("serve", "--port", port, "--data", str(tmp_path / "other"))
    assert taken.code == 1
    assert "address already in use" in taken.err
    locked = lemnos("serve", "--port", "0")
    assert locked.code == 1
    assert "already serves" in locked.err
    assert lemnos("tasks", "list").code == 0  # and the running one is still found
    unusable = lemnos("serve", "--port", "0", "--data", "/proc/lemnos")
    assert unusable.code == 1
    assert "Traceback" not in unusable.err


@pytest.mark.real_cli
def test_claude_code_from_one_command_to_a_pull_request(
    alone: Shell, forge: Forge, model_endpoint: ModelEndpoint, claude_cli: Path
):
    """The README's one command, with a model and a git host of ours in place of the real ones."""
    forge.create("acme/shop", {"README.md": "hello\n"})
    host = forge.url.rpartition("/")[2]
    model_endpoint.play(
        Tool("Bash", {"command": "echo 'x = 1' > new.py"}),
        Say("Added new.py."),
    )
    ran = alone(
        *("run", "Add new.py.", "--repo", forge.repository_url("acme/shop")),
        *("--token-env", "FORGE_TOKEN", "--pr", "--json"),
        ANTHROPIC_API_KEY="sk-ant-from-the-shell",
        FORGE_TOKEN=forge.state.token,
        LEMNOS_CLAUDE_PATH=str(claude_cli),
        LEMNOS_ANTHROPIC_BASE_URL=model_endpoint.url,
        LEMNOS_ALLOWED_HOSTS="127.0.0.1",
        LEMNOS_FORGES=json.dumps({host: f"github {forge.url}"}),
    )
    assert ran.code == 0, ran.err + ran.out
    assert ran.json["task"]["cli"] == "claude-code"
    assert [file["path"] for file in ran.json["diff"]["files"]] == ["new.py"]
    (pull,) = forge.pulls("acme/shop")
    assert pull.head == ran.json["pull_request"]["branch"]
    assert {turn.credential for turn in model_endpoint.turns} == {"sk-ant-from-the-shell"}
    for secret in ("sk-ant-from-the-shell", forge.state.token):
        assert secret not in ran.out + ran.err
