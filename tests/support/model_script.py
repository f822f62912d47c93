"""What a scripted model says: the turns of a conversation, and the faults in between."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

FOREVER = sys.maxsize  # `times` of a fault that does not pass


@dataclass(frozen=True)
class Usage:
    """Tokens that the endpoint reports for one turn.

    `input` counts uncached tokens only, as Anthropic does; the OpenAI dialects get the sum of all
    three input figures as their total, with `cache_read` as the cached part.
    """

    input: int = 100
    output: int = 20
    cache_read: int = 0
    cache_write: int = 0


@dataclass(frozen=True)
class Say:
    """Text; without a following turn it ends the agent's work. `thinking` comes before it."""

    text: str
    thinking: str | None = None
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True)
class Tool:
    """One tool call. A string as input makes a free-form call (Codex's custom tools).

    `namespace` is for Codex, which keeps MCP tools in one per server (`mcp__notes`).
    """

    name: str
    input: dict[str, Any] | str = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    namespace: str | None = None


@dataclass(frozen=True)
class Tools:
    """Several tool calls in one turn, after an optional text."""

    calls: Sequence[Tool]
    text: str | None = None
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True)
class HugeLine:
    """One text of `bytes` letters in a single delta: the CLI prints it as one line.

    With `tool` set, the letters are that input field of a call of the named tool instead.
    """

    bytes: int = 5_000_000
    tool: Tool | None = None
    field_name: str = "content"
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True)
class Fail:
    """An HTTP error, `times` requests long. `body` may be a JSON value or a string."""

    status: int
    body: Any = None
    retry_after: float | None = None
    times: int = 1


@dataclass(frozen=True)
class Hang:
    """The stream begins and nothing more comes until the client or the endpoint ends."""

    times: int = 1


@dataclass(frozen=True)
class EndlessStream:
    """Text for ever, a word every `interval` seconds."""

    interval: float = 0.02
    times: int = 1


@dataclass(frozen=True)
class Drop:
    """The connection is reset in the middle of the stream, `after` seconds.

    The pause lets the client read the beginning: a reset overtakes what was sent before it.
    """

    after: float = 0.2
    times: int = 1


@dataclass(frozen=True)
class Slow:
    """Another turn, whose rest follows `seconds` after its beginning."""

    turn: Say | Tool | Tools
    seconds: float = 5.0


Completed: TypeAlias = Say | Tool | Tools | HugeLine | Slow
Fault: TypeAlias = Fail | Hang | EndlessStream | Drop
Turn: TypeAlias = Completed | Fault


@dataclass(frozen=True)
class Script:
    """Turns in order, for the conversations in whose prompts the words `when` occur.

    With `model` set, only for those with that model: so one endpoint plays several agents, each
    with its own faults. A fault happens `times` times in the life of the script, whichever
    conversation meets it, so that a task which is retried in a new conversation gets past it.
    """

    turns: Sequence[Turn]
    when: str = ""
    model: str = ""

    def after(self, answers: int, spent: Counter[int]) -> Turn | None:
        """The turn that follows `answers` completed ones; None when the script is at its end.

        `spent` counts the faults that have happened, by their place, and is brought up to date.
        """
        completed = 0
        for place, turn in enumerate(self.turns):
            if isinstance(turn, Completed):
                if completed == answers:
                    return turn
                completed += 1
            elif completed == answers and spent[place] < turn.times:
                spent[place] += 1
                return turn
        return None


@dataclass(frozen=True)
class Answer:
    """A complete turn, free of any dialect: what the wires encode."""

    text: str | None
    thinking: str | None
    calls: tuple[Tool, ...]
    usage: Usage
    single_delta: bool = False


def answer_of(turn: Completed) -> Answer:
    """The answer that a turn without a fault stands for."""
    if isinstance(turn, Slow):
        turn = turn.turn
    if isinstance(turn, Say):
        return Answer(turn.text, turn.thinking, (), turn.usage)
    if isinstance(turn, Tool):
        return Answer(None, None, (turn,), turn.usage)
    if isinstance(turn, Tools):
        return Answer(turn.text, None, tuple(turn.calls), turn.usage)
    letters = "x" * turn.bytes
    if turn.tool is None:
        return Answer(letters, None, (), turn.usage, single_delta=True)
    fields = turn.tool.input if isinstance(turn.tool.input, dict) else {}
    call = Tool(turn.tool.name, {**fields, turn.field_name: letters})
    return Answer(None, None, (call,), turn.usage, single_delta=True)
