"""A server with a tenant's things in it, and for every operation a call that succeeds once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.support.git_http import GitFault, GitServer
from tests.support.git_repos import create_bare, git
from tests.support.model_endpoint import ModelEndpoint
from tests.support.model_script import Hang, Script
from tests.support.server import LemnosServer
from tests.support.sink import WebhookSink

serial = itertools.count(1)

# How each document tells of a failure.
ANSWERS: dict[str, dict[int, str]] = {
    "codeforge": {401: "unauthorized", 403: "forbidden", 404: "not_found"},
    "orchex": {401: "AUTHENTICATION_ERROR", 403: "AUTHORIZATION_ERROR", 404: "NOT_FOUND"},
    "hephaestus": {401: "unauthenticated", 403: "forbidden", 404: "task_not_found"},
}
TANGLED = """def total(rows):
    found = 0
    for row in rows:
        if row:
            if row.kind == "a":
                if row.count > 1:
                    found += row.count
                elif row.count == 1:
                    found += 1
                else:
                    found -= 1
            elif row.kind == "b":
                for part in row.parts:
                    if part and part.good:
                        found += 2
                    elif part:
                        found += 1
            elif row.kind == "c" or row.kind == "d":
                found += 3 if row.count else 4
    return found
"""


GATES = """
[[gates.custom]]
name = "quick"
command = "true"

