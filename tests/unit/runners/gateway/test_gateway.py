"""The gateway over its unix socket, before a real HTTP server and a real TCP service."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import h11
import httpx2
import pytest

from lemnos.adapters.net import GuardedTransport, NetGuard
from lemnos.domains.agents.ports import McpServer, ModelAccess
from lemnos.runners.gateway import ModelGateway, Notice, Policy, RunGateway
from lemnos.runners.gateway import gateway as gateway_module
from lemnos.runners.gateway.http import Room
from tests.support.loopback import LoopbackServer, Reply, Request
from tests.support.model_endpoint import ModelEndpoint
from tests.support.model_script import EndlessStream, Fail, Say, Usage

KEY = "sk-real-key"
MODEL = "claude-sonnet-4-5"
BODY = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
MESSAGES = "http://gateway/model/v1/messages"


class Echo(LoopbackServer):
    """Answers with what it was asked, and keeps it."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        return Reply.json({"path": request.target, "key": f"wrong key {KEY}"}, self.status)

    status = 200


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as server:
        yield server


class Run:
    """A run's gateway, an HTTP client in its sandbox, and what the run was told."""

    def __init__(self, gateway: RunGateway, client: httpx2.AsyncClient, told: list[Notice]) -> None:
        self.gateway = gateway
        self.client = client
        self.told = told

    @property
    def auth(self) -> dict[str, str]:
        return {"x-api-key": self.gateway.token}

    async def ask(self, body: Any = BODY, url: str = MESSAGES) -> httpx2.Response:
        return await self.client.post(url, json=body, headers=self.auth)


@asynccontextmanager
async def _run(policy: Policy) -> AsyncIterator[Run]:
    told: list[Notice] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        if host == "forbidden.example":
            raise PermissionError("it has a private address")
        return ["127.0.0.1"]

    gateways = ModelGateway(resolve=resolve)
    gateway = await gateways.open(policy, told.append, isolated=True)
    transport = httpx2.AsyncHTTPTransport(uds=str(gateway.socket))
    async with httpx2.AsyncClient(transport=transport, timeout=20) as client:
        yield Run(gateway, client, told)
    await gateway.close()
    await gateways.close()
    assert gateway.socket is not None
    assert not gateway.socket.exists()


def _anthropic(url: str) -> ModelAccess:
    return ModelAccess("anthropic", url, KEY)


async def test_the_real_credential_goes_in_and_the_tokens_are_counted(
    model_endpoint: ModelEndpoint,
) -> None:
    model_endpoint.play(Say("Hello.", usage=Usage(1_000, 50)))
    async with _run(Policy(_anthropic(model_endpoint.url))) as run:
        answer = await run.ask()

        assert answer.status_code == 200
        assert "Hello." in answer.text
        assert model_endpoint.turns[0].credential == KEY
        assert run.gateway.meter.cost == pytest.approx(1_000 * 3e-6 + 50 * 15e-6)
        assert [notice.kind for notice in run.told] == ["usage"]


@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
async def test_another_token_is_refused(model_endpoint: ModelEndpoint, header: str) -> None:
    async with _run(Policy(_anthropic(model_endpoint.url))) as run:
        for value in ("", "stolen", KEY):
            answer = await run.client.post(MESSAGES, json=BODY, headers={header: value})
            assert answer.status_code == 401
        assert model_endpoint.exchanges == []
        assert {notice.kind for notice in run.told} == {"refused"}


async def test_openai_gets_a_bearer_token_and_is_asked_for_usage(
    model_endpoint: ModelEndpoint,
) -> None:
    model_endpoint.play(Say("Hello.", usage=Usage(input=1_000, output=50)))
    access = ModelAccess("openai", f"{model_endpoint.url}/v1", KEY)
    async with _run(Policy(access)) as run:
        await run.ask({**BODY, "model": "gpt-5"}, "http://gateway/model/chat/completions")

        asked = model_endpoint.turns[0]
        assert asked.request.headers["authorization"] == f"Bearer {KEY}"
        assert asked.body["stream_options"] == {"include_usage": True}
        assert run.gateway.meter.tokens.output == 50


