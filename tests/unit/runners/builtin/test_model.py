"""The tool loop's own parts; what the loop does as a whole is in tests/conformance/runtime."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lemnos.runners.builtin.model.conversation import Message, ToolAnswer, ToolCall
from lemnos.runners.builtin.model.streams import StreamBroken, anthropic_body, chat_body
from lemnos.runners.builtin.model.tools import ToolError, workspace_tools
from lemnos.runners.builtin.model.wires import WIRES
from lemnos.runners.builtin.protocol import Endpoint
from lemnos.runners.builtin.tree import OutsideWorkspace, Tree
from tests.support.loopback import LoopbackServer, Reply, Request
from tests.support.model_endpoint import ModelEndpoint
from tests.support.model_script import Drop, Fail, Say, Tool, answer_of
from tests.support.model_wire import Wire
from tests.support.model_wire.anthropic import AnthropicWire
from tests.support.model_wire.chat import ChatWire
from tests.unit.runners.builtin.agent import run_agent, write_tree

TALK = (
    Message("user", "do it"),
    Message("assistant", "", (ToolCall("a", "run", {"command": "ls"}),)),
    Message("user", answers=(ToolAnswer("a", "file", is_error=True),)),
)


def streamed(wire: Wire, turn: Say | Tool) -> Iterator[dict[str, Any]]:
    for frame in wire.stream({"stream_options": {"include_usage": True}}, answer_of(turn)):
        for line in frame.decode().splitlines():
            if line.startswith("data: {"):
                yield json.loads(line.removeprefix("data: "))


@pytest.mark.parametrize("turn", [Say("Hello.", thinking="Hm."), Tool("run", {"command": "ls"})])
def test_a_stream_amounts_to_the_whole_answer(turn: Say | Tool):
    for name, wire, collect in (
        ("anthropic", AnthropicWire(), anthropic_body),
        ("openai", ChatWire(), chat_body),
    ):
        whole = WIRES[name].reply(wire.whole({}, answer_of(turn)))
        collected = WIRES[name].reply(collect(streamed(wire, turn)))
        assert collected.message.text == whole.message.text
        calls = [(call.name, call.arguments) for call in collected.message.calls]
        assert calls == [(call.name, call.arguments) for call in whole.message.calls]
        assert collected.output_tokens == whole.output_tokens == 20


def test_half_a_stream_is_no_answer():
    for wire, collect in ((AnthropicWire(), anthropic_body), (ChatWire(), chat_body)):
        events = list(streamed(wire, Say("Hello.")))
        with pytest.raises(StreamBroken):
            collect(events[:2])


def test_tool_answers_in_both_dialects():
    anthropic = WIRES["anthropic"].body("m", "s", TALK, ())["messages"]
    assert anthropic[2]["content"][0]["tool_use_id"] == "a"
    assert anthropic[2]["content"][0]["is_error"] is True
    chat = WIRES["openai"].body("m", "s", TALK, ())["messages"]
    assert [entry["role"] for entry in chat] == ["system", "user", "assistant", "tool"]
    assert json.loads(chat[2]["tool_calls"][0]["function"]["arguments"]) == {"command": "ls"}


def test_arguments_that_are_no_json_are_told_to_the_model():
    call = {"id": "a", "function": {"name": "run", "arguments": "{oops"}}
    message = {"content": None, "tool_calls": [call]}
    reply = WIRES["openai"].reply({"choices": [{"message": message}]})
    assert "not JSON" in reply.message.calls[0].problem


def test_tools_stay_in_the_workspace(tmp_path: Path):
    write_tree(tmp_path / "w", {"a.py": "x = 1\nx = 1\n", ".git/config": ""})
    (tmp_path / "secret").write_text("s")
    (tmp_path / "w/link").symlink_to(tmp_path / "secret")
    tools = {tool.tool.name: tool.call for tool in workspace_tools(Tree(tmp_path / "w"))}
    for path in ("../secret", "link", "/etc/passwd"):
        with pytest.raises(OutsideWorkspace):
            tools["read_file"](path=path)
    with pytest.raises(ToolError, match="occurs 2 times"):
        tools["edit_file"](path="a.py", old="x = 1", new="y")
    with pytest.raises(ToolError, match="does not occur"):
        tools["edit_file"](path="a.py", old="z", new="y")
    assert tools["list_files"]() == "a.py"
    assert tools["search"](expression="x =") == "a.py:1: x = 1\na.py:2: x = 1"


def ask(tree: Path, endpoint: ModelEndpoint, **options: Any) -> Any:
    access = Endpoint("anthropic", endpoint.url, "key")
    return run_agent(tree, "Do it.", endpoint=access, model="m", **options)


def test_the_loop_and_its_follow_up(tmp_path: Path):
    tree = write_tree(tmp_path / "w", {"a.py": "x = 1\n"})
    edit = Tool("edit_file", {"path": "a.py", "old": "x = 1", "new": "x = 2"})
    with ModelEndpoint(edit, Tool("nonsense"), Say("Done.")) as endpoint:
        first = ask(tree, endpoint)
        endpoint.play(Say("Again."))
        second = ask(tree, endpoint, resume=first.result["session"])
    assert (tree / "a.py").read_text() == "x = 2\n"
    assert first.result["text"] == "Done."
    assert first.result["turns"] == 3
    assert [event["is_error"] for event in first.of("tool_result")] == [False, True]
    assert [event["path"] for event in first.of("file_change")] == ["a.py"]
    assert second.result["text"] == "Again."
    said = [message["role"] for message in endpoint.turns[-1].body["messages"]]
    assert said == ["user", "assistant", "user", "assistant", "user", "assistant", "user"]


def test_a_dropped_connection_is_tried_again(tmp_path: Path):
    with ModelEndpoint(Drop(), Fail(529, retry_after=0), Say("After all.")) as endpoint:
        ran = ask(write_tree(tmp_path / "w", {}), endpoint)
    assert ran.result["text"] == "After all."


class WithoutStreams(LoopbackServer):
    """An endpoint that ignores `stream`."""

    def answer(self, request: Request) -> Reply:
        return Reply.json(AnthropicWire().whole(request.json(), answer_of(Say("Whole."))))


def test_an_endpoint_that_does_not_stream_will_do(tmp_path: Path):
    with WithoutStreams() as server:
        access = Endpoint("anthropic", server.url, "key")
        ran = run_agent(write_tree(tmp_path / "w", {}), "Do it.", endpoint=access)
    assert ran.result["text"] == "Whole."
