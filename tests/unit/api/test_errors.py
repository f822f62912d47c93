"""Failures in each document's words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from lemnos.api.app import DIALECTS
from lemnos.api.kit.errors import MethodNotAllowed, as_lemnos_error
from lemnos.api.orchex.wire.tasks import SubmitTask
from lemnos.kernel.errors import (
    Conflict,
    Forbidden,
    Invalid,
    LemnosError,
    NotFound,
    RateLimited,
    TimedOut,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unprocessable,
)


def told(error: LemnosError, path: str = "/v1/tasks") -> dict[str, Any]:
    return dict(DIALECTS.of(path).error(error, "req_1"))


def refused(text: str) -> LemnosError:
    """What a body is refused for."""
    with pytest.raises(ValidationError) as caught:
        SubmitTask.model_validate_json(text)
    known = as_lemnos_error(caught.value, {})
    assert known is not None
    return known


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Invalid("x"), "VALIDATION_ERROR"),
        (Unauthenticated("x"), "AUTHENTICATION_ERROR"),
        (Forbidden("x"), "AUTHORIZATION_ERROR"),
        (NotFound("x"), "NOT_FOUND"),
        (MethodNotAllowed("GET"), "METHOD_NOT_ALLOWED"),
        (Conflict("x"), "CONFLICT"),
        (TooLarge("x"), "PAYLOAD_TOO_LARGE"),
        (Unprocessable("x"), "UNPROCESSABLE_ENTITY"),
        (RateLimited("x"), "RATE_LIMIT_EXCEEDED"),
        (LemnosError("x"), "INTERNAL_ERROR"),
        (Unavailable("x"), "SERVICE_UNAVAILABLE"),
        (TimedOut("x"), "TIMEOUT"),
    ],
)
def test_every_kind_has_a_code_in_the_envelope(error: LemnosError, code: str):
    body = told(error)
    assert (body["success"], body["error"]["code"]) == (False, code)
    assert body["meta"]["request_id"] == "req_1"
    assert body["meta"]["timestamp"].endswith("Z")


def test_the_document_s_example_of_a_missing_field():
    error = told(refused('{"type": "testing"}'))["error"]
    assert error == {
        "code": "VALIDATION_ERROR",
        "message": "Invalid request parameters",
        "details": {
            "field": "description",
            "issue": "required",
            "fields": {"description": "required"},
        },
    }


def test_the_document_s_example_of_an_unknown_type():
    error = told(refused('{"type": "magic", "description": "x"}'))["error"]
    assert error["details"]["field"] == "type"
    assert error["details"]["issue"] == (
        "must be one of: code_generation, code_review, debugging, refactoring, "
        "documentation, testing, architecture, security_analysis"
    )


def test_the_first_problem_is_named_and_all_are_listed():
    body = '{"type": 1, "requirements": {"priority": "soon", "max_tokens": 0}, "who": 1}'
    details = told(refused(body))["error"]["details"]
    assert details["field"] == next(iter(details["fields"]))
    assert set(details["fields"]) == {
        *("type", "description", "who"),
        *("requirements.priority", "requirements.max_tokens"),
    }


def test_details_narrow_the_code():
    error = told(Conflict("It is taken.", code="agent_exists", details={"agent_id": "a"}))["error"]
    assert error["message"] == "It is taken."
    assert error["details"] == {"reason": "agent_exists", "agent_id": "a"}


def test_credentials_and_limits_have_the_document_s_messages():
    assert told(Unauthenticated("Mistyped."))["error"] == {
        "code": "AUTHENTICATION_ERROR",
        "message": "Invalid API key",
        "details": {"issue": "Mistyped."},
    }
    details = {"retry_after": 3600, "limit": 1000, "remaining": 0}
    limited = RateLimited("x", code="rate_limit_exceeded", details=details, retry_after=3600)
    assert told(limited)["error"] == {
        "code": "RATE_LIMIT_EXCEEDED",
        "message": "Rate limit exceeded",
        "details": details,
    }


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/tasks", "orchex"),
        ("/v1", "orchex"),
        ("/v1/no/such/path", "orchex"),
        ("/v1x", "codeforge"),
        ("/api/v1/tasks", "codeforge"),
        ("/health", "codeforge"),
        ("/", "codeforge"),
    ],
)
def test_the_path_decides_on_the_words(path: str, name: str):
    assert DIALECTS.of(path).name == name
    assert (DIALECTS.limits_of(path) is None) == (name == "codeforge")
