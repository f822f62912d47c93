"""What the arguments of ``lemnos guard-rails`` name."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lemnos.cli.errors import WrongUsage
from lemnos.cli.gates.place import Place, place


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    (root / "src" / "deep").mkdir(parents=True)
    (root / "pyproject.toml").touch()
    (root / "src" / "a.py").touch()
    (root / "src" / "b b.py").touch()
    monkeypatch.chdir(root)
    return root


def _git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.invalid")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("given", ["", ".", "src", "src/deep"])
def test_a_folder_stands_for_its_project(project, given):
    assert place([given] if given else []) == Place(project)


@pytest.mark.parametrize("mark", ["lemnos.toml", "package.json", ".git"])
def test_the_nearest_project_is_meant(project, mark):
    (project / "src" / mark).touch()
    assert place(["src/deep"]) == Place(project / "src")


def test_a_folder_in_no_project_is_one_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    (tmp_path / ".git").mkdir()  # dotfiles
    (tmp_path / "notes").mkdir()
    assert place([str(tmp_path / "notes")]) == Place(tmp_path / "notes")


def test_files_narrow_it(project, monkeypatch):
    monkeypatch.chdir(project / "src")
    assert place(["b b.py", str(project / "src" / "a.py"), "a.py"]) == Place(
        project, ("src/a.py", "src/b b.py")
    )


def test_a_linked_file_keeps_the_name_that_it_has_in_the_project(project, tmp_path):
    (tmp_path / "elsewhere.py").touch()
    (project / "src" / "link.py").symlink_to(tmp_path / "elsewhere.py")
    assert place(["src/link.py"]).files == ("src/link.py",)


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        (["src", "src/a.py"], {}, "Name one folder, or files"),
        (["src", "src/deep"], {}, "Name one folder, or files"),
        (["src/none.py"], {}, "There is no file src/none.py"),
        (["../outside.py"], {}, "outside of the project"),
        (["src/a.py"], {"changed": True}, "nothing to choose"),
        ([], {"changed": True}, "git does not know"),
        ([], {"since": "--output=/tmp/x"}, "is not a commit"),
    ],
)
def test_what_does_not_fit_is_told(project, given, options, said):
    (project.parent / "outside.py").touch()
    with pytest.raises(WrongUsage, match=said):
        place(given, **options)


def test_changes_are_those_that_git_knows(project):
    (project / "gone.py").touch()
    (project / "same.py").touch()
    _git(project, "init", "-q")
    (project / ".gitignore").write_text("ignored.py\n")
    _git(project, "add", "--all")
    _git(project, "commit", "-q", "-m", "first")
    (project / "src" / "a.py").write_text("committed = 1\n")
    _git(project, "commit", "-q", "-a", "-m", "second")
    (project / "src" / "b b.py").write_text("changed = 1\n")
    (project / "ü.py").touch()
    (project / "ignored.py").touch()
    (project / "gone.py").unlink()
    assert place([], changed=True).files == ("src/b b.py", "ü.py")
    assert place(["src"], since="HEAD~1").files == ("src/a.py", "src/b b.py", "ü.py")
    with pytest.raises(WrongUsage, match="no-such"):
        place([], since="no-such")


def test_a_project_within_a_repository_has_its_own_changes(project):
    _git(project.parent, "init", "-q")
    (project.parent / "other.py").touch()
    _git(project.parent, "add", "--all")
    _git(project.parent, "commit", "-q", "-m", "first")
    (project.parent / "other.py").write_text("x = 1\n")
    (project / "src" / "a.py").write_text("x = 1\n")
    assert place([], changed=True) == Place(project, ("src/a.py",))
