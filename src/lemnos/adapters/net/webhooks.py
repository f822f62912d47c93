"""Sending webhooks: one guarded POST, no redirect followed, nothing raised."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import httpx2

from lemnos.adapters.net.cookies import no_cookies
from lemnos.adapters.net.guard import NetGuard
from lemnos.adapters.net.transport import GuardedTransport
from lemnos.kernel.errors import LemnosError
from lemnos.platform.webhooks import Answer

_LONGEST_PROBLEM = 300  # characters kept of what an endpoint or the network said


class HttpSender:
    """Implements :class:`lemnos.platform.webhooks.Sender` on httpx2."""

    def __init__(self, guard: NetGuard) -> None:
        self._client = httpx2.AsyncClient(
            transport=GuardedTransport(guard),
            follow_redirects=False,
            trust_env=False,
            cookies=no_cookies(),
        )

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> Answer:
        """POST the body; ``timeout`` covers the whole exchange, in seconds."""
        begun = time.perf_counter()
        try:
            async with (
                asyncio.timeout(timeout),  # httpx's own starts anew with each byte
                self._client.stream(
                    "POST",
                    url,
                    content=body,
                    headers={"User-Agent": "Lemnos-Webhooks", **headers},
                    timeout=timeout,
                ) as response,
            ):
                # The body says nothing that is needed, and could be endless.
                status, told = response.status_code, response.headers.get("retry-after", "")
        except LemnosError as error:
            return Answer(0, error.message[:_LONGEST_PROBLEM])
        except (httpx2.TimeoutException, TimeoutError):
            return Answer(0, f"no answer within {timeout:g} s", None, time.perf_counter() - begun)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            problem = f"{type(error).__name__}: {error}"[:_LONGEST_PROBLEM]
            return Answer(0, problem, None, time.perf_counter() - begun)
        problem = "" if status < 300 else _said(status)
        return Answer(status, problem, _seconds(told), time.perf_counter() - begun)

    async def close(self) -> None:
        """Close kept connections."""
        await self._client.aclose()


def _said(status: int) -> str:
    return "redirects are not followed" if status < 400 else f"answered {status}"


def _seconds(retry_after: str) -> float | None:
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else None
