"""Hostile requests: whatever is sent, no answer is a 500, and the server lives.

Each test runs against a real server on SQLite and on PostgreSQL, which refuse different things.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.support.git_http import GitFault, GitServer
from tests.support.server import LemnosServer, prepare_database
from tests.support.server_fixtures import MakeServer
from tests.support.sink import WebhookSink, redirect

pytestmark = pytest.mark.e2e

REPOSITORY = "https://github.com/user/repo.git"
LOOPBACKS = [
    "http://127.0.0.1:9/x.git",
    "http://localhost:9/x.git",
    "http://LOCALHOST.:9/x.git",
    "http://127.1:9/x.git",
    "http://2130706433:9/x.git",
    "http://0x7f000001:9/x.git",
    "http://0x7f.0.0.1:9/x.git",
    "http://0177.0.0.1:9/x.git",
    "http://017700000001:9/x.git",
    "http://[::1]:9/x.git",
    "http://[::ffff:127.0.0.1]:9/x.git",
    "http://[::ffff:7f00:1]:9/x.git",
    "http://[64:ff9b::7f00:1]:9/x.git",
    "http://[fe80::1%25eth0]:9/x.git",
    "http://0.0.0.0:9/x.git",
    "http://0:9/x.git",
    "http://10.0.0.1/x.git",
    "http://172.16.0.1/x.git",
    "http://192.168.1.1/x.git",
    "http://169.254.169.254/latest/meta-data",
    "http://100.64.0.1/x.git",
    "http://[fd00:ec2::254]/x.git",
    "http://①②⑦.⓪.⓪.①:9/x.git",
    "http://127。0。0。1:9/x.git",
]
NOT_ADDRESSES = [
    "ftp://example.org/x.git",
    "gopher://example.org/",
    "ssh://git@example.org/x.git",
    "git@example.org:x.git",
    "ext::sh -c id",
    "file:///etc",
    "file://127.0.0.1/etc",
    "/etc",
    "../../etc",
    "--upload-pack=touch /tmp/x",
    "http://user:secret@example.org/x.git",
    "http://example.org\\@127.0.0.1/x.git",
    "http://exa mple.org/x.git",
    "http://example.org/\r\nHost: evil",
    "http://example.org:99999/x.git",
    "http://",
    "https:///x.git",
    "javascript:alert(1)",
    "\x00",
    "http://example.org/\x00",
]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def plain(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LemnosServer]:
    """A server as anyone would start it: no private host may be named."""
    dsn = ""
    if request.param == "postgresql":
        dsn = request.getfixturevalue("postgres").create_database(prepare_database)
    with LemnosServer(tmp_path_factory.mktemp("hostile"), database_url=dsn) as running:
        yield running


@pytest.fixture(autouse=True)
def _survives(plain: LemnosServer) -> Iterator[None]:
    """After each test the server is the same process, ready, and has logged no failure."""
    before = len(plain.log)
    yield
    assert plain.process.poll() is None
    assert plain.client.get("/ready").status_code == 200
    assert '"event":"request failed"' not in plain.log[before:]


def refused(answer: httpx2.Response, *statuses: int) -> dict[str, Any]:
    """An answer in CodeForge's error shape, with one of these statuses."""
    assert answer.status_code in statuses, f"{answer.status_code} {answer.text[:500]}"
    body: dict[str, Any] = answer.json()
    assert isinstance(body["error"], str)
    assert body["error"]
    assert isinstance(body["message"], str)
    assert body["message"]
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


def post(server: LemnosServer, path: str, content: bytes, **headers: str) -> httpx2.Response:
    given = {"Content-Type": "application/json", **headers}
    return server.client.post(path, content=content, headers=given)


# --- addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize("url", LOOPBACKS + NOT_ADDRESSES)
def test_a_repository_in_a_private_network_is_refused_at_once(plain: LemnosServer, url: str):
    answer = plain.client.post("/api/v1/tasks", json={"repo_url": url, "prompt": "x"})
    if answer.status_code == 201:  # a name: it is refused where it is looked up
        task = plain.wait(answer.json()["id"], "failed")
        assert task["error_class"] == "address_refused", task
        return
    assert "repo_url" in refused(answer, 400)["fields"]