async def test_an_agents_own_price_and_limit_hold(model_endpoint: ModelEndpoint) -> None:
    model_endpoint.play(Say("Hello.", usage=Usage(1_000, 500)))
    access = replace(_anthropic(model_endpoint.url), price_per_1k=0.2)
    async with _run(Policy(access, budget_usd=0.3, max_tokens=50)) as run:
        body = {**BODY, "model": "model-x", "max_tokens": 100}
        await run.ask(body)

        assert model_endpoint.turns[0].body["max_tokens"] == 50
        assert run.gateway.meter.cost == pytest.approx(0.3)
        assert (await run.ask(body)).json()["error"]["type"] == "budget_exceeded"


async def test_the_cookies_of_one_run_are_not_those_of_another() -> None:
    class Baker(Echo):
        def answer(self, request: Request) -> Reply:
            super().answer(request)
            return Reply(200, b"{}", {"Set-Cookie": "session=of-the-first-run; Path=/"})

    with Baker() as baker:
        gateways, told = ModelGateway(), list[Notice]()
        for _ in range(2):
            gateway = await gateways.open(Policy(_anthropic(baker.url)), told.append, isolated=True)
            transport = httpx2.AsyncHTTPTransport(uds=str(gateway.socket))
            async with httpx2.AsyncClient(transport=transport, timeout=20) as client:
                await Run(gateway, client, told).ask()
            await gateway.close()
        await gateways.close()

        assert ["cookie" in request.headers for request in baker.requests] == [False, False]


async def test_a_model_that_a_caller_named_is_met_by_the_guard(echo: Echo) -> None:
    outside = GuardedTransport(NetGuard((), ()))
    gateways, told = ModelGateway(outside=outside), list[Notice]()
    try:
        for named_by_caller, status in ((False, 200), (True, 502)):
            access = replace(_anthropic(echo.url), outside=named_by_caller)
            gateway = await gateways.open(Policy(access), told.append, isolated=True)
            transport = httpx2.AsyncHTTPTransport(uds=str(gateway.socket))
            async with httpx2.AsyncClient(transport=transport, timeout=20) as client:
                answer = await Run(gateway, client, told).ask()
            await gateway.close()
            assert answer.status_code == status
        assert len(echo.requests) == 1
    finally:
        await gateways.close()


async def test_errors_pass_through_and_cost_nothing(model_endpoint: ModelEndpoint) -> None:
    model_endpoint.play(Fail(429, retry_after=7), Say("Later."))
    async with _run(Policy(_anthropic(model_endpoint.url))) as run:
        answer = await run.ask()

        assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
        assert run.gateway.failed_with == 429
        assert run.gateway.meter.tokens.all_input == 0
        await run.ask()
        assert run.gateway.failed_with is None


async def test_an_error_that_repeats_the_credential_is_redacted(echo: Echo) -> None:
    echo.status = 401
    async with _run(Policy(_anthropic(echo.url))) as run:
        answer = await run.ask()

        assert answer.status_code == 401
        assert answer.json()["key"] == "wrong key ***"


async def test_a_provider_that_is_away_is_a_502() -> None:
    async with _run(Policy(_anthropic("http://127.0.0.1:9"))) as run:
        answer = await run.ask()

        assert answer.status_code == 502
        assert answer.json()["error"]["type"] == "upstream_unreachable"
        assert run.gateway.failed_with == 502


async def test_a_stream_is_cut_at_the_budget(model_endpoint: ModelEndpoint) -> None:
    model_endpoint.play(EndlessStream(interval=0.001))
    async with _run(Policy(_anthropic(model_endpoint.url), budget_usd=0.002)) as run:
        with pytest.raises(httpx2.RemoteProtocolError):
            await run.ask()

        assert run.gateway.meter.over_budget
        assert (await run.ask()).json()["error"]["type"] == "budget_exceeded"
        assert [notice.kind for notice in run.told] == ["over_budget", "usage"]
    model_endpoint.wait_for(lambda turns: turns[0].outcome == "hung up")


