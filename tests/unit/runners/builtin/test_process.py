"""The child process: its protocol, sessions, cancellation, and how fast it is there."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from lemnos.runners.builtin.protocol import McpConnection, Request
from tests.unit.runners.builtin.agent import COMMAND, run_agent, write_tree

LEAN = """
import sys
import time
before = set(sys.modules)
import lemnos.runners.builtin.__main__, lemnos.runners.builtin.toolsmith
heavy = {"rope", "libcst", "mcp", "httpx2", "ast_grep_py", "pydantic", "asyncio", "lemnos.domains"}
print(sorted(heavy & set(sys.modules)))
"""


def test_what_cannot_be_done_without_a_model_fails_and_says_what_could(tmp_path: Path):
    ran = run_agent(write_tree(tmp_path / "w", {}), "Add OAuth login to the web app")
    assert ran.result["verdict"] == "failed"
    assert ran.exit_code == 1
    for word in ("without a model", "fix the failing tests", "claude-code", "credential"):
        assert word in ran.result["error"]
    assert ran.of("error")[0]["error_class"] == "unsuited"


def test_a_request_survives_the_pipe():
    request = Request("p", "/s", mcp_servers=(McpConnection("a", ("x", "y"), env={"K": "v"}),))
    assert Request.decode(request.encode()) == request


def test_a_bad_request_is_a_failed_run(tmp_path: Path):
    ended = subprocess.run(
        COMMAND, input=b'{"prompt": 1', cwd=tmp_path, capture_output=True, check=False
    )
    assert json.loads(ended.stdout.splitlines()[-1])["verdict"] == "failed"


def test_a_session_is_kept_and_resumed(tmp_path: Path):
    tree = write_tree(tmp_path / "w", {})
    first = run_agent(tree, "run: true").result["session"]
    again = run_agent(tree, "run: true", resume=first).result["session"]
    assert again == first
    record = json.loads((tmp_path / "home/sessions" / f"{first}.json").read_text())
    assert [run["prompt"] for run in record["runs"]] == ["run: true", "run: true"]


def test_an_unknown_session_is_an_error(tmp_path: Path):
    for unknown in ("0" * 32, "../../etc/passwd"):
        ran = run_agent(write_tree(tmp_path / "w", {}), "run: true", resume=unknown)
        assert ran.result["verdict"] == "failed"
        assert "no session" in ran.result["error"]


def test_sigterm_cancels_and_leaves_no_process(tmp_path: Path):
    tree = write_tree(tmp_path / "w", {})
    request = Request("run: echo $$ > pid; exec sleep 600", str(tmp_path / "sessions"))
    with subprocess.Popen(
        COMMAND, cwd=tree, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=False
    ) as agent:
        assert agent.stdin is not None
        assert agent.stdout is not None
        agent.stdin.write(request.encode())
        agent.stdin.close()
        while not (tree / "pid").exists() or not (tree / "pid").read_text().strip():
            time.sleep(0.01)
        agent.send_signal(signal.SIGTERM)
        last = agent.stdout.read().splitlines()[-1]
    assert json.loads(last)["verdict"] == "cancelled"
    assert agent.returncode == 130
    sleeper = int((tree / "pid").read_text())
    assert not Path(f"/proc/{sleeper}/cmdline").exists()


def test_the_workspace_cannot_replace_the_agents_own_modules(tmp_path: Path):
    files = {"json.py": "raise SystemExit(99)\n", "lemnos/__init__.py": "raise SystemExit(99)\n"}
    assert run_agent(write_tree(tmp_path / "w", files), "run: true").exit_code == 0


def test_heavy_libraries_are_imported_only_by_what_needs_them():
    output = subprocess.check_output([sys.executable, "-I", "-c", LEAN], text=True)
    assert output.strip() == "[]"
