"""Prometheus metrics. Requests are counted in plain numbers, and told as metrics when asked for."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from lemnos.platform.telemetry.window import Window

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class _Route:
    """The requests to one route with one method and status."""

    __slots__ = ("buckets", "count", "seconds")

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0
        self.buckets = [0] * (len(_SECONDS) + 1)


class _Requests(Collector):
    """All requests of this process. Only the event loop counts, so nothing is locked."""

    def __init__(self) -> None:
        self.routes: dict[tuple[str, str, int], _Route] = {}

    def collect(self) -> Iterable[Metric]:
        """As Prometheus has it: buckets are cumulative."""
        total = CounterMetricFamily(
            "lemnos_http_requests",
            "HTTP requests, by route and status.",
            labels=("method", "route", "status"),
        )
        seconds = HistogramMetricFamily(
            "lemnos_http_request_seconds",
            "Time from the request's first byte to the end of its answer.",
            labels=("method", "route", "status"),
        )
        bounds = [*map(str, _SECONDS), "+Inf"]
        for (method, route, status), one in tuple(self.routes.items()):
            labels = (method, route, str(status))
            total.add_metric(labels, one.count)
            buckets = list(zip(bounds, accumulate(one.buckets), strict=True))
            seconds.add_metric(labels, buckets, one.seconds)
        return (total, seconds)


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        if os.path.isdir("/proc"):
            ProcessCollector(registry=self.registry)
        self._requests = _Requests()
        self.window = Window()
        self.registry.register(self._requests)
        self.limited = self.counter("lemnos_rate_limited_total", "Requests over their limit.")

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request. ``route`` is a template, never a path, so that labels stay few."""
        routes = self._requests.routes
        one = routes.get((method, route, status))
        if one is None:
            one = routes[method, route, status] = _Route()
        one.count += 1
        one.seconds += seconds
        one.buckets[bisect_left(_SECONDS, seconds)] += 1

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """A value that is read when metrics are asked for."""
        Gauge(name, text, registry=self.registry).set_function(read)

    def counter(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
        """A counter of this process."""
        return Counter(name, text, labels, registry=self.registry)

    def histogram(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Histogram:
        """Seconds that something took in this process, in the buckets of requests."""
        return Histogram(name, text, labels, buckets=_SECONDS, registry=self.registry)

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
