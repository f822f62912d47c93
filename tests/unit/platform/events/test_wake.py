"""Messages between nodes, and who is woken by them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from lemnos.platform.events.notifier import Notifier
from lemnos.platform.events.wake_message import opened, packed


def test_messages_stay_short_and_lose_nothing():
    streams = [f"task:{'é' * 30}{number}" for number in range(300)]
    payloads = list(packed(streams, "node", 1000))
    assert all(len(payload.encode()) <= 1000 for payload in payloads)
    assert [name for payload in payloads for name in opened(payload, "other")] == streams
    assert opened(payloads[0], "node") == []


class Slow:
    """A broadcast that takes its time, as a network does."""

    def __init__(self, fails: int = 0) -> None:
        self.sent: list[list[str]] = []
        self.may_go = asyncio.Event()
        self.fails = fails
        self.heard: Callable[[Sequence[str] | None], None] | None = None

    async def start(self, heard: Callable[[Sequence[str] | None], None]) -> None:
        self.heard = heard

    async def send(self, streams: Sequence[str]) -> None:
        self.sent.append(list(streams))
        await self.may_go.wait()
        if len(self.sent) <= self.fails:
            raise OSError("no network")

    async def stop(self) -> None:
        return None


async def test_what_grows_while_a_message_is_under_way_goes_into_the_next():
    broadcast = Slow(fails=1)
    notifier = Notifier(broadcast)
    await notifier.start()
    notifier.wake("a")
    await asyncio.sleep(0)
    for _ in range(3):
        notifier.wake("b")
        notifier.wake("c")
    broadcast.may_go.set()
    await notifier.stop()
    assert broadcast.sent == [["a"], ["b", "c"]]


async def test_what_other_nodes_say_wakes_only_those_who_watch_it():
    broadcast = Slow()
    notifier = Notifier(broadcast)
    await notifier.start()
    woken: list[str] = []
    notifier.watch("a", lambda: woken.append("a"))
    end = notifier.watch("b", lambda: woken.append("b"))
    notifier.watch_all(lambda: woken.append("all"))
    assert broadcast.heard is not None
    broadcast.heard(["a"])
    assert woken == ["a", "all"]
    broadcast.heard(None)  # something may have been missed
    assert woken == ["a", "all", "a", "b", "all"]
    end()
    end()
    notifier.wake("b")
    assert woken[5:] == ["all"]
    broadcast.may_go.set()
    await notifier.stop()


async def test_nobody_is_polled_for_when_nobody_watches():
    notifier = Notifier(poll=0.001)
    woken = asyncio.Event()
    end = notifier.watch("a", woken.set)
    await asyncio.wait_for(woken.wait(), 10)
    end()
    assert notifier._polling is not None
    await asyncio.wait_for(notifier._polling, 10)
    await notifier.stop()