@pytest.mark.parametrize("url", [url for url in LOOPBACKS if "localhost" not in url.lower()])
def test_a_callback_into_a_private_network_is_refused_at_once(plain: LemnosServer, url: str):
    body = {"repo_url": REPOSITORY, "prompt": "x", "callback_url": url}
    answer = plain.client.post("/api/v1/tasks", json=body)
    assert "callback_url" in refused(answer, 400)["fields"]


def test_a_name_that_leads_into_the_private_network_is_refused_when_it_is_looked_up(
    plain: LemnosServer, git_server: GitServer
):
    git_server.create("acme/shop", {"a.py": "x = 1\n"})
    named = git_server.repository_url("acme/shop").replace("127.0.0.1", "localhost")
    created = plain.create(repo_url=named, prompt="x", access_token="stand-in-token-4f9c")
    task = plain.wait(created["id"], "failed")
    assert task["error_class"] == "address_refused"
    assert git_server.git.requests == []


def test_redirects_into_the_private_network_are_not_followed(
    make_server: MakeServer, git_server: GitServer, webhook_sink: WebhookSink
):
    """The first host is allowed, by host and port; where it sends us to is not."""
    git_server.create("acme/shop", {"a.py": "x = 1\n"})
    allowed = urlsplit(git_server.url).netloc
    git_server.git.break_down(GitFault(redirect=webhook_sink.url))
    server = make_server(allowed_hosts=[allowed]).start()
    created = server.create(
        repo_url=git_server.repository_url("acme/shop"),
        prompt="x",
        access_token="stand-in-token-4f9c",
    )
    task = server.wait(created["id"], "failed")
    assert task["error_class"] == "address_refused", task
    assert git_server.git.requests, "the first request went out"
    assert webhook_sink.requests == []


def test_a_callback_that_redirects_is_not_followed(
    make_server: MakeServer, webhook_sink: WebhookSink
):
    with WebhookSink(redirect(webhook_sink.url)) as redirecting:
        server = make_server(allowed_hosts=[urlsplit(redirecting.url).netloc]).start()
        created = server.create(
            repo_url=str(server.data / "nothing-is-here"),
            prompt="x",
            callback_url=f"{redirecting.url}/hook",
        )
        server.wait(created["id"], "failed")
        redirecting.wait_for(1)
        listed = f"/api/v1/tasks/{created['id']}/callbacks"

        def noted() -> bool:
            callbacks = server.client.get(listed).json()["callbacks"]
            return bool(callbacks and callbacks[0]["attempts"])

        server.until(noted)
        [callback] = server.client.get(listed).json()["callbacks"]
    assert callback["state"] == "pending"
    assert callback["attempts"][0]["problem"] == "redirects are not followed"
    assert webhook_sink.requests == []


# --- bodies ----------------------------------------------------------------------------------

HUGE = 100 * 1024 * 1024