async def test_a_client_that_hangs_up_ends_the_call_which_counts(
    model_endpoint: ModelEndpoint,
) -> None:
    model_endpoint.play(EndlessStream(interval=0.001))
    async with _run(Policy(_anthropic(model_endpoint.url))) as run:
        async with run.client.stream("POST", MESSAGES, json=BODY, headers=run.auth) as answer:
            stream = answer.aiter_bytes()
            for _ in range(20):
                await anext(stream)
        await asyncio.to_thread(
            model_endpoint.wait_for, lambda turns: turns[0].outcome == "hung up"
        )
        async with asyncio.timeout(10):
            while not run.told:  # noqa: ASYNC110  the gateway makes it true
                await asyncio.sleep(0.01)

        assert run.told[0].kind == "usage"
        assert run.gateway.meter.tokens.output > 0


async def test_closing_ends_what_is_open(model_endpoint: ModelEndpoint) -> None:
    model_endpoint.play(EndlessStream(interval=0.01))
    async with (
        _run(Policy(_anthropic(model_endpoint.url))) as run,
        run.client.stream("POST", MESSAGES, json=BODY, headers=run.auth) as answer,
    ):
        await anext(answer.aiter_bytes())
        async with asyncio.timeout(5):
            await run.gateway.close()

    assert run.gateway.meter.tokens.all_input > 0


async def test_without_a_model_there_is_none() -> None:
    async with _run(Policy(ModelAccess("none"))) as run:
        assert (await run.ask()).status_code == 403


async def test_a_body_that_is_no_model_request_is_refused(model_endpoint: ModelEndpoint) -> None:
    async with _run(Policy(_anthropic(model_endpoint.url))) as run:
        answer = await run.client.post(MESSAGES, content=b"\xff", headers=run.auth)

        assert answer.status_code == 400
        assert model_endpoint.exchanges == []


