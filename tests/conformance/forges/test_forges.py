"""Every forge with an API against a stateful stand-in; GitHub's requests against its OpenAPI."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import stamina

from lemnos.adapters.forges import ForgeHost, ForgeHttp, ForgeRegistry
from lemnos.adapters.net import NetGuard
from lemnos.domains.integrations.ports import Forge as ForgePort
from lemnos.domains.integrations.ports import PullRequestDraft
from lemnos.kernel.errors import (
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    Unavailable,
    Unprocessable,
)
from tests.support.fixtures import TOKEN
from tests.support.forge import Forge
from tests.support.git_repos import commit, git

NUMBERED = {"github": "pull", "gitlab": "-/merge_requests", "gitea": "pulls"}


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=5, cap=True):
        yield


@pytest.fixture
async def http() -> AsyncIterator[ForgeHttp]:
    client = ForgeHttp(NetGuard(["127.0.0.1"]))
    yield client
    await client.close()


@pytest.fixture(params=["github", "gitlab", "gitea"])
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def forge(tmp_path: Path, provider: str) -> Iterator[Forge]:
    """Only GitHub's tests need its description, which is an npm package."""
    with Forge(tmp_path / "forge", TOKEN, github=provider == "github") as running:
        yield running


@pytest.fixture
def port(forge: Forge, http: ForgeHttp, provider: str) -> ForgePort:
    return ForgeRegistry(http, NetGuard(["127.0.0.1"])).of(forge.repository_url("a/b"), provider)


@pytest.fixture
def draft(forge: Forge) -> PullRequestDraft:
    bare = forge.create("acme/shop", {"README.md": "hello\n"})
    commit(bare, {"new.txt": "1\n"}, branch="main")
    git("branch", "topic", cwd=bare)
    commit(bare, {"topic.txt": "1\n"}, branch="topic")
    return PullRequestDraft(
        forge.repository_url("acme/shop"), "topic", "main", "Fix it", "Because.", TOKEN
    )


async def test_a_pull_request_is_opened(
    forge: Forge, port: ForgePort, provider: str, draft: PullRequestDraft
):
    opened = await port.open_pull_request(draft)

    (made,) = forge.pulls("acme/shop")
    assert (made.head, made.base, made.title, made.body) == ("topic", "main", "Fix it", "Because.")
    assert made.api == provider
    assert opened.number == made.number == 1
    assert opened.url == f"{forge.url}/acme/shop/{NUMBERED[provider]}/1"
    assert forge.problems == []


async def test_repeating_finds_the_one_that_is_open(
    forge: Forge, port: ForgePort, draft: PullRequestDraft
):
    first = await port.open_pull_request(draft)

    assert await port.open_pull_request(draft) == first
    assert len(forge.pulls("acme/shop")) == 1
    assert forge.problems == []


async def test_a_missing_branch_is_refused_in_the_forges_own_words(
    port: ForgePort, draft: PullRequestDraft
):
    with pytest.raises((Unprocessable, NotFound)) as refused:
        await port.open_pull_request(replace(draft, head="nope"))
    assert TOKEN not in str(refused.value)


async def test_a_wrong_token(port: ForgePort, draft: PullRequestDraft):
    with pytest.raises(Forbidden) as refused:
        await port.open_pull_request(replace(draft, token="wrong-token-123"))
    assert refused.value.code == "forge_auth_failed"


async def test_an_unknown_repository(forge: Forge, port: ForgePort, draft: PullRequestDraft):
    with pytest.raises(NotFound):
        await port.open_pull_request(replace(draft, repo_url=forge.repository_url("acme/none")))


@pytest.mark.parametrize("status", [429, 403])
async def test_a_rate_limit_is_waited_out(
    forge: Forge, port: ForgePort, draft: PullRequestDraft, status
):
    forge.limit_rate(status=status, retry_after=1, times=2)

    assert (await port.open_pull_request(draft)).number == 1
    assert len(forge.api_requests) == 3


async def test_a_long_rate_limit_is_told_at_once(
    forge: Forge, port: ForgePort, draft: PullRequestDraft
):
    forge.limit_rate(retry_after=3600)
    with pytest.raises(RateLimited) as limited:
        await port.open_pull_request(draft)
    assert limited.value.retry_after == 3600
    assert len(forge.api_requests) == 1


async def test_a_broken_forge_is_tried_a_few_times(
    forge: Forge, port: ForgePort, draft: PullRequestDraft
):
    forge.fail(502)
    with pytest.raises(Unavailable):
        await port.open_pull_request(draft)
    assert len(forge.api_requests) == 5


async def test_a_forge_that_is_away(forge: Forge, port: ForgePort, draft: PullRequestDraft):
    forge.stop()
    with pytest.raises(Unavailable):
        await port.open_pull_request(draft)


async def test_private_hosts_need_the_operators_permission(
    forge: Forge, provider: str, draft: PullRequestDraft
):
    """At the connection, too: the registry's own check is only of what the address says."""
    closed = ForgeHttp(NetGuard())
    port = ForgeRegistry(closed, NetGuard(["127.0.0.1"])).of(draft.repo_url, provider)
    with pytest.raises(Invalid):
        await port.open_pull_request(draft)
    assert forge.api_requests == []
    await closed.close()


def test_which_forge_it_is(http: ForgeHttp):
    registry = ForgeRegistry(
        http,
        NetGuard(["git.corp", "10.0.0.7"], ["/srv"]),
        {"git.corp": ForgeHost("gitlab"), "10.0.0.7:3000": ForgeHost("gitea", "http://10.0.0.7/x")},
    )
    names = {
        "https://github.com/a/b.git": "github",
        "https://gitlab.com/a/b/c": "gitlab",
        "https://codeberg.org/a/b": "gitea",
        "https://git.corp/a/b": "gitlab",
        "http://10.0.0.7:3000/a/b": "gitea",
        "https://example.org/a/b": "generic",
        "/srv/repo.git": "generic",
    }
    assert {url: registry.of(url).name for url in names} == names
    assert registry.of("https://example.org/a/b", "github").name == "github"
    assert registry.of("https://github.com/a/b", "generic").name == "generic"
    assert registry.of("", "gitlab").name == "gitlab"


async def test_a_plain_remote_says_where_the_branch_is(http: ForgeHttp):
    plain = ForgeRegistry(http, NetGuard([], ["/srv"])).of("/srv/repo.git")
    opened = await plain.open_pull_request(PullRequestDraft("/srv/repo.git", "t", "main", "T", "B"))

    assert (opened.url, opened.number) == ("/srv/repo.git#t", None)
    assert not (await plain.verify("token")).valid
