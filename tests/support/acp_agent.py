"""A small real ACP agent, on the agent side of the `agent-client-protocol` package.

It does what its prompt says, a step a line:

    say WORDS | write PATH WORDS | run COMMAND | note WORDS (by the first MCP server, over stdio)
    ask PATH (permission to write there, then it does) | sleep (until cancelled) | hang (deaf)
    crash | huge BYTES | recall (what was said in the session before) | refuse

Sessions are kept in `$HOME/acp-sessions`, so that `session/load` works in a new process.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from acp import (
    PROTOCOL_VERSION,
    InitializeResponse,
    LoadSessionResponse,
    NewSessionResponse,
    PromptResponse,
    run_agent,
    start_tool_call,
    text_block,
    tool_content,
    tool_diff_content,
    update_agent_message,
    update_tool_call,
    update_user_message,
)
from acp.schema import AgentCapabilities, PermissionOption, ToolCallLocation, ToolCallUpdate

SESSIONS = Path(os.environ.get("HOME", "."), "acp-sessions")


class ScriptedAgent:
    """Carries out prompts in the workspace that the session names."""

    def __init__(self) -> None:
        self._client: Any = None
        self._cwd = Path()
        self._servers: list[Any] = []
        self._cancelled = asyncio.Event()
        self._calls = 0

    def on_connect(self, conn: Any) -> None:
        self._client = conn

    async def initialize(self, protocol_version: int, **_: Any) -> InitializeResponse:
        offers = AgentCapabilities(load_session="--forgetful" not in sys.argv)
        return InitializeResponse(protocol_version=PROTOCOL_VERSION, agent_capabilities=offers)

    async def new_session(
        self, cwd: str, mcp_servers: list[Any] | None = None, **_: Any
    ) -> NewSessionResponse:
        self._cwd, self._servers = Path(cwd), mcp_servers or []
        return NewSessionResponse(session_id=uuid4().hex)

    async def load_session(
        self, cwd: str, session_id: str, mcp_servers: list[Any] | None = None, **_: Any
    ) -> LoadSessionResponse:
        self._cwd, self._servers = Path(cwd), mcp_servers or []
        for prompt in _history(session_id):
            await self._client.session_update(session_id, update_user_message(text_block(prompt)))
            await self._say(session_id, "replayed")
        return LoadSessionResponse()

    async def cancel(self, session_id: str, **_: Any) -> None:
        self._cancelled.set()

    async def prompt(self, session_id: str, prompt: list[Any], **_: Any) -> PromptResponse:
        text = "\n".join(block.text for block in prompt)
        for line in text.splitlines():
            verb, _space, rest = line.strip().partition(" ")
            if not verb:
                continue
            stop = await getattr(self, f"_do_{verb}")(session_id, rest)
            if stop:
                return PromptResponse(stop_reason=stop)
        SESSIONS.mkdir(exist_ok=True)
        (SESSIONS / session_id).write_text(json.dumps([*_history(session_id), text]))
        return PromptResponse(stop_reason="end_turn")

    # --- steps --------------------------------------------------------------------------------

    async def _do_say(self, session: str, words: str) -> None:
        await self._say(session, words)

    async def _do_recall(self, session: str, _: str) -> None:
        await self._say(session, f"before: {_history(session)}")

    async def _do_huge(self, session: str, size: str) -> None:
        await self._say(session, "x" * int(size))

    async def _do_write(self, session: str, rest: str) -> None:
        path, _space, words = rest.partition(" ")
        call = await self._start(session, f"write {path}", "edit")
        target = self._cwd / path
        old = target.read_text() if target.exists() else None
        target.write_text(words + "\n")
        content = [tool_diff_content(path, words, old)]
        await self._end(session, call, "completed", content)

    async def _do_run(self, session: str, command: str) -> None:
        call = await self._start(session, command, "execute")
        shell = ["/bin/sh", "-c", command]
        ended = await asyncio.to_thread(
            subprocess.run, shell, cwd=self._cwd, capture_output=True, text=True, check=False
        )
        status = "failed" if ended.returncode else "completed"
        output = tool_content(text_block(ended.stdout + ended.stderr))
        await self._end(session, call, status, [output])

    async def _do_ask(self, session: str, path: str) -> None:
        call = await self._start(session, f"ask {path}", "edit")
        options = [
            PermissionOption(option_id=kind, name=kind, kind=kind)
            for kind in ("allow_always", "allow_once", "reject_once")
        ]
        places = [ToolCallLocation(path=str(self._cwd / path))]
        question = ToolCallUpdate(tool_call_id=call, locations=places)
        answer = await self._client.request_permission(
            session_id=session, tool_call=question, options=options
        )
        chosen = getattr(answer.outcome, "option_id", "cancelled")
        if chosen.startswith("allow"):
            (self._cwd / path).write_text("allowed\n")
        await self._end(session, call, "completed", [])
        await self._say(session, f"permission: {chosen}")

    async def _do_note(self, session: str, words: str) -> None:
        from mcp import Client, StdioServerParameters

        server = self._servers[0]
        call = await self._start(session, "note", "other")
        parameters = StdioServerParameters(
            command=server.command, args=server.args, env={v.name: v.value for v in server.env}
        )
        async with Client(parameters) as client:
            result = await client.call_tool("note", {"text": words})
        texts = "".join(getattr(block, "text", "") for block in result.content)
        await self._end(session, call, "completed", [tool_content(text_block(texts))])

    async def _do_sleep(self, session: str, _: str) -> str:
        await self._start(session, "sleep", "execute")
        await self._cancelled.wait()
        return "cancelled"

    async def _do_hang(self, session: str, _: str) -> None:
        await self._start(session, "hang", "execute")
        subprocess.Popen(["/bin/sleep", "36000.25"])
        while True:
            time.sleep(3600)

    async def _do_crash(self, session: str, _: str) -> None:
        sys.stderr.write("the agent has crashed\n")
        sys.stderr.flush()
        os._exit(7)

    async def _do_refuse(self, session: str, _: str) -> str:
        return "refusal"

    async def _say(self, session: str, words: str) -> None:
        await self._client.session_update(session, update_agent_message(text_block(words)))

    async def _start(self, session: str, title: str, kind: Any) -> str:
        self._calls += 1
        call = f"call-{self._calls}"
        update = start_tool_call(call, title, kind=kind, status="in_progress")
        await self._client.session_update(session, update)
        return call

    async def _end(self, session: str, call: str, status: Any, content: list[Any]) -> None:
        update = update_tool_call(call, status=status, content=content)
        await self._client.session_update(session, update)


def _history(session_id: str) -> list[str]:
    try:
        history: list[str] = json.loads((SESSIONS / session_id).read_text())
    except FileNotFoundError:
        return []
    return history


if __name__ == "__main__":
    agent: Any = ScriptedAgent()
    asyncio.run(run_agent(agent))
