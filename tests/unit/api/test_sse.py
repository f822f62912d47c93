"""Server-sent events as such: their form, and who may go on reading."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.types import Message

from lemnos.api.kit import sse, task_stream
from lemnos.api.kit.readiness import Phase, Readiness
from lemnos.domains.tasks.model import NewTask
from lemnos.kernel.context import system_context
from lemnos.main.build import Server, build
from lemnos.platform.db.migrate import migrate
from lemnos.platform.identity import NewKey
from lemnos.settings import Settings


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


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    made = build(Settings(data=str(tmp_path)))
    migrate(f"sqlite:///{tmp_path}/lemnos.db")
    await made.platform.db.start()
    await made.platform.notifier.start()
    made.core.readiness.phase = Phase.READY
    yield made
    made.platform.hub.stop()
    await made.platform.notifier.stop()
    await made.platform.db.stop()
    for close in made.closing:
        if (closed := close()) is not None:
            await closed


async def test_the_stream_of_a_task_ends_with_the_key_that_opened_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "RECHECK", 0.0)
    monkeypatch.setattr(task_stream, "_KEEPALIVE", 0.01)
    ctx = system_context("default", "test")
    tasks, keys = server.core.tasks, server.core.api_keys
    task = await tasks.draft(ctx, NewTask("https://github.com/u/r.git", "x"))
    await server.platform.db.write(lambda tx: tasks.create(tx, ctx, task))
    key, secret = await keys.create_key(ctx, NewKey("viewer", ("viewer",)))
    sent: asyncio.Queue[bytes] = asyncio.Queue()

    async def send(message: Message) -> None:
        sent.put_nowait(message.get("body", b""))

    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/api/v1/tasks/{task.id}/stream",
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {secret}".encode())],
    }
    reading = asyncio.create_task(server.gate(scope, asyncio.Event().wait, send))  # type: ignore[arg-type]
    async with asyncio.timeout(10):
        while b"keepalive" not in await sent.get():
            pass
        assert not reading.done()
        await keys.revoke_key(ctx, key.id)
        await reading
