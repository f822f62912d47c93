"""The git host, used by the real git."""

import subprocess
from pathlib import Path

import pytest

from tests.support.git_http import GitFault, GitServer
from tests.support.git_repos import Files, commit, create_bare, git

TOKEN = "s3cret-t0ken"


def with_token(header: str) -> list[str]:
    return ["-c", f"http.extraHeader=Authorization: {header}"]


def basic(server: GitServer, name: str) -> str:
    return server.repository_url(name).replace("http://", f"http://anyone:{TOKEN}@")


@pytest.fixture
def server(tmp_path: Path):
    with GitServer(tmp_path / "host", TOKEN) as running:
        running.create("acme/shop", {"a.txt": "one\n"}, commits=[{"b.txt": "two\n"}])
        yield running


def test_clone_push_and_fetch(server: GitServer, tmp_path: Path) -> None:
    here = tmp_path / "here"
    git("clone", "-q", basic(server, "acme/shop"), here)
    assert (here / "b.txt").read_text() == "two\n"
    (here / "large.bin").write_bytes(bytes(range(256)) * 8192)  # sent in chunks
    git("add", ".", cwd=here)
    git("commit", "-qm", "Mine", cwd=here)
    git("push", "-q", "origin", "HEAD:topic", cwd=here)
    bare = server.git.root / "acme/shop.git"
    assert git("rev-parse", "topic", cwd=bare) == git("rev-parse", "HEAD", cwd=here)
    theirs = commit(bare, {"c.txt": "three\n"})
    git("fetch", "-q", "origin", cwd=here)
    assert git("rev-parse", "origin/main", cwd=here) == theirs


def test_a_bearer_token_will_do_and_is_recorded(server: GitServer) -> None:
    git(*with_token(f"Bearer {TOKEN}"), "ls-remote", server.repository_url("acme/shop"))
    assert server.git.authorizations == [f"Bearer {TOKEN}"] * 2


@pytest.mark.parametrize("header", ["Bearer wrong", "Basic YTpi"])
def test_a_wrong_token_is_refused(server: GitServer, header: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        git(*with_token(header), "ls-remote", server.repository_url("acme/shop"))
    assert b"Authentication failed" in refused.value.stderr or b"could not read" in (
        refused.value.stderr
    )


@pytest.mark.parametrize("status", [401, 403, 500])
def test_scripted_failures_and_recovery(server: GitServer, status: int) -> None:
    server.git.break_down(GitFault(status=status))
    with pytest.raises(subprocess.CalledProcessError):
        git("ls-remote", basic(server, "acme/shop"))
    server.git.recover()
    assert "refs/heads/main" in git("ls-remote", basic(server, "acme/shop"))


def test_redirects_lead_to_the_other_host(server: GitServer, tmp_path: Path) -> None:
    with GitServer(tmp_path / "other") as other:
        other.create("acme/shop", {"moved.txt": "here\n"})
        server.git.break_down(GitFault(redirect=other.url))
        git("clone", "-q", server.repository_url("acme/shop"), tmp_path / "moved")
    assert (tmp_path / "moved/moved.txt").exists()


def test_a_delay_holds_a_request_until_recovery(server: GitServer) -> None:
    server.git.break_down(GitFault(delay=60))
    command = ["git", "ls-remote", basic(server, "acme/shop")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        while not server.git.requests:
            assert process.poll() is None
        server.git.recover()
        output, _ = process.communicate(timeout=30)
    assert b"refs/heads/main" in output


def test_bare_repositories_are_the_same_every_time(tmp_path: Path) -> None:
    contents: Files = {"folder/a.bin": b"\x00\xff", "run me.sh": "echo\n"}
    heads = [
        git("rev-parse", "main", cwd=create_bare(tmp_path / name, contents)) for name in ("1", "2")
    ]
    assert heads[0] == heads[1]
    assert git("show", "main:run me.sh", cwd=tmp_path / "1") == "echo"
