"""What a caller's URL may reach. Without it the server would be a proxy into its own network.

A name is checked by what it resolves to, and whoever connects must use the addresses that were
checked: a second lookup could answer otherwise (DNS rebinding). Redirects are checked like the
first URL.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

import idna

from lemnos.adapters.net.addresses import AllowedHosts, is_public, literal
from lemnos.kernel.errors import Invalid, Unavailable

Resolver = Callable[[str, int], Awaitable[Collection[str]]]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_HOST_NAME = re.compile(r"[a-z0-9_.-]+")
_SCP_LIKE = re.compile(r"^(?:[^/@:\s]+@)?[^/@:\s]+:(?!//)")  # git's user@host:path
_DNS_TIMEOUT = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A checked URL in one canonical spelling, so that every later parser reads the same host."""

    url: str
    scheme: str
    host: str
    port: int

    @property
    def origin(self) -> str:
        """Scheme, host and port, e.g. ``https://git.example.org:8443``."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True)
class Repository:
    """A checked repository address: either on a host or a path of this machine."""

    url: str
    endpoint: Endpoint | None = None
    path: Path | None = None


class NetGuard:
    """Checks hosts and paths against what is public and what the operator has allowed.

    ``allowed_hosts``: private hosts that may be reached, see :class:`AllowedHosts`.
    ``allowed_roots``: folders whose repositories callers may name, symlinks resolved.
    ``denied_roots``: folders inside of those which they may not, such as the workspaces: agents
    write there, and git obeys the configuration of a repository that it reads from.
    ``resolver``: (host, port) to addresses; the system's resolver unless given.
    """

    def __init__(
        self,
        allowed_hosts: Iterable[str] = (),
        allowed_roots: Iterable[str | Path] = (),
        *,
        denied_roots: Iterable[str | Path] = (),
        resolver: Resolver | None = None,
    ) -> None:
        self._allowed = AllowedHosts(allowed_hosts)
        self._roots = tuple(Path(root).resolve() for root in allowed_roots)
        self._denied = tuple(Path(root).resolve() for root in denied_roots)
        self._resolver = resolver or _system_resolver
        # Callers name the same few repositories again and again, and the answer stays the same.
        self._checked = lru_cache(maxsize=1024)(self._check)

    def check_url(
        self, url: str, schemes: Collection[str] = ("http", "https"), *, field: str = "url"
    ) -> Endpoint:
        """Check what can be seen without a lookup, and return the URL in canonical form.

        Raises ``Invalid``, naming ``field``, for other schemes, for credentials in the URL, and
        for a host that is an address which is neither public nor allowed.
        """
        return self._checked(url, tuple(schemes), field)

    def _check(self, url: str, schemes: tuple[str, ...], field: str) -> Endpoint:
        parts = _split(url, schemes, field)
        host = _canonical_host(parts.hostname or "", field)
        port = _port(parts, field)
        address = literal(host)
        if address is not None:
            self._check_addresses(host, [str(address)], port, field)
            host = str(address)
        shown = f"[{host}]" if ":" in host else host
        netloc = shown if port == _DEFAULT_PORTS.get(parts.scheme) else f"{shown}:{port}"
        canonical = parts._replace(netloc=netloc, fragment="").geturl()
        return Endpoint(canonical, parts.scheme, host, port)

    async def resolve(self, host: str, port: int, *, field: str = "url") -> tuple[str, ...]:
        """The addresses of a host, all of them checked; connect to these and look up no more.

        Raises ``Invalid`` if any is neither public nor allowed, ``Unavailable`` if the name
        can't be resolved now.
        """
        name = _canonical_host(host, field)
        address = literal(name)
        if address is not None:
            found: Collection[str] = [str(address)]
        else:
            found = await self._look_up(name, port)
        self._check_addresses(name, found, port, field)
        return tuple(dict.fromkeys(found))

    def check_repository(self, url: str, *, field: str = "repo_url") -> Repository:
        """Check a repository's address: http, https, ``file://`` or an absolute path.

        Raises ``Invalid``, naming ``field``. Whether a path exists is not told unless it is
        inside the allowed roots.
        """
        url = url.strip()
        if url.startswith("/"):
            path = self._check_path(Path(url), field)
            return Repository(str(path), path=path)
        scheme = url.partition("://")[0].lower() if "://" in url else ""
        if scheme == "file":
            path = self._check_path(_file_path(url, field), field)
            return Repository(str(path), path=path)
        if scheme == "ssh" or scheme.endswith("+ssh") or (not scheme and _SCP_LIKE.match(url)):
            raise _refused(
                field, "SSH is not supported: use the https:// address with an access token."
            )
        if not scheme:
            raise _refused(field, "Not a repository address: use https://, http:// or file://.")
        endpoint = self.check_url(url, field=field)
        return Repository(endpoint.url, endpoint=endpoint)

    def _check_path(self, path: Path, field: str) -> Path:
        if "\0" in str(path):
            raise _refused(field, "The path holds a NUL character.")
        real = path.resolve()
        inside = any(real.is_relative_to(root) for root in self._roots)
        if not inside or any(real.is_relative_to(root) for root in self._denied):
            raise _refused(
                field, "This path is not inside a folder that the server's operator has allowed."
            )
        return real

    async def _look_up(self, name: str, port: int) -> Collection[str]:
        try:
            async with asyncio.timeout(_DNS_TIMEOUT):
                found = await self._resolver(name, port)
        except (OSError, TimeoutError) as error:
            raise Unavailable(f"The host {name} can't be resolved.", code="dns_failed") from error
        if not found:
            raise Unavailable(f"The host {name} has no address.", code="dns_failed")
        return found

    def _check_addresses(
        self, host: str, addresses: Collection[str], port: int, field: str
    ) -> None:
        if self._allowed.name(host, port):
            return
        for text in addresses:
            address = literal(text)
            if address is None or not (is_public(address) or self._allowed.address(address, port)):
                # The address is not named: a caller could map the private network with it.
                raise _refused(
                    field,
                    f"The host {host} is not on the public internet, and the server's operator "
                    "has not allowed it.",
                )


async def _system_resolver(host: str, port: int) -> Collection[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for _family, _type, _proto, _name, sockaddr in found]


def _refused(field: str, reason: str) -> Invalid:
    return Invalid(reason, code="address_refused", fields={field: reason})


def _split(url: str, schemes: Collection[str], field: str) -> SplitResult:
    """Split a URL, refusing what different parsers read differently."""
    if _UNSAFE.search(url):
        raise _refused(field, "The URL holds white space, a control character or a backslash.")
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as error:
        raise _refused(field, "This is not a URL.") from error
    if parts.scheme not in schemes:
        raise _refused(field, f"The scheme must be one of: {', '.join(sorted(schemes))}.")
    if parts.username is not None or "@" in parts.netloc:
        raise _refused(field, "The URL holds credentials: give a token as access_token instead.")
    if not host:
        raise _refused(field, "The URL names no host.")
    return parts


def _port(parts: SplitResult, field: str) -> int:
    try:
        port = parts.port
    except ValueError as error:
        raise _refused(field, "The URL's port is not a number up to 65535.") from error
    return port or _DEFAULT_PORTS.get(parts.scheme, 0)


def _canonical_host(host: str, field: str) -> str:
    """Lower case, without the root's dot, in ASCII: internationalised names by IDNA 2008."""
    host = host.strip("[]").removesuffix(".").lower()
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            raise _refused(field, "The host is not a valid internationalised name.") from None
    if not (_HOST_NAME.fullmatch(host) or literal(host)):
        # Above all no %: curl decodes it in host names, resolvers do not.
        raise _refused(field, "The host holds a character that no host name has.")
    return host


def _file_path(url: str, field: str) -> Path:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise _refused(field, "A file:// address names no host: write file:///path.")
    path = Path(unquote(parts.path))
    if not path.is_absolute():
        raise _refused(field, "A file:// address needs an absolute path.")
    return path