def _chunks() -> Iterator[bytes]:
    piece = b" " * 65536
    for _ in range(HUGE // len(piece)):
        yield piece


@pytest.mark.parametrize("path", ["/api/v1/tasks", "/api/v1/keys", "/api/v1/mcp/servers"])
def test_a_body_of_100_mb_is_refused_before_it_is_read(plain: LemnosServer, path: str):
    """With its length in a header: the answer comes before the body does."""
    with _connected(plain) as connection:
        head = _head(plain, path) + f"Content-Length: {HUGE}\r\n\r\n"
        connection.sendall(head.encode())
        assert b" 413 " in connection.recv(4096).partition(b"\r\n")[0]


def test_a_body_of_100_mb_that_hides_its_length_is_cut_off(plain: LemnosServer):
    try:
        answer = plain.client.post(
            "/api/v1/tasks", content=_chunks(), headers={"Content-Type": "application/json"}
        )
    except httpx2.TransportError:
        return  # the server hung up while we were sending, which is as good
    refused(answer, 413)


def test_a_chunked_body_over_the_limit_is_told_so(plain: LemnosServer):
    """One that stops where the limit is, so that nobody hangs up before the answer."""
    with _connected(plain) as connection:
        connection.sendall(
            (_head(plain, "/api/v1/keys") + "Transfer-Encoding: chunked\r\n\r\n").encode()
        )
        piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
        for _ in range(4 * 16 + 1):
            connection.sendall(piece)
        assert b" 413 " in connection.recv(4096).partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"17",
        b"NaN",
        b'{"prompt": "x", "repo_url": "https://github.com/u/r.git",}',
        b"\xff\xfe\xfd",
        b'{"prompt": "\xff", "repo_url": "https://github.com/u/r.git"}',
        b'{"prompt": "\\ud800", "repo_url": "https://github.com/u/r.git"}',
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"config":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"prompt": ' + b"9" * 100_000 + b"}",
        (
            b'{"repo_url": "https://github.com/u/r.git", "prompt": "x", "config": '
            b'{"timeout_seconds": 1e400}}'
        ),
    ],
    ids=lambda content: repr(content[:30]),
)
@pytest.mark.parametrize(
    "path",
    ["/api/v1/tasks", "/api/v1/keys", "/api/v1/mcp/servers", "/api/v1/tasks/unknown/instruct"],
)
def test_what_is_no_json_object_is_refused(plain: LemnosServer, path: str, content: bytes):
    body = refused(post(plain, path, content), 400)
    assert body["error"] == "validation_error"
    assert body["fields"]


def test_of_two_fields_with_one_name_the_last_counts_or_none(plain: LemnosServer):
    content = b'{"repo_url": "%s", "prompt": "first", "prompt": "second"}' % REPOSITORY.encode()
    answer = post(plain, "/api/v1/tasks", content)
    if answer.status_code == 201:
        assert plain.task(answer.json()["id"])["prompt"] == "second"
    else:
        refused(answer, 400)


VALID: dict[str, dict[str, Any]] = {
    "/api/v1/tasks": {
        "repo_url": REPOSITORY,
        "prompt": "x",
        "provider_key": "",
        "access_token": "ghp_xxx",
        "callback_url": "https://your-app.com/webhook",
        "config": {
            "timeout_seconds": 600,
            "cli": "builtin",
            "ai_model": "m",
            "ai_api_key": "k",
            "max_turns": 20,
            "target_branch": "develop",
            "max_budget_usd": 1.5,
            "mcp_servers": [{"name": "a", "package": "b", "args": ["c"], "env": {"D": "e"}}],
        },
    },
    "/api/v1/keys": {"name": "n", "provider": "github", "token": "t", "scope": "s"},
    "/api/v1/mcp/servers": {
        "name": "n",
        "package": "p",
        "command": "",
        "url": "",
        "args": ["a"],
        "env": {"A": "b"},
        "headers": {},
    },
    "/api/v1/tasks/unknown/instruct": {"prompt": "x", "timeout_seconds": 5, "max_turns": 3},
    "/api/v1/tasks/unknown/create-pr": {"title": "t", "description": "d", "target_branch": "b"},
}
WRONG: list[Any] = [17, -1, 1.5, True, [], {}, ["x"], {"x": "y"}, "text", "", None, "\x00"]


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if place:
        yield place
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from _places(inner, (*place, key))


def _with(body: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(body))
    holder: Any = copy
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    return copy


@pytest.mark.parametrize("path", VALID)
def test_wrong_types_in_every_place_are_refused_or_harmless(plain: LemnosServer, path: str):
    for place in _places(VALID[path]):
        for number, value in enumerate(WRONG):
            body = _with(VALID[path], place, value)
            if "name" in body:
                body["name"] = body["name"] if place == ("name",) else f"n-{number}-{hash(place)}"
            answer = plain.client.post(path, json=body)
            where = f"{place} = {value!r}: {answer.status_code} {answer.text[:300]}"
            assert answer.status_code < 500, where
            if answer.status_code == 400:
                assert refused(answer, 400)["fields"], where


