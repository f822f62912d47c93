"""Every operation of every document: who may call it, what it leaves behind, and repeating it.

The list of operations is the application's own. One that is new and has no call here fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx2
import pytest
from fastapi.routing import APIRoute

from lemnos.api.app import DIALECTS, make_app
from lemnos.api.kit.operation import OPEN, Operation
from lemnos.api.kit.shared_paths import OPERATION_ID
from lemnos.platform.audit import AuditLog
from lemnos.platform.audit.model import Entry, Verdict
from lemnos.platform.db.connect import open_database
from lemnos.platform.identity.permissions import PERMISSIONS
from tests.contract.house import (
    ANSWERS,
    CALLS,
    ELSEWHERE,
    OF_ALL_TENANTS,
    Call,
    House,
    opened,
    serial,
)
from tests.support.server import LemnosServer
from tests.support.server_fixtures import MakeServer

pytestmark = pytest.mark.e2e

OPERATIONS: list[tuple[str, str, Operation]] = [
    (method, route.path, route)
    for route in make_app(None).state.operations
    for method in sorted(route.methods)
]
GUARDED = [found for found in OPERATIONS if found[2].permissions != (OPEN,)]
MUTATING = [found for found in GUARDED if found[0] != "GET"]
UNKNOWN_ID = "550e8400-e29b-41d4-a716-446655440000"


def _ids(found: list[tuple[str, str, Operation]]) -> list[str]:
    return [f"{method} {path}" for method, path, _ in found]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened(tmp_path_factory.mktemp("operations")) as made:
        yield made


class _Unknown(dict[str, str]):
    """Parameters of paths, each of which names nothing that there is."""

    def __missing__(self, name: str) -> str:
        return UNKNOWN_ID if name == "task_id" else "no-such"


def nowhere(path: str) -> str:
    """The path with parameters that name nothing."""
    return path.replace(OPERATION_ID, "task-none").format_map(_Unknown())


def code(answer: httpx2.Response) -> str:
    """What kind of failure an answer tells, in the words of its document."""
    body = answer.json()
    error = body["code"] if "detail" in body else body["error"]
    return str(error["code"] if isinstance(error, dict) else error)


def reason(answer: httpx2.Response) -> str:
    """What narrows the kind."""
    body = answer.json()
    return str(body["error"]["details"]["reason"] if "success" in body else body["code"])


def words(path: str) -> dict[int, str]:
    """The words of a path's document."""
    return ANSWERS[DIALECTS.of(nowhere(path)).name]


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
    declared |= {(route.path_format, *sorted(route.methods)) for route in app.state.operations}
    described = {(path, method.upper()) for path, item in paths.items() for method in item}
    assert described <= declared
    assert not [route for route in app.routes if isinstance(route, APIRoute)]


def test_every_permission_that_is_asked_for_exists():
    assert {one for _, _, route in GUARDED for one in route.permissions} <= PERMISSIONS


@pytest.mark.parametrize(("method", "path", "operation"), GUARDED, ids=_ids(GUARDED))
class TestGuarded:
    """What holds for every operation but the few that are open."""

    def test_without_a_credential(self, house: House, method: str, path: str, operation: Operation):
        answer = httpx2.request(method, f"{house.server.url}{nowhere(path)}", json={"prompt": 1})
        assert answer.status_code == 401
        assert code(answer) == words(path)[401]
        assert answer.headers["www-authenticate"] == 'Bearer realm="lemnos"'

    def test_without_the_permission(
        self, house: House, method: str, path: str, operation: Operation
    ):
        """Every other permission does not help, and nothing is told or done."""
        call = CALLS[method, path](house)
        others = PERMISSIONS - set(operation.permissions)
        token = house.server.token(permissions=others)
        with house.server.client_with(token) as client:
            answer = send(client, method, call)
        assert answer.status_code == 403, answer.text
        assert code(answer) == words(path)[403]
        assert " or ".join(operation.permissions) in answer.text

    def test_from_another_tenant(self, house: House, method: str, path: str, operation: Operation):
        """404, as for a thing that does not exist; a list is empty; a new thing is not seen."""
        call = CALLS[method, path](house)
        answer = send(house.client("elsewhere"), method, call)
        if "{" in path:
            assert answer.status_code == 404, answer.text
            assert code(answer) == words(path)[404]
            nothing = send(house.client("elsewhere"), method, Call(nowhere(path), call.body))
            assert nothing.status_code == 404
            assert reason(nothing) == reason(answer)
            assert send(house.server.client, method, call).status_code < 300, "it is still there"
        elif method == "GET":
            answer = send(house.client("empty"), method, call)
            body = answer.json()
            shown = body.get("data", body)
            lists = [value for value in shown.values() if isinstance(value, list)]
            assert not any(lists) or path in OF_ALL_TENANTS
            assert lists or house.agent_id not in answer.text
        else:
            assert answer.status_code == ELSEWHERE.get(path, 201), answer.text


def audited(server: LemnosServer, tenant: str = "default") -> tuple[list[Entry], Verdict]:
    """The sealed entries of a tenant once none is waiting, and what a check of the chain says."""

    async def read() -> tuple[list[Entry], Verdict]:
        db = open_database(f"sqlite:///{server.data}/lemnos.db", exclusive=False)
        await db.start()
        try:
            log = AuditLog(db)
            while True:  # operations end while they are looked at
                verdict = await log.verify(tenant)
                entries = await log.entries(tenant, limit=10_000)
                if not verdict.unsealed and verdict.checked == len(entries):
                    return entries, verdict
                await asyncio.sleep(0.02)
        finally:
            await db.stop()

    return asyncio.run(asyncio.wait_for(read(), 30))


def asked(entries: list[Entry]) -> int:
    """How many entries are of requests: operations end by themselves."""
    return sum(entry.actor == "tester" for entry in entries)


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


def test_a_refused_mutation_is_audited_without_being_done(make_server: MakeServer):
    """On a server of its own: of the refusals of one address, ten a minute are written down."""
    server = make_server().start()
    token = server.token(permissions=["tasks:read"], subject="nosy")
    with server.client_with(token) as client:
        for method, path, _ in MUTATING[:5]:
            assert send(client, method, Call(nowhere(path))).status_code == 403
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
    client, key = house.client("default"), {"Idempotency-Key": f"once-{next(serial)}"}
    first = send(client, method, call, **key)
    assert first.status_code < 300, first.text
    assert "idempotency-replayed" not in first.headers
    before, _ = audited(house.server)

    again = send(client, method, call, **key)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]
    after, _ = audited(house.server)
    assert asked(after) == asked(before), "nothing was done a second time"

    other = send(client, method, Call(call.path, call.other), **key)
    assert other.status_code == 422, other.text
    assert reason(other) == "idempotency_key_reused"


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
