"""Calls of a model endpoint, tried again where that can help."""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lemnos.runners.builtin.model.conversation import Message, Reply, Tool
from lemnos.runners.builtin.model.wires import WIRES
from lemnos.runners.builtin.protocol import Endpoint

if TYPE_CHECKING:
    import httpx2

MAX_TRIES = 6
LONGEST_PAUSE = 60.0  # seconds, whatever Retry-After says
READ_TIMEOUT = 600.0  # an answer comes all at once, after as long as the model thinks
RETRIED = frozenset({408, 409, 429, 500, 502, 503, 504, 529})


class ModelFailed(Exception):
    """The endpoint gives no answer. `error_class` is an `ErrorClass` value."""

    def __init__(self, message: str, error_class: str) -> None:
        super().__init__(message)
        self.error_class = error_class


class ModelClient:
    """One endpoint, over one connection pool. Use as a context manager."""

    def __init__(self, endpoint: Endpoint, model: str) -> None:
        import httpx2

        self._wire = WIRES[endpoint.provider]
        self._model = model
        self._url = endpoint.base_url.rstrip("/") + self._wire.path
        self._http = httpx2.Client(
            headers=self._wire.headers(endpoint.api_key),
            timeout=httpx2.Timeout(READ_TIMEOUT, connect=30.0),
        )

    def __enter__(self) -> ModelClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(self, system: str, messages: Sequence[Message], tools: Sequence[Tool]) -> Reply:
        """The model's next turn. Raises ModelFailed once trying again has no prospect."""
        import httpx2

        body = self._wire.body(self._model, system, messages, tools)
        for attempt in range(1, MAX_TRIES + 1):
            try:
                response = self._http.post(self._url, json=body)
            except httpx2.TransportError as error:
                failure = ModelFailed(f"the model cannot be reached: {error}", "network")
                pause = _back_off(attempt)
            else:
                if response.is_success:
                    return self._read(response)
                failure = _refusal(response)
                if response.status_code not in RETRIED:
                    raise failure
                pause = _retry_after(response) or _back_off(attempt)
            if attempt == MAX_TRIES:
                raise failure
            time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _read(self, response: httpx2.Response) -> Reply:
        try:
            return self._wire.reply(response.json())
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            what = f"{type(error).__name__}: {error}"
            raise ModelFailed(f"the model's answer cannot be read: {what}", "agent") from error


def _refusal(response: httpx2.Response) -> ModelFailed:
    status = response.status_code
    code, message = _error_of(response)
    text = f"the model endpoint answered {status}: {message}"
    if code == "budget_exceeded":
        return ModelFailed(text, "budget")
    kinds = {401: "auth", 403: "auth", 429: "rate_limit", 529: "rate_limit"}
    return ModelFailed(text, kinds.get(status, "network" if status >= 500 else "agent"))


def _error_of(response: httpx2.Response) -> tuple[str, str]:
    """Code and message, in the shape that Anthropic and OpenAI share."""
    try:
        error: Any = response.json()["error"]
        return str(error.get("code") or error.get("type") or ""), str(error["message"])
    except (ValueError, LookupError, TypeError, AttributeError):
        return "", response.text[:300]


def _retry_after(response: httpx2.Response) -> float | None:
    """Seconds to wait by the Retry-After header (RFC 9110, section 10.2.3)."""
    value = response.headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), LONGEST_PAUSE)


def _back_off(attempt: int) -> float:
    """0.5 s, doubled each time, with jitter so that many runs do not come back at once."""
    return float(min(LONGEST_PAUSE, 0.5 * 2 ** (attempt - 1)) * random.uniform(0.75, 1.25))  # noqa: S311
