"""Prometheus metrics. Children of labelled metrics are looked up once and kept."""

from __future__ import annotations

import os
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        if os.path.isdir("/proc"):
            ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "lemnos_http_requests_total",
            "HTTP requests, by route and status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "lemnos_http_request_seconds",
            "Time from the request's first byte to the response's first byte.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.limited = Counter(
            "lemnos_rate_limited_total", "Requests over their limit.", registry=self.registry
        )
        self._routes: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request. ``route`` is a template, never a path, so that labels stay few."""
        key = (method, route, status)
        children = self._routes.get(key)
        if children is None:
            counter = self._requests.labels(method, route, str(status))
            children = self._routes[key] = (counter, self._seconds.labels(route))
        children[0].inc()
        children[1].observe(seconds)

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """A value that is read when metrics are asked for."""
        Gauge(name, text, registry=self.registry).set_function(read)

    def counter(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
        """A counter of this process."""
        return Counter(name, text, labels, registry=self.registry)

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
