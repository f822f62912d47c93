"""The relay's own life; what it does for jobs is in the conformance suite."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from lemnos.engine import DEFAULT_RETRY, Job, Steps, store
from lemnos.engine.execution import Runner
from lemnos.engine.model import Kind
from lemnos.engine.relay import Relay
from lemnos.kernel import clock
from lemnos.kernel.errors import Unavailable


class Direct:
    """Runs bodies at once, and records nothing: no handler here has steps."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.begun = asyncio.Event()

    async def run(self, job_id: str, body) -> None:
        self.begun.set()
        if self.failures:
            self.failures -= 1
            raise OSError("out of order")
        await body(contextvars.copy_context())


async def unsure() -> None:
    """No lease to wait for."""


def relay_on(db, handler, durable: Direct) -> Relay:
    kind = Kind(handler, "default", DEFAULT_RETRY, None)
    runner = Runner(db, durable, unsure)  # type: ignore[arg-type]
    return Relay(db, runner, "a", {"k": kind}, {"default": 2})


async def nothing(steps: Steps) -> None:
    """A handler."""


@pytest.mark.parametrize("ticks", range(4))
async def test_it_stops_also_when_it_is_woken_at_the_same_moment(db, ticks):
    relay = relay_on(db, nothing, Direct())
    relay.start()
    for _ in range(10):
        await asyncio.sleep(0)
    relay.wake()
    for _ in range(ticks):
        await asyncio.sleep(0)
    await asyncio.wait_for(relay.stop(), 10)


async def test_an_outage_does_not_end_it(db, monkeypatch):
    done = asyncio.Event()

    async def handler(steps: Steps) -> None:
        done.set()

    looked = db.one

    async def away(query, params=None):
        monkeypatch.setattr(db, "one", looked)
        raise Unavailable("Away.")

    monkeypatch.setattr(db, "one", away)
    relay = relay_on(db, handler, Direct())
    await db.write(lambda tx: store.insert_job(tx, Job("j", "k", "t"), "default", clock.now()))
    relay.start()
    await asyncio.wait_for(done.wait(), 10)
    await relay.finish(10)
    await relay.stop()


async def test_a_job_that_cannot_be_run_is_put_off_and_not_lost(db):
    durable = Direct(failures=1)
    relay = relay_on(db, nothing, durable)
    await db.write(lambda tx: store.insert_job(tx, Job("j", "k", "t"), "default", clock.now()))
    relay.start()
    await asyncio.wait_for(durable.begun.wait(), 10)
    await relay.finish(10)
    await relay.stop()
    board = store.Board(["default"], ["k"])
    due, ready = board.seen(await db.one(board.look))
    assert due is not None
    assert due > clock.now() + 60 * clock.SECOND
    assert ready == []
