"""The short way to the hot operations: by a dictionary, past the framework's routing.

They are ordinary operations of the application, documented and tested as such; here they are only
found faster, and called with the bare request. Everything else goes on to the application, ids of
another document's things at a hot path too.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from lemnos.api.kit.operation import Operation

_Handler = Callable[[Request], Awaitable[Response]]


class Direct:
    """Wraps the application; of its ``operations`` those declared with ``direct=True``."""

    def __init__(self, app: ASGIApp, operations: Iterable[Operation]) -> None:
        self._app = app
        self._exact: dict[tuple[str, str], _Handler] = {}
        self._children: dict[tuple[str, str], tuple[str, _Handler]] = {}
        self._others: dict[tuple[str, str], re.Pattern[str]] = {}  # children that are not meant
        for operation in operations:
            self._add(operation)

    def _add(self, operation: Operation) -> None:
        parent, _, last = operation.path_format.rpartition("/")
        if "{" in parent:
            return  # found by the application
        if not operation.direct:
            self._leave(operation, parent)
            return
        handler = operation.get_route_handler()
        for method in operation.methods or ():
            if last.startswith("{"):
                self._children[method, parent] = (last.strip("{}"), handler)
            else:
                self._exact[method, operation.path] = handler

    def _leave(self, operation: Operation, parent: str) -> None:
        """Leave to the application what an operation takes by the form of its last segment."""
        name = operation.path_format.rpartition("/")[2].strip("{}")
        if operation.path != operation.path_format and name in operation.param_convertors:
            pattern = re.compile(operation.param_convertors[name].regex)
            self._others |= {(method, parent): pattern for method in operation.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._find(scope) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        scope["app"] = self._app
        response = await found(Request(scope, receive))
        await response(scope, receive, send)

    def _find(self, scope: Scope) -> _Handler | None:
        method, path = scope["method"], scope["path"]
        exact = self._exact.get((method, path))
        if exact is not None:
            return exact
        parent, _, last = path.rpartition("/")
        child = self._children.get((method, parent))
        if child is None or not last:
            return None
        others = self._others.get((method, parent))
        if others is not None and others.fullmatch(last):
            return None
        scope["path_params"] = {child[0]: last}
        return child[1]
