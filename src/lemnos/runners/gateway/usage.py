"""Reading token counts out of model answers, as they stream by.

Understands Anthropic Messages (``message_start``, ``message_delta``), OpenAI Responses
(``response.completed``) and Chat Completions (the chunk that ``stream_options.include_usage``
asks for), each as server-sent events or as one JSON document.
"""

from __future__ import annotations

import msgspec

from lemnos.runners.gateway.prices import Tokens

BYTES_PER_TOKEN = 4  # what a token is about, in JSON of English text or code
_LARGEST_DOCUMENT = 32 * 1024 * 1024


class _Cached(msgspec.Struct):
    cached_tokens: int | None = None


class _CacheCreation(msgspec.Struct):
    ephemeral_1h_input_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: _CacheCreation | None = None
    input_tokens_details: _Cached | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Cached | None = None


class _Message(msgspec.Struct):
    model: str = ""
    usage: _Usage | None = None


class _Frame(msgspec.Struct):
    """One event, or a whole answer: only what counting needs."""

    model: str = ""
    usage: _Usage | None = None
    message: _Message | None = None  # Anthropic, message_start
    response: _Message | None = None  # OpenAI Responses
    delta: msgspec.Raw = msgspec.Raw(b"")
    choices: msgspec.Raw = msgspec.Raw(b"")  # OpenAI Chat Completions


_decoder = msgspec.json.Decoder(_Frame)


class UsageReader:
    """Counts the tokens of one model call.

    ``tokens`` is what the provider said so far; until it has said anything of the output, that
    is estimated from the bytes that came, and the input from the bytes that were sent. ``model``
    is the one that answers, as the provider says; empty until it has said so.
    """

    def __init__(self, request_bytes: int) -> None:
        self.model = ""
        self._said = Tokens(input=request_bytes // BYTES_PER_TOKEN)
        self._bytes_out = 0
        self._line = bytearray()
        self._document: bytearray | None = None

    @property
    def tokens(self) -> Tokens:
        """The count at this moment."""
        guessed = self._bytes_out // BYTES_PER_TOKEN
        said = self._said
        if guessed <= said.output:
            return said
        return Tokens(said.input, guessed, said.cache_read, said.cache_write, said.cache_write_hour)

    def feed(self, chunk: bytes) -> None:
        """Read on in a stream of server-sent events."""
        self._line += chunk
        *lines, rest = bytes(self._line).split(b"\n") if b"\n" in chunk else (bytes(self._line),)
        if not lines:
            return
        self._line = bytearray(rest)
        for line in lines:
            if line.startswith(b"data:"):
                self._frame(line[5:])

    def feed_document(self, chunk: bytes) -> None:
        """Read on in an answer that is one JSON document."""
        if self._document is None:
            self._document = bytearray()
        if len(self._document) < _LARGEST_DOCUMENT:
            self._document += chunk

    def finish(self) -> None:
        """The answer is at its end."""
        if self._document:
            self._frame(bytes(self._document))

    def fail(self) -> None:
        """The call was refused by the provider: it costs nothing."""
        self._said = Tokens()
        self._bytes_out = 0

    def _frame(self, data: bytes) -> None:
        try:
            frame = _decoder.decode(data)
        except msgspec.MsgspecError:  # [DONE], or an event of a shape that says nothing of usage
            return
        self._bytes_out += len(bytes(frame.delta)) + len(bytes(frame.choices))
        for holder in (frame, frame.message, frame.response):
            if holder is None:
                continue
            self.model = holder.model or self.model
            if holder.usage is not None:
                self._take(holder.usage)

    def _take(self, usage: _Usage) -> None:
        """Later figures replace earlier ones: within one answer they are cumulative."""
        said = self._said
        if usage.prompt_tokens is not None:
            cached = _cached(usage.prompt_tokens_details)
            self._said = Tokens(
                usage.prompt_tokens - cached, usage.completion_tokens or 0, cache_read=cached
            )
        elif usage.input_tokens_details is not None:
            cached = _cached(usage.input_tokens_details)
            self._said = Tokens(
                (usage.input_tokens or 0) - cached, usage.output_tokens or 0, cache_read=cached
            )
        else:
            self._said = _anthropic(usage, said)
        if self._said.output > said.output:
            self._bytes_out = 0  # from here on the provider's own figure holds


def _anthropic(usage: _Usage, before: Tokens) -> Tokens:
    hour = usage.cache_creation.ephemeral_1h_input_tokens if usage.cache_creation else None
    written = usage.cache_creation_input_tokens
    return Tokens(
        input=_or(usage.input_tokens, before.input),
        output=_or(usage.output_tokens, before.output),
        cache_read=_or(usage.cache_read_input_tokens, before.cache_read),
        cache_write=before.cache_write if written is None else written - (hour or 0),
        cache_write_hour=_or(hour, before.cache_write_hour),
    )


def _or(value: int | None, fallback: int) -> int:
    return fallback if value is None else value


def _cached(details: _Cached | None) -> int:
    return (details.cached_tokens if details else None) or 0
