"""A receiver of webhooks that keeps every request and answers as it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.loopback import ConnectionReset, LoopbackServer, Reply, Request


@dataclass(frozen=True)
class Response:
    """What the sink answers. `delay` is in seconds; `reset` breaks the connection instead."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    reset: bool = False


def redirect(url: str, status: int = 307) -> Response:
    return Response(status, headers={"Location": url})


@dataclass(frozen=True)
class Delivery:
    """A request with the time at which it came, in seconds of the monotonic clock."""

    request: Request
    at: float


class WebhookSink(LoopbackServer):
    """Answers with the queued responses in their order, then with `default`."""

    def __init__(self, default: Response | None = None) -> None:
        super().__init__()
        self.default = default or Response()
        self.deliveries: list[Delivery] = []
        self._queue: list[Response] = []
        self._changed = threading.Condition()

    @property
    def requests(self) -> list[Request]:
        with self._changed:
            return [delivery.request for delivery in self.deliveries]

    def respond(self, *responses: Response | int) -> None:
        """Queue responses, or plain statuses, for the next requests."""
        with self._changed:
            self._queue += [Response(r) if isinstance(r, int) else r for r in responses]

    def wait_for(
        self, count: int | Callable[[list[Request]], bool], timeout: float = 30
    ) -> list[Request]:
        """Wait for so many requests, or for a condition on them; returns them all.

        Raises TimeoutError after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                requests = [delivery.request for delivery in self.deliveries]
                if len(requests) >= count if isinstance(count, int) else count(requests):
                    return requests
                if not self._changed.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"after {timeout} s there were {len(requests)} requests")

    def answer(self, request: Request) -> Reply:
        with self._changed:
            self.deliveries.append(Delivery(request, time.monotonic()))
            response = self._queue.pop(0) if self._queue else self.default
            self._changed.notify_all()
        if response.delay:
            self.closing.wait(response.delay)
        if response.reset:
            raise ConnectionReset
        return Reply(response.status, response.body, dict(response.headers))
