"""Secrets appear nowhere but where they are used.

Each secret is distinctive text. A task that works and tasks that fail in several ways use all of
them; then everything that Lemnos says, writes or shows is searched for each.
"""

from __future__ import annotations

import base64
import inspect
import json
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.support import mcp_server
from tests.support.git_http import GitFault, GitServer
from tests.support.mcp_http import McpHttpServer
from tests.support.model_endpoint import ModelEndpoint
from tests.support.model_script import Fail, Say, Script, Tool
from tests.support.server import LemnosServer
from tests.support.sink import WebhookSink

pytestmark = pytest.mark.e2e

GIT_TOKEN = "ghp_LEAKGITTOKEN0123456789abcdef"
MODEL_KEY = "sk-ant-LEAKMODELKEY0123456789"
MCP_SECRET = "LEAKMCPSECRET0123456789"
HEADER_SECRET = "LEAKHEADERSECRET0123456789"
PROVIDER_TOKEN = "glpat-LEAKPROVIDERTOKEN0123456789"
CALLBACK_SECRET = "LEAKCALLBACKSECRET0123456789"
WRONG_TOKEN = "ghp_LEAKWRONGTOKEN0123456789"
# The whole program on the command line: the sandbox does not show the tests' files.
STDIO = {"command": sys.executable, "args": ["-c", inspect.getsource(mcp_server)]}
SECRETS = (
    *(GIT_TOKEN, MODEL_KEY, MCP_SECRET, HEADER_SECRET),
    *(PROVIDER_TOKEN, CALLBACK_SECRET, WRONG_TOKEN),
)


def _forms(secret: str) -> list[bytes]:
    """A secret as it could turn up: plain, in Basic authentication, in a URL, escaped."""
    forms = [secret.encode(), quote(secret, safe="").encode()]
    for user in ("", "git", "oauth2", "x-access-token"):
        basic = base64.b64encode(f"{user}:{secret}".encode()).rstrip(b"=")
        forms.append(basic[:-2])
    return list(dict.fromkeys(forms))


NEEDLES = {secret: _forms(secret) for secret in SECRETS}


def found_in(text: bytes) -> list[str]:
    """The secrets that a text holds in any of their forms."""
    return [secret for secret, forms in NEEDLES.items() if any(form in text for form in forms)]


@dataclass
class Watch:
    """Samples command lines and environments of all processes while the tasks run.

    Git's own network process is where the token belongs; the model gateway is inside the server.
    """

    leaks: set[str] = field(default_factory=set)
    samples: int = 0
    seen: set[str] = field(default_factory=set)
    _done: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        mine = str(os.getpid())
        while not self._done.wait(0.01):
            self.samples += 1
            for process in os.listdir("/proc"):
                if process.isdigit() and process != mine:
                    self._look_at(Path("/proc") / process)

    def _look_at(self, process: Path) -> None:
        try:
            line = (process / "cmdline").read_bytes()
            environment = (process / "environ").read_bytes()
        except OSError:  # gone
            return
        if not line:  # it is about to become another program, or has ended
            return
        name = Path(line.partition(b"\0")[0].decode(errors="replace")).name
        self.seen.add(name)
        for secret in found_in(line):
            self.leaks.add(f"{secret} in the command line of {name}")
        if name.startswith("git") or (name == "sh" and self._is_helper(process)):
            return
        for secret in found_in(environment):
            if secret == MCP_SECRET and STDIO["args"][1].encode() in line:
                continue  # the very server that it is for
            if secret == CALLBACK_SECRET and b"LEMNOS_CALLBACK_SECRET=" in environment:
                continue  # the operator's own setting, given to the server by this test
            self.leaks.add(f"{secret} in the environment of {name}")

    def _is_helper(self, process: Path) -> bool:
        """Whether it is the shell in which git runs its credential helper."""
        try:
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            line = (process.parent / parent / "cmdline").read_bytes()
        except OSError:
            return True  # gone with its parent
        return Path(line.partition(b"\0")[0].decode()).name.startswith("git")


