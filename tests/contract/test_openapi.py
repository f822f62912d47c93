"""The OpenAPI description: valid, complete, and kept by the running server."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from lemnos.api.app import make_app
from tests.contract.codeforge.test_document import BODIES, OPERATIONS
from tests.contract.orchex import document as orchex

DESCRIPTION: dict[str, Any] = make_app(None).openapi()
ALL = [
    (method, path, operation)
    for path, item in DESCRIPTION["paths"].items()
    for method, operation in item.items()
]


def _ids(found: list[tuple[str, str, dict[str, Any]]]) -> list[str]:
    return [f"{method.upper()} {path}" for method, path, _ in found]


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that stands alone, its references inside the description."""
    return {**schema, "components": DESCRIPTION["components"]}


def test_it_is_valid():
    validate(DESCRIPTION)


def test_operation_ids_are_unique():
    ids = [operation["operationId"] for _, _, operation in ALL]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("method", "path", "operation"), ALL, ids=_ids(ALL))
class TestOperation:
    def test_it_says_what_it_is(self, method: str, path: str, operation: dict[str, Any]):
        assert operation["summary"]
        assert operation["description"]
        assert operation["tags"]
        is_open = operation["x-permission"] == "open"
        assert operation["security"] == ([] if is_open else [{"bearer": []}])

    def test_it_shows_what_goes_in_and_out(self, method: str, path: str, operation: dict[str, Any]):
        """Examples of each JSON body, which its schema takes."""
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        good = [r for status, r in operation["responses"].items() if status.startswith("2")]
        assert good
        for body in bodies + good:
            content = body.get("content", {}).get("application/json")
            if content is None:
                continue
            assert "example" in content or "examples" in content, body
            shown = [one["value"] for one in content.get("examples", {}).values()]
            for sample in shown or [content["example"]]:
                jsonschema.validate(sample, _resolved(content["schema"]))

    def test_it_names_its_parameters(self, method: str, path: str, operation: dict[str, Any]):
        declared = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        assert declared == {part[1:-1] for part in path.split("/") if part.startswith("{")}


ORCHEX_BODIES = [
    ("post", "/v1/agents", orchex.REGISTER),
    ("post", "/v1/agents", orchex.REGISTER_BY_CURL),
    ("post", "/v1/agents", orchex.REGISTER_SHORTEST),
    ("put", "/v1/agents/{agent_id}", orchex.UPDATE),
    ("post", "/v1/tasks", orchex.SUBMIT),
    ("post", "/v1/tasks", orchex.SUBMIT_BY_CURL),
    ("post", "/v1/tasks", orchex.SUBMIT_SHORTEST),
    ("post", "/v1/tasks/{task_id}/retry", orchex.RETRY),
    ("post", "/v1/analyze", orchex.ANALYSE),
    ("post", "/v1/refactor", orchex.REFACTOR),
    ("post", "/v1/webhooks", orchex.WEBHOOK),
]
_CODEFORGE_BODIES = [
    ("post", path.replace("{id}", "{task_id}"), body) for path, body in BODIES.items()
]


@pytest.mark.parametrize(("method", "path", "body"), _CODEFORGE_BODIES + ORCHEX_BODIES)
def test_the_documents_bodies_fit(method: str, path: str, body: dict[str, Any]):
    content = DESCRIPTION["paths"][path][method]["requestBody"]["content"]["application/json"]
    jsonschema.validate(body, _resolved(_without_null(content["schema"])))


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    return next((s for s in schema.get("anyOf", []) if s.get("type") != "null"), schema)


def test_the_documents_operations_are_all_there():
    shown = {(method.upper(), path.replace("{task_id}", "{id}")) for method, path, _ in ALL}
    assert {(method, path.partition("?")[0]) for method, path, _ in OPERATIONS} <= shown
    by_position = {(method, re.sub(r"{\w+}", "{}", path)) for method, path in shown}
    assert set(orchex.OPERATIONS) <= by_position


HEPHAESTUS = ("/api/v1/quality", "/api/v1/cleanup", "/api/v1/analytics")
SHARED = {f"/api/v1/tasks/{{task_id}}{rest}" for rest in ("", "/stream", "/cancel")}


def test_each_document_s_failures_have_its_own_shape():
    for _, path, operation in ALL:
        content = operation["responses"]["default"]["content"]["application/json"]
        name = "Failure" if path.startswith("/v1/") else "Error"
        name = "ErrorDetail" if path.startswith(HEPHAESTUS) else name
        shape = {"$ref": f"#/components/schemas/{name}"}
        other = {"$ref": "#/components/schemas/ErrorDetail"}
        assert content["schema"] == ({"oneOf": [shape, other]} if path in SHARED else shape)


def test_paths_of_two_documents_are_described_for_both():
    one = DESCRIPTION["paths"]["/api/v1/tasks/{task_id}"]["get"]
    content = one["responses"]["200"]["content"]["application/json"]
    names = [schema["$ref"].rpartition("/")[2] for schema in content["schema"]["oneOf"]]
    assert names == ["Task", "OperationState"]
    assert one["x-permission"] == ["tasks:read", "quality:read", "cleanup:read"]
    assert "task-" in one["description"]
