"""HTTP connections that go only where the guard lets them, redirects included."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from functools import cache, cached_property

import httpcore2
import httpx2

from lemnos.adapters.net.guard import NetGuard


class _GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections to checked addresses. TLS and the Host header still see the name."""

    def __init__(self, guard: NetGuard) -> None:
        self._guard = guard
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Resolve, check, and try the checked addresses in turn."""
        addresses = await self._guard.resolve(host, port)
        for position, address in enumerate(addresses, start=1):
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if position == len(addresses):
                    raise
        raise httpcore2.ConnectError(f"{host} has no address")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Refused: no URL of a caller leads to a socket of this machine."""
        raise httpcore2.ConnectError("unix sockets are not reachable through the guard")

    async def sleep(self, seconds: float) -> None:
        """Wait, between httpcore2's own connection attempts."""
        await self._inner.sleep(seconds)


class GuardedTransport(httpx2.AsyncBaseTransport):
    """A transport for ``httpx2.AsyncClient`` whose every connection passes the guard.

    The check is where the connection is opened, so it holds for each redirect too, and the
    address that was checked is the one connected to. A refusal raises ``Invalid``. Proxies of
    the environment are not used: behind one, nothing could be checked.
    """

    def __init__(self, guard: NetGuard, *, verify: ssl.SSLContext | None = None) -> None:
        self._guard = guard
        self._verify = verify

    @cached_property
    def _inner(self) -> httpx2.AsyncHTTPTransport:
        # Made for the first request: most servers start long before they send one.
        context = self._verify or _system_trust()
        made = httpx2.AsyncHTTPTransport(verify=context, trust_env=False)
        # httpx2 has no parameter for the network backend; its pool is the seam that exists.
        made._pool = httpcore2.AsyncConnectionPool(  # noqa: SLF001
            ssl_context=context,
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=_GuardedBackend(self._guard),
        )
        return made

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request."""
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections that were opened."""
        if "_inner" in self.__dict__:
            await self._inner.aclose()


@cache
def _system_trust() -> ssl.SSLContext:
    """The certificates that this machine trusts; reading them takes 20 ms and some memory."""
    return httpx2.create_ssl_context()