@dataclass
class Run:
    """What was left behind."""

    server: LemnosServer
    sink: WebhookSink
    mcp: McpHttpServer
    watch: Watch
    tasks: dict[str, str]
    answers: list[httpx2.Response]
    refused: list[httpx2.Response]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("leaks")
    model = ModelEndpoint(
        # The agent itself tries: it prints its environment, its git configuration and all files.
        Script(
            [
                Tool("run", {"command": "env; cat /proc/*/environ; git config -l; cat ~/.*"}),
                Tool("run", {"command": "echo x > new.txt; cat .git/config; git remote -v"}),
                Say("Done."),
            ],
            when="Look around",
        ),
        Script([Fail(401, times=99)], when="Be refused"),
    )
    tools = McpHttpServer(None, HEADER_SECRET)
    with GitServer(folder / "git", GIT_TOKEN) as host, model, WebhookSink() as sink, tools as mcp:
        host.create("acme/shop", {"a.py": "import os\nx = 1\n"})
        settings = {
            "LEMNOS_ANTHROPIC_BASE_URL": model.url,
            "LEMNOS_CALLBACK_SECRET": CALLBACK_SECRET,
            "LEMNOS_LOG_LEVEL": "debug",
        }
        with LemnosServer(folder, allowed_hosts=["127.0.0.1"], env=settings) as server:
            yield _carry_out(server, host, sink, mcp)


def _carry_out(server: LemnosServer, host: GitServer, sink: WebhookSink, mcp: McpHttpServer) -> Run:
    answers: list[httpx2.Response] = []
    server.client.event_hooks["response"] = [answers.append]
    url, hook = host.repository_url("acme/shop"), f"{sink.url}/hook"
    bearer = {"Authorization": f"Bearer {HEADER_SECRET}"}
    servers = [
        {"name": "local", **STDIO, "env": {"TOKEN": MCP_SECRET}},
        {"name": "remote", "url": f"{mcp.url}/mcp", "headers": bearer},
    ]
    common: dict[str, Any] = {"repo_url": url, "access_token": GIT_TOKEN, "callback_url": hook}
    config = {"cli": "builtin", "ai_api_key": MODEL_KEY, "mcp_servers": servers}
    wrong = url.replace("http://", f"http://user:{WRONG_TOKEN}@")
    bodies = {
        "works": common | {"prompt": "Look around", "config": config},
        "tools only": common | {"prompt": "Remove unused imports", "config": {"cli": "builtin"}},
        "model refuses": common | {"prompt": "Be refused", "config": config},
        "wrong token": common | {"prompt": "x", "access_token": WRONG_TOKEN},
        "wrong branch": common | {"prompt": "x", "config": {"target_branch": "none"}},
    }
    post = server.client.post
    for name, body in (("keys", "provider"), ("mcp/servers", "mcp")):
        given = {"name": f"leaky-{body}"}
        if name == "keys":
            given |= {"provider": "gitlab", "token": PROVIDER_TOKEN}
            post(f"/api/v1/{name}", json=given)
        else:
            env = {"TOKEN": MCP_SECRET}
            post(f"/api/v1/{name}", json={**given, **STDIO, "env": env})
    refused = [
        post("/api/v1/tasks", json=common | {"prompt": "x", "repo_url": wrong}),
        post("/api/v1/tasks", json=common | {"prompt": 7, "access_token": GIT_TOKEN}),
        post("/api/v1/tasks", json=common | {"prompt": "x", "config": {"ai_api_key": [MODEL_KEY]}}),
        post("/api/v1/keys", json={"name": "x", "provider": "no", "token": PROVIDER_TOKEN}),
        post(
            "/api/v1/keys",
            json={"name": "leaky-provider", "provider": "gitlab", "token": PROVIDER_TOKEN},
        ),
        post("/api/v1/mcp/servers", json={"name": "a b", "command": "x", "env": {"T": MCP_SECRET}}),
        post("/api/v1/tasks", content=f'{{"access_token": "{GIT_TOKEN}", '.encode()),
        server.client.get("/api/v1/tasks", headers={"Authorization": f"Bearer {GIT_TOKEN}"}),
    ]
    with Watch() as watch:
        tasks = {name: server.create(**body)["id"] for name, body in bodies.items()}
        for task_id in tasks.values():
            server.wait(task_id)
        for name in ("works", "tools only"):
            post(f"/api/v1/tasks/{tasks[name]}/create-pr", json={})
        host.git.break_down(GitFault(status=500))
        post(
            f"/api/v1/tasks/{tasks['tools only']}/instruct",
            json={"prompt": "Remove trailing whitespace"},
        )
        server.wait(tasks["tools only"])
        host.git.recover()
    _ask_for_everything(server, tasks)
    sink.wait_for(len(bodies))
    return Run(server, sink, mcp, watch, tasks, answers, refused)


