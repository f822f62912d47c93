"""Checking tokens: the answers of ``GET /user``, and what the forge says of a repository."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from lemnos.adapters.forges import ForgeHost, ForgeHttp, ForgeRegistry
from lemnos.adapters.net import NetGuard
from lemnos.domains.integrations.ports import Forge
from lemnos.kernel.errors import Invalid, LemnosError
from tests.support.loopback import LoopbackServer, Reply, Request

TOKEN = "verify-token-1234"
USERS = {"/api/v3/user": "login", "/api/v4/user": "username", "/api/v1/user": "login"}
REPOSITORIES = {
    "/api/v3/repos/acme/shop",
    "/api/v4/projects/acme%2Fshop",
    "/api/v1/repos/acme/shop",
}


class Users:
    """The part of three APIs that tells whose a token is."""

    def __init__(self) -> None:
        self.status = 200
        self.body: bytes | None = None

    def handle(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply.json({"message": "Bad credentials"}, 401)
        if request.path in REPOSITORIES:
            return Reply.json({"id": 1})
        if request.path not in USERS:
            return Reply.json({"message": "Not Found"}, 404)
        if self.body is not None:
            return Reply(self.status, self.body)
        body = {USERS[request.path]: "ada"} if self.status == 200 else {"message": "no"}
        return Reply.json(body, self.status, {"X-OAuth-Scopes": "repo, workflow"})


@pytest.fixture
def users() -> Users:
    return Users()


@pytest.fixture
def server(users: Users) -> Iterator[LoopbackServer]:
    with LoopbackServer(users) as server:
        yield server


@pytest.fixture
async def registry() -> AsyncIterator[ForgeRegistry]:
    guard = NetGuard(["127.0.0.1"])
    http = ForgeHttp(guard)
    yield ForgeRegistry(http, guard, {"127.0.0.2": ForgeHost("gitlab")})
    await http.close()


@pytest.fixture(params=["github", "gitlab", "gitea"])
def forge(request: pytest.FixtureRequest, registry: ForgeRegistry, server: LoopbackServer) -> Forge:
    return registry.of(f"{server.url}/acme/shop.git", request.param)


async def test_a_valid_token(forge: Forge, server: LoopbackServer):
    verified = await forge.verify(TOKEN, f"{server.url}/acme/shop.git")

    assert (verified.valid, verified.account, verified.problem) == (True, "ada", "")
    assert verified.scopes == (("repo", "workflow") if forge.name == "github" else ())


async def test_a_token_that_is_not_accepted(forge: Forge):
    verified = await forge.verify("another-token")

    assert not verified.valid
    assert verified.problem
    assert "another-token" not in verified.problem


async def test_a_token_that_does_not_see_the_repository(forge: Forge, server: LoopbackServer):
    verified = await forge.verify(TOKEN, f"{server.url}/acme/hidden")

    assert verified.valid
    assert "repository" in verified.problem


async def test_a_token_without_an_account(forge: Forge, users: Users):
    users.status = 403

    assert (await forge.verify(TOKEN)).valid


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"login": 5}'])
async def test_answers_that_make_no_sense_do_not_break_it(forge: Forge, users: Users, body: bytes):
    users.body = body

    assert (await forge.verify(TOKEN)).account == ""


async def test_an_endless_answer_is_not_read_to_its_end(forge: Forge, users: Users):
    users.body = b"x" * (5 << 20)
    with pytest.raises(LemnosError):
        await forge.verify(TOKEN)


async def test_addresses_that_name_no_repository(forge: Forge, server: LoopbackServer):
    for path in ("", "/", "/acme", "/acme/..", "/a//b"):
        with pytest.raises(Invalid):
            await forge.verify(TOKEN, server.url + path)


async def test_a_redirect_to_another_host_does_not_get_the_token(registry: ForgeRegistry):
    class Elsewhere:
        def __init__(self) -> None:
            self.seen: list[str | None] = []

        def handle(self, request: Request) -> Reply:
            self.seen.append(request.headers.get("authorization"))
            return Reply.json({"login": "eve"})

    class Redirecting:
        target = ""

        def handle(self, request: Request) -> Reply:
            return Reply(302, headers={"Location": self.target + request.target})

    elsewhere, redirecting = Elsewhere(), Redirecting()
    with LoopbackServer(elsewhere) as second, LoopbackServer(redirecting) as first:
        redirecting.target = second.url
        await registry.of(f"{first.url}/a/b", "github").verify(TOKEN)

    assert elsewhere.seen == [None]


def test_a_provider_without_public_instance_needs_an_address(registry: ForgeRegistry):
    with pytest.raises(Invalid):
        registry.of("", "gitea")
