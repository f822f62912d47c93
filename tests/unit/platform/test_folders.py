"""Folders as an agent may leave them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lemnos.platform import folders


def _nest(folder: Path, depth: int, name: str) -> None:
    """Folders in folders, further down than a path can name."""
    at = os.open(folder, os.O_DIRECTORY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=at)
        inner = os.open(name, os.O_DIRECTORY, dir_fd=at)
        os.close(at)
        at = inner
    with open(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=at), "wb") as file:
        file.write(b"x" * 100_000)
    os.close(at)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir()
    return made


def test_usage_counts_blocks_and_entries_but_no_links(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 1_000_000)
    (folder / "link").symlink_to(tmp_path / "large")
    (folder / "sub").mkdir()
    (folder / "sub" / "file").write_bytes(b"x" * 100_000)
    for number in range(1000):
        (folder / f"empty{number}").touch()

    usage = folders.usage_of([folder])

    assert usage.whole
    assert 100_000 + 1000 * 1024 < usage.bytes < 1_500_000


def test_what_is_too_deep_to_be_counted_is_told(folder: Path) -> None:
    _nest(folder, 3, "d" * 200)
    assert folders.usage_of([folder]).whole

    _nest(folder, 30, "e" * 200)
    assert not folders.usage_of([folder]).whole
    assert folders.remove(folder)


@pytest.mark.parametrize(("depth", "name"), [(3000, "d"), (40, "e" * 250)])
def test_any_depth_is_removed(folder: Path, depth: int, name: str) -> None:
    _nest(folder, depth, name)

    assert folders.remove(folder)
    assert not folder.exists()


def test_what_links_lead_to_stays(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    (folder / "link").symlink_to(kept)
    (folder / "locked").mkdir()
    (folder / "locked" / "link").symlink_to(kept)
    (folder / "locked").chmod(0)

    assert folders.remove(folder)
    assert (kept / "file").exists()


def test_what_is_not_there_is_gone(tmp_path: Path) -> None:
    assert folders.remove(tmp_path / "nothing")
