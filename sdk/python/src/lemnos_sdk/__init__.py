"""Clients of Lemnos: ORCHEX, CodeForge and Hephaestus, blocking and asynchronous.

::

    from lemnos_sdk import ORCHEX

    with ORCHEX() as orchex:  # ORCHEX_BASE_URL and ORCHEX_API_KEY, or LEMNOS_…
        task = orchex.tasks.submit(type="code_generation", description="A parser for CSV")
        print(task.wait().code)
"""

from lemnos_sdk import webhooks
from lemnos_sdk._errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    ConflictError,
    LemnosError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    ServerError,
    TaskAwaitingDecisionError,
    TaskCancelledError,
    TaskError,
    TaskFailedError,
    UnprocessableError,
    ValidationError,
    WaitTimeoutError,
    WebhookVerificationError,
)
from lemnos_sdk._events import EventStream, TaskEvent
from lemnos_sdk._pages import Page, Pages
from lemnos_sdk._version import __version__
from lemnos_sdk.codeforge import AsyncCodeForge, CodeForge
from lemnos_sdk.hephaestus import AsyncHephaestus, Hephaestus
from lemnos_sdk.orchex import ORCHEX, AsyncORCHEX

__all__ = [
    "ORCHEX",
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncCodeForge",
    "AsyncHephaestus",
    "AsyncORCHEX",
    "AuthenticationError",
    "CodeForge",
    "ConflictError",
    "EventStream",
    "Hephaestus",
    "LemnosError",
    "NotFoundError",
    "Page",
    "Pages",
    "PermissionDeniedError",
    "RateLimitError",
    "ResponseError",
    "ServerError",
    "TaskAwaitingDecisionError",
    "TaskCancelledError",
    "TaskError",
    "TaskEvent",
    "TaskFailedError",
    "UnprocessableError",
    "ValidationError",
    "WaitTimeoutError",
    "WebhookVerificationError",
    "__version__",
    "webhooks",
]
