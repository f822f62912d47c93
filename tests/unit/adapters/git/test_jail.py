"""The jail around git: what it shows, and that it says so where it can't be built."""

from __future__ import annotations

import logging
import shutil
import subprocess
from pathlib import Path

import pytest

from lemnos.adapters.git.jail import Jail

needs_bwrap = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason="NOT TESTED: bubblewrap is not installed"
)


async def run_in(jail: Jail, tmp_path: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    wrapped = await jail.wrap(
        argv, writable=(tmp_path / "git", tmp_path / "tree"), readonly=(tmp_path / "objects",)
    )
    return subprocess.run(wrapped, capture_output=True, text=True, check=False)


@pytest.fixture
def places(tmp_path: Path) -> Path:
    for name in ("git", "tree", "objects", "outside"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(f"{name}\n")
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "outside" / "file")
    return tmp_path


@needs_bwrap
async def test_only_the_named_places_are_there(places: Path):
    jail = Jail()
    for name in ("git", "tree", "objects"):
        done = await run_in(jail, places, "cat", str(places / name / "file"))
        assert done.stdout == f"{name}\n", done.stderr

    for hidden in (places / "outside/file", places / "tree/link", "/etc/passwd", "/root", "/home"):
        assert (await run_in(jail, places, "ls", "-L", str(hidden))).returncode != 0


@needs_bwrap
async def test_what_is_read_only_can_not_be_written(places: Path):
    jail = Jail()
    assert (await run_in(jail, places, "touch", str(places / "tree/new"))).returncode == 0
    assert (await run_in(jail, places, "touch", str(places / "objects/new"))).returncode != 0
    assert (await run_in(jail, places, "touch", "/usr/new")).returncode != 0


@needs_bwrap
async def test_there_is_no_network(places: Path):
    done = await run_in(Jail(), places, "cat", "/proc/net/dev")
    assert [line.split(":")[0].strip() for line in done.stdout.splitlines()[2:]] == ["lo"]


async def test_without_bubblewrap_it_warns_and_goes_on(
    places: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    jail = Jail()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert (await run_in(jail, places, "cat", str(places / "git/file"))).stdout == "git\n"
    assert len(caplog.records) == 1