def _ask_for_everything(server: LemnosServer, tasks: dict[str, str]) -> None:
    """Every answer there is; the client keeps them all."""
    paths = ["tasks", "keys", "mcp/servers", "workspaces"]
    for task_id in tasks.values():
        parts = ("", "?include=iterations", "/diff", "/callbacks", "/stream")
        paths += [f"tasks/{task_id}{part}" for part in parts]
    for path in paths:
        assert server.client.get(f"/api/v1/{path}").status_code == 200
    server.client.post("/api/v1/keys/leaky-provider/verify")
    for path in (
        "/metrics",
        "/health",
        "/ready",
        "/api/docs/openapi.yaml",
        "/api/docs/openapi.json",
    ):
        assert server.client.get(path).status_code == 200


def test_the_tasks_did_what_they_were_meant_to(run: Run):
    """Else the absence of leaks would say nothing."""
    found = {name: run.server.task(task_id) for name, task_id in run.tasks.items()}
    status = {name: task["status"] for name, task in found.items()}
    assert status == {
        "works": "pr_created",
        "tools only": "completed",
        "model refuses": "failed",
        "wrong token": "failed",
        "wrong branch": "failed",
    }, {name: task["error"] for name, task in found.items()}
    assert [answer.status_code for answer in run.refused] == [
        400,
        400,
        400,
        400,
        409,
        400,
        400,
        401,
    ]
    assert run.watch.samples > 10
    assert any(name.startswith("git") for name in run.watch.seen)


def test_no_answer_holds_a_secret(run: Run):
    assert len(run.answers) > 40
    for answer in run.answers:
        head = json.dumps(list(answer.headers.items())).encode()
        assert not found_in(answer.read() + head), answer.url


def test_no_event_holds_a_secret(run: Run):
    for name, task_id in run.tasks.items():
        for event in run.server.events(task_id):
            assert not found_in(json.dumps(event.data).encode()), (name, event)


def test_the_log_holds_no_secret(run: Run):
    assert run.server.log
    assert not found_in(run.server.log.encode())


def test_no_callback_holds_a_secret(run: Run):
    for request in run.sink.requests:
        if request.path == "/hook":
            head = json.dumps(dict(request.headers)).encode()
            assert not found_in(request.body + head)


def test_no_file_of_the_server_holds_a_secret(run: Run):
    """Databases with their journals, git configurations, workspaces, agents' homes: all files."""
    looked_at, leaks = 0, []
    for path in run.server.data.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        looked_at += 1
        leaks += [
            f"{secret} in {path}"
            for secret in found_in(path.read_bytes())
            # This agent reads its own tools' environment, and its memory is its own.
            if not (secret == MCP_SECRET and "builtin-sessions" in path.parts)
        ]
    assert looked_at > 20
    assert leaks == []


def test_no_process_shows_a_secret(run: Run):
    assert run.watch.leaks == set()


def test_the_secrets_reached_those_who_need_them(run: Run):
    """The git host took the token and the tools' server got its header: nothing was just lost."""
    calls = [request.headers.get("authorization") for request in run.mcp.requests]
    assert calls
    assert set(calls) == {f"Bearer {HEADER_SECRET}"}
