"""Every operation of every document: who may call it, what it leaves behind, and repeating it.

The list of operations is the application's own. One that is new and has no call here fails.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.routing import APIRoute

from lemnos.api.app import make_app
from lemnos.api.kit.operation import OPEN, Operation
from lemnos.platform.audit import AuditLog
from lemnos.platform.audit.model import Entry, Verdict
from lemnos.platform.db.connect import open_database
from lemnos.platform.identity.permissions import PERMISSIONS
from tests.support.git_http import GitFault, GitServer
from tests.support.git_repos import create_bare
from tests.support.server import LemnosServer
from tests.support.server_fixtures import MakeServer
from tests.support.sink import WebhookSink

pytestmark = pytest.mark.e2e

OPERATIONS: list[tuple[str, str, Operation]] = [
    (method, route.path, route)
    for route in make_app(None).state.operations
    for method in sorted(route.methods)
]
GUARDED = [found for found in OPERATIONS if found[2].permission != OPEN]
MUTATING = [found for found in GUARDED if found[0] != "GET"]
UNKNOWN_ID = "550e8400-e29b-41d4-a716-446655440000"
_serial = itertools.count(1)


def _ids(found: list[tuple[str, str, Operation]]) -> list[str]:
    return [f"{method} {path}" for method, path, _ in found]


@dataclass
class House:
    """A server with a tenant's things in it: what calls need to succeed."""

    server: LemnosServer
    repository: Path
    sink: WebhookSink
    stuck: GitServer
    clients: dict[str, httpx2.Client] = field(default_factory=dict)

    def client(self, tenant: str) -> httpx2.Client:
        """A caller who may do everything in a tenant."""
        if tenant not in self.clients:
            self.clients[tenant] = self.server.client_with(self.server.token(tenant))
        return self.clients[tenant]

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
        path = f"/api/v1/tasks/{task_id}/callbacks"

        def landed() -> bool:
            found = self.server.client.get(path).json()["callbacks"]
            return bool(found) and found[0]["state"] == "delivered"

        self.server.until(landed)
        found: str = self.server.client.get(path).json()["callbacks"][0]["id"]
        return found

    def registered(self, path: str, **body: Any) -> str:
        """A key or MCP server of a new name."""
        name = f"thing-{next(_serial)}"
        answer = self.server.client.post(path, json={"name": name, **body})
        assert answer.status_code == 201, answer.text
        return name


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("operations")
    bare = create_bare(folder / "repos" / "shop.git", {"a.py": "import os\nx = 1\n"})
    many = {"LEMNOS_MAX_AGENTS": "32"}  # the stuck ones must not be in the way of the others
    with (
        GitServer(folder / "stuck") as stuck,
        WebhookSink() as sink,
        LemnosServer(folder, allowed_hosts=["127.0.0.1"], env=many) as server,
    ):
        stuck.git.break_down(GitFault(status=500, delay=60))
        made = House(server, bare, sink, stuck)
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


