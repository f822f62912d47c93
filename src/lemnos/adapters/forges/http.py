"""Calls to a forge's REST API: guarded, bounded in size and time, repeated while it may help."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import stamina

from lemnos.adapters.net import GuardedTransport, NetGuard
from lemnos.adapters.net.cookies import no_cookies
from lemnos.kernel.errors import LemnosError, RateLimited, Unavailable

_TIMEOUT = httpx2.Timeout(30.0, connect=10.0)
_LARGEST = 4 << 20  # bytes of an answer: the host may be anyone's
_ATTEMPTS = 5
_PATIENCE = 60.0  # seconds that all attempts may take, and the longest pause that is waited out


@dataclass(frozen=True, slots=True)
class Answer:
    """What the forge said. ``body`` is the decoded JSON, None if it was none."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the forge did what it was asked."""
        return 200 <= self.status < 300

    @property
    def said(self) -> str:
        """The forge's own words on a failure, in one line."""
        if not isinstance(self.body, dict):
            return f"HTTP {self.status}"
        details = [self.body.get(key) for key in ("message", "error", "errors")]
        return " ".join(_words(d) for d in details if d) or f"HTTP {self.status}"


class ForgeHttp:
    """One HTTP client for all forges. Redirects are followed; each connection is checked."""

    def __init__(self, guard: NetGuard, *, user_agent: str = "lemnos") -> None:
        self._client = httpx2.AsyncClient(
            transport=GuardedTransport(guard),
            timeout=_TIMEOUT,
            trust_env=False,  # no proxy past the guard, no credential from a .netrc
            follow_redirects=True,
            cookies=no_cookies(),
            headers={"User-Agent": user_agent},
        )

    async def call(
        self,
        method: str,
        url: str,
        *,
        token: str = "",
        accept: str = "application/json",
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> Answer:
        """Make a call; connection errors, 5xx and rate limits are tried again after a pause.

        The token goes into ``Authorization``, which the client drops when it is redirected to
        another host. Raises ``Unavailable`` or ``RateLimited`` when trying did not help.
        """
        sent = {"Accept": accept, **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        request = self._client.build_request(method, url, headers=sent, params=params, json=body)
        async for attempt in stamina.retry_context(
            on=_pause, attempts=_ATTEMPTS, timeout=_PATIENCE, wait_initial=0.5, wait_max=10.0
        ):
            with attempt:
                return await self._once(request)
        raise AssertionError("the last attempt returns or raises")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _once(self, request: httpx2.Request) -> Answer:
        host = request.url.host
        try:
            response = await self._client.send(request, stream=True)
            try:
                raw = await _read(response)
            finally:
                await response.aclose()
        except httpx2.HTTPError as error:
            raise Unavailable(f"{host} can't be reached.", code="forge_unavailable") from error
        if _is_rate_limit(response):
            raise RateLimited(
                f"{host} limits the rate of requests.",
                code="forge_rate_limited",
                retry_after=_retry_after(response.headers),
            )
        if response.status_code >= 500:
            raise Unavailable(
                f"{host} answered with {response.status_code}.",
                code="forge_unavailable",
                retry_after=_retry_after(response.headers),
            )
        return Answer(response.status_code, _decoded(raw), response.headers)


def _pause(error: Exception) -> bool | float:
    """Whether to try again, and after how many seconds if the forge said so."""
    if not isinstance(error, Unavailable | RateLimited):
        return False
    if error.retry_after is None:
        return True
    return error.retry_after if error.retry_after <= _PATIENCE else False


async def _read(response: httpx2.Response) -> bytes:
    raw = bytearray()
    async for chunk in response.aiter_bytes():
        raw += chunk
        if len(raw) > _LARGEST:
            raise LemnosError(f"{response.url.host} answers with too much.", code="forge_failed")
    return bytes(raw)


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _is_rate_limit(response: httpx2.Response) -> bool:
    """429, or GitHub's 403: see "Rate limits for the REST API" in GitHub's documentation."""
    if response.status_code == 429:
        return True
    headers = response.headers
    exhausted = headers.get("X-RateLimit-Remaining") == "0" or "Retry-After" in headers
    return response.status_code == 403 and exhausted


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: RFC 9110 section 10.2.3, or GitHub's ``X-RateLimit-Reset``."""
    value = headers.get("Retry-After", "")
    if value.isdigit():
        return float(value)
    if value:
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
        except ValueError:
            return None
    reset = headers.get("X-RateLimit-Reset", "")
    if headers.get("X-RateLimit-Remaining") == "0" and reset.isdigit():
        return max(0.0, float(reset) - time.time())
    return None


def _words(detail: object) -> str:
    """The texts in a forge's error, however it nests them."""
    if isinstance(detail, dict):
        if "message" in detail:
            return _words(detail["message"])
        return "; ".join(f"{key}: {_words(value)}" for key, value in detail.items())
    if isinstance(detail, list):
        return "; ".join(_words(item) for item in detail)
    return str(detail)
