"""What models cost, in US dollars per million tokens.

Sources: for Anthropic the table inside Claude Code 2.1.197, read on 2026-11-22, which its own
``total_cost_usd`` comes from. For OpenAI the list prices of August 2025, not checked since. Prices
change: an operator's own table (``LEMNOS_PRICES``) goes before this one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_MILLION = 1_000_000
# A dated or moving name of a model whose price is that of the model: -20250929, -2025-08-07,
# @20250514, -latest, -v1:0, and Claude Code's [1m] for the long context.
_SUFFIX = re.compile(r"(?:[-@]\d{8}|-\d{4}-\d{2}-\d{2}|-latest|-v\d+:\d+|\[1m\])+$")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of one or more model calls. ``input`` excludes what the cache was read from."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0  # kept for five minutes
    cache_write_hour: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            self.input + other.input,
            self.output + other.output,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
            self.cache_write_hour + other.cache_write_hour,
        )

    @property
    def all_input(self) -> int:
        """Everything that the model was given, cached or not."""
        return self.input + self.cache_read + self.cache_write + self.cache_write_hour


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    input: float
    output: float
    cache_read: float
    cache_write: float
    cache_write_hour: float

    @classmethod
    def anthropic(cls, input: float, output: float) -> Price:
        """Reading the cache costs a tenth of the input price, writing it 1.25 and 2 times that."""
        return cls(input, output, input / 10, input * 1.25, input * 2)

    @classmethod
    def openai(cls, input: float, output: float, cached: float) -> Price:
        """Writing the cache is free of charge."""
        return cls(input, output, cached, input, input)

    @classmethod
    def flat(cls, per_1k: float) -> Price:
        """One price for whatever token it is, in US dollars for 1,000 of them."""
        return cls(*[per_1k * 1_000] * 5)

    def cost(self, tokens: Tokens) -> float:
        """US dollars for these tokens."""
        return (
            tokens.input * self.input
            + tokens.output * self.output
            + tokens.cache_read * self.cache_read
            + tokens.cache_write * self.cache_write
            + tokens.cache_write_hour * self.cache_write_hour
        ) / _MILLION


_HAIKU_3_5 = Price.anthropic(0.8, 4)
_HAIKU = Price.anthropic(1, 5)
_SONNET = Price.anthropic(3, 15)
_OPUS_4 = Price.anthropic(15, 75)
_OPUS = Price.anthropic(5, 25)
_FABLE = Price.anthropic(10, 50)

KNOWN: Mapping[str, Price] = {
    "claude-3-5-haiku": _HAIKU_3_5,
    "claude-haiku-4-5": _HAIKU,
    "claude-3-5-sonnet": _SONNET,
    "claude-3-7-sonnet": _SONNET,
    "claude-sonnet-4": _SONNET,
    "claude-sonnet-4-0": _SONNET,
    "claude-sonnet-4-5": _SONNET,
    "claude-sonnet-4-6": _SONNET,
    "claude-sonnet-5": _SONNET,
    "claude-opus-4": _OPUS_4,
    "claude-opus-4-0": _OPUS_4,
    "claude-opus-4-1": _OPUS_4,
    "claude-opus-4-5": _OPUS,
    "claude-opus-4-6": _OPUS,
    "claude-opus-4-7": _OPUS,
    "claude-opus-4-8": _OPUS,
    "claude-fable-5": _FABLE,
    "claude-mythos-5": _FABLE,
    "gpt-5": Price.openai(1.25, 10, 0.125),
    "gpt-5-mini": Price.openai(0.25, 2, 0.025),
    "gpt-5-nano": Price.openai(0.05, 0.4, 0.005),
    "gpt-4.1": Price.openai(2, 8, 0.5),
    "gpt-4.1-mini": Price.openai(0.4, 1.6, 0.1),
    "gpt-4.1-nano": Price.openai(0.1, 0.4, 0.025),
    "gpt-4o": Price.openai(2.5, 10, 1.25),
    "gpt-4o-mini": Price.openai(0.15, 0.6, 0.075),
    "o3": Price.openai(2, 8, 0.5),
    "o4-mini": Price.openai(1.1, 4.4, 0.275),
}


class PriceTable:
    """Prices by model name. ``default`` is for models that are in neither table."""

    def __init__(
        self, own: Mapping[str, Price] | None = None, default: Price | None = None
    ) -> None:
        self._prices: Mapping[str, Price] = {**KNOWN, **(own or {})}
        self._default = default

    def with_default(self, default: Price) -> PriceTable:
        """The same prices, with another one for models that are not in them."""
        return PriceTable(self._prices, default)

    def get(self, model: str) -> Price | None:
        """The price of a model, with or without its date; None when it is unknown."""
        return self.listed(model) or self._default

    def listed(self, model: str) -> Price | None:
        """Like :meth:`get`, without the default."""
        name = model.rpartition("/")[2]
        return (
            self._prices.get(model)
            or self._prices.get(name)
            or self._prices.get(_SUFFIX.sub("", name))
        )
