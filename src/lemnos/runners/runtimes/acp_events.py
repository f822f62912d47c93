"""What an ACP agent prints, in our own words: ``session/update`` and what surrounds it.

https://agentclientprotocol.com/protocol/schema#session%2Fupdate
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from lemnos.domains.agents.ports import AgentEvent, EventKind, Usage
from lemnos.runners.runtimes.run import other_text

SHOWN = 16 * 1024  # bytes of a tool's input or output up to which an event's detail holds them
_DONE = frozenset({"completed", "failed"})
_EMPTY = msgspec.Raw(b"")


class _Content(msgspec.Struct):
    type: str = ""
    text: str = ""


class _ToolContent(msgspec.Struct):
    type: str = ""
    content: _Content | None = None
    path: str = ""
    oldText: str | None = None  # noqa: N815  the protocol's name


class _Cost(msgspec.Struct):
    amount: float = 0.0
    currency: str = ""


class _Update(msgspec.Struct):
    sessionUpdate: str = ""  # noqa: N815
    content: msgspec.Raw = _EMPTY  # one block of a chunk, or a list of a tool's
    toolCallId: str = ""  # noqa: N815
    title: str | None = None
    kind: str | None = None
    status: str | None = None
    rawInput: msgspec.Raw = _EMPTY  # noqa: N815
    cost: _Cost | None = None


class _Params(msgspec.Struct):
    update: _Update | None = None


class _Failure(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Result(msgspec.Struct):
    stopReason: str = ""  # noqa: N815


class _Line(msgspec.Struct):
    method: str = ""
    params: _Params | None = None
    result: _Result | None = None
    error: _Failure | None = None


_line = msgspec.json.Decoder(_Line)
_chunk = msgspec.json.Decoder(_Content)
_contents = msgspec.json.Decoder(list[_ToolContent])


class AcpEvents:
    """Reads the lines of one run.

    Until ``live`` is set the agent replays an earlier conversation, which has been seen already.
    """

    def __init__(self) -> None:
        self.live = False
        self.usage = Usage()
        self._text: list[str] = []  # of the message under way, the last one in the end
        self._titles: dict[str, str] = {}

    @property
    def closing_text(self) -> str:
        """The agent's last message."""
        return "".join(self._text)

    def read(self, line: bytes) -> Iterable[AgentEvent]:
        """The events of one line."""
        try:
            said = _line.decode(line)
        except msgspec.ValidationError:  # another message of the protocol
            return (AgentEvent(EventKind.OTHER, line),)
        except msgspec.DecodeError:
            return (other_text(line),)
        if said.params is not None and (update := said.params.update):
            return self._update(update, line) if self.live else (_replayed(line),)
        if said.result is not None and said.result.stopReason:
            reason = said.result.stopReason
            detail = {"text": self.closing_text[:SHOWN], "is_error": reason != "end_turn"}
            return (AgentEvent(EventKind.RESULT, line, detail | {"stop_reason": reason}),)
        if said.error is not None:
            return (AgentEvent(EventKind.ERROR, line, {"text": said.error.message}),)
        return (AgentEvent(EventKind.OTHER, line, {"type": said.method or "response"}),)

    def _update(self, update: _Update, line: bytes) -> Iterator[AgentEvent]:
        match update.sessionUpdate:
            case "agent_message_chunk":
                text = _text_of(update.content)
                self._text.append(text)
                yield AgentEvent(EventKind.TEXT, line, {"text": text[:SHOWN]})
            case "agent_thought_chunk":
                yield AgentEvent(EventKind.THINKING, line, {"text": _text_of(update.content)})
            case "tool_call":
                self._text.clear()  # what comes after the tools is the closing message
                yield self._tool_use(update, line)
                yield from self._outcome(update, line)
            case "tool_call_update":
                yield from self._outcome(update, line)
            case "usage_update" if update.cost is not None and update.cost.currency == "USD":
                self.usage = Usage(cost_usd=update.cost.amount)
                yield AgentEvent(EventKind.USAGE, line, {"cost_usd": update.cost.amount})
            case other:
                yield AgentEvent(EventKind.OTHER, line, {"type": other})

    def _tool_use(self, update: _Update, line: bytes) -> AgentEvent:
        title = update.title or update.kind or "tool"
        self._titles[update.toolCallId] = title
        detail: dict[str, Any] = {"id": update.toolCallId, "tool": title, "tool_kind": update.kind}
        if 0 < len(update.rawInput) <= SHOWN:
            detail["input"] = msgspec.json.decode(update.rawInput)
        return AgentEvent(EventKind.TOOL_USE, line, detail)

    def _outcome(self, update: _Update, line: bytes) -> Iterator[AgentEvent]:
        """What a tool call has come to; an update on the way says nothing that is needed."""
        if update.status not in _DONE:
            return
        contents = _tool_contents(update.content)
        text = "\n".join(c.content.text for c in contents if c.content is not None)
        yield AgentEvent(
            EventKind.TOOL_RESULT,
            line,
            {
                "id": update.toolCallId,
                "tool": self._titles.get(update.toolCallId, ""),
                "text": text[:SHOWN],
                "is_error": update.status == "failed",
            },
        )
        for content in contents:
            if content.type == "diff" and update.status == "completed":
                change = "created" if content.oldText is None else "modified"
                detail = {"path": content.path, "change": change}
                yield AgentEvent(EventKind.FILE_CHANGE, line, detail)


def _replayed(line: bytes) -> AgentEvent:
    return AgentEvent(EventKind.OTHER, line, {"type": "replay"})


def _text_of(content: msgspec.Raw) -> str:
    try:
        return _chunk.decode(content).text
    except msgspec.DecodeError:
        return ""


def _tool_contents(content: msgspec.Raw) -> list[_ToolContent]:
    if not content:
        return []
    try:
        return _contents.decode(content)
    except msgspec.DecodeError:
        return []