@pytest.mark.parametrize("path", VALID)
def test_an_unknown_field_is_named(plain: LemnosServer, path: str):
    answer = plain.client.post(path, json={**VALID[path], "propmt": "x"})
    assert refused(answer, 400)["fields"] == {"propmt": "is not a known field"}


@pytest.mark.parametrize(
    "value", ["a\x00b", "\x00", "\u0001\u001b[31m", "\ufeff", "\U0001d518", "\u202e"]
)
def test_odd_characters_in_every_text_are_kept_or_refused(plain: LemnosServer, value: str):
    for path, valid in VALID.items():
        for place in _places(valid):
            body = _with(valid, place, value)
            answer = plain.client.post(path, json=body)
            assert answer.status_code < 500, f"{path} {place} {answer.text[:300]}"
    created = plain.client.post(
        "/api/v1/tasks", json={"repo_url": REPOSITORY, "prompt": f"do {value} now"}
    )
    if created.status_code == 201:
        assert plain.task(created.json()["id"])["prompt"] == f"do {value} now"
    else:
        assert "prompt" in refused(created, 400)["fields"]


def test_a_form_is_not_taken_for_json(plain: LemnosServer):
    for path, valid in VALID.items():
        answer = plain.client.post(path, data={"name": "n", "prompt": "x"})
        refused(answer, 400, 415), valid


@pytest.mark.parametrize("number", [102_400, 102_401])
def test_the_longest_prompt(plain: LemnosServer, number: int):
    """Characters are counted, not bytes."""
    body = {"repo_url": REPOSITORY, "prompt": "é" * number}
    answer = plain.client.post("/api/v1/tasks", json=body)
    if number == 102_400:
        assert answer.status_code == 201, answer.text
    else:
        assert "prompt" in refused(answer, 400)["fields"]


# --- paths, queries, headers -------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "a%00b",
        "%ff",
        "%f0%9f%92%a9",
        "x" * 60_000,
        "'%20OR%201=1--",
        "%0d%0aX-Evil:%201",
        "{id}",
        "*",
    ],
    ids=lambda name: name[:20],
)
def test_ids_and_names_that_no_thing_has(plain: LemnosServer, name: str):
    gets = ["tasks/{}", "tasks/{}/stream", "tasks/{}/diff", "tasks/{}/callbacks"]
    posts = ["tasks/{}/cancel", "tasks/{}/create-pr", "callbacks/{}/redeliver", "keys/{}/verify"]
    deletes = ["keys/{}", "mcp/servers/{}", "workspaces/{}"]
    calls = [("GET", path) for path in gets] + [("POST", path) for path in posts]
    for method, path in calls + [("DELETE", path) for path in deletes]:
        answer = _raw(plain, method, f"/api/v1/{path.format(name)}")
        assert 400 <= answer.status_code < 500, f"{method} {path}: {answer.text[:300]}"
        if answer.headers.get("content-type") == "application/json":  # else httptools' own
            refused(answer, 400, 404, 405)
            assert "x-evil" not in answer.headers


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1",
        "limit=0",
        "limit=101",
        "limit=99999999999999999999999",
        "limit=1e3",
        "limit=",
        "limit=%00",
        "limit=%D9%A3",
        "offset=-5",
        "offset=9223372036854775808",
        "offset=999999999999999999999999999999",
        "status=unknown",
        "status=%00",
        "cursor=x",
        "cursor=%00",
        "cursor=99999999999999999999999999.x",
        "cursor=%C2%B2.x",
        "cursor=-1.x",
        "cursor=1.%00",
        "cursor=" + "9" * 400,
        "cursor=" + "x" * 3000,
    ],
    ids=lambda query: query[:30],
)
def test_queries_out_of_bounds(plain: LemnosServer, query: str):
    refused(_raw(plain, "GET", f"/api/v1/tasks?{query}"), 400)


