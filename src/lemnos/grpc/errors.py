"""Failures as gRPC tells them: a status code, and details of the kinds in ``google.rpc``.

The details are in the trailing metadata ``grpc-status-details-bin``, as the richer error model has
it (https://grpc.io/docs/guides/error/), which the clients of most languages can read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from math import ceil

from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode

from lemnos.kernel.errors import Kind, LemnosError

Metadata = tuple[tuple[str, str | bytes], ...]

_DOMAIN = "lemnos"
# Clients take 8 KiB of metadata, in which bytes need a third more, and texts up to three times.
_LONGEST = 200  # bytes of a text
_MOST_FIELDS = 8

CODES: Mapping[Kind, StatusCode] = {
    Kind.VALIDATION: StatusCode.INVALID_ARGUMENT,
    Kind.UNAUTHENTICATED: StatusCode.UNAUTHENTICATED,
    Kind.FORBIDDEN: StatusCode.PERMISSION_DENIED,
    Kind.NOT_FOUND: StatusCode.NOT_FOUND,
    Kind.CONFLICT: StatusCode.FAILED_PRECONDITION,
    Kind.UNPROCESSABLE: StatusCode.FAILED_PRECONDITION,
    Kind.TOO_LARGE: StatusCode.RESOURCE_EXHAUSTED,
    Kind.RATE_LIMITED: StatusCode.RESOURCE_EXHAUSTED,
    Kind.UNAVAILABLE: StatusCode.UNAVAILABLE,
    Kind.TIMEOUT: StatusCode.DEADLINE_EXCEEDED,
    Kind.INTERNAL: StatusCode.INTERNAL,
}


def message_of(error: LemnosError) -> str:
    """What is said to people, short enough for the metadata that carries it."""
    return _short(error.message)


def trailer(error: LemnosError, request_id: str) -> Metadata:
    """What the trailing metadata says of an error."""
    status = Status(code=CODES[error.kind].value[0], message=message_of(error))
    for detail in _details(error, request_id):
        packed = Any()
        packed.Pack(detail)
        status.details.append(packed)
    said: Metadata = (("grpc-status-details-bin", status.SerializeToString()),)
    if error.retry_after is not None:
        said += (("retry-after", str(max(1, ceil(error.retry_after)))),)
    return said


def _details(error: LemnosError, request_id: str) -> Iterator[Message]:
    extra = {name: _short(str(value)) for name, value in error.details.items()}
    yield ErrorInfo(reason=error.code.upper(), domain=_DOMAIN, metadata=extra)
    yield RequestInfo(request_id=request_id)
    if error.fields:
        yield BadRequest(
            field_violations=[
                BadRequest.FieldViolation(field=_short(field), description=_short(problem))
                for field, problem in islice(error.fields.items(), _MOST_FIELDS)
            ]
        )
    if error.retry_after is not None:
        info = RetryInfo()
        info.retry_delay.FromNanoseconds(round(error.retry_after * 1_000_000_000))
        yield info


def _short(text: str) -> str:
    encoded = text.encode()
    if len(encoded) <= _LONGEST:
        return text
    return encoded[:_LONGEST].decode(errors="ignore") + "…"
