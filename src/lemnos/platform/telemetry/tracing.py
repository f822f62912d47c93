"""OpenTelemetry traces: off unless an endpoint is configured, and then made by hand.

Automatic instrumentation would cost most of the throughput, so a request and a job each make one
span here. The trace id comes from the caller's ``traceparent`` (W3C Trace Context) where it sends
one.
"""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from lemnos.kernel import ids
from lemnos.kernel.errors import Invalid

# Version ff is forbidden; later versions than 00 may say more at the end.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?P<trace>[0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)


class Tracer(Protocol):
    """Makes spans."""

    def span(self, name: str, trace_id: str = "", **attributes: Any) -> AbstractContextManager[Any]:
        """A span of a trace; a new trace without an id."""
        ...

    def close(self) -> None:
        """Send what is buffered."""
        ...


class NoTracer:
    """No traces."""

    _nothing = nullcontext()

    def span(self, name: str, trace_id: str = "", **attributes: Any) -> AbstractContextManager[Any]:
        """Does nothing."""
        return self._nothing

    def close(self) -> None:
        """Nothing to send."""


class OtlpTracer:
    """Spans sent in batches to an OTLP/HTTP endpoint."""

    def __init__(self, endpoint: str, version: str) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            message = "LEMNOS_OTLP_ENDPOINT is set, but lemnos[otel] is not installed."
            raise Invalid(message, code="invalid_settings") from error
        resource = Resource.create({"service.name": "lemnos", "service.version": version})
        self._provider = TracerProvider(resource=resource)
        url = endpoint if endpoint.endswith("/v1/traces") else f"{endpoint.rstrip('/')}/v1/traces"
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
        self._tracer = self._provider.get_tracer("lemnos", version)

    def span(self, name: str, trace_id: str = "", **attributes: Any) -> AbstractContextManager[Any]:
        """A span; its trace has the given id."""
        from opentelemetry import trace

        parent = trace.set_span_in_context(
            trace.NonRecordingSpan(
                trace.SpanContext(
                    trace_id=int(trace_id or ids.new_trace_id(), 16),
                    span_id=int(ids.new_trace_id()[:16], 16),
                    is_remote=True,
                    trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
                )
            )
        )
        return self._tracer.start_as_current_span(name, context=parent, attributes=attributes)

    def close(self) -> None:
        """Send what is buffered."""
        self._provider.shutdown()


def make_tracer(endpoint: str, version: str) -> Tracer:
    """The tracer that the settings ask for."""
    return OtlpTracer(endpoint, version) if endpoint else NoTracer()


def trace_id_of(traceparent: str) -> str:
    """The trace id in a ``traceparent`` header; empty when there is none or it is malformed."""
    found = _TRACEPARENT.fullmatch(traceparent)
    return found["trace"] if found and found["trace"] != "0" * 32 else ""
