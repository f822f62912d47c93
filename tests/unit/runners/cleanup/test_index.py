"""What git tracks, in whatever form its index has; and indexes that tell nothing for certain."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lemnos.kernel.errors import Unprocessable
from tests.support.cleaning import clean, git, listing, plant, removed, repository

TRACKED = ("package.json", "dist/a.js", "dist/sub/b.js", "dist/été.js")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "project"


def _only_what_is_tracked_stays(root: Path) -> None:
    before = git(root, "status", "--porcelain")
    plant(root, "dist/new.js", "dist/sub/new.js", "dist/other/new.js")
    assert set(removed(clean(root))) == {"dist/new.js", "dist/sub/new.js", "dist/other/"}
    assert git(root, "status", "--porcelain", "--untracked-files=all") == before


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_all_versions_are_read(root: Path, version: str) -> None:
    repository(root, *TRACKED)
    git(root, "update-index", "--index-version", version)
    if version == "3":  # only written for entries that need it
        plant(root, "dist/intended.js")
        git(root, "add", "--intent-to-add", "--force", "dist/intended.js")
    assert (root / ".git/index").read_bytes()[7] == int(version)
    plant(root, "dist/new.js")
    assert removed(clean(root)) == {"dist/new.js": "build_output"}


def test_a_split_index_is_read(root: Path) -> None:
    repository(root, *TRACKED)
    git(root, "update-index", "--split-index")
    plant(root, "dist/later.js")
    git(root, "add", "--force", "dist/later.js")
    assert list((root / ".git").glob("sharedindex.*"))
    _only_what_is_tracked_stays(root)


@pytest.fixture
def sparse(root: Path) -> Path:
    """A work tree without `dist`, all of which is one entry of the index."""
    repository(root, *TRACKED, "src/a.js")
    git(root, "sparse-checkout", "set", "--cone", "--sparse-index", "src")
    assert "dist/\n" in git(root, "ls-files", "--sparse")
    plant(root, "dist/sub/b.js", "dist/new.js")
    return root


def test_a_sparse_index_is_read(sparse: Path) -> None:
    assert removed(clean(sparse)) == {"dist/new.js": "build_output"}


def test_a_sparse_index_whose_folders_are_unknown_is_refused(sparse: Path) -> None:
    tree = git(sparse, "rev-parse", "HEAD:dist").strip()
    (sparse / ".git/objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(Unprocessable, match="Could not read"):
        clean(sparse)
    assert (sparse / "dist/sub/b.js").exists()


def test_repositories_of_sha256_are_read(root: Path) -> None:
    repository(root, *TRACKED, init=("--object-format=sha256",))
    _only_what_is_tracked_stays(root)


def test_an_index_without_a_checksum_is_read(root: Path) -> None:
    repository(root, *TRACKED)
    content = (root / ".git/index").read_bytes()
    (root / ".git/index").write_bytes(content[:-20] + bytes(20))  # as index.skipHash writes it
    _only_what_is_tracked_stays(root)


def test_names_are_compared_without_case_and_composition(root: Path) -> None:
    repository(root, "package.json", "dist/README", "dist/e\u0301te\u0301")
    (root / "dist/README").rename(root / "dist/readme")
    (root / "dist/e\u0301te\u0301").rename(root / "dist/ÉTÉ")
    assert not clean(root).removed


def test_a_repository_around_another_keeps_its_files_too(root: Path) -> None:
    repository(root, "sub/package.json", "sub/dist/a.js")
    repository(root / "sub", "dist/b.js")
    plant(root, "sub/dist/c.js")
    assert removed(clean(root / "sub")) == {"dist/c.js": "build_output"}


def test_configuration_of_the_repository_is_never_carried_out(root: Path) -> None:
    repository(root, *TRACKED)
    bait = root.parent / "ran"
    hook = root.parent / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {bait}\n")
    hook.chmod(0o755)
    for name in ("core.fsmonitor", "core.hooksPath", "core.alternateRefsCommand", "alias.ls-files"):
        git(root, "config", name, str(hook))
    with (root / ".git/config").open("a") as config:
        config.write(f"[include]\n\tpath = {root.parent}/missing\n")
    plant(root, "dist/new.js")
    assert removed(clean(root)) == {"dist/new.js": "build_output"}
    assert not bait.exists()


def _cut(index: Path) -> None:
    index.write_bytes(index.read_bytes()[:-30])


def _flip(index: Path) -> None:
    content = bytearray(index.read_bytes())
    content[content.index(b"dist")] ^= 1
    index.write_bytes(content)


def _unknown_version(index: Path) -> None:
    content = bytearray(index.read_bytes())
    content[7] = 9
    index.write_bytes(content[:-20] + bytes(20))


def _pipe(index: Path) -> None:
    index.unlink()
    os.mkfifo(index)


def _empty(index: Path) -> None:
    index.write_bytes(b"")


@pytest.mark.parametrize("harm", [_cut, _flip, _unknown_version, _pipe, _empty, Path.unlink])
def test_a_broken_index_is_refused_and_nothing_removed(root: Path, harm) -> None:
    repository(root, *TRACKED)
    plant(root, "dist/new.js", ".DS_Store")
    harm(root / ".git/index")
    before = listing(root)
    for dry in (True, False):
        with pytest.raises(Unprocessable) as caught:
            clean(root, dry=dry)
        assert caught.value.code == "repository_unreadable"
    assert listing(root) == before


@pytest.mark.parametrize("pointer", ["gitdir: /nowhere\n", "nonsense", ""])
def test_a_broken_pointer_to_a_git_directory_is_refused(root: Path, pointer: str) -> None:
    plant(root, ".DS_Store")
    (root / ".git").write_text(pointer)
    with pytest.raises(Unprocessable):
        clean(root)
    assert (root / ".DS_Store").exists()


def test_a_repository_without_commits_tracks_nothing(root: Path) -> None:
    repository(root)
    plant(root, "package.json", "dist/a.js")
    assert removed(clean(root)) == {"dist/": "build_output"}


def test_without_git_nothing_is_removed_from_a_repository(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(root, "package.json")
    plant(root, ".DS_Store")
    monkeypatch.setenv("PATH", str(root))
    with pytest.raises(Unprocessable, match="git is not installed"):
        clean(root)
    assert (root / ".DS_Store").exists()
