"""What can go wrong, as a tree::

LemnosError
├── APIConnectionError          no answer
│   └── APITimeoutError         none in time
├── APIStatusError              an answer that says no
│   ├── ValidationError         400: field, issue
│   ├── AuthenticationError     401
│   ├── PermissionDeniedError   403
│   ├── NotFoundError           404
│   ├── ConflictError           409
│   ├── UnprocessableError      422
│   ├── RateLimitError          429: retry_after
│   └── ServerError             500 and above
├── ResponseError               an answer that is not what the API promises
├── TaskError                   a task that was waited for did not complete
│   ├── TaskFailedError         attempts
│   ├── TaskCancelledError
│   └── TaskAwaitingDecisionError
├── WaitTimeoutError            a task that was waited for is not at rest yet
└── WebhookVerificationError    a webhook that is not from this server
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import msgspec


class LemnosError(Exception):
    """The base of all errors of this library."""

    is_temporary = False
    retry_after: float | None = None  # seconds


class APIConnectionError(LemnosError):
    """The server could not be reached, or the connection broke."""

    is_temporary = True


class APITimeoutError(APIConnectionError):
    """The server did not answer in time."""


class ResponseError(LemnosError):
    """An answer that is not what the API promises; perhaps something else answers at this URL."""


class APIStatusError(LemnosError):
    """An answer of 400 or above.

    ``code`` is the API's own (``CONFLICT``, ``task_busy``), ``request_id`` finds the request in
    the server's log, ``details`` is what the server adds, ``body`` the whole answer.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str = "",
        request_id: str = "",
        details: Mapping[str, Any] | None = None,
        body: object = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.request_id = request_id
        self.details = dict(details or {})
        self.body = body
        self.retry_after = retry_after

    @property
    def reason(self) -> str:
        """The most exact name of the error, the same in both APIs: ``agent_exists``."""
        return str(self.details.get("reason") or self.code)

    def __str__(self) -> str:
        about = [str(self.status), *filter(None, (self.code, self.request_id))]
        return f"{self.message} ({', '.join(about)})"


class ValidationError(APIStatusError):
    """400: the request is wrong in itself. ``fields`` says it for each field."""

    @property
    def fields(self) -> dict[str, str]:
        """Problem by field."""
        fields = self.details.get("fields")
        if isinstance(fields, dict):
            return {str(name): str(issue) for name, issue in fields.items()}
        field = self.details.get("field")
        return {str(field): str(self.details.get("issue", ""))} if field else {}

    @property
    def field(self) -> str:
        """The first field that is wrong; empty when the server named none."""
        return next(iter(self.fields), "")

    @property
    def issue(self) -> str:
        """What is wrong with it, or with the request as a whole."""
        return self.fields.get(self.field, "") or str(self.details.get("issue", ""))


class AuthenticationError(APIStatusError):
    """401: no key, or one that is not valid."""


class PermissionDeniedError(APIStatusError):
    """403: the key may not do this."""


class NotFoundError(APIStatusError):
    """404: there is no such thing, or it belongs to somebody else."""


class ConflictError(APIStatusError):
    """409: not in this state. A first request that is still at work passes by itself."""

    @property
    def is_temporary(self) -> bool:  # type: ignore[override]
        """Whether the same request is worth another try."""
        return self.reason == "idempotency_in_flight" or self.retry_after is not None


class UnprocessableError(APIStatusError):
    """422: a rule forbids it."""


class RateLimitError(APIStatusError):
    """429: too many requests; ``retry_after`` says in how many seconds there is room again."""

    is_temporary = True


class ServerError(APIStatusError):
    """500 and above: the server's fault, worth another try but for 501."""

    @property
    def is_temporary(self) -> bool:  # type: ignore[override]
        """Whether the same request is worth another try."""
        return self.status != 501


class TaskError(LemnosError):
    """A task did not complete. ``task`` is its last known state."""

    def __init__(self, message: str, task: Any) -> None:
        super().__init__(message)
        self.task = task


class TaskFailedError(TaskError):
    """A task failed. ``attempts`` are all tries of all agents, where the API tells them."""

    def __init__(self, message: str, task: Any, attempts: Sequence[Any] = ()) -> None:
        super().__init__(message, task)
        self.attempts = tuple(attempts)


class TaskCancelledError(TaskError):
    """A task was cancelled."""


class TaskAwaitingDecisionError(TaskError):
    """A task has reached its budget and waits for somebody to decide."""


class WaitTimeoutError(LemnosError, TimeoutError):
    """A task is not at rest after the time that was given to it; it goes on."""


class WebhookVerificationError(LemnosError):
    """A webhook that is not signed with this secret, or is too old."""


_BY_STATUS: Mapping[int, type[APIStatusError]] = {
    400: ValidationError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableError,
    429: RateLimitError,
}


def error_of(response: httpx2.Response) -> APIStatusError:
    """What an answer of 400 or above means; its body must have been read."""
    status = response.status_code
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else APIStatusError)
    body = _json(response.content)
    said = body if isinstance(body, dict) else {}
    inner = said.get("error")
    told = inner if isinstance(inner, dict) else said  # ORCHEX nests it, others do not
    details = {"fields": told["fields"]} if "fields" in told else {}
    if isinstance(told.get("details"), dict):
        details |= told["details"]
    return kind(
        str(told.get("message") or told.get("detail") or f"The server answered {status}."),
        status=status,
        code=str(told.get("code") or (inner if isinstance(inner, str) else "")),
        request_id=_request_id(response, said),
        details=details,
        body=response.text if body is None else body,
        retry_after=_retry_after(response, details),
    )


def is_content(response: httpx2.Response, also: int | None) -> bool:
    """Whether an answer with this status of failure is content after all, not an error."""
    if response.status_code != also:
        return False
    body = _json(response.content)
    return isinstance(body, dict) and "error" not in body


def connection_error(error: httpx2.TransportError) -> APIConnectionError:
    """What a failure below HTTP means."""
    timed_out = isinstance(error, httpx2.TimeoutException)
    made = (APITimeoutError if timed_out else APIConnectionError)(_where(error))
    made.is_temporary = not isinstance(
        error, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError
    )
    return made


def _where(error: httpx2.TransportError) -> str:
    said = str(error) or type(error).__name__
    try:
        return f"No answer from {error.request.url}: {said}"
    except RuntimeError:  # it has no request
        return said


def _request_id(response: httpx2.Response, said: Mapping[str, Any]) -> str:
    meta = said.get("meta")
    inside = meta.get("request_id") if isinstance(meta, dict) else said.get("request_id")
    return str(response.headers.get("x-request-id") or inside or "")


def _retry_after(response: httpx2.Response, details: Mapping[str, Any]) -> float | None:
    """Seconds; ``X-RateLimit-Retry-After`` is on every answer and counts on a 429 alone."""
    found: Any = response.headers.get("retry-after")
    if found is None and response.status_code == 429:
        found = response.headers.get("x-ratelimit-retry-after") or details.get("retry_after")
    try:
        return None if found is None else max(0.0, float(found))
    except (TypeError, ValueError):
        return _seconds_until(str(found))


def _seconds_until(date: str) -> float | None:
    """Seconds until a date of HTTP; None for what is none."""
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except ValueError:
        return None


def _json(content: bytes) -> object:
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
