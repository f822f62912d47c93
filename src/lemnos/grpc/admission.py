"""What every call meets before its handler: request id, authentication, limits, permission.

And after it: the error in gRPC's words, the metrics, the log line. The counterpart of the HTTP
gate, by the same rules.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import unquote

import grpc
from grpc import StatusCode
from grpc.aio import ServerInterceptor, ServicerContext

from lemnos.grpc.access import METHODS, OPEN_SERVICES
from lemnos.grpc.errors import CODES, Metadata, message_of, trailer
from lemnos.grpc.messages import refuse_nul
from lemnos.kernel import ids
from lemnos.kernel.context import Context, Principal
from lemnos.kernel.errors import (
    Forbidden,
    LemnosError,
    Unauthenticated,
    Unavailable,
)
from lemnos.platform.audit import AuditLog
from lemnos.platform.identity import Identity
from lemnos.platform.ratelimit import Decision, Limiter
from lemnos.platform.telemetry.log import Log
from lemnos.platform.telemetry.metrics import Metrics
from lemnos.platform.telemetry.tracing import Tracer, trace_id_of

_GOOD_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NOBODY = Principal("", "anonymous", tier="anonymous")
_CALLER: ContextVar[Context] = ContextVar("caller")

Rpc = ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


@dataclass(frozen=True, slots=True)
class Guards:
    """What admission asks."""

    identity: Identity
    limiter: Limiter | None
    audit: AuditLog
    metrics: Metrics
    log: Log
    tracer: Tracer
    log_requests: bool = True


def caller() -> Context:
    """Who is asking: to be called by the handler of an admitted call."""
    return _CALLER.get()


@dataclass(slots=True)
class _Call:
    """One call and its answer, as far as admission cares."""

    method: str
    metadata: dict[str, str]
    remote: str
    request_id: str
    begun: float = field(default_factory=time.perf_counter)
    code: StatusCode = StatusCode.OK
    limit: Decision | None = None

    @property
    def credential(self) -> str:
        """What follows ``Bearer`` in the metadata."""
        scheme, _, rest = self.metadata.get("authorization", "").partition(" ")
        return rest.strip() if scheme.lower() == "bearer" else ""

    def context(self, principal: Principal = _NOBODY) -> Context:
        """The call's context for a caller."""
        trace_id = trace_id_of(self.metadata.get("traceparent", ""))
        return Context(principal, self.request_id, trace_id, self.remote)

    def trailing(self) -> Metadata:
        """What every answer carries."""
        said: Metadata = (("x-request-id", self.request_id),)
        if (limit := self.limit) is not None:
            said += (
                ("x-ratelimit-limit", str(limit.limit)),
                ("x-ratelimit-remaining", str(limit.remaining)),
                ("x-ratelimit-reset", str(int(limit.reset_at))),
            )
        return said