@pytest.mark.parametrize(
    "target",
    [
        "/model@127.0.0.1:{port}/v1/messages",  # the provider's host would become a user name
        "/model.evil.example/v1/messages",
        "/model/v1/messages/batches",
        "/model/v1/../v1/messages",
        "/model//v1/messages",
        "/model/v1/files",
        "/model/v1/models/../files",
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_the_key_is_good_for_model_calls_only(
    model_endpoint: ModelEndpoint, echo: Echo, target: str, method: str
) -> None:
    port = int(echo.url.rpartition(":")[2])
    async with _run(Policy(_anthropic(model_endpoint.url))) as run:
        status, writer = await _raw(run, method, target.format(port=port))
        writer.close()

    assert status.split()[1] == b"403"
    assert model_endpoint.exchanges == []
    assert echo.requests == []


async def test_what_is_refused_is_told_once() -> None:
    async with _run(Policy(ModelAccess("none"))) as run:
        for path in ("a", "a", "b"):
            await run.client.get(f"http://gateway/{path}")

        assert len(run.told) == 2


async def test_the_list_of_models_is_free(model_endpoint: ModelEndpoint) -> None:
    async with _run(Policy(_anthropic(model_endpoint.url), budget_usd=1.0)) as run:
        answer = await run.client.get("http://gateway/model/v1/models", headers=run.auth)

        assert answer.status_code == 200
        assert run.gateway.meter.calls == 0


async def test_background_work_is_refused(model_endpoint: ModelEndpoint) -> None:
    access = ModelAccess("openai", f"{model_endpoint.url}/v1", KEY)
    async with _run(Policy(access)) as run:
        answer = await run.ask({**BODY, "background": True}, "http://gateway/model/responses")

        assert answer.status_code == 400
        assert model_endpoint.exchanges == []


async def test_bodies_of_a_run_have_room_together(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(10)
    room.take(6)
    with pytest.raises(h11.RemoteProtocolError):
        room.take(5)
    room.give(6)
    room.take(10)


async def test_connections_of_a_run_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_module, "MAX_CONNECTIONS", 2)
    async with _run(Policy(ModelAccess("none"))) as run:
        path = str(run.gateway.socket)
        opened = [await asyncio.open_unix_connection(path) for _ in range(3)]
        async with asyncio.timeout(10):
            assert await opened[2][0].read() == b""
        assert not opened[0][0].at_eof()
        for _, writer in opened:
            writer.close()


@pytest.mark.parametrize("rest", ["/../admin", "/%2e%2e/admin", "/..%2fadmin", "/a/.."])
async def test_an_mcp_server_is_not_left_by_its_path(echo: Echo, rest: str) -> None:
    server = McpServer("notes", url=f"{echo.url}/mcp", headers={"Authorization": "Bearer secret"})
    async with _run(Policy(ModelAccess("none"), mcp_servers=[server])) as run:
        status, writer = await _raw(run, "POST", f"/mcp/notes{rest}")
        writer.close()

    assert status.split()[1] == b"400"
    assert echo.requests == []


async def _raw(run: Run, method: str, target: str) -> tuple[bytes, asyncio.StreamWriter]:
    """A request with a target that no client would send; returns the status line."""
    reader, writer = await asyncio.open_unix_connection(str(run.gateway.socket))
    body = json.dumps(BODY).encode()
    head = f"{method} {target} HTTP/1.1\r\nhost: x\r\nx-api-key: {run.gateway.token}\r\n"
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    async with asyncio.timeout(10):
        return await reader.readline(), writer


async def test_an_mcp_server_gets_its_headers(echo: Echo) -> None:
    server = McpServer("notes", url=f"{echo.url}/mcp", headers={"Authorization": "Bearer secret"})
    async with _run(Policy(ModelAccess("none"), mcp_servers=[server])) as run:
        url = "http://gateway/mcp/notes?x=1"
        answer = await run.client.post(url, json={}, headers=run.auth)

        assert answer.json()["path"] == "/mcp?x=1"
        assert echo.requests[0].headers["authorization"] == "Bearer secret"
        assert "x-api-key" not in echo.requests[0].headers
        assert (await run.client.post(url, json={})).status_code == 401
        unknown = await run.client.post("http://gateway/mcp/else", json={}, headers=run.auth)
        assert unknown.status_code == 404


class Endless(LoopbackServer):
    """Fails at length."""

    def answer(self, request: Request) -> Reply:
        return Reply(500, iter(lambda: b"" if self.closing.is_set() else b"x" * 65536, b""))


async def test_a_failure_without_end_is_cut_off() -> None:
    with Endless() as endless:
        server = McpServer("notes", url=f"{endless.url}/mcp")
        async with _run(Policy(ModelAccess("none"), mcp_servers=[server])) as run:
            answer = await run.ask(url="http://gateway/mcp/notes")

    assert answer.status_code == 500
    assert len(answer.content) == gateway_module.LONGEST_FAILURE


async def test_an_mcp_server_is_not_reached_as_a_model_is(echo: Echo) -> None:
    """A model's private address is allowed by being named; a caller's server is not there."""
    policy = Policy(_anthropic(echo.url), mcp_servers=[McpServer("notes", url=echo.url)])
    gateways = ModelGateway(outside=GuardedTransport(NetGuard()))
    told: list[Notice] = []
    gateway = await gateways.open(policy, told.append, isolated=False)
    headers = {"x-api-key": gateway.token}
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
        model = await client.post("/model/v1/messages", json=BODY, headers=headers)
        other = await client.post("/mcp/notes", json={}, headers=headers)
    await gateway.close()
    await gateways.close()

    assert model.status_code == 200
    assert other.status_code == 502
    assert [request.target for request in echo.requests] == ["/v1/messages"]


@pytest.mark.parametrize("target", ["http://[/x", "http://a:b:c/", "http://a:99999/", "x"])
async def test_a_target_that_is_no_url_is_refused(
    target: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with _run(Policy(ModelAccess("none"))) as run:
        status, writer = await _raw(run, "GET", target)
        writer.close()

    assert status.split()[1] in {b"400", b"407"}
    assert not caplog.records


async def test_a_body_that_is_nested_without_end_is_refused(
    model_endpoint: ModelEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    async with _run(Policy(_anthropic(model_endpoint.url))) as run:
        body = b'{"model":"m","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        answer = await run.client.post(MESSAGES, content=body, headers=run.auth)

    assert answer.status_code == 400
    assert not caplog.records


# --- the proxy ----------------------------------------------------------------------------------


async def _proxied(run: Run, line: str, token: str = "") -> tuple[bytes, asyncio.StreamWriter]:
    """Send the head of a proxy request and return the answer's status line."""
    credential = base64.b64encode(f"lemnos:{token or run.gateway.token}".encode()).decode()
    reader, writer = await asyncio.open_unix_connection(str(run.gateway.socket))
    head = f"{line} HTTP/1.1\r\nhost: x\r\nproxy-authorization: Basic {credential}\r\n\r\n"
    writer.write(head.encode())
    writer.write(b"GET /inside HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    async with asyncio.timeout(10):
        answer = await reader.read() if line.startswith("CONNECT allowed") else b""
        return answer or await reader.readline(), writer


async def test_a_tunnel_leads_to_an_allowed_host(echo: Echo) -> None:
    port = int(echo.url.rpartition(":")[2])
    policy = Policy(ModelAccess("none"), allowed_hosts=[f"allowed.example:{port}"])
    async with _run(policy) as run:
        answer, writer = await _proxied(run, f"CONNECT allowed.example:{port}")
        writer.close()

    assert answer.startswith(b"HTTP/1.1 200")
    assert json.loads(answer.rpartition(b"\r\n\r\n")[2])["path"] == "/inside"


async def test_a_plain_request_goes_to_an_allowed_host_by_name(echo: Echo) -> None:
    port = int(echo.url.rpartition(":")[2])
    policy = Policy(ModelAccess("none"), allowed_hosts=[f"allowed.example:{port}"])
    async with _run(policy) as run:
        status, writer = await _proxied(run, f"GET http://allowed.example:{port}/page")
        writer.close()

    assert status.startswith(b"HTTP/1.1 200")
    assert echo.requests[0].target == "/page"
    assert echo.requests[0].headers["host"] == f"allowed.example:{port}"
    assert "proxy-authorization" not in echo.requests[0].headers


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("CONNECT other.example:443", b"403"),
        ("CONNECT listed.example:22", b"403"),
        ("GET http://other.example/", b"403"),
        ("CONNECT forbidden.example:443", b"502"),
        ("CONNECT listed.example", b"502"),
        ("CONNECT listed.example:nope", b"400"),
    ],
)
async def test_other_hosts_are_refused(line: str, status: bytes) -> None:
    policy = Policy(ModelAccess("none"), allowed_hosts=["listed.example", "forbidden.example"])
    async with _run(policy) as run:
        answer, writer = await _proxied(run, line)
        writer.close()
        denied = [notice for notice in run.told if notice.kind == "denied_host"]

    assert answer.split()[1] == status
    assert len(denied) == (status == b"403")


async def test_the_proxy_wants_the_runs_token() -> None:
    policy = Policy(ModelAccess("none"), allowed_hosts=["listed.example"])
    async with _run(policy) as run:
        answer, writer = await _proxied(run, "CONNECT listed.example:443", token="guess")
        writer.close()

    assert answer.split()[1] == b"407"


async def test_a_host_is_told_once() -> None:
    async with _run(Policy(ModelAccess("none"))) as run:
        for _ in range(3):
            _, writer = await _proxied(run, "CONNECT other.example:443")
            writer.close()

    assert [notice.host for notice in run.told] == ["other.example:443"]
