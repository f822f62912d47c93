"""Paths, queries and headers with anything in them."""

from __future__ import annotations

import contextlib
import json

import httpx2
import pytest

from tests.e2e.requests.answers import REPOSITORY, connected, post, refused
from tests.support.server import LemnosServer

pytestmark = pytest.mark.e2e


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
    with connected(plain) as connection, contextlib.suppress(ConnectionError):
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
