"""The guarded transport: what was checked is what is connected to, on redirects too."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import httpx2
import pytest

from lemnos.adapters.net import GuardedTransport, NetGuard
from lemnos.kernel.errors import Invalid
from tests.support.loopback import LoopbackServer, Reply, Request


class Echo:
    """Answers with the Host header it saw; ``/to?url`` redirects there."""

    def __init__(self) -> None:
        self.hosts: list[str] = []

    def handle(self, request: Request) -> Reply:
        self.hosts.append(request.headers["host"])
        if request.path == "/to":
            return Reply(302, headers={"Location": request.target.partition("?")[2]})
        return Reply(200, b"reached")


@pytest.fixture
def echo() -> Iterator[tuple[Echo, LoopbackServer]]:
    app = Echo()
    with LoopbackServer(app) as server:
        yield app, server


def client(guard: NetGuard) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=GuardedTransport(guard), follow_redirects=True, trust_env=False
    )


async def test_loopback_is_refused_unless_allowed(echo: tuple[Echo, LoopbackServer]):
    app, server = echo
    async with client(NetGuard()) as closed, client(NetGuard(["127.0.0.1"])) as opened:
        with pytest.raises(Invalid):
            await closed.get(server.url)
        assert app.hosts == []
        assert (await opened.get(server.url)).text == "reached"


async def test_the_name_is_kept_and_the_checked_address_used(echo: tuple[Echo, LoopbackServer]):
    app, server = echo
    port = int(server.url.rpartition(":")[2])

    async def resolver(host: str, _port: int) -> Collection[str]:
        return ["127.0.0.1"]

    async with client(NetGuard([f"git.corp:{port}"], resolver=resolver)) as opened:
        await opened.get(f"http://git.corp:{port}/")
    assert app.hosts == [f"git.corp:{port}"]


async def test_a_second_lookup_can_not_change_the_target(echo: tuple[Echo, LoopbackServer]):
    """DNS rebinding: public when checked early, loopback when connecting."""
    app, server = echo
    answers = [["1.1.1.1"], ["127.0.0.1"]]

    async def resolver(host: str, port: int) -> Collection[str]:
        return answers.pop(0)

    guard = NetGuard(resolver=resolver)
    port = int(server.url.rpartition(":")[2])
    assert await guard.resolve("rebind.example", port) == ("1.1.1.1",)
    async with client(guard) as closed:
        with pytest.raises(Invalid):
            await closed.get(f"http://rebind.example:{port}/")
    assert app.hosts == []


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/", "http://[::1]:80/", "http://2852039166/"]
)
async def test_redirects_are_checked(echo: tuple[Echo, LoopbackServer], target: str):
    _app, server = echo
    async with client(NetGuard(["127.0.0.1"])) as opened:
        with pytest.raises(Invalid):
            await opened.get(f"{server.url}/to?{target}")


async def test_the_next_address_is_tried_when_one_does_not_answer(
    echo: tuple[Echo, LoopbackServer],
):
    _app, server = echo
    port = int(server.url.rpartition(":")[2])

    async def resolver(host: str, _port: int) -> Collection[str]:
        return ["127.0.0.2", "127.0.0.1"]  # the server listens on the second only

    async with client(NetGuard(["two.corp"], resolver=resolver)) as opened:
        assert (await opened.get(f"http://two.corp:{port}/")).text == "reached"


async def test_proxies_of_the_environment_are_not_used(
    echo: tuple[Echo, LoopbackServer], monkeypatch: pytest.MonkeyPatch
):
    _app, server = echo
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with client(NetGuard(["127.0.0.1"])) as opened:
        assert (await opened.get(server.url)).text == "reached"
