"""The one ASGI middleware: request id, authentication, limits, errors, metrics and log line.

Everything that a request meets before its handler is here, in order, in one place; and every
failure of a handler comes back here and is told in the dialect of its path.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lemnos.api.kit.answers import JSON, encode
from lemnos.api.kit.dialect import STATUS, Dialects
from lemnos.api.kit.errors import MethodNotAllowed, as_lemnos_error
from lemnos.api.kit.operation import CONTEXT, CREDENTIAL, ROUTE
from lemnos.api.kit.readiness import Phase, Readiness
from lemnos.kernel import clock, ids
from lemnos.kernel.context import Context, Principal
from lemnos.kernel.errors import (
    Forbidden,
    LemnosError,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from lemnos.platform.audit import AuditLog
from lemnos.platform.identity import Identity
from lemnos.platform.ratelimit import Decision, Limiter, LongLimits
from lemnos.platform.telemetry.log import Log, RequestLine
from lemnos.platform.telemetry.metrics import Metrics
from lemnos.platform.telemetry.tracing import Tracer, trace_id_of

_GOOD_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_MUTATING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_NOBODY = Principal("", "anonymous", tier="anonymous")


@dataclass(frozen=True, slots=True)
class Guards:
    """What the gate asks. ``open_paths`` need no credential and have no limit."""

    identity: Identity
    limiter: Limiter | None
    audit: AuditLog
    dialects: Dialects
    metrics: Metrics
    log: Log
    tracer: Tracer | None
    readiness: Readiness
    open_paths: tuple[str, ...]
    body_limit: int
    log_requests: bool = True


class _Exchange:
    """One request and the answer to it, as far as the gate cares."""

    __slots__ = (
        *("begun", "limit", "limits", "method", "path"),
        *("remote", "request_id", "started", "status"),
    )

    def __init__(self, scope: Scope, request_id: str) -> None:
        self.begun = time.perf_counter()
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        client = scope.get("client")
        self.remote: str = client[0] if client else ""
        self.request_id = request_id
        self.limit: Decision | None = None
        self.limits: LongLimits | None = None  # of the path, where they are not the usual ones
        self.started = False
        self.status = 0

    def headers(self) -> list[tuple[bytes, bytes]]:
        """What every answer carries."""
        found = [(b"x-request-id", self.request_id.encode())]
        if (limit := self.limit) is not None:
            found += (
                (b"x-ratelimit-limit", b"%d" % limit.limit),
                (b"x-ratelimit-remaining", b"%d" % limit.remaining),
                (b"x-ratelimit-reset", b"%d" % limit.reset_at),
            )
            if self.limits is not None:
                found.append((b"x-ratelimit-retry-after", b"%d" % ceil(limit.retry_after)))
        return found


class Gate:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, guards: Guards) -> None:
        self._app = app
        self._g = guards

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = _wanted(scope["headers"])
        request_id = wanted.request_id or ids.new_request_id()
        exchange = _Exchange(scope, request_id)
        if self._g.limiter is not None:
            exchange.limits = limits = self._g.dialects.limits_of(exchange.path)
            exchange.limit = None if limits is None else limits.untouched()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.started = True
                exchange.status = status = message["status"]
                self._g.metrics.window.note(status, time.perf_counter() - exchange.begun)
                message["headers"] = [*message.get("headers", ()), *exchange.headers()]
            await send(message)

        try:
            await self._admit(scope, exchange, wanted)
            taken = _Limited(receive, self._g.body_limit) if exchange.method in _MUTATING else None
            if self._g.tracer is None:
                await self._app(scope, taken or receive, sending)
            else:
                trace_id = wanted.trace_id or ids.new_trace_id()
                scope[CONTEXT] = replace(scope[CONTEXT], trace_id=trace_id)
                with self._g.tracer.span(exchange.path, trace_id):
                    await self._app(scope, taken or receive, sending)
        except Exception as error:
            await self._tell(scope, exchange, error, sending)
        finally:
            self._note(scope, exchange)

    async def _admit(self, scope: Scope, exchange: _Exchange, wanted: _Wanted) -> None:
        """Authenticate and count the request; sets its context, or raises."""
        if _is_open(exchange.path, self._g.open_paths):
            scope[CONTEXT] = Context(_NOBODY, exchange.request_id, wanted.trace_id, exchange.remote)
            return
        if self._g.readiness.phase is Phase.STARTING:
            raise Unavailable("The server is starting.", code="starting", retry_after=1)
        if "\0" in exchange.path:
            raise NotFound("There is nothing at this path.", code="no_such_path")
        if wanted.length > self._g.body_limit:
            raise _too_large(self._g.body_limit)
        try:
            principal = self._g.identity.cached(wanted.credential)
            if principal is None:
                principal = await self._g.identity.authenticate(wanted.credential.decode("latin-1"))
        except Unauthenticated:
            self._count(exchange, f"ip:{exchange.remote}", "anonymous")
            raise
        scope[CONTEXT] = Context(principal, exchange.request_id, wanted.trace_id, exchange.remote)
        scope[CREDENTIAL] = wanted.credential
        key = principal.key_id or f"{principal.tenant}/{principal.subject}"
        self._count(exchange, key, principal.tier)

    def _count(self, exchange: _Exchange, key: str, tier: str) -> None:
        if self._g.limiter is None:
            return
        if exchange.limits is None:
            decision = self._g.limiter.check(key, tier)
        else:
            decision = exchange.limits.check(self._g.limiter, key, tier)
        exchange.limit = decision
        if not decision.allowed:
            self._g.metrics.limited.inc()
            raise decision.refusal()

    async def _tell(self, scope: Scope, exchange: _Exchange, error: Exception, send: Send) -> None:
        """Answer with the error in the dialect of the path."""
        known = as_lemnos_error(error, scope)
        if known is None:
            self._g.log.error(
                "request failed",
                request_id=exchange.request_id,
                path=exchange.path,
                error=repr(error),
                traceback=_traceback(error),
            )
            known = LemnosError(
                "Something went wrong inside Lemnos; its log has the request id.",
                code="internal_error",
            )
        if exchange.started:
            raise error  # too late for an answer: the server cuts the connection
        if isinstance(known, Unauthenticated | Forbidden) and exchange.method in _MUTATING:
            await self._refused(scope, exchange, known)
        dialect = self._g.dialects.of(exchange.path)
        status = 405 if isinstance(known, MethodNotAllowed) else STATUS[known.kind]
        body = encode(dialect.error(known, exchange.request_id))
        headers = [
            (b"content-type", JSON.encode()),
            (b"content-length", b"%d" % len(body)),
            *_extra(known),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _refused(self, scope: Scope, exchange: _Exchange, error: LemnosError) -> None:
        ctx = scope.get(CONTEXT) or Context(_NOBODY, exchange.request_id, "", exchange.remote)
        await self._g.audit.note_refusal(ctx, f"{exchange.method} {exchange.path}", error.code)

    def _note(self, scope: Scope, exchange: _Exchange) -> None:
        seconds = time.perf_counter() - exchange.begun
        route = scope.get(ROUTE) or "unmatched"
        self._g.metrics.request(exchange.method, route, exchange.status, seconds)
        if self._g.log_requests:
            principal = ctx.principal if (ctx := scope.get(CONTEXT)) else _NOBODY
            self._g.log.request(
                RequestLine(
                    clock.iso(clock.now()),
                    exchange.method,
                    exchange.path,
                    exchange.status,
                    round(seconds * 1000, 3),
                    exchange.request_id,
                    principal.tenant,
                    principal.subject,
                )
            )


class _Wanted(NamedTuple):
    """The few headers that the gate reads."""

    credential: bytes
    request_id: str
    trace_id: str
    length: int


def _wanted(headers: Sequence[tuple[bytes, bytes]]) -> _Wanted:
    credential, request_id, trace_id, length = b"", "", "", 0
    for name, value in headers:
        if name == b"authorization":
            scheme, _, rest = value.partition(b" ")
            credential = rest.strip() if scheme.lower() == b"bearer" else b""
        elif name == b"x-request-id" and _GOOD_ID.fullmatch(value):
            request_id = value.decode()
        elif name == b"traceparent":
            trace_id = trace_id_of(value.decode("latin-1"))
        elif name == b"content-length" and value.isdigit():
            length = int(value)
    return _Wanted(credential, request_id, trace_id, length)


class _Limited:
    """A receive channel that stops a body over the limit, whatever its headers said."""

    __slots__ = ("_limit", "_receive", "_taken")

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._taken = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        if self._taken > self._limit:
            raise _too_large(self._limit)
        return message


def _is_open(path: str, open_paths: tuple[str, ...]) -> bool:
    return path in open_paths or path.startswith("/api/docs/")


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is over {limit} bytes.", code="payload_too_large")


def _extra(error: LemnosError) -> list[tuple[bytes, bytes]]:
    found = []
    if error.retry_after is not None:
        found.append((b"retry-after", b"%d" % max(1, ceil(error.retry_after))))
    if isinstance(error, MethodNotAllowed):
        found.append((b"allow", error.methods.encode()))
    if isinstance(error, Unauthenticated):
        found.append((b"www-authenticate", b'Bearer realm="lemnos"'))
    return found


def _traceback(error: Exception) -> str:
    import traceback

    return "".join(traceback.format_exception(error))[-8_000:]