[[gates.custom]]
name = "waits"
command = "sleep 600"
"""


@dataclass
class House:
    """What calls need to succeed. ``project`` is the folder of gates and cleanups."""

    server: LemnosServer
    repository: Path
    project: Path
    sink: WebhookSink
    stuck: GitServer
    model: ModelEndpoint
    clients: dict[str, httpx2.Client] = field(default_factory=dict)
    agent_id: str = "house-agent"
    _analysis: str = ""

    def client(self, tenant: str) -> httpx2.Client:
        """A caller who may do everything in a tenant."""
        if tenant not in self.clients:
            self.clients[tenant] = self.server.client_with(self.server.token(tenant))
        return self.clients[tenant]

    # --- CodeForge -----------------------------------------------------------------------------

    def task(self, callback: str = "") -> str:
        """A task of the default tenant that has completed."""
        task_id: str = self.server.create(
            repo_url=str(self.repository),
            prompt="Remove the unused imports",
            config={"cli": "builtin"},
            callback_url=callback,
        )["id"]
        self.server.wait(task_id, "completed")
        return task_id

    def busy_task(self) -> str:
        """A task that waits for its git host."""
        task_id: str = self.server.create(
            repo_url=self.stuck.repository_url("acme/shop"), prompt="x", config={"cli": "builtin"}
        )["id"]
        return task_id

    def delivery(self) -> str:
        """A callback that has landed."""
        task_id = self.task(callback=f"{self.sink.url}/hook")
        return self._landed(f"/api/v1/tasks/{task_id}/callbacks", "callbacks", "id")

    def registered(self, path: str, **body: Any) -> str:
        """A key or MCP server of a new name."""
        name = f"thing-{next(serial)}"
        answer = self.server.client.post(path, json={"name": name, **body})
        assert answer.status_code == 201, answer.text
        return name

    # --- ORCHEX --------------------------------------------------------------------------------

    def post(self, path: str, body: Any = None) -> Any:
        """What an ORCHEX operation gives."""
        answer = self.server.client.post(f"/v1{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()["data"]

    def get(self, path: str) -> Any:
        answer = self.server.client.get(f"/v1{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def agent(self, agent_id: str = "", **given: Any) -> str:
        """An agent that works by deterministic tools."""
        agent_id = agent_id or f"agent-{next(serial)}"
        self.post("/agents", {**AGENT, "agent_id": agent_id, "name": agent_id, **given})
        return agent_id

    def order(self, **given: Any) -> dict[str, Any]:
        """A task for the house's agent on the repository."""
        body = {"type": "refactoring", "description": "Remove the unused imports"}
        context = {"repository": str(self.repository)}
        return {**body, "context": context, "agent_id": self.agent_id, **given}

    def routed(self, **given: Any) -> str:
        """A routed task that is at rest."""
        task_id: str = self.post("/tasks", self.order(**given))["task_id"]
        path = f"/tasks/{task_id}"
        self.server.until(lambda: self.get(path)["status"] not in ("queued", "running"))
        assert self.get(path)["status"] == "completed", self.get(path)
        return task_id

    def busy_routed(self) -> str:
        """A routed task that waits for its git host."""
        context = {"repository": self.stuck.repository_url("acme/shop")}
        task_id: str = self.post("/tasks", self.order(context=context))["task_id"]
        return task_id

    def analysis(self) -> str:
        """An analysis that has completed; one for all tests."""
        if not self._analysis:
            body = {"repository_path": str(self.repository)}
            made: str = self.post("/analyze", body)["analysis_id"]
            path = f"/analyze/{made}"
            ended = ("completed", "failed")
            self.server.until(lambda: self.get(path)["status"] in ended, timeout=120)
            assert self.get(path)["status"] == "completed", self.get(path)
            self._analysis = made
        return self._analysis

    def opportunity(self) -> str:
        """The best that the analysis has found."""
        found = self.get(f"/analyze/{self.analysis()}")["opportunities"]
        opportunity_id: str = found[0]["opportunity_id"]
        return opportunity_id

    def refactoring(self) -> str:
        """A refactoring whose agent waits for a model that never answers."""
        body = {"opportunity_id": self.opportunity(), "agent_id": "waiting"}
        refactoring_id: str = self.post("/refactor", body)["refactoring_id"]
        return refactoring_id

    # --- Hephaestus ----------------------------------------------------------------------------

    def guard_rails(self, *gates: str, **given: Any) -> dict[str, Any]:
        """A run of gates to ask for."""
        return {"workspace": str(self.project), "gates": list(gates or ("quick",)), **given}

    def judged(self) -> str:
        """A run of gates that has completed."""
        answer = self.server.client.post(GUARD_RAILS, json=self.guard_rails())
        assert answer.status_code == 200, answer.text
        task_id: str = answer.json()["task_id"]
        return task_id

    def judging(self) -> str:
        """A run of gates that goes on until it is cancelled."""
        body = self.guard_rails("waits", **{"async": True})
        answer = self.server.client.post(GUARD_RAILS, json=body)
        assert answer.status_code == 202, answer.text
        task_id: str = answer.json()["task_id"]
        return task_id

    def measurements(self, covered: int) -> dict[str, Any]:
        """Coverage of the project to send."""
        files = {"a.py": {"covered": covered, "total": 2}}
        return {
            "workspace": str(self.project),
            "kind": "coverage",
            "source": "tests",
            "files": files,
        }

    def webhook(self) -> str:
        """A webhook that leads to the sink."""
        webhook_id: str = self.post("/webhooks", self.hook())["webhook_id"]
        return webhook_id

    def hook(self) -> dict[str, Any]:
        """A webhook to make."""
        return {"url": f"{self.sink.url}/{next(serial)}", "events": ["analysis.completed"]}

    def event_delivery(self) -> str:
        """A delivery of a webhook that has landed."""
        webhook_id = self.webhook()
        self.post(f"/webhooks/{webhook_id}/test")
        return self._landed(f"/v1/webhooks/{webhook_id}/deliveries", "deliveries", "delivery_id")

    def _landed(self, path: str, name: str, id_name: str) -> str:
        def log() -> Any:
            body = self.server.client.get(path).json()
            return body.get("data", body)[name]

        self.server.until(lambda: bool(log()) and log()[0]["state"] == "delivered")
        found: str = log()[0][id_name]
        return found


