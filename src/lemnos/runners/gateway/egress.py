"""Ways out of a sandbox other than the model: named hosts by proxy, and the run's MCP servers."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

from lemnos.runners.gateway.meter import Refused

# Host name and port -> addresses that may be connected to. Raises when none may be.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
CONNECT_SECONDS = 15.0


async def resolve_public(host: str, port: int) -> tuple[str, ...]:
    """Addresses of a host, if all of them are public. Raises OSError otherwise."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = tuple(str(entry[4][0]) for entry in found)
    if not all(ipaddress.ip_address(address).is_global for address in addresses):
        raise PermissionError(f"{host} has a private address")
    return addresses


class AllowedHosts:
    """Host names that a run may reach: ``example.org``, ``*.example.org``, ``example.org:8443``.

    Without a port, 80 and 443 are meant. Names are compared as the agent writes them; what they
    resolve to is checked where the connection is made.
    """

    def __init__(self, hosts: Sequence[str]) -> None:
        self._hosts = frozenset(host.lower().rstrip(".") for host in hosts)

    def __contains__(self, target: tuple[str, int]) -> bool:
        host, port = target[0].lower().rstrip("."), target[1]
        names = {host, *(f"*{host[dot:]}" for dot, letter in enumerate(host) if letter == ".")}
        ports = {f":{port}", ""} if port in {80, 443} else {f":{port}"}
        return any(name + suffix in self._hosts for name in names for suffix in ports)


def host_and_port(authority: str, default: int) -> tuple[str, int]:
    """Split ``host:port`` or ``[v6]:port``. Raises Refused when it is neither."""
    host, colon, port = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        host, port = authority, str(default)
    if not host or not port.isdigit() or int(port) > 65535:
        raise Refused(400, "bad_request", "This is no host and port.")
    return host.removeprefix("[").removesuffix("]"), int(port)


async def dial(
    resolve: Resolve, host: str, port: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first address that answers. Raises Refused (502) when none does."""
    problem = "it has no address"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CONNECT_SECONDS):
            try:
                for address in await resolve(host, port):
                    try:
                        return await asyncio.open_connection(address, port)
                    except OSError as error:
                        problem = str(error)
            except Exception as error:  # a guard refuses with an error class of its own
                problem = str(error)
    raise Refused(502, "unreachable", f"{host}:{port} can't be reached: {problem}")


def proxy_token(header: str) -> str:
    """The password of a ``Proxy-Authorization: Basic`` header, empty when there is none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""
