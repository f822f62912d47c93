"""Ask the model, carry out the tools that it asks for, tell it what came of them; again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from lemnos.runners.builtin.model.conversation import Message, Reply, ToolAnswer, ToolCall
from lemnos.runners.builtin.model.mcp_tools import McpFailed, mcp_tools
from lemnos.runners.builtin.model.tools import BuiltinTool, workspace_tools
from lemnos.runners.builtin.model.transport import ModelClient, ModelFailed
from lemnos.runners.builtin.protocol import Emitter, Outcome, Request
from lemnos.runners.builtin.session import Session
from lemnos.runners.builtin.shell import clipped
from lemnos.runners.builtin.tree import Tree

MAX_TURNS = 100
DEFAULT_MODELS = {"anthropic": "claude-sonnet-4-20250514", "openai": "gpt-5"}
SYSTEM = """\
You are a coding agent at work in a checkout of a git repository: {root}
Do what the user asks for with the tools, in small steps. Read code before you change it, keep to \
its style, and run its tests after a change where there are any. Do not commit; that is done for \
you. When you are done, say in a few sentences what you changed and what you left alone."""


def run(request: Request, session: Session, emitter: Emitter, root: Path) -> Outcome:
    """Work until the model calls no more tools, or may not go on. Never raises ModelFailed."""
    assert request.endpoint is not None  # what the caller decides by
    session.messages.append(asdict(Message("user", request.prompt)))
    model = request.model or DEFAULT_MODELS[request.endpoint.provider]
    tree = Tree(root)
    try:
        with mcp_tools(request.mcp_servers) as foreign:
            tools = {t.tool.name: t for t in [*workspace_tools(tree), *foreign]}
            with ModelClient(request.endpoint, model) as client:
                work = _Loop(session, emitter, tree, tools, client)
                return work.run(request.max_turns or MAX_TURNS)
    except McpFailed as error:
        return Outcome("failed", error=str(error), error_class="agent")


class _Loop:
    def __init__(
        self,
        session: Session,
        emitter: Emitter,
        tree: Tree,
        tools: Mapping[str, BuiltinTool],
        client: ModelClient,
    ) -> None:
        self._session = session
        self._messages = [Message.from_record(record) for record in session.messages]
        self._emitter = emitter
        self._tree = tree
        self._tools = tools
        self._client = client
        self._turns = 0
        self._input_tokens = 0
        self._output_tokens = 0

    def run(self, max_turns: int) -> Outcome:
        system = SYSTEM.format(root=self._tree.root)
        offered = [tool.tool for tool in self._tools.values()]
        while self._turns < max_turns:
            try:
                reply = self._client.ask(system, self._messages, offered)
            except ModelFailed as error:
                return self._failed(str(error), error.error_class)
            self._take(reply)
            if reply.cut_off:
                return self._failed("the model's answer was cut off at its token limit", "agent")
            if not reply.message.calls:
                return self._ended(Outcome("completed", reply.message.text))
            answers = tuple(self._carry_out(call) for call in reply.message.calls)
            self._say(Message("user", answers=answers))
        return self._failed(f"the task is not done after {max_turns} turns", "agent")

    def _ended(self, outcome: Outcome) -> Outcome:
        return replace(
            outcome,
            turns=self._turns,
            input_tokens=self._input_tokens,
            output_tokens=self._output_tokens,
        )

    def _failed(self, error: str, error_class: str) -> Outcome:
        return self._ended(Outcome("failed", error=error, error_class=error_class))

    def _say(self, message: Message) -> None:
        self._messages.append(message)
        self._session.messages.append(asdict(message))

    def _take(self, reply: Reply) -> None:
        self._turns += 1
        self._input_tokens += reply.input_tokens
        self._output_tokens += reply.output_tokens
        self._emitter.emit(
            "usage", input_tokens=reply.input_tokens, output_tokens=reply.output_tokens
        )
        if reply.thinking:
            self._emitter.emit("thinking", text=reply.thinking)
        if reply.message.text:
            self._emitter.text(reply.message.text)
        self._say(reply.message)

    def _carry_out(self, call: ToolCall) -> ToolAnswer:
        self._emitter.tool_use(call.name, call.arguments, call.id)
        text, is_error = self._result_of(call)
        self._emitter.tool_result(call.id, call.name, text, is_error=is_error)
        for path, change in self._tree.settle():
            self._emitter.file_change(path, change)
        return ToolAnswer(call.id, text, is_error)

    def _result_of(self, call: ToolCall) -> tuple[str, bool]:
        """What the tool says, and whether that is an error; whatever goes wrong, it is told."""
        tool = self._tools.get(call.name)
        if call.problem or tool is None:
            return call.problem or f"there is no tool named {call.name}", True
        try:
            return clipped(tool.call(**call.arguments)), False
        except Exception as error:
            return f"{type(error).__name__}: {error}", True
