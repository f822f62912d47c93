"""Requests to a server: tried again where that is harmless, and failures as what they mean.

Every POST carries an ``Idempotency-Key``, so one whose answer was lost is sent again without
harm. Streams resume with ``Last-Event-ID`` where they broke off.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx2

from lemnos.cli.discovery import Server
from lemnos.cli.errors import CommandError, Refused, Unreachable, WrongUsage
from lemnos.cli.shapes import StreamEvent

Json = dict[str, Any]

_TIMEOUT = httpx2.Timeout(30.0, connect=5.0)
_SILENCE = (
    45.0  # seconds without even a keep-alive (one comes every 15) after which a stream is dead
)
_ATTEMPTS = 3
_PATIENCE = 30.0  # seconds for which a stream tries to get its server back
_PAUSE = 0.3  # seconds before a stream is asked for again
_NO_LIMIT = None  # an agent's line may be of any length
_KINDS: Mapping[int, type[CommandError]] = {400: WrongUsage, 401: Refused, 403: Refused}


class Http:
    """Talks to one server, in the words of any of its documents."""

    def __init__(self, server: Server, transport: httpx2.BaseTransport | None = None) -> None:
        self.server = server
        headers = {"Authorization": f"Bearer {server.key}"} if server.key else {}
        self._client = httpx2.Client(
            base_url=server.url, headers=headers, timeout=_TIMEOUT, transport=transport
        )

    def close(self) -> None:
        """Close kept connections."""
        self._client.close()

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Json:
        """The content of what is there. Raises ``CommandError`` as all of these do."""
        return checked(self._send("GET", path, params=params))

    def put(self, path: str, body: Mapping[str, Any]) -> Json:
        """Change what is there."""
        return checked(self._send("PUT", path, json=body))

    def delete(self, path: str, params: Mapping[str, str] | None = None) -> Json:
        """Remove what is there; empty when the answer is."""
        return checked(self._send("DELETE", path, params=params))

    def post(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Json:
        """Make something."""
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        options: Json = {"timeout": timeout} if timeout else {}
        sent = self._send("POST", path, json=body, params=params, headers=headers, **options)
        return checked(sent)

    def said(self, path: str) -> Json:
        """The content of an answer of any status."""
        return _content(self._send("GET", path))

    def glance(self, path: str) -> Json | None:
        """The same, asked once and briefly; None when no server of ours answers."""
        try:
            return _content(self._client.get(path, timeout=5.0))
        except (httpx2.HTTPError, CommandError):
            return None

    def events(self, path: str, after: str = "") -> Iterator[StreamEvent]:
        """The events of a task from a cursor on, up to and with ``done``.

        A stream that breaks is taken up where it was; raises ``Unreachable`` when the server stays
        away for half a minute.
        """
        last, lost_at = after, 0.0
        while True:
            try:
                for event in self._connection(path, last):
                    lost_at = 0.0
                    last = event["id"] or last
                    if event["name"] == "timeout":
                        break
                    yield event
                    if event["name"] == "done":
                        return
                time.sleep(_PAUSE)  # a server that is stopping ends its streams
            except httpx2.TransportError as error:
                lost_at = lost_at or time.monotonic()
                if time.monotonic() - lost_at > _PATIENCE:
                    raise self._unreachable(error) from error
                time.sleep(_PAUSE)

    def _connection(self, path: str, last: str) -> Iterator[StreamEvent]:
        headers = {"Last-Event-ID": last} if last else {}
        timeout = httpx2.Timeout(_SILENCE, connect=5.0)
        with self._client.sse(
            path, headers=headers, timeout=timeout, max_event_size=_NO_LIMIT
        ) as source:
            if source.response.status_code != 200:
                source.response.read()
                checked(source.response)
            for frame in source:
                yield _event(frame)

    def _send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._client.request(method, path, **options)
            except httpx2.TransportError as error:
                refused = isinstance(error, httpx2.ConnectError | httpx2.UnsupportedProtocol)
                if refused or attempt == _ATTEMPTS:
                    raise self._unreachable(error) from error
                time.sleep(0.2 * attempt)
        raise AssertionError("the loop returns or raises")

    def _unreachable(self, error: Exception) -> Unreachable:
        said = str(error) or type(error).__name__
        return Unreachable(
            f"No Lemnos server answers at {self.server.url} ({said}).",
            hint="Start one with `lemnos serve`, or name one with --url or LEMNOS_URL.",
        )


def segment(name: str) -> str:
    """A name as one segment of a path."""
    if name in ("", ".", ".."):
        raise WrongUsage(f"{name!r} is not a name.")
    return quote(name, safe="")


def given(**params: object) -> dict[str, str]:
    """Query parameters, without those that were left out."""
    return {name: str(value) for name, value in params.items() if value not in (None, "", False)}


def checked(response: httpx2.Response) -> Json:
    """The content of an answer. Raises what a failure means for the command."""
    if response.status_code == 204:
        return {}
    content = _content(response)
    if response.is_success:
        return content
    raise _failure(response, content)


def _failure(response: httpx2.Response, content: Json) -> CommandError:
    """What a refusal means, in the words of whichever document it came from."""
    told = content.get("error")
    said = _from_envelope(content) if isinstance(told, dict) else content
    return _KINDS.get(response.status_code, CommandError)(
        str(
            said.get("message")
            or said.get("detail")
            or f"The server answered {response.status_code}."
        ),
        code=str(said.get("code") or said.get("error") or response.status_code),
        hint=_hint(response),
        fields=said.get("fields"),
        request_id=str(said.get("request_id") or response.headers.get("x-request-id") or ""),
        retry_after=_seconds(response.headers.get("retry-after", "")),
    )


def _from_envelope(content: Json) -> Json:
    """ORCHEX's ``{"error": {code, message, details}, "meta": {request_id}}``, laid flat."""
    error, meta = content["error"], content.get("meta") or {}
    details = error.get("details") or {}
    message, fields = error.get("message") or "", details.get("fields") or {}
    if details.get("issue") and not fields:
        message = f"{message}: {details['issue']}"
    return {
        "message": message,
        "code": details.get("reason") or error.get("code"),
        "fields": fields,
        "request_id": meta.get("request_id"),
    }


def _content(response: httpx2.Response) -> Json:
    try:
        content = response.json()
    except ValueError:
        content = None
    if isinstance(content, dict):
        return content
    raise Unreachable(
        f"What answers at {response.url} does not look like a Lemnos server "
        f"(status {response.status_code}, no JSON object).",
        code="not_lemnos",
    )


def _event(frame: httpx2.ServerSentEvent) -> StreamEvent:
    content: Json = json.loads(frame.data)
    inner = frame.event == "message"
    return StreamEvent(
        id=frame.id,
        name=frame.event,
        type=content.get("type", ""),
        event=content.get("event", ""),
        ts=content.get("ts", ""),
        data=content["data"] if inner and isinstance(content["data"], dict) else content,
        detail=content.get("detail") or {},
    )


def _hint(response: httpx2.Response) -> str:
    if response.status_code == 401:
        return (
            "Give a key with --api-key or LEMNOS_API_KEY. `lemnos config get api.key` shows that "
            "of a server on this machine; --data names its folder."
        )
    if wait := response.headers.get("retry-after"):
        return f"Try again in {wait} s."
    return ""


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() else None
