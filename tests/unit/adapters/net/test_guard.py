"""The guard: every notation of a private address, every trick with a URL, every path out."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from lemnos.adapters.net import NetGuard
from lemnos.adapters.net.addresses import is_public, literal
from lemnos.kernel.errors import Invalid, Unavailable

PRIVATE = [
    "127.0.0.1",
    "127.9.9.9",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "168.63.129.16",
    "0.0.0.0",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "192.88.99.1",
    "198.18.0.1",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:0a00:0001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
]
PUBLIC = ["1.1.1.1", "140.82.121.4", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]


@pytest.mark.parametrize("text", PRIVATE)
def test_addresses_that_are_not_public(text: str):
    address = literal(text)
    assert address is not None
    assert not is_public(address)


@pytest.mark.parametrize("text", PUBLIC)
def test_addresses_that_are_public(text: str):
    address = literal(text)
    assert address is not None
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.0.0.1./",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[fe80::1%25eth0]/",
        "http://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",  # full-width digits
        "http://127\u30020\u30020\u30021/",  # ideographic full stops
        "http://169.254.169.254/latest/meta-data",
        "HTTP://127.0.0.1:80/",
    ],
)
def test_private_addresses_in_any_notation_are_refused(url: str):
    with pytest.raises(Invalid) as refused:
        NetGuard().check_url(url, field="repo_url")
    assert "repo_url" in refused.value.fields


@pytest.mark.parametrize(
    "url",
    [
        "https://user@example.org/",
        "https://user:secret-word@example.org/",
        "https://example.org@127.0.0.1/",
        "https://:@example.org/",
        "https://example.org\\@127.0.0.1/",
        "https://example.org /",
        "https://exam\tple.org/",
        "https://example.org\n.evil/",
        "https:///path",
        "https://",
        "https://example.org:99999/",
        "https://example.org:x/",
        "https://[::1/",
        "ftp://example.org/",
        "gopher://example.org/",
        "ext::sh -c touch%20pwned",
        "example.org",
        "",
        "https://%31%32%37.0.0.1/",
        "https://exam%70le.org/",
        "https://-x;y/",
        "https://exa\u0000mple.org",
        "https://\u2100.example/",
    ],
)
def test_urls_that_parsers_could_read_differently_are_refused(url: str):
    with pytest.raises(Invalid) as refused:
        NetGuard().check_url(url)
    assert "secret-word" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "canonical", "host", "port"),
    [
        ("https://Example.ORG./a?b=c#d", "https://example.org/a?b=c", "example.org", 443),
        ("http://example.org:8080/a", "http://example.org:8080/a", "example.org", 8080),
        ("https://example.org:443/a", "https://example.org/a", "example.org", 443),
        ("https://bücher.example/a", "https://xn--bcher-kva.example/a", None, 443),
        ("https://[2606:4700::1111]:444/", "https://[2606:4700::1111]:444/", None, 444),
        ("https://16843009/", "https://1.1.1.1/", "1.1.1.1", 443),
    ],
)
def test_what_is_allowed_gets_one_spelling(url: str, canonical: str, host: str | None, port: int):
    endpoint = NetGuard().check_url(url)
    assert endpoint.url == canonical
    assert endpoint.port == port
    assert host in (None, endpoint.host)


@pytest.mark.parametrize(
    ("entry", "url", "allowed"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080/", True),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/", True),
        ("127.0.0.1:8080", "http://127.0.0.1:8081/", False),
        ("127.0.0.1", "http://127.0.0.2/", False),
        ("127.0.0.1", "http://[::ffff:127.0.0.1]/", True),
        ("[::1]:9000", "http://[::1]:9000/", True),
        ("::1", "http://[::1]/", True),
        ("10.0.0.0/8", "http://10.1.2.3/", True),
        ("10.0.0.0/8", "http://11.0.0.1/", True),
        ("10.0.0.0/8", "http://192.168.0.1/", False),
    ],
)
def test_the_operators_list(entry: str, url: str, allowed: bool):
    guard = NetGuard([entry])
    if allowed:
        guard.check_url(url)
        return
    with pytest.raises(Invalid):
        guard.check_url(url)


@pytest.mark.parametrize("entry", ["http://x/", "a b:c", "user@host", "host:port"])
def test_a_list_that_makes_no_sense_is_told_at_the_start(entry: str):
    with pytest.raises(ValueError, match="is not a host"):
        NetGuard([entry])


def answering(*answers: Collection[str]):
    """A resolver that gives another answer each time it is asked."""
    remaining = list(answers)

    async def resolve(host: str, port: int) -> Collection[str]:
        return remaining.pop(0)

    return resolve


async def test_names_are_judged_by_all_their_addresses():
    guard = NetGuard(resolver=answering(["1.1.1.1"], ["1.1.1.1", "10.0.0.1"], ["::1"]))

    assert await guard.resolve("example.org", 443) == ("1.1.1.1",)
    for _ in range(2):
        with pytest.raises(Invalid) as refused:
            await guard.resolve("example.org", 443, field="callback_url")
        assert "10.0.0.1" not in str(refused.value)
        assert "callback_url" in refused.value.fields


async def test_allowed_names_and_allowed_networks():
    private = answering(*[["10.0.0.1"]] * 4)
    assert await NetGuard(["git.corp"], resolver=private).resolve("GIT.corp.", 443)
    assert await NetGuard(["git.corp:443"], resolver=private).resolve("git.corp", 443)
    assert await NetGuard(["10.0.0.0/8"], resolver=private).resolve("other.corp", 443)
    with pytest.raises(Invalid):
        await NetGuard(["git.corp:443"], resolver=private).resolve("git.corp", 80)


async def test_names_that_do_not_resolve():
    async def failing(host: str, port: int) -> Collection[str]:
        raise OSError("no such name")

    for resolver in (failing, answering([])):
        with pytest.raises(Unavailable):
            await NetGuard(resolver=resolver).resolve("example.org", 443)


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    (tmp_path / "allowed" / "repo.git").mkdir(parents=True)
    (tmp_path / "allowed" / "workspaces" / "w").mkdir(parents=True)
    (tmp_path / "secret.git").mkdir()
    (tmp_path / "allowed" / "escape").symlink_to(tmp_path / "secret.git")
    return tmp_path


def test_paths_inside_the_roots(roots: Path):
    guard = NetGuard([], [roots / "allowed"])
    repo = roots / "allowed" / "repo.git"
    for url in (str(repo), f"file://{repo}", f"file://localhost{repo}", f"{repo}/../repo.git"):
        assert guard.check_repository(url).path == repo
    quoted = f"file://{roots}/allowed/re%70o.git"
    assert guard.check_repository(quoted).path == repo


@pytest.mark.parametrize(
    "url",
    [
        "{}/secret.git",
        "{}/allowed/../secret.git",
        "{}/allowed/escape",
        "file://{}/secret.git",
        "file://{}/allowed/%2e%2e/secret.git",
        "file://other.host{}/allowed/repo.git",
        "file:relative",
        "file://",
        "{}/allowed/workspaces/w",
        "{}/absent",
        "{}/allowed/x\0y",
    ],
)
def test_paths_outside_the_roots(roots: Path, url: str):
    guard = NetGuard([], [roots / "allowed"], denied_roots=[roots / "allowed" / "workspaces"])
    with pytest.raises(Invalid) as refused:
        guard.check_repository(url.format(roots))
    assert "repo_url" in refused.value.fields


@pytest.mark.parametrize(
    "url",
    [
        "git@github.com:acme/shop.git",
        "github.com:acme/shop.git",
        "ssh://git@github.com/acme/shop",
        "git+ssh://github.com/acme/shop",
    ],
)
def test_ssh_is_refused_with_a_way_out(url: str):
    with pytest.raises(Invalid, match="https://"):
        NetGuard().check_repository(url)


@pytest.mark.parametrize(
    "url",
    ["relative/path", "-oProxyCommand=x", "ext::sh -c id", "git://example.org/x", "::x", "~/repo"],
)
def test_other_repository_addresses_are_refused(url: str):
    with pytest.raises(Invalid):
        NetGuard([], ["/"]).check_repository(url)