TASK = "/api/v1/tasks/{task_id}"
KEY = {"provider": "generic", "token": "secret-token"}
CALLS: dict[tuple[str, str], Callable[[House], Call]] = {
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
        {"name": f"key-{next(_serial)}", **KEY},
        {"name": f"key-{next(_serial)}", **KEY},
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
        {"name": f"mcp-{next(_serial)}", "package": "a"},
        {"name": f"mcp-{next(_serial)}", "package": "a"},
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


def send(client: httpx2.Client, method: str, call: Call, **headers: str) -> httpx2.Response:
    if call.body is None:
        return client.request(method, call.path, headers=headers)
    return client.request(method, call.path, json=call.body, headers=headers)


def test_every_operation_has_a_call_here():
    assert {(method, path) for method, path, _ in GUARDED} == set(CALLS)


def test_the_application_has_no_route_that_declares_nothing():
    """Whatever the framework would add by itself is an operation, too, or not there."""
    app = make_app(None)
    declared = {(route.path, *sorted(route.methods)) for route in app.state.operations}
    assert all(isinstance(route, Operation) for route in app.state.operations)
    paths = app.openapi()["paths"]
    described = {(path, method.upper()) for path, item in paths.items() for method in item}
    assert described <= declared
    assert not [route for route in app.routes if isinstance(route, APIRoute)]


def test_every_permission_that_is_asked_for_exists():
    assert {route.permission for _, _, route in GUARDED} <= PERMISSIONS


@pytest.mark.parametrize(("method", "path", "operation"), GUARDED, ids=_ids(GUARDED))
class TestGuarded:
    """What holds for every operation but the few that are open."""

    def test_without_a_credential(self, house: House, method: str, path: str, operation: Operation):
        target = path.format(task_id=UNKNOWN_ID, name="x", delivery_id="x")
        answer = httpx2.request(method, f"{house.server.url}{target}", json={"prompt": 1})
        assert answer.status_code == 401
        assert answer.json()["error"] == "unauthorized"
        assert answer.headers["www-authenticate"] == 'Bearer realm="lemnos"'

    def test_without_the_permission(
        self, house: House, method: str, path: str, operation: Operation
    ):
        """Every other permission does not help, and nothing is told or done."""
        call = CALLS[method, path](house)
        others = PERMISSIONS - {operation.permission}
        token = house.server.token(permissions=others)
        with house.server.client_with(token) as client:
            answer = send(client, method, call)
        assert answer.status_code == 403, answer.text
        assert answer.json()["error"] == "forbidden"
        assert operation.permission in answer.json()["message"]

    def test_from_another_tenant(self, house: House, method: str, path: str, operation: Operation):
        """404, as for a thing that does not exist; a list is empty; a new thing is not seen."""
        call = CALLS[method, path](house)
        answer = send(house.client("elsewhere"), method, call)
        if "{" in path:
            assert answer.status_code == 404, answer.text
            assert answer.json()["error"] == "not_found"
            nothing = send(
                house.client("elsewhere"),
                method,
                Call(
                    path.format(task_id=UNKNOWN_ID, name="no-such", delivery_id="no-such"),
                    call.body,
                ),
            )
            assert nothing.status_code == 404
            assert nothing.json()["code"] == answer.json()["code"]
            assert send(house.server.client, method, call).status_code < 300, "it is still there"
        elif method == "GET":
            answer = send(house.client("empty"), method, call)
            [shown] = [value for value in answer.json().values() if isinstance(value, list)]
            assert shown == []
        else:
            assert answer.status_code == 201


def audited(server: LemnosServer, tenant: str = "default") -> tuple[list[Entry], Verdict]:
    """The sealed entries of a tenant once none is waiting, and what a check of the chain says."""

    async def read() -> tuple[list[Entry], Verdict]:
        db = open_database(f"sqlite:///{server.data}/lemnos.db", exclusive=False)
        await db.start()
        try:
            log = AuditLog(db)
            verdict = await log.verify(tenant)
            while verdict.unsealed:
                await asyncio.sleep(0.02)
                verdict = await log.verify(tenant)
            return await log.entries(tenant, limit=10_000), verdict
        finally:
            await db.stop()

    return asyncio.run(asyncio.wait_for(read(), 30))


@pytest.mark.parametrize(("method", "path", "operation"), MUTATING, ids=_ids(MUTATING))
class TestMutating:
    def test_it_is_audited(self, house: House, method: str, path: str, operation: Operation):
        call = CALLS[method, path](house)
        before, _ = audited(house.server)
        answer = send(house.client("default"), method, call)
        assert answer.status_code < 300, answer.text
        entries, verdict = audited(house.server)
        mine = [e for e in entries[len(before) :] if e.request_id == answer.headers["x-request-id"]]
        assert [(e.actor, e.outcome) for e in mine] == [("tester", "ok")], mine
        assert mine[0].target
        assert verdict.intact
        assert verdict.checked == len(entries)


def test_a_refused_mutation_is_audited_without_being_done(make_server: MakeServer):
    """On a server of its own: of the refusals of one address, ten a minute are written down."""
    server = make_server().start()
    token = server.token(permissions=["tasks:read"], subject="nosy")
    with server.client_with(token) as client:
        for method, path, _ in MUTATING[:5]:
            target = path.format(task_id=UNKNOWN_ID, name="x", delivery_id="x")
            assert send(client, method, Call(target)).status_code == 403
    httpx2.post(f"{server.url}/api/v1/keys", json={})
    entries, verdict = audited(server)
    refusals = [entry for entry in entries if entry.actor == "nosy"]
    assert {entry.outcome for entry in refusals} == {"forbidden"}
    assert len(refusals) == 5
    # Whose tenant a caller without a credential meant is not known.
    assert [entry.outcome for entry in audited(server, "")[0]] == ["unauthenticated"]
    assert verdict.intact


POSTS = [found for found in MUTATING if found[0] == "POST"]


@pytest.mark.parametrize(("method", "path", "operation"), POSTS, ids=_ids(POSTS))
def test_a_post_that_is_sent_again_is_done_once(
    house: House, method: str, path: str, operation: Operation
):
    call = CALLS[method, path](house)
    client, key = house.client("default"), {"Idempotency-Key": f"once-{next(_serial)}"}
    first = send(client, method, call, **key)
    assert first.status_code < 300, first.text
    assert "idempotency-replayed" not in first.headers
    before, _ = audited(house.server)

    again = send(client, method, call, **key)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]
    after, _ = audited(house.server)
    assert len(after) == len(before), "nothing was done a second time"

    other = send(client, method, Call(call.path, call.other), **key)
    assert other.status_code == 422, other.text
    assert other.json()["code"] == "idempotency_key_reused"


def test_an_idempotency_key_is_its_callers_own(house: House):
    """Two tenants, or two users of one, may use the same key for things of their own."""
    call = CALLS["POST", "/api/v1/keys"](house)
    key = {"Idempotency-Key": "the-same"}
    assert send(house.client("default"), "POST", call, **key).status_code == 201
    assert send(house.client("third"), "POST", call, **key).status_code == 201
    with house.server.client_with(house.server.token(subject="somebody else")) as client:
        assert send(client, "POST", call, **key).status_code == 409


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_an_idempotency_key_that_is_none(house: House, key: str):
    call = CALLS["POST", "/api/v1/keys"](house)
    answer = send(house.client("default"), "POST", call, **{"Idempotency-Key": key})
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["fields"]


def test_what_failed_may_be_tried_again_with_its_key(house: House):
    client, key = house.client("default"), {"Idempotency-Key": "second-chance"}
    body = {"prompt": "x", "repo_url": "/not/allowed"}
    assert client.post("/api/v1/tasks", json=body, headers=key).status_code == 400
    body["repo_url"] = str(house.repository)
    assert client.post("/api/v1/tasks", json=body, headers=key).status_code == 201
