"""Server-sent events as such: their form, and who may go on reading."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.types import Message

from lemnos.api.kit import sse
from lemnos.api.kit.readiness import Readiness


def test_an_event_is_one_line_whatever_ends_a_line_in_its_json() -> None:
    data = b'{"a":\r1,\r\n"b":\n2}\r\revent: done'
    assert sse.frame(data, id=3) == b'id: 3\ndata: {"a": 1,  "b": 2}  event: done\n\n'


async def test_a_reader_is_cut_off_when_its_key_is_revoked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sse, "RECHECK", 0.0)
    answers = iter([True, True, False])
    closed = asyncio.Event()
    sent: list[bytes] = []

    async def source() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"chunk"
        finally:
            closed.set()

    async def is_admitted() -> bool:
        return next(answers)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            sent.append(message["body"])

    await sse.EventStream(source(), Readiness(), is_admitted)({}, receive, send)

    assert sent == [b"chunk", b"chunk", b""]
    assert closed.is_set()