@contextmanager
def opened(folder: Path) -> Iterator[House]:
    """The house with all that is in it at first."""
    files = {"a.py": "import os\nx = 1\n", "tangled.py": TANGLED}
    bare = create_bare(folder / "repos" / "shop.git", files)
    project = folder / "project"
    git("clone", "--quiet", str(bare), str(project))
    (project / "lemnos.toml").write_text(GATES)
    many = {
        "LEMNOS_MAX_AGENTS": "32",
        "LEMNOS_MAX_GATE_RUNS": "16",
    }  # the stuck ones must not be in the way of the others
    with (
        GitServer(folder / "stuck") as stuck,
        WebhookSink() as sink,
        ModelEndpoint(Script([Hang(times=999)])) as model,
        LemnosServer(folder, allowed_hosts=["127.0.0.1"], env=many) as server,
    ):
        stuck.git.break_down(GitFault(status=500, delay=60))
        made = House(server, bare, project, sink, stuck, model)
        made.agent(made.agent_id, constraints={"max_concurrent_tasks": 100})
        config = {"runtime": "builtin", "base_url": model.url, "api_key": "sk-of-the-tests"}
        limits = {"max_concurrent_tasks": 100}
        made.agent(
            "waiting", provider="anthropic", model="claude", config=config, constraints=limits
        )
        yield made
        stuck.git.recover()
        for client in made.clients.values():
            client.close()


@dataclass(frozen=True)
class Call:
    """A request that succeeds once. `path` has its parameters filled in."""

    path: str
    body: Any = None
    other: Any = None  # a second body that would do as well


AGENT = {"provider": "lemnos", "capabilities": ["refactoring", "code_generation"]}
KEY = {"provider": "generic", "token": "secret-token"}
TASK = "/api/v1/tasks/{task_id}"
ROUTED = "/v1/tasks/{task_id}"
HOOK = "/v1/webhooks/{webhook_id}"
GUARD_RAILS = "/api/v1/quality/guard-rails"
OPERATION = "/api/v1/tasks/{task_id:operation}"
# What a POST answers in a tenant that has neither agents nor analyses, if not 201.
ELSEWHERE = {
    "/v1/tasks": 400,
    "/v1/route": 200,
    "/v1/analyze": 202,
    "/v1/refactor": 404,
    GUARD_RAILS: 200,
    "/api/v1/cleanup": 200,
    "/api/v1/analytics/ingest": 200,
}
# Folders are the operator's, whichever tenant names one.
OF_ALL_TENANTS = {"/api/v1/analytics/rankings", "/api/v1/analytics/hotspots"}


def _new_agent(**given: Any) -> dict[str, Any]:
    return {**AGENT, "agent_id": f"agent-{next(serial)}", "name": "x", **given}


