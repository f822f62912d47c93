"""Where coverage files are found, and where not."""

from __future__ import annotations

import os

from lemnos.runners.coverage.finding import MOST_FILES, coverage_files


def test_by_name_wherever_they_are(tmp_path):
    wanted = [
        ".coverage",
        ".coverage.host.12.x",
        "coverage.xml",
        "coverage/lcov.info",
        "coverage/coverage-final.json",
        "packages/a/coverage/cobertura-coverage.xml",
    ]
    others = [
        ".coveragerc",
        "coverage.py",
        "node_modules/a/coverage.xml",
        ".venv/coverage.xml",
        "1/2/3/4/5/6/7/coverage.xml",
    ]
    for path in (*wanted, *others):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")
    assert sorted(coverage_files(tmp_path)) == sorted(wanted)


def test_links_and_pipes_are_left_alone(tmp_path):
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    tree.mkdir()
    outside.mkdir()
    (outside / "coverage.xml").write_text("x")
    (tree / "linked").symlink_to(outside)
    (tree / "coverage.xml").symlink_to(outside / "coverage.xml")
    os.mkfifo(tree / "lcov.info")
    assert coverage_files(tree) == []


def test_not_more_than_so_many(tmp_path):
    for number in range(MOST_FILES + 5):
        (tmp_path / f".coverage.{number}").write_text("x")
    assert len(coverage_files(tmp_path)) == MOST_FILES
