"""What the OpenAPI description cannot find out by itself: examples, and direct operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def example(content: object, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """An example answer for the documentation."""
    return {status: {"content": {"application/json": {"example": content}}}}


def direct_body(model: type[BaseModel], sample: Mapping[str, Any]) -> dict[str, Any]:
    """The request body of a direct operation, which the framework cannot see."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    content = {"application/json": {"schema": schema, "example": sample}}
    return {"requestBody": {"required": True, "content": content}}


def body_like(sample: Mapping[str, Any]) -> dict[str, Any]:
    """An example beside the schema that the framework finds by itself."""
    return {"requestBody": {"content": {"application/json": {"example": sample}}}}


def in_path(name: str) -> dict[str, Any]:
    """A path parameter of a direct operation."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def in_query(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A query parameter of a direct operation."""
    return {"name": name, "in": "query", "required": False, "schema": schema}