_CODEFORGE: dict[tuple[str, str], Callable[[House], Call]] = {
    ("POST", "/api/v1/tasks"): lambda house: Call(
        "/api/v1/tasks",
        {"repo_url": str(house.repository), "prompt": "Tidy", "config": {"cli": "builtin"}},
        {"repo_url": str(house.repository), "prompt": "Tidy up", "config": {"cli": "builtin"}},
    ),
    ("GET", "/api/v1/tasks"): lambda _: Call("/api/v1/tasks"),
    ("GET", TASK): lambda house: Call(f"/api/v1/tasks/{house.task()}"),
    ("GET", f"{TASK}/stream"): lambda house: Call(f"/api/v1/tasks/{house.task()}/stream"),
    ("GET", f"{TASK}/diff"): lambda house: Call(f"/api/v1/tasks/{house.task()}/diff"),
    ("GET", f"{TASK}/callbacks"): lambda house: Call(f"/api/v1/tasks/{house.task()}/callbacks"),
    ("POST", f"{TASK}/instruct"): lambda house: Call(
        f"/api/v1/tasks/{house.task()}/instruct", {"prompt": "Again"}, {"prompt": "And again"}
    ),
    ("POST", f"{TASK}/cancel"): lambda house: Call(
        f"/api/v1/tasks/{house.busy_task()}/cancel", None, {}
    ),
    ("POST", f"{TASK}/create-pr"): lambda house: Call(
        f"/api/v1/tasks/{house.task()}/create-pr", {"title": "One"}, {"title": "Other"}
    ),
    ("POST", "/api/v1/callbacks/{delivery_id}/redeliver"): lambda house: Call(
        f"/api/v1/callbacks/{house.delivery()}/redeliver", None, {}
    ),
    ("POST", "/api/v1/keys"): lambda _: Call(
        "/api/v1/keys",
        {"name": f"key-{next(serial)}", **KEY},
        {"name": f"key-{next(serial)}", **KEY},
    ),
    ("GET", "/api/v1/keys"): lambda _: Call("/api/v1/keys"),
    ("DELETE", "/api/v1/keys/{name}"): lambda house: Call(
        f"/api/v1/keys/{house.registered('/api/v1/keys', **KEY)}"
    ),
    ("POST", "/api/v1/keys/{name}/verify"): lambda house: Call(
        f"/api/v1/keys/{house.registered('/api/v1/keys', **KEY)}/verify", None, {}
    ),
    ("POST", "/api/v1/mcp/servers"): lambda _: Call(
        "/api/v1/mcp/servers",
        {"name": f"mcp-{next(serial)}", "package": "a"},
        {"name": f"mcp-{next(serial)}", "package": "a"},
    ),
    ("GET", "/api/v1/mcp/servers"): lambda _: Call("/api/v1/mcp/servers"),
    ("DELETE", "/api/v1/mcp/servers/{name}"): lambda house: Call(
        f"/api/v1/mcp/servers/{house.registered('/api/v1/mcp/servers', package='a')}"
    ),
    ("GET", "/api/v1/workspaces"): lambda _: Call("/api/v1/workspaces"),
    ("DELETE", "/api/v1/workspaces/{task_id}"): lambda house: Call(
        f"/api/v1/workspaces/{house.task()}"
    ),
}
_ORCHEX: dict[tuple[str, str], Callable[[House], Call]] = {
    ("POST", "/v1/agents"): lambda _: Call("/v1/agents", _new_agent(), _new_agent()),
    ("GET", "/v1/agents"): lambda _: Call("/v1/agents"),
    ("GET", "/v1/agents/{agent_id}"): lambda house: Call(f"/v1/agents/{house.agent()}"),
    ("PUT", "/v1/agents/{agent_id}"): lambda house: Call(
        f"/v1/agents/{house.agent()}", {"name": "Another"}
    ),
    ("DELETE", "/v1/agents/{agent_id}"): lambda house: Call(f"/v1/agents/{house.agent()}"),
    ("POST", "/v1/tasks"): lambda house: Call(
        "/v1/tasks", house.order(), house.order(description="Tidy up")
    ),
    ("GET", "/v1/tasks"): lambda _: Call("/v1/tasks"),
    ("GET", ROUTED): lambda house: Call(f"/v1/tasks/{house.routed()}"),
    ("DELETE", ROUTED): lambda house: Call(f"/v1/tasks/{house.busy_routed()}"),
    ("POST", f"{ROUTED}/retry"): lambda house: Call(
        f"/v1/tasks/{house.routed()}/retry", {"priority": "low"}, {"priority": "high"}
    ),
    ("GET", f"{ROUTED}/routing"): lambda house: Call(f"/v1/tasks/{house.routed()}/routing"),
    ("GET", f"{ROUTED}/diff"): lambda house: Call(f"/v1/tasks/{house.routed()}/diff"),
    ("GET", f"{ROUTED}/events"): lambda house: Call(f"/v1/tasks/{house.routed()}/events"),
    ("POST", f"{ROUTED}/feedback"): lambda house: Call(
        f"/v1/tasks/{house.routed()}/feedback", {"verdict": "approved"}, {"verdict": "rejected"}
    ),
    ("POST", f"{ROUTED}/pull-request"): lambda house: Call(
        f"/v1/tasks/{house.routed()}/pull-request", {"title": "One"}, {"title": "Other"}
    ),
    ("POST", "/v1/route"): lambda _: Call("/v1/route", {"type": "testing"}, {"type": "debugging"}),
    ("POST", "/v1/analyze"): lambda house: Call(
        "/v1/analyze",
        {"repository_path": str(house.repository)},
        {"repository_path": str(house.repository), "analysis_type": "quick"},
    ),
    ("GET", "/v1/analyze"): lambda _: Call("/v1/analyze"),
    ("GET", "/v1/analyze/{analysis_id}"): lambda house: Call(f"/v1/analyze/{house.analysis()}"),
    ("GET", "/v1/analyze/{analysis_id}/files"): lambda house: Call(
        f"/v1/analyze/{house.analysis()}/files"
    ),
    ("POST", "/v1/refactor"): lambda house: Call(
        "/v1/refactor",
        {"opportunity_id": house.opportunity(), "dry_run": True},
        {"opportunity_id": house.opportunity(), "dry_run": False},
    ),
    ("GET", "/v1/refactor"): lambda _: Call("/v1/refactor"),
    ("GET", "/v1/refactor/{refactoring_id}"): lambda house: Call(
        f"/v1/refactor/{house.refactoring()}"
    ),
    ("DELETE", "/v1/refactor/{refactoring_id}"): lambda house: Call(
        f"/v1/refactor/{house.refactoring()}"
    ),
    ("GET", "/v1/metrics"): lambda _: Call("/v1/metrics"),
    ("GET", "/v1/metrics/agents/{agent_id}"): lambda house: Call(
        f"/v1/metrics/agents/{house.agent()}"
    ),
    ("GET", "/v1/status"): lambda _: Call("/v1/status"),
    ("POST", "/v1/webhooks"): lambda house: Call("/v1/webhooks", house.hook(), house.hook()),
    ("GET", "/v1/webhooks"): lambda _: Call("/v1/webhooks"),
    ("GET", HOOK): lambda house: Call(f"/v1/webhooks/{house.webhook()}"),
    ("PUT", HOOK): lambda house: Call(f"/v1/webhooks/{house.webhook()}", {"active": False}),
    ("DELETE", HOOK): lambda house: Call(f"/v1/webhooks/{house.webhook()}"),
    ("POST", f"{HOOK}/test"): lambda house: Call(f"/v1/webhooks/{house.webhook()}/test", None, {}),
    ("POST", f"{HOOK}/rotate"): lambda house: Call(
        f"/v1/webhooks/{house.webhook()}/rotate", {"overlap_seconds": 1}, {"overlap_seconds": 2}
    ),
    ("GET", f"{HOOK}/deliveries"): lambda house: Call(f"/v1/webhooks/{house.webhook()}/deliveries"),
    ("POST", "/v1/webhooks/deliveries/{delivery_id}/redeliver"): lambda house: Call(
        f"/v1/webhooks/deliveries/{house.event_delivery()}/redeliver", None, {}
    ),
}
_HEPHAESTUS: dict[tuple[str, str], Callable[[House], Call]] = {
    ("POST", GUARD_RAILS): lambda house: Call(
        GUARD_RAILS, house.guard_rails(), house.guard_rails(no_format=True)
    ),
    ("GET", GUARD_RAILS): lambda _: Call(GUARD_RAILS),
    ("GET", f"{GUARD_RAILS}/{{task_id}}/sarif"): lambda house: Call(
        f"{GUARD_RAILS}/{house.judged()}/sarif"
    ),
    ("GET", f"{GUARD_RAILS}/{{task_id}}/junit"): lambda house: Call(
        f"{GUARD_RAILS}/{house.judged()}/junit"
    ),
    ("POST", "/api/v1/cleanup"): lambda house: Call(
        "/api/v1/cleanup",
        {"root": str(house.project)},
        {"root": str(house.project), "dry_run": True},
    ),
    ("GET", "/api/v1/analytics/rankings"): lambda house: Call(
        f"/api/v1/analytics/rankings?workspace={house.project}"
    ),
    ("GET", "/api/v1/analytics/hotspots"): lambda house: Call(
        f"/api/v1/analytics/hotspots?workspace={house.project}"
    ),
    ("POST", "/api/v1/analytics/rankings/refactor"): lambda house: Call(
        "/api/v1/analytics/rankings/refactor",
        {"workspace": str(house.project), "path": "a.py"},
        {"workspace": str(house.project), "path": "tangled.py"},
    ),
    ("POST", "/api/v1/analytics/ingest"): lambda house: Call(
        "/api/v1/analytics/ingest", house.measurements(1), house.measurements(2)
    ),
    ("GET", OPERATION): lambda house: Call(f"/api/v1/tasks/{house.judged()}"),
    ("GET", f"{OPERATION}/stream"): lambda house: Call(f"/api/v1/tasks/{house.judged()}/stream"),
    ("POST", f"{OPERATION}/cancel"): lambda house: Call(
        f"/api/v1/tasks/{house.judging()}/cancel", None, {}
    ),
}
CALLS = _CODEFORGE | _ORCHEX | _HEPHAESTUS
