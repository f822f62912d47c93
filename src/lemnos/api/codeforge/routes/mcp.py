"""MCP servers that all of a tenant's agents may use."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from lemnos.api.codeforge import examples, present, wire
from lemnos.api.kit.answers import answer, from_reply, reply
from lemnos.api.kit.describe import body_like
from lemnos.api.kit.operation import CoreDep, Ctx, OnceDep, needs, operations

router = operations("MCP servers", prefix="/api/v1/mcp/servers")
ServerName = Annotated[str, Path(max_length=100)]


@router.post(
    "",
    status_code=201,
    response_model=wire.Done,
    responses=examples.SERVER_REGISTERED,
    summary="Register an MCP server",
    **needs("mcp:write", **body_like(examples.NEW_MCP_SERVER)),
)
async def register_server(body: wire.McpServer, core: CoreDep, ctx: Ctx, once: OnceDep) -> Response:
    """Register a server for all tasks; a task's own server of the same name goes first."""
    kept = await core.door.reply(
        ctx,
        "mcp.register",
        lambda tx: core.mcp.register(tx, ctx, present.definition(body)),
        lambda server: reply({"name": server.name, "message": "MCP server registered."}, 201),
        once=once,
        target=body.name,
    )
    return from_reply(kept)


@router.get(
    "",
    response_model=wire.McpServerList,
    responses=examples.SERVERS,
    summary="List MCP servers",
    **needs("mcp:read"),
)
async def list_servers(core: CoreDep, ctx: Ctx) -> Response:
    """The tenant's servers; values of ``env`` and ``headers`` are redacted."""
    return answer({"servers": [present.server(one) for one in await core.mcp.list(ctx)]})


@router.delete(
    "/{name}",
    response_model=wire.Done,
    responses=examples.SERVER_DELETED,
    summary="Delete an MCP server",
    **needs("mcp:write"),
)
async def delete_server(name: ServerName, core: CoreDep, ctx: Ctx) -> Response:
    """Forget a server."""
    await core.door.do(ctx, "mcp.delete", lambda tx: core.mcp.remove(tx, ctx, name), target=name)
    return answer({"name": name, "message": "MCP server deleted."})
