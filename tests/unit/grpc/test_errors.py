"""Failures in gRPC's words."""

from __future__ import annotations

from typing import Any

import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode

from lemnos.grpc.errors import CODES, message_of, trailer
from lemnos.kernel.errors import Invalid, Kind, LemnosError, NotFound, RateLimited

_CLIENTS_TAKE = 8 * 1024  # bytes of metadata


def told(error: LemnosError) -> tuple[Status, dict[str, Any]]:
    """The status in the trailing metadata, and its details by type."""
    said = dict(trailer(error, "req_1"))
    packed = said["grpc-status-details-bin"]
    assert isinstance(packed, bytes)
    status = Status.FromString(packed)
    found: dict[str, Any] = {}
    for kind in (ErrorInfo, RequestInfo, BadRequest, RetryInfo):
        for detail in status.details:
            if detail.Is(kind.DESCRIPTOR):
                found[kind.__name__] = kind.FromString(detail.value)
    return status, found


def test_every_kind_has_a_code() -> None:
    assert set(CODES) == set(Kind)
    assert StatusCode.OK not in CODES.values()


def test_programs_are_told_the_reason_and_the_request() -> None:
    status, details = told(NotFound("No such task.", code="task_not_found", details={"n": 1}))
    assert (status.code, status.message) == (5, "No such task.")
    info = details["ErrorInfo"]
    assert (info.reason, info.domain, dict(info.metadata)) == (
        "TASK_NOT_FOUND",
        "lemnos",
        {"n": "1"},
    )
    assert details["RequestInfo"].request_id == "req_1"
    assert details.keys() == {"ErrorInfo", "RequestInfo"}


def test_each_field_is_told_of() -> None:
    _, details = told(Invalid("Wrong.", fields={"limit": "must be 1", "root": "is /"}))
    violations = details["BadRequest"].field_violations
    assert [(each.field, each.description) for each in violations] == [
        ("limit", "must be 1"),
        ("root", "is /"),
    ]


def test_who_should_wait_is_told_how_long() -> None:
    error = RateLimited("Later.", retry_after=1.25)
    assert dict(trailer(error, "req_1"))["retry-after"] == "2"
    delay = told(error)[1]["RetryInfo"].retry_delay
    assert (delay.seconds, delay.nanos) == (1, 250_000_000)


@pytest.mark.parametrize("character", ["x", "ü", "\U0001f525", "\n"])
def test_what_is_said_fits_into_metadata(character: str) -> None:
    long = character * 100_000
    error = Invalid(long, fields={f"{n}{long}": long for n in range(100)})
    packed = dict(trailer(error, "req_1"))["grpc-status-details-bin"]
    # Base64 makes three bytes four, percent encoding one byte three.
    assert len(packed) * 4 / 3 + len(message_of(error).encode()) * 3 < _CLIENTS_TAKE
