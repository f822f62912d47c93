"""``lemnos cleanup`` without a server."""

from __future__ import annotations

import json
import stat

import pytest

from lemnos.cli.cleaning import size
from tests.support.cleaning import listing, plant, repository


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with rubbish in it, which is the present one."""
    made = repository(tmp_path / "project", "package.json", "dist/kept.js")
    plant(made, "dist/a.js", "node_modules/a/b.js", "src/.DS_Store")
    monkeypatch.chdir(made)
    return made


def test_a_dry_run_tells_what_the_real_one_removes(lemnos, project, tmp_path):
    before = listing(project)
    dry = lemnos("cleanup", "--deep", "--dry-run", "--json")
    assert (dry.code, listing(project)) == (0, before)
    assert not (tmp_path / "data/cleanups").exists()
    real = lemnos("cleanup", "--deep", "--json")
    assert real.code == 0
    assert real.json["files_deleted"] == 3
    assert {**dry.json["manifest"], "dry_run": False} == real.json["manifest"]
    assert listing(project) == {"package.json", "dist/", "dist/kept.js", "src/"}


def test_the_manifest_is_kept_as_a_record(lemnos, project, tmp_path):
    ran = lemnos("cleanup", "--json")
    (record,) = (tmp_path / "data/cleanups").iterdir()
    assert json.loads(record.read_text()) == ran.json
    assert stat.S_IMODE(record.stat().st_mode) == 0o600


def test_people_see_categories_the_largest_and_what_was_left(lemnos, project):
    ran = lemnos("cleanup", "--deep", "--dry-run")
    for text in ("node modules", "node_modules/", "left dist/: tracked", "3 files would go"):
        assert text in ran.out


def test_refused_folders_are_wrong_usage(lemnos, project, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(project))
    (tmp_path / "data").mkdir(exist_ok=True)
    for path in ("/", "/etc", ".", str(tmp_path / "data"), "package.json", "none", ".git/hooks"):
        assert lemnos("cleanup", path).code == 2, path
    assert (project / "src/.DS_Store").exists()


def test_what_cannot_be_told_apart_is_no_success(lemnos, project):
    (project / ".git/index").write_bytes(b"broken")
    ran = lemnos("cleanup")
    assert ran.code == 1
    assert "damaged" in ran.err
    assert (project / "src/.DS_Store").exists()


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2_000_000, "2.0 MB")]
)
def test_sizes_for_people(count, shown):
    assert size(count) == shown
