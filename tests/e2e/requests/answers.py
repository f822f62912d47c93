"""What is sent by hand, and what a refusal looks like."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tests.support.server import LemnosServer

REPOSITORY = "https://github.com/user/repo.git"


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


def connected(server: LemnosServer) -> socket.socket:
    parts = urlsplit(server.url)
    return socket.create_connection((str(parts.hostname), int(parts.port or 80)), timeout=30)


def head(server: LemnosServer, path: str) -> str:
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\n"
        "Content-Type: application/json\r\n"
    )
