"""Paths that two documents share: told apart by the id in them, described as one.

The document of the rarer things declares its operations with :data:`OPERATION_ID` and comes first
among the routes; whatever id does not have that form falls through to the other one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi.openapi.utils import get_openapi
from starlette.convertors import StringConvertor, register_url_convertor

from lemnos.api.kit.operation import Operation

Json = dict[str, Any]
_JSON = "application/json"
_PERMISSION = "x-permission"


class _OperationId(StringConvertor):
    """Ids of operations, as ``kernel.ids.is_operation_id`` knows them."""

    regex = "task-[^/]*"


register_url_convertor("operation", _OperationId())
OPERATION_ID = "{task_id:operation}"  # a segment of a path


def is_shared(operation: Operation) -> bool:
    """Whether another document has an operation at the same path."""
    return OPERATION_ID in operation.path


def describe_shared(paths: Json, shared: Iterable[Operation]) -> None:
    """Put what the framework lets one document overwrite beside what the other one says."""
    for operation in shared:
        own = get_openapi(title="", version="", routes=[operation])["paths"]
        for path, item in own.items():
            for method, described in item.items():
                _join(paths[path][method], described, _samples(operation))


def _samples(operation: Operation) -> Mapping[str, Any]:
    """Its examples by status, with the nulls that the framework drops."""
    return {
        str(status): given["content"][_JSON]["example"]
        for status, given in operation.responses.items()
        if "example" in given.get("content", {}).get(_JSON, {})
    }


def _join(one: Json, other: Json, samples: Mapping[str, Any]) -> None:
    one["description"] = f"{one['description']}\n\n{other['description']}"
    one["tags"] = [*one["tags"], *other["tags"]]
    one[_PERMISSION] = [*_listed(one[_PERMISSION]), *_listed(other[_PERMISSION])]
    for status, response in other["responses"].items():
        if status not in one["responses"]:
            one["responses"][status] = response
            continue
        mine = one["responses"][status].get("content", {}).get(_JSON)
        theirs = response.get("content", {}).get(_JSON)
        if mine and theirs and status in samples:
            mine["schema"] = {"oneOf": [mine["schema"], theirs["schema"]]}
            mine["examples"] = {
                one["tags"][0]: {"value": mine.pop("example")},
                other["tags"][0]: {"value": samples[status]},
            }


def _listed(said: str | list[str]) -> list[str]:
    return [said] if isinstance(said, str) else said
