"""The tiny MCP server, driven by the official SDK's client."""

import sys
from pathlib import Path

import httpx2
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from tests.support import mcp_server
from tests.support.mcp_http import McpHttpServer


async def test_stdio(tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    parameters = StdioServerParameters(
        command=sys.executable, args=[mcp_server.__file__], env={"NOTE_FILE": str(note)}
    )
    async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        assert [tool.name for tool in (await session.list_tools()).tools] == ["note"]
        result = await session.call_tool("note", {"text": "milk"})
    assert [part.model_dump()["text"] for part in result.content] == ["noted: milk"]
    assert note.read_text() == "milk"


async def test_streamable_http(tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    with McpHttpServer(str(note)) as server:
        async with (
            streamable_http_client(server.url + "/mcp") as (read, write, *_),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            await session.call_tool("note", {"text": "bread"})
    assert note.read_text() == "bread"


def test_the_http_server_asks_for_its_token(tmp_path: Path) -> None:
    with McpHttpServer(str(tmp_path / "note.txt"), token="t0ken") as server:
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        refused = httpx2.post(server.url + "/mcp", json=ping)
        headers = {"Authorization": "Bearer t0ken"}
        accepted = httpx2.post(server.url + "/mcp", json=ping, headers=headers)
    assert (refused.status_code, accepted.status_code) == (401, 200)
    assert accepted.json()["result"] == {}
