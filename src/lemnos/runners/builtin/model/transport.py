"""Calls of a model endpoint, tried again where that can help."""

from __future__ import annotations

import email.utils
import json
import random
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lemnos.runners.builtin.model.conversation import Message, Reply, Tool
from lemnos.runners.builtin.model.streams import StreamBroken
from lemnos.runners.builtin.model.wires import WIRES
from lemnos.runners.builtin.protocol import Endpoint

if TYPE_CHECKING:
    import httpx2

MAX_TRIES = 5
LONGEST_PAUSE = 60.0  # seconds, whatever Retry-After says
READ_TIMEOUT = 600.0  # between two pieces of an answer; models think in silence
RETRIED = frozenset({408, 409, 429, 500, 502, 503, 504, 529})


class ModelFailed(Exception):
    """The endpoint gives no answer. `error_class` is an `ErrorClass` value."""

    def __init__(
        self,
        message: str,
        error_class: str,
        *,
        may_pass: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.may_pass = may_pass  # trying again has a prospect
        self.retry_after = retry_after  # seconds, where the endpoint said so


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
        body = self._wire.body(self._model, system, messages, tools)
        for attempt in range(1, MAX_TRIES):
            try:
                return self._try(body)
            except ModelFailed as failure:
                if not failure.may_pass:
                    raise
                pause = failure.retry_after
                time.sleep(_back_off(attempt) if pause is None else pause)
        return self._try(body)

    def _try(self, body: dict[str, Any]) -> Reply:
        import httpx2

        try:
            with self._http.stream("POST", self._url, json=body) as response:
                if not response.is_success:
                    response.read()
                    raise _refusal(response)
                return self._read(response)
        except httpx2.TransportError as error:
            problem = f"the model cannot be reached: {error}"
            raise ModelFailed(problem, "network", may_pass=True) from error
        except StreamBroken as error:
            problem = f"the model's answer broke off: {error}"
            raise ModelFailed(problem, "network", may_pass=True) from error

    def _read(self, response: httpx2.Response) -> Reply:
        """The answer, streamed, or whole where the endpoint does not know streams."""
        try:
            if "text/event-stream" in response.headers.get("content-type", ""):
                return self._wire.reply(self._wire.collect(_events(response)))
            response.read()
            return self._wire.reply(response.json())
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            what = f"{type(error).__name__}: {error}"
            raise ModelFailed(f"the model's answer cannot be read: {what}", "agent") from error


def _events(response: httpx2.Response) -> Iterator[dict[str, Any]]:
    import httpx2

    for event in httpx2.EventSource(response, max_event_size=None):
        if event.data and event.data != "[DONE]":
            yield json.loads(event.data)


def _refusal(response: httpx2.Response) -> ModelFailed:
    status = response.status_code
    code, message = _error_of(response)
    text = f"the model endpoint answered {status}: {message}"
    if code == "budget_exceeded":
        return ModelFailed(text, "budget")
    kinds = {401: "auth", 403: "auth", 429: "rate_limit", 529: "rate_limit"}
    return ModelFailed(
        text,
        kinds.get(status, "network" if status >= 500 else "agent"),
        may_pass=status in RETRIED,
        retry_after=_retry_after(response),
    )


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
