"""The tools of the run's MCP servers, through the `mcp` package's client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from lemnos.runners.builtin.model.conversation import Tool
from lemnos.runners.builtin.model.tools import BuiltinTool, ToolError
from lemnos.runners.builtin.protocol import McpConnection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.from_thread import BlockingPortal
    from mcp import Client

CALL_TIMEOUT = 300.0  # seconds


class McpFailed(Exception):
    """A server cannot be reached, or does not speak the protocol."""


@contextmanager
def mcp_tools(servers: Sequence[McpConnection]) -> Iterator[list[BuiltinTool]]:
    """Connect to the servers and offer their tools, named `mcp__<server>__<tool>`.

    Raises McpFailed. The client's event loop runs in a thread, so that the agent's own code stays
    a plain loop; without servers there is neither.
    """
    if not servers:
        yield []
        return
    from anyio.from_thread import start_blocking_portal

    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())
        tools: list[BuiltinTool] = []
        for server in servers:
            try:
                client = stack.enter_context(portal.wrap_async_context_manager(_connected(server)))
                tools += _tools_of(portal, server.name, client)
            except Exception as error:
                raise McpFailed(f"MCP server {server.name}: {_reason(error)}") from error
        yield tools


@asynccontextmanager
async def _connected(server: McpConnection) -> AsyncIterator[Client]:
    from mcp import Client, StdioServerParameters
    from mcp.client.streamable_http import streamable_http_client
    from mcp.shared._httpx_utils import create_mcp_http_client

    if server.command:
        command, *arguments = server.command
        parameters = StdioServerParameters(
            command=command, args=arguments, env=dict(server.env) or None
        )
        async with Client(parameters, read_timeout_seconds=CALL_TIMEOUT) as client:
            yield client
        return
    async with create_mcp_http_client(headers=dict(server.headers)) as http:
        transport = streamable_http_client(server.url, http_client=http)
        async with Client(transport, read_timeout_seconds=CALL_TIMEOUT) as client:
            yield client


def _tools_of(portal: BlockingPortal, server: str, client: Client) -> list[BuiltinTool]:
    tools = []
    cursor: str | None = None
    while True:
        listed = portal.call(partial(client.list_tools, cursor=cursor))
        for tool in listed.tools:
            name = f"mcp__{server}__{tool.name}"
            offered = Tool(name, tool.description or tool.name, dict(tool.input_schema))
            tools.append(BuiltinTool(offered, _caller(portal, client, tool.name)))
        cursor = listed.next_cursor
        if not cursor:
            return tools


def _caller(portal: BlockingPortal, client: Client, name: str) -> Any:
    def call(**arguments: Any) -> str:
        result = portal.call(client.call_tool, name, arguments)
        text = "\n".join(_text_of(block) for block in result.content)
        if result.is_error:
            raise ToolError(text)
        return text

    return call


def _text_of(block: Any) -> str:
    return str(getattr(block, "text", None) or f"[{block.type}]")


def _reason(error: BaseException) -> str:
    """The first real reason inside anyio's exception groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