def test_a_far_offset_is_an_empty_page(plain: LemnosServer):
    page = plain.client.get("/api/v1/tasks", params={"offset": 1_000_000_000}).json()
    assert page["tasks"] == []
    assert page["next"] is None


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "9" * 30, "٣", "1, 2"])
def test_an_event_id_that_is_none(plain: LemnosServer, value: str):
    created = plain.create(repo_url=REPOSITORY, prompt="x")
    path = f"/api/v1/tasks/{created['id']}/stream"
    answer = plain.client.get(path, headers={b"Last-Event-ID": value.encode()})
    refused(answer, 400)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Request-ID": "x" * 10_000},
        {"X-Request-ID": 'a"b{}<script>'},
        {"traceparent": "00-" + "z" * 32 + "-" + "0" * 16 + "-01"},
        {"traceparent": "00-" + "+" + "1" * 31 + "-" + "0" * 16 + "-01"},
        {"traceparent": "00-0x" + "1" * 30 + "-" + "0" * 16 + "-01"},
        {"traceparent": "00-" + "1_" * 16 + "-" + "0" * 16 + "-01"},
        {"traceparent": "-".join("x" * 500)},
        {"Content-Length": "0", "Accept": "text/" + "x" * 5000},
    ],
    ids=str,
)
def test_headers_with_anything_in_them(plain: LemnosServer, headers: dict[str, str]):
    body = {"repo_url": REPOSITORY, "prompt": "x"}
    content = b"" if "Content-Length" in headers else json.dumps(body).encode()
    answer = post(plain, "/api/v1/tasks", content, **headers)
    assert answer.status_code in (201, 400)
    assert len(answer.headers["x-request-id"]) <= 64
    if answer.status_code == 201:
        trace = plain.task(answer.json()["id"])["trace_id"]
        assert len(trace) == 32
        assert set(trace) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "credential",
    ["x", "lk_", "lk_" + "x" * 43, "lk_" + "x" * 60_000, "a.b.c", "..", "é" * 50, "eyJ.eyJ." * 3],
    ids=lambda text: text[:12],
)
def test_credentials_that_are_none(plain: LemnosServer, credential: str):
    for value in (f"Bearer {credential}", credential, f"Basic {credential}"):
        headers = {b"Authorization": value.encode()}
        answer = httpx2.get(f"{plain.url}/api/v1/tasks", headers=headers)
        if answer.headers.get("content-type") == "application/json":
            assert refused(answer, 401)["error"] == "unauthorized"
            assert answer.headers["www-authenticate"].startswith("Bearer")
        else:
            assert answer.status_code in (400, 431)  # httptools' own limit on headers


def test_huge_headers_are_refused(plain: LemnosServer):
    """An endless head would be kept in memory, and comes before any credential is looked at."""
    with _connected(plain) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 200_000)
        connection.sendall(b"\r\n\r\n")
        assert b" 400 " in connection.recv(4096).partition(b"\r\n")[0]


def test_headers_of_a_usual_size_are_taken_one_request_after_the_other(plain: LemnosServer):
    for _ in range(5):  # on one connection: each head is counted anew
        answer = plain.client.get("/health", headers={"X-Long": "x" * 30_000})
        assert answer.status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "PROPFIND"])
def test_methods_that_a_path_does_not_take(plain: LemnosServer, method: str):
    answer = plain.client.request(method, "/api/v1/tasks")
    assert refused(answer, 405)["code"] == "method_not_allowed"
    assert "GET" in answer.headers["allow"]


def test_paths_that_lead_nowhere(plain: LemnosServer):
    for path in ("/api/v1/nothing", "/nothing", "/api/v1/tasks/", "//", "/api/docs/../../etc"):
        answer = _raw(plain, "GET", path)
        assert refused(answer, 404)["error"] == "not_found"


def _raw(server: LemnosServer, method: str, target: str) -> httpx2.Response:
    """A request whose path goes over the wire as it stands."""
    request = server.client.build_request(method, "/")
    request.url = request.url.copy_with(raw_path=target.encode())
    return server.client.send(request)


def _connected(server: LemnosServer) -> socket.socket:
    parts = urlsplit(server.url)
    return socket.create_connection((str(parts.hostname), int(parts.port or 80)), timeout=30)


def _head(server: LemnosServer, path: str) -> str:
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\n"
        "Content-Type: application/json\r\n"
    )
