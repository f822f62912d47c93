"""Temporary folders go with their owner, however it ends."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lemnos.runners.scratch import Scratch

OWNER = (
    "from lemnos.runners.scratch import Scratch; s = Scratch(); print(s.path, flush=True); input()"
)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_it_is_private_and_goes_when_it_is_closed() -> None:
    scratch = Scratch()
    (scratch.path / "file").write_text("x")
    assert scratch.path.stat().st_mode & 0o777 == 0o700

    scratch.close()

    assert not scratch.path.exists()


def test_it_goes_with_its_object(temporary: Path) -> None:
    scratch = Scratch()
    del scratch

    assert list(temporary.iterdir()) == []


def test_that_of_a_killed_owner_is_removed_by_the_next(temporary: Path) -> None:
    pipe = subprocess.PIPE
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdin=pipe, stdout=pipe, text=True)
    assert owner.stdout is not None
    left = Path(owner.stdout.readline().strip())

    alive = Scratch()
    assert left.exists()  # its owner lives
    owner.kill()
    owner.communicate()
    assert left.exists()
    another = Scratch()

    assert not left.exists()
    assert alive.path.exists()
    assert another.path.exists()


def test_what_is_not_ours_is_left_alone(temporary: Path) -> None:
    target = temporary / "target"
    target.mkdir()
    (target / "file").write_text("x")
    trap = temporary / "lemnos-scratch-trap"
    trap.mkdir()
    (trap / ".lock").symlink_to(target / "file")

    Scratch().close()

    assert (target / "file").exists()
    assert trap.exists()
