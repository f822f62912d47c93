"""A conversation in terms of no provider: what is kept, and what the wires encode."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for a tool. `problem` says why its arguments could not be read, if so."""

    id: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a tool returned."""

    id: str
    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One turn: text and calls of the assistant, or text or answers of the user."""

    role: Literal["user", "assistant"]
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    answers: tuple[ToolAnswer, ...] = ()

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Message:
        """Read what `dataclasses.asdict` made of a message."""
        return cls(
            record["role"],
            record["text"],
            tuple(ToolCall(**call) for call in record["calls"]),
            tuple(ToolAnswer(**answer) for answer in record["answers"]),
        )


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as the model is told of it; `schema` is the JSON Schema of its arguments."""

    name: str
    description: str
    schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the model, with the tokens that it took."""

    message: Message
    thinking: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cut_off: bool = False  # the answer ended at the token limit
