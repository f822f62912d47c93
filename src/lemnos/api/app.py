"""The application: every API's routes, the gate around them, and the one OpenAPI description."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema
from starlette.types import ASGIApp

import lemnos
from lemnos.api import codeforge, hephaestus, orchex, system
from lemnos.api.kit.core import Core
from lemnos.api.kit.dialect import Dialects
from lemnos.api.kit.direct import Direct
from lemnos.api.kit.operation import Operation
from lemnos.api.kit.shared_paths import describe_shared, is_shared

# Routes are tried in order, and what Hephaestus shares with CodeForge it takes by its ids' form.
DOCUMENTS = (hephaestus.DOCUMENT, codeforge.DOCUMENT, orchex.DOCUMENT)
DIALECTS = Dialects([one.dialect for one in DOCUMENTS], otherwise=codeforge.DOCUMENT.dialect)
OPEN_PATHS = (*system.OPEN_PATHS, *orchex.OPEN_PATHS)
_FAILURE_OF = {one.dialect.name: one.failure.__name__ for one in DOCUMENTS}
_TEXT = (
    "One control plane from prompt to production. Every operation but `/v1/health` and those under "
    "System needs `Authorization: Bearer <API key or JWT>`; `lemnos config get api.key` shows the "
    "local one. "
    "Every POST takes an `Idempotency-Key`; every answer carries `X-Request-ID`."
)


class Application(FastAPI):
    """FastAPI without its own error handling: failures go up to the gate, the one place for it."""

    def build_middleware_stack(self) -> ASGIApp:
        """The router alone; the gate stands around the whole application."""
        return AsyncExitStackMiddleware(self.router)

    def openapi(self) -> dict[str, Any]:
        """The description, with credentials and the errors' shape added."""
        if self.openapi_schema is None:
            self.openapi_schema = _completed(super().openapi(), self.state.operations)
        return self.openapi_schema


def make_app(core: Core | None) -> Application:
    """The application around a core; without one it can only describe itself."""
    app = Application(
        title="Lemnos",
        version=lemnos.__version__,
        description=_TEXT,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.core = core
    routers = (*_routers(), system.router)
    app.state.operations = tuple(route for router in routers for route in router.routes)
    for router in routers:
        app.include_router(router)
    return app


def direct(app: Application) -> Direct:
    """The application with the short way to its hot operations."""
    routes = (route for router in _routers() for route in router.routes)
    return Direct(app, (route for route in routes if isinstance(route, Operation)))


def _routers() -> Iterator[APIRouter]:
    return (router for document in DOCUMENTS for router in document.routers)


def _completed(schema: dict[str, Any], operations: Iterable[APIRoute]) -> dict[str, Any]:
    components = schema.setdefault("components", {})
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    bodies = [(body, "validation") for document in DOCUMENTS for body in document.bodies]
    failures = [(document.failure, "serialization") for document in DOCUMENTS]
    _, added = models_json_schema(
        [*bodies, *failures],  # type: ignore[list-item]
        ref_template="#/components/schemas/{model}",
    )
    schemas = components.setdefault("schemas", {})
    for name, definition in added["$defs"].items():
        schemas.setdefault(name, definition)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    shared = [one for one in operations if isinstance(one, Operation) and is_shared(one)]
    _restore_examples(schema["paths"], (one for one in operations if one not in shared))
    describe_shared(schema["paths"], shared)
    both = {one.path_format for one in shared}
    for path, item in schema["paths"].items():
        shapes = [_failure(path)]
        if path in both:
            shapes.append(_failure(path.replace("{task_id}", "task-")))
        for operation in item.values():
            _complete_operation(operation, shapes)
    return schema


def _restore_examples(paths: dict[str, Any], operations: Iterable[APIRoute]) -> None:
    """The framework drops every null from a description, those in examples too."""
    for operation in operations:
        for method in (operation.methods or ()) if operation.include_in_schema else ():
            shown = paths[operation.path][method.lower()]["responses"]
            for status, given in operation.responses.items():
                for kind, content in given.get("content", {}).items():
                    shown[str(status)]["content"][kind] |= content


def _failure(path: str) -> dict[str, str]:
    """The shape of the errors of a path's document."""
    return {"$ref": f"#/components/schemas/{_FAILURE_OF[DIALECTS.of(path).name]}"}


def _complete_operation(operation: dict[str, Any], shapes: list[dict[str, str]]) -> None:
    is_open = operation.get("x-permission") == "open"
    operation["security"] = [] if is_open else [{"bearer": []}]
    responses = operation["responses"]
    responses.pop("422", None)
    schema = shapes[0] if len(shapes) == 1 else {"oneOf": shapes}
    content = {"application/json": {"schema": schema}}
    if not is_open:
        for status, text in _FAILURES.items():
            responses.setdefault(status, {"description": text, "content": content})
    responses.setdefault("default", {"description": "What went wrong.", "content": content})


_FAILURES = {
    "400": "The request is not valid.",
    "401": "No valid credential.",
    "403": "The credential does not allow this.",
    "429": "Too many requests; see Retry-After.",
}
