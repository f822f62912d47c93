"""What --repo may name."""

from __future__ import annotations

import subprocess

import pytest

from lemnos.cli.errors import WrongUsage
from lemnos.cli.repository import has_uncommitted_changes, repository


@pytest.fixture
def folder(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path / "repo")], check=True)
    return tmp_path / "repo"


@pytest.mark.parametrize("url", ["https://h/r.git", "file:///srv/r", "git@h:o/r.git"])
def test_urls_pass_as_they_are(url):
    assert repository(url).url == url
    assert repository(url).folder is None


def test_a_folder_inside_a_repository_names_it(folder):
    inside = folder / "a" / "b"
    inside.mkdir(parents=True)
    assert repository(str(inside)).folder == folder
    assert repository(str(folder)).url == str(folder)


def test_a_bare_repository(tmp_path):
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "r.git")], check=True)
    assert repository(str(tmp_path / "r.git")).folder == tmp_path / "r.git"
    assert not has_uncommitted_changes(tmp_path / "r.git")


@pytest.mark.parametrize("name", ["missing", "file"])
def test_what_is_no_repository_is_refused(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(WrongUsage, match="neither a URL nor a folder"):
        repository(str(tmp_path / name))


def test_uncommitted_changes_are_seen(folder):
    assert not has_uncommitted_changes(folder)
    (folder / "new").write_text("x")
    assert has_uncommitted_changes(folder)
