"""Finding programs, asking for their version, and writing into an agent's home."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lemnos.runners.runtimes.files import private_folder, write_private
from lemnos.runners.runtimes.install import find, program, version


def _script(path: Path, text: str = "#!/bin/sh\necho 'tool 1.2.3'\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_the_operators_path_goes_first(tmp_path: Path) -> None:
    own = _script(tmp_path / "own" / "tool")
    _script(tmp_path / "node_modules" / ".bin" / "tool")

    found = find("tool", str(own), [tmp_path])

    assert found is not None
    assert found.argv == (str(own),)


def test_a_path_that_leads_nowhere_finds_nothing_else(tmp_path: Path) -> None:
    _script(tmp_path / "node_modules" / ".bin" / "tool")

    assert find("tool", "/nowhere/tool", [tmp_path]) is None


def test_path_goes_before_the_tools_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _script(tmp_path / "node_modules" / ".bin" / "tool")
    found = find("tool", tools=[tmp_path])
    assert found is not None
    assert "node_modules" in found.argv[0]

    on_path = _script(tmp_path / "bin" / "tool")
    monkeypatch.setenv("PATH", str(on_path.parent))
    found = find("tool", tools=[tmp_path])
    assert found is not None
    assert found.argv == (str(on_path),)


def test_a_script_comes_with_the_packages_around_it(tmp_path: Path) -> None:
    inner = "node_modules/pkg/node_modules/dep/tool"

    assert program(_script(tmp_path / inner)).read_only == (tmp_path / "node_modules",)


async def test_the_version(tmp_path: Path) -> None:
    good = await version(program(_script(tmp_path / "good")), "tool")
    bad = await version(program(_script(tmp_path / "bad", "#!/bin/sh\necho no >&2; exit 3")), "t")
    none = await version(None, "tool")

    assert (good.installed, good.version) == (True, "tool 1.2.3")
    assert (bad.installed, bad.problem) == (False, "t --version failed: no")
    assert (none.installed, none.problem) == (False, "tool was not found")


def test_a_private_file_is_not_written_through_a_link(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("the server's")
    (tmp_path / "config").symlink_to(target)

    path = write_private(tmp_path / "config", b"ours")

    assert target.read_text() == "the server's"
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"ours", 0o600)


def test_a_private_folder_is_not_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "folder").symlink_to(tmp_path / "elsewhere")

    folder = private_folder(tmp_path / "folder")

    assert not folder.is_symlink()
    assert os.stat(folder).st_mode & 0o777 == 0o700
