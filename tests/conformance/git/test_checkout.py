"""Checkouts: the right commit, a usable repository for the agent, mirrors shared but not leaked."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path

import pytest

from lemnos.adapters.git import GitCli
from lemnos.adapters.net import NetGuard
from lemnos.domains.workspaces.ports import Remote
from lemnos.kernel.errors import Forbidden, Invalid, NotFound, Unavailable
from tests.conformance.git.conftest import FILES, TOKEN, Host
from tests.support.git_http import GitFault, GitServer
from tests.support.git_repos import commit, create_bare, git


def fetches(server: GitServer) -> int:
    """How many packs the server was asked for."""
    asked = [r for r in server.git.requests if r.path.endswith("git-upload-pack")]
    return sum(b"command=fetch" in r.body for r in asked)


async def test_the_tree_holds_the_commit_and_is_clean(host: Host, git_port: GitCli, tmp_path: Path):
    checkout = await git_port.checkout(host.remote(), tmp_path / "ws" / "tree")

    assert checkout.branch == "main"
    assert checkout.base == git("rev-parse", "main", cwd=host.bare)
    assert (checkout.tree / "src/app.py").read_text() == FILES["src/app.py"]
    assert git("status", "--porcelain", cwd=checkout.tree) == ""
    assert git("rev-parse", "HEAD", "origin/main", cwd=checkout.tree).split() == [checkout.base] * 2
    assert (await git_port.diff(checkout)).files == ()


async def test_the_agent_can_commit_in_its_own_repository(
    host: Host, git_port: GitCli, tmp_path: Path
):
    checkout = await git_port.checkout(host.remote(), tmp_path / "tree")
    (checkout.tree / "README.md").write_text("hello\nagent\n")

    git("commit", "--quiet", "--all", "--message=by the agent", cwd=checkout.tree)

    assert git("log", "--format=%s", cwd=checkout.tree).splitlines()[0] == "by the agent"
    diff = await git_port.diff(checkout)
    assert [(f.path, f.additions) for f in diff.files] == [("README.md", 1)]


async def test_another_branch_and_an_older_commit(host: Host, git_port: GitCli, tmp_path: Path):
    first = git("rev-parse", "main", cwd=host.bare)
    git("branch", "develop", cwd=host.bare)
    tip = commit(host.bare, {"dev.txt": "1\n"}, branch="develop")

    develop = await git_port.checkout(host.remote(), tmp_path / "a", "develop")
    pinned = await git_port.checkout(host.remote(), tmp_path / "b", "develop", commit=first)

    assert (develop.base, develop.branch) == (tip, "develop")
    assert (develop.tree / "dev.txt").is_file()
    assert pinned.base == first
    assert not (pinned.tree / "dev.txt").exists()


async def test_new_commits_and_force_pushes_arrive(host: Host, git_port: GitCli, tmp_path: Path):
    await git_port.checkout(host.remote(), tmp_path / "a")
    first = git("rev-parse", "main", cwd=host.bare)
    second = commit(host.bare, {"b.txt": "2\n"})
    assert (await git_port.checkout(host.remote(), tmp_path / "b")).base == second

    git("update-ref", "refs/heads/main", first, cwd=host.bare)
    assert (await git_port.checkout(host.remote(), tmp_path / "c")).base == first


async def test_an_interrupted_try_is_replaced(host: Host, git_port: GitCli, tmp_path: Path):
    (tmp_path / "tree" / "half").mkdir(parents=True)
    (tmp_path / "tree.git").mkdir()

    checkout = await git_port.checkout(host.remote(), tmp_path / "tree")

    assert not (checkout.tree / "half").exists()


async def test_missing_branch_and_empty_repository(host: Host, git_port: GitCli, tmp_path: Path):
    host.server.create("acme/empty")
    with pytest.raises(Invalid) as missing:
        await git_port.checkout(host.remote(), tmp_path / "a", "nope")
    with pytest.raises(Invalid) as empty:
        await git_port.checkout(host.remote("acme/empty"), tmp_path / "b")
    with pytest.raises(NotFound) as absent:
        await git_port.checkout(host.remote("acme/absent"), tmp_path / "c")

    assert missing.value.code == "branch_not_found"
    assert "target_branch" in missing.value.fields
    assert empty.value.code == "repository_empty"
    assert absent.value.code == "repository_not_found"


async def test_default_branch(host: Host, git_port: GitCli):
    git("branch", "trunk", cwd=host.bare)
    git("symbolic-ref", "HEAD", "refs/heads/trunk", cwd=host.bare)

    assert await git_port.default_branch(host.remote()) == "trunk"


async def test_a_detached_head_names_the_branch_at_its_commit(host: Host, git_port: GitCli):
    git("update-ref", "--no-deref", "HEAD", git("rev-parse", "main", cwd=host.bare), cwd=host.bare)

    assert await git_port.default_branch(host.remote()) == "main"


async def test_a_shallow_remote(host: Host, git_port: GitCli, tmp_path: Path):
    commit(host.bare, {"second.txt": "2\n"})
    shallow = host.server.git.root / "acme/shallow.git"
    git("clone", "--quiet", "--bare", "--depth=1", f"file://{host.bare}", shallow)
    git("config", "http.receivepack", "true", cwd=shallow)

    checkout = await git_port.checkout(host.remote("acme/shallow"), tmp_path / "tree")
    (checkout.tree / "new.txt").write_text("1\n")
    pushed = await git_port.push(checkout, host.remote("acme/shallow"), "topic", "m")

    assert len(git("log", "--format=%h", cwd=checkout.tree).splitlines()) == 1
    assert git("rev-parse", "topic", cwd=shallow) == pushed.commit


async def test_a_wrong_or_missing_token(git_port: GitCli, server: GitServer, tmp_path: Path):
    server.create("acme/shop", FILES)
    url = server.repository_url("acme/shop")
    for remote in (Remote(url), Remote(url, token="wrong-t0ken-value")):
        with pytest.raises(Forbidden) as refused:
            await git_port.checkout(remote, tmp_path / "tree")
        assert refused.value.code == "git_auth_failed"
        assert "wrong-t0ken-value" not in str(refused.value)


async def test_a_host_that_fails_is_unavailable(
    git_port: GitCli, server: GitServer, tmp_path: Path
):
    server.create("acme/shop", FILES)
    remote = Remote(server.repository_url("acme/shop"), token=TOKEN)
    server.git.break_down(GitFault(status=503))
    with pytest.raises(Unavailable):
        await git_port.checkout(remote, tmp_path / "tree")
    server.git.recover()
    await git_port.checkout(remote, tmp_path / "tree")


async def test_the_token_is_in_no_file_and_no_url(
    git_port: GitCli, server: GitServer, tmp_path: Path
):
    server.create("acme/shop", FILES)
    remote = Remote(server.repository_url("acme/shop"), token=TOKEN)
    checkout = await git_port.checkout(remote, tmp_path / "work" / "tree")
    (checkout.tree / "x").write_text("1\n")
    await git_port.push(checkout, remote, "topic", "m")

    for folder in (tmp_path / "work", tmp_path / "mirrors"):
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                assert TOKEN.encode() not in path.read_bytes(), path
    assert not any(TOKEN in request.target for request in server.git.requests)


async def test_concurrent_checkouts_fetch_once(git_port: GitCli, server: GitServer, tmp_path: Path):
    server.create("acme/shop", FILES)
    remote = Remote(server.repository_url("acme/shop"), token=TOKEN)

    made = await asyncio.gather(
        *(git_port.checkout(remote, tmp_path / f"ws{n}" / "tree") for n in range(4))
    )

    assert len({checkout.base for checkout in made}) == 1
    assert fetches(server) == 1


async def test_processes_that_share_the_mirrors_fetch_once(
    git_port: GitCli, guard: NetGuard, server: GitServer, tmp_path: Path
):
    """Each port has descriptors of its own, which is what file locks tell apart."""
    server.create("acme/shop", FILES)
    remote = Remote(server.repository_url("acme/shop"), token=TOKEN)
    other = GitCli(tmp_path / "mirrors", guard)

    await asyncio.gather(
        git_port.checkout(remote, tmp_path / "a"), other.checkout(remote, tmp_path / "b")
    )

    assert fetches(server) == 1
    other.close()


async def test_two_scopes_share_no_objects(host: Host, git_port: GitCli, tmp_path: Path):
    one = await git_port.checkout(host.remote(scope="a"), tmp_path / "a")
    two = await git_port.checkout(host.remote(scope="b"), tmp_path / "b")
    again = await git_port.checkout(host.remote(scope="a"), tmp_path / "c")

    assert one.readonly != two.readonly
    assert one.readonly == again.readonly
    assert not one.readonly[0].samefile(two.readonly[0])


async def test_without_a_scope_the_token_keeps_mirrors_apart(
    git_port: GitCli, server: GitServer, tmp_path: Path
):
    server.create("acme/shop", FILES)
    url = server.repository_url("acme/shop")
    await git_port.checkout(Remote(url, token=TOKEN), tmp_path / "a")

    with pytest.raises(Forbidden):
        await git_port.checkout(Remote(url, token="someone-elses"), tmp_path / "b")


async def test_locks_of_a_killed_fetch_do_not_block(host: Host, git_port: GitCli, tmp_path: Path):
    checkout = await git_port.checkout(host.remote(), tmp_path / "a")
    mirror = checkout.readonly[0].parent
    (mirror / "packed-refs.lock").touch()
    (mirror / "refs/heads").mkdir(exist_ok=True)
    (mirror / "refs/heads/main.lock").touch()
    (mirror / "objects/pack/tmp_pack_half").touch()
    (checkout.git_dir / "index.lock").touch()
    second = commit(host.bare, {"b.txt": "2\n"})
    (checkout.tree / "n").write_text("1\n")

    assert (await git_port.checkout(host.remote(), tmp_path / "b")).base == second
    assert [f.path for f in (await git_port.diff(checkout)).files] == ["n"]
    assert not (mirror / "objects/pack/tmp_pack_half").exists()


async def test_a_mirror_that_was_not_made_to_the_end(host: Host, git_port: GitCli, tmp_path: Path):
    mirror = (await git_port.checkout(host.remote(), tmp_path / "a")).readonly[0].parent
    (mirror / "HEAD").unlink()

    await git_port.checkout(host.remote(), tmp_path / "b")


async def test_a_commit_that_no_branch_holds_any_more(host: Host, git_port: GitCli, tmp_path: Path):
    first = git("rev-parse", "main", cwd=host.bare)
    second = commit(host.bare, {"b.txt": "2\n"})
    git("update-ref", "refs/heads/main", first, cwd=host.bare)

    checkout = await git_port.checkout(host.remote(), tmp_path / "a", "main", commit=second)
    assert (checkout.base, (checkout.tree / "b.txt").is_file()) == (second, True)
    for nonsense in ("f" * 40, "main", "--all"):
        with pytest.raises((Invalid, NotFound)) as missing:
            await git_port.checkout(host.remote(), tmp_path / "b", "main", commit=nonsense)
        assert missing.value.code == "commit_not_found"


async def test_a_sha256_repository(git_port: GitCli, tmp_path: Path):
    bare = tmp_path / "hosted" / "modern.git"
    git("init", "--quiet", "--bare", "--object-format=sha256", "--initial-branch=main", bare)
    commit(bare, {"a.txt": "1\n", "b.txt": "2\n"})

    checkout = await git_port.checkout(Remote(str(bare)), tmp_path / "tree")
    (checkout.tree / "a.txt").unlink()
    (checkout.tree / "b.txt").unlink()
    (checkout.tree / "b.txt").mkdir()
    (checkout.tree / "b.txt" / "c").write_text("3\n")
    paths = [f.path for f in (await git_port.diff(checkout)).files]
    pushed = await git_port.push(checkout, Remote(str(bare)), "topic", "m")

    assert len(checkout.base) == 64
    assert paths == ["a.txt", "b.txt", "b.txt/c"]
    assert git("status", "--porcelain", cwd=checkout.tree) != ""
    assert git("rev-parse", "topic", cwd=bare) == pushed.commit


async def test_a_git_file_can_not_lead_out_of_the_allowed_roots(git_port: GitCli, tmp_path: Path):
    create_bare(tmp_path / "secret.git", {"a": "1\n"})
    trap = tmp_path / "hosted" / "trap"
    trap.mkdir(parents=True)
    (trap / ".git").write_text(f"gitdir: {tmp_path / 'secret.git'}\n")
    with pytest.raises(Invalid):
        await git_port.checkout(Remote(str(trap)), tmp_path / "tree")


async def test_git_connects_to_the_address_that_was_checked(server: GitServer, tmp_path: Path):
    """The name exists for the guard's resolver alone: git makes no lookup of its own."""
    server.create("acme/shop", FILES)
    url = server.repository_url("acme/shop").replace("127.0.0.1", "git.corp")

    async def resolver(host: str, port: int) -> Collection[str]:
        return ["127.0.0.1"]

    pinned = GitCli(tmp_path / "m1", NetGuard(["git.corp"], resolver=resolver))
    checkout = await pinned.checkout(Remote(url, token=TOKEN), tmp_path / "a")
    (checkout.tree / "n").write_text("1\n")
    assert (await pinned.push(checkout, Remote(url, token=TOKEN), "topic", "m")).commit
    pinned.close()

    closed = GitCli(tmp_path / "m2", NetGuard([], resolver=resolver))
    before = len(server.git.requests)
    with pytest.raises(Invalid):
        await closed.checkout(Remote(url, token=TOKEN), tmp_path / "b")
    assert len(server.git.requests) == before
    closed.close()


