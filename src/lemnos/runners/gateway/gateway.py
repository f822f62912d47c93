"""The model gateway: the one way out of a sandbox.

A run has a gateway of its own: a unix socket that is bound into its sandbox, and a placeholder
token that is worth nothing elsewhere. Under ``/model`` it puts in the real credential, forwards
to the provider and meters what comes back; under ``/mcp/<name>`` it forwards to the run's HTTP
MCP servers with their headers; as an HTTP proxy it lets through to allowed hosts only.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import re
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx2

from lemnos.domains.agents.ports import McpServer, ModelAccess
from lemnos.kernel.errors import LemnosError
from lemnos.kernel.redact import Redactor
from lemnos.runners.gateway.egress import (
    AllowedHosts,
    Resolve,
    dial,
    host_and_port,
    proxy_token,
    resolve_public,
)
from lemnos.runners.gateway.http import (
    Connection,
    Request,
    Response,
    Room,
    Tunnel,
    error_response,
)
from lemnos.runners.gateway.meter import Call, Meter, Notice, OverBudget, Refused
from lemnos.runners.gateway.model_api import credential, is_metered, prepare
from lemnos.runners.gateway.prices import Price, PriceTable
from lemnos.runners.scratch import Scratch

_log = logging.getLogger(__name__)

MODEL, MCP = "/model", "/mcp/"
PROXY_USER = "lemnos"
CONNECT_SECONDS = 15.0
# Between two chunks of an answer. Models think for minutes without a word; the run's own
# wall-clock limit is what ends a hanging one.
SILENCE_SECONDS = 1800.0
_TIMEOUTS = {"timeout": httpx2.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS).as_dict()}

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_CREDENTIALS = frozenset({"authorization", "x-api-key", "cookie"})
_DOTS = re.compile(r"(^|/|%2f|\\|%5c)(\.|%2e){1,2}(/|%2f|\\|%5c|$)", re.IGNORECASE)
REFUSALS_TOLD = 100  # in one run's events
LONGEST_FAILURE = 1024 * 1024  # bytes of an answer that is no success; more of it is left out
MAX_CONNECTIONS = 64  # of one run; each is a file descriptor of the server
# Refusals with a notice of their own, and the challenge that some clients wait for.
_TOLD_ELSEWHERE = frozenset({"budget_exceeded", "out_of_turns", "denied_host", "proxy_token"})


@dataclass(frozen=True, slots=True)
class Policy:
    """What one run may reach, for how many US dollars and in how many model calls.

    ``max_tokens`` limits each answer of the model.
    """

    access: ModelAccess
    budget_usd: float | None = None
    max_calls: int | None = None
    max_tokens: int | None = None
    allowed_hosts: Sequence[str] = ()
    mcp_servers: Sequence[McpServer] = ()


class ModelGateway:
    """Opens a gateway for each run. One for the whole server; ``close`` it at the end.

    ``transport`` carries requests to the operator's models, ``outside`` those to MCP servers, to
    other hosts and to models that a caller named: a private address is the operator's choice
    alone. ``resolve`` names the addresses that proxied connections may go to.
    """

    def __init__(
        self,
        prices: PriceTable | None = None,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        outside: httpx2.AsyncBaseTransport | None = None,
        resolve: Resolve = resolve_public,
    ) -> None:
        self._prices = prices or PriceTable()
        self._resolve = resolve
        self._carriers = Carriers(
            transport or httpx2.AsyncHTTPTransport(trust_env=False),
            outside or httpx2.AsyncHTTPTransport(trust_env=False),
        )
        self._scratch = Scratch()

    async def open(
        self, policy: Policy, notify: Callable[[Notice], None], *, isolated: bool
    ) -> RunGateway:
        """Start listening for one run: on a unix socket if ``isolated``, else on loopback TCP."""
        gateway = RunGateway(policy, self._carriers, self._prices, self._resolve, notify)
        await gateway.listen(
            self._scratch.path / f"{secrets.token_hex(8)}.sock" if isolated else None
        )
        return gateway

    async def close(self) -> None:
        """Close the connections to the providers and remove the sockets."""
        await self._carriers.models.aclose()
        await self._carriers.outside.aclose()
        self._scratch.close()


class Carriers(NamedTuple):
    """What carries requests: to the operator's models, and to everything else.

    Transports and not clients: a client would keep the cookies of one run and send them with the
    requests of another, and takes its time for what nobody needs here.
    """

    models: httpx2.AsyncBaseTransport
    outside: httpx2.AsyncBaseTransport


class RunGateway:
    """The gateway of one run."""

    def __init__(
        self,
        policy: Policy,
        carriers: Carriers,
        prices: PriceTable,
        resolve: Resolve,
        notify: Callable[[Notice], None],
    ) -> None:
        self.token = f"lemnos-run-{secrets.token_urlsafe(24)}"
        if policy.access.price_per_1k is not None:
            prices = prices.with_default(Price.flat(policy.access.price_per_1k))
        self.meter = Meter(policy.budget_usd, prices, notify, policy.max_calls)
        self.failed_with: int | None = None  # the status of the last model call, if it failed
        self.socket: Path | None = None
        self.port: int | None = None
        self._policy = policy
        self._carriers = carriers
        self._resolve = resolve
        self._notify = notify
        self._allowed = AllowedHosts(policy.allowed_hosts)
        self._mcp = {server.name: server for server in policy.mcp_servers if server.url}
        self._redact = Redactor([policy.access.api_key])
        self._told: set[str] = set()
        self._room = Room()
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def listen(self, path: Path | None) -> None:
        """Listen on a unix socket, or on a free loopback port when there is no path."""
        if path is not None:
            self._server = await asyncio.start_unix_server(self._connected, str(path))
            self.socket = path
        else:
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
            self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and break what is still open; model calls under way are counted."""
        if self._server is not None:
            self._server.close()
        connections = tuple(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        if self.socket is not None:
            self.socket.unlink(missing_ok=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= MAX_CONNECTIONS:
            writer.close()
            return
        # A task of our own: asyncio's would log a stack trace when it is cancelled.
        connection = Connection(reader, writer, self._handle, self._room)
        task = asyncio.create_task(connection.serve())
        self._connections.add(task)
        task.add_done_callback(self._disconnected)

    def _disconnected(self, task: asyncio.Task[None]) -> None:
        self._connections.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("A gateway connection broke.", exc_info=error)

    async def _handle(self, request: Request) -> Response | Tunnel:
        try:
            return await self._route(request)
        except Refused as refused:
            if refused.code not in _TOLD_ELSEWHERE:
                self._tell_once(Notice("refused", refused.message))
            answer = error_response(refused.status, refused.code, refused.message)
            if refused.status == 407:
                answer.headers.append(("proxy-authenticate", 'Basic realm="lemnos"'))
            return answer

    async def _route(self, request: Request) -> Response | Tunnel:
        if request.method == "CONNECT":
            return await self._tunnel(request)
        if not request.target.startswith("/"):
            return await self._proxy(request)
        if request.target.startswith(MCP):
            return await self._forward_mcp(request)
        if request.target.startswith(MODEL):
            return await self._forward_model(request)
        raise Refused(404, "not_found", f"The gateway serves no {request.target}.")

    # --- the model ----------------------------------------------------------------------------

    async def _forward_model(self, request: Request) -> Response:
        path = request.target.removeprefix(MODEL)
        access = self._policy.access
        if request.method == "HEAD":
            return Response(200)  # Claude Code warms its connection up
        self._demand_token(request.headers)
        if access.provider == "none" or not access.base_url:
            raise Refused(403, "no_model", "This run has no access to a model.")
        metered = is_metered(access, request.method, path)
        headers = _outgoing(request.headers) | {"accept-encoding": "identity"}
        headers |= credential(access)
        url = access.base_url.rstrip("/") + path
        carrier = self._carriers.outside if access.outside else self._carriers.models
        if not metered:
            return await self._forward(carrier, request, url, headers)
        model, body = prepare(path, request.body, self._policy.max_tokens)
        call = self.meter.begin(model, len(body))
        try:
            asked = replace(request, body=body)
            response = await self._forward(carrier, asked, url, headers, call)
        except BaseException:
            call.reader.fail()
            call.close()
            self.failed_with = 502
            raise
        self.failed_with = response.status if response.status >= 400 else None
        return response

    def _demand_token(self, headers: Mapping[str, str]) -> None:
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        given = headers.get("x-api-key") or bearer
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            raise Refused(401, "authentication_error", "This is not the token of this run.")

    # --- MCP servers and other hosts ------------------------------------------------------------

    async def _forward_mcp(self, request: Request) -> Response:
        name, slash, rest = request.target.removeprefix(MCP).partition("/")
        name, question, query = name.partition("?")
        server = self._mcp.get(name)
        if server is None:
            raise Refused(404, "not_found", f"This run has no MCP server {name!r}.")
        self._demand_token(request.headers)
        if _DOTS.search(rest):  # another path of that host, with the operator's headers
            raise Refused(400, "bad_request", "The path must not have dot segments.")
        headers = _outgoing(request.headers) | {
            key.lower(): value for key, value in server.headers.items()
        }
        url = server.url + slash + rest + question + query
        return await self._forward(self._carriers.outside, request, url, headers)

    async def _proxy(self, request: Request) -> Response:
        """A request in absolute form: plain HTTP by way of the proxy."""
        try:
            parts, target = urlsplit(request.target), httpx2.URL(request.target)
        except (ValueError, httpx2.InvalidURL) as error:
            raise Refused(400, "bad_request", "The target is no URL.") from error
        host, port = host_and_port(parts.netloc.rpartition("@")[2], 80)
        self._demand_host(request, host, port)
        addresses = await self._addresses(host, port)
        # To the address that was checked, under the name that was asked for.
        headers = _outgoing(request.headers, keep=_CREDENTIALS) | {"host": parts.netloc}
        url = str(target.copy_with(host=addresses[0]))
        return await self._forward(self._carriers.outside, request, url, headers)

    async def _tunnel(self, request: Request) -> Tunnel:
        host, port = host_and_port(request.target, 443)
        self._demand_host(request, host, port)
        return Tunnel(*await dial(self._resolve, host, port))

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            return await self._resolve(host, port)
        except Exception as error:  # a guard refuses with an error class of its own
            raise Refused(502, "unreachable", f"{host} can't be reached: {error}") from error

    def _demand_host(self, request: Request, host: str, port: int) -> None:
        given = proxy_token(request.headers.get("proxy-authorization", ""))
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            raise Refused(407, "proxy_token", "The proxy needs the run's token.")
        if (host, port) not in self._allowed:
            message = f"The agent tried to reach {host}:{port}, which this run may not."
            self._tell_once(Notice("denied_host", message, host=f"{host}:{port}"))
            raise Refused(403, "denied_host", message)

    def _tell_once(self, notice: Notice) -> None:
        """Each thing once, and not without end: an agent may try for hours."""
        if notice.message not in self._told and len(self._told) < REFUSALS_TOLD:
            self._told.add(notice.message)
            self._notify(notice)

    # --- carrying -------------------------------------------------------------------------------

    async def _forward(
        self,
        carrier: httpx2.AsyncBaseTransport,
        request: Request,
        url: str,
        headers: dict[str, str],
        call: Call | None = None,
    ) -> Response:
        try:
            outgoing = httpx2.Request(
                request.method, url, headers=headers, content=request.body, extensions=_TIMEOUTS
            )
            incoming = await carrier.handle_async_request(outgoing)
        except (httpx2.HTTPError, httpx2.InvalidURL, LemnosError) as error:  # Lemnos: a guard
            message = self._redact.text(
                f"The gateway got no answer: {str(error) or type(error).__name__}"
            )
            raise Refused(502, "upstream_unreachable", message) from error
        kept = [
            (name, value)
            for name, value in incoming.headers.items()
            if name not in _HOP_BY_HOP and name != "content-encoding"
        ]
        if incoming.status_code >= 400:
            return await self._failed(incoming, kept, call)
        carried = self._carry(incoming, call)

        async def close() -> None:
            await carried.aclose()
            await incoming.aclose()
            if call is not None:
                call.close()

        return Response(incoming.status_code, kept, carried, close)

    async def _failed(
        self, incoming: httpx2.Response, headers: list[tuple[str, str]], call: Call | None
    ) -> Response:
        try:
            body = await _beginning(incoming)
        finally:
            await incoming.aclose()
        if call is not None:
            call.reader.fail()
            call.close()
        return Response(incoming.status_code, headers, self._redact.raw(body))

    async def _carry(
        self, incoming: httpx2.Response, call: Call | None
    ) -> AsyncGenerator[bytes, None]:
        streamed = "text/event-stream" in incoming.headers.get("content-type", "")
        try:
            async for chunk in incoming.aiter_bytes():
                if call is not None:
                    (call.reader.feed if streamed else call.reader.feed_document)(chunk)
                    call.check()
                yield chunk
        except (httpx2.HTTPError, OverBudget) as error:
            # The answer has begun: all that is left is to cut it off.
            raise ConnectionAbortedError(str(error)) from error


async def _beginning(incoming: httpx2.Response) -> bytes:
    """Of a failure's body what people read: an MCP server may send one without end."""
    body = bytearray()
    with contextlib.suppress(httpx2.HTTPError):  # cut off, or not in the encoding that it claims
        async for chunk in incoming.aiter_bytes():
            body += chunk
            if len(body) > LONGEST_FAILURE:
                break
    return bytes(body[:LONGEST_FAILURE])


def _outgoing(headers: Mapping[str, str], keep: frozenset[str] = frozenset()) -> dict[str, str]:
    dropped = _HOP_BY_HOP | (_CREDENTIALS - keep)
    return {name: value for name, value in headers.items() if name not in dropped}