class Admission(ServerInterceptor):
    """Wraps the handlers of all methods but the open ones."""

    def __init__(self, guards: Guards) -> None:
        self._g = guards
        self._seconds = guards.metrics.histogram(
            "lemnos_grpc_request_seconds",
            "Time from a call's begin to its end, by method and status code.",
            ("method", "code"),
        )
        self._running: set[asyncio.Task[Any]] = set()
        self.leaving = False  # the server stops: calls that end now were not ended by clients

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """See ``grpc.aio.ServerInterceptor``. A method that does not exist has no handler."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.startswith(OPEN_SERVICES):
            return handler
        sent = handler_call_details.invocation_metadata or ()
        metadata = {name: value for name, value in sent if isinstance(value, str)}
        if handler.response_streaming:
            return self._streaming(handler, method, metadata)
        return self._answering(handler, method, metadata)

    def end_calls(self) -> None:
        """End the calls that still run: the server stops."""
        self.leaving = True
        for task in tuple(self._running):
            task.cancel()

    def _answering(self, handler: Handler, method: str, metadata: dict[str, str]) -> Handler:
        """A handler of the same kind, which is admitted first: one answer."""
        inner: Any = handler.stream_unary or handler.unary_unary
        make = (
            grpc.stream_unary_rpc_method_handler
            if handler.request_streaming
            else grpc.unary_unary_rpc_method_handler
        )

        async def answer(request: Any, rpc: Rpc) -> Any:
            async with self._admitted(_call(method, metadata, rpc), rpc):
                if not handler.request_streaming:
                    refuse_nul(request)
                return await inner(request, rpc)

        return make(answer, handler.request_deserializer, handler.response_serializer)

    def _streaming(self, handler: Handler, method: str, metadata: dict[str, str]) -> Handler:
        """The same for a stream of answers, which ends when the credential is no longer good."""
        inner: Any = handler.unary_stream

        async def answer(request: Any, rpc: Rpc) -> None:
            call = _call(method, metadata, rpc)
            async with self._admitted(call, rpc):
                refuse_nul(request)
                async with aclosing(inner(request, rpc)) as messages:
                    async for message in messages:
                        await self._still_admitted(call)
                        await rpc.write(message)  # waits for a client that does not read

        return grpc.unary_stream_rpc_method_handler(
            answer, handler.request_deserializer, handler.response_serializer
        )

    @asynccontextmanager
    async def _admitted(self, call: _Call, rpc: Rpc) -> AsyncIterator[None]:
        """Let a call in, or end it with why not; tell of its failure, and note that it was."""
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        ctx = call.context()
        try:
            ctx = await self._admit(call)
            rpc.set_trailing_metadata(call.trailing())
            ctx.principal.demand(_permission(call.method))
            _CALLER.set(ctx)
            with self._g.tracer.span(call.method, ctx.trace_id):
                yield
        except asyncio.CancelledError:
            late = rpc.time_remaining() == 0
            call.code = StatusCode.DEADLINE_EXCEEDED if late else StatusCode.CANCELLED
            if not self.leaving:
                raise
            await self._tell(ctx, call, rpc, _stopping())
        except Exception as error:
            await self._tell(ctx, call, rpc, self._known(call, error))
        finally:
            self._running.discard(task)
            self._note(ctx, call)

    async def _admit(self, call: _Call) -> Context:
        """Authenticate and count a call; who fails at it is counted by address."""
        try:
            principal = await self._principal(call)
        except Unauthenticated:
            self._count(call, f"ip:{call.remote}", _NOBODY.tier)
            raise
        key = principal.key_id or f"{principal.tenant}/{principal.subject}"
        self._count(call, key, principal.tier)
        return call.context(principal)

    async def _principal(self, call: _Call) -> Principal:
        """Who calls. Raises ``Unauthenticated``."""
        known = self._g.identity.cached(call.credential.encode())
        return known or await self._g.identity.authenticate(call.credential)

    async def _still_admitted(self, call: _Call) -> None:
        """Raise ``Unauthenticated`` once the credential has expired or was revoked."""
        with suppress(Unavailable):  # nobody can tell for the moment
            await self._principal(call)

    def _count(self, call: _Call, key: str, tier: str) -> None:
        if self._g.limiter is None:
            return
        call.limit = decision = self._g.limiter.check(key, tier)
        if not decision.allowed:
            self._g.metrics.limited.inc()
            raise decision.refusal()

    def _known(self, call: _Call, error: Exception) -> LemnosError:
        if isinstance(error, LemnosError):
            return error
        self._g.log.error(
            "call failed", request_id=call.request_id, method=call.method, error=repr(error)
        )
        message = "Something went wrong inside Lemnos; its log has the request id."
        return LemnosError(message, code="internal_error")

    async def _tell(self, ctx: Context, call: _Call, rpc: Rpc, error: LemnosError) -> None:
        call.code = CODES[error.kind]
        if isinstance(error, Unauthenticated | Forbidden) and METHODS[call.method].mutating:
            await self._g.audit.note_refusal(ctx, f"gRPC {call.method}", error.code)
        said = call.trailing() + trailer(error, call.request_id)
        await rpc.abort(call.code, message_of(error), said)

    def _note(self, ctx: Context, call: _Call) -> None:
        seconds = time.perf_counter() - call.begun
        self._seconds.labels(call.method, call.code.name).observe(seconds)
        if self._g.log_requests:
            self._g.log.info(
                "call",
                method=call.method,
                code=call.code.name,
                ms=round(seconds * 1000, 3),
                request_id=call.request_id,
                tenant=ctx.tenant,
                subject=ctx.principal.subject,
            )


def _call(method: str, metadata: dict[str, str], rpc: Rpc) -> _Call:
    request_id = metadata.get("x-request-id", "")
    if not _GOOD_ID.fullmatch(request_id):
        request_id = ids.new_request_id()
    return _Call(method, metadata, _address(rpc.peer()), request_id)


def _address(peer: str) -> str:
    """The address in ``ipv4:127.0.0.1:4711`` or ``ipv6:%5B::1%5D:4711``."""
    address = unquote(peer).partition(":")[2].rpartition(":")[0]
    return address.strip("[]")


def _permission(method: str) -> str:
    """Raises ``Forbidden`` for a method without an entry: it must not be open by accident."""
    if method not in METHODS:
        raise Forbidden("This method has no permission that would let anyone in.")
    return METHODS[method].permission


def _stopping() -> Unavailable:
    return Unavailable("The server stops; what was begun goes on.", code="stopping", retry_after=1)
