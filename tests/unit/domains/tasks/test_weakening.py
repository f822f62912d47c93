"""What a change takes from the checks, as its diff shows it: made by the real git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lemnos.domains.tasks.weakening import weakened
from lemnos.domains.workspaces.ports import Diff, FileChange

PYPROJECT = '[project]\nname = "x"\n\n[tool.ruff]\nline-length = 100\n\n[tool.lemnos.gates]\n'
BASE = {
    "a.py": "x = 1\n",
    "pyproject.toml": PYPROJECT,
    "package.json": '{\n  "name": "x",\n  "scripts": {\n    "test": "vitest"\n  }\n}\n',
    "tests/test_a.py": "def test_a():\n    assert x\n\n\ndef test_b():\n    assert y\n",
    "lemnos.toml": "[gates]\n",
    "ruff.toml": "line-length = 100\n",
    "src/a.test.ts": "it('adds', () => {})\n",
}


class Repository:
    """A repository whose work tree changes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._git("init", "-q")
        for name, text in BASE.items():
            self.write(name, text)
        self._git("add", "-A")
        self._git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x")

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def diff(self) -> Diff:
        self._git("add", "-A")
        names = {"A": "added", "M": "modified", "D": "deleted", "R": "renamed"}
        files = []
        for line in self._git("diff", "--cached", "-M", "--name-status").splitlines():
            status, *paths = line.split("\t")
            old = paths[0] if len(paths) > 1 else ""
            files.append(FileChange(paths[-1], names[status[0]], 0, 0, old_path=old))
        return Diff(tuple(files), self._git("diff", "--cached", "-M"), truncated=False)

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, check=True, capture_output=True, text=True
        )
        return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("ruff.toml", "line-length = 300\n", "ruff.toml: configuration of checks was changed"),
        (".eslintrc.json", "{}\n", ".eslintrc.json: configuration of checks was changed"),
        (
            "lemnos.toml",
            "[gates]\nx = 1\n",
            "lemnos.toml: what the gates are was changed; judged by what they were before",
        ),
        (
            "lemnos-baseline.json",
            "{}",
            "lemnos-baseline.json: the baseline was changed; judged by what it was before",
        ),
        (
            "pyproject.toml",
            PYPROJECT.replace("100", "300"),
            "pyproject.toml: configuration of tools was changed",
        ),
        (
            "package.json",
            BASE["package.json"].replace("vitest", "true"),
            "package.json: scripts or tools were changed",
        ),
        ("a.py", "x = 1  # noqa: F401\n", "a.py: noqa was added"),
        (
            "a.py",
            "x = 1  # type: ignore\ny = 2  # type: ignore[x]\n",
            "a.py: type: ignore was added 2 times",
        ),
        (
            "tests/test_a.py",
            f"import pytest\n\n\n@pytest.mark.skip\n{BASE['tests/test_a.py']}",
            "tests/test_a.py: skipped test was added",
        ),
        (
            "tests/test_a.py",
            "def test_a():\n    assert x\n",
            "tests/test_a.py: a test was removed",
        ),
        ("src/b.ts", "// @ts-ignore\n", "src/b.ts: ts-ignore was added"),
        ("src/a.test.ts", "it.skip('adds', () => {})\n", "src/a.test.ts: skipped test was added"),
    ],
)
def test_is_told_with_its_place(repository: Repository, name: str, text: str, told: str) -> None:
    repository.write(name, text)
    assert told in weakened(repository.diff())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "x = 2\n"),
        ("pyproject.toml", PYPROJECT.replace('"x"', '"y"')),
        ("package.json", BASE["package.json"].replace('"x"', '"y"')),
        ("tests/test_a.py", BASE["tests/test_a.py"].replace("test_b", "test_c")),
        ("tests/test_c.py", "def test_c():\n    assert 1\n"),
        ("docs/noqa.md", "Say noqa where you must.\n"),
    ],
)
def test_an_honest_change_is_not_told(repository: Repository, name: str, text: str) -> None:
    repository.write(name, text)
    assert weakened(repository.diff()) == ()


def test_tests_that_go_are_told_and_tests_that_move_are_not(repository: Repository) -> None:
    (repository.root / "src/a.test.ts").unlink()
    (repository.root / "tests/test_a.py").rename(repository.root / "tests/test_moved.py")
    assert weakened(repository.diff()) == ("src/a.test.ts: a file of tests was removed",)
    (repository.root / "tests/test_moved.py").rename(repository.root / "a_test.txt")
    assert "a_test.txt: a file of tests was removed" in weakened(repository.diff())


def test_silencing_moved_lines_is_not_new(repository: Repository) -> None:
    repository.write("a.py", "x = 1  # noqa\n")
    quiet = repository.diff()
    moved = Diff(quiet.files, quiet.text.replace("-x = 1", "-x = 0  # noqa"), truncated=False)
    assert weakened(moved) == ()


def test_what_could_not_be_looked_through_is_told() -> None:
    assert weakened(Diff((), "", truncated=True)) == (
        "The change is too large for all of it to be looked through.",
    )