async def test_redirects_are_followed_when_they_lead_to_an_allowed_place(
    git_port: GitCli, server: GitServer, tmp_path: Path
):
    server.create("acme/shop", FILES)
    remote = Remote(server.repository_url("acme/shop"), token=TOKEN)
    with GitServer(tmp_path / "hosted") as elsewhere:
        server.git.break_down(GitFault(redirect=elsewhere.url))
        checkout = await git_port.checkout(remote, tmp_path / "tree")

        assert (checkout.tree / "README.md").is_file()
        assert elsewhere.git.requests
        assert set(elsewhere.git.authorizations) == {None}  # the token stays with its host


async def test_redirects_into_a_private_network_are_refused(
    git_port: GitCli, server: GitServer, tmp_path: Path
):
    server.create("acme/shop", FILES)
    server.git.break_down(GitFault(redirect="http://169.254.169.254"))
    with pytest.raises(Invalid) as refused:
        await git_port.checkout(
            Remote(server.repository_url("acme/shop"), token=TOKEN), tmp_path / "tree"
        )
    assert "repo_url" in refused.value.fields


async def test_cancelling_ends_git_at_once_and_no_command_line_has_the_token(
    git_port: GitCli, server: GitServer, tmp_path: Path
):
    server.create("acme/shop", FILES)
    server.git.break_down(GitFault(delay=60))
    remote = Remote(server.repository_url("acme/shop"), token=TOKEN)
    job = asyncio.create_task(git_port.checkout(remote, tmp_path / "tree"))
    while not server.git.requests:  # noqa: ASYNC110 - the server runs in threads
        await asyncio.sleep(0.01)
    at_work = command_lines(server.url)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    server.git.recover()

    assert at_work
    assert not any(TOKEN in line for line in at_work)
    assert command_lines(server.url) == []


def command_lines(word: str) -> list[str]:
    """The command lines of all processes that name the word."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_text(errors="replace")
        except OSError:
            continue
        if word in line:
            found.append(line)
    return found
