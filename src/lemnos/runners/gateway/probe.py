"""Whether a model endpoint is there and takes its key, asked by what no provider charges for."""

from __future__ import annotations

import time
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2

from lemnos.domains.agents.ports import ModelAccess, ModelAnswer
from lemnos.kernel.errors import LemnosError
from lemnos.kernel.redact import Redactor
from lemnos.runners.gateway.model_api import credential

_PATIENCE = 5.0  # seconds
# Both providers list models there; OpenAI's base URL holds the version already.
_MODELS = {"anthropic": "/v1/models", "openai": "/models"}
_HEADERS = {"anthropic": {"anthropic-version": "2023-06-01"}}


class HttpModelProbe:
    """Implements :class:`lemnos.domains.agents.ports.ModelProbe`.

    ``models`` carries requests to the operator's endpoints, ``outside`` those to endpoints that
    callers named, as in the gateway.
    """

    def __init__(
        self, models: httpx2.AsyncBaseTransport, outside: httpx2.AsyncBaseTransport
    ) -> None:
        self._models, self._outside = _client(models), _client(outside)

    async def ask(self, access: ModelAccess) -> ModelAnswer:
        """See :class:`~lemnos.domains.agents.ports.ModelProbe`. Only the status is read."""
        client = self._outside if access.outside else self._models
        url = access.base_url.rstrip("/") + _MODELS[access.provider]
        headers = credential(access) | _HEADERS.get(access.provider, {})
        status, problem = None, ""
        started = time.monotonic()
        try:
            async with client.stream("GET", url, headers=headers) as response:
                status = response.status_code
        except (httpx2.HTTPError, httpx2.InvalidURL, LemnosError) as error:  # Lemnos: the guard
            redact = Redactor([access.api_key])
            problem = f"the model endpoint cannot be reached: {redact.text(_said(error))}"
        return ModelAnswer(status, problem, (time.monotonic() - started) * 1000)

    async def close(self) -> None:
        """Close the connections to the endpoints."""
        await self._models.aclose()
        await self._outside.aclose()


def _client(transport: httpx2.AsyncBaseTransport) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=transport,
        timeout=_PATIENCE,
        trust_env=False,
        follow_redirects=False,
        # What a host sets in one tenant's request must not be sent in another's.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
    )


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__).rstrip(".")
