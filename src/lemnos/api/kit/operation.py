"""Operations: routes that declare the permission they need.

``router = operations("Keys", prefix="/api/v1/keys")``, ``@router.post("", **needs("keys:write"))``.
A route without a declaration cannot be made, so a new operation is never open by accident.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from lemnos.api.kit.core import Core
from lemnos.kernel.context import Context
from lemnos.kernel.errors import Invalid, Unauthenticated, Unavailable
from lemnos.platform.execute import Once

CONTEXT = "lemnos.context"  # where the gate puts the request's context in its scope
CREDENTIAL = "lemnos.credential"  # and what the caller was authenticated by, in bytes
ROUTE = "lemnos.route"  # and where a route leaves its template, for metrics
OPEN = "open"  # the permission of an operation that needs none
_PERMISSION = "x-permission"
_Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_LONGEST_KEY = 255


def needs(*permissions: str, direct: bool = False, **extra: Any) -> dict[str, Any]:
    """Declare an operation's permission; ``OPEN`` for one without credentials.

    With several, any of them opens it: for an operation on things of several kinds, whose handler
    then asks for the one of the thing at hand. A ``direct`` operation is called with the bare
    request, without the framework's parsing: for the few that are hot. ``extra`` goes to the
    OpenAPI description.
    """
    shown = permissions[0] if len(permissions) == 1 else list(permissions)
    return {"openapi_extra": {_PERMISSION: shown, "x-direct": direct, **extra}}


class Operation(APIRoute):
    """A route that checks its permission before its handler runs."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        described = options.get("openapi_extra") or {}
        if _PERMISSION not in described:
            raise TypeError(f"{endpoint.__name__} declares no permission: use needs(…).")
        declared = described[_PERMISSION]
        self.permissions: tuple[str, ...] = (
            (declared,) if isinstance(declared, str) else tuple(declared)
        )
        self.direct: bool = described.get("x-direct", False)
        options["openapi_extra"] = {k: v for k, v in described.items() if k != "x-direct"}
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> _Handler:
        """The handler behind the permission check."""
        inner = cast(
            _Handler,
            self.endpoint if self.direct else super().get_route_handler(),
        )
        permissions, template = self.permissions, self.path_format
        is_open = permissions == (OPEN,)

        async def handler(request: Request) -> Response:
            scope = request.scope
            scope[ROUTE] = template
            if not is_open:
                scope[CONTEXT].principal.demand(*permissions)
            return await inner(request)

        return handler


def operations(tag: str, prefix: str = "") -> APIRouter:
    """A router whose routes are operations, under a heading of the documentation."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=Operation)


def core_of(request: Request) -> Core:
    """The use cases of this server."""
    return cast("Core", request.app.state.core)


def context_of(request: Request) -> Context:
    """Who is asking."""
    return cast("Context", request.scope[CONTEXT])


async def is_admitted(request: Request) -> bool:
    """Whether the caller's credential is still good: for answers that outlast a revocation."""
    identity, credential = core_of(request).identity, request.scope[CREDENTIAL]
    if identity.cached(credential) is not None:
        return True
    try:
        await identity.authenticate(credential.decode("latin-1"))
    except Unauthenticated:
        return False
    except Unavailable:  # nobody can tell for the moment
        return True
    return True


async def known_caller(request: Request) -> Context | None:
    """Who asks an open operation, if they say so by a credential that is valid."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    try:
        caller = await core_of(request).identity.authenticate(credential.strip())
    except (Unauthenticated, Unavailable):
        return None
    return replace(context_of(request), principal=caller)


async def once_of(request: Request) -> Once | None:
    """The idempotency of a request that carries an ``Idempotency-Key``, else None."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= _LONGEST_KEY:
        problem = {"Idempotency-Key": f"must have 1 to {_LONGEST_KEY} characters"}
        raise Invalid("The Idempotency-Key is not valid.", fields=problem)
    query = request.scope["query_string"]
    digest = hashlib.sha256(b"%s\0%s" % (query, await request.body())).digest()
    return Once(key, f"{request.method} {request.url.path}", digest)


CoreDep = Annotated[Core, Depends(core_of)]
Ctx = Annotated[Context, Depends(context_of)]
OnceDep = Annotated[Once | None, Depends(once_of)]
