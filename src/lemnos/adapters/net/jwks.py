"""The keys of an OpenID Connect provider, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2
import msgspec

from lemnos.kernel.errors import Unavailable

_TIMEOUT = 5.0
_LONGEST = 1024 * 1024  # bytes of an answer
_DISCOVERY = "/.well-known/openid-configuration"


class HttpJwks:
    """A ``JwksSource`` (see :mod:`lemnos.platform.identity.oidc`).

    Without a ``jwks_url`` it is found as OpenID Connect Discovery 1.0, section 4, has it. The
    address comes from the operator, so it may be a private one; redirects are not followed.
    """

    def __init__(
        self,
        issuer: str,
        jwks_url: str | None = None,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._issuer = issuer
        self._jwks_url = jwks_url
        self._transport = transport

    async def fetch(self) -> Mapping[str, Any]:
        """See :class:`~lemnos.platform.identity.oidc.JwksSource`."""
        async with httpx2.AsyncClient(timeout=_TIMEOUT, transport=self._transport) as client:
            return await _get(client, self._jwks_url or await self._discover(client))

    async def _discover(self, client: httpx2.AsyncClient) -> str:
        url = self._issuer.rstrip("/") + _DISCOVERY
        found = await _get(client, url)
        jwks_url = found.get("jwks_uri")
        if found.get("issuer") != self._issuer or not isinstance(jwks_url, str):
            raise Unavailable(f"{url} does not describe the issuer {self._issuer}.")
        return jwks_url


async def _get(client: httpx2.AsyncClient, url: str) -> dict[str, Any]:
    """The JSON object at an address. Raises ``Unavailable`` for anything else."""
    body = bytearray()
    try:
        async with client.stream("GET", url) as response:
            response.raise_for_status()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _LONGEST:
                    raise Unavailable(f"The answer of {url} is too long.")
        return msgspec.json.decode(body, type=dict[str, Any])
    except (httpx2.HTTPError, httpx2.InvalidURL, msgspec.MsgspecError, ValueError) as error:
        raise Unavailable(f"{url} cannot be read: {error!r}.") from error
