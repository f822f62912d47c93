"""Coverage files as real tools write them, read in a process that they may end."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from lemnos.runners.coverage.reader import CoverageReader

MODULE = '''"""A module."""

import sys


def sign(number):
    if number < 0:
        return -1
    return 1


def unused():  # pragma: no cover
    return sys.argv


sign(5)
'''
RUN = {6, 7, 9, 16, 3}
RUNNABLE = RUN | {8}
KNOWN = ("src/signs.py", "setup.py")


def lines_of(field: int) -> set[int]:
    """A set of bits as line numbers."""
    return {number for number in range(field.bit_length()) if field >> number & 1}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project whose module coverage.py has watched."""
    root = tmp_path / "tree"
    (root / "src").mkdir(parents=True)
    (root / "src" / "signs.py").write_text(MODULE)
    _coverage(root, "run", "--branch", "src/signs.py")
    return root


def _coverage(root: Path, *arguments: str) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    command = [sys.executable, "-m", "coverage", *arguments]
    subprocess.run(command, cwd=root, env=env, check=True, capture_output=True)


@pytest.mark.parametrize("written", ["", "xml", "json", "lcov"])
async def test_each_format_of_coverage_py(tree, written):
    if written:
        _coverage(tree, written)
        (tree / ".coverage").unlink()
    found = await CoverageReader().read(tree, KNOWN)
    assert found.warnings == ()
    (report,) = found.reports
    ((path, lines),) = report.files.items()
    assert Path(path).name == "signs.py"
    assert lines_of(lines.covered & lines.runnable) == RUN
    assert lines_of(lines.runnable) == RUNNABLE
    assert report.measured_at > 1_500_000_000_000_000


async def test_a_data_file_of_another_machine(tree, tmp_path):
    """The sources are found by the end of their paths."""
    with sqlite3.connect(tree / ".coverage") as data:
        data.execute("update file set path = '/ci/build/src/signs.py'")
    data.close()
    moved = tmp_path / "moved"
    tree.rename(moved)
    (report,) = (await CoverageReader().read(moved, KNOWN)).reports
    assert lines_of(report.files["/ci/build/src/signs.py"].runnable) == RUNNABLE


async def test_neither_configuration_nor_plugin_of_the_tree_is_used(tree):
    mark = tree.parent / "mark"
    (tree / "trap.py").write_text(f"open({str(mark)!r}, 'w')\n")
    (tree / ".coveragerc").write_text("[run]\nplugins = trap\n[report]\nexclude_also = return\n")
    (tree / "sitecustomize.py").write_text(f"open({str(mark)!r}, 'w')\n")
    (report,) = (await CoverageReader().read(tree, KNOWN)).reports
    assert lines_of(next(iter(report.files.values())).runnable) == RUNNABLE
    assert not mark.exists()


async def test_coverage_of_another_folder_of_this_machine_is_not_used(tree, tmp_path):
    """The same names are in both, and the figures are those of the other one."""
    copy = tmp_path / "copy"
    shutil.copytree(tree, copy)
    found = await CoverageReader().read(copy, KNOWN)
    assert found.reports == ()
    assert "another folder" in found.warnings[0]


async def test_broken_files_are_told_and_the_others_read(tree):
    (tree / "coverage.xml").write_text("<coverage><oops")
    (tree / "coverage.json").write_text("{")
    (tree / "lcov.info").write_bytes(os.urandom(1000))
    (tree / ".coverage.1").write_bytes(b"SQLite format 3\0" + os.urandom(5000))
    (tree / ".coverage.2").write_text("!coverage.py: This is a private format\n")
    found = await CoverageReader().read(tree, KNOWN)
    assert [report.name for report in found.reports] == [".coverage"]
    assert len(found.warnings) == 5
    assert all(" is not used: " in warning for warning in found.warnings)


async def test_a_file_that_ends_its_reader_costs_only_itself(tree):
    """More memory than there may be: the process goes, and another one reads the rest."""
    (tree / "coverage.json").write_bytes(b"[" + b'{"a":[1]},' * 4_000_000 + b"1]")
    (tree / "a.lcov").write_text("SF:src/signs.py\nDA:6,1\nend_of_record\n")
    found = await CoverageReader(memory=200 << 20).read(tree, KNOWN)
    assert {report.name for report in found.reports} == {".coverage", "a.lcov"}
    (warning,) = found.warnings
    assert warning.startswith("coverage.json")


async def test_a_file_that_takes_too_long_is_given_up(tree):
    (tree / ".coverage").unlink()
    (tree / "coverage.xml").write_text("<coverage/>")
    (tree / "lcov.info").write_text("SF:src/signs.py\nDA:6,1\nend_of_record\n")
    found = await CoverageReader(patience=0.0).read(tree, KNOWN)
    assert found.reports == ()
    assert all("took longer than 0 seconds" in warning for warning in found.warnings)


async def test_a_source_that_is_a_link_out_of_the_tree_is_not_read(tree, tmp_path):
    secret = tmp_path / "secret.py"
    (tree / "src" / "signs.py").rename(secret)
    (tree / "src" / "signs.py").symlink_to(secret)
    (report,) = (await CoverageReader().read(tree, KNOWN)).reports
    assert report.files == {}


async def test_a_tree_without_any(tmp_path):
    found = await CoverageReader().read(tmp_path, ())
    assert (found.reports, found.warnings) == ((), ())
